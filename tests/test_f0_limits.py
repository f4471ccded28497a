"""How much of the F0 cue the limits of F0 take away, in the recordings of the benchmark's default size."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from test_cues import DRAWS, VOWEL

from convcam_jax.corpora.synthetic import planted, speech
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.corpora.synthetic.cues import CUES
from convcam_jax.corpora.synthetic.cues.cue import contour_shape, speech_place
from convcam_jax.corpora.synthetic.voice import VOICED_GAIN, Controls

CONFIG = SyntheticConfig(speakers_per_gender=3, texts=20)
PAGE = Path(__file__).resolve().parent.parent / "docs" / "evidence.md"


class Limited(NamedTuple):
    """Of several recordings: shares with a limited instant, of limited voiced instants, and the most missing."""

    recordings: float
    instants: float
    most_semitones: float


def missing_semitones(neutral: Controls, label: int, strength: float) -> np.ndarray:
    """By how much F0 is nearer to the neutral recording's than was asked for, at all voiced instants."""
    asked = strength * contour_shape(label, speech_place(len(neutral.f0_hz)))
    with_cue = CUES["f0"].plant(neutral, label, strength, DRAWS)
    missing = np.abs(12 * np.log2(with_cue.f0_hz / neutral.f0_hz) - asked)
    return missing[neutral.voicing > VOICED_GAIN]


def limited(gender: str, strength: float) -> Limited:
    own = planted.SyntheticSpeech(CONFIG, (gender,), 16000).recordings("f0")
    missing = [missing_semitones(speech.draw_controls(CONFIG, one.spec), one.label, strength) for one in own]
    are_limited = [of_one > 1e-6 for of_one in missing]
    return Limited(
        recordings=float(np.mean([of_one.any() for of_one in are_limited])),
        instants=float(np.concatenate(are_limited).mean()),
        most_semitones=float(np.concatenate(missing).max()),
    )


def test_of_a_steady_vowel_what_lies_below_the_limit_is_missing():
    """From 100 Hz a fall of 5 semitones ends at 74.9 Hz, 1.14 below 80 Hz, and is below it in its last 11.4 %."""
    vowel = VOWEL._replace(f0_hz=0 * VOWEL.f0_hz + 100)
    missing = missing_semitones(vowel, 1, 5.0)
    below = 12 * np.log2(100 / 80)
    assert missing.max() == pytest.approx(5 - below)
    place = speech_place(len(missing))
    np.testing.assert_array_equal(missing > 1e-6, 5 * (2 * place - 1) > below)
    assert (5 - below) / 10 == pytest.approx(0.114, abs=5e-4)
    assert missing_semitones(vowel, 1, 2.0).max() == pytest.approx(0)


def test_the_page_says_how_much_of_the_cue_is_missing():
    """Of men's recordings at every strength; women's voices stay within the limits."""
    rows = []
    for strength in CUES["f0"].strengths:
        own = limited("male", strength)
        rows.append(
            f"| {strength:g} | {100 * own.recordings:.0f} % | {100 * own.instants:.1f} % | {own.most_semitones:.1f} |"
        )
    assert "\n".join(rows) in PAGE.read_text(encoding="utf-8")
    assert limited("female", 5.0) == Limited(0, 0, pytest.approx(0))
