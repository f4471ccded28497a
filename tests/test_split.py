"""The split within each speaker's recordings of each emotion."""

import csv
from collections import Counter
from pathlib import Path

import pytest
import soundfile

from convcam_jax.corpora.config import CorpusConfig
from convcam_jax.corpora.emodb import EMODB_SPEAKER_GENDERS, find_named
from convcam_jax.corpora.left_out import longer_than
from convcam_jax.corpora.utterances import Utterance, select, without
from convcam_jax.representations.cqt import Cqt
from convcam_jax.splits import SPLIT_PROTOCOLS
from convcam_jax.splits.dividing import divide
from convcam_jax.splits.per_cell import PerCell
from convcam_jax.splits.protocol import ONLY_FOLD, SPLITS_OF_A_FOLD
from convcam_jax.system.errors import UserError


def corpus(cells: dict[tuple[str, str], int], gender: str = "female") -> list[Utterance]:
    cell = [(s, e, f"{s}{e}{k}") for (s, e), n in cells.items() for k in range(n)]
    return [Utterance(name, s, gender, e, "t", Path(name)) for s, e, name in cell]


def assign(utterances: list[Utterance], protocol: PerCell) -> tuple[str, ...]:
    """The split of each utterance, the models being for the genders."""
    (fold,) = protocol.propose(utterances, [u.gender for u in utterances]).folds
    assert fold.name == ONLY_FOLD
    return fold.split_of


def split_by_recording(utterances: list[Utterance], protocol: PerCell) -> dict[str, str]:
    return {u.recording: split for u, split in zip(utterances, assign(utterances, protocol), strict=True)}


def test_protocols_go_by_the_names_they_have():
    assert {name: protocol().name for name, protocol in SPLIT_PROTOCOLS.items()} == {
        name: name for name in SPLIT_PROTOCOLS
    }


@pytest.mark.parametrize("name", SPLIT_PROTOCOLS)
def test_parts_must_leave_something_for_training_and_seeds_have_limits(name):
    least = SPLIT_PROTOCOLS[name].least_parts
    assert least >= (3 if name == "per_cell" else 2)
    assert SPLIT_PROTOCOLS[name](parts=least, seed=0).parts == least
    with pytest.raises(UserError, match=rf"config field split\.parts: must be at least {least}"):
        SPLIT_PROTOCOLS[name](parts=least - 1)
    for seed in (-1, 2**32):
        with pytest.raises(UserError, match=r"config field split\.seed: must lie in 0\.\.4294967295"):
            SPLIT_PROTOCOLS[name](seed=seed)


@pytest.mark.parametrize(
    ("n", "parts", "sizes"),
    [
        (4, 4, (2, 1, 1)),
        (7, 4, (5, 1, 1)),
        (8, 4, (4, 2, 2)),
        (16, 4, (8, 4, 4)),
        (3, 3, (1, 1, 1)),
        (11, 5, (7, 2, 2)),
    ],
)
def test_sizes_are_rounded_down(n, parts, sizes):
    assignment = assign(corpus({("1", "anger"): n}), PerCell(parts=parts))
    assert tuple(Counter(assignment)[split] for split in SPLITS_OF_A_FOLD) == sizes


def test_fewer_than_parts_are_all_for_training():
    utterances = corpus({("1", "anger"): 3, ("2", "anger"): 4})
    split_of = split_by_recording(utterances, PerCell())
    assert [split_of[f"1anger{k}"] for k in range(3)] == ["train"] * 3


def test_order_of_the_utterances_does_not_matter():
    utterances = corpus({("1", "anger"): 9, ("2", "anger"): 8, ("1", "fear"): 5, ("2", "fear"): 4})
    config = PerCell(seed=3)
    assert split_by_recording(utterances[::-1], config) == split_by_recording(utterances, config)


def test_another_speaker_or_emotion_changes_nothing_for_the_others():
    few = corpus({("1", "anger"): 12})
    many = corpus({("0", "anger"): 8, ("1", "anger"): 12, ("0", "fear"): 8, ("1", "fear"): 8})
    split_of = split_by_recording(many, PerCell())
    assert split_by_recording(few, PerCell()) == {u.recording: split_of[u.recording] for u in few}


def test_cells_of_equal_size_are_split_differently():
    names = [str(k) for k in range(20)]
    utterances = corpus({(name, "anger"): 12 for name in names})
    assignment = assign(utterances, PerCell())
    assert len({assignment[12 * k : 12 * k + 12] for k in range(20)}) > 15


def test_each_recording_is_tested_equally_often_over_seeds():
    utterances = corpus({("1", "anger"): 8})
    counts = Counter()
    for seed in range(800):
        counts.update((u.recording, s) for u, s in zip(utterances, assign(utterances, PerCell(seed=seed)), strict=True))
    # Binomial(800, 1/4): mean 200, standard deviation 12.2.
    assert all(abs(counts[u.recording, split] - 200) < 62 for u in utterances for split in ("test", "validation"))


