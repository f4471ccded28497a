"""Words of users, such as labels and names: they are text, and look like what they are wherever they are shown."""

import re
import unicodedata

_BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")
# Control characters other than these, what turns the direction of writing, what has no width (but for the joiners, with
# which some scripts and emoji are written), and halves of characters, which no file of text can hold.
_HIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
# What comes into a table by copying from pages and documents, and makes another word of one that looks the same.
# Spreadsheets of Hebrew and Arabic write marks of direction, and keyboards of phones selectors behind emoji. Tags are
# of use behind a flag alone.
_WITHOUT_WIDTH = re.compile(
    "[\xad\u034f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
    "|(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0000-\U000e007f]+"
)
# What joins or changes its neighbours: at these ends of a word it has none. But letters from Arabic to Burmese and of
# Mongolian have another form before a joiner, also where a word ends.
_WITHOUT_NEIGHBOUR = re.compile(
    r"(?<!\S)[\u200c\u200d\u180b-\u180f\U000e0100-\U000e01ef]+"
    r"|(?:[\u200c\u180e]|(?<![\u0600-\u109f\u1800-\u18af])\u200d)+(?!\S)"
)
# Letters and signs in name alone, which nobody sees: of Hangul and Braille.
_BLANK = re.compile("[\u2800\u3164\uffa0]")
# What is not seen either, and stays where it is in a word.
_UNSEEN = re.compile("[\u180b-\u180f\u200c\u200d\U000e0000-\U000e01ef]")
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

    Joiners stay inside of words, where some scripts and emoji have them, as do flags and variants of characters.

    >>> without_hidden("an\u200bger \u00a0now\n"), without_hidden("\u2800\u200d")
    ('anger now', '')
    """
    return " ".join(_WITHOUT_NEIGHBOUR.sub("", _BLANK.sub(" ", _WITHOUT_WIDTH.sub("", text))).split())


def as_seen(text: str) -> str:
    r"""The text as `without_hidden` has it, and without all else in words that nobody sees, for comparisons alone.

    >>> as_seen("an\u200dna")
    'anna'
    """
    return _UNSEEN.sub("", without_hidden(text))


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
    return _HIDDEN.sub(_code, text)


def with_unseen(text: str) -> str:
    r"""The text with all seen that `as_seen` takes out of words, for texts that differ in nothing else.

    >>> with_unseen("an\u200dna")
    'an[U+200D]na'
    """
    return _UNSEEN.sub(_code, text)


def _code(found: re.Match[str]) -> str:
    return f"[U+{ord(found[0]):04X}]"


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
