"""Features of one recording: constant-Q transform, fundamental frequency and energy (paper, section 2.1 and Eq. 7).

Pure functions on the samples of ONE recording. Frames are those of the CQT, frame j centred on j * hop / rate seconds.
Axes: F frequency bin (bin 0 is the lowest), n frame of the CQT, m frame of Praat's pitch analysis, N sample.
"""

import math
from typing import NamedTuple

import numpy as np
import parselmouth
from numpy.typing import NDArray

from convcam_jax.representations.constant_q import filtered_magnitude, make_filters, resample
from convcam_jax.settings.config import FeatureConfig

# The decibel scale counts from this far below the recording's loudest cell, so that 0 is silence, as the padding is.
DECIBEL_RANGE_DB = 80.0
# Praat's window, three periods of the lowest F0, has to fit into the recording.
PERIODS_PER_PITCH_WINDOW = 3


class Features(NamedTuple):
    """What is computed from one recording."""

    cqt: NDArray[np.float32]  # [F, n], linear magnitude, >= 0
    praat_f0_hz: NDArray[np.float64]  # [m], 0 = unvoiced
    praat_time_s: NDArray[np.float64]  # [m], centres of Praat's frames
    energy: NDArray[np.float64]  # [n], sums of squares, not normalised


def compute_features(samples: NDArray[np.float64], config: FeatureConfig) -> Features:
    """All features of one recording, `samples` [N] in -1..1 at `config.sample_rate_hz`, at least `shortest_s` long."""
    magnitude = cqt_magnitude(samples, config)
    f0_hz, time_s = praat_f0(samples, config)
    return Features(
        cqt=magnitude.astype(np.float32),
        praat_f0_hz=f0_hz,
        praat_time_s=time_s,
        energy=frame_energy(samples, magnitude.shape[1]),
    )


def shortest_s(config: FeatureConfig) -> float:
    """Duration in seconds below which Praat has no pitch analysis to offer."""
    return PERIODS_PER_PITCH_WINDOW / config.f0_floor_hz


def n_cqt_samples(n_samples: int, config: FeatureConfig) -> int:
    """Length of `n_samples` samples after resampling for the CQT: ceil(N * 16600 / 16000), in whole numbers."""
    return -(-n_samples * config.cqt_sample_rate_hz // config.sample_rate_hz)


def n_cqt_frames(n_samples: int, config: FeatureConfig) -> int:
    """Number of CQT frames n = 1 + floor(ceil(N * 16600 / 16000) / 512) of a recording of N samples."""
    return 1 + n_cqt_samples(n_samples, config) // config.hop_samples


def bin_frequencies_hz(config: FeatureConfig) -> NDArray[np.float64]:
    """Centre frequencies [F] of the CQT's bins in Hz: C1 * 2^(i / 12)."""
    return config.lowest_bin_hz * 2.0 ** (np.arange(config.cqt_bins) / config.bins_per_octave)


def frame_times_s(n_frames: int, config: FeatureConfig) -> NDArray[np.float64]:
    """Times [n] in seconds on which the CQT's frames are centred."""
    return np.arange(n_frames) * config.hop_samples / config.cqt_sample_rate_hz


def cqt_magnitude(samples: NDArray[np.float64], config: FeatureConfig) -> NDArray[np.float64]:
    """Magnitude [..., F, n] of the constant-Q transform of `samples` [..., N], octave by octave from the highest down.

    Each octave below the highest is computed from the signal at half the rate and half the hop of the one above
    (Schoerkhuber and Klapuri, "Constant-Q transform toolbox for music processing", SMC 2010), as in `librosa.cqt` up to
    0.11, which weakens the highest bin of these octaves by a third (it lies in the slope of the resampling filter).
    librosa 1.0 halves the rate later: its cells differ by up to half of the loudest one. Where all bins lie below a
    quarter of the Nyquist frequency, 0.11 halves the rate before the highest octave, too, which saves time and costs
    some of the precision: not done here. n is `n_cqt_frames`.
    """
    rate_hz: float = config.cqt_sample_rate_hz
    hop = config.hop_samples
    n_samples = samples.shape[-1]
    n_frames = n_cqt_frames(n_samples, config)
    signal = resample(samples, config.sample_rate_hz, rate_hz, n_cqt_samples(n_samples, config))
    bin_hz = bin_frequencies_hz(config)
    octaves = []
    for end in range(config.cqt_bins, 0, -config.bins_per_octave):
        start = max(0, end - config.bins_per_octave)
        filters = make_filters(float(bin_hz[start]), end - start, config.bins_per_octave, rate_hz)
        octaves.append(filtered_magnitude(signal, hop, filters)[..., :n_frames])
        if hop % 2 == 0:
            hop //= 2
            rate_hz /= 2
            # As loud as before: half as many samples of a unit of energy.
            signal = resample(signal, 2, 1, -(-signal.shape[-1] // 2)) * math.sqrt(2)
    return np.concatenate(octaves[::-1], axis=-2)


def scale_cqt(magnitude: NDArray[np.float64], scale: str) -> NDArray[np.float64]:
    """Magnitude [F, n] in another scale, >= 0, with 0 for silence.

    "magnitude": unchanged. "power": its square. "decibel": 20 log10 relative to the loudest cell of the recording,
    counted from 80 dB below it: the loudest cell is 80, and what lies 80 dB or more below it is 0.
    """
    if scale == "power":
        return magnitude**2
    if scale == "decibel":
        peak = magnitude.max()
        floor = peak * 10 ** (-DECIBEL_RANGE_DB / 20)
        return 20 * np.log10(np.maximum(magnitude, floor) / floor) if peak > 0 else np.zeros_like(magnitude)
    return magnitude


def praat_f0(samples: NDArray[np.float64], config: FeatureConfig) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """F0 in Hz [m], 0 where unvoiced, and the times [m] in seconds, by Praat's autocorrelation method.

    Boersma, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a sampled
    sound", IFA Proceedings 17, 1993: reference [18] of the paper.
    """
    pitch = parselmouth.Sound(samples, sampling_frequency=config.sample_rate_hz).to_pitch_ac(
        time_step=config.f0_step_s, pitch_floor=config.f0_floor_hz, pitch_ceiling=config.f0_ceiling_hz
    )
    return np.array(pitch.selected_array["frequency"], dtype=np.float64), np.array(pitch.xs(), dtype=np.float64)


def frame_energy(samples: NDArray[np.float64], n_frames: int) -> NDArray[np.float64]:
    """Sum of squares [n] in each of n nearly equal parts of `samples` [N]; the first N mod n are one sample longer.

    The paper's Eq. 7 before the division by the maximum; with K = floor(N / W), as printed, the end would be cut off.
    """
    return np.array([math.fsum(part**2) for part in np.array_split(samples, n_frames)])
