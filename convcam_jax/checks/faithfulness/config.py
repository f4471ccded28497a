"""The config of the deletion and insertion curves: section `faithfulness` of a run's config."""

import dataclasses

from convcam_jax.system.validation import require


@dataclasses.dataclass(frozen=True)
class FaithfulnessConfig:
    """Deletion and insertion curves (`convcam_jax.checks.faithfulness.curves`).

    Attributes:
      seeds: members per cohort (`cohort_maps.first_members`), the chosen one first; 0 leaves all this out.
      steps: intervals between the shares of cells 0 and 1.
    """

    seeds: int = 3
    steps: int = 5

    def __post_init__(self) -> None:
        require(self.seeds >= 0, "faithfulness.seeds", "must not be negative")
        require(self.steps >= 2, "faithfulness.steps", "must be at least 2")
