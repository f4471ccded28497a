"""The plain network with parameters and recordings that are small enough for methods of attribution to be tried on."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import reference_simplenet
from jax import Array
from small_network import N_CLASSES, make_recordings

from convcam_jax.attribution import METHODS
from convcam_jax.attribution.method import Explained
from convcam_jax.attribution.placement import Placement, interpolation_matrix
from convcam_jax.attribution.score import Score

FILTERS, DENSE_UNITS = (3, 4, 5), 6
# What three valid convolutions and two poolings by 2 in time leave.
NODES = (6, 6)


class PlainCase(NamedTuple):
    """Recordings, the classes that are explained, and the network's parameters and activations."""

    params: dict
    spectrograms: Array  # [N, F, T]
    emotion: Array  # [N]
    activations: Array  # [N, H, W, K]
    n_frames: Array  # [N]


def make_plain_params(seed: int = 1) -> dict:
    """Parameters with biases that are not zero, as after training; gradients of the logits are around 1.

    Constants that other packages add to what they divide by are then too small to matter.
    """
    generator = np.random.default_rng(seed)
    n_pooled = NODES[0] // 2 * (NODES[1] // 2) * FILTERS[-1]

    def layer(*shape: int, gain: float = 1.5) -> dict:
        scale = gain / np.sqrt(np.prod(shape[:-1]))
        kernel, bias = scale * generator.normal(size=shape), 0.1 * generator.normal(size=shape[-1])
        return {"kernel": jnp.asarray(kernel, jnp.float32), "bias": jnp.asarray(bias, jnp.float32)}

    channels = (1, *FILTERS)
    params = {f"convolutions_{i}": layer(3, 3, channels[i], channels[i + 1]) for i in range(len(FILTERS))}
    return params | {"dense": layer(n_pooled, DENSE_UNITS), "output": layer(DENSE_UNITS, N_CLASSES, gain=30)}


def make_plain_case(n_recordings: int, seed: int = 0) -> PlainCase:
    """Those of `make_recordings`."""
    params, own = make_plain_params(), make_recordings(n_recordings, seed)
    activations = jax.jit(reference_simplenet.activations)(params, own.spectrograms)
    return PlainCase(params, own.spectrograms, own.emotion, activations, own.n_frames)


def explain_case(case: PlainCase, method: str, score: Score = "logit") -> np.ndarray:
    """Signed maps [N, H, W] or [N, F, T]; the masks of Score-CAM are laid over the input from edge to edge."""
    shapes = case.spectrograms.shape[1:], case.activations.shape[1:3]
    corners = Placement(
        *(interpolation_matrix(np.linspace(0, n - 1, nodes), n) for n, nodes in zip(*shapes, strict=True))
    )

    # The parameters are an argument, for what is constant would be computed by the compiler, slowly.
    def explain(params, spectrograms, activations, targets):
        def classify(several):
            return reference_simplenet.logits(params, several)

        def head(one, n_frames):
            return reference_simplenet.classify(params, one[None])[0]

        return METHODS[method].explain(
            Explained(
                *(spectrograms, activations, targets, score, corners, classify, head),
                n_frames=case.n_frames,
                references=case.spectrograms[:1] * 0,
                key=jax.random.key(0),
            )
        )

    return np.asarray(jax.jit(explain)(case.params, case.spectrograms, case.activations, case.emotion))
