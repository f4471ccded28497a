"""The short-time Fourier transform against librosa and closed forms."""

import librosa
import numpy as np
import pytest
from plain_sounds import noise

from convcam_jax.representations.stft import Stft

STFT = Stft()
OTHER = Stft(n_bins=100, window_samples=400, hop_samples=160)


@pytest.mark.parametrize("stft", [STFT, OTHER, Stft(n_bins=512)])
@pytest.mark.parametrize("n_samples", [1024, 8000, 8191, 8192])
def test_magnitude_and_frequencies_are_librosas_but_for_0_hz(stft, n_samples):
    samples, window = noise(n_samples), stft.window_samples
    expected = np.abs(librosa.stft(samples, n_fft=window, hop_length=stft.hop_samples))
    np.testing.assert_array_equal(stft.magnitude(samples), expected[1 : stft.n_bins + 1, : stft.n_frames(n_samples)])
    frequencies_hz = librosa.fft_frequencies(sr=16000, n_fft=window)[1 : stft.n_bins + 1]
    np.testing.assert_allclose(stft.frequencies_hz(), frequencies_hz, rtol=1e-12)


def test_bins_by_hand():
    # 16000 / 1024 = 15.625 Hz apart.
    np.testing.assert_allclose(STFT.frequencies_hz()[[0, 1, 255]], [15.625, 31.25, 4000], rtol=1e-15)
    np.testing.assert_allclose(STFT.edges_hz()[[0, 1, 256]], [7.8125, 23.4375, 4007.8125], rtol=1e-15)
    np.testing.assert_allclose(STFT.frame_times_s(3), [0, 0.032, 0.064], rtol=1e-15)


def test_a_tone_has_the_closed_form_magnitude():
    """A tone of amplitude A on a bin: A / 2 times the window's sum there, half of that beside, nothing elsewhere."""
    samples = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    middle = STFT.magnitude(samples)[:, 4:-4]
    expected = np.zeros(256)
    expected[62:65] = 0.5 / 2 * 512 * np.array([0.5, 1, 0.5])
    np.testing.assert_allclose(middle, np.repeat(expected[:, None], middle.shape[1], 1), atol=1e-9)


def test_a_recording_shorter_than_the_window_is_surrounded_by_silence():
    longer = np.append(noise(600), np.zeros(3000))
    np.testing.assert_allclose(STFT.magnitude(noise(600)), STFT.magnitude(longer)[:, :2], rtol=1e-12)
