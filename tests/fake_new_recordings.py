"""A made-up page of two new recordings and three models, one recording with a hostile name, for tests in a browser."""

import numpy as np
import pandas as pd
from fake_report import HOSTILE, RATE_HZ, make_shown, make_sounds

from convcam_jax.corpora.sounds.audio import SoundFacts
from convcam_jax.data.members import Member
from convcam_jax.measures.unlabelled import new_answer_table, spread_table
from convcam_jax.report.explanation import Explanation
from convcam_jax.report.new_recordings import new_recording
from convcam_jax.report.overview import overview_of_new
from convcam_jax.report.page import make_page_of_new
from convcam_jax.settings.config import Config

MEMBERS = (Member("female", "all", 0), Member("female", "all", 1), Member("male", "all", 0))
EMOTIONS = ("anger", "fear")
# Of anger; in the second recording all agree.
SHARES = {"new": (0.9, 0.2, 0.8), HOSTILE: (0.7, 0.6, 0.8)}


def make_explanation(name: str) -> Explanation:
    """A recording of two tones with its answers."""
    shown = make_shown(name, "anger")
    probabilities = np.array([[share, 1 - share] for share in SHARES[name]])
    answers = new_answer_table(MEMBERS, probabilities, EMOTIONS)
    return Explanation(
        answers=answers,
        spread=spread_table(answers, EMOTIONS),
        metrics=shown.metrics[["q_mse", "q_rmse"]].assign(map_is_zero=False),
        predicted="anger",
        probabilities=pd.DataFrame(probabilities, columns=list(EMOTIONS)),
        maps=shown.maps,
        view=shown.view,
        sound=SoundFacts(float(shown.view.time_s[-1]), RATE_HZ, 1, 0.4, 0.0, 0.0, ""),
        f0_segments=[],
        map_segments=[],
    )


def make_new_page() -> str:
    """HTML of the whole made-up page."""
    explained = [make_explanation(name) for name in SHARES]
    sounds = [make_sounds(make_shown(name)) for name in SHARES]
    recordings = [new_recording(one, MEMBERS, str(one), own) for one, own in zip(explained, sounds, strict=True)]
    about = overview_of_new(Config(), {"python": "3.11", "packages": {}, "machine": HOSTILE}, MEMBERS, 300.0, 2)
    return make_page_of_new({**about, "thresholds": [0.5]}, recordings)