def test_same_seed_gives_the_same_split_on_every_machine():
    assignment = assign(corpus({("03", "anger"): 8}), PerCell(seed=0))
    assert assignment == ("train", "test", "test", "train", "train", "validation", "train", "validation")


def test_pinned_recordings_are_tested_and_the_sizes_stay():
    utterances = corpus({("1", "anger"): 12, ("2", "anger"): 4})
    pinned = ("1anger7", "1anger2")
    for seed in range(20):
        split_of = split_by_recording(utterances, PerCell(seed=seed, pinned_test=pinned))
        assert split_of["1anger7"] == split_of["1anger2"] == "test"
        assert Counter(split_of.values()) == {"train": 8, "validation": 4, "test": 4}


def test_all_that_is_wrong_with_pinned_recordings_is_told_at_once():
    utterances = corpus({("1", "anger"): 7, ("1", "fear"): 8, ("2", "anger"): 4, ("2", "fear"): 4})
    pinned = ("1anger0", "1anger1", "9fear0", "2fear0", "2fear1", "9fear1")
    messages = (
        r"^--split=per_cell is impossible: split\.pinned_test: not among the recordings used: 9fear0, 9fear1; ",
        "2 recordings of anger by speaker 1, and only 1 of 7",
        "2 recordings of fear by speaker 2, and only 1 of 4",
    )
    for message in messages:
        with pytest.raises(UserError, match=message):
            divide(PerCell(pinned_test=pinned), utterances, [u.gender for u in utterances])


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_a_cell_of_too_few_recordings_is_for_training_and_that_is_said(n):
    utterances = corpus({("1", "anger"): 8, ("2", "anger"): 8, ("1", "fear"): 8, ("2", "fear"): n})
    folds, warnings = divide(PerCell(), utterances, ["all"] * len(utterances))
    assert warnings == (f"too few to be tested, and all for training, as split.parts is 4: fear by 2 ({n})",)
    assert {split for u, split in zip(utterances, folds[0].split_of, strict=True) if u.recording[:2] == "2f"} <= {
        "train"
    }


def test_an_emotion_that_a_group_is_not_tested_on_is_said():
    utterances = corpus({("1", "anger"): 4, ("1", "fear"): 4})
    utterances += corpus({("2", "anger"): 4, ("2", "fear"): 3}, gender="male")
    division = divide(PerCell(), utterances, [u.gender for u in utterances])
    assert "not tested at all: fear of male" in division.warnings
    # As one group the two have recordings of fear in the test set.
    assert divide(PerCell(), utterances, ["all"] * len(utterances)).warnings == division.warnings[:1]


def test_groups_that_cannot_be_tested_are_told_at_once():
    utterances = corpus({("1", "anger"): 3, ("1", "fear"): 3, ("2", "anger"): 4, ("2", "fear"): 4, ("3", "anger"): 4})
    message = (
        r"nothing is tested of the groups 1: .*; the group 3 lacks two emotions or more for training: .*; too few to "
        r"be tested, and all for training, as split\.parts is 4: anger by 1 \(3\), fear by 1 \(3\)"
    )
    with pytest.raises(UserError, match=message):
        divide(PerCell(), utterances, [u.speaker for u in utterances])


def test_groups_do_not_change_the_split():
    utterances = corpus({("1", "anger"): 9, ("2", "anger"): 8})
    by_speaker = PerCell().propose(utterances, [u.speaker for u in utterances]).folds
    assert by_speaker == PerCell().propose(utterances, ["all"] * len(utterances)).folds


def test_every_model_has_its_share_of_speakers_that_stand_in_several_groups():
    """Of each intensity four recordings of each speaker and emotion: one for the test, one for validation."""
    utterances = corpus({(str(s), e): 8 for s in range(24) for e in ("anger", "fear")})
    groups = ["strong" if u.recording[-1] in "0123" else "normal" for u in utterances]
    folds, warnings = divide(PerCell(), utterances, groups)
    assert warnings == ()
    placed = Counter(
        (g, u.speaker, u.emotion, s) for u, g, s in zip(utterances, groups, folds[0].split_of, strict=True)
    )
    expected = {"train": 2, "validation": 1, "test": 1}
    assert placed == {
        (group, str(s), e, split): n
        for group in ("strong", "normal")
        for s in range(24)
        for e in ("anger", "fear")
        for split, n in expected.items()
    }
    # The groups of a speaker are drawn for by themselves.
    tested = [
        {
            u.recording[-1]
            for u, s in zip(utterances[k : k + 8], folds[0].split_of[k : k + 8], strict=True)
            if s == "test"
        }
        for k in range(0, len(utterances), 8)
    ]
    assert len({frozenset(str(int(digit) % 4) for digit in own) for own in tested}) > 4


