"""The config of planted evidence: section `evidence` of a run's config."""

import dataclasses
from typing import Literal

from convcam_jax.attribution import METHODS
from convcam_jax.corpora.config import GENDERS
from convcam_jax.system.validation import require

EvidenceSize = Literal["default", "small"]

# What tells the classes of planted evidence apart.
EVIDENCE_VARIANTS = ("f0", "envelope", "burst", "pause", "mixed", "none")
EVIDENCE_CLASSES = ("first", "second", "third")
# Those of docs/evidence.md's tables; the others take several times as long.
_COMPARED_METHODS = (
    *("gradcam", "gradcam++", "hirescam", "xgradcam", "layercam", "eigencam", "scorecam", "ablationcam"),
    *("gradient_x_input", "integrated_gradients"),
)


@dataclasses.dataclass(frozen=True)
class EvidenceConfig:
    """Planted evidence: which cues are planted in whose voices, and which methods look for them.

    `size` chooses defaults of other sections' fields and of `genders` and `methods`.
    """

    size: EvidenceSize = "default"
    variants: tuple[str, ...] = dataclasses.field(default=EVIDENCE_VARIANTS, metadata={"choices": EVIDENCE_VARIANTS})
    genders: tuple[str, ...] = dataclasses.field(default=GENDERS, metadata={"choices": GENDERS})
    # Besides `attribution.method`.
    methods: tuple[str, ...] = dataclasses.field(default=_COMPARED_METHODS, metadata={"choices": tuple(METHODS)})
    # A cell carries the cue if its magnitude changes by this share of the largest change in the recording, or more.
    truth_threshold: float = 0.1

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if "choices" in field.metadata:
                values, known = getattr(self, field.name), field.metadata["choices"]
                require(
                    len(values) > 0 and len(set(values)) == len(values) and set(values) <= set(known),
                    f"evidence.{field.name}",
                    f"needs one or more different names of {', '.join(known)}",
                )
        require(0 < self.truth_threshold <= 1, "evidence.truth_threshold", "must lie in (0, 1]")
