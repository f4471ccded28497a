"""The config of the measures: section `analysis` of a run's config."""

import dataclasses
from typing import Literal

from convcam_jax.attribution.placement import MapPlacement
from convcam_jax.measures.metric_table import METRICS, Metric, metrics_of_table
from convcam_jax.representations.frame_f0 import F0Reading, IsolatedVoicedFrame
from convcam_jax.system.digits import Digits
from convcam_jax.system.validation import require


@dataclasses.dataclass(frozen=True)
class AnalysisConfig:
    """What is done with the maps (paper, section 3.3); all fields but the thresholds differ between the protocols.

    Attributes:
      map_placement: where nodes lie on the input: at their receptive fields, or spread over the whole grid.
      f0_reading: how Praat's F0 is read at the frames: from voiced frames alone, or resized with the zeros of
        unvoiced ones.
      isolated_voiced_frame: whether a single voiced frame stays one, or is extended.
      table3_metric: what Table 3 is made of, a column of `metrics.csv`.
      table4_metric: what Table 4 is made of, a column of `metrics.csv`.
      chosen_by: accuracy by which the chosen model of a group and fold is chosen.
      table_digits: how numbers of the tables are cut to their decimals.
      trajectory_threshold: cells below this share of their column's maximum are left out of the trajectory c (section
        3.3.2, step 2).
      mask_threshold: cells from this share of a mask's maximum on are in it (Eq. 11, beta).
    """

    map_placement: MapPlacement = "receptive_field"
    f0_reading: F0Reading = "voiced_frames_only"
    isolated_voiced_frame: IsolatedVoicedFrame = "kept"
    table3_metric: str = dataclasses.field(default="q_rmse", metadata={"choices": metrics_of_table(3)})
    table4_metric: str = dataclasses.field(default="f0_frame_rmse_hz", metadata={"choices": metrics_of_table(4)})
    chosen_by: Literal["validation_accuracy", "test_accuracy"] = "validation_accuracy"
    table_digits: Digits = "rounded"
    trajectory_threshold: float = 0.5
    mask_threshold: float = 0.1

    def __post_init__(self) -> None:
        for table, name in ((3, self.table3_metric), (4, self.table4_metric)):
            names = metrics_of_table(table)
            require(name in names, f"analysis.table{table}_metric", f"must be one of {', '.join(names)}")
        require(0 < self.trajectory_threshold <= 1, "analysis.trajectory_threshold", "must lie in (0, 1]")
        require(0 < self.mask_threshold <= 1, "analysis.mask_threshold", "must lie in (0, 1]")


def table_metric(table: int, analysis: AnalysisConfig) -> Metric:
    """The metric that Table 3, 4 or 5 is made of; its column of metrics.csv is the metric's `name`."""
    named = {3: analysis.table3_metric, 4: analysis.table4_metric}
    return METRICS[named.get(table) or metrics_of_table(table)[0]]
