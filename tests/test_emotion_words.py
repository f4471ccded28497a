"""Words for emotions, labels of a corpus in the words of the config, and what is said of words that are not known."""

import dataclasses
import shlex
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
from convcam_jax.corpora.words.emotion_words import SYNONYMS, nearest_word, standard_word
from convcam_jax.corpora.words.relabelling import relabel
from convcam_jax.settings.config import Config
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


APART = [
    *((("anxiety", "fear"), "fear", "anxiety"), (("Anxious", "fearful"), "fear", "Anxious")),
    *((("happiness", "joy"), "happiness", "joy"), (("Joyful", "happy"), "joy", "happy")),
    *((("Sorrow", "sad"), "sadness", "Sorrow"), (("ps", "surprise"), "surprise", "ps")),
    *((("Aerger", "Wut"), "anger", "Wut"), (("Wut", "Zorn"), "Wut", "Zorn"), (("Wut", "Zorn"), "Zorn", "Wut")),
    *((("alegria", "felicidad"), "happiness", "felicidad"), (("Furcht", "Angst"), "fear", "Furcht")),
]


@pytest.mark.parametrize(("own", "emotion", "asked"), APART, ids=[" ".join(own) for own, *_ in APART])
def test_labels_that_a_language_tells_apart_do_not_become_one_unasked(own, emotion, asked):
    config = CorpusConfig("any", emotions=(emotion, "disgust"))
    one, other = sorted(own)
    with pytest.raises(UserError) as caught:
        labels(config, *own, "disgust")
    assert str(caught.value) == (
        f"config field corpus.labels: the corpus tells apart {one} and {other}, which would be one emotion; say whether"
        f" they are, by --set=corpus.labels={asked}:{emotion}, or not, by --set=corpus.labels={asked}:{asked}"
    )
    merged = dataclasses.replace(config, labels=(f"{asked}:{emotion}",))
    assert labels(merged, *own) == [emotion, emotion]
    parted = dataclasses.replace(config, labels=(f"{asked}:{asked}",))
    assert labels(parted, *own) == [asked if word == asked else emotion for word in own]
    # Each alone means the emotion.
    assert [labels(config, word)[0] for word in own] == [emotion, emotion]


def test_all_labels_that_a_language_tells_apart_are_told_at_once():
    with pytest.raises(
        UserError, match=r"anxiety and fear, happiness and joy, which .*=anxiety:fear,joy:happiness, or"
    ):
        labels(CorpusConfig("any", emotions=tuple(SYNONYMS)), "anxiety", "fear", "joy", "happiness", "irritation")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (("anxiety:anxiety",), ["anxiety", "fear", "happiness"]),
        (("anxiety:sadness",), ["sadness", "fear", "happiness"]),
        (("anxiety:fear",), ["fear", "fear", "happiness"]),
        (("scared:fear", "anxiety:neutral"), ["neutral", "fear", "happiness"]),
    ],
)
def test_a_change_by_meaning_is_not_of_what_a_language_tells_apart_from_its_word(changes, expected):
    config = CorpusConfig("any", labels=changes)
    assert labels(config, "anxious", "fear", "happy") == expected


def test_a_word_that_is_kept_and_that_nobody_has_changes_nothing():
    assert labels(CorpusConfig("any", labels=("anxiety:anxiety",)), "fear", "afraid") == ["fear", "fear"]


