"""Recordings behind one another on one strip."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from convcam_jax.kernels.packing import TIME_REDUCTION, Strip, pack, slot_columns, unpack

N_BINS, N_INPUT_FRAMES = 5, 64
SILENCE = jnp.array([-1.0, -2.0, -3.0])


def random_lengths(seed: int, n_recordings: int = 9) -> np.ndarray:
    """Lengths with the extremes (absent, one frame, full) among them, in random order."""
    rng = np.random.default_rng(seed)
    return rng.permutation(np.r_[0, 1, N_INPUT_FRAMES, rng.integers(0, N_INPUT_FRAMES + 1, n_recordings - 3)])


def padded_inputs(n_frames: np.ndarray) -> np.ndarray:
    spectrograms = np.random.default_rng(7).normal(size=(len(n_frames), N_BINS, N_INPUT_FRAMES)).astype(np.float32)
    return np.where(np.arange(N_INPUT_FRAMES) < n_frames[:, None, None], spectrograms, 0)


def packed(n_frames: np.ndarray, spare_columns: int = 0) -> Strip:
    n_columns = int(slot_columns(n_frames).sum()) + spare_columns
    return jax.jit(pack, static_argnums=2)(padded_inputs(n_frames), n_frames, n_columns)


def test_slot_columns_by_hand():
    # 88 frames are 22 columns of the last convolution; with a gap of 2 they make 12 pairs of 8 frames.
    assert [slot_columns(n) for n in (0, 1, 8, 9, 88, 202)] == [8, 16, 16, 24, 96, 216]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("spare_columns", [0, 3 * TIME_REDUCTION])
def test_unpack_returns_what_was_packed_and_silence_behind_it(seed, spare_columns):
    n_frames = random_lengths(seed)
    spectrograms = padded_inputs(n_frames)
    strip = packed(n_frames, spare_columns)
    unpacked = jax.jit(unpack, static_argnums=3)(strip.values[:, :, None], strip, SILENCE[:1], N_INPUT_FRAMES)
    behind = np.arange(N_INPUT_FRAMES) >= n_frames[:, None, None]
    np.testing.assert_array_equal(unpacked[..., 0], np.where(behind, SILENCE[0], spectrograms))


@pytest.mark.parametrize("seed", range(3))
def test_slots_are_aligned_and_apart_by_the_receptive_field(seed):
    n_frames = random_lengths(seed)
    strip = packed(n_frames)
    first = np.asarray(strip.first_column)
    np.testing.assert_array_equal(first % TIME_REDUCTION, 0)
    np.testing.assert_array_equal(np.asarray(strip.sounding).sum(), n_frames.sum())
    ends = np.r_[first[1:], strip.values.shape[1]]
    # In front of each convolution the sound and the two columns that the kernel looks ahead end before the next slot.
    for reduction in (1, 2, 4):
        sounding_columns = -(-n_frames // reduction)
        assert np.all(first // reduction + sounding_columns + 2 <= ends // reduction)


def test_strip_holds_zeros_outside_the_sound():
    n_frames = random_lengths(0)
    strip = packed(n_frames, spare_columns=16)
    np.testing.assert_array_equal(np.asarray(strip.values)[:, ~np.asarray(strip.sounding)], 0)


def test_absent_recordings_are_silent_and_leave_the_others_alone():
    n_frames = np.array([0, 20, 0, 0, 33, 0])
    spectrograms = np.ones((6, N_BINS, N_INPUT_FRAMES), np.float32)
    strip = jax.jit(pack, static_argnums=2)(spectrograms, n_frames, int(slot_columns(n_frames).sum()))
    values = strip.values[:, :, None]
    unpacked = jax.jit(unpack, static_argnums=3)(values, strip, SILENCE[:1], N_INPUT_FRAMES)[..., 0]
    for recording, frames in enumerate(n_frames):
        np.testing.assert_array_equal(unpacked[recording, :, :frames], 1)
        np.testing.assert_array_equal(unpacked[recording, :, frames:], SILENCE[0])


@pytest.mark.parametrize("reduction", [1, 2, 4, 8])
def test_gradient_of_unpack_equals_that_of_plain_indexing(reduction):
    n_frames = random_lengths(3)
    strip = packed(n_frames, spare_columns=16)
    rng = np.random.default_rng(5)
    array = rng.normal(size=(4, strip.values.shape[1] // reduction, 3)).astype(np.float32)
    # One column narrower than the sound of the longest recording: valid convolutions cut the end.
    width = N_INPUT_FRAMES // reduction - 1
    weights = rng.normal(size=(len(n_frames), 4, width, 3)).astype(np.float32)

    def plain(array: jax.Array, silence: jax.Array) -> jax.Array:
        recordings = []
        for first, frames in zip(np.asarray(strip.first_column), n_frames, strict=True):
            columns = min(-(-int(frames) // reduction), width)
            own = array[:, first // reduction : first // reduction + columns]
            rest = jnp.broadcast_to(silence, (array.shape[0], width - columns, 3))
            recordings.append(jnp.concatenate([own, rest], axis=1))
        return jnp.stack(recordings)

    def value_and_gradients(function):
        loss = jax.value_and_grad(lambda a, s: (weights * function(a, s)).sum(), argnums=(0, 1))
        return jax.jit(loss)(array, SILENCE)

    value, gradients = value_and_gradients(lambda a, s: unpack(a, strip, s, width))
    expected_value, expected = value_and_gradients(plain)
    np.testing.assert_allclose(value, expected_value, rtol=1e-4)
    np.testing.assert_array_equal(gradients[0], expected[0])
    np.testing.assert_allclose(gradients[1], expected[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
def test_members_with_other_recordings_are_unpacked_as_one_by_one(backend, monkeypatch):
    """Both ways of cutting recordings out of the strip can be computed on a CPU."""
    n_frames = np.array([[0, 20, 0, 33, 0], [12, 0, 40, 1, 7]])
    width, rng = N_INPUT_FRAMES // 4 - 1, np.random.default_rng(5)
    n_columns = int(slot_columns(n_frames).sum(1).max())
    spectrograms = np.stack([padded_inputs(own) for own in n_frames])
    arrays = rng.normal(size=(2, 4, n_columns // 4, 3)).astype(np.float32)
    weights = rng.normal(size=(2, 5, 4, width, 3)).astype(np.float32)

    def loss(array, silence, own, frames, factors):
        return (factors * unpack(array, pack(own, frames, n_columns), silence, width)).sum()

    value_and_gradients = jax.value_and_grad(loss, argnums=(0, 1))
    looped = [
        jax.jit(value_and_gradients)(arrays[i], SILENCE, spectrograms[i], n_frames[i], weights[i]) for i in range(2)
    ]
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    mapped = jax.jit(jax.vmap(value_and_gradients, in_axes=(0, None, 0, 0, 0)))
    found = mapped(arrays, SILENCE, spectrograms, n_frames, weights)
    for result, *one_by_one in zip(jax.tree.leaves(found), *map(jax.tree.leaves, looped), strict=True):
        np.testing.assert_allclose(result, np.stack(one_by_one), rtol=1e-5, atol=1e-5)


def test_strip_length_must_be_a_multiple_of_the_time_reduction():
    with pytest.raises(ValueError, match="multiple of 8, not 100"):
        pack(jnp.zeros((1, N_BINS, N_INPUT_FRAMES)), jnp.array([5]), 100)
