"""Filters against librosa's and their answers against sums by definition."""

import librosa
import numpy as np
import pytest

from convcam_jax.representations.transforms.constant_q import filtered_magnitude, make_filters


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


@pytest.mark.parametrize(("bins_per_octave", "n_bins"), [(12, 12), (12, 7), (24, 24)])
def test_filters_are_librosas_without_the_smallest_hundredth(bins_per_octave, n_bins):
    frequencies_hz = 440.0 * 2 ** (np.arange(n_bins) / bins_per_octave)
    expected, lengths = librosa.filters.wavelet(freqs=frequencies_hz, sr=8300)
    filters = make_filters(440.0, n_bins, bins_per_octave, 8300)
    n_samples = expected.shape[1]
    assert filters.n_samples == n_samples
    np.testing.assert_allclose(filters.norms, np.sqrt(lengths), rtol=1e-12)
    whole = np.fft.fft(expected * lengths[:, None] / n_samples)[:, : n_samples // 2 + 1]
    spectra = filters.spectra.toarray()
    kept = spectra != 0
    np.testing.assert_allclose(spectra[kept], whole[kept], rtol=1e-4)
    # Of the magnitudes that are kept, none is smaller than one that is left out.
    left_out = np.where(kept, 0, np.abs(whole))
    assert (left_out.max(1) <= np.where(kept, np.abs(whole), np.inf).min(1)).all()
    share = left_out.sum(1) / np.abs(whole).sum(1)
    assert (share < 0.01).all()
    smallest_kept = np.where(kept, np.abs(whole), np.inf).min(1)
    assert (share + smallest_kept / np.abs(whole).sum(1) >= 0.01 - 1e-6).all()


def test_a_single_bin_has_the_width_of_its_octaves_bins():
    one, all_bins = make_filters(440.0, 1, 12, 8300), make_filters(440.0, 12, 12, 8300)
    assert one.norms[0] == all_bins.norms[0]


def test_magnitude_is_that_of_a_sum_around_the_frames_middle():
    filters = make_filters(500.0, 12, 12, 8000)
    signal = noise(1000)
    magnitude = filtered_magnitude(signal, 150, filters)
    assert magnitude.shape == (12, 7)
    # By Parseval, with the negative frequencies, of which a filter has none, left out.
    spectra = np.zeros((12, filters.n_samples), complex)
    spectra[:, : filters.n_samples // 2 + 1] = filters.spectra.toarray()
    around = np.pad(signal, filters.n_samples)
    for frame in (0, 3, 6):
        start = 150 * frame + filters.n_samples // 2
        own = np.fft.fft(around[start : start + filters.n_samples])
        expected = np.abs((spectra * own).sum(1)) / filters.norms
        np.testing.assert_allclose(magnitude[:, frame], expected, rtol=1e-10)


def test_many_signals_are_each_by_itself():
    filters = make_filters(500.0, 12, 12, 8000)
    signals = noise(2, 3, 900)
    together = filtered_magnitude(signals, 128, filters)
    assert together.shape == (2, 3, 12, 8)
    np.testing.assert_allclose(together[1, 2], filtered_magnitude(signals[1, 2], 128, filters), rtol=1e-12)
