"""Letters that the figures' font has not are drawn by another one, or as their numbers; nothing is warned of."""

import warnings
from io import BytesIO

import matplotlib.image
import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.font_manager import fontManager

from convcam_jax.figures import fonts, style

# Of scripts for which Matplotlib's font has no letters, and one of it that is no letter of any.
FOREIGN = {
    "CJK": "平静",
    "Hangul": "한국",
    "Devanagari": "गुस्सा",
    "emoji": "🥹",
    "private": "\ue9f3",
    "unassigned": "\U0003fffd",
}
WORDS = ("злость", "غضب", "é", "e\u0301", "θυμός", "😀", *FOREIGN.values())


@pytest.fixture
def machine_fonts(tmp_path, monkeypatch):
    """A machine that has Matplotlib's font and those that are added; each letter of these is a black square."""
    own = [font for font in fontManager.ttflist if "mpl-data" in font.fname]
    monkeypatch.setattr(fontManager, "ttflist", own)
    forget()

    def add(name: str, letters: str) -> None:
        pen = TTGlyphPen(None)
        for corner, move in zip(((0, 0), (0, 700), (700, 700), (700, 0)), (pen.moveTo, *[pen.lineTo] * 3), strict=True):
            move(corner)
        pen.closePath()
        builder = FontBuilder(1000)
        builder.setupGlyphOrder([".notdef", "square"])
        builder.setupCharacterMap({ord(letter): "square" for letter in letters})
        builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "square": pen.glyph()})
        builder.setupHorizontalMetrics({".notdef": (800, 0), "square": (800, 0)})
        builder.setupHorizontalHeader(ascent=800, descent=-200)
        builder.setupNameTable({"familyName": name, "styleName": "Regular"})
        builder.setupOS2()
        builder.setupPost()
        builder.save(tmp_path / f"{name}.ttf")
        fontManager.addfont(tmp_path / f"{name}.ttf")
        forget()

    yield add
    forget()


def forget() -> None:
    for own in (fonts.font_with, fonts._letters_of, fonts._own_letters):
        own.cache_clear()


@style.styled
def draw(word: str):
    figure, axes = style.new_figure(1, 1, width=2.0, height=1.0)
    panel = axes[0, 0]
    panel.plot([0, 1], [0, 1], label=style.shown(word))
    style.left_title(panel, style.shown(word))
    panel.set_xticks([0.5], [style.shown(word)])
    style.legend_below(figure, [panel])
    return figure


def drawn(word: str) -> np.ndarray:
    """The picture; what would be warned of is an error."""
    buffer = BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw(word).savefig(buffer)
    buffer.seek(0)
    return matplotlib.image.imread(buffer)


@pytest.mark.parametrize("word", WORDS)
def test_words_of_any_script_are_drawn_without_a_warning(word, machine_fonts):
    drawn(word)


@pytest.mark.parametrize("script", FOREIGN)
def test_letters_that_no_font_has_are_numbers_that_tell_words_apart(script, machine_fonts):
    word = FOREIGN[script]
    missing = sorted({letter for letter in word if not fonts.font_with(letter)})
    assert missing
    assert all(f"[U+{ord(letter):04X}]" in style.shown(word, 99) for letter in missing)
    assert len(style.shown(word * 9)) <= 30
    remark = fonts.remark_on_letters(["anger", word])
    assert (f"as {fonts.drawable(missing[0])};" in remark) or not missing[0].isprintable()


def test_nothing_is_told_where_all_letters_are_drawn(machine_fonts):
    assert fonts.remark_on_letters(["anger", "злость", "é"]) == ""


def test_another_font_of_the_machine_draws_what_the_own_one_has_not(machine_fonts):
    before = drawn("平静")
    machine_fonts("Squares of China", "平")
    machine_fonts("Squares of elsewhere", "静한")
    assert style.shown("平静") == "平静"
    assert (fonts.font_with("平"), fonts.font_with("静"), fonts.font_with("국")) == (
        "Squares of China",
        "Squares of elsewhere",
        None,
    )
    after = drawn("平静")
    assert after.shape == before.shape
    assert not np.array_equal(after, before)
    # Two squares in the title, the label of the tick and the legend are the same ink.
    np.testing.assert_array_equal(drawn("静平"), after)


def test_words_of_the_own_font_look_the_same_whatever_else_there_is(machine_fonts):
    before = drawn("anger злость")
    machine_fonts("Squares", "平anger")
    np.testing.assert_array_equal(drawn("anger злость"), before)
