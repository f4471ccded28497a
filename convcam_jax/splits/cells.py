"""Cells: the recordings of one speaker and one emotion for the models of one group, and the order of their draw."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from convcam_jax.corpora.utterances import Utterance


class Cell(NamedTuple):
    """What is divided by itself: a speaker's recordings of an emotion that are for the models of a group."""

    group: str
    speaker: str
    emotion: str
    is_one_of_several: bool  # whether the speaker has recordings of other groups, too

    @property
    def of_group(self) -> str:
        """The group in a message, behind the speaker; nothing where the speaker tells it."""
        return f" of the group {self.group}" if self.is_one_of_several else ""


def group_into_cells(utterances: Iterable[Utterance], groups: Sequence[str]) -> dict[Cell, list[str]]:
    """Recordings, sorted, of each cell, `groups` being the group of each.

    A speaker has a cell, perhaps an empty one, of each emotion that a group of theirs has.
    """
    recordings = defaultdict(list)
    for u, group in zip(utterances, groups, strict=True):
        recordings[u.speaker, group, u.emotion].append(u.recording)
    speakers = sorted({(speaker, group) for speaker, group, _ in recordings})
    n_groups = Counter(speaker for speaker, _ in speakers)
    emotions = sorted({(group, emotion) for _, group, emotion in recordings})
    return {
        Cell(group, speaker, emotion, n_groups[speaker] > 1): sorted(recordings[speaker, group, emotion])
        for speaker, own in speakers
        for group, emotion in emotions
        if group == own
    }


def cell_generator(seed: int, cell: Cell) -> np.random.Generator:
    """A stream of its own for each cell, so that one more speaker changes nothing for the others.

    A speaker of one group is drawn for in the same way whatever the group is called.
    """
    name = f"{cell.speaker}/{cell.emotion}" + (f"/{cell.group}" if cell.is_one_of_several else "")
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest, dtype="<u4").tolist()])
