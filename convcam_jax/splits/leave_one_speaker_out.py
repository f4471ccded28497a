"""A fold for each speaker, in which that speaker's recordings are the test and no others' are."""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.splits.cells import cell_generator, group_into_cells
from convcam_jax.splits.protocol import UNUSED, Fold, SplitProtocol
from convcam_jax.system.errors import UserError
from convcam_jax.system.validation import require


@dataclasses.dataclass(frozen=True)
class LeaveOneSpeakerOut(SplitProtocol):
    """A fold for each speaker, named after the speaker, whose recordings are the test.

    Of every other speaker's n recordings of an emotion floor(n / parts) are for validation, the same in all folds, and
    the rest for training. What a recording is drawn for does not depend on other speakers. Recordings of groups that
    the test speaker has no recording in are unused: their models are not for this speaker.
    """

    name: str = "leave_one_speaker_out"
    parts: int = 4

    guarantee: ClassVar[str] = (
        "no recording of a test speaker is in training or validation, and every recording is tested in one fold"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.parts >= 2, "split.parts", "must be at least 2")

    def folds(self, utterances: Sequence[Utterance], groups: Sequence[str]) -> tuple[Fold, ...]:
        """One fold for each speaker, sorted by name.

        Raises UserError if a group has one speaker only, if nothing of a group is left for validation in a fold, or
        nothing of an emotion for training.
        """
        _check_speakers(utterances, groups)
        validated = _draw_for_validation(utterances, self.seed, self.parts)
        speakers = sorted({u.speaker for u in utterances})
        folds = tuple(_fold(speaker, utterances, groups, validated) for speaker in speakers)
        for fold in folds:
            _check_what_is_left(fold, utterances, groups)
        check_test_speakers_apart(folds, utterances)
        return folds


def check_test_speakers_apart(folds: Sequence[Fold], utterances: Sequence[Utterance]) -> None:
    """Raise ValueError if a fold's test speaker is in its training or validation, or a recording not tested once."""
    times_tested = [0] * len(utterances)
    for fold in folds:
        tested = {u.speaker for u, split in zip(utterances, fold.split_of, strict=True) if split == "test"}
        for position, (u, split) in enumerate(zip(utterances, fold.split_of, strict=True)):
            times_tested[position] += split == "test"
            if split not in ("test", UNUSED) and u.speaker in tested:
                raise ValueError(f"fold {fold.name}: {u.recording} of the test speaker {u.speaker} is for {split}")
    for u, times in zip(utterances, times_tested, strict=True):
        if times != 1:
            raise ValueError(f"{u.recording} is tested in {times} folds")


def _check_speakers(utterances: Sequence[Utterance], groups: Sequence[str]) -> None:
    speakers: dict[str, set[str]] = {}
    for u, group in zip(utterances, groups, strict=True):
        speakers.setdefault(group, set()).add(u.speaker)
    for group in sorted(speakers):
        if len(speakers[group]) == 1:
            raise UserError(
                f"config field split.name: leave_one_speaker_out needs two speakers or more, and the group {group} has "
                f"only {min(speakers[group])}; choose another corpus.models_per or another split"
            )


def _draw_for_validation(utterances: Sequence[Utterance], seed: int, parts: int) -> set[str]:
    """The recordings that are for validation unless their speaker is tested."""
    drawn = set()
    for (speaker, emotion), recordings in group_into_cells(utterances).items():
        order = cell_generator(seed, speaker, emotion).permutation(len(recordings))
        drawn |= {recordings[i] for i in order[: len(recordings) // parts]}
    return drawn


def _fold(speaker: str, utterances: Sequence[Utterance], groups: Sequence[str], validated: set[str]) -> Fold:
    groups_of_speaker = {group for u, group in zip(utterances, groups, strict=True) if u.speaker == speaker}

    def split(utterance: Utterance, group: str) -> str:
        if utterance.speaker == speaker:
            return "test"
        if group not in groups_of_speaker:
            return UNUSED
        return "validation" if utterance.recording in validated else "train"

    return Fold(speaker, tuple(split(u, group) for u, group in zip(utterances, groups, strict=True)))


def _check_what_is_left(fold: Fold, utterances: Sequence[Utterance], groups: Sequence[str]) -> None:
    places = list(zip(groups, fold.split_of, (u.emotion for u in utterances), strict=True))
    trained = {(group, emotion) for group, split, emotion in places if split == "train"}
    validated = {group for group, split, _ in places if split == "validation"}
    for group, _, emotion in sorted(p for p in places if p[1] == "test"):
        if (group, emotion) not in trained:
            raise UserError(
                f"no recording of {emotion} of the group {group} is left for training when speaker {fold.name} is "
                "tested; add some of other speakers, or leave out the emotion (corpus.emotions)"
            )
        if group not in validated:
            raise UserError(
                f"no recording of the group {group} is left for validation when speaker {fold.name} is tested: "
                "no speaker has as many of an emotion as split.parts says; add some, or lower split.parts"
            )
