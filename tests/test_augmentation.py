"""Changes of recordings while they are trained on: by hand, and what each of them must leave as it is."""

from functools import partial
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from convcam_jax.data.recordings import Batch
from convcam_jax.representations.scale import Scale, scaled
from convcam_jax.training.augmentation import (
    NONE,
    Augmentation,
    apply_filter,
    augment,
    change_gain,
    filtered,
    mask_bins,
    mask_frames,
    mix,
    mix_batch,
    moved_by_bins,
    shift_bins,
    shift_frames,
)

N_BINS, N_COLUMNS, N_FRAMES = 6, 10, 7
KEYS = jax.random.split(jax.random.key(0), 300)
ALL = Augmentation(shift_bins=2, shift_frames=3, masked_bins=2, masked_frames=3, gain=2.0, filter_db=3.0, mixup=0.4)
FILTER = partial(apply_filter, scale="decibel")


def spectrogram(n_frames: int = N_FRAMES, seed: int = 0) -> jax.Array:
    values = 1 + np.random.default_rng(seed).random((N_BINS, N_COLUMNS))
    return jnp.asarray(values * (np.arange(N_COLUMNS) < n_frames), jnp.float32)


BATCH = Batch(
    jnp.stack([spectrogram(7), spectrogram(0), spectrogram(10, 1), spectrogram(4, 2)]), jnp.array([7, 0, 10, 4])
)
TARGETS = jnp.eye(4)


def drawn(change, most) -> np.ndarray:
    """What 300 draws of a change make of a recording."""
    own = jax.jit(jax.vmap(lambda key: change(key, spectrogram(), jnp.array(N_FRAMES), most)))
    return np.asarray(own(KEYS))


@pytest.mark.parametrize(
    ("change", "most"),
    [(shift_bins, 2), (shift_frames, 3), (mask_bins, 2), (mask_frames, 3), (change_gain, 2.0), (FILTER, 0.2)],
)
def test_a_change_leaves_the_shape_and_the_silence_beyond_the_recording(change, most):
    found = drawn(change, most)
    assert found.shape == (300, N_BINS, N_COLUMNS)
    assert not found[:, :, N_FRAMES:].any()
    assert len(np.unique(found, axis=0)) > 3


@pytest.mark.parametrize(
    ("change", "none"),
    [(shift_bins, 0), (shift_frames, 0), (mask_bins, 0), (mask_frames, 0), (change_gain, 1.0), (FILTER, 0.0)],
)
def test_as_much_as_nothing_is_the_identity(change, none):
    np.testing.assert_array_equal(drawn(change, none), np.repeat(np.asarray(spectrogram())[None], 300, axis=0))


def test_rows_move_by_hand():
    own = np.asarray(spectrogram())
    up, down = (np.asarray(moved_by_bins(spectrogram(), jnp.array(bins))) for bins in (2, -2))
    np.testing.assert_array_equal(up[2:], own[:-2])
    np.testing.assert_array_equal(down[:-2], own[2:])
    assert not up[:2].any()
    assert not down[-2:].any()


def test_shifts_reach_all_places_up_to_the_most_and_none_beyond():
    bins = {int(np.flatnonzero(one.any(axis=1))[0]) for one in drawn(shift_bins, 2)}
    assert bins == {0, 1, 2}
    own = np.asarray(spectrogram())[0, 0]
    frames = {int(np.flatnonzero(one[0] == own)[0]) for one in drawn(shift_frames, 2)}
    assert frames == {0, 1, 2, N_FRAMES - 1, N_FRAMES - 2}


@pytest.mark.parametrize(("change", "axis", "n_places"), [(mask_bins, 1, N_BINS), (mask_frames, 0, N_FRAMES)])
def test_masks_are_bands_of_any_width_up_to_the_most_anywhere(change, axis, n_places):
    own, found = np.asarray(spectrogram()), drawn(change, 3)
    bands = {tuple(np.flatnonzero((one == 0).all(axis=axis)[:n_places])) for one in found}
    assert bands == {tuple(range(s, s + w)) for w in range(4) for s in range(n_places - w + 1)}
    assert ((found == 0) | (found == own)).all()


def test_a_mask_is_no_longer_than_the_recording():
    found = jax.jit(jax.vmap(lambda key: mask_frames(key, spectrogram(2), jnp.array(2), 9)))(KEYS)
    assert {int((one[0, :2] == 0).sum()) for one in np.asarray(found)} == {0, 1, 2}


def test_gains_lie_between_the_factor_and_its_inverse():
    gains = drawn(change_gain, 2.0)[:, :, :N_FRAMES] / np.asarray(spectrogram())[:, :N_FRAMES]
    np.testing.assert_allclose(gains, gains[:, :1, :1] * np.ones_like(gains), rtol=1e-5)
    assert 0.5 <= gains.min() < 0.55
    assert 1.8 < gains.max() <= 2


