"""The split that a column of the corpus gives."""

from pathlib import Path

import pytest

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.splits.dividing import divide
from convcam_jax.splits.given import SPLIT_WORDS, Given
from convcam_jax.splits.protocol import ONLY_FOLD
from convcam_jax.system.errors import UserError


def corpus(values: list[str], column: str = "split", speakers: str = "1") -> list[Utterance]:
    """A recording of anger and one of fear for each value, by the speakers in turns."""
    return [
        Utterance(f"{e}{k}", speakers[k % len(speakers)], "female", e, "t", Path(f"{e}{k}.wav"), ((column, value),))
        for k, value in enumerate(values)
        for e in ("anger", "fear")
    ]


def divided(utterances: list[Utterance], protocol: Given | None = None):
    return divide(protocol or Given(), utterances, ["all"] * len(utterances))


@pytest.mark.parametrize(
    "words",
    [
        *(("train", "validation", "test"), (" Training", "VAL", "Testing "), ("trn", "dev", "eval")),
        *(("tr", "devel", "te"), ("learn", "valid", "tst"), ("train", "validate", "evaluation")),
        ("train", "development", "test"),
    ],
)
def test_split_words_are_understood_as_people_write_them(words):
    folds, warnings = divided(corpus(list(words), speakers="123"))
    assert [fold.name for fold in folds] == [ONLY_FOLD]
    assert folds[0].split_of[::2] == folds[0].split_of[1::2] == ("train", "validation", "test")
    assert warnings == ()


@pytest.mark.parametrize("either", ["eval", "Evaluation"])
@pytest.mark.parametrize("test", ["test", "testing", "tst", "te"])
def test_an_evaluation_beside_a_test_is_refused_unless_validation_is_given(either, test):
    message = f"has {either} beside {test}, .*; rename {either} to validation, or to {test};"
    with pytest.raises(UserError, match=message):
        divided(corpus(["train"] * 4 + [either] * 2 + [test] * 2))
    folds, _ = divided(corpus(["train", "dev", either, test], speakers="1234"))
    assert folds[0].split_of[::2] == ("train", "validation", "test", "test")
    alone, _ = divided(corpus(["train"] * 4 + [either]))
    assert alone[0].split_of[-1] == "test"


def test_the_words_stand_for_the_three_sets_only():
    assert set(SPLIT_WORDS.values()) == {"train", "validation", "test"}
    assert all(word == word.lower().strip() for word in SPLIT_WORDS)


def test_recordings_without_a_value_are_unused_and_counted():
    folds, warnings = divided(corpus(["train", "", "dev", "test"], speakers="1234"))
    assert folds[0].split_of[2:4] == ("unused", "unused")
    assert warnings == ("2 recordings without anything in the column split: unused",)


def test_an_emotion_that_training_lacks_is_not_validated():
    rows = [(words, e) for words in ("train", "dev", "test") for e in ("anger", "fear")] + [("dev", "joy")] * 3
    utterances = [
        Utterance(f"r{k}", words, "female", e, "t", Path(f"r{k}.wav"), (("split", words),))
        for k, (words, e) in enumerate(rows)
    ]
    unused = "3 recordings of joy of the group all not used for validation: none is left there for training"
    folds, warnings = divided(utterances)
    assert folds[0].split_of == (*("train",) * 2, *("validation",) * 2, *("test",) * 2, *("unused",) * 3)
    assert warnings == (unused,)
    # Validation is given: fewer parts bring none.
    message = f"impossible: the group all lacks a recording for validation: add recordings; {unused}$"
    with pytest.raises(UserError, match=message):
        divided([u for u in utterances if u.value("split") != "dev" or u.emotion == "joy"])


def test_validation_that_is_not_given_is_drawn_from_training():
    folds, warnings = divided(corpus(["train"] * 8 + ["test"] * 3), Given(parts=4))
    (fold,) = folds
    assert fold.split_of[16:] == ("test",) * 6
    assert [fold.split_of[:16].count(split) for split in ("validation", "train")] == [4, 12]
    assert warnings[0] == "the column split has no validation: it is drawn from training"


def test_each_fold_is_tested_once():
    utterances = corpus(["b", "a"] * 8, "fold")
    folds, warnings = divided(utterances)
    assert [fold.name for fold in folds] == ["a", "b"]
    for fold in folds:
        tested = [split == "test" for split in fold.split_of]
        assert tested == [u.value("fold") == fold.name for u in utterances]
        assert fold.split_of.count("validation") == 4
    assert warnings == (
        "folds by the column fold: a (16), b (16)",
        "1 of 1 test speakers are in training or validation as well (1): the accuracy is not that of unknown speakers",
    )
    apart = divided(corpus(["b", "a"] * 8, "fold", speakers="12"))
    assert apart.warnings == ("folds by the column fold: a (16), b (16)",)


@pytest.mark.parametrize("alike", [("1", "1.0"), ("01", "1"), ("A", "a")])
def test_folds_that_may_be_one_are_told(alike):
    _, warnings = divided(corpus([*alike, "other"] * 8, "fold", speakers="123"))
    assert warnings[1:] == (f"folds {alike[0]} and {alike[1]} count as different; if they are not, mend the table",)


def test_a_column_of_another_name_is_used_when_it_is_named():
    utterances = corpus(["train", "dev", "test"], "partition", speakers="123")
    with pytest.raises(
        UserError, match=r"needs a column split or fold, and the corpus has .*partition; say by split\.col"
    ):
        divided(utterances)
    assert divided(utterances, Given(column="partition")).folds[0].split_of[-1] == "test"
    with pytest.raises(UserError, match="needs a column set, and the corpus has"):
        divided(utterances, Given(column="set"))


def test_two_columns_are_not_chosen_between():
    utterances = [u._replace(attributes=(*u.attributes, ("fold", "1"))) for u in corpus(["train", "dev", "test"])]
    with pytest.raises(UserError, match=r"has the columns split and fold; say by split\.column which one it is"):
        divided(utterances)


def test_all_words_that_are_not_understood_are_told_with_the_nearest():
    message = (
        r"words that are no split: 'tets' \(nearest: test\), 'trian' \(nearest: train\); "
        "the column split has no recording for test"
    )
    with pytest.raises(UserError, match=message):
        divided(corpus(["train", "dev", "tets", "trian"]))


def test_one_fold_for_a_group_is_told():
    utterances = corpus(["1", "1"], "fold")
    to_do = r"choose another split\.column, or choose another --split"
    with pytest.raises(UserError, match=f"the column fold has one value for all recordings of: all; {to_do}"):
        divided(utterances)
