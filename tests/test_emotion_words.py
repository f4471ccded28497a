"""Words for emotions, labels of a corpus in the words of the config, and what is said of words that are not known."""

import dataclasses
from pathlib import Path

import pytest

from convcam_jax.corpora import CORPORA
from convcam_jax.corpora.config import CorpusConfig
from convcam_jax.corpora.crema_d import CREMA_D_EMOTIONS
from convcam_jax.corpora.emodb import EMODB_EMOTIONS
from convcam_jax.corpora.emovo import EMOVO_EMOTIONS
from convcam_jax.corpora.iemocap import IEMOCAP_EMOTIONS
from convcam_jax.corpora.ravdess import RAVDESS_EMOTIONS
from convcam_jax.corpora.savee import SAVEE_EMOTIONS
from convcam_jax.corpora.tess import TESS_EMOTIONS
from convcam_jax.corpora.utterances import Utterance, select
from convcam_jax.corpora.words import relabelling
from convcam_jax.corpora.words.emotion_words import SYNONYMS, nearest_word, standard_word
from convcam_jax.corpora.words.relabelling import relabel
from convcam_jax.settings.overrides import apply_overrides
from convcam_jax.settings.presets import Choices, make_config
from convcam_jax.stages.preparation import find_corpus
from convcam_jax.system.errors import UserError
from convcam_jax.system.spelling import common_form, nearest

THREE = ("anger", "happiness", "neutral")


def utterances(*emotions: str) -> list[Utterance]:
    return [Utterance(f"r{k}", "03", "female", e, "t", Path(f"r{k}.wav")) for k, e in enumerate(emotions)]


def labels(config: CorpusConfig, *emotions: str) -> list[str]:
    found = relabel(utterances(*emotions), config.emotions, config.label_changes)
    return [u.emotion for u in found.utterances]


@pytest.mark.parametrize(
    ("words", "standard"),
    [
        (("anger", "Angry", "ANG", "Wut", "Ärger", "aerger", "rabbia", "rab", "colère", "colere", "enojo"), "anger"),
        (("Freude", "joy", "hap", "gioia", "gio", "joie", "alegría", "alegria", "fröhlich", "froehlich"), "happiness"),
        (("Angst", "fearful", "paura", "pau", "peur", "miedo"), "fear"),
        (("Trauer", "sad", "tristezza", "tri", "tristesse", "tristeza"), "sadness"),
        (("Ekel", "disgusted", "dis", "dégoût", "asco"), "disgust"),
        (("Langeweile", "bored", "ennui", "noia"), "boredom"),
        (("ps", "pleasant_surprise", "Pleasant-Surprised", "sor", "Überraschung", "ueberraschung"), "surprise"),
        (("neu", "neutre", "neutrale", " Neutral "), "neutral"),
        (("exc", "excited"), "excitement"),
    ],
)
def test_words_of_several_languages_mean_the_same(words, standard):
    assert {standard_word(word) for word in words} == {standard}


@pytest.mark.parametrize("word", ["", "grumpy", "1", "ange", "a"])
def test_other_words_are_not_known(word):
    assert standard_word(word) is None


def test_no_word_means_two_emotions():
    forms = [common_form(word) for standard, words in SYNONYMS.items() for word in (standard, *words)]
    assert len(forms) == len(set(forms))


def test_emotions_of_all_corpora_are_their_own_standard_words():
    tables = (EMODB_EMOTIONS, TESS_EMOTIONS, SAVEE_EMOTIONS, EMOVO_EMOTIONS, CREMA_D_EMOTIONS, IEMOCAP_EMOTIONS)
    words = {word for table in tables for word in table.values()} | set(RAVDESS_EMOTIONS)
    assert {word: standard_word(word) for word in words} == {word: word for word in words}


