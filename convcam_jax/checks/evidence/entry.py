"""Maps of the benchmark's test recordings that any toolkit made: read, checked, and brought onto the truth's cells.

The form of the file stands in docs/evidence_benchmark.md.
"""

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from convcam_jax.checks.evidence.cells import onto_cells, waveform_onto_cells
from convcam_jax.checks.evidence.scoring import (
    NETWORK,
    NO_METHOD,
    NOT_PLACED,
    SOURCES,
    HeldOut,
    MemberMaps,
    score_table,
)
from convcam_jax.corpora.synthetic.variants import of_cue
from convcam_jax.data.members import Cohort
from convcam_jax.measures.statistics import MEMBER
from convcam_jax.measures.views import cell_edges
from convcam_jax.system.errors import UserError
from convcam_jax.system.namespaces import AXES

# What an array's name begins with, of maps their source; behind it come method (but of answers), variant, seed and
# recording.
TRAINED, RANDOM = SOURCES[:2]
PREDICTED = "predicted"
_N_PARTS = {TRAINED: 5, RANDOM: 5, PREDICTED: 4}
# What share of its recording's duration and of the bins a map must cover at least; and how far apart its columns may
# be, as a share of that duration and in s. Axes in other units, or of another layer, do worse: frame numbers taken for
# seconds are 1 s apart, milliseconds more.
_LEAST_TIME, _LEAST_BINS = 0.6, 0.5
# What share of the highest frequency a map must reach. Those of networks that hear 4 kHz do; up to 2049 bins that are
# numbered, and mels taken for Hz, 2840 at 8 kHz, do not.
_LEAST_TOP = 0.4
_WIDEST_STEP, _WIDEST_STEP_S = 0.6, 0.9
# By which share fingerprints of one map at two scales differ at most: maps are rounded to single precision.
_SAME_MAP = 1e-6


class Grid(NamedTuple):
    """The truth's cells: centres and edges in Hz and in s, and the sample rate of the recordings in Hz."""

    frequency_hz: np.ndarray
    edges_hz: np.ndarray
    time_s: np.ndarray
    edges_s: np.ndarray
    rate_hz: int


class SoundsOfTest(NamedTuple):
    """The benchmark's recordings of the test: samples, magnitudes `[F, n]` and truth `[F, n]`, each by recording."""

    n_samples: Mapping[str, int]
    magnitude: Mapping[str, np.ndarray]
    truth: Mapping[str, np.ndarray]


