"""DeepLIFT (Shrikumar, Greenside and Kundaje, ICML 2017)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from convcam_jax.attribution.baseline import baseline_of
from convcam_jax.attribution.method import Explained, Method
from convcam_jax.attribution.propagation.gradient import ruled_gradient
from convcam_jax.attribution.propagation.rules import Crossing, is_close, straight


def rescale(crossing: Crossing) -> Array:
    """A nonlinearity has the slope of the line from the reference to the input; its own where they are the same."""
    values, reference = crossing.values, jax.lax.stop_gradient(crossing.reference_values)
    same = is_close(values, reference)
    _, derivative = jax.jvp(crossing.function, (jax.lax.stop_gradient(values),), (jnp.ones_like(values),))
    secant = (crossing.results - crossing.reference_results) / jnp.where(same, 1, values - reference)
    return straight(crossing.results, values, jnp.where(same, derivative, secant))


def deep_lift(explained: Explained) -> Float[Array, "B F T"]:
    """DeepLIFT of Shrikumar, Greenside and Kundaje, ICML 2017 (section 3.5.2, the rescale rule).

    The values sum to what the logit gains over the baseline's, which sounds in the frames in which the recording does
    where a network asks for them (resnet_small), and has the recording's gates and attention (crnn, the transformer).
    """
    baseline = baseline_of(explained)
    return (explained.spectrograms - baseline) * ruled_gradient(explained, rescale, baseline)


METHOD = Method(
    level="input",
    explain=deep_lift,
    description="(x - b) ∘ ∂y/∂x, but a nonlinearity has its mean slope between the baseline b and x",
    source="Shrikumar, Greenside and Kundaje, ICML 2017, section 3.5.2",
    sign="both",
    sums_over="baseline",
)
