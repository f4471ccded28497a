"""Figure of the ablation: how far each difference between the protocols moves the cells of Tables 3, 4 and 5."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from convcam_jax.figures import style

_COLOURS = (style.BLUE, style.VERMILION)
_UNITS = {"table3": "Table 3", "table4": "Table 4 (Hz)", "table5": "Table 5 (percentage points)"}


@style.styled
def mean_changes(summary: pd.DataFrame) -> Figure:
    """Bars of the mean absolute change per table and switched field, from either protocol.

    summary: `convcam_jax.paper.ablation.summary`; the values of the chosen members are drawn.
    """
    fields = list(dict.fromkeys(summary["field"]))
    bases = list(dict.fromkeys(summary["base"]))
    figure, axes = style.new_figure(1, len(_UNITS), height=0.8 + 0.32 * len(fields), sharey=True)
    for number, (panel, (column, label)) in enumerate(zip(axes[0], _UNITS.items(), strict=True)):
        for place, (base, colour) in enumerate(zip(bases, _COLOURS, strict=False)):
            changes = summary[summary["base"] == base].set_index("field")[column].reindex(fields)
            heights = np.arange(len(fields)) + 0.4 * (place - 0.5)
            panel.barh(heights, changes, height=0.36, color=colour, label=f"switched in protocol {base}")
        style.panel_title(panel, number, label)
        panel.set_xlabel("mean absolute change")
    axes[0, 0].set_yticks(range(len(fields)), [field.replace("_", " ") for field in fields])
    axes[0, 0].invert_yaxis()
    style.legend_below(figure, [axes[0, 0]])
    return figure
