"""The split with a fold for each speaker."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from convcam_jax.corpora.emodb import EMODB_SPEAKER_GENDERS, find_named
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.splits.dividing import divide
from convcam_jax.splits.leave_one_speaker_out import LeaveOneSpeakerOut
from convcam_jax.splits.protocol import UNUSED
from convcam_jax.system.errors import UserError

GENDERS = {"1": "female", "2": "female", "3": "female", "7": "male", "8": "male", "9": "male"}


def corpus(cells: dict[tuple[str, str], int]) -> list[Utterance]:
    names = [(s, e, f"{s}{e}{k}") for (s, e), n in cells.items() for k in range(n)]
    return [Utterance(name, s, GENDERS[s], e, "t", Path(f"{name}.wav")) for s, e, name in names]


UTTERANCES = corpus({(s, e): 4 + int(s) for s in GENDERS for e in ("anger", "fear")})


def genders(utterances):
    return [u.gender for u in utterances]


def folds_by_recording(utterances, groups, protocol=None):
    """Split by recording, of each fold."""
    folds = divide(protocol or LeaveOneSpeakerOut(), utterances, groups).folds
    return {fold.name: dict(zip((u.recording for u in utterances), fold.split_of, strict=True)) for fold in folds}


def random_corpus(seed):
    """Speakers with different numbers of recordings, of some of whom an emotion is lacking."""
    generator = np.random.default_rng(seed)
    sizes = {(s, e): int(generator.integers(4, 12)) for s in GENDERS for e in ("anger", "fear", "neutral")}
    sizes["2", "fear"] = sizes["8", "neutral"] = 0
    utterances = corpus(sizes)
    return [utterances[i] for i in generator.permutation(len(utterances))]


def test_each_fold_has_the_name_of_its_speaker_and_tests_all_of_him():
    utterances = random_corpus(0)
    for groups in (genders(utterances), ["all"] * len(utterances)):
        folds = divide(LeaveOneSpeakerOut(), utterances, groups).folds
        assert [fold.name for fold in folds] == sorted(GENDERS)
        for fold in folds:
            tested = [split == "test" for split in fold.split_of]
            assert tested == [u.speaker == fold.name for u in utterances]


def test_validation_has_its_share_of_every_other_speakers_emotions():
    for fold in divide(LeaveOneSpeakerOut(parts=4), UTTERANCES, ["all"] * len(UTTERANCES)).folds:
        cells = Counter((u.speaker, u.emotion, s) for u, s in zip(UTTERANCES, fold.split_of, strict=True))
        # Speaker s has 4 + s recordings of each emotion.
        for speaker in set(GENDERS) - {fold.name}:
            for emotion in ("anger", "fear"):
                n = 4 + int(speaker)
                assert cells[speaker, emotion, "validation"] == n // 4
                assert cells[speaker, emotion, "train"] == n - n // 4


def test_recordings_of_groups_without_the_test_speaker_are_unused():
    by_fold = folds_by_recording(UTTERANCES, genders(UTTERANCES))
    for fold, split_of in by_fold.items():
        for u in UTTERANCES:
            assert (split_of[u.recording] == UNUSED) == (u.gender != GENDERS[fold])
    in_one_group = folds_by_recording(UTTERANCES, ["all"] * len(UTTERANCES))
    assert all(UNUSED not in split_of.values() for split_of in in_one_group.values())


def test_a_speaker_of_two_groups_is_tested_in_both():
    utterances = corpus({(s, e): 8 for s in ("1", "2") for e in ("anger", "fear")})
    groups = ["strong" if u.recording[-1] in "0123" else "normal" for u in utterances]
    by_fold = folds_by_recording(utterances, groups, LeaveOneSpeakerOut(parts=2))
    for fold, split_of in by_fold.items():
        assert all((split == "test") == (recording[0] == fold) for recording, split in split_of.items())
        assert UNUSED not in split_of.values()


def test_another_speaker_changes_nothing_for_the_others():
    few = [u for u in UTTERANCES if u.speaker in "12"]
    few_folds = folds_by_recording(few, genders(few))
    many_folds = folds_by_recording(UTTERANCES, genders(UTTERANCES))
    for fold, split_of in few_folds.items():
        assert split_of == {u.recording: many_folds[fold][u.recording] for u in few}
    # What is drawn for validation is the same whoever is tested.
    third = [u.recording for u in UTTERANCES if u.speaker == "3"]
    assert [many_folds["1"][r] for r in third] == [many_folds["2"][r] for r in third]


@pytest.mark.parametrize("n_of_first", [3, 4, 5])
def test_one_speaker_more_with_enough_recordings_leaves_validation_its_quarter(n_of_first):
    """Of 24 speakers with 3 recordings each 18 are for validation, whatever the first one has."""
    speakers = [f"s{k:02}" for k in range(25)]
    utterances = [
        Utterance(f"{s}{e}{k}", s, "female", e, "t", Path(f"{s}{e}{k}.wav"))
        for s in speakers
        for e in ("anger", "fear")
        for k in range(n_of_first if s == "s00" else 3)
    ]
    fold = divide(LeaveOneSpeakerOut(), utterances, ["all"] * len(utterances)).folds[-1]
    places = zip(utterances, fold.split_of, strict=True)
    validated = [u.speaker for u, split in places if split == "validation" and u.emotion == "fear"]
    assert len(validated) == len(set(validated)) == (23 * 3 + n_of_first) // 4 == 18


def test_order_does_not_matter_and_the_seed_does():
    shuffled = UTTERANCES[::-1]
    assert folds_by_recording(shuffled, genders(shuffled)) == folds_by_recording(UTTERANCES, genders(UTTERANCES))
    other = folds_by_recording(UTTERANCES, genders(UTTERANCES), LeaveOneSpeakerOut(seed=1))
    assert other != folds_by_recording(UTTERANCES, genders(UTTERANCES))


def test_same_seed_gives_the_same_split_on_every_machine():
    cells = [(s, e, k) for s in ("03", "10") for e in ("anger", "fear") for k in range(8)]
    utterances = [Utterance(f"{s}{e[0]}{k}", s, "male", e, "t", Path(f"{s}{e}{k}")) for s, e, k in cells]
    by_fold = folds_by_recording(utterances, genders(utterances))
    # The two that the split within cells draws first, for its test.
    assert [k for k in range(8) if by_fold["10"][f"03a{k}"] == "validation"] == [1, 2]


def test_a_single_speaker_is_told_without_what_cannot_help():
    alone = [u for u in UTTERANCES if u.speaker == "8"]
    with pytest.raises(UserError, match=r"have one: all \(8\); add speakers, or choose another --split"):
        divide(LeaveOneSpeakerOut(), alone, ["all"] * len(alone))


def test_all_groups_of_one_speaker_are_told_with_what_else_is_missing():
    utterances = [u for u in UTTERANCES if u.speaker not in "79"]
    message = (
        r"^--split=leave_one_speaker_out is impossible: .* these have one: male \(8\); add speakers, choose another "
        r"corpus\.models_per \(all: one model for all recordings\), or choose another --split"
    )
    with pytest.raises(UserError, match=message):
        divide(LeaveOneSpeakerOut(), utterances, genders(utterances))
    assert len(divide(LeaveOneSpeakerOut(), utterances, ["all"] * len(utterances)).folds) == 4
    few = [u for u in utterances if u.speaker == "8" or u.recording[-1] == "0"]
    with pytest.raises(
        UserError, match=r"male \(8\).*; the group female lacks a recording for validation in folds 1, 2, 3"
    ):
        divide(LeaveOneSpeakerOut(), few, genders(few))
    of_speakers = [u.speaker for u in UTTERANCES]
    with pytest.raises(UserError, match=r"1 \(1\), 2 \(2\), 3 \(3\) and 3 more"):
        divide(LeaveOneSpeakerOut(), UTTERANCES, of_speakers)


def test_an_emotion_of_one_speaker_only_is_not_tested():
    sizes = {(s, e): 4 for s in "123" for e in ("anger", "fear")}
    utterances = corpus({**sizes, ("2", "neutral"): 5})
    folds, warnings = divide(LeaveOneSpeakerOut(), utterances, genders(utterances))
    assert warnings == (
        "5 recordings of neutral of the group female not tested in fold 2: none is left there for training",
    )
    by_fold = {fold.name: dict(zip((u.recording for u in utterances), fold.split_of, strict=True)) for fold in folds}
    assert {by_fold["2"][f"2neutral{k}"] for k in range(5)} == {UNUSED}
    assert {by_fold["2"][f"2anger{k}"] for k in range(4)} == {"test"}
    assert [by_fold["1"][f"2neutral{k}"] for k in range(5)].count("train") == 4


def test_a_validation_set_without_recordings_is_an_error():
    utterances = corpus({("1", "anger"): 4, ("1", "fear"): 4, ("2", "anger"): 3, ("2", "fear"): 3})
    message = r"the group female lacks a recording for validation in fold 1: .*lower split\.parts"
    with pytest.raises(UserError, match=message):
        divide(LeaveOneSpeakerOut(), utterances, genders(utterances))
    assert len(divide(LeaveOneSpeakerOut(parts=3), utterances, genders(utterances)).folds) == 2


def test_every_speaker_of_emodb_is_tested(emodb_dir):
    """Also the two that have too few recordings of some emotions for a share of them to be tested."""
    everyone = find_named(emodb_dir, EMODB_SPEAKER_GENDERS, "stop").utterances
    utterances = [u for u in everyone if u.emotion != "disgust"]
    folds = divide(LeaveOneSpeakerOut(), utterances, genders(utterances)).folds
    assert [fold.name for fold in folds] == sorted(EMODB_SPEAKER_GENDERS)
    cells = Counter((u.speaker, u.emotion) for u in utterances)
    for fold in folds:
        others = [s for s, gender in EMODB_SPEAKER_GENDERS.items() if gender == EMODB_SPEAKER_GENDERS[fold.name]]
        expected = sum(math.floor(n / 4) for (s, _), n in cells.items() if s in others and s != fold.name)
        assert fold.split_of.count("validation") == expected > 20
        assert fold.split_of.count("test") == sum(n for (s, _), n in cells.items() if s == fold.name)
