"""Whether a map of ONE recording changes when it should: with the class, but not with a little noise.

Axes: F frequency bin; T time frame; P version of the recording with noise.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


def _norms(arrays: Float[Array, "P F T"]) -> Float[Array, " P"]:
    return jnp.sqrt((arrays**2).sum((1, 2)))


def max_sensitivity(own_map: Float[Array, "F T"], noisy_maps: Float[Array, "P F T"]) -> Float[Array, ""]:
    """Largest change of the map under noise, as a share of its norm; not finite for a map of zeros.

    Source: Yeh et al., "On the (in)fidelity and sensitivity of explanations", NeurIPS 2019.
    """
    return (_norms(noisy_maps - own_map[None]) / _norms(own_map[None])).max()


def local_lipschitz(
    own_map: Float[Array, "F T"],
    noisy_maps: Float[Array, "P F T"],
    spectrogram: Float[Array, "F T"],
    noisy: Float[Array, "P F T"],
) -> Float[Array, ""]:
    """Largest change of the map for the change of the input; not finite for a version that is the input itself.

    Not a number where all maps are zero: what marks nothing would be the steadiest of all.

    Source: Alvarez-Melis and Jaakkola, "On the robustness of interpretability methods", 2018, arXiv:1806.08049.
    """
    largest = (_norms(noisy_maps - own_map[None]) / _norms(noisy - spectrogram[None])).max()
    return jnp.where(own_map.any() | noisy_maps.any(), largest, jnp.nan)


def random_logit(
    own_map: Float[Array, "F T"], other_map: Float[Array, "F T"], present: Bool[Array, "F T"]
) -> Float[Array, ""]:
    """Pearson's correlation of the map with that of another class, over the recording's cells, which are `present`.

    Not a number for a map that is equal in all of them.

    Source: Sixt, Granz and Landgraf, "When explanations lie", ICML 2020, which takes the structural similarity.
    """
    own, other = (jnp.where(present, values - values.mean(where=present), 0.0) for values in (own_map, other_map))
    return (own * other).sum() / jnp.sqrt((own**2).sum() * (other**2).sum())
