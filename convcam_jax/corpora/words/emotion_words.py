"""Words for emotions in several languages, and which of them mean the same."""

from collections.abc import Iterable, Mapping, Sequence

from convcam_jax.system.spelling import common_form, nearest
from convcam_jax.system.validation import ALIKE

# From English, German, French, Italian and Spanish, and the abbreviations of common corpora. Words of one line mean the
# same; what a corpus tells apart (calm and neutral, excitement and happiness) is on lines of its own.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "anger": (
        *("angry", "ang", "wut", "wütend", "ärger", "ärgerlich", "zorn", "zornig"),
        *("colère", "fâché", "rabbia", "rab", "arrabbiato", "ira", "enojo", "enfado", "enojado", "rabia"),
    ),
    "boredom": (
        *("bored", "bor", "langeweile", "gelangweilt", "ennui", "ennuyé", "noia", "annoiato"),
        *("aburrimiento", "aburrido"),
    ),
    "calm": ("calmness", "cal", "ruhe", "ruhig", "gelassen", "calme", "calma", "calmo", "tranquilo"),
    "contempt": ("contemptuous", "verachtung", "mépris", "disprezzo", "desprecio"),
    "disgust": (
        *("disgusted", "dis", "disg", "ekel", "angeekelt", "dégoût", "dégoûté", "disgusto", "disgustato"),
        *("asco", "asqueado"),
    ),
    "excitement": ("excited", "exc", "aufregung", "aufgeregt", "excitation", "eccitazione", "emoción"),
    "fear": (
        *("fearful", "fea", "fear/anxiety", "anxiety", "anxiety/fear", "anxious", "anx", "afraid", "scared"),
        *("angst", "ängstlich", "furcht", "furchtsam", "peur", "apeuré", "paura", "pau", "impaurito"),
        *("miedo", "temor", "asustado"),
    ),
    "frustration": ("frustrated", "fru", "frus", "frustriert", "frustrazione", "frustración"),
    "happiness": (
        *("happy", "hap", "joy", "joyful", "joyous", "happy/joy", "freude", "fröhlich", "glücklich", "joie"),
        *("joyeux", "heureux", "gioia", "gio", "felicità", "felice", "alegría", "felicidad", "feliz", "alegre"),
    ),
    "neutral": ("neu", "neutrality", "normal", "neutralität", "neutre", "neutro", "neutrale", "neutralità"),
    "no agreement": ("xxx", "undecided", "no majority"),
    "other": ("oth", "others", "andere", "autre", "altro", "otro"),
    "sadness": (
        *("sad", "trauer", "traurig", "traurigkeit", "tristesse", "triste", "tri", "tristezza", "tristeza"),
        *("sorrow", "sorrowful"),
    ),
    "surprise": (
        *("surprised", "sur", "surp", "pleasant surprise", "pleasant surprised", "pleasantly surprised", "ps"),
        *("überraschung", "überrascht", "surpris", "sorpresa", "sor", "sorpreso", "sorprendido"),
    ),
}
# Words of one line of which a language tells some from others, as some corpora do: of each, those that mean the same.
_TOLD_APART = (
    (("fear", "fearful", "fea", "afraid", "scared"), ("anxiety", "anxious", "anx")),
    (("happiness", "happy", "hap"), ("joy", "joyful", "joyous")),
    (("sadness", "sad"), ("sorrow", "sorrowful")),
    (
        ("surprise", "surprised", "sur", "surp"),
        ("pleasant surprise", "pleasant surprised", "pleasantly surprised", "ps"),
    ),
    (("neutral", "neu", "neutrality", "neutralität", "neutre", "neutro", "neutrale", "neutralità"), ("normal",)),
    (("wut", "wütend"), ("ärger", "ärgerlich"), ("zorn", "zornig")),
    (("angst", "ängstlich"), ("furcht", "furchtsam")),
    (("freude", "fröhlich"), ("glücklich",)),
    (("joie", "joyeux"), ("heureux",)),
    (("rabbia", "rab", "arrabbiato"), ("ira",)),
    (("gioia", "gio"), ("felicità", "felice")),
    (("enojo", "enojado"), ("enfado",), ("rabia",), ("ira",)),
    (("alegría", "alegre"), ("felicidad", "feliz")),
    (("miedo", "asustado"), ("temor",)),
)
# Standard words for labels that say of a recording that it has none of the others.
NO_EMOTIONS = frozenset({"no agreement", "other"})
# German umlauts are also spelled with an e.
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


def _spelled(words: Iterable[str]) -> set[str]:
    return {common_form(spelled) for word in words for spelled in (word, word.translate(_UMLAUTS))}


_STANDARD_WORDS = {
    form: standard for standard, words in SYNONYMS.items() for form in sorted(_spelled((standard, *words)))
}
# For each of the languages and lines above the number of the meaning of a form.
_MEANINGS = tuple(
    {form: number for number, words in enumerate(meanings) for form in _spelled(words)} for meanings in _TOLD_APART
)


def standard_word(word: str) -> str | None:
    """The English noun for an emotion that is called `word`; None if the word is not known.

    >>> standard_word("Wut"), standard_word("ang"), standard_word("rabbia"), standard_word("grumpy")
    ('anger', 'anger', 'anger', None)
    """
    return _STANDARD_WORDS.get(common_form(word))


def are_told_apart(word: str, other: str) -> bool:
    """Whether one language has both words and means two emotions by them, though their standard word is one.

    >>> are_told_apart("anxiety", "Fear"), are_told_apart("angry", "anger"), are_told_apart("Wut", "anger")
    (True, False, False)
    """
    forms = common_form(word), common_form(other)
    return any(len({meanings[form] for form in forms if form in meanings}) == 2 for meanings in _MEANINGS)


def nearest_word(word: str, others: Sequence[str]) -> str | None:
    """The most alike of `others` and the words that are known; None if it is like none."""
    return nearest(word, [*others, *SYNONYMS, *_STANDARD_WORDS], ALIKE)