@pytest.mark.parametrize(
    ("own", "changes", "as_one", "apart", "words"),
    [
        (("1", "2"), "1:happy,2:joy", "1:happy,2:happiness", "1:happy,2:joy,joy:joy", ["happiness", "joy"]),
        (
            *(("afraid", "anxious"), "anxious:anxiety,afraid:fear", "afraid:fear,anxious:fear"),
            *("anxious:anxiety,afraid:fear,anxiety:anxiety", ["fear", "anxiety"]),
        ),
        (("happy", "Exc"), "exc:joy", "Exc:happiness", "exc:joy,joy:joy", ["happiness", "joy"]),
        (("happy", "joy"), "happy:happiness", "happy:happiness,joy:happiness", "happy:happiness,joy:joy", None),
    ],
)
def test_words_that_labels_are_changed_to_do_not_become_one_unasked(own, changes, as_one, apart, words):
    def config(text: str) -> CorpusConfig:
        return CorpusConfig("any", labels=tuple(text.split(",")))

    with pytest.raises(UserError, match=f"labels={as_one}, or not, by --set=corpus.labels={apart}$"):
        labels(config(changes), *own)
    assert len(set(labels(config(as_one), *own))) == 1
    assert labels(config(apart), *own) == (words or ["happiness", "joy"])


PROPOSED = [
    *((("happy", "Happy", "joy", "Joy"), {}, 1), (("Sorrow", "sorrow", "Sad", "sad"), {}, 1)),
    *((("pleasant surprise", "surprise"), {}, 1), (("Pleasant Surprise", "pleasant_surprise", "surprised"), {}, 1)),
    *(
        (("Ärger", "ärger", "Wut", "Zorn", "anger"), {}, 2),
        (("1", "2"), {"1": "pleasant surprise", "2": "surprise"}, 1),
    ),
    (("1, loud", "2's $x"), {"1, loud": "happy", "2's $x": "joy"}, 1),
]


@pytest.mark.parametrize(("own", "changes", "n_more"), PROPOSED, ids=[" ".join(own) for own, *_ in PROPOSED])
def test_settings_that_are_proposed_are_taken_by_a_shell_and_by_the_config(own, changes, n_more):
    emotions = ("anger", "fear", "happiness", "sadness", "surprise")
    with pytest.raises(UserError, match="say whether they are") as caught:
        relabel(utterances(*own), emotions, changes)
    settings = [word for word in shlex.split(str(caught.value).replace(", or not", " ")) if word.startswith("--set=")]
    as_one, apart = (apply_overrides(Config(), [own.removeprefix("--set=")]).corpus for own in settings)
    found = [set(labels(dataclasses.replace(config, emotions=emotions), *own)) for config in (as_one, apart)]
    assert [len(words) for words in found] == [1, 1 + n_more]


def test_labels_of_excluded_speakers_alone_are_not_asked_for():
    own = utterances("anxiety", "fear")
    own[0] = own[0]._replace(speaker="04")
    assert [u.emotion for u in relabel(own, ("fear", "joy"), {}, ("04",)).utterances] == ["fear", "fear"]
    with pytest.raises(UserError, match="tells apart anxiety and fear"):
        relabel(own, ("fear", "joy"), {}, ("05",))


@pytest.mark.parametrize(
    "own",
    [
        *(("anger", "angry", "Anger", "ANG"), ("Wut", "anger"), ("Wut", "wütend", "wuetend"), ("Freude", "happiness")),
        *(("joy", "gioia"), ("Angst", "fear"), ("fear/anxiety", "fear", "afraid"), ("colère", "rabbia", "enojo")),
        *(("trauer", "sad"), ("ps", "pleasant surprise"), ("neutral", "neutre")),
    ],
)
def test_spellings_and_translations_become_one(own):
    found = labels(CorpusConfig("any", emotions=tuple(SYNONYMS)), *own)
    assert found == [standard_word(own[0])] * len(own)


def test_emotions_that_are_all_named_stay_apart():
    assert labels(CorpusConfig("any", emotions=("anxiety", "fear")), "anxiety", "fear") == ["anxiety", "fear"]


@pytest.mark.parametrize(
    "table",
    [EMODB_EMOTIONS, TESS_EMOTIONS, SAVEE_EMOTIONS, EMOVO_EMOTIONS, CREMA_D_EMOTIONS, IEMOCAP_EMOTIONS],
)
def test_no_labels_of_official_corpora_are_refused(table):
    for words in (table.keys(), table.values(), (*table.values(), *RAVDESS_EMOTIONS)):
        relabel(utterances(*words), tuple(SYNONYMS), {})


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
