"""A made-up page of two new recordings and three models, one recording with a hostile name, for tests in a browser."""

import numpy as np
from fake_report import HOSTILE, make_shown, make_sounds

from convcam_jax.data.members import Member
from convcam_jax.measures.unlabelled import in_words, new_answer_table, spread_table
from convcam_jax.report.new_recordings import Heard, new_recording
from convcam_jax.report.overview import overview_of_new
from convcam_jax.report.page import make_page_of_new
from convcam_jax.settings.config import Config

MEMBERS = (Member("female", "all", 0), Member("female", "all", 1), Member("male", "all", 0))
EMOTIONS = ("anger", "fear")
# Of anger; in the second recording all agree.
SHARES = {"new": (0.9, 0.2, 0.8), HOSTILE: (0.7, 0.6, 0.8)}


def make_heard(name: str) -> Heard:
    """A recording of two tones with its answers."""
    shown = make_shown(name, "anger")
    answers = new_answer_table(MEMBERS, np.array([[share, 1 - share] for share in SHARES[name]]), EMOTIONS)
    spread, metrics = spread_table(answers, EMOTIONS), shown.metrics[["q_mse", "q_rmse"]]
    words, duration_s = in_words(answers, "anger"), float(shown.view.time_s[-1])
    return Heard(shown.view, words, duration_s, MEMBERS, shown.maps, answers, spread, metrics)


def make_new_page() -> str:
    """HTML of the whole made-up page."""
    recordings = [new_recording(make_heard(name), make_sounds(make_shown(name))) for name in SHARES]
    about = overview_of_new(Config(), {"python": "3.11", "packages": {}, "machine": HOSTILE}, MEMBERS, 300.0, 2)
    return make_page_of_new({**about, "thresholds": [0.5]}, recordings)