@pytest.mark.parametrize(
    ("word", "others", "found"),
    [
        ("angre", (), "anger"),
        ("hapiness", (), "happiness"),
        ("hapiness", ("happinesses",), "happiness"),
        ("Freudee", (), "freude"),
        ("grumpi", ("grumpy",), "grumpy"),
        ("qqqq", (), None),
    ],
)
def test_the_nearest_word_is_of_the_table_or_of_the_others(word, others, found):
    assert nearest_word(word, others) == found


@pytest.mark.parametrize(
    ("word", "words", "found"),
    [
        ("3", ("13", "03", "3a"), "03"),
        ("03", ("30", "3", "003"), "3"),
        ("Anna", ("bob", "ana", "anne"), "ana"),
        ("x", (), None),
        ("0", ("10", "00"), "00"),
    ],
)
def test_the_nearest_name_has_the_same_number_or_letters(word, words, found):
    assert nearest(word, words) == found


def test_labels_get_the_words_of_the_config_and_its_spelling():
    config = CorpusConfig("any", emotions=("Wut", "joy", "neutral"))
    assert labels(config, "anger", "angry", "HAPPY", "gioia", "Neutral", "sad") == [
        *("Wut", "Wut", "joy", "joy", "neutral", "sad")
    ]


def test_labels_that_are_the_configs_own_words_stay_as_they_are():
    own = utterances(*THREE, "disgust")
    found = relabel(own, THREE, {})
    assert found.utterances == own
    assert found.remarks == []


def test_changes_come_first_and_may_merge():
    config = CorpusConfig(
        "any", emotions=THREE, labels=("1:anger", "excited : happiness", "Calm:neutral", "joy:unused")
    )
    assert labels(config, "1", "excited", "calm", "joy", "happy") == [*THREE, "unused", "happiness"]


def test_words_that_were_taken_for_others_are_said_with_their_counts():
    found = relabel(utterances("Wut", "Wut", "anger", "happy", "neutral"), THREE, {})
    assert found.remarks == [
        "emotions called by other words, and their recordings: Wut for anger (2), happy for happiness (1)"
    ]


def test_two_labels_that_become_one_are_said_whatever_is_between_them():
    found = relabel(utterances("Anger", "Anger", "anger", "neutral"), THREE, {})
    assert [u.emotion for u in found.utterances] == ["anger", "anger", "anger", "neutral"]
    assert found.remarks == ["emotions called by other words, and their recordings: Anger for anger (2)"]


@pytest.mark.parametrize("own", ["giận", "Giận", "GIẬN"])
@pytest.mark.parametrize("other", ["gian", "giàn"])
def test_labels_that_differ_in_an_accent_are_two_where_both_are_there(own, other):
    both = relabel(utterances(own, other), ("giận",), {})
    assert [u.emotion for u in both.utterances] == ["giận", other]
    assert both.remarks == [
        f"emotions that are not known, and their recordings: {other} (1, the nearest known is giận)"
    ]
    alone = relabel(utterances(other), ("giận",), {})
    assert [u.emotion for u in alone.utterances] == ["giận"]


@pytest.mark.parametrize(
    ("labels", "emotion", "words"),
    [
        (("--", "-"), "-", ("--", "-")),
        (("-", "--"), "_", ("-", "--")),
        (("x²", "x2"), "X2", ("x²", "X2")),
        (("が", "か"), "か", ("が", "か")),
        (("gian", "giàn"), "giận", ("gian", "giàn")),
    ],
)
def test_signs_and_accents_are_not_taken_for_one_another(labels, emotion, words):
    assert tuple(u.emotion for u in relabel(utterances(*labels), (emotion,), {}).utterances) == words