class Entry:
    """The arrays of a file, by what they are; every complaint names the file and the array."""

    def __init__(self, path: Path, arrays: Mapping[str, np.ndarray]) -> None:
        self.path = path
        self.arrays = arrays

    @cached_property
    def names(self) -> pd.DataFrame:
        """Kind, method, variant, seed and recording of every array but the axes.

        Raises:
          UserError: a name is not of the form.
        """
        rows = [(name, *self._parts(name)) for name in self.arrays if name not in AXES]
        return pd.DataFrame(rows, columns=["array", "kind", "method", "variant", "seed", "recording"])

    def _parts(self, name: str) -> tuple[str, str, str, int, str]:
        kind, *parts = name.split("/")
        known = len(parts) + 1 == _N_PARTS.get(kind) and re.fullmatch("0|[1-9][0-9]*", parts[-2])
        if not known or (kind != PREDICTED and parts[0] in ("", NO_METHOD)):
            raise self.complaint(
                name,
                f"is called neither {TRAINED}/METHOD/VARIANT/SEED/RECORDING nor {RANDOM}/... nor "
                f"{PREDICTED}/VARIANT/SEED/RECORDING (no METHOD is called {NO_METHOD}, and no SEED begins with a 0)",
            )
        method = parts[0] if kind != PREDICTED else ""
        return kind, method, parts[-3], int(parts[-2]), parts[-1]

    def array(self, name: str) -> np.ndarray:
        """An array of numbers that are finite in double precision.

        Raises:
          UserError: there is none.
        """
        if name not in self.arrays:
            raise self.complaint(name, "is missing")
        values = self.arrays[name]
        if values.dtype.kind not in "fiu":
            raise self.complaint(name, "has something else than finite numbers")
        # Longer numbers than double precision may be beyond it.
        with np.errstate(over="ignore"):
            values = values.astype(np.float64)
        if not np.isfinite(values).all():
            raise self.complaint(name, "has something else than finite numbers")
        return values

    def answer(self, name: str, n_classes: int) -> int:
        """A network's answer: the number of a class.

        Raises:
          UserError: there is none.
        """
        values = self.array(name)
        if values.ndim > 0 or values not in range(n_classes):
            raise self.complaint(name, f"must be a single number of a class, 0 to {n_classes - 1}")
        return int(values)

    def complaint(self, name: str, what: str) -> UserError:
        """What is wrong with an array."""
        return UserError(f"--maps={self.path}: array {name} {what}")

    def axis(self, name: str, own: np.ndarray, own_edges: np.ndarray) -> np.ndarray:
        """The edges of the maps' rows or columns: those of the truth where the centres are a run of its own.

        Raises:
          UserError: the axis is missing, or does not rise.
        """
        centres = self.array(name)
        if centres.ndim != 1 or len(centres) < 2 or not (np.diff(centres) > 0).all():
            raise self.complaint(name, "must hold two or more rising numbers, the centres of the maps' rows or columns")
        first = int(np.argmin(np.abs(own - centres[0])))
        run = own[first : first + len(centres)]
        same = len(run) == len(centres) and np.allclose(centres, run, rtol=1e-6)
        return own_edges[first : first + len(centres) + 1] if same else cell_edges(centres)

    def on_cells(self, name: str, recording: str, tested: SoundsOfTest, grid: Grid) -> np.ndarray:
        """A map, or a waveform's relevance, on the cells of its recording `[F, n]`, its values at most 1.

        Raises:
          UserError: it has another shape than its recording and axes.
        """
        values, magnitude = _scaled(self.array(name)), tested.magnitude[recording]
        edges_s = grid.edges_s[: magnitude.shape[1] + 1]
        if values.ndim == 1:
            if len(values) != tested.n_samples[recording]:
                raise self.complaint(name, f"has {len(values)} values; the recording {tested.n_samples[recording]}")
            return waveform_onto_cells(values, grid.rate_hz, magnitude, edges_s)
        frequency = self.axis(AXES[0], grid.frequency_hz, grid.edges_hz)
        time = self.axis(AXES[1], grid.time_s, grid.edges_s)
        if values.ndim != 2 or values.shape[0] != len(frequency) - 1 or values.shape[1] > len(time) - 1:
            raise self.complaint(
                name,
                f"has the shape {values.shape}; it needs {len(frequency) - 1} rows and at most {len(time) - 1} columns",
            )
        time = time[: values.shape[1] + 1]
        self._check_covered(name, (frequency, time), (grid.edges_hz, edges_s))
        return onto_cells(values, (frequency, time), (grid.edges_hz, edges_s))

    def _check_covered(
        self, name: str, map_edges: tuple[np.ndarray, np.ndarray], edges: tuple[np.ndarray, np.ndarray]
    ) -> None:
        """The map and the recording's cells, with their edges in Hz and in s, are of the same sound."""
        (frequency, time), (edges_hz, edges_s) = map_edges, edges
        covered_s = min(time[-1], edges_s[-1]) - max(time[0], edges_s[0])
        duration_s, centres_s = edges_s[-1] - edges_s[0], (time[1:] + time[:-1]) / 2
        n_inside = np.count_nonzero((centres_s > edges_s[0]) & (centres_s < edges_s[-1]))
        # By the columns' distance, for of four columns in ms one or two still lie in the recording, and cover it.
        step_s = np.median(np.diff(time)) if len(time) > 1 else 0.0
        widest_s = min(_WIDEST_STEP * duration_s, _WIDEST_STEP_S)
        if step_s > widest_s or not covered_s >= _LEAST_TIME * duration_s:
            n_times = math.ceil(1.001 * step_s / widest_s)
            finer = (
                f"; if the centres are in s, {step_s:.3g} s apart, give each column {n_times} times in a row, with "
                f"centres of their own, for they may be {widest_s:.3g} s apart here"
            )
            raise self.complaint(
                name,
                f"is from {time[0]:.4g} to {time[-1]:.4g} s by {AXES[1]}; its recording from {edges_s[0]:.4g} to "
                f"{edges_s[-1]:.4g} s, where {n_inside} of {len(time) - 1} columns have their centres: give the "
                "centres of all columns in s, and columns of zeros where a network gets nothing"
                + (finer if step_s > widest_s else ""),
            )
        centres_hz = (edges_hz[1:] + edges_hz[:-1]) / 2
        inside = (centres_hz > frequency[0]) & (centres_hz < frequency[-1])
        if not inside.mean() >= _LEAST_BINS or not frequency[-1] >= _LEAST_TOP * edges_hz[-1]:
            raise self.complaint(
                name,
                f"is from {frequency[0]:.4g} to {frequency[-1]:.4g} Hz by {AXES[0]}, where {inside.mean():.0%} of the "
                f"truth's bins lie, which reach {edges_hz[-1]:.4g} Hz: give the centres of all rows in Hz, and rows of "
                "zeros where a network hears nothing",
            )


