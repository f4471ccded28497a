"""What is known of each metric: the one place that says what a column of metrics.csv measures, and in which unit.

The metrics themselves are computed in `metrics`.
"""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from convcam_jax.system.digits import per_cent, printed, with_first_digit

Better = Literal["higher", "lower"]
Unit = Literal["", "Hz", "semitones", "%"]

# The paper's tables whose cells are statistics of a metric.
STATISTICS_TABLES = (3, 4, 5)

_IN_A_SENTENCE: Mapping[Unit, Callable[[float], str]] = {
    "": lambda value: with_first_digit(value, 3),
    "Hz": lambda value: f"{with_first_digit(value, 0)} Hz",
    "semitones": lambda value: f"{with_first_digit(value, 1)} semitones",
    "%": per_cent,
}


class Metric(NamedTuple):
    """A metric of one recording's map.

    Attributes:
      name: its column of metrics.csv.
      words: what it measures, in a sentence after "the".
      label: of an axis, with its unit.
      title: of a narrow panel.
      unit: what it is shown in; "%" for shares, whose values lie in 0..1.
      better: which values are better; of areas, at the same energy.
      table: which of the paper's tables it can be the metric of, or None.
      decimals: of its unit, in tables of cells such as the paper's.
      of_mask: whether it is of the mask of the recording's emotion, which a recording without a label has not.
    """

    name: str
    words: str
    label: str
    title: str
    unit: Unit
    better: Better
    table: int | None
    decimals: int
    of_mask: bool = False

    @property
    def is_share(self) -> bool:
        """Whether values are shares in 0..1, which tables of cells show in per cent."""
        return self.unit == "%"

    @property
    def per_unit(self) -> float:
        """By what a value is multiplied to be in `unit`: 100 for shares, else 1."""
        return 100.0 if self.is_share else 1.0

    def as_text(self, value: float) -> str:
        """A value of metrics.csv with its unit, as in a sentence."""
        return _IN_A_SENTENCE[self.unit](value)

    def difference_as_text(self, value: float) -> str:
        """A value less another one, as in a sentence: of shares in percentage points."""
        return self.as_text(value).replace("%", "percentage points")

    def without_unit(self, value: float) -> str:
        """As `as_text`, behind another number that has the unit."""
        return self.as_text(value).partition(" ")[0]

    def in_a_cell(self, value: float) -> str:
        """A value of metrics.csv in tables of cells such as the paper's, whose note is `cells_in_words`."""
        return printed(value * self.per_unit, self.decimals, "rounded")

    @property
    def label_in_one_line(self) -> str:
        """The label beside text, not along an axis."""
        return self.label.replace("\n", " ")

    @property
    def cells_in_words(self) -> str:
        """What cells of this metric measure, with their unit."""
        return f"{self.words} ({self.label_in_one_line}{', %' if self.is_share else ''})"


def _of_envelope(name: str, error: str) -> Metric:
    words = "error between envelope and map"
    return Metric(name, words, f"{error}, Q and q", f"{error},\nQ and q", "", "lower", table=3, decimals=3)


def _of_f0(name: str, error: str, unit: Unit) -> Metric:
    label, title = f"{error},\nF0 and c ({unit})", f"{error},\nF0 and c\n({unit})"
    return Metric(name, "error between F0 and map", label, title, unit, "lower", table=4, decimals=2)


# In the order of the columns of metrics.csv, whose other columns are properties of the recording or yes and no.
METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        _of_envelope("q_mse", "mean squared error"),
        _of_envelope("q_rmse", "RMSE"),
        _of_f0("f0_segment_rmse_hz", "RMSE of segment means", "Hz"),
        _of_f0("f0_frame_rmse_hz", "RMSE over frames", "Hz"),
        _of_f0("f0_segment_rmse_semitones", "RMSE of segment means", "semitones"),
        _of_f0("f0_frame_rmse_semitones", "RMSE over frames", "semitones"),
        Metric(
            name="energy_ratio",
            words="energy inside the mask",
            label="share of the energy",
            title="share of energy\nin the mask",
            unit="%",
            better="higher",
            table=5,
            decimals=1,
            of_mask=True,
        ),
        Metric(
            name="mask_area",
            words="area of the mask",
            label="share of the cells",
            title="share of cells\nin the mask",
            unit="%",
            better="lower",
            table=None,
            decimals=1,
            of_mask=True,
        ),
    )
}


def metrics_of_table(table: int) -> tuple[str, ...]:
    """Names of the metrics that Table 3, 4 or 5 can be made of."""
    return tuple(name for name, metric in METRICS.items() if metric.table == table)
