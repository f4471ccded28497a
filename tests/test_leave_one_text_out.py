"""The split with a fold for each text."""

from collections import Counter
from pathlib import Path

import pytest

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.splits.dividing import divide
from convcam_jax.splits.leave_one_text_out import LeaveOneTextOut
from convcam_jax.system.errors import UserError

TEXTS = ("kids", "dogs", "door")


def corpus(texts: tuple[str, ...] = TEXTS, speakers: str = "12") -> list[Utterance]:
    """Four recordings of each text, emotion and speaker."""
    names = [(s, e, t, f"{s}{e}{t}{k}") for s in speakers for e in ("anger", "fear") for t in texts for k in range(4)]
    return [Utterance(name, s, "female", e, t, Path(f"{name}.wav")) for s, e, t, name in names]


UTTERANCES = corpus()
ALL = ["all"] * len(UTTERANCES)


def test_each_text_is_tested_where_no_other_set_has_it():
    folds, warnings = divide(LeaveOneTextOut(), UTTERANCES, ALL)
    assert warnings == ()
    assert [fold.name for fold in folds] == sorted(TEXTS)
    for fold in folds:
        places = Counter((u.text, split) for u, split in zip(UTTERANCES, fold.split_of, strict=True))
        assert places[fold.name, "test"] == 16
        assert places[fold.name, "train"] == places[fold.name, "validation"] == 0


def test_a_quarter_of_what_is_left_of_every_cell_is_for_validation():
    for fold in divide(LeaveOneTextOut(), UTTERANCES, ALL).folds:
        cells = Counter((u.speaker, u.emotion, split) for u, split in zip(UTTERANCES, fold.split_of, strict=True))
        for speaker in "12":
            for emotion in ("anger", "fear"):
                # 12 recordings, 4 of them of the text that is tested.
                assert [cells[speaker, emotion, split] for split in ("test", "validation", "train")] == [4, 2, 6]


def test_recordings_of_groups_without_the_text_are_unused():
    utterances = [*corpus(("kids", "dogs"), "1"), *corpus(("dogs", "door"), "2")]
    groups = [u.speaker for u in utterances]
    folds = divide(LeaveOneTextOut(), utterances, groups).folds
    unused = {
        fold.name: {u.speaker for u, split in zip(utterances, fold.split_of, strict=True) if split == "unused"}
        for fold in folds
    }
    assert unused == {"kids": {"2"}, "dogs": set(), "door": {"1"}}


def test_groups_that_learn_nothing_of_a_text_have_no_model_that_is_tested_by_it():
    """All that the first speaker says of a third text is an emotion of which nothing else of theirs is."""
    of_one = [u._replace(emotion="disgust") if u.text == "door" else u for u in corpus(TEXTS, "1")]
    utterances = [*of_one, *corpus(TEXTS, "2")]
    groups = [u.speaker for u in utterances]
    folds, warnings = divide(LeaveOneTextOut(), utterances, groups)
    [door] = [fold for fold in folds if fold.name == "door"]
    assert {split for group, split in zip(groups, door.split_of, strict=True) if group == "1"} == {"unused"}
    assert {split for group, split in zip(groups, door.split_of, strict=True) if group == "2"} == {
        *("train", "validation", "test")
    }
    assert warnings == (
        "8 recordings of disgust of the group 1 not tested in fold door: none is left there for training",
    )


def test_a_corpus_without_texts_is_told_in_a_line():
    message = (
        "^--split=leave_one_text_out is impossible: it needs the text of each recording, and the corpus tells none "
        r"\(column text\); choose another --split"
    )
    with pytest.raises(UserError, match=message):
        divide(LeaveOneTextOut(), [u._replace(text="") for u in UTTERANCES], ALL)


def test_recordings_without_a_text_and_groups_of_one_text_are_told_at_once():
    utterances = [*corpus(("kids", "dogs"), "1"), *corpus(("door",), "2")]
    utterances[:2] = [u._replace(text="") for u in utterances[:2]]
    message = (
        "these have none: 1angerkids0, 1angerkids1; fill them in, or choose another --split; it needs two texts of "
        r"each group, and .*: 2 \(door\); add recordings of others, choose another corpus\.models_per \(all: one model "
        r"for all recordings\), or choose another --split$"
    )
    with pytest.raises(UserError, match=message):
        divide(LeaveOneTextOut(), utterances, [u.speaker for u in utterances])


def test_texts_that_may_be_one_are_told():
    utterances = corpus(("Hello you.", "hello you", "Bye", "1.5", "15"))
    folds, warnings = divide(LeaveOneTextOut(), utterances, ["all"] * len(utterances))
    assert warnings == ("texts Hello you. and hello you count as different; if they are not, mend the table",)
    assert len(folds) == 5
