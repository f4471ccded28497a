"""Masks, metrics and contours of all members' maps."""

import numpy as np

from convcam_jax.measures.result_tables import contour_table
from convcam_jax.stages.run import Run
from convcam_jax.system.formats import write_arrays, write_csv
from convcam_jax.system.namespaces import AXES, MAP


def measure_maps(run: Run) -> None:
    """Write `metrics.csv`, `contours.csv`, `masks.npz` and `maps.npz`.

    `masks.npz` holds `cohorts` `[n, 2]` (group, fold), and for cohort i `R_i [S, C, F, T]` (Eq. 1) and
    `R_hat_i [C, F, T]` (Eq. 2). `maps.npz` holds `map/RECORDING [F, n]`. Both hold the axes, `frequency_hz [F]` and
    `time_s [T]`.
    """
    analysed, workdir = run.analysed, run.workdir
    write_csv(workdir / "metrics.csv", analysed.metrics)
    write_csv(workdir / "contours.csv", contour_table(analysed.views))
    axes = dict(zip(AXES, (run.axes.bin_hz, run.axes.time_s), strict=True))
    cohorts = list(analysed.member_masks)
    masks = {f"R_{i}": analysed.member_masks[cohort] for i, cohort in enumerate(cohorts)}
    masks |= {f"R_hat_{i}": analysed.masks.summed[cohort] for i, cohort in enumerate(cohorts)}
    names = {"cohorts": np.array(cohorts, dtype=str), "emotions": np.array(run.config.corpus.emotions)}
    write_arrays(workdir / "masks.npz", {**masks, **names, **axes})
    write_arrays(workdir / "maps.npz", {**{f"{MAP}{name}": view.map for name, view in analysed.views.items()}, **axes})
