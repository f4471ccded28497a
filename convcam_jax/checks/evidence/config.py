"""The config of planted evidence: section `evidence` of a run's config."""

import dataclasses
from typing import Literal

from convcam_jax.attribution import METHODS
from convcam_jax.corpora.config import GENDERS
from convcam_jax.corpora.synthetic.variants import MIXED, MIXED_CUES, SHUFFLED_LABELS, VARIANTS, with_strengths
from convcam_jax.system.validation import require

EvidenceSize = Literal["default", "small", "full"]
Strengths = Literal["largest", "all"]

# What tells the classes of planted evidence apart where nothing else is asked for.
EVIDENCE_VARIANTS = (*MIXED_CUES, MIXED, SHUFFLED_LABELS)
EVIDENCE_CLASSES = ("first", "second", "third")
# Those of docs/evidence.md's tables; the others take several times as long.
_COMPARED_METHODS = (
    *("gradcam", "gradcam++", "hirescam", "xgradcam", "layercam", "eigencam", "scorecam", "ablationcam"),
    *("gradient_x_input", "integrated_gradients"),
)


@dataclasses.dataclass(frozen=True)
class EvidenceConfig:
    """Planted evidence: which cues are planted in whose voices, and which methods look for them.

    `size` chooses defaults of other sections' fields and of `genders`, `methods`, `variants` and `strengths`.

    Attributes:
      size: how much is planted; it chooses defaults of other fields.
      variants: the cues that are planted, each for networks of its own.
      strengths: which of a cue's strengths are planted, each in recordings of its own, from which networks of their
        own learn.
      genders: of the voices.
      methods: those that look for the cues, besides `attribution.method`.
      truth_threshold: a cell carries the cue if its magnitude changes by this share of the largest change in the
        recording, or more.
      explanation_metrics: whether the field's metrics of explanations are computed of all maps, too, which takes
        longer than all the rest.
    """

    size: EvidenceSize = "default"
    variants: tuple[str, ...] = dataclasses.field(default=EVIDENCE_VARIANTS, metadata={"choices": VARIANTS})
    strengths: Strengths = "largest"
    genders: tuple[str, ...] = dataclasses.field(default=GENDERS, metadata={"choices": GENDERS})
    methods: tuple[str, ...] = dataclasses.field(default=_COMPARED_METHODS, metadata={"choices": tuple(METHODS)})
    truth_threshold: float = 0.1
    explanation_metrics: bool = False

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

    @property
    def planted(self) -> tuple[str, ...]:
        """The variants, at each of the strengths that are planted."""
        if self.strengths == "largest":
            return self.variants
        return tuple(level for variant in self.variants for level in with_strengths(variant))
