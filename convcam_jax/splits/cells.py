"""Cells: the recordings of one speaker and one emotion, and the order in which they are drawn."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from convcam_jax.corpora.utterances import Utterance


def group_into_cells(utterances: Iterable[Utterance]) -> dict[tuple[str, str], list[str]]:
    """Recordings, sorted, of each (speaker, emotion), also of those pairs that have none."""
    recordings = defaultdict(list)
    for u in utterances:
        recordings[u.speaker, u.emotion].append(u.recording)
    speakers = sorted({speaker for speaker, _ in recordings})
    emotions = sorted({emotion for _, emotion in recordings})
    return {(s, e): sorted(recordings[s, e]) for s in speakers for e in emotions}


def cell_generator(seed: int, speaker: str, emotion: str) -> np.random.Generator:
    """A stream of its own for each speaker and emotion, so that one more speaker changes nothing for the others."""
    digest = hashlib.sha256(f"{speaker}/{emotion}".encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest, dtype="<u4").tolist()])
