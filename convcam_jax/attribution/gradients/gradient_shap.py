"""GradientSHAP (Lundberg and Lee, NeurIPS 2017, with SmoothGrad's noise)."""

from jaxtyping import Array, Float

from convcam_jax.attribution.gradients.expected_gradients import N_SAMPLES, gradients_from_references
from convcam_jax.attribution.method import Explained, Method


def gradient_shap(explained: Explained) -> Float[Array, "B F T"]:
    """GradientSHAP of the package captum: expected gradients of inputs with the noise of SmoothGrad.

    captum's has none by default (`stdevs`), and is called expected gradients here.
    """
    return gradients_from_references(explained, noisy=True)


METHOD = Method(
    level="input",
    explain=gradient_shap,
    description=f"expected gradients, each of the {N_SAMPLES} x with noise",
    source="Lundberg and Lee, NeurIPS 2017; `GradientShap` of captum",
    sign="both",
    compares=True,
)
