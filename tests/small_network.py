"""A network and recordings that are small enough to be trained in a test."""

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
    variables = jax.jit(network.init, static_argnums=1)(jax.random.key(seed), GRID)
    keys = iter(jax.random.split(jax.random.key(seed + 100), 100))
    return jax.tree.map(lambda leaf: leaf + 0.1 * jax.random.normal(next(keys), leaf.shape), variables)