def test_labels_that_mean_one_emotion_are_said_where_there_are_several():
    found = relabel(utterances("Anger", "ANGER", "ánger"), ("anger",), {})
    assert {u.emotion for u in found.utterances} == {"anger"}
    assert found.remarks == [
        "emotions called by other words, and their recordings: ANGER for anger (1), Anger for anger (1), "
        "ánger for anger (1)"
    ]
    assert relabel(utterances("Anger", "Fear"), ("anger", "fear"), {}).remarks == []


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (("Stress", "stress", "stress", " STRESS_", "Wut"), ("stress", "stress", "stress", "stress", "anger")),
        (("Stress", "stress"), ("Stress", "Stress")),
        (("gian", "giận", "Giận", "Giận"), ("gian", "Giận", "Giận", "Giận")),
        (("1", "1.0", "-1"), ("1", "1.0", "-1")),
    ],
)
def test_words_that_nobody_knows_have_one_spelling_where_no_emotions_are_named(labels, words):
    found = relabel(utterances(*labels), (), {})
    assert tuple(u.emotion for u in found.utterances) == words
    assert any(", Stress for stress (1)" in remark for remark in found.remarks) == ("Wut" in labels)


def test_a_spelling_that_labels_are_changed_to_comes_before_the_most_frequent():
    found = relabel(utterances("1", "stress", "stress"), (), {"1": "Stress"})
    assert [u.emotion for u in found.utterances] == ["Stress"] * 3
    assert found.remarks == [
        "emotions called by other words, and their recordings: 1 for Stress (1), stress for Stress (2)"
    ]


def test_words_that_nobody_knows_are_not_compared_each_with_all_others(monkeypatch):
    """A column of numbers has thousands."""
    compared = []
    is_alike = relabelling._is_alike
    monkeypatch.setattr(relabelling, "_is_alike", lambda *words: compared.append(words) or is_alike(*words))
    labels = [f"{number / 7:.3f}" for number in range(100)]
    assert [u.emotion for u in relabel(utterances(*labels), (), {}).utterances] == labels
    assert len(compared) < 20 * len(labels)


def test_a_change_is_of_the_label_that_it_names():
    found = relabel(utterances("giận", "gian"), ("giận",), {"gian": "x"})
    assert [u.emotion for u in found.utterances] == ["giận", "x"]
    assert [u.emotion for u in relabel(utterances("Frôh"), ("happiness",), {"froh ": "x", "froh": "x"}).utterances] == [
        "x"
    ]


def test_words_that_nobody_knows_are_said_with_the_nearest_that_is_known():
    found = relabel(utterances(*THREE, "angre", "angre", "qqqq", "disgust", "odd"), THREE, {"odd": "strange"})
    assert found.remarks[-1] == (
        "emotions that are not known, and their recordings: angre (2, the nearest known is anger), qqqq (1)"
    )


def test_a_label_that_might_be_two_emotions_is_refused():
    with pytest.raises(UserError) as caught:
        relabel(utterances("happy"), ("joy", "happiness"), {})
    assert str(caught.value) == (
        "config field corpus.emotions: happy might be joy or happiness; say which, as in --set=corpus.labels=happy:joy"
    )
    with pytest.raises(UserError, match=r"as in '--set=corpus.labels=Pleasant Surprise:ps'$"):
        relabel(utterances("Pleasant Surprise"), ("ps", "surprised"), {})
    assert labels(CorpusConfig("any", emotions=("joy", "happiness")), "joy", "happiness") == ["joy", "happiness"]


def test_a_change_is_of_all_labels_that_mean_the_word_unless_it_is_one_itself():
    """TESS calls surprise ps; several corpora have standard words by the time that labels are changed."""
    for own, changes, expected in [
        (("surprise", "anger"), {"ps": "happiness"}, ["happiness", "anger"]),
        (("excitement",), {"excited": "happiness"}, ["happiness"]),
        (("excited", "excitement"), {"excited": "happiness"}, ["happiness", "excitement"]),
        (("excited", "excitement"), {"excited": "happiness", "excitement": "anger"}, ["happiness", "anger"]),
        (("odd",), {"ps": "happiness"}, ["odd"]),
    ]:
        assert [u.emotion for u in relabel(utterances(*own), THREE, changes).utterances] == expected