def test_filtering_by_hand():
    """In decibels silent cells stay silent, and none falls below the floor."""
    own = jnp.array([[0.0, 5.0, 80.0], [30.0, 2.0, 0.0]])
    expected = [[0.0, 8.5, 83.5], [27.0, 0.0, 0.0]]
    np.testing.assert_array_equal(filtered(own, jnp.array([3.5, -3.0]), "decibel"), expected)
    # 40 dB are a factor of 100 of the magnitude.
    for scale, factor in (("magnitude", 100), ("square_root", 10), ("power", 10_000)):
        found = filtered(jnp.array([[0.0, 3.0], [5.0, 0.0]]), jnp.array([40.0, 0.0]), scale)
        np.testing.assert_allclose(found, [[0, 3 * factor], [5, 0]], rtol=1e-5)


@pytest.mark.parametrize("scale", get_args(Scale))
def test_a_filtered_sound_has_the_filtered_spectrogram(scale):
    """But for the decibels' reference, which is the loudest cell of the recording."""
    magnitude, gain_db = np.random.default_rng(3).uniform(0.1, 1, (4, 6)), np.array([-2.0, 0.0, 1.0, 3.0])
    magnitude[1, 2] = 1000.0
    expected = scaled(magnitude * 10 ** (gain_db[:, None] / 20), scale)
    found = filtered(jnp.asarray(scaled(magnitude, scale), jnp.float32), jnp.asarray(gain_db, jnp.float32), scale)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


def test_filters_are_normal_at_five_places_and_linear_between():
    loud = jnp.full((9, 2), 100.0)
    change = jax.jit(jax.vmap(lambda key: apply_filter(key, loud, jnp.array(2), 4.0, "decibel")))
    gains_db = np.asarray(change(jax.random.split(jax.random.key(1), 4000))) - 100
    np.testing.assert_array_equal(gains_db[..., 0], gains_db[..., 1])
    at_places, between = gains_db[:, ::2, 0], gains_db[:, 1::2, 0]
    np.testing.assert_allclose(between, (at_places[:, 1:] + at_places[:, :-1]) / 2, atol=2e-5)
    # Standard errors are 0.06 and 0.045 dB.
    np.testing.assert_allclose(at_places.mean(axis=0), 0, atol=0.25)
    np.testing.assert_allclose(at_places.std(axis=0), 4, atol=0.2)
    np.testing.assert_allclose(np.corrcoef(at_places.T), np.eye(5), atol=0.08)


def test_mixing_by_hand():
    one, other = spectrogram(), spectrogram(N_COLUMNS, 1)
    np.testing.assert_array_equal(mix(one, other, jnp.array(N_FRAMES), jnp.array(0.0)), one)
    found = np.asarray(mix(one, other, jnp.array(N_FRAMES), jnp.array(0.25)))
    expected = 0.75 * np.asarray(one) + 0.25 * np.asarray(other)
    np.testing.assert_allclose(found[:, :N_FRAMES], expected[:, :N_FRAMES], rtol=1e-6)
    assert not found[:, N_FRAMES:].any()


def test_recordings_and_targets_are_mixed_alike_and_empty_places_with_none():
    batch = BATCH._replace(spectrograms=jnp.ones_like(BATCH.spectrograms) * jnp.arange(4.0)[:, None, None])
    inside = np.arange(N_COLUMNS) < np.asarray(batch.n_frames)[:, None, None]
    batch = batch._replace(spectrograms=batch.spectrograms * inside)
    own_weights = []
    mix_by = jax.jit(lambda key: mix_batch(key, batch, TARGETS, 0.4))
    for key in KEYS[:50]:
        changed, targets = jax.device_get(mix_by(key))
        mixed = changed.spectrograms
        np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-6)
        assert (targets[1] == [0, 1, 0, 0]).all()
        assert not targets[[0, 2, 3], 1].any()
        assert not mixed[~np.broadcast_to(inside, mixed.shape)].any()
        # Where both sound, the value tells the weights: recording i is i everywhere.
        np.testing.assert_allclose(mixed[[0, 2, 3], 0, 0], targets[[0, 2, 3]] @ np.arange(4), rtol=1e-5, atol=1e-6)
        own_weights += [*targets[[0, 2, 3], [0, 2, 3]]]
    assert min(own_weights) >= 0.5
    assert len(set(own_weights)) > 50


def test_without_any_change_a_batch_is_the_same():
    for found, own in zip(augment(KEYS[0], BATCH, NONE, "decibel"), BATCH, strict=True):
        assert found is own


def test_a_batch_is_changed_recording_by_recording():
    change = jax.jit(partial(augment, augmentation=ALL, scale="decibel"))
    found = change(KEYS[0], BATCH)
    np.testing.assert_array_equal(found.n_frames, BATCH.n_frames)
    inside = np.arange(N_COLUMNS) < np.asarray(BATCH.n_frames)[:, None, None]
    assert not np.asarray(found.spectrograms)[~np.broadcast_to(inside, found.spectrograms.shape)].any()
    # Two equal recordings of a batch are not changed alike.
    twins = Batch(jnp.stack([spectrogram()] * 4), jnp.array([N_FRAMES] * 4))
    changed = np.asarray(change(KEYS[0], twins).spectrograms)
    assert len(np.unique(changed, axis=0)) == 4
