"""How the protocols analyse maps: as the authors did, and the same with what is wrong in it put right."""

from collections.abc import Mapping
from typing import Literal

from convcam_jax.measures.config import AnalysisConfig

# "modern" trains otherwise (`settings.protocols`), and analyses as "corrected" does.
Protocol = Literal["corrected", "published", "modern"]

PUBLISHED_ANALYSIS = AnalysisConfig(
    map_placement="stretched",
    f0_reading="resized_with_zeros",
    isolated_voiced_frame="extended",
    table3_metric="q_mse",
    table4_metric="f0_segment_rmse_hz",
    chosen_by="test_accuracy",
    table_digits="truncated",
)
PROTOCOLS: Mapping[Protocol, AnalysisConfig] = {"published": PUBLISHED_ANALYSIS, "corrected": AnalysisConfig()}


def protocol_name(analysis: AnalysisConfig) -> str:
    """Which protocol the analysis follows: published, corrected, or own where single fields were changed."""
    return next((name for name, own in PROTOCOLS.items() if own == analysis), "own")
