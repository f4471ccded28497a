"""Attention rollout (Abnar and Zuidema, ACL 2020).

Axes: L block; Q head; N token; H, W rows and columns of the tokens.
"""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from convcam_jax.attribution.method import Attend, Method, by_tokens
from convcam_jax.attribution.score import Score


def attention_rollout(attend: Attend, targets: Int[Array, " B"], score: Score = "logit") -> Float[Array, "B H W"]:
    """Attention rollout of Abnar and Zuidema, ACL 2020 (section 3): how much of each token comes to what is classified.

    A block hands on the mean of what its heads attend to and, as much, the token itself; the product over the blocks is
    averaged with the weights of the mean that is classified. It is the same for every class.
    """
    del targets, score
    weights = attend(None)[1]
    handed_on = (weights.blocks.mean(2) + jnp.eye(weights.blocks.shape[-1])[None, None]) / 2
    rollout = weights.pooling.reshape(len(weights.pooling), -1)
    for number in reversed(range(handed_on.shape[1])):
        rollout = jnp.einsum("bn,bnm->bm", rollout, handed_on[:, number], precision=lax.Precision.HIGHEST)
    return rollout.reshape(weights.pooling.shape)


METHOD = Method(
    level="tokens",
    explain=by_tokens(attention_rollout),
    description="p Πₗ (I + mean over heads of Pₗ) / 2, from the last block to the first",
    source="Abnar and Zuidema, ACL 2020, section 3",
    sign=">= 0",
)
