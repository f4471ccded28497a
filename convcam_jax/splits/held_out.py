"""Folds that test some recordings, and divide the others into training and validation."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.splits.cells import Cell, cell_generator, group_into_cells
from convcam_jax.splits.protocol import UNUSED, Fold


class GroupedUtterances(NamedTuple):
    """Utterances, the group of each, and in which order recordings are drawn for validation.

    Of the n recordings of a cell that a fold may train on, floor(n / parts) are for validation; of those that are parts
    of files, at most as many, and whole files where there are `parts` of them. The draw depends neither on other
    speakers nor on other emotions.

    Where these would be less than half of floor(N / parts) of an emotion's N recordings in a group, the cells of less
    than `parts` are divided over their speakers: of the M recordings in them floor(M / parts) are for validation, one
    of a speaker at most.

    Attributes:
      order: the recordings of each cell in the order of the draw.
      turn: a number from 0 to 1 of each cell, drawn; the lowest come first where cells are drawn.
    """

    utterances: Sequence[Utterance]
    groups: Sequence[str]
    order: Mapping[Cell, Sequence[str]]
    turn: Mapping[Cell, float]
    parts: int


def grouped_utterances(
    utterances: Sequence[Utterance], groups: Sequence[str], seed: int, parts: int
) -> GroupedUtterances:
    """The utterances, with the order drawn by `seed`."""
    order, turn = {}, {}
    for cell, recordings in group_into_cells(utterances, groups).items():
        generator = cell_generator(seed, cell)
        order[cell] = [recordings[i] for i in generator.permutation(len(recordings))]
        turn[cell] = generator.random()
    return GroupedUtterances(utterances, groups, order, turn, parts)


def fold_that_tests(name: str, tested: Sequence[bool], trainable: Sequence[bool], grouped: GroupedUtterances) -> Fold:
    """A fold with the `tested` recordings for the test, and those that are `trainable` for training and validation.

    Recordings of groups that are not tested are unused, as are all others.
    """
    tested_groups = {group for group, is_tested in zip(grouped.groups, tested, strict=True) if is_tested}
    validated = _validated(grouped, trainable)

    def split(position: int) -> str:
        if tested[position]:
            return "test"
        if not trainable[position] or grouped.groups[position] not in tested_groups:
            return UNUSED
        return "validation" if grouped.utterances[position].recording in validated else "train"

    return Fold(name, tuple(split(position) for position in range(len(grouped.utterances))))


def folds_that_test(tested_in: Sequence[str], grouped: GroupedUtterances) -> tuple[Fold, ...]:
    """A fold for each name in `tested_in`, which says where each recording is tested; the others are trainable.

    A recording that is tested nowhere ("") is unused in all folds. Sorted by name.
    """
    return tuple(
        fold_that_tests(name, [own == name for own in tested_in], [own not in (name, "") for own in tested_in], grouped)
        for name in sorted(set(tested_in) - {""})
    )


def _validated(grouped: GroupedUtterances, trainable: Sequence[bool]) -> set[str]:
    left = {u.recording: u.file for u, is_left in zip(grouped.utterances, trainable, strict=True) if is_left}
    drawn: set[str] = set()
    of_emotions: dict[tuple[str, str], dict[Cell, list[str]]] = {}
    for cell, order in grouped.order.items():
        of_cell = [recording for recording in order if recording in left]
        drawn |= set(_drawn({recording: left[recording] for recording in of_cell}, grouped.parts))
        of_emotions.setdefault((cell.group, cell.emotion), {})[cell] = of_cell
    for cells in of_emotions.values():
        sizes = [len(own) for own in cells.values()]
        if 2 * sum(size // grouped.parts for size in sizes) < sum(sizes) // grouped.parts:
            small = {cell: own for cell, own in cells.items() if len(own) < grouped.parts}
            drawn |= set(_drawn_over_speakers(small, grouped.turn, grouped.parts))
    return drawn


def _drawn(path_of: Mapping[str, Path], parts: int) -> list[str]:
    """Of a cell's recordings, in the order of the draw, those for validation; `path_of` tells the file of each."""
    size = len(path_of) // parts
    files: dict[Path, list[str]] = {}
    for recording, path in path_of.items():
        files.setdefault(path, []).append(recording)
    if len(files) < parts:
        return list(path_of)[:size]
    drawn: list[str] = []
    for of_file in files.values():
        if len(drawn) + len(of_file) <= size:
            drawn += of_file
    return drawn


def _drawn_over_speakers(cells: Mapping[Cell, Sequence[str]], turn: Mapping[Cell, float], parts: int) -> list[str]:
    """Of cells of less than `parts` recordings, given in the order of the draw, the first ones of some, for validation.

    A cell's chance is as its number of recordings, so that each recording's is 1 / parts (sequential Poisson sampling:
    Ohlsson, Journal of Official Statistics 14, 1998). One more speaker changes little for the others.
    """
    in_turn = sorted((turn[cell] / len(own), own[0]) for cell, own in cells.items() if own)
    return [first for _, first in in_turn[: sum(map(len, cells.values())) // parts]]


def with_one_value(values: Sequence[str], groups: Sequence[str]) -> dict[str, str]:
    """The groups all of whose recordings have one value, such as one speaker, and that value; sorted."""
    found: dict[str, set[str]] = {}
    for group, value in zip(groups, values, strict=True):
        found.setdefault(group, set()).add(value)
    return {group: min(own) for group, own in sorted(found.items()) if len(own) == 1}
