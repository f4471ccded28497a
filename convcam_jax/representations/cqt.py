"""The constant-Q transform (paper, section 2.1): bins whose width is a constant share of their frequency.

Axes: F frequency bin (bin 0 is the lowest); n frame; N sample.
"""

import dataclasses
import math
from typing import ClassVar

import numpy as np
from jaxtyping import Float64

from convcam_jax.corpora.sounds.resampling import resample
from convcam_jax.representations.transforms.constant_q import filtered_magnitude, make_filters
from convcam_jax.representations.transforms.octaves import OctaveBins


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cqt(OctaveBins):
    """CQT-96 of the paper: eight octaves of semitones from C1.

    Attributes:
      cqt_sample_rate_hz: to which recordings are resampled before they are transformed.
    """

    packages: ClassVar[tuple[str, ...]] = ("soxr",)
    name: str = "cqt"
    # At 16 kHz the pass-band of the highest of the 96 filters, up to 8244 Hz, reaches beyond the Nyquist frequency.
    cqt_sample_rate_hz: int = 16600

    @property
    def transform_rate_hz(self) -> int:
        """See `Representation.transform_rate_hz`."""
        return self.cqt_sample_rate_hz

    @property
    def bandwidth_offset_hz(self) -> float:
        """See `OctaveBins.bandwidth_offset_hz`."""
        return 0.0

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
