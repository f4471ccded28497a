"""One split, within each speaker's recordings of each emotion (paper, section 3.1)."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.splits.cells import Cell, cell_generator, group_into_cells
from convcam_jax.splits.protocol import ONLY_FOLD, Fold, Proposal, SplitProtocol
from convcam_jax.system.errors import named
from convcam_jax.system.progress import counted


@dataclasses.dataclass(frozen=True)
class PerCell(SplitProtocol):
    """Of a speaker's n recordings of an emotion floor(n / parts) for the test, as many for validation, the rest train.

    All are for training if n < parts. Where a speaker has recordings of several groups, those of each are divided by
    themselves. The recordings of `pinned_test` fill the test set first, with the parts of their files that stay with
    them. The split of a recording depends neither on other speakers nor on other emotions. A speaker's recordings of an
    emotion that are parts of one file stay together where they are of `parts` files or more; the test and validation
    are then as large as whole files let them be.

    Attributes:
      pinned_test: names of recordings that are for the test whatever is drawn.
    """

    name: str = "per_cell"
    pinned_test: tuple[str, ...] = ()

    guarantee: ClassVar[str] = (
        "every speaker is in training, validation and test with the same shares of each emotion of which there are "
        "enough recordings, so the test speakers are known from training; a speaker's parts of one file in one emotion "
        "stay together where there are enough files, and what does not is told"
    )
    least_parts: ClassVar[int] = 3

    def propose(self, utterances: Sequence[Utterance], groups: Sequence[str]) -> Proposal:
        """The one fold; a pinned recording that is unknown or one too many is a problem."""
        pinned = set(self.pinned_test)
        problems = _problems_of_unknown(pinned, utterances)
        split_of: dict[str, str] = {}
        cells = group_into_cells(utterances, groups)
        together = dict(zip([u.recording for u in utterances], self.together(utterances, groups), strict=True))
        for cell, recordings in cells.items():
            units = _units(recordings, together)
            problems += _problems_of_pinned(cell, units, pinned, self.parts)
            split_of |= _split_cell(units, pinned, self.parts, cell_generator(self.seed, cell))
        fold = Fold(ONLY_FOLD, tuple(split_of[u.recording] for u in utterances))
        warnings = [*_small_cells(cells, self.parts), *_untested_emotions(utterances, groups, fold)]
        return Proposal((fold,), tuple(problems), tuple(warnings))

    def together(self, utterances: Sequence[Utterance], groups: Sequence[str]) -> tuple[str, ...]:
        """The file and cell of each where there are `parts` files or more of that cell."""
        cells = [(u.emotion, u.speaker, group) for u, group in zip(utterances, groups, strict=True)]
        files: dict[tuple[str, ...], set[Path]] = {}
        for u, cell in zip(utterances, cells, strict=True):
            files.setdefault(cell, set()).add(u.file)
        return tuple(
            str((str(u.file), *cell)) if len(files[cell]) >= self.parts else ""
            for u, cell in zip(utterances, cells, strict=True)
        )


def _problems_of_unknown(pinned: set[str], utterances: Sequence[Utterance]) -> list[str]:
    unknown = sorted(pinned - {u.recording for u in utterances})
    if not unknown:
        return []
    return [
        f"split.pinned_test: not among the recordings used: {named(unknown)}; "
        "take them off the list or check corpus.emotions, corpus.excluded_speakers and corpus.max_frames"
    ]


def _problems_of_pinned(cell: Cell, units: Sequence[Sequence[str]], pinned: set[str], parts: int) -> list[str]:
    n = sum(map(len, units))
    taken = [recording for unit in units if pinned.intersection(unit) for recording in unit]
    if len(taken) <= n // parts:
        return []
    with_parts = "" if pinned.issuperset(taken) else ", with the parts of their files"
    return [
        f"split.pinned_test: {counted(len(taken), 'recording')} of {cell.emotion} by speaker {cell.speaker}"
        f"{cell.of_group}{with_parts}, and only {n // parts} of {n} go to the test set; pin fewer"
    ]


def _small_cells(cells: Mapping[Cell, Sequence[str]], parts: int) -> list[str]:
    """For the same reason the paper leaves out two speakers of EMO-DB, with 1 and 2 recordings of an emotion."""
    small = [
        f"{cell.emotion} by {cell.speaker}{cell.of_group} ({len(recordings)})"
        for cell, recordings in cells.items()
        if len(recordings) < parts
    ]
    if not small:
        return []
    return [f"too few to be tested, and all for training, as split.parts is {parts}: {named(small)}"]


def _untested_emotions(utterances: Sequence[Utterance], groups: Sequence[str], fold: Fold) -> list[str]:
    emotions = [u.emotion for u in utterances]
    places = zip(groups, emotions, fold.split_of, strict=True)
    tested = {(group, emotion) for group, emotion, split in places if split == "test"}
    untested = sorted(set(zip(groups, emotions, strict=True)) - tested)
    return [f"not tested at all: {named([f'{emotion} of {group}' for group, emotion in untested])}"] if untested else []


def _units(recordings: Sequence[str], together: Mapping[str, str]) -> list[list[str]]:
    """A cell's recordings in units that have to stay together, in the order of their first ones."""
    units: dict[str, list[str]] = {}
    for recording in recordings:
        # No name of a unit begins so.
        units.setdefault(together[recording] or f"\0{recording}", []).append(recording)
    return list(units.values())


def _split_cell(
    units: Sequence[Sequence[str]], pinned: set[str], parts: int, generator: np.random.Generator
) -> dict[str, str]:
    """Split of each of a cell's recordings, given in units (sorted)."""
    first = [unit for unit in units if pinned.intersection(unit)]
    rest = [unit for unit in units if not pinned.intersection(unit)]
    order = first + [rest[i] for i in generator.permutation(len(rest))]
    size = sum(map(len, units)) // parts
    room = {"test": size, "validation": size}
    has_divided_files = any(len(unit) > 1 for unit in units)
    split_of: dict[str, str] = {}
    for unit in order:
        fitting = [split for split, places in room.items() if places >= len(unit)]
        if has_divided_files:
            # What fits beside a long file may be just enough for both.
            fitting.sort(key=lambda split: -room[split])
        split = "test" if pinned.intersection(unit) else (*fitting, "train")[0]
        if split in room:
            room[split] -= len(unit)
        split_of |= dict.fromkeys(unit, split)
    return split_of
