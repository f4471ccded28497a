"""Words of users, such as labels and names: they are text, and look like what they are wherever they are shown."""

import re
import unicodedata

_BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")
# Control characters other than these, what turns the direction of writing, what has no width (but for the joiners, with
# which some scripts and emoji are written), and halves of characters, which no file of text can hold.
_HIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\xad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]"
)
# What comes into a table by copying from pages and documents, and makes another word of one that looks the same.
# Spreadsheets of Hebrew and Arabic write marks of direction.
_WITHOUT_WIDTH = re.compile("[\xad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
# Inside of a word an underscore is no markup.
_MARKUP = re.compile(r"[\\`*<|~$]|\](?=\()|&(?=#?\w+;)|(?<![^\W_])_|_(?![^\W_])")


def one_form(text: str) -> str:
    """The text in the form in which texts are compared, Unicode's NFC: an accent is written in several ways.

    >>> one_form("Mu\u0308ller") == "M\u00fcller"
    True
    """
    return unicodedata.normalize("NFC", text)


def without_hidden(text: str) -> str:
    r"""The text without characters of no width and marks of direction, and with one space for all white space inside.

    >>> without_hidden("an\u200bger \u00a0now\n")
    'anger now'
    """
    return " ".join(_WITHOUT_WIDTH.sub("", text).split())


def number_in(text: str) -> float:
    """The number that a text is; raises ValueError if it is none, as with underscores in it, which Python takes.

    >>> number_in("1.5"), number_in("1e-3")
    (1.5, 0.001)
    """
    return float(_without_underscores(text))


def whole_number_in(text: str) -> int:
    """The whole number that a text is; raises ValueError if it is none, as `number_in` does.

    >>> whole_number_in("-15")
    -15
    """
    return int(_without_underscores(text))


def _without_underscores(text: str) -> str:
    if "_" in text:
        raise ValueError(f"{text} is no number")
    return text


def visible(text: str) -> str:
    r"""The text with every character seen that is not, and acts on others, such as `[U+202E]`; lines stay lines.

    >>> visible("a \u202eturned")
    'a [U+202E]turned'
    """
    return _HIDDEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


def in_one_line(text: str) -> str:
    r"""The text as `visible` has it, with spaces for line breaks.

    >>> in_one_line("two\nlines")
    'two lines'
    """
    return visible(_BREAKS.sub(" ", text))


def in_markdown(text: str) -> str:
    r"""Markdown that shows the text as it is, without mark-up or mathematics, in one line, as in a cell of a table.

    >>> in_markdown("a|b *c* _d_ e_f $g$ <h>")
    'a\\|b \\*c\\* \\_d\\_ e_f \\$g\\$ \\<h>'
    """
    return _MARKUP.sub(lambda found: f"\\{found[0]}", in_one_line(text))
