"""A network and recordings that are small enough to be trained in a test."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from convcam_jax.data.recordings import Recordings
from convcam_jax.networks.network import Variables
from convcam_jax.networks.simplenet import SimpleNet, SimpleNetConfig

N_BINS, N_INPUT_FRAMES, N_CLASSES = 12, 40, 3
GRID = (N_BINS, N_INPUT_FRAMES)
NETWORK = SimpleNetConfig(filters=(3, 4, 5), dense_units=6, dropout_rate=0.5).make(N_CLASSES)
WITHOUT_DROPOUT = SimpleNetConfig(filters=(3, 4, 5), dense_units=6, dropout_rate=0.0).make(N_CLASSES)


def make_recordings(n_recordings: int = 24, seed: int = 0) -> Recordings:
    """Recordings of different length; each class is louder in other bins."""
    generator = np.random.default_rng(seed)
    n_frames = generator.integers(18, N_INPUT_FRAMES + 1, size=n_recordings)
    emotion = np.arange(n_recordings) % N_CLASSES
    spectrograms = generator.exponential(0.3, size=(n_recordings, N_BINS, N_INPUT_FRAMES))
    loud = np.arange(N_BINS) // (N_BINS // N_CLASSES) == emotion[:, None]
    spectrograms = (spectrograms + loud[:, :, None]) * (np.arange(N_INPUT_FRAMES) < n_frames[:, None, None])
    return Recordings(jnp.asarray(spectrograms, jnp.float32), jnp.asarray(n_frames), jnp.asarray(emotion))


def make_variables(network: SimpleNet = NETWORK, seed: int = 1) -> Variables:
    """Variables with biases that are not zero, as after training."""
    return drawn_variables(network, GRID, seed)


def drawn_variables(network: SimpleNet, grid: tuple[int, int], seed: int) -> Variables:
    """Biases and kernels that are not zero, by NumPy: JAX would compile a program for every shape."""
    rng = np.random.default_rng(seed)

    def draw(leaf: jax.ShapeDtypeStruct) -> jax.Array:
        # Kernels of variance 2 / (inputs + outputs), as at the start.
        n_cells = math.prod(leaf.shape[:-2])
        scale = (2 / (n_cells * sum(leaf.shape[-2:]))) ** 0.5 if len(leaf.shape) > 1 else 0.0
        return jnp.asarray(rng.normal(0, (scale**2 + 0.1**2) ** 0.5, leaf.shape), jnp.float32)

    return jax.tree.map(draw, jax.eval_shape(lambda key: network.init(key, grid), jax.random.key(0)))
