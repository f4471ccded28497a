"""Letters that the figures' own font has not: other fonts of the machine draw them, or their numbers are drawn."""

from collections.abc import Iterable
from functools import cache

from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, fontManager
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

# It comes with Matplotlib.
OWN_FONT = "DejaVu Sans"
# A font that has a box for every letter there is.
_BOXES_ONLY = "Last Resort"
_MOST_TOLD = 10


@cache
def _own_letters() -> frozenset[int]:
    return _letters_of(findfont(OWN_FONT))


@cache
def _letters_of(path: str) -> frozenset[int]:
    """The letters that a font file has an outline of; none of one that holds pictures, which Matplotlib cannot draw."""
    try:
        font = FT2Font(path)
        return frozenset(font.get_charmap()) if font.scalable else frozenset()
    except (OSError, RuntimeError):
        return frozenset()


@cache
def font_with(letter: str) -> str | None:
    """A font of the machine that has the letter, the figures' own if that has; None if no font has."""
    if ord(letter) in _own_letters():
        return OWN_FONT
    upright = (own for own in fontManager.ttflist if own.style == "normal" and _BOXES_ONLY not in own.name)
    # Of the widths and weights of a family, one whose strokes are as usual.
    ordered = sorted(upright, key=lambda own: (abs(_weight(own.weight) - 400), own.name))
    return next((own.name for own in ordered if ord(letter) in _letters_of(own.fname)), None)


def _weight(weight: int | str) -> int:
    return weight if isinstance(weight, int) else 400


def drawable(letter: str) -> str:
    r"""The letter itself, or its number where no font has it.

    >>> drawable("a"), drawable("\U0010fffd")
    ('a', '[U+10FFFD]')
    """
    return letter if font_with(letter) else f"[U+{ord(letter):04X}]"


def use_fonts_of_letters(figure: Figure) -> None:
    """Let all texts of the figure be drawn by the fonts that have their letters, the figures' own one first."""
    texts = [own for own in figure.findobj(Text) if isinstance(own, Text)]
    letters = sorted({letter for own in texts for letter in own.get_text() if not letter.isspace()})
    found = [OWN_FONT, *(font for letter in letters if (font := font_with(letter)))]
    families = list(dict.fromkeys(found))
    if len(families) > 1:
        for text in texts:
            text.set_fontfamily(families)


def remark_on_letters(words: Iterable[str]) -> str:
    """What is to be told of letters of the words that no font has; "" if there are none."""
    missing = sorted({letter for word in words for letter in word if letter.isprintable() and not font_with(letter)})
    if not missing:
        return ""
    more = f" and {len(missing) - _MOST_TOLD} more" if len(missing) > _MOST_TOLD else ""
    return (
        f"no font of this machine has the letters {' '.join(missing[:_MOST_TOLD])}{more}; figures show their numbers, "
        f"as {drawable(missing[0])}; fonts that have them, as Noto Sans CJK or Noto Emoji, are used when installed"
    )