def test_a_change_of_a_word_that_is_not_there_names_the_nearest():
    with pytest.raises(UserError, match=r"corpus\.labels: there is no recording of hapy; the nearest word is happy$"):
        relabel(utterances("happy"), THREE, {"hapy": "happiness"})
    with pytest.raises(UserError, match=r"corpus\.labels: there is no recording of 7; the corpus has 1, 2$"):
        relabel(utterances("1", "2"), THREE, {"7": "anger"})
    # A known word may be missing in a part of a corpus.
    assert relabel(utterances("anger"), THREE, {"excitement": "happiness"}).remarks == []


@pytest.mark.parametrize(
    "pairs",
    [("happy",), ("happy:",), (":joy",), ("a:b:c",), ("happy:joy", "Happy:fear"), ("happy:joy", "happy:joy")],
)
def test_changes_that_are_no_pairs_are_refused(pairs):
    with pytest.raises(UserError, match=r"config field corpus\.labels: must have pairs .* as in happy:happiness,joy"):
        CorpusConfig("any", labels=pairs)


@pytest.mark.parametrize(
    ("emotion", "near"),
    [("angre", "anger"), ("hapiness", "happiness"), ("neutrl", "neutral"), ("boredem", "boredom")],
)
def test_a_misspelled_emotion_is_answered_by_the_nearest_word(emotion, near):
    config = CorpusConfig("any", emotions=("neutral" if near != "neutral" else "anger", emotion))
    with pytest.raises(UserError) as caught:
        select(utterances(*THREE), config)
    assert str(caught.value) == (
        f"config field corpus.emotions: there is no recording of {emotion}; the nearest word is {near}; "
        "the corpus has anger, happiness, neutral, all of which --set=corpus.emotions= takes"
    )


def test_an_emotion_that_is_known_but_not_there_has_no_nearest():
    with pytest.raises(UserError, match=r"there is no recording of boredom; the corpus has anger, happiness, neutral,"):
        select(utterances(*THREE), CorpusConfig("any", emotions=("anger", "boredom")))


def test_an_excluded_speaker_without_its_zero_is_answered_by_the_right_one():
    emodb = CORPORA["emodb"]
    config = emodb.config(emotions=("anger", "neutral"), excluded_speakers=("3",))
    with pytest.raises(UserError, match=r"excluded_speakers: the corpus has no speaker 3; the nearest is 03$"):
        select(utterances(*THREE), config, emodb.speakers)


def test_a_corpus_in_another_language_is_found_and_said_to_be_so(tmp_path, capsys):
    rows = [("a", "Wut"), ("b", "Freude"), ("c", "neutral"), ("d", "Wutt")]
    (tmp_path / "wav").mkdir()
    for name, _ in rows:
        (tmp_path / "wav" / f"{name}.wav").touch()
    lines = [f"{name},anna,female,{emotion},t" for name, emotion in rows]
    (tmp_path / "utterances.csv").write_text("\n".join(["recording,speaker,gender,emotion,text", *lines]) + "\n")
    config = make_config(Choices(corpus="listed", data_dir=str(tmp_path)))
    found = find_corpus(apply_overrides(config, ["corpus.emotions=anger,happiness,neutral"]), tmp_path).utterances
    assert [(u.recording, u.emotion) for u in found] == [("a", "anger"), ("b", "happiness"), ("c", "neutral")]
    assert capsys.readouterr().err.splitlines() == [
        "emotions called by other words, and their recordings: Freude for happiness (1), Wut for anger (1)",
        "emotions that are not known, and their recordings: Wutt (1, the nearest known is wut)",
        "corpus.max_frames is 325 (10.0 s): 0 of 3 recordings (0.0 %) are longer",
    ]


def test_every_corpus_has_the_field():
    assert {name: corpus.config().labels for name, corpus in CORPORA.items()} == {
        name: ("excitement:happiness",) if name == "iemocap" else () for name in CORPORA
    }
    assert all("labels" in {f.name for f in dataclasses.fields(corpus.config)} for corpus in CORPORA.values())
