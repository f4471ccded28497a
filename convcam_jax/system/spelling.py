"""Words that people spell in more than one way: their common form, and the nearest of some words."""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence

from convcam_jax.system.errors import named
from convcam_jax.system.text import as_seen, with_unseen

# What stands between digits is part of a number, and a hyphen that is left in the common form is its sign.
_NOT_BETWEEN_DIGITS = re.compile(r"(?<!\d)[^\w\s-]|[^\w\s-](?!\d)")


def common_form(word: str) -> str:
    """The word in small letters without accents; spaces, hyphens and underscores are one space between its parts.

    A number keeps its sign.

    >>> common_form(" Pleasant_Surprise"), common_form("Colère"), common_form("-1")
    ('pleasant surprise', 'colere', '-1')
    """
    letters = (c for c in unicodedata.normalize("NFKD", word.casefold()) if not unicodedata.combining(c))
    return _with_single_spaces("".join(letters))


def _with_single_spaces(text: str) -> str:
    sign = "-" if re.match(r"\s*-\d", text) else ""
    return sign + re.sub(r"[\s_-]+", " ", text).strip()


def on_alike(what: str, words: Iterable[str]) -> list[str]:
    """A remark on those of some words that may be one; none if there are none.

    A spreadsheet takes zeros away, or adds some, and people vary capital letters, accents, punctuation and what is not
    seen.

    >>> on_alike("texts", ["Hello you.", "hello you", "bye"])
    ['texts Hello you. and hello you count as different; if they are not, mend the table']
    """
    alike: dict[str, set[str]] = {}
    for word in words:
        alike.setdefault(_without_varied(word), set()).add(word)
    pairs = [" and ".join(map(with_unseen, sorted(own))) for own in alike.values() if len(own) > 1]
    return [f"{what} {named(sorted(pairs))} count as different; if they are not, mend the table"] if pairs else []


def _without_varied(word: str) -> str:
    form = re.sub(r"^(-?\d+)\.0+$", r"\1", common_form(as_seen(word))).lstrip("0")
    spoken = _NOT_BETWEEN_DIGITS.sub(lambda found: "" if _is_punctuation(found[0]) else found[0], form)
    return " ".join(spoken.split()) or form


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character).startswith("P")


def bare_form(word: str) -> str:
    """The word in its `common_form`, but with its accents and signs; a word of nothing but spaces or hyphens as it is.

    >>> bare_form(" Pleasant_Surprise"), bare_form("Colère"), bare_form("--")
    ('pleasant surprise', 'colère', '--')
    """
    return _with_single_spaces(word.casefold()) or word


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
