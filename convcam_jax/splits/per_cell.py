"""Which recording is for training, which for validation and which for the test (paper, section 3.1)."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.settings.config import SplitConfig
from convcam_jax.system.errors import UserError

SPLITS = ("train", "validation", "test")


def assign(utterances: Sequence[Utterance], config: SplitConfig) -> tuple[str, ...]:
    """One of SPLITS for each utterance [N]: floor(n / parts) of a speaker's n recordings of an emotion for the test.

    As many are for validation, the rest (all if n < parts) for training. `config.pinned_test` fills the test set first.
    The result depends on neither the order of the utterances nor the other speakers and emotions. Raises UserError if a
    speaker has too few recordings of an emotion, a gender none of an emotion in the test set, or a pinned recording is
    unknown or one too many.
    """
    pinned = set(config.pinned_test)
    unknown = sorted(pinned - {u.recording for u in utterances})
    if unknown:
        raise UserError(
            f"config field split.pinned_test: {unknown[0]} is not among the recordings used; "
            "take it off the list or check corpus.emotions, corpus.excluded_speakers and corpus.max_frames"
        )
    split_of: dict[str, str] = {}
    for (speaker, emotion), recordings in _cells(utterances).items():
        _check_cell(speaker, emotion, recordings, pinned, config.parts)
        split_of |= _split_cell(recordings, pinned, config.parts, _cell_generator(config.seed, speaker, emotion))
    _check_test_set(utterances, split_of, config.parts)
    return tuple(split_of[u.recording] for u in utterances)


def _cells(utterances: Iterable[Utterance]) -> dict[tuple[str, str], list[str]]:
    """Recordings of each speaker and emotion, also of those pairs that have none."""
    recordings = defaultdict(list)
    for u in utterances:
        recordings[u.speaker, u.emotion].append(u.recording)
    speakers = sorted({speaker for speaker, _ in recordings})
    emotions = sorted({emotion for _, emotion in recordings})
    return {(s, e): sorted(recordings[s, e]) for s in speakers for e in emotions}


def _check_cell(speaker: str, emotion: str, recordings: list[str], pinned: set[str], parts: int) -> None:
    # For the same reason the paper leaves out two speakers of EMO-DB, with 1 and 2 recordings of an emotion.
    if len(recordings) < len(SPLITS):
        raise UserError(
            f"too few recordings of {emotion} by speaker {speaker}: {len(recordings)}, where {len(SPLITS)} are needed; "
            "add some, or leave out the speaker (corpus.excluded_speakers) or the emotion (corpus.emotions)"
        )
    n_test = len(recordings) // parts
    n_pinned = len(pinned.intersection(recordings))
    if n_pinned > n_test:
        raise UserError(
            f"config field split.pinned_test: {n_pinned} recordings of {emotion} by speaker {speaker}, "
            f"and only {n_test} of {len(recordings)} go to the test set; pin fewer"
        )


def _check_test_set(utterances: Iterable[Utterance], split_of: Mapping[str, str], parts: int) -> None:
    groups = {(u.gender, u.emotion) for u in utterances}
    tested = {(u.gender, u.emotion) for u in utterances if split_of[u.recording] == "test"}
    for gender, emotion in sorted(groups - tested):
        raise UserError(
            f"no recording of {emotion} by a {gender} speaker gets into the test set: each has fewer than {parts}; "
            "add some, lower split.parts, or leave out the emotion (corpus.emotions)"
        )


def _split_cell(recordings: list[str], pinned: set[str], parts: int, generator: np.random.Generator) -> dict[str, str]:
    """Split of each of one speaker's `recordings` (sorted) of one emotion."""
    first = [r for r in recordings if r in pinned]
    rest = [r for r in recordings if r not in pinned]
    order = first + [rest[i] for i in generator.permutation(len(rest))]
    size = len(order) // parts
    return {r: "test" if k < size else "validation" if k < 2 * size else "train" for k, r in enumerate(order)}


def _cell_generator(seed: int, speaker: str, emotion: str) -> np.random.Generator:
    """A stream of its own for each speaker and emotion, so that one more speaker changes nothing for the others."""
    digest = hashlib.sha256(f"{speaker}/{emotion}".encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest, dtype="<u4").tolist()])
