"""Filling: what other recordings would put into a gap, and that the map marks a gap on which the score rests."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_case import scored_by

from convcam_jax.attribution import METHODS
from convcam_jax.attribution.baseline import sounding_frames
from convcam_jax.attribution.perturbations.filling import placed
from convcam_jax.attribution.perturbations.infill import HALF, MARGIN, infill, stretched

GRID = (6, 40)
N_FRAMES = jnp.array([40, 32])
# Tones in bin 1 until half of the time and in bin 4 after it, of different length.
LENGTHS = jnp.array([40, 30, 20])
GAP = slice(9, 14)


def tones(n_frames, level=1.0):
    spectrogram = np.zeros(GRID, np.float32)
    half = int(n_frames) // 2
    spectrogram[1, :half] = spectrogram[4, half : int(n_frames)] = level
    return spectrogram


REFERENCES = jnp.asarray(np.stack([tones(n) for n in LENGTHS]))


def gapped():
    spectrograms = np.stack([tones(n, 0.5) for n in N_FRAMES])
    spectrograms[:, :, GAP] = 0
    return jnp.asarray(spectrograms)


def test_lengths_are_those_up_to_the_last_sound():
    silent_inside = REFERENCES.at[:, :, 3:6].set(0)
    np.testing.assert_array_equal(sounding_frames(silent_inside).sum(1), LENGTHS)


def test_recordings_are_stretched_by_interpolation():
    for n_frames in (40, 25):
        found = np.asarray(jax.jit(stretched)(REFERENCES, LENGTHS, jnp.asarray(n_frames)))
        assert not found[:, :, n_frames:].any()
        for own, length in zip(found, LENGTHS, strict=True):
            position = (np.arange(n_frames) + 0.5) * length / n_frames - 0.5
            for row, source in zip(own, tones(length), strict=True):
                expected = np.interp(position, np.arange(length), source[: int(length)])
                np.testing.assert_allclose(row[:n_frames], expected, atol=1e-5)


def test_a_gap_is_filled_as_loud_as_the_recording_is():
    found = jax.jit(infill)(gapped()[0], N_FRAMES[0], REFERENCES, LENGTHS)
    centre = (GAP.start + GAP.stop) // 2
    within = np.asarray(found.values[centre])
    assert found.present[centre].all()
    # The recording is half as loud as the others where the stretch is not, but for what is missing beside it.
    assert GAP.stop - GAP.start <= 2 * (HALF + MARGIN) + 1
    # Stretching blurs where one tone ends and the other begins.
    np.testing.assert_allclose(within[1], 0.5, rtol=0.01)
    assert np.abs(within[[0, 2, 3, 5]]).max() < 1e-6
    assert not np.asarray(found.present[0, :HALF]).any()


def test_a_recording_is_not_filled_with_itself():
    spectrogram = gapped()[0]
    references = jnp.concatenate([spectrogram[None], REFERENCES[:1]])
    together, alone = (
        jax.jit(infill)(spectrogram, N_FRAMES[0], own, lengths).values
        for own, lengths in ((references, jnp.array([40, 40])), (REFERENCES[:1], LENGTHS[:1]))
    )
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert np.asarray(alone).max() > 0.4


def test_stretches_are_put_where_they_are_from():
    stretch = jnp.arange(2 * HALF + 1, dtype=jnp.float32)[None, None]
    for centre in (0, 5, 19):
        expected = np.zeros(20)
        for offset in range(-HALF, HALF + 1):
            if 0 <= centre + offset < 20:
                expected[centre + offset] = offset + HALF
        np.testing.assert_array_equal(placed(stretch, jnp.asarray(centre), 20)[0, 0], expected)


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
        assert own[1, GAP].sum() > 0.9 * own[:, :20].sum()
        assert (own[:, 25:30].sum() > 0) == (name == "sound_and_silence")


def test_a_score_that_sound_raises_rests_on_no_gap():
    explained = explained_by(lambda spectrograms: 1.0 * spectrograms)
    found = np.asarray(jax.jit(lambda: METHODS["filling"].explain(explained))())
    assert found[:, :, GAP].max() < 1e-6
