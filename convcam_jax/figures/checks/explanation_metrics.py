"""Figure of metrics of explanations: how the ranking of methods by each agrees with that by planted truth."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from convcam_jax.figures import style


@style.styled
def agreement(table: pd.DataFrame) -> Figure:
    """Rank correlation of every metric with planted truth, the highest first; whiskers are 95 % intervals.

    table: `checks.explanation_metrics.truth_agreement.agreement_table`; what has no correlation is left out.
    """
    shown = table.dropna(subset=["spearman"]).sort_values("spearman", kind="stable")
    figure, axes = style.new_figure(1, 1, height=0.8 + 0.2 * len(shown))
    [panel] = axes.flat
    places = np.arange(len(shown))
    panel.hlines(places, shown["low"], shown["high"], color=style.BLUE, linewidth=1)
    panel.plot(shown["spearman"], places, "o", ms=4, color=style.BLUE)
    panel.axvline(0, color=style.GREY, linewidth=0.6)
    panel.set_yticks(places, [f"{name} ({better} is better)" for name, better in shown[["metric", "better"]].values])
    panel.set_xlim(-1.05, 1.05)
    panel.set_xlabel("rank correlation with planted truth, over methods")
    return figure
