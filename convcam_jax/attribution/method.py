"""What a method of attribution is, and what it gets to explain."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from convcam_jax.attribution.placement import Level, Placement
from convcam_jax.attribution.score import Classify, Score, target_score
from convcam_jax.networks.network import AttentionWeights

# What some methods compare a recording with: zero, the mean spectrum of other recordings, or itself blurred.
Baseline = Literal["silence", "mean", "blurred"]
# One recording's map [H, W] by (classify, activations [H, W, K], target, score).
ExplainNodes = Callable[[Classify, Array, Array, Score], Array]
# From what is added to the weights of the blocks [B, L, Q, N, N], if anything, to logits [B, C] and the weights.
Attend = Callable[[Array | None], tuple[Array, AttentionWeights]]


class Explained(NamedTuple):
    """A batch of recordings, and the network as far as methods need it."""

    spectrograms: Float[Array, "B F T"]
    activations: Float[Array, "B H W K"]  # of the explained convolution, after its nonlinearity
    targets: Int[Array, " B"]  # the class that is explained
    score: Score
    placement: Placement  # of the convolution's nodes, at their receptive fields
    classify: Classify  # the whole network: from spectrograms [B, F, T] to logits [B, C]
    # The layers behind the convolution: from activations [H, W, K] and n_frames [] of one recording to logits [C].
    head: Callable[[Array, Array], Array]
    n_frames: Int[Array, " B"]  # the spectrograms are zero from this frame on
    references: Float[Array, "R F T"]  # other recordings, the same for all batches
    key: Array  # of what a method draws; the same for all batches, so that a map does not depend on its batch
    attend: Attend | None = None  # the network by its weights of attention, where nodes attend to each other
    baseline: Baseline = "silence"

    @property
    def present(self) -> Bool[Array, "B 1 T"]:
        """Where the recordings have frames."""
        frames = jnp.arange(self.spectrograms.shape[-1])
        return frames[None, None, :] < self.n_frames[:, None, None]

    def score_of(self, spectrograms: Float[Array, "B F T"]) -> Float[Array, " B"]:
        """The scores of the explained classes if these were the recordings."""
        return target_score(self.classify(spectrograms), self.targets, self.score)


class Method(NamedTuple):
    """A method of attribution; the positive part of its signed map is the map that is analysed."""

    level: Level
    # Signed maps [B, H, W] of the nodes or the tokens, or [B, F, T] on the grid of the input.
    explain: Callable[[Explained], Array]
    description: str  # the map as a formula, with the symbols of docs/attribution_methods.md
    source: str
    sign: Literal["both", ">= 0"]
    differentiates_twice: bool = False  # whether it needs second derivatives of what is behind the explained layer
    # What the signed map's sum is meant to be the score's gain over, if it is meant to be one.
    sums_over: Literal["silence", "baseline"] | None = None
    compares: bool = False  # whether it needs other recordings (`Explained.references`), whatever the baseline


def by_nodes(explain: ExplainNodes) -> Callable[[Explained], Array]:
    """Maps `[B, H, W]` by what explains the nodes of one recording."""

    def explain_batch(explained: Explained) -> Array:
        def one(activations: Array, n_frames: Array, target: Array) -> Array:
            return explain(lambda own: explained.head(own, n_frames), activations, target, explained.score)

        return jax.vmap(one)(explained.activations, explained.n_frames, explained.targets)

    return explain_batch


def by_tokens(explain: Callable[[Attend, Array, Score], Array]) -> Callable[[Explained], Array]:
    """Maps `[B, H, W]` by what explains recordings by how tokens attend to each other."""

    def explain_batch(explained: Explained) -> Array:
        if explained.attend is None:
            raise ValueError("a network whose nodes do not attend to each other")
        return explain(explained.attend, explained.targets, explained.score)

    return explain_batch
