"""The running mean of a member's variables over the steps of its training."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from convcam_jax.networks.network import Variables


class Average(NamedTuple):
    """The mean of the variables after `n_steps` steps; before the first one, what the training begins with."""

    variables: Variables
    n_steps: Int[Array, ""]


def averaged(before: Average, variables: Variables, decay: float) -> Average:
    """The average with the variables after another step.

    It is the plain mean of the first 1 / (1 - `decay`) steps; from then on, what was before keeps the share `decay`
    (B. Polyak and A. Juditsky, "Acceleration of stochastic approximation by averaging", 1992; here memory fades).
    """
    share = jnp.minimum(decay, before.n_steps / (before.n_steps + 1))
    mean = jax.tree.map(lambda old, new: share * old + (1 - share) * new, before.variables, variables)
    return Average(mean, before.n_steps + 1)
