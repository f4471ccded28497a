"""Words for emotions in several languages, and which of them mean the same."""

from collections.abc import Mapping, Sequence

from convcam_jax.system.spelling import common_form, nearest

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
# Standard words for labels that say of a recording that it has none of the others.
NO_EMOTIONS = frozenset({"no agreement", "other"})
# German umlauts are also spelled with an e.
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_STANDARD_WORDS = {
    common_form(spelled): standard
    for standard, words in SYNONYMS.items()
    for word in (standard, *words)
    for spelled in (word, word.translate(_UMLAUTS))
}
# Words less alike than this are no misspellings of one another.
_LIKENESS = 0.6


def standard_word(word: str) -> str | None:
    """The English noun for an emotion that is called `word`; None if the word is not known.

    >>> standard_word("Wut"), standard_word("ang"), standard_word("rabbia"), standard_word("grumpy")
    ('anger', 'anger', 'anger', None)
    """
    return _STANDARD_WORDS.get(common_form(word))


def nearest_word(word: str, others: Sequence[str]) -> str | None:
    """The most alike of `others` and the words that are known; None if it is like none."""
    return nearest(word, [*others, *SYNONYMS, *_STANDARD_WORDS], _LIKENESS)
