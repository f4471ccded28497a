"""Labels that a language tells apart become one emotion only where the config says so."""

import dataclasses
import shlex

import pytest
from test_emotion_words import labels, utterances

from convcam_jax.corpora.config import CorpusConfig
from convcam_jax.corpora.crema_d import CREMA_D_EMOTIONS
from convcam_jax.corpora.emodb import EMODB_EMOTIONS
from convcam_jax.corpora.emovo import EMOVO_EMOTIONS
from convcam_jax.corpora.iemocap import IEMOCAP_EMOTIONS
from convcam_jax.corpora.ravdess import RAVDESS_EMOTIONS
from convcam_jax.corpora.savee import SAVEE_EMOTIONS
from convcam_jax.corpora.tess import TESS_EMOTIONS
from convcam_jax.corpora.words.emotion_words import SYNONYMS, standard_word
from convcam_jax.corpora.words.relabelling import relabel
from convcam_jax.settings.config import Config
from convcam_jax.settings.overrides import apply_overrides
from convcam_jax.system.errors import UserError

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
