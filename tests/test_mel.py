"""The mel spectrogram and the mel scale against librosa and hand values."""

from dataclasses import replace

import librosa
import numpy as np
import pytest
from plain_sounds import noise

from convcam_jax.representations.mel import Mel, hz_of_mel, mel_of_hz
from convcam_jax.system.errors import UserError

MEL = Mel()
OTHER = Mel(n_bins=40, window_samples=400, hop_samples=160, lowest_hz=50.0, highest_hz=7000.0)


# Librosa warns of a filter without a frequency, and warnings are errors in tests.
@pytest.mark.parametrize("fields", [{}, {"window_samples": 400}, {"lowest_hz": 2000.0}])
def test_the_largest_number_of_filters_leaves_none_empty(fields):
    with pytest.raises(UserError, match="n_bins: must be at most ") as raised:
        Mel(n_bins=10**6, **fields)
    n_fitting = int(str(raised.value).split("at most ")[1].split(",")[0])
    mel = Mel(n_bins=n_fitting, **fields)
    assert (mel.magnitude(noise(4000)) > 0).all()
    # Not far from what librosa can do: with half as many again some filters are empty.
    with pytest.warns(UserWarning, match="Empty filters"):
        librosa.filters.mel(
            sr=16000, n_fft=mel.window_samples, n_mels=n_fitting * 3 // 2, fmin=mel.lowest_hz, fmax=mel.highest_hz
        )


@pytest.mark.parametrize("mel", [MEL, OTHER])
@pytest.mark.parametrize("n_samples", [1024, 8000, 8191, 8192])
def test_magnitude_is_librosas(mel, n_samples):
    samples = noise(n_samples)
    expected = librosa.feature.melspectrogram(
        y=samples,
        sr=16000,
        n_fft=mel.window_samples,
        hop_length=mel.hop_samples,
        power=1,
        n_mels=mel.n_bins,
        fmin=mel.lowest_hz,
        fmax=mel.highest_hz,
    )
    np.testing.assert_array_equal(mel.magnitude(samples), expected)


def test_a_tone_has_the_closed_form_magnitude():
    """A tone of amplitude A on a frequency of the transform: half of A times the window's sum there, half of it beside.

    By definition, from the triangles of unit area.
    """
    tone_hz = 128 * 15.625
    samples = 0.5 * np.sin(2 * np.pi * tone_hz * np.arange(16000) / 16000)
    middle = MEL.magnitude(samples)[:, 4:-4]
    corners_hz = librosa.mel_frequencies(n_mels=98, fmin=0, fmax=8000)
    frequencies_hz = tone_hz + 15.625 * np.array([-1, 0, 1])
    expected = np.zeros(96)
    for row, (low, peak, high) in enumerate(zip(corners_hz, corners_hz[1:], corners_hz[2:], strict=False)):
        weights = np.interp(frequencies_hz, [low, peak, high], [0, 2 / (high - low), 0])
        expected[row] = 0.5 / 2 * 512 * weights @ [0.5, 1, 0.5]
    assert np.count_nonzero(expected) in (2, 3)
    np.testing.assert_allclose(middle, np.repeat(expected[:, None], middle.shape[1], 1), atol=1e-4 * expected.max())


def test_a_recording_shorter_than_the_window_is_surrounded_by_silence():
    short = noise(600)
    longer = np.append(short, np.zeros(3000))
    np.testing.assert_allclose(MEL.magnitude(short), MEL.magnitude(longer)[:, :2], rtol=1e-12)


def test_frames_by_hand():
    assert [MEL.n_frames(n) for n in (1, 511, 512, 1023, 1024)] == [1, 1, 2, 2, 3]
    np.testing.assert_allclose(MEL.frame_times_s(3), [0, 0.032, 0.064], rtol=1e-15)


@pytest.mark.parametrize("mel", [MEL, OTHER])
def test_frequencies_are_those_of_librosas_filters(mel):
    corners_hz = librosa.mel_frequencies(n_mels=mel.n_bins + 2, fmin=mel.lowest_hz, fmax=mel.highest_hz)
    np.testing.assert_allclose(mel.frequencies_hz(), corners_hz[1:-1], rtol=1e-12)
    middles = (librosa.hz_to_mel(corners_hz[:-1]) + librosa.hz_to_mel(corners_hz[1:])) / 2
    np.testing.assert_allclose(mel.edges_hz(), librosa.mel_to_hz(middles), rtol=1e-12)


def test_mel_scale_is_librosas():
    frequencies_hz = np.array([0.0, 1e-3, 500, 999.999, 1000, 1000.001, 4000, 96000])
    mels = np.array([mel_of_hz(hz) for hz in frequencies_hz])
    np.testing.assert_allclose(mels, librosa.hz_to_mel(frequencies_hz), rtol=1e-12)
    np.testing.assert_allclose(hz_of_mel(mels), frequencies_hz, rtol=1e-12)
    # 200 / 3 Hz a mel up to 1 kHz, then 27 mels for a factor of 6.4.
    np.testing.assert_allclose(hz_of_mel(np.array([3.0, 15, 42])), [200, 1000, 6400], rtol=1e-12)


def test_lower_filters_begin_at_the_lowest_frequency():
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    above = replace(MEL, lowest_hz=1500.0)
    assert above.magnitude(tone)[:, 4:-4].max() < 1e-3 * MEL.magnitude(tone)[:, 4:-4].max()