def test_speakers_of_several_groups_change_nothing_for_the_others_and_are_told_with_their_groups():
    utterances = corpus({("03", "anger"): 8, ("03", "fear"): 8, ("04", "anger"): 8, ("04", "fear"): 5})
    groups = ["strong" if u.speaker == "04" and u.recording[-1] in "0123" else "normal" for u in utterances]
    folds, warnings = divide(PerCell(), utterances, groups)
    # As in a corpus of this speaker alone.
    assert folds[0].split_of[:8] == ("train", "test", "test", "train", "train", "validation", "train", "validation")
    assert warnings == (
        "too few to be tested, and all for training, as split.parts is 4: fear by 04 of the group normal (1)",
    )


def test_an_emotion_that_a_group_does_not_have_is_not_missing_there():
    """As neutral, which nobody in RAVDESS says at strong intensity."""
    utterances = corpus({("03", "anger"): 8, ("03", "fear"): 8, ("03", "neutral"): 4})
    groups = ["strong" if u.emotion != "neutral" and u.recording[-1] in "0123" else "normal" for u in utterances]
    assert not divide(PerCell(), utterances, groups).warnings


def in_files(sizes: tuple[int, ...]) -> list[Utterance]:
    """Recordings of one speaker in one emotion, so many of each file."""
    whole = [
        Utterance(f"{f}_{k}", "1", "female", "anger", "t", Path(f"{f}.wav"))
        for f, n in enumerate(sizes)
        for k in range(n)
    ]
    return [u._replace(start_s=float(k), end_s=k + 1.0) for k, u in enumerate(whole)]


@pytest.mark.parametrize("seed", range(5))
def test_short_files_beside_a_long_one_are_for_the_test_and_for_validation(seed):
    # A quarter of 15 recordings is 3: the long file fits nowhere but in the training.
    split_of = split_by_recording(in_files((12, 1, 1, 1)), PerCell(seed=seed))
    assert Counter(split_of.values()) == {"train": 12, "test": 2, "validation": 1}


def test_a_pinned_recording_takes_the_parts_of_its_file_along():
    utterances = in_files((9, 3, 2, 2))
    (problem,) = PerCell(pinned_test=("0_4",)).propose(utterances, ["all"] * 16).problems
    assert problem == (
        "split.pinned_test: 9 recordings of anger by speaker 1, with the parts of their files, and only 4 of 16 go to "
        "the test set; pin fewer"
    )
    split_of = split_by_recording(utterances, PerCell(pinned_test=("1_0",)))
    assert [split_of[f"1_{part}"] for part in range(3)] == ["test"] * 3


@pytest.fixture(scope="module")
def emodb_utterances(emodb_dir):
    config = CorpusConfig(name="emodb", excluded_speakers=("09", "12"), max_frames=202)
    chosen = select(find_named(emodb_dir, EMODB_SPEAKER_GENDERS, "stop").utterances, config)
    n_frames = {u.recording: Cqt().n_frames(soundfile.info(u.path).frames) for u in chosen}
    return without(chosen, longer_than(chosen, n_frames, config.max_frames))


def sizes_by_gender(utterances, assignment):
    return Counter((u.gender, split) for u, split in zip(utterances, assignment, strict=True))


EMODB_SIZES = {
    ("female", "test"): 48,
    ("female", "validation"): 48,
    ("female", "train"): 132,
    ("male", "test"): 39,
    ("male", "validation"): 39,
    ("male", "train"): 111,
}


def test_emodb_has_48_female_and_39_male_test_recordings(emodb_utterances):
    assert sizes_by_gender(emodb_utterances, assign(emodb_utterances, PerCell())) == EMODB_SIZES


def test_cells_that_the_paper_leaves_out_two_speakers_for_are_told(emodb_dir):
    everyone = [u for u in find_named(emodb_dir, EMODB_SPEAKER_GENDERS, "stop").utterances if u.emotion != "disgust"]
    warning, *others = divide(PerCell(), everyone, [u.gender for u in everyone]).warnings
    assert others == []
    assert "fear by 09 (1)" in warning
    assert "happiness by 12 (2)" in warning


def test_published_recordings_can_be_pinned(emodb_utterances, reference_dir):
    with (reference_dir / "published_recordings.csv").open(newline="") as file:
        pinned = tuple(row["recording"] for row in csv.DictReader(file))
    assert len(pinned) == 58
    assignment = assign(emodb_utterances, PerCell(pinned_test=pinned))
    assert sizes_by_gender(emodb_utterances, assignment) == EMODB_SIZES
    assert {u.recording for u, s in zip(emodb_utterances, assignment, strict=True) if s == "test"} > set(pinned)
