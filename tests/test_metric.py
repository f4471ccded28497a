"""What is said of each metric, and how its values are written."""

import numpy as np
import pytest

from convcam_jax.measures.config import AnalysisConfig, table_metric
from convcam_jax.measures.metric_table import METRICS, STATISTICS_TABLES, metrics_of_table
from convcam_jax.measures.metrics import RecordingMetrics
from convcam_jax.system import digits
from convcam_jax.system.digits import EMPTY
from convcam_jax.system.errors import UserError

# Columns that are neither better nor worse, or yes and no.
WITHOUT_A_ROW = ("envelope_variance", "q_voiced_excess", "map_is_zero")
SHARES = ("energy_ratio", "mask_area")
OF_F0 = tuple(f"f0_{how}_rmse_{unit}" for unit in ("hz", "semitones") for how in ("segment", "frame"))
# Of the paper's metrics and the project's, which values are better.
BETTER = dict.fromkeys(("q_mse", "q_rmse", *OF_F0), "lower") | {"energy_ratio": "higher", "mask_area": "lower"}


def test_every_metric_is_one_that_is_computed_in_the_same_order():
    assert list(METRICS) == [name for name in RecordingMetrics._fields if name not in WITHOUT_A_ROW]
    assert all(name == metric.name for name, metric in METRICS.items())


def test_units_are_those_that_the_names_say():
    endings = {"Hz": "_hz", "semitones": "_semitones"}
    for name, metric in METRICS.items():
        found = [unit for unit, ending in endings.items() if name.endswith(ending)]
        assert found == [metric.unit] * (metric.unit in endings)
        assert (f"({metric.unit})" in metric.label) == (metric.unit in ("Hz", "semitones"))
        assert metric.title.replace("\n", " ").startswith(metric.label.split(",")[0][:8])
    assert {name: METRICS[name].better for name in BETTER} == BETTER


def test_metrics_of_the_tables():
    for table, own in ((3, ("q_mse", "q_rmse")), (4, OF_F0), (5, ("energy_ratio",))):
        assert metrics_of_table(table)[: len(own)] == own
    own = AnalysisConfig(table3_metric="q_mse", table4_metric="f0_frame_rmse_semitones")
    assert [table_metric(number, own).name for number in STATISTICS_TABLES] == [
        "q_mse",
        "f0_frame_rmse_semitones",
        "energy_ratio",
    ]


@pytest.mark.parametrize(
    ("field", "value"), [("table3_metric", "f0_frame_rmse_hz"), ("table4_metric", "q_mse"), ("table4_metric", "pitch")]
)
def test_a_table_of_another_metric_is_refused(field, value):
    with pytest.raises(UserError, match=f"config field analysis.{field}: must be one of "):
        AnalysisConfig(**{field: value})


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("f0_frame_rmse_hz", 1301.3, "1301 Hz"),
        ("f0_frame_rmse_hz", -0.34, "-0.3 Hz"),
        ("energy_ratio", 0.876, "88 %"),
        ("mask_area", 0.004, "0.4 %"),
        ("f0_segment_rmse_hz", 102.4, "102 Hz"),
        ("f0_frame_rmse_semitones", 5.26, "5.3 semitones"),
        ("f0_frame_rmse_semitones", 0.02, "0.02 semitones"),
        ("f0_frame_rmse_semitones", 0, "0.0 semitones"),
        ("q_mse", 0.0415, "0.042"),
        ("q_mse", 0.000041, "0.00004"),
        ("q_rmse", np.nan, EMPTY),
    ],
)
def test_values_as_text(name, value, text):
    assert METRICS[name].as_text(value) == text


def test_differences_and_cells_are_in_the_same_unit():
    share, f0 = METRICS["energy_ratio"], METRICS["f0_segment_rmse_hz"]
    assert share.difference_as_text(-0.147) == "-15 percentage points"
    assert (share.without_unit(0.147), share.in_a_cell(0.9987)) == ("15", "99.9")
    assert share.cells_in_words == "energy inside the mask (share of the energy, %)"
    assert (f0.difference_as_text(-1603.4), f0.without_unit(2650.2), f0.in_a_cell(1301.256)) == (
        "-1603 Hz",
        "2650",
        "1301.26",
    )
    assert f0.cells_in_words == "error between F0 and map (RMSE of segment means, F0 and c (Hz))"
    assert METRICS["q_rmse"].without_unit(0.5742) == "0.574"


def test_shares_are_in_per_cent_where_tables_show_them():
    assert {METRICS[name].per_unit for name in SHARES} == {100}
    assert METRICS["q_mse"].per_unit == 1


@pytest.mark.parametrize(
    ("value", "decimals", "cut", "text"),
    [
        (0.1409, 3, "truncated", "0.140"),
        (0.1409, 3, "rounded", "0.141"),
        (0.347 - 0.086, 3, "truncated", "0.261"),  # 0.26099999999999995
        (0.1 + 0.2, 2, "truncated", "0.30"),
        (1145.222 - 158.443, 2, "truncated", "986.77"),
        (0.29 * 100, 1, "truncated", "29.0"),  # 28.999999999999996
        (0.0005, 3, "rounded", "0.001"),
        (0.0, 3, "truncated", "0.000"),
        (np.nan, 3, "truncated", "–"),  # noqa: RUF001
    ],
)
def test_digits(value, decimals, cut, text):
    assert digits.printed(value, decimals, cut) == text
