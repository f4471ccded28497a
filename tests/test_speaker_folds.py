"""The split with folds of several speakers."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from convcam_jax.corpora.emodb import EMODB_SPEAKER_GENDERS, find_named
from convcam_jax.corpora.ravdess import find_ravdess
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.splits.dividing import divide
from convcam_jax.splits.speaker_folds import SpeakerFolds, unevenness
from convcam_jax.system.errors import UserError


def corpus(n_recordings: dict[str, int], genders: str = "fm") -> list[Utterance]:
    """So many recordings of each of two emotions by each speaker; genders go in turns."""
    names = {"f": "female", "m": "male"}
    return [
        Utterance(f"{s}{e}{k}", s, names[genders[i % len(genders)]], e, "t", Path(f"{s}{e}{k}.wav"))
        for i, (s, n) in enumerate(n_recordings.items())
        for e in ("anger", "fear")
        for k in range(n)
    ]


def genders(utterances: list[Utterance]) -> list[str]:
    return [u.gender for u in utterances]


def speakers_by_fold(utterances, groups, protocol) -> dict[str, set[str]]:
    folds = divide(protocol, utterances, groups).folds
    return {
        fold.name: {u.speaker for u, split in zip(utterances, fold.split_of, strict=True) if split == "test"}
        for fold in folds
    }


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("n_speakers", "n_folds"), [(10, 5), (11, 3), (14, 4), (24, 10)])
def test_every_fold_tests_as_many_speakers_of_each_group(seed, n_speakers, n_folds):
    sizes = np.random.default_rng(seed).integers(4, 30, n_speakers)
    utterances = corpus({f"s{i:02d}": int(n) for i, n in enumerate(sizes)})
    protocol = SpeakerFolds(seed=seed, n_folds=n_folds)
    tested = speakers_by_fold(utterances, genders(utterances), protocol)
    assert len(tested) == n_folds
    assert Counter(s for speakers in tested.values() for s in speakers) == Counter({u.speaker for u in utterances})
    for parity in (0, 1):
        counts = [sum(int(s[1:]) % 2 == parity for s in speakers) for speakers in tested.values()]
        assert max(counts) - min(counts) <= 1
    # Of all groups together, too.
    assert max(map(len, tested.values())) - min(map(len, tested.values())) <= 1


def test_recordings_are_even_over_the_folds():
    # Of each gender two speakers with many recordings and two with few: each fold gets one of either.
    utterances = corpus({"a": 40, "b": 40, "c": 4, "d": 4, "e": 40, "f": 40, "g": 4, "h": 4})
    tested = speakers_by_fold(utterances, genders(utterances), SpeakerFolds(n_folds=2))
    for speakers in tested.values():
        assert len(speakers & set("ae")) == len(speakers & set("bf")) == 1
        assert len(speakers & set("cg")) == len(speakers & set("dh")) == 1


def test_unevenness_by_hand():
    counts = np.array([[2, 4], [2, 0], [4, 4]])
    # Shares of the first kind 1/2 and 1/2, of the second 1/2 and 1/2; then 3/4 and 1/4, and 1 and 0.
    assert unevenness(counts, np.array([0, 0, 1]), 2) == 0
    assert unevenness(counts, np.array([0, 1, 0]), 2) == pytest.approx(1 / 16 + 1 / 4)


def test_the_seed_chooses_among_divisions_and_gives_the_same_on_every_machine():
    utterances = corpus({f"s{i}": 4 for i in range(8)})
    found = [speakers_by_fold(utterances, genders(utterances), SpeakerFolds(seed=s, n_folds=2)) for s in range(6)]
    assert len({frozenset(map(frozenset, own.values())) for own in found}) > 1
    # Drawn once; the same wherever it is drawn.
    assert found[0] == {"1": {"s2", "s3", "s4", "s7"}, "2": {"s0", "s1", "s5", "s6"}}


def test_names_sort_as_numbers_do():
    utterances = corpus({f"s{i:02d}": 4 for i in range(12)}, genders="f")
    folds = divide(SpeakerFolds(n_folds=12), utterances, ["all"] * len(utterances)).folds
    assert [fold.name for fold in folds] == [f"{number:02d}" for number in range(1, 13)]


def test_speakers_of_two_groups_are_tested_once_in_both():
    utterances = corpus({f"s{i}": 8 for i in range(4)})
    groups = ["strong" if u.recording[-1] in "0123" else "normal" for u in utterances]
    tested = speakers_by_fold(utterances, groups, SpeakerFolds(n_folds=2))
    assert sorted(map(len, tested.values())) == [2, 2]


@pytest.mark.parametrize("seed", range(5))
def test_groups_that_share_speakers_are_even_too(seed):
    """Two speakers of A alone, one of A and C, one of B, one of B and C: dealt in that order C would be in one fold."""
    groups_of = {"s0": "A", "s1": "A", "s2": "AC", "s3": "B", "s4": "BC"}
    utterances = corpus(dict.fromkeys(groups_of, 10))
    groups = [groups_of[u.speaker][int(u.recording[-1]) % len(groups_of[u.speaker])] for u in utterances]
    tested = speakers_by_fold(utterances, groups, SpeakerFolds(seed=seed, n_folds=2))
    for group in "ABC":
        counts = [sum(group in groups_of[speaker] for speaker in speakers) for speakers in tested.values()]
        assert max(counts) - min(counts) <= 1


def test_groups_whose_speakers_cannot_be_dealt_evenly_are_told():
    """Three speakers each of A and B, B and C, A and C: each of two folds would need one and a half of each kind."""
    groups_of = {f"s{k}": ("AB", "BC", "AC")[k % 3] for k in range(9)}
    utterances = corpus(dict.fromkeys(groups_of, 10))
    groups = [groups_of[u.speaker][int(u.recording[-1]) % 2] for u in utterances]
    folds, [told] = divide(SpeakerFolds(n_folds=2), utterances, groups)
    counts = {}
    for group in "ABC":
        speakers = [
            {
                u.speaker
                for u, own, s in zip(utterances, groups, fold.split_of, strict=True)
                if (own, s) == (group, "test")
            }
            for fold in folds
        ]
        counts[group] = sorted(map(len, speakers))
    assert sorted(counts.values()) == [[2, 4], [3, 3], [3, 3]]
    uneven = next(group for group, own in counts.items() if own == [2, 4])
    assert told == (
        "speakers have recordings of several groups, and the folds test unequal numbers of speakers of: "
        f"{uneven} (2 to 4)"
    )


@pytest.mark.parametrize(
    ("speakers", "models_per", "n_folds", "told"),
    [
        (
            "abc",
            "gender",
            5,
            "female (2), male (1); add speakers, choose another corpus.models_per (all: one model for ",
        ),
        (
            "abcd",
            "gender",
            5,
            "female (2), male (2); add speakers, lower split.n_folds, choose another corpus.models_p",
        ),
        ("abc", "all", 5, "all (3); add speakers, lower split.n_folds, or choose another --split"),
        ("a", "all", 5, "all (1); add speakers, or choose another --split"),
        ("a", "all", 2, "all (1); add speakers, or choose another --split"),
    ],
)
def test_all_groups_with_fewer_speakers_than_folds_are_told_with_what_helps(speakers, models_per, n_folds, told):
    utterances = corpus(dict.fromkeys(speakers, 4))
    groups = genders(utterances) if models_per == "gender" else ["all"] * len(utterances)
    with pytest.raises(UserError, match=rf"split\.n_folds, {n_folds}\).* these have fewer: {re.escape(told)}"):
        divide(SpeakerFolds(n_folds=n_folds), utterances, groups)


def test_there_are_two_folds_at_least():
    SpeakerFolds(n_folds=2)
    with pytest.raises(UserError, match=r"config field split\.n_folds: must be at least 2"):
        SpeakerFolds(n_folds=1)


def test_emodb_in_five_folds(emodb_dir):
    everyone = find_named(emodb_dir, EMODB_SPEAKER_GENDERS, "stop").utterances
    utterances = [u for u in everyone if u.emotion != "disgust"]
    folds = divide(SpeakerFolds(), utterances, genders(utterances)).folds
    for fold in folds:
        speakers = {u.speaker for u, split in zip(utterances, fold.split_of, strict=True) if split == "test"}
        assert sorted(EMODB_SPEAKER_GENDERS[speaker] for speaker in speakers) == ["female", "male"]
    sizes = [fold.split_of.count("test") for fold in folds]
    assert sum(sizes) == len(utterances)
    # Speakers have 33 to 61 recordings.
    assert max(sizes) < 1.25 * min(sizes)


def test_ravdess_in_two_folds(ravdess_dir):
    utterances = find_ravdess(ravdess_dir, "stop").utterances
    folds = divide(SpeakerFolds(n_folds=2), utterances, genders(utterances)).folds
    assert [fold.split_of.count("test") for fold in folds] == [len(utterances) / 2] * 2


@pytest.mark.parametrize(
    ("n_files", "n_parts", "n_validated"), [(12, 1, 3), (6, 2, 2), (4, 3, 3), (8, 4, 8), (3, 4, 3)]
)
def test_parts_of_a_file_are_validated_together_where_there_are_enough(n_files, n_parts, n_validated):
    """A quarter of each cell, rounded down to whole files; of fewer than four files a quarter of the parts."""
    utterances = [
        Utterance(f"{s}{e}{file}_{part}", s, "female", e, "t", Path(f"{s}{e}{file}.wav"), (), part, part + 1.0)
        for s in "abcd"
        for e in ("anger", "fear")
        for file in range(n_files)
        for part in range(n_parts)
    ]
    for fold in divide(SpeakerFolds(n_folds=2), utterances, genders(utterances)).folds:
        of_cell: dict[tuple[str, str], list[tuple[Path, str]]] = {}
        for u, split in zip(utterances, fold.split_of, strict=True):
            if split != "test":
                of_cell.setdefault((u.speaker, u.emotion), []).append((u.path, split))
        assert len(of_cell) == 4
        for placed in of_cell.values():
            assert [split for _, split in placed].count("validation") == n_validated
            divided = len(set(placed)) > n_files
            assert divided == (n_files < 4)
