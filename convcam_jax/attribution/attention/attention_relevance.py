"""Gradient-weighted relevance of attention (Chefer, Gur and Wolf, ICCV 2021).

Axes: L block; Q head; N token; H, W rows and columns of the tokens.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from convcam_jax.attribution.method import Attend, Method, by_tokens
from convcam_jax.attribution.score import Score, target_score
from convcam_jax.networks.network import AttentionWeights


def attention_relevance(attend: Attend, targets: Int[Array, " B"], score: Score = "logit") -> Float[Array, "B H W"]:
    """Relevance of Chefer, Gur and Wolf, ICCV 2021, Eq. 5 and 6, for networks of self-attention.

    A block's weights count as far as they raise the score: E = mean over heads of the positive part of gradient times
    weights. Every token is relevant to itself at first, and R + E R to the others behind a block with R in front of it.
    The mean that is classified is the last attention, of one query that no token is.
    """
    weights = attend(None)[1]

    def total_score(added: AttentionWeights) -> Array:
        return target_score(attend(added)[0], targets, score).sum()

    gradient = jax.grad(total_score)(jax.tree.map(jnp.zeros_like, weights))
    blocks, pooling = jax.tree.map(lambda own, by: jax.nn.relu(own * by), weights, gradient)
    # A row of R, from the end to the beginning: r (1 + E) for each block, which needs no product of matrices.
    relevance = pooling.reshape(len(pooling), -1)
    for number in reversed(range(blocks.shape[1])):
        of_block = blocks[:, number].mean(1)
        relevance += jnp.einsum("bn,bnm->bm", relevance, of_block, precision=lax.Precision.HIGHEST)
    return relevance.reshape(pooling.shape)


METHOD = Method(
    level="tokens",
    explain=by_tokens(attention_relevance),
    description="e Πₗ (I + Eₗ), Eₗ = mean over heads of ReLU(Pₗ ∘ ∂y/∂Pₗ), e = ReLU(p ∘ ∂y/∂p)",
    source="Chefer, Gur and Wolf, ICCV 2021, arXiv:2103.15679, Eq. 5 and 6",
    sign=">= 0",
)
