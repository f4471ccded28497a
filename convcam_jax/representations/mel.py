"""The mel spectrogram: a short-time Fourier transform gathered by triangles of equal width on the mel scale.

Axes: F mel filter (filter 0 is the lowest); n frame; N sample.
"""

import dataclasses
import math
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Float64

from convcam_jax.representations.representation import Representation
from convcam_jax.representations.scale import Scale
from convcam_jax.representations.transforms.windows import check_window, surrounded
from convcam_jax.system.validation import require

# Slaney's mel scale, which librosa's filters have: linear to 1 kHz, logarithmic above (M. Slaney, "Auditory Toolbox",
# Interval Research Corporation, report 1998-010, 1998). It stands here because loading librosa takes long, and
# frequencies are asked for wherever a figure is drawn.
_HZ_PER_MEL = 200 / 3
# Where the logarithmic part begins, and its step: 27 mels are a factor of 6.4.
_CORNER_HZ = 1000.0
_CORNER_MEL = _CORNER_HZ / _HZ_PER_MEL
_LOG_STEP = math.log(6.4) / 27


def mel_of_hz(frequency_hz: float) -> float:
    """A frequency >= 0 Hz in mels."""
    if frequency_hz < _CORNER_HZ:
        return frequency_hz / _HZ_PER_MEL
    return _CORNER_MEL + math.log(frequency_hz / _CORNER_HZ) / _LOG_STEP


def hz_of_mel(mel: Float[np.ndarray, "*points"]) -> Float64[np.ndarray, "*points"]:
    """Frequencies in Hz of values >= 0 in mels."""
    logarithmic = _CORNER_HZ * np.exp(_LOG_STEP * (mel - _CORNER_MEL))
    return np.where(mel < _CORNER_MEL, _HZ_PER_MEL * mel, logarithmic)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mel(Representation):
    """librosa's mel spectrogram of magnitudes.

    Attributes:
      window_samples: length of the Fourier transform.
      lowest_hz: where the lowest filter begins.
      highest_hz: where the highest filter ends.
    """

    packages: ClassVar[tuple[str, ...]] = ("librosa",)
    name: str = "mel"
    scale: Scale = "square_root"
    window_samples: int = 1024
    lowest_hz: float = 0.0
    highest_hz: float = 8000.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_window(self.window_samples, self.sample_rate_hz)
        nyquist_hz = self.sample_rate_hz / 2
        require(
            self.highest_hz <= nyquist_hz,
            "representation.highest_hz",
            f"must be at most {nyquist_hz:g}, half of representation.sample_rate_hz",
        )
        require(0 <= self.lowest_hz < self.highest_hz, "representation.lowest_hz", "must lie between 0 and highest_hz")
        n_fitting = self._n_fitting()
        require(
            self.n_bins <= n_fitting,
            "representation.n_bins",
            f"must be at most {n_fitting}, since narrower filters fall between the frequencies of the transform; "
            "lower it, or raise representation.window_samples",
        )

    def _n_fitting(self) -> int:
        """How many filters may be asked for if the narrowest, the lowest, is to be wider than the transform's step."""
        step_hz = self.sample_rate_hz / self.window_samples
        lowest = mel_of_hz(self.lowest_hz)
        whole = mel_of_hz(self.highest_hz) - lowest
        # Of n filters, each is as wide as two of the n + 1 steps between the points where they begin, peak and end.
        return max(0, math.ceil(2 * whole / (mel_of_hz(self.lowest_hz + step_hz) - lowest)) - 2)

    @property
    def title(self) -> str:
        """What it is called on figures."""
        return f"mel-{self.n_bins}"

    def magnitude(self, samples: Float64[np.ndarray, "*batch N"]) -> Float64[np.ndarray, "*batch {self.n_bins} n"]:
        """Magnitude of the short-time transform under Hann windows, summed by Slaney's triangles of unit area."""
        # Loading it compiles for half a minute in a new installation, and the default representation needs none of it.
        import librosa

        return librosa.feature.melspectrogram(
            y=surrounded(samples, self.window_samples),
            sr=self.sample_rate_hz,
            n_fft=self.window_samples,
            hop_length=self.hop_samples,
            center=False,
            power=1.0,
            n_mels=self.n_bins,
            fmin=self.lowest_hz,
            fmax=self.highest_hz,
        )

    def frequencies_hz(self) -> Float64[np.ndarray, "{self.n_bins}"]:
        """Frequencies in Hz at the filters' peaks."""
        return self._half_steps_hz()[2:-1:2]

    def edges_hz(self) -> Float64[np.ndarray, "{self.n_bins}+1"]:
        """Frequencies in Hz in the middle between neighbouring peaks on the mel scale, and as far beyond the ends."""
        return self._half_steps_hz()[1::2]

    def _half_steps_hz(self) -> Float64[np.ndarray, "2*{self.n_bins}+3"]:
        """Where filters begin, peak and end, which is evenly spaced on the mel scale, and the middles between these."""
        lowest, highest = mel_of_hz(self.lowest_hz), mel_of_hz(self.highest_hz)
        return hz_of_mel(np.linspace(lowest, highest, 2 * self.n_bins + 3))
