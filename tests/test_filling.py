"""Filling: what other recordings would put into a gap, and that the map marks a gap on which the score rests."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_case import scored_by

from convcam_jax.attribution import METHODS
from convcam_jax.attribution.baseline import sounding_frames
from convcam_jax.attribution.perturbations.filling import above_mean, covering, placed
from convcam_jax.attribution.perturbations.infill import (
    BANDWIDTH,
    HALF,
    MARGIN,
    MOST_BINS,
    infill,
    moved,
    shares,
)
from convcam_jax.kernels.stretching import stretched

pytestmark = pytest.mark.usefixtures("strict_promotion")

GRID = (24, 40)
N_FRAMES = jnp.array([40, 32])
# Tones in one bin until half of the time and in another after it, of different length.
LENGTHS = jnp.array([40, 30, 20])
EARLY, LATE = 3, 18
GAP = slice(9, 14)


def tones(n_frames, level=1.0):
    spectrogram = np.zeros(GRID, np.float32)
    half = int(n_frames) // 2
    spectrogram[EARLY, :half] = spectrogram[LATE, half : int(n_frames)] = level
    return spectrogram


REFERENCES = jnp.asarray(np.stack([tones(n) for n in LENGTHS]))


def gapped():
    spectrograms = np.stack([tones(n, 0.5) for n in N_FRAMES])
    spectrograms[:, :, GAP] = 0
    return jnp.asarray(spectrograms)


filled_in = jax.jit(partial(infill, cut="frames"))


def test_lengths_are_those_up_to_the_last_sound():
    silent_inside = REFERENCES.at[:, :, 3:6].set(0)
    np.testing.assert_array_equal(sounding_frames(silent_inside).sum(1), LENGTHS)


def test_recordings_are_stretched_by_interpolation():
    for n_frames in (40, 25):
        found = np.asarray(jax.jit(jax.vmap(stretched, (0, 0, None)))(REFERENCES, LENGTHS, jnp.asarray(n_frames)))
        assert not found[:, :, n_frames:].any()
        for own, length in zip(found, LENGTHS, strict=True):
            position = (np.arange(n_frames) + 0.5) * int(length) / n_frames - 0.5
            for row, source in zip(own, tones(length), strict=True):
                expected = np.interp(position, np.arange(int(length)), source[: int(length)])
                np.testing.assert_allclose(row[:n_frames], expected, atol=1e-5)


def test_a_gap_is_filled_as_loud_as_the_recording_is():
    found = filled_in(gapped()[0], N_FRAMES[0], REFERENCES, LENGTHS)
    centre = (GAP.start + GAP.stop) // 2
    within = np.asarray(found.values[centre])
    assert found.present[centre].all()
    # The recording is half as loud as the others where the stretch is not, but for what is missing beside it.
    assert GAP.stop - GAP.start <= 2 * (HALF + MARGIN) + 1
    # Stretching blurs where one tone ends and the other begins.
    np.testing.assert_allclose(within[EARLY], 0.5, rtol=0.01)
    assert np.abs(np.delete(within, [EARLY, LATE], axis=0)).max() < 1e-6
    assert not np.asarray(found.present[0, :HALF]).any()


def test_a_band_that_is_missing_is_filled_as_loud_as_the_recording_is():
    """Two tones that sound together in all other recordings, in one of which one is missing."""
    both, one = np.zeros(GRID, np.float32), np.zeros(GRID, np.float32)
    both[EARLY], both[LATE], one[EARLY] = 1, 0.8, 0.5
    found = jax.jit(partial(infill, cut="bins"))(
        jnp.asarray(one), N_FRAMES[0], jnp.asarray(both)[None], jnp.array([40])
    )
    assert found.values.shape == (GRID[0], 2 * HALF + 1, GRID[1])
    for centre in range(LATE - HALF, LATE + HALF + 1):
        strip = np.asarray(found.values[centre])
        np.testing.assert_allclose(strip[LATE - centre + HALF], 0.4, rtol=1e-5)
        assert np.abs(np.delete(strip, LATE - centre + HALF, axis=0)).max() < 1e-6
    np.testing.assert_array_equal(found.present[1], np.arange(1 - HALF, 1 + HALF + 1) >= 0)


def test_other_voices_are_moved_to_the_pitch_of_the_recording():
    higher = jnp.roll(REFERENCES[:1], 2, axis=1)
    found = filled_in(gapped()[0], N_FRAMES[0], higher, LENGTHS[:1])
    within = np.asarray(found.values[(GAP.start + GAP.stop) // 2])
    np.testing.assert_allclose(within[EARLY], 0.5, rtol=1e-3)
    assert np.abs(np.delete(within, EARLY, axis=0)).max() < 1e-3


def test_what_is_moved_up_lies_so_many_rows_higher():
    rows = jnp.arange(5.0)[:, None] + jnp.zeros((1, 2))
    padded = jnp.pad(rows, ((MOST_BINS, MOST_BINS), (0, 0)))
    np.testing.assert_array_equal(moved(padded, 0)[:, 0], [0, 1, 2, 3, 4])
    np.testing.assert_array_equal(moved(padded, 2)[:, 0], [0, 0, 0, 1, 2])
    np.testing.assert_array_equal(moved(padded, -1)[:, 0], [1, 2, 3, 4, 0])


def test_shares_fall_with_the_distance_and_are_none_of_the_recording_itself():
    distances = jnp.array([[2.0, 0.0, 3.0], [2.6, 0.5, 8.0]])
    weights = np.exp([[0, -np.inf, -1 / (2 * BANDWIDTH)], [-0.6 / (2 * BANDWIDTH), -np.inf, -6 / (2 * BANDWIDTH)]])
    found = shares(distances, jnp.array([False, True, False]))
    np.testing.assert_allclose(found, weights / weights.sum(), rtol=1e-6)
    np.testing.assert_array_equal(shares(distances, jnp.ones(3, bool)), np.zeros((2, 3)))
    # Recordings that are equal to what is seen count alike, and nothing else does.
    found = shares(jnp.array([[0.0, 0.0, 1.0]]), jnp.zeros(3, bool))
    np.testing.assert_array_equal(found, [[0.5, 0.5, 0]])


def test_a_recording_is_not_filled_with_itself():
    spectrogram = gapped()[0]
    references = jnp.concatenate([spectrogram[None], REFERENCES[:1]])
    together, alone = (
        filled_in(spectrogram, N_FRAMES[0], own, lengths).values
        for own, lengths in ((references, jnp.array([40, 40])), (REFERENCES[:1], LENGTHS[:1]))
    )
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert np.asarray(alone).max() > 0.4


@pytest.mark.parametrize("n_silent", [1, 2, 4])
def test_a_recording_that_ends_in_silence_is_not_filled_with_itself(n_silent):
    """Its length as one of the others is that up to its last sound, and as the one that is filled it is not."""
    spectrogram = gapped()[0].at[:, 40 - n_silent :].set(0)
    references = jnp.stack([spectrogram, REFERENCES[0]])
    lengths = sounding_frames(references).sum(1)
    assert int(lengths[0]) == 40 - n_silent
    together, alone = (
        filled_in(spectrogram, N_FRAMES[0], own, own_lengths).values
        for own, own_lengths in ((references, lengths), (REFERENCES[:1], LENGTHS[:1]))
    )
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert np.asarray(alone).max() > 0.4


def test_a_recording_that_was_rounded_is_still_itself():
    spectrogram = gapped()[0]
    rounded = spectrogram * (1 + 1e-4 * jax.random.normal(jax.random.key(0), GRID))
    together, alone = (
        filled_in(spectrogram, N_FRAMES[0], own, jnp.full(len(own), 40)).values
        for own in (jnp.stack([rounded, REFERENCES[0]]), REFERENCES[:1])
    )
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_magnitudes_that_noise_made_negative_count_as_silence():
    silent = gapped()[0]
    noisy = jnp.where(silent == 0, -0.01, silent)
    others = jnp.where(REFERENCES == 0, -0.01, REFERENCES)
    found = filled_in(noisy, N_FRAMES[0], others, LENGTHS).values
    np.testing.assert_array_equal(found, filled_in(silent, N_FRAMES[0], REFERENCES, LENGTHS).values)
    assert np.asarray(found).max() > 0


def test_others_that_are_silent_outside_a_strip_fill_nothing():
    lonely = jnp.zeros((1, *GRID)).at[0, EARLY, GAP].set(1)
    found = filled_in(100 * gapped()[0], N_FRAMES[0], lonely, jnp.array([40]))
    assert not np.asarray(found.values[(GAP.start + GAP.stop) // 2]).any()


@pytest.mark.parametrize("axis", [1, 2])
def test_strips_are_put_where_they_are_from(axis):
    numbers = jnp.arange(2 * HALF + 1, dtype=jnp.float32)
    strip = jnp.expand_dims(numbers, (0, 3 - axis))
    for centre in (0, 5, 19):
        expected = np.zeros(20)
        for offset in range(-HALF, HALF + 1):
            if 0 <= centre + offset < 20:
                expected[centre + offset] = offset + HALF
        found = placed(strip, jnp.asarray(centre), 20, axis)
        np.testing.assert_array_equal(np.squeeze(found), expected)


def test_a_place_gets_the_mean_of_the_strips_that_cover_it():
    lost, counted = jnp.arange(1.0, 11.0)[None], jnp.arange(10)[None] < 9
    found = np.asarray(covering(lost, counted))[0]
    for place in range(9):
        own = [lost[0, w] for w in range(9) if abs(w - place) <= HALF]
        np.testing.assert_allclose(found[place], np.mean(own), rtol=1e-6)


def test_what_is_lost_counts_by_how_much_it_is_above_the_mean_of_all_strips():
    lost = (jnp.array([[4.0, 1.0, 9.0], [2.0, 2.0, 2.0]]), jnp.array([[1.0, 2.0], [2.0, 2.0]]))
    counted = (jnp.array([[True, True, False], [True, True, True]]), jnp.ones((2, 2), bool))
    frames, bins = above_mean(lost, counted)
    np.testing.assert_array_equal(frames, [[2, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(bins, np.zeros((2, 2)))


def explained_by(score_of):
    explained = scored_by(score_of, REFERENCES)
    return explained._replace(spectrograms=gapped(), n_frames=N_FRAMES, targets=jnp.zeros(2, int))


@pytest.mark.parametrize("name", ["filling", "sound_and_silence"])
def test_a_gap_that_the_score_rests_on_is_found(name):
    """The score falls with what sounds in the gap, and rises with what sounds late."""
    weights = np.zeros(GRID, np.float32)
    weights[:, GAP] = -1
    weights[:, 25:30] = 0.1
    explained = explained_by(lambda spectrograms: spectrograms * weights[None])
    found = np.asarray(jax.jit(lambda: METHODS[name].explain(explained))())
    assert found.min() >= 0
    for own in found:
        assert own[EARLY, GAP].sum() > 0.9 * own[:, :20].sum()
        assert (own[:, 25:30].sum() > 0.01 * own.sum()) == (name == "sound_and_silence")


def test_a_missing_band_that_the_score_rests_on_is_found():
    """Of two tones that others have together one is missing, all the time, and the score falls with it."""
    both, one = np.zeros(GRID, np.float32), np.zeros((2, *GRID), np.float32)
    both[EARLY], both[LATE], one[:, EARLY] = 1, 0.8, 0.5
    explained = explained_by(lambda spectrograms: -1.0 * spectrograms[:, LATE - 1 : LATE + 2])
    explained = explained._replace(spectrograms=jnp.asarray(one), references=jnp.asarray(both)[None])
    found = np.asarray(jax.jit(lambda: METHODS["filling"].explain(explained))())
    for own, n_frames in zip(found, N_FRAMES, strict=True):
        assert not own[:, n_frames:].any()
        assert own[LATE].min(where=np.arange(GRID[1]) < n_frames, initial=1) > 0
        assert own[LATE].sum() > 0.99 * own.sum()


def test_a_score_that_sound_raises_rests_on_no_gap():
    """Sound is put in where it is missing; what is there is not taken away, whatever the score would lose by that."""
    explained = explained_by(lambda spectrograms: 1.0 * spectrograms)
    assert not np.asarray(jax.jit(lambda: METHODS["filling"].explain(explained))()).any()
