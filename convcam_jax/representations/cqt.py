"""The constant-Q transform (paper, section 2.1): bins whose width is a constant share of their frequency.

Axes: F frequency bin (bin 0 is the lowest); n frame; N sample.
"""

import dataclasses
import math
from typing import ClassVar

import numpy as np
from jaxtyping import Float64

from convcam_jax.corpora.resampling import resample
from convcam_jax.representations.constant_q import filtered_magnitude, make_filters
from convcam_jax.representations.representation import HIGHEST_RATE_HZ, Representation
from convcam_jax.system.validation import require

# Filters of many seconds need more memory than there is.
LONGEST_FILTER_S = 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cqt(Representation):
    """CQT-96 of the paper: eight octaves of semitones from C1; frame j is centred on j * hop / rate seconds."""

    packages: ClassVar[tuple[str, ...]] = ("soxr",)
    name: str = "cqt"
    # At 16 kHz the pass-band of the highest of the 96 filters, up to 8244 Hz, reaches beyond the Nyquist frequency.
    cqt_sample_rate_hz: int = 16600
    hop_samples: int = 512
    bins_per_octave: int = 12
    lowest_bin_hz: float = 32.70319566257483

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            0 < self.cqt_sample_rate_hz <= HIGHEST_RATE_HZ,
            "representation.cqt_sample_rate_hz",
            f"must lie in 1..{HIGHEST_RATE_HZ}",
        )
        for name in ("hop_samples", "bins_per_octave", "lowest_bin_hz"):
            require(getattr(self, name) > 0, f"representation.{name}", "must be positive")
        self._check_filters()

    def _check_filters(self) -> None:
        # Bandwidth and upper edge by the centre frequency, as librosa has them for Hann windows.
        bandwidth = math.tanh(math.log(2) / self.bins_per_octave)
        edge = 1 + 0.75 * bandwidth
        lowest_hz = 1 / (bandwidth * LONGEST_FILTER_S)
        require(
            self.lowest_bin_hz >= lowest_hz,
            "representation.lowest_bin_hz",
            f"must be at least {lowest_hz:.3g} at {self.bins_per_octave} bins per octave; "
            f"lower filters last longer than {LONGEST_FILTER_S} s",
        )
        nyquist_hz = self.cqt_sample_rate_hz / 2
        n_fitting = 1 + math.floor(self.bins_per_octave * math.log2(nyquist_hz / (edge * self.lowest_bin_hz)))
        require(
            self.n_bins <= n_fitting,
            "representation.n_bins",
            f"must be at most {max(0, n_fitting)}, since higher filters reach beyond the Nyquist frequency of "
            f"{nyquist_hz:g} Hz; lower it, or raise representation.cqt_sample_rate_hz",
        )

    @property
    def title(self) -> str:
        """What it is called on figures."""
        return f"CQT-{self.n_bins}"

    def magnitude(self, samples: Float64[np.ndarray, "*batch N"]) -> Float64[np.ndarray, "*batch {self.n_bins} n"]:
        """Magnitude of the constant-Q transform, octave by octave from the highest down.

        Each octave below the highest is computed from the signal at half the rate and half the hop of the one above
        (Schoerkhuber and Klapuri, "Constant-Q transform toolbox for music processing", SMC 2010), as in `librosa.cqt`
        up to 0.11, which weakens the highest bin of these octaves by a third (it lies in the slope of the resampling
        filter). librosa 1.0 halves the rate later: its cells differ by up to half of the loudest one. Where all bins
        lie below a quarter of the Nyquist frequency, 0.11 halves the rate before the highest octave, too, which saves
        time and costs some of the precision: not done here.
        """
        rate_hz: float = self.cqt_sample_rate_hz
        hop = self.hop_samples
        n_samples = samples.shape[-1]
        signal = resample(samples, self.sample_rate_hz, rate_hz, self.n_resampled(n_samples))
        bin_hz = self.frequencies_hz()
        octaves = []
        for end in range(self.n_bins, 0, -self.bins_per_octave):
            start = max(0, end - self.bins_per_octave)
            filters = make_filters(float(bin_hz[start]), end - start, self.bins_per_octave, rate_hz)
            octaves.append(filtered_magnitude(signal, hop, filters)[..., : self.n_frames(n_samples)])
            if hop % 2 == 0:
                hop //= 2
                rate_hz /= 2
                # As loud as before: half as many samples of a unit of energy.
                signal = resample(signal, 2, 1, -(-signal.shape[-1] // 2)) * math.sqrt(2)
        return np.concatenate(octaves[::-1], axis=-2)

    def frequencies_hz(self) -> Float64[np.ndarray, "{self.n_bins}"]:
        """Centre frequencies of the bins in Hz: C1 * 2^(i / 12)."""
        return self.lowest_bin_hz * 2.0 ** (np.arange(self.n_bins) / self.bins_per_octave)

    def edges_hz(self) -> Float64[np.ndarray, "{self.n_bins}+1"]:
        """Frequencies in Hz half a bin below and above the bins' centres, in the geometric sense."""
        bin_hz = self.frequencies_hz()
        half_step = np.sqrt(bin_hz[1] / bin_hz[0])
        return np.append(bin_hz / half_step, bin_hz[-1] * half_step)

    def n_resampled(self, n_samples: int) -> int:
        """Length of `n_samples` samples after resampling: ceil(N * 16600 / 16000), in whole numbers."""
        return -(-n_samples * self.cqt_sample_rate_hz // self.sample_rate_hz)

    def n_frames(self, n_samples: int) -> int:
        """Number of frames n = 1 + floor(ceil(N * 16600 / 16000) / 512) of a recording of N samples."""
        return 1 + self.n_resampled(n_samples) // self.hop_samples

    def frame_times_s(self, n_frames: int) -> Float64[np.ndarray, "{n_frames}"]:
        """Times in seconds on which the first `n_frames` frames are centred."""
        return np.arange(n_frames) * self.hop_samples / self.cqt_sample_rate_hz
