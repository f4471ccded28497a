"""What the page of new recordings shows and plays of one of them, as dictionaries that become JSON.

Other processes call this, and it loads no JAX.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from convcam_jax.data.members import Member
from convcam_jax.measures.metric_table import METRICS
from convcam_jax.report.explanation import Explanation
from convcam_jax.report.recordings import Sounds, panels
from convcam_jax.report.shown_tables import as_table, with_headings
from convcam_jax.splits.protocol import ONLY_FOLD
from convcam_jax.system.namespaces import PROBABILITY


def new_recording(explained: Explanation, members: Sequence[Member], words: str, sounds: Sounds) -> dict[str, Any]:
    """`summary`, a row of the list of recordings, and `details`, what is shown when the recording is opened.

    `words`: what the members say together.
    """
    tables = [
        as_table(
            "Agreement of the models", with_headings(_shown(explained.spread.replace({"group": {"": "all together"}})))
        ),
        as_table("Metrics of their maps", _metrics(explained.metrics)),
        as_table("Answers of the models", with_headings(_shown(explained.answers))),
    ]
    details = {
        **panels(explained.view, explained.map, explained.maps, sounds),
        "phones": [],
        "syllables": [],
        "models": [str(member) for member in members],
        "tables": tables,
    }
    return {"summary": _summary(explained, words), "details": details}


def _summary(explained: Explanation, words: str) -> dict[str, Any]:
    shares = explained.answers[f"{PROBABILITY}{explained.predicted}"]
    agreeing = int((explained.answers["predicted"] == explained.predicted).sum())
    return {
        "recording": explained.view.recording,
        "predicted": explained.predicted,
        "words": words,
        "mean": round(float(shares.mean()), 3),
        "lowest": round(float(shares.min()), 3),
        "highest": round(float(shares.max()), 3),
        "agreeing": agreeing,
        "models": len(shares),
        "duration_s": round(explained.sound.duration_s, 2),
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