def _scaled(values: np.ndarray) -> np.ndarray:
    """A map whose largest absolute value is 0.5 to 1, so that no sum of it overflows; no score depends on the scale.

    The scale is a power of two, which changes no digit.
    """
    return np.ldexp(values, -np.frexp(np.abs(values).max(initial=0.0))[1])


def score_entry(
    entry: Entry, recordings: pd.DataFrame, tested: SoundsOfTest, grid: Grid
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`evidence.csv` and the accuracies of `evidence_members.csv`, of all variants and groups that the file has.

    recordings: `recordings.csv`. Of a variant and group of which a network has one recording it must have all, of all
    folds, by every method and seed; the folds of a seed are one network.

    Raises:
      UserError: a name is not known, an array is missing, or not sound, or networks or methods have maps of some of the
        strengths of a cue alone, or methods of some of its groups, or networks are not several ones.
    """
    test = recordings[recordings["split"] == "test"]
    _check_known(entry, test)
    groups = test[["variant", "recording", "group"]].drop_duplicates()
    given = entry.names[entry.names["kind"] != PREDICTED].merge(groups)
    _check_same_throughout(entry, given)
    tables, members = [], []
    n_classes = 1 + int(recordings["label"].max())
    for (variant, group), of_group in test.groupby(["variant", "group"], sort=False):
        named = given[(given["variant"] == variant) & (given["group"] == group)]
        if named.empty:
            continue
        methods, seeds = list(dict.fromkeys(named["method"])), sorted(set(named["seed"]))
        fingerprints: list[np.ndarray] = []
        for fold, of_fold in of_group.groupby("fold", sort=False):
            correct = _correct_answers(entry, of_fold, seeds, n_classes)
            held_out = _held_out(of_fold, tested)
            maps = (_member_maps(entry, (method, variant), seeds, held_out, tested, grid) for method in methods)
            seen = _fingerprinted(maps, fingerprints)
            tables.append(score_table(variant, Cohort(group, fold), seeds, correct, held_out, seen))
            members += [(variant, group, fold, *pair) for pair in zip(seeds, correct.mean(axis=1), strict=True)]
        _check_networks(entry, f"{variant} ({group})", seeds, np.concatenate(fingerprints, axis=-1))
    return pd.concat(tables, ignore_index=True), pd.DataFrame(members, columns=["variant", *MEMBER, "test_accuracy"])


def n_networks(members: pd.DataFrame) -> int:
    """How many networks the rows of `evidence_members.csv` are of: the folds of a seed are one."""
    return len(members.drop_duplicates(NETWORK))


def _correct_answers(entry: Entry, recordings: pd.DataFrame, seeds: Sequence[int], n_classes: int) -> np.ndarray:
    """Whether the networks `[S]` of one variant, group and fold say the class of its test `recordings` `[N]`."""
    named = list(zip(recordings["variant"], recordings["recording"], strict=True))
    answers = [
        [entry.answer(f"{PREDICTED}/{variant}/{seed}/{name}", n_classes) for variant, name in named] for seed in seeds
    ]
    return np.array(answers) == recordings["label"].to_numpy()


def _held_out(recordings: pd.DataFrame, tested: SoundsOfTest) -> HeldOut:
    names = recordings["recording"].tolist()
    sounds = ([of[name] for name in names] for of in (tested.magnitude, tested.truth))
    return HeldOut(names, recordings["class"].tolist(), *sounds)


def _check_same_throughout(entry: Entry, given: pd.DataFrame) -> None:
    """See to it that the groups, methods and networks of a cue are the same at all of its strengths.

    A method of the easier group alone would be compared with those of both.
    """
    placed = given.assign(place=given["variant"] + " (" + given["group"] + ")")
    for cue, of_one_cue in placed.groupby(placed["variant"].map(of_cue), sort=False):
        about = f"--maps={entry.path}: the {{}} of {cue} must be the same"
        _check_same(
            of_one_cue["group"], of_one_cue["variant"], f"{about.format('groups')} at all of its strengths", "groups"
        )
        in_all = f"{about.format('methods')} in all of its groups and strengths"
        _check_same(of_one_cue["method"], of_one_cue["place"], in_all, "methods")
        for _, of_group in of_one_cue.groupby("group", sort=False):
            at_all = f"{about.format('networks')} at all of its strengths"
            _check_same(of_group["seed"], of_group["place"], at_all, "seeds")


def _check_same(found: pd.Series, place: pd.Series, demand: str, what: str) -> None:
    """What is `found` is the same at every place."""
    different = found.groupby(place, sort=False).agg(lambda values: tuple(sorted(set(values)))).drop_duplicates()
    if len(different) > 1:
        there = [f"{what} {', '.join(map(str, names))} in {at}" for at, names in different.items()]
        raise UserError(f"{demand}; there are {' and '.join(there[:2])}")


def _member_maps(
    entry: Entry, of: tuple[str, str], seeds: Sequence[int], test: HeldOut, tested: SoundsOfTest, grid: Grid
) -> MemberMaps:
    """The maps of all seeds by one method, of one variant; see `score_entry` for what is refused."""
    longest = max(truth.shape[1] for truth in test.truth)
    both = np.zeros((2, len(seeds), len(test.recordings), len(grid.frequency_hz), longest))
    for k, kind in enumerate((TRAINED, RANDOM)):
        for s, seed in enumerate(seeds):
            for n, recording in enumerate(test.recordings):
                placed = entry.on_cells("/".join((kind, *of, str(seed), recording)), recording, tested, grid)
                both[k, s, n, :, : placed.shape[1]] = placed
    return MemberMaps(of[0], NOT_PLACED, *both)


def _fingerprinted(maps: Iterable[MemberMaps], found: list[np.ndarray]) -> Iterator[MemberMaps]:
    """The maps as they are; `found` gets of each method's a number per map `[2, S, N]`, of trained and random ones.

    It is a weighted mean of random weights, by the positive part, as scores are: any scale gives the same. That of a
    map that is nowhere above 0 is 0.
    """
    for own in maps:
        both = np.zeros((2, *own.trained.shape[:2]))
        weights = np.random.default_rng(0).random(own.trained.shape[2:])
        for k, of_kind in enumerate((own.trained, own.random)):
            for place in np.ndindex(of_kind.shape[:2]):
                positive = np.maximum(of_kind[place], 0)
                if positive.any():
                    both[k][place] = np.average(weights, weights=positive)
        found.append(both)
        yield own


def _check_networks(entry: Entry, where: str, seeds: Sequence[int], fingerprints: np.ndarray) -> None:
    """Networks are several ones: no two have the same maps of all recordings by all methods that depend on them.

    fingerprints: `[2, S, N]`, see `_fingerprinted`. A map that is that of random weights, too, in all networks depends
    on none, such as one of the input's energy; and one recording may have the same map by chance.
    """
    trained, random = fingerprints
    depends = ~np.isclose(trained, random, rtol=_SAME_MAP, atol=0).all(axis=0)
    for (first, own), (other, another) in itertools.combinations(zip(seeds, trained[:, depends], strict=True), 2):
        if np.allclose(own, another, rtol=_SAME_MAP, atol=0) and np.count_nonzero(own) > 1:
            raise UserError(
                f"--maps={entry.path}: all maps of {where} are the same for the seeds {first} and {other}; a SEED is a "
                "network of its own: give it once"
            )


def _check_known(entry: Entry, test: pd.DataFrame) -> None:
    known = set(zip(test["variant"], test["recording"], strict=True))
    if not (entry.names["kind"] == TRAINED).any():
        raise UserError(f"--maps={entry.path}: has no map; they are called {TRAINED}/METHOD/VARIANT/SEED/RECORDING")
    for row in entry.names.itertuples():
        if (row.variant, row.recording) not in known:
            raise entry.complaint(str(row.array), "is of no test recording of that variant in the benchmark")
