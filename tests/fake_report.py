"""A made-up report of a few recordings and seeds, one of them with a hostile name, for tests in a browser."""

import numpy as np
import pandas as pd
from fake_results import make_results
from fake_views import MEL_EDGES_HZ, make_masks, make_view

from convcam_jax.checks.listening.counterfactual import answer_summary
from convcam_jax.checks.listening.resynthesis import consensus_map
from convcam_jax.measures.metric_table import METRICS
from convcam_jax.measures.segments import Label
from convcam_jax.report import overview
from convcam_jax.report.page import make_page
from convcam_jax.report.recordings import Shown, Sounds, recording
from convcam_jax.report.shown_tables import as_table, with_headings
from convcam_jax.settings.presets import Choices, make_config

# Markup, quotes, mathematics and templates of others, in 255 bytes; what turns the direction of writing is shown.
HOSTILE = "<script>window.hacked=1</script><img src=x onerror=window.hacked=2>\"'`$x_1$%{y}${z}\u202e".ljust(253, "w")
SHOWN = HOSTILE.replace("\u202e", "[U+202E]")
NAMES = (("08a01Wa", "anger", "female"), (HOSTILE, "fear", "female"), ("03b02Tc", "sadness", "male"))
RATE_HZ = 16000
SEEDS = (0, 1, 4)
# The third is too long for its hundredth of a second.
PHONES = [Label(0.0, 0.4, "a"), Label(0.4, 0.8, "<b>"), Label(0.8, 0.81, "asp"), Label(0.81, 1.0, "t")]
CONFIG = make_config(Choices(corpus="emodb", data_dir="corpus", seeds=3))


def make_shown(name: str = "08a01Wa", emotion: str = "anger", group: str = "female", place: int = 0) -> Shown:
    """A recording of two tones; seed 1 is right, the others are if `place` is even; errors grow with `place`.

    The one of place 1 has no labels, and bins of a mel scale that begins at 0 Hz; that of place 2 has no text.
    """
    view = make_view(name, emotion, group, n=40)
    if place == 1:
        view = view._replace(bin_hz=(MEL_EDGES_HZ[1:] + MEL_EDGES_HZ[:-1]) / 2, edges_hz=MEL_EDGES_HZ)
    generator = np.random.default_rng(place)
    shifted = [np.roll(view.map, 3 * s, axis=0) for s in range(len(SEEDS))]
    maps = np.stack(shifted).astype(np.float32)
    metrics = pd.DataFrame({name: 0.1 * (place + 1) + 0.01 * generator.random(len(SEEDS)) for name in METRICS})
    correct = [place % 2 == 0, True, place % 2 == 0]
    answers = pd.DataFrame({"seed": SEEDS, "truth": emotion, "predicted": "neutral", f"probability/{emotion}": 0.25})
    return Shown(
        view=view,
        speaker=name[:2],
        text="" if place == 2 else name,
        maps=maps,
        consensus=consensus_map(maps),
        seeds=SEEDS,
        chosen=0,
        metrics=metrics.assign(seed=SEEDS, correct=correct),
        answers=answers,
        controls=pd.DataFrame({"level": ["recording"], "metric": ["q_rmse"], "control": ["time_shift"], "p": [0.01]}),
        phones=[] if place == 1 else PHONES,
        syllables=[] if place == 1 else [Label(0.0, 0.8, "ab")],
    )


def make_sounds(shown: Shown) -> Sounds:
    """A tone as long as the recording; of one threshold."""
    time_s = np.arange(int(shown.view.time_s[-1] * RATE_HZ)) / RATE_HZ
    tone = 0.4 * np.sin(2 * np.pi * 220 * time_s)
    return Sounds(RATE_HZ, tone, [0.5 * tone], [0.25 * tone])


def make_counterfactual() -> pd.DataFrame:
    """Answers as in `resynthesis.csv`: of two seeds per group, the map's cells alone give 0.6 and 0.7, random 0.2."""
    rows = []
    for group in ("female", "male"):
        for seed in (0, 1):
            rows.append([group, seed, "all", 1.0, "original", 1.0, 0.9])
            for sound, marked in (("only", 0.6 + 0.1 * seed), ("without", 0.3)):
                rows.append([group, seed, "map", 0.5, sound, 0.1, marked])
                rows.append([group, seed, "random", 0.5, sound, 0.1, 0.2])
    columns = ["group", "seed", "cells", "threshold", "sound", "area", "p_explained"]
    return pd.DataFrame(rows, columns=columns).assign(recording="a", energy_ratio=0.5, correct=True, draw=0)


def make_report() -> str:
    """HTML of the whole made-up report."""
    results = make_results(seeds=3)
    # Two seeds of each group are equally accurate.
    members = results.members.assign(test_accuracy=[1.0, 0.75, 0.75] * 2)
    verdicts = pd.DataFrame({"about": ["summary", "emotion"], "sentence": [HOSTILE, "Not better than chance."]})
    record = {"python": "3.11", "packages": {"jax": "0.10"}, "corpus_sha256": "0", "machine": HOSTILE}
    whole = {
        "facts": overview.facts(CONFIG, record, results.utterances, members, results.metrics),
        "changed": [],
        "in_tables_only": overview.in_tables_only(3),
        "emotions": list(CONFIG.corpus.emotions),
        "accuracies": overview.accuracies(members, results.predictions),
        "confusions": overview.confusions(results.predictions, members, CONFIG.corpus.emotions),
        "masks": overview.masks(make_masks()),
        "thresholds": [0.5],
        "snr_db": 300.0,
        "resynthesis": answer_summary(make_counterfactual(), {"female": 0, "male": 2}, [0.5]).to_dict("records"),
        "tables": [as_table("Table 1: recordings", with_headings(members))],
        "verdicts": overview.verdict_tables("verdicts", verdicts),
    }
    all_shown = [make_shown(*name, place) for place, name in enumerate(NAMES)]
    return make_page(whole, [recording(shown, make_sounds(shown)) for shown in all_shown])
