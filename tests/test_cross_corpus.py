"""The split with a fold for each corpus."""

import re
from collections import Counter
from pathlib import Path

import pytest

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.splits.cross_corpus import CrossCorpus
from convcam_jax.splits.dividing import divide
from convcam_jax.system.errors import UserError

EMOTIONS = {"berlin": ("anger", "fear", "boredom"), "surrey": ("anger", "fear", "surprise"), "turin": ("anger", "fear")}


def corpus(column: str = "corpus") -> list[Utterance]:
    """Eight recordings of each emotion by one speaker of each corpus."""
    names = [(c, e, f"{c}{e}{k}") for c, emotions in EMOTIONS.items() for e in emotions for k in range(8)]
    return [Utterance(name, f"{c} 1", "female", e, "t", Path(f"{name}.wav"), ((column, c),)) for c, e, name in names]


UTTERANCES = corpus()
ALL = ["all"] * len(UTTERANCES)


def places(fold, utterances=UTTERANCES) -> Counter:
    known = zip(utterances, fold.split_of, strict=True)
    return Counter((dict(u.attributes)["corpus"], u.emotion, split) for u, split in known)


def test_each_corpus_is_tested_by_models_of_the_others():
    folds, warnings = divide(CrossCorpus(), UTTERANCES, ALL)
    assert [fold.name for fold in folds] == ["berlin", "surrey", "turin"]
    berlin = places(folds[0])
    assert berlin["berlin", "anger", "test"] == 8
    # Of every other cell a quarter is for validation.
    assert (berlin["turin", "fear", "validation"], berlin["turin", "fear", "train"]) == (2, 6)
    # What the others do not have cannot be learned from them.
    assert berlin["berlin", "boredom", "unused"] == 8
    assert warnings == (
        "8 recordings of boredom of the group all not tested in fold berlin: none is left there for training",
        "8 recordings of surprise of the group all not tested in fold surrey: none is left there for training",
    )


def test_corpora_for_the_test_and_for_training_can_be_named():
    protocol = CrossCorpus(test_corpora=("turin",), training_corpora=("berlin",))
    (fold,) = divide(protocol, UTTERANCES, ALL).folds
    assert fold.name == "turin"
    found = places(fold)
    assert {(own, split) for own, _, split in found} == {
        ("turin", "test"),
        ("berlin", "train"),
        ("berlin", "validation"),
        ("surrey", "unused"),
    }


def test_the_only_corpus_to_train_on_is_not_tested():
    folds, warnings = divide(CrossCorpus(training_corpora=("berlin",)), UTTERANCES, ALL)
    assert [fold.name for fold in folds] == ["surrey", "turin"]
    assert warnings[0] == "the corpus berlin is not tested: no other is in split.training_corpora"
    # Where two are trained on, each is tested by the other.
    folds, _ = divide(CrossCorpus(training_corpora=("berlin", "turin")), UTTERANCES, ALL)
    assert [fold.name for fold in folds] == ["berlin", "surrey", "turin"]
    assert {own for own, _, split in places(folds[0]) if split in ("train", "validation")} == {"turin"}
    protocol = CrossCorpus(test_corpora=("berlin", "turin"), training_corpora=("berlin",))
    message = (
        r"no other corpus to train on when berlin is tested; name another split\.training_corpora, or take berlin out "
        r"of split\.test_corpora$"
    )
    with pytest.raises(UserError, match=message):
        divide(protocol, UTTERANCES, ALL)


def test_all_names_that_are_not_understood_are_told_at_once():
    protocol = CrossCorpus(test_corpora=("rome", "turin"), training_corpora=("bonn",))
    message = (
        r"split\.test_corpora: there is no corpus rome, but berlin, surrey, turin; "
        r"split\.training_corpora: there is no corpus bonn"
    )
    with pytest.raises(UserError, match=message):
        divide(protocol, UTTERANCES, ALL)


def test_speakers_of_two_corpora_must_not_share_a_name():
    utterances = [u._replace(speaker=u.speaker[-1]) if u.speaker != "turin 1" else u for u in UTTERANCES]
    with pytest.raises(UserError, match=r"have the same name: 1 \(berlin, surrey\); give each person a name"):
        divide(CrossCorpus(), utterances, ALL)


@pytest.mark.parametrize("alike", ["Turin", "turin.", "TURÍN"])
def test_corpora_that_may_be_one_are_refused(alike):
    """As speakers that are in both would be on both sides."""
    others = [u._replace(speaker=f"{u.speaker} b", attributes=(("corpus", alike),)) for u in UTTERANCES[-8:]]
    names = " and ".join(sorted([alike, "turin"]))
    message = f"corpora {names} count as different; if they are not, mend the table, or else rename one"
    with pytest.raises(UserError, match=re.escape(message)):
        divide(CrossCorpus(), [*UTTERANCES[:-8], *others], ALL)


def test_a_missing_column_and_a_single_corpus_are_told():
    with pytest.raises(
        UserError, match=r"it needs a column corpus .*, and there are only .*, from; say by split\.column"
    ):
        divide(CrossCorpus(), corpus("from"), ALL)
    some = [UTTERANCES[0]._replace(attributes=(("corpus", ""),)), *UTTERANCES[1:]]
    with pytest.raises(UserError, match="of which corpus each recording is, and it is empty for berlinanger0"):
        divide(CrossCorpus(), some, ALL)
    with pytest.raises(
        UserError, match="it needs two corpora, and the column corpus has one, berlin; add another, or choose"
    ):
        divide(CrossCorpus(), UTTERANCES[:24], ALL[:24])
    assert len(divide(CrossCorpus(column="from"), corpus("from"), ALL).folds) == 3
