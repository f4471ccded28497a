"""The small residual network: that only the recording counts, and that it always decides for what it has found."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from convcam_jax.data.recordings import Batch
from convcam_jax.networks.resnet_small import ResNetSmallConfig
from convcam_jax.system.errors import UserError

N_CLASSES = 4
N_FRAMES = (21, 14)
# Two rows of nodes behind the last block.
N_BINS = 16
NETWORK = ResNetSmallConfig(filters=(3, 4, 5)).make(N_CLASSES, "float32")
QUICKLY = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
logits_program = QUICKLY(NETWORK.logits, static_argnums=2)


def batch_on(width: int, behind: float = 0.0) -> Batch:
    """The same two recordings on a grid of any width, with other values behind them."""
    spectrograms = np.full((len(N_FRAMES), N_BINS, width), behind, np.float32)
    for place, n_frames in enumerate(N_FRAMES):
        own = np.random.default_rng(place).exponential(size=(N_BINS, n_frames))
        spectrograms[place, :, :n_frames] = own
    return Batch(jnp.asarray(spectrograms), jnp.asarray(N_FRAMES))


@pytest.fixture(scope="module")
def variables() -> dict:
    """As after training: offsets and running moments are not those of the start."""
    start = QUICKLY(NETWORK.init, static_argnums=1)(jax.random.key(3), (N_BINS, 21))
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda leaf: leaf + rng.normal(0, 0.1, leaf.shape).astype(np.float32) ** 2, start)


def logits(variables: dict, batch: Batch, key: jax.Array | None = None) -> tuple[np.ndarray, dict]:
    return logits_program(variables, batch, NETWORK.layout(np.asarray(batch.n_frames)[:, None]), key)


def test_fields_are_checked():
    for fields in ({"filters": (8, 8)}, {"filters": (8, 0, 8)}, {"dropout_rate": 1.0}, {"dropout_rate": -0.1}):
        with pytest.raises(UserError, match=f"network.{next(iter(fields))}"):
            ResNetSmallConfig(**fields)


@pytest.mark.parametrize(("key", "width", "behind"), [(None, 40, 0.0), (None, 33, 50.0), (jax.random.key(7), 22, 50.0)])
def test_silence_behind_a_recording_never_counts(variables, key, width, behind):
    """More of it, or anything else in its place, on a grid of even and of odd width, in use and in training."""
    expected, moved = logits(variables, batch_on(21), key)
    found, moved_too = logits(variables, batch_on(width, behind), key)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-4), moved_too, moved)


def test_frames_of_silence_in_the_recording_itself_do_not_count_at_its_end(variables):
    batch = batch_on(40)
    longer = batch._replace(n_frames=batch.n_frames + 12)
    np.testing.assert_allclose(logits(variables, longer)[0], logits(variables, batch)[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("frame", range(8, 16))
def test_a_frame_is_heard_wherever_it_lies_behind_silence(variables, frame):
    """Digital silence is zero, as the decibel scale's floor may be; four frames are a column of the last part."""
    batch = batch_on(21)
    quiet = batch._replace(spectrograms=batch.spectrograms.at[:, :, 5:].set(0))
    loud = quiet._replace(spectrograms=quiet.spectrograms.at[:, :, frame].set(3))
    assert np.abs(logits(variables, loud)[0] - logits(variables, quiet)[0])[0].max() > 1e-3


def test_the_class_decided_for_always_has_evidence_on_some_node(variables):
    """HiResCAM's map of it, before ReLU, is the class's share of each node: its sum is the logit, above zero."""
    batch = batch_on(24)
    layout = NETWORK.layout(np.asarray(batch.n_frames)[:, None])
    last = NETWORK.explained_layers()[0]
    activations = QUICKLY(lambda own: NETWORK.activations(variables, own, layout, last))(batch)
    assert activations.shape[1] == 2
    found = logits(variables, batch)[0]
    np.testing.assert_allclose(found.sum(1), 0, atol=1e-5 * np.abs(found).max())

    @QUICKLY
    def gradient_of(values, n_frames, decided):
        return jax.grad(lambda own: NETWORK.head(variables, own, last, n_frames)[decided])(values)

    for own, of_own, n_frames in zip(activations, found, batch.n_frames, strict=True):
        decided = int(of_own.argmax())
        gradient = gradient_of(own, n_frames, decided)
        signed_map = (own * gradient).sum(-1)
        np.testing.assert_allclose(signed_map.sum(), of_own[decided], rtol=1e-4)
        assert signed_map.max() > 0


def test_it_matters_how_high_a_sound_lies_and_not_when_it_comes(variables):
    """Of two recordings between silence, the same sound: later, with the same logits, and by a row of nodes higher."""
    sound = np.random.default_rng(1).exponential(size=(6, 6)).astype(np.float32)
    spectrograms = np.zeros((3, N_BINS, 28), np.float32)
    spectrograms[0, :6, 8:14], spectrograms[1, :6, 12:18], spectrograms[2, 8:14, 8:14] = sound, sound, sound
    found = logits(variables, Batch(jnp.asarray(spectrograms), jnp.full(3, 28)))[0]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-4, atol=1e-5)
    assert np.abs(found[2] - found[0]).max() > 0.01 * np.abs(found).max()


def test_a_recording_of_silence_has_no_evidence(variables):
    nothing = Batch(jnp.zeros((1, N_BINS, 16)), jnp.array([16]))
    np.testing.assert_array_equal(logits(variables, nothing)[0], 0.0)


def test_map_and_size_on_the_papers_input():
    network = ResNetSmallConfig().make(6)
    geometry = network.geometry("block_2", (96, 202))
    assert geometry.shape == (12, 51)
    # 4 with the first pooling; then of each block its convolution, pooling and two convolutions, at their jumps.
    assert (geometry.frequency.size, geometry.frequency.jump) == (4 + 4 + 2 + 16 + 8 + 4 + 32, 8)
    assert (geometry.time.size, geometry.time.jump) == (4 + 4 + 2 + 16 + 8 + 16, 4)
    shapes = jax.eval_shape(lambda key: network.init(key, (96, 202)), jax.random.key(0))
    assert {kind: sum(leaf.size for leaf in jax.tree.leaves(own)) for kind, own in shapes.items()} == {
        "params": 162_304,
        "batch_stats": 736,
    }
