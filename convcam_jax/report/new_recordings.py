"""What the page of new recordings shows and plays of one of them, as dictionaries that become JSON.

Other processes call this, and it loads no JAX.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from convcam_jax.data.members import Member
from convcam_jax.measures.metric_table import METRICS
from convcam_jax.measures.views import RecordingView
from convcam_jax.report.recordings import Sounds, panels
from convcam_jax.report.shown_tables import as_table, with_headings
from convcam_jax.splits.protocol import ONLY_FOLD
from convcam_jax.system.namespaces import PROBABILITY


class Heard(NamedTuple):
    """All that is known of one new recording but its sounds.

    Attributes:
      view: of the mean map of the class that the members give it together, which is its `emotion`.
      words: what they say together.
      duration_s: of the recording.
      members: all of them.
      maps: theirs of this class, `[S, F, n]`, 0..1.
      answers, spread, metrics: see `stages.without_labels.trained_run.Explanation`.
    """

    view: RecordingView
    words: str
    duration_s: float
    members: Sequence[Member]
    maps: Float[np.ndarray, "S F n"]
    answers: pd.DataFrame
    spread: pd.DataFrame
    metrics: pd.DataFrame


def new_recording(heard: Heard, sounds: Sounds) -> dict[str, Any]:
    """`summary`, a row of the list of recordings, and `details`, what is shown when the recording is opened."""
    tables = [
        as_table(
            "Agreement of the models", with_headings(_shown(heard.spread.replace({"group": {"": "all together"}})))
        ),
        as_table("Metrics of their maps", _metrics(heard.metrics)),
        as_table("Answers of the models", with_headings(_shown(heard.answers))),
    ]
    details = {
        **panels(heard.view, heard.view.map, heard.maps, sounds),
        "phones": [],
        "syllables": [],
        "models": [str(member) for member in heard.members],
        "tables": tables,
    }
    return {"summary": _summary(heard), "details": details}


def _summary(heard: Heard) -> dict[str, Any]:
    shares = heard.answers[f"{PROBABILITY}{heard.view.emotion}"]
    agreeing = int((heard.answers["predicted"] == heard.view.emotion).sum())
    return {
        "recording": heard.view.recording,
        "predicted": heard.view.emotion,
        "words": heard.words,
        "mean": round(float(shares.mean()), 3),
        "lowest": round(float(shares.min()), 3),
        "highest": round(float(shares.max()), 3),
        "agreeing": agreeing,
        "models": len(shares),
        "duration_s": round(heard.duration_s, 2),
    }


def _metrics(metrics: pd.DataFrame) -> pd.DataFrame:
    """For each metric the members' mean, least and greatest."""
    rows = [
        (name.replace("_", " "), *(round(float(value), 4) for value in (own.mean(), own.min(), own.max())))
        for name, own in metrics.items()
        if name in METRICS
    ]
    return pd.DataFrame(rows, columns=["metric", "mean", "lowest", "highest"])


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    """The table with numbers that can be read, and folds only where there are several."""
    shown = table.round(3)
    return shown.drop(columns="fold") if "fold" in shown and (shown["fold"] == ONLY_FOLD).all() else shown
