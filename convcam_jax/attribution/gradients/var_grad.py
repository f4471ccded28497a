"""VarGrad (Adebayo et al., ICLR workshops 2018)."""

from jaxtyping import Array, Float

from convcam_jax.attribution.gradients.smooth_grad import N_SAMPLES, noisy_gradients
from convcam_jax.attribution.method import Explained, Method


def var_grad(explained: Explained) -> Float[Array, "B F T"]:
    """VarGrad of Adebayo et al., ICLR workshops 2018, arXiv:1810.03307: variance of SmoothGrad's gradients, >= 0."""
    return noisy_gradients(explained).variance


METHOD = Method(
    level="input",
    explain=var_grad,
    description=f"variance of ∂y/∂x at the {N_SAMPLES} noisy inputs of SmoothGrad",
    source="Adebayo et al., ICLR workshops 2018, arXiv:1810.03307",
    sign=">= 0",
)
