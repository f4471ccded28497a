"""The config of the comparison with chance: section `controls` of a run's config."""

import dataclasses

from convcam_jax.system.validation import require, require_seed


@dataclasses.dataclass(frozen=True)
class ControlsConfig:
    """How the figures of Tables 3 to 5 are set against chance.

    Attributes:
      permutations: draws of masks and maps that are made for it: of 12 cells one alone can pass with 239 or more.
      shifts: draws of shifts, and of other recordings' maps in groups whose folds have no more than `permutations`
        recordings: computed once for each they are cheap, and with few, chance decides what is found.
      seed: of all draws.
      false_discovery_rate: up to which adjusted p-values decide (Benjamini and Hochberg).
    """

    permutations: int = 250
    shifts: int = 2000
    seed: int = 0
    false_discovery_rate: float = 0.05

    def __post_init__(self) -> None:
        require(self.permutations >= 1, "controls.permutations", "must be at least 1")
        require(self.shifts >= 1, "controls.shifts", "must be at least 1")
        require_seed(self.seed, "controls.seed")
        require(0 < self.false_discovery_rate < 1, "controls.false_discovery_rate", "must lie between 0 and 1")
