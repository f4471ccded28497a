"""What is known about an utterance, its group, and the subset of a corpus."""

from pathlib import Path

import pytest

from convcam_jax.corpora.config import CorpusConfig
from convcam_jax.corpora.utterances import Utterance, group_of, part_name, select, without
from convcam_jax.system.errors import RecordingError, UserError


def an_utterance(recording: str = "a", speaker: str = "1", emotion: str = "anger") -> Utterance:
    return Utterance(recording, speaker, "female", emotion, "t", Path(f"{recording}.wav"))


STRONG = an_utterance()._replace(attributes=(("intensity", "strong"), ("repetition", "2")))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("speaker", "1"),
        ("gender", "female"),
        ("emotion", "anger"),
        ("text", "t"),
        ("intensity", "strong"),
        ("repetition", "2"),
    ],
)
def test_columns_are_those_of_all_utterances_and_the_corpuss_own(column, value):
    assert STRONG.value(column) == value
    assert column in STRONG.columns()


@pytest.mark.parametrize("column", ["recording", "path", "attributes", "age", ""])
def test_there_are_no_other_columns(column):
    with pytest.raises(KeyError):
        STRONG.value(column)
    assert column not in STRONG.columns()


def test_group_is_the_value_of_a_column_or_all():
    columns = ("gender", "speaker", "text", "intensity", "all")
    assert [group_of(STRONG, column) for column in columns] == ["female", "1", "t", "strong", "all"]


def test_a_column_that_is_not_there_names_those_that_are():
    with pytest.raises(UserError) as caught:
        group_of(STRONG, "age")
    assert str(caught.value) == (
        "config field corpus.models_per: there is no column age; "
        "it must be one of all, speaker, gender, text, intensity, repetition"
    )
    with pytest.raises(UserError, match=r"it must be one of all, speaker, gender, text$"):
        group_of(an_utterance(), "intensity")


def test_subset_is_by_emotion_and_speaker():
    utterances = [
        an_utterance("a", "1", "anger"),
        an_utterance("b", "2", "anger"),
        an_utterance("c", "1", "fear"),
        an_utterance("d", "1", "disgust"),
    ]
    config = CorpusConfig("any", emotions=("anger", "fear"), excluded_speakers=("2",))
    assert [u.recording for u in select(utterances, config)] == ["a", "c"]


def test_emotion_without_recordings_is_named():
    config = CorpusConfig("any", emotions=("anger", "joy"), excluded_speakers=("2",))
    utterances = [an_utterance("a", "1", "anger"), an_utterance("b", "2", "joy")]
    with pytest.raises(
        UserError, match=r"corpus\.emotions: there is no recording of joy; the corpus has anger, all of which"
    ):
        select(utterances, config)


def test_an_excluded_speaker_that_is_not_there_is_named_with_the_nearest():
    utterances = [an_utterance("a", "anna"), an_utterance("b", "bob", "fear")]
    with pytest.raises(
        UserError, match=r"corpus\.excluded_speakers: the corpus has no speaker ana; the nearest is anna$"
    ):
        select(utterances, CorpusConfig("any", emotions=("anger", "fear"), excluded_speakers=("bob", "ana")))
    with pytest.raises(UserError, match=r"the corpus has no speaker ana; it has none$"):
        select([], CorpusConfig("any", emotions=("anger", "fear"), excluded_speakers=("ana",)))


def test_a_group_that_is_not_known_is_named():
    unknown = an_utterance("b")._replace(gender="")
    assert group_of(unknown, "all") == "all"
    with pytest.raises(UserError, match=r"corpus\.models_per: gender of b is not known; .*corpus\.models_per=all"):
        group_of(unknown, "gender")


def test_those_with_a_problem_are_taken_away():
    utterances = [an_utterance(r) for r in "abc"]
    assert [u.recording for u in without(utterances, [RecordingError("b", "p"), RecordingError("x", "p")])] == [
        "a",
        "c",
    ]


def test_parts_are_named_by_start_and_end():
    assert part_name("a", 1.25, 12.5) == "a_1.250-12.500"
    assert part_name("a", 0.0, None) == "a_0.000-end"
