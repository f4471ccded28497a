"""One split, within each speaker's recordings of each emotion (paper, section 3.1)."""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.splits.cells import cell_generator, group_into_cells
from convcam_jax.splits.protocol import ONLY_FOLD, SPLITS_OF_A_FOLD, Fold, SplitProtocol
from convcam_jax.system.errors import UserError
from convcam_jax.system.validation import require


@dataclasses.dataclass(frozen=True)
class PerCell(SplitProtocol):
    """Of a speaker's n recordings of an emotion floor(n / parts) for the test, as many for validation, the rest train.

    All are for training if n < parts. The recordings of `pinned_test` fill the test set first. The split of a recording
    depends neither on other speakers nor on other emotions.
    """

    name: str = "per_cell"
    parts: int = 4
    pinned_test: tuple[str, ...] = ()

    guarantee: ClassVar[str] = (
        "every speaker is in training, validation and test with the same shares of each emotion, "
        "so the test speakers are known from training"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.parts >= 3, "split.parts", "must be at least 3")

    def folds(self, utterances: Sequence[Utterance], groups: Sequence[str]) -> tuple[Fold, ...]:
        """The one fold.

        Raises UserError if a speaker has too few recordings of an emotion, a group none of an emotion in the test set,
        or a pinned recording is unknown or one too many.
        """
        pinned = set(self.pinned_test)
        _check_pinned(pinned, utterances)
        split_of: dict[str, str] = {}
        for (speaker, emotion), recordings in group_into_cells(utterances).items():
            _check_cell(speaker, emotion, recordings, pinned, self.parts)
            split_of |= _split_cell(recordings, pinned, self.parts, cell_generator(self.seed, speaker, emotion))
        fold = Fold(ONLY_FOLD, tuple(split_of[u.recording] for u in utterances))
        _check_test_set(utterances, groups, fold, self.parts)
        return (fold,)


def _check_pinned(pinned: set[str], utterances: Sequence[Utterance]) -> None:
    unknown = sorted(pinned - {u.recording for u in utterances})
    if unknown:
        raise UserError(
            f"config field split.pinned_test: {unknown[0]} is not among the recordings used; "
            "take it off the list or check corpus.emotions, corpus.excluded_speakers and corpus.max_frames"
        )


def _check_cell(speaker: str, emotion: str, recordings: list[str], pinned: set[str], parts: int) -> None:
    # For the same reason the paper leaves out two speakers of EMO-DB, with 1 and 2 recordings of an emotion.
    if len(recordings) < len(SPLITS_OF_A_FOLD):
        raise UserError(
            f"too few recordings of {emotion} by speaker {speaker}: {len(recordings)}, where {len(SPLITS_OF_A_FOLD)} "
            "are needed; add some, or leave out the speaker (corpus.excluded_speakers) or the emotion (corpus.emotions)"
        )
    n_test = len(recordings) // parts
    n_pinned = len(pinned.intersection(recordings))
    if n_pinned > n_test:
        raise UserError(
            f"config field split.pinned_test: {n_pinned} recordings of {emotion} by speaker {speaker}, "
            f"and only {n_test} of {len(recordings)} go to the test set; pin fewer"
        )


def _check_test_set(utterances: Sequence[Utterance], groups: Sequence[str], fold: Fold, parts: int) -> None:
    emotions = [u.emotion for u in utterances]
    existing = set(zip(groups, emotions, strict=True))
    cells = zip(groups, emotions, fold.split_of, strict=True)
    tested = {(group, emotion) for group, emotion, split in cells if split == "test"}
    for group, emotion in sorted(existing - tested):
        raise UserError(
            f"no recording of {emotion} of the group {group} gets into the test set: its speakers have fewer than "
            f"{parts}; add some, lower split.parts, or leave out the emotion (corpus.emotions)"
        )


def _split_cell(recordings: list[str], pinned: set[str], parts: int, generator: np.random.Generator) -> dict[str, str]:
    """Split of each of one speaker's `recordings` (sorted) of one emotion."""
    first = [r for r in recordings if r in pinned]
    rest = [r for r in recordings if r not in pinned]
    order = first + [rest[i] for i in generator.permutation(len(rest))]
    size = len(order) // parts
    return {r: "test" if k < size else "validation" if k < 2 * size else "train" for k, r in enumerate(order)}
