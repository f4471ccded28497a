"""A network and recordings that are small enough to be trained in a test."""

import jax
import jax.numpy as jnp
import numpy as np

from convcam_jax.networks.simplenet import SimpleNet
from convcam_jax.settings.config import ModelConfig
from convcam_jax.training.member import Recordings

N_BINS, N_INPUT_FRAMES, N_CLASSES = 12, 40, 3
MODEL = SimpleNet(ModelConfig(filters=(3, 4, 5), dense_units=6, dropout_rate=0.5), n_classes=N_CLASSES)
WITHOUT_DROPOUT = SimpleNet(ModelConfig(filters=(3, 4, 5), dense_units=6, dropout_rate=0.0), n_classes=N_CLASSES)


def make_recordings(n_recordings: int = 24, seed: int = 0) -> Recordings:
    """Recordings of different length; each class is louder in other bins."""
    generator = np.random.default_rng(seed)
    n_frames = generator.integers(18, N_INPUT_FRAMES + 1, size=n_recordings)
    emotion = np.arange(n_recordings) % N_CLASSES
    spectrograms = generator.exponential(0.3, size=(n_recordings, N_BINS, N_INPUT_FRAMES))
    loud = np.arange(N_BINS) // (N_BINS // N_CLASSES) == emotion[:, None]
    spectrograms = (spectrograms + loud[:, :, None]) * (np.arange(N_INPUT_FRAMES) < n_frames[:, None, None])
    return Recordings(jnp.asarray(spectrograms, jnp.float32), jnp.asarray(n_frames), jnp.asarray(emotion))


def make_params(model: SimpleNet = MODEL, seed: int = 1) -> dict:
    """Parameters with biases that are not zero, as after training."""
    inputs = jnp.zeros((1, N_BINS, N_INPUT_FRAMES))
    params = jax.jit(model.init)(jax.random.key(seed), inputs, jnp.array([1]))["params"]
    keys = iter(jax.random.split(jax.random.key(seed + 100), 100))
    return jax.tree.map(lambda leaf: leaf + 0.1 * jax.random.normal(next(keys), leaf.shape), params)
