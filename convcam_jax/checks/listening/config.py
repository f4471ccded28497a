"""The config of the sounds of what maps mark, which the report plays: section `report` of a run's config."""

import dataclasses

from convcam_jax.system.validation import require, require_seed


def per_cents(threshold: float) -> str:
    """A threshold (0..1) as the names of its sounds have it, in per cents."""
    return f"{100 * threshold:g}"


@dataclasses.dataclass(frozen=True)
class ReportConfig:
    """The sounds of the report: what a map marks is where it reaches a share of its maximum.

    Attributes:
      thresholds: shares of a map's maximum, each with its sounds.
      random_masks: choices of as many random cells that each mark is compared with.
      seed: of these choices.
    """

    thresholds: tuple[float, ...] = (0.25, 0.5, 0.75)
    random_masks: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        require(
            bool(self.thresholds) and all(0 < t <= 1 for t in self.thresholds),
            "report.thresholds",
            "needs numbers in (0, 1]",
        )
        n_different = len(set(map(per_cents, self.thresholds)))
        require(n_different == len(self.thresholds), "report.thresholds", "needs numbers that differ in six digits")
        require(self.random_masks >= 1, "report.random_masks", "must be at least 1")
        require_seed(self.seed, "report.seed")
