"""The variable-Q transform: bins by octaves, of which the low ones are wider, and so shorter in time, than in the CQT.

Axes: F frequency bin (bin 0 is the lowest); n frame; N sample.
"""

import dataclasses
import math
from typing import ClassVar

import numpy as np
from jaxtyping import Float64

from convcam_jax.corpora.sounds.resampling import resample
from convcam_jax.representations.scale import Scale
from convcam_jax.representations.transforms.octaves import OctaveBins
from convcam_jax.system.validation import require

# The bandwidth of hearing at f, in Hz, is 0.108 f + 24.7 (B. Glasberg and B. Moore, "Derivation of auditory filter
# shapes from notched-noise data", Hearing Research 47, 1990).
_HEARING_SHARE = 0.108
_HEARING_OFFSET_HZ = 24.7


@dataclasses.dataclass(frozen=True, kw_only=True)
class Vqt(OctaveBins):
    """librosa's variable-Q transform: eight octaves of semitones from C1, bandwidths in proportion to hearing's.

    Attributes:
      vqt_sample_rate_hz: to which recordings are resampled before they are transformed.
    """

    packages: ClassVar[tuple[str, ...]] = ("soxr", "librosa")
    name: str = "vqt"
    scale: Scale = "square_root"
    # As of the CQT: the pass-band of the highest of the 96 filters reaches up to 8251 Hz.
    vqt_sample_rate_hz: int = 16600

    def __post_init__(self) -> None:
        super().__post_init__()
        # With the offset there is no filter too long that would forbid it.
        require(self.lowest_bin_hz >= 1, "representation.lowest_bin_hz", "must be at least 1")

    @property
    def transform_rate_hz(self) -> int:
        """See `Representation.transform_rate_hz`."""
        return self.vqt_sample_rate_hz

    @property
    def bandwidth_offset_hz(self) -> float:
        """See `OctaveBins.bandwidth_offset_hz`: that with which all bandwidths are the same share of hearing's."""
        return _HEARING_OFFSET_HZ * self.relative_bandwidth / _HEARING_SHARE

    @property
    def title(self) -> str:
        """What it is called on figures."""
        return f"VQT-{self.n_bins}"

    def magnitude(self, samples: Float64[np.ndarray, "*batch N"]) -> Float64[np.ndarray, "*batch {self.n_bins} n"]:
        """Magnitude of `librosa.vqt`, with the offset of the bandwidths (gamma) that it has by default.

        C. Schoerkhuber et al., "A Matlab toolbox for efficient perfect reconstruction time-frequency transforms with
        log-frequency resolution", AES 2014. Its values depend on librosa's release, as those of its constant-Q
        transform do.
        """
        # Loading it compiles for half a minute in a new installation, and the default representation needs none of it.
        import librosa

        rate_hz, n_samples = self.transform_rate_hz, samples.shape[-1]
        signal = resample(samples, self.sample_rate_hz, rate_hz, self.n_resampled(n_samples))
        # librosa warns of signals that are shorter than its longest filter; silence surrounds them anyway.
        missing = max(0, self._longest_transform(rate_hz) - signal.shape[-1])
        transformed = librosa.vqt(
            np.pad(signal, [(0, 0)] * (signal.ndim - 1) + [(0, missing)]),
            sr=rate_hz,
            hop_length=self.hop_samples,
            fmin=self.lowest_bin_hz,
            n_bins=self.n_bins,
            bins_per_octave=self.bins_per_octave,
        )
        return np.abs(transformed)[..., : self.n_frames(n_samples)]

    def _longest_transform(self, rate_hz: float) -> int:
        """Samples of the longest Fourier transform that the filters need, a power of two."""
        bandwidth_hz = self.relative_bandwidth * self.lowest_bin_hz + self.bandwidth_offset_hz
        return 2 ** math.ceil(math.log2(rate_hz / bandwidth_hz))
