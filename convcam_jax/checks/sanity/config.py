"""The config of the sanity checks: section `sanity` of a run's config."""

import dataclasses

from convcam_jax.system.validation import require


@dataclasses.dataclass(frozen=True)
class SanityConfig:
    """Maps of networks with randomised weights and shuffled labels (`convcam_jax.checks.sanity.randomisation`).

    Attributes:
      seeds: members per cohort (`cohort_maps.first_members`), the chosen one first; 0 leaves all this out.
      shuffled_label_seeds: further networks per cohort, trained on shuffled labels; 0 leaves them out.
    """

    seeds: int = 5
    shuffled_label_seeds: int = 1

    def __post_init__(self) -> None:
        require(self.seeds >= 0, "sanity.seeds", "must not be negative")
        require(self.shuffled_label_seeds >= 0, "sanity.shuffled_label_seeds", "must not be negative")
