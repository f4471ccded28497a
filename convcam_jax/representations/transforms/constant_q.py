"""Filters of a constant-Q transform, and their answers to a signal.

As in librosa up to 0.11 (B. McFee et al., "librosa: audio and music signal analysis in Python", SciPy 2015), to the
rounding: filters in single precision, and without the hundredth of each that matters least. They are made here because
librosa makes them anew for every recording, which takes most of its time, and because loading it takes half a minute in
a new installation, for it compiles much that is not needed here.
Axes: B bin; K frequency of the Fourier transform; N sample; n frame.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Complex64, Float64
from scipy import fft, sparse

# Of the magnitudes of a filter's spectrum, the smallest that together make up this share are left out.
_LEFT_OUT = 0.01


class Filters(NamedTuple):
    """Filters of neighbouring bins, for frames of `n_samples`.

    Attributes:
      spectra: `[B, K]` sparse, K = n_samples / 2 + 1.
      norms: square roots of the filters' lengths in samples, by which their answers are divided.
      n_samples: a power of two.
    """

    spectra: sparse.csr_matrix
    norms: Float64[np.ndarray, "B"]
    n_samples: int


@lru_cache(maxsize=64)
def make_filters(lowest_hz: float, n_bins: int, bins_per_octave: int, rate_hz: float) -> Filters:
    """Filters of the bins from `lowest_hz` upwards for a signal at `rate_hz`: complex tones under Hann windows.

    Every filter lasts as many periods of its bin's frequency, which is what constant Q means (J. Brown, "Calculation of
    a constant Q spectral transform", JASA 1991).
    """
    frequencies_hz = lowest_hz * 2.0 ** (np.arange(n_bins) / bins_per_octave)
    lengths = rate_hz / (math.tanh(math.log(2) / bins_per_octave) * frequencies_hz)
    n_samples = 2 ** math.ceil(math.log2(lengths.max()))
    filters = np.zeros((n_bins, n_samples), np.complex64)
    for row, length, frequency_hz in zip(filters, lengths, frequencies_hz, strict=True):
        phases = 2 * np.pi * frequency_hz / rate_hz * np.arange(-length // 2, length // 2)
        tone = np.exp(1j * phases) * np.hanning(len(phases) + 1)[:-1]
        start = (n_samples - len(tone)) // 2
        row[start : start + len(tone)] = tone / np.abs(tone).sum()
    filters *= lengths[:, None] / n_samples
    spectra = fft.fft(filters)[:, : n_samples // 2 + 1]
    return Filters(sparse.csr_matrix(_largest(spectra).astype(complex)), np.sqrt(lengths), n_samples)


def _largest(spectra: Complex64[np.ndarray, "B K"]) -> Complex64[np.ndarray, "B K"]:
    """The spectra with zeros in place of what is left out."""
    magnitudes = np.abs(spectra)
    ascending = np.sort(magnitudes)
    shares = np.cumsum(ascending / ascending.sum(axis=1, keepdims=True), axis=1)
    first_kept = np.take_along_axis(ascending, (shares < _LEFT_OUT).sum(axis=1, keepdims=True), axis=1)
    return np.where(magnitudes >= first_kept, spectra, 0)


def filtered_magnitude(
    signal: Float64[np.ndarray, "*batch N"], hop_samples: int, filters: Filters
) -> Float64[np.ndarray, "*batch B n"]:
    """Magnitude of the filters' answers to `signal`, which silence surrounds.

    Frame j of n = 1 + floor(N / hop) is centred on the sample j * hop.
    """
    around = [(0, 0)] * (signal.ndim - 1) + [(filters.n_samples // 2,) * 2]
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(signal, around), filters.n_samples, axis=-1)
    spectra = fft.rfft(frames[..., ::hop_samples, :])
    answers = filters.spectra @ spectra.reshape(-1, spectra.shape[-1]).T
    magnitude = np.abs(answers / filters.norms[:, None])
    return np.moveaxis(magnitude.reshape(len(filters.norms), *spectra.shape[:-1]), 0, -2)
