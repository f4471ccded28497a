"""What the report shows and plays of one recording, as dictionaries that become JSON."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from convcam_jax.figures.frequency import drawn_edges
from convcam_jax.measures.metric_table import METRICS
from convcam_jax.measures.segments import Label
from convcam_jax.measures.views import RecordingView
from convcam_jax.report.encode import as_mp3, as_png, envelope, quantised, rounded
from convcam_jax.representations.scale import SHOWN_RANGE_DB, decibels
from convcam_jax.system.namespaces import PROBABILITY

# A standard deviation of values in 0..1 is at most this.
LARGEST_SPREAD = 0.5
WAVEFORM_PARTS = 800
# Of `controls.csv`, what is shown beside the metrics of a recording.
CONTROL_COLUMNS = (
    *("metric", "observed", "better", "control", "control_mean", "control_low", "control_high"),
    *("p", "q", "above_chance", "n_draws"),
)


class Sounds(NamedTuple):
    """The recording `[N]`, and for each threshold what the map marks and all else."""

    rate_hz: int
    original: Float[np.ndarray, " N"]
    only: list[Float[np.ndarray, " N"]]
    without: list[Float[np.ndarray, " N"]]


class Shown(NamedTuple):
    """All that is known of one recording but its sounds.

    maps `[S, F, n]` in 0..1 of the members `seeds [S]`; consensus `[F, n]` their mean by its maximum; metrics: the rows
    of `metrics.csv` of this recording; answers: those of `predictions.csv` (or none); controls: of `controls.csv`.
    """

    view: RecordingView
    speaker: str
    text: str
    maps: Float[np.ndarray, "S F n"]
    consensus: Float[np.ndarray, "F n"]
    seeds: Sequence[int]
    chosen: int
    metrics: pd.DataFrame
    answers: pd.DataFrame
    controls: pd.DataFrame
    phones: list[Label]
    syllables: list[Label]


def recording(shown: Shown, sounds: Sounds) -> dict[str, Any]:
    """`summary`, a row of the list of recordings, and `details`, what is shown when the recording is opened."""
    return {"summary": _summary(shown), "details": _details(shown, sounds)}


def _summary(shown: Shown) -> dict[str, Any]:
    of_chosen = shown.metrics[shown.metrics["seed"] == shown.seeds[shown.chosen]].iloc[0]
    view = shown.view
    return {
        "recording": view.recording,
        "group": view.group,
        "speaker": shown.speaker,
        "emotion": view.emotion,
        "text": shown.text,
        "correct": bool(of_chosen["correct"]),
        "seeds_correct": int(shown.metrics["correct"].sum()),
        "seeds": len(shown.seeds),
        "metrics": {name: round(float(of_chosen[name]), 4) for name in METRICS},
    }


def _details(shown: Shown, sounds: Sounds) -> dict[str, Any]:
    return {
        **panels(shown.view, shown.consensus, shown.maps, sounds),
        "phones": [list(label) for label in shown.phones],
        "syllables": [list(label) for label in shown.syllables],
        "seeds": [int(seed) for seed in shown.seeds],
        "chosen": shown.chosen,
        "answers": _answers(shown),
        "metrics": _metrics(shown),
        "controls": _controls(shown.controls),
    }


def panels(
    view: RecordingView, consensus: Float[np.ndarray, "F n"], maps: Float[np.ndarray, "S F n"], sounds: Sounds
) -> dict[str, Any]:
    """What the panels of a recording show and play, whether it is labelled or not; see `Shown`."""
    lowest, highest = envelope(sounds.original, WAVEFORM_PARTS)
    trajectory = np.where(view.voiced, view.trajectory_hz, np.nan)
    return {
        "time_s": rounded(view.time_s, 4),
        "bin_hz": rounded(view.bin_hz, 2),
        "edges_hz": rounded(drawn_edges(view.edges_hz), 2),
        "duration_s": len(sounds.original) / sounds.rate_hz,
        "layers": _layers(view, consensus, maps),
        "decibel_range": SHOWN_RANGE_DB,
        "largest_spread": LARGEST_SPREAD,
        "waveform": {"lowest": lowest, "highest": highest},
        "f0_hz": rounded(np.where(view.voiced, view.f0_hz, np.nan), 1),
        "trajectory_hz": rounded(trajectory, 1),
        "envelope": rounded(view.envelope, 3),
        "contour": rounded(view.contour, 3),
        "sounds": {
            "original": as_mp3(sounds.original, sounds.rate_hz),
            "only": [as_mp3(one, sounds.rate_hz) for one in sounds.only],
            "without": [as_mp3(one, sounds.rate_hz) for one in sounds.without],
        },
    }


def _layers(
    view: RecordingView, consensus: Float[np.ndarray, "F n"], maps: Float[np.ndarray, "S F n"]
) -> dict[str, Any]:
    """One grey picture of layers above one another: magnitude, mean map, spread, then every member's map.

    Within a layer row 0 is the lowest bin.
    """
    pictures = [
        quantised(decibels(view.magnitude, SHOWN_RANGE_DB), SHOWN_RANGE_DB),
        quantised(consensus, 1.0),
        quantised(maps.std(axis=0), LARGEST_SPREAD),
        *(quantised(one, 1.0) for one in maps),
    ]
    return {"png": as_png(np.concatenate(pictures)), "rows": len(view.bin_hz), "columns": len(view.time_s)}


def _answers(shown: Shown) -> list[dict[str, Any]]:
    """For each member its answer and how likely it took the truth to be; empty where models are not known."""
    if shown.answers.empty:
        return []
    rows = shown.answers.sort_values("seed").to_dict("records")
    return [
        {
            "seed": int(row["seed"]),
            "predicted": row["predicted"],
            "p_truth": round(float(row[PROBABILITY + row["truth"]]), 3),
        }
        for row in rows
    ]


def _metrics(shown: Shown) -> list[dict[str, Any]]:
    """For each metric the chosen member's value and the members' mean, least and greatest."""
    chosen = shown.metrics["seed"] == shown.seeds[shown.chosen]
    return [
        {
            "metric": name,
            "chosen": round(float(shown.metrics.loc[chosen, name].iloc[0]), 4),
            "mean": round(float(shown.metrics[name].mean()), 4),
            "lowest": round(float(shown.metrics[name].min()), 4),
            "highest": round(float(shown.metrics[name].max()), 4),
        }
        for name in METRICS
    ]


def _controls(controls: pd.DataFrame) -> dict[str, Any]:
    shown = controls[[column for column in CONTROL_COLUMNS if column in controls]]
    rows = shown.astype(object).where(shown.notna(), None).to_numpy().tolist()
    return {"columns": list(shown.columns), "rows": rows}
