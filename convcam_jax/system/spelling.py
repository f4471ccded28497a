"""Words that people spell in more than one way: their common form, and the nearest of some words."""

import difflib
import re
import unicodedata
from collections.abc import Sequence


def common_form(word: str) -> str:
    """The word in small letters without accents; spaces, hyphens and underscores are one space between its parts.

    A number keeps its sign.

    >>> common_form(" Pleasant_Surprise"), common_form("Colère"), common_form("-1")
    ('pleasant surprise', 'colere', '-1')
    """
    letters = (c for c in unicodedata.normalize("NFKD", word.casefold()) if not unicodedata.combining(c))
    form = "".join(letters).strip()
    sign = "-" if re.match(r"-\d", form) else ""
    return sign + re.sub(r"[\s_-]+", " ", form).strip()


def nearest(word: str, words: Sequence[str], likeness: float = 0.0) -> str | None:
    """The one of `words` that is spelled most like `word`, the first of several; None if none is at least so alike.

    `likeness` is `difflib`'s ratio, 0..1, of the common forms. Numbers are alike whose zeros in front differ only.

    >>> nearest("3", ["13", "03"]), nearest("angre", ["fear", "anger"]), nearest("x", ["fear"], 0.6)
    ('03', 'anger', None)
    """
    ratios = [_likeness(common_form(word), common_form(other)) for other in words]
    if not ratios or max(ratios) < likeness:
        return None
    return words[ratios.index(max(ratios))]


def _likeness(form: str, other: str) -> float:
    if form.lstrip("0") == other.lstrip("0"):
        return 1.0
    return difflib.SequenceMatcher(None, form, other).ratio()
