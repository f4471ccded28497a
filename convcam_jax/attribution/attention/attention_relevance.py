"""Gradient-weighted relevance of attention (Chefer, Gur and Wolf, ICCV 2021).

Axes: L block; Q head; N token; H, W rows and columns of the tokens.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from convcam_jax.attribution.method import Attend, Method, by_tokens
from convcam_jax.attribution.score import Score, target_score


def attention_relevance(attend: Attend, targets: Int[Array, " B"], score: Score = "logit") -> Float[Array, "B H W"]:
    """Relevance of Chefer, Gur and Wolf, ICCV 2021, Eq. 5 and 6, for networks of self-attention.

    A block's weights count as far as they raise the score: E = mean over heads of the positive part of gradient times
    weights. Every token is relevant to itself at first, R = I, and a block makes R + E R of R. Of the tokens that are
    averaged and classified, the relevance of the others is averaged alike; that each is relevant to itself is left out.
    """
    blocks, pooling = attend(None)[1]

    def total_score(added: Array) -> Array:
        return target_score(attend(added)[0], targets, score).sum()

    raising = jax.nn.relu(blocks * jax.grad(total_score)(jnp.zeros_like(blocks))).mean(2)
    # From the last block to the first a row p R needs no product of matrices; p itself is kept apart for precision.
    start = pooling.reshape(len(pooling), -1)
    relevance = jnp.zeros_like(start)
    for number in reversed(range(raising.shape[1])):
        of_block = jnp.einsum("bn,bnm->bm", start + relevance, raising[:, number], precision=lax.Precision.HIGHEST)
        relevance += of_block
    return relevance.reshape(pooling.shape)


METHOD = Method(
    level="tokens",
    explain=by_tokens(attention_relevance),
    description="p (Πₗ (I + Eₗ) - I), Eₗ = mean over heads of ReLU(Pₗ ∘ ∂y/∂Pₗ)",
    source="Chefer, Gur and Wolf, ICCV 2021, arXiv:2103.15679, Eq. 5 and 6",
    sign=">= 0",
)
