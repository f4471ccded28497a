"""The settings of attribution."""

import dataclasses
from typing import Literal

from convcam_jax.attribution import METHODS
from convcam_jax.attribution.method import Baseline
from convcam_jax.attribution.score import Score
from convcam_jax.kernels.precision import Precision
from convcam_jax.system.validation import require, require_seed


@dataclasses.dataclass(frozen=True)
class AttributionConfig:
    """How the network is explained: the paper's Grad-CAM (section 2.2) or another method (docs/attribution_methods.md).

    Which convolution is explained, which class, which of its outputs is its score (Eq. 3), and the precision of the
    factors of the convolutions' products wherever a trained network is used.

    Attributes:
      method: what makes the maps.
      layer: what is explained; empty: the network's last convolution, or last block.
      target: the class that is explained: that of the label, or the network's answer.
      score: which output is the class's score: its logit, its probability, or how far the logit is ahead of the
        others'.
      precision: of the factors of the convolutions' products wherever a trained network is used.
      baseline: what integrated gradients (in `sound_and_silence`, too), DeepLIFT and extremal masks compare a recording
        with: zero, the mean spectrum of other recordings, or itself blurred.
      seed: of what some methods draw: noise, masks, coalitions.
    """

    method: str = dataclasses.field(default="gradcam", metadata={"choices": tuple(METHODS)})
    layer: str = ""
    target: Literal["truth", "predicted"] = "truth"
    score: Score = "logit"
    precision: Precision = "float32"
    baseline: Baseline = "silence"
    seed: int = 0

    @property
    def compares(self) -> bool:
        """Whether recordings are compared with others, which then have to be there."""
        return METHODS[self.method].compares or self.baseline == "mean"

    def __post_init__(self) -> None:
        require(self.method in METHODS, "attribution.method", f"must be one of {', '.join(METHODS)}")
        require_seed(self.seed, "attribution.seed")
