"""The short-time Fourier transform: bins as many Hz apart everywhere.

Axes: F frequency bin (bin 0 is the lowest); n frame; N sample.
"""

import dataclasses
from typing import ClassVar

import numpy as np
from jaxtyping import Float64

from convcam_jax.representations.representation import Representation
from convcam_jax.representations.scale import Scale
from convcam_jax.representations.transforms.windows import check_window, surrounded
from convcam_jax.system.validation import require


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stft(Representation):
    """librosa's short-time Fourier transform, from its second bin up: the first, at 0 Hz, holds nothing of a voice.

    Attributes:
      window_samples: length of the Fourier transform.
    """

    packages: ClassVar[tuple[str, ...]] = ("librosa",)
    name: str = "stft"
    scale: Scale = "square_root"
    n_bins: int = 256
    window_samples: int = 1024

    def __post_init__(self) -> None:
        super().__post_init__()
        check_window(self.window_samples, self.sample_rate_hz)
        require(
            self.n_bins <= self.window_samples // 2,
            "representation.n_bins",
            f"must be at most {self.window_samples // 2}, half of representation.window_samples",
        )

    @property
    def title(self) -> str:
        """What it is called on figures."""
        return f"STFT-{self.n_bins}"

    def magnitude(self, samples: Float64[np.ndarray, "*batch N"]) -> Float64[np.ndarray, "*batch {self.n_bins} n"]:
        """Magnitude of the transform under Hann windows: a tone of amplitude A gives A / 2 times the window's sum."""
        # Loading it compiles for half a minute in a new installation, and the default representation needs none of it.
        import librosa

        transformed = librosa.stft(
            surrounded(samples, self.window_samples),
            n_fft=self.window_samples,
            hop_length=self.hop_samples,
            center=False,
        )
        return np.abs(transformed)[..., 1 : self.n_bins + 1, :]

    def frequencies_hz(self) -> Float64[np.ndarray, "{self.n_bins}"]:
        """Frequencies of the bins in Hz: the first is one step of the transform above 0, as is each from the next."""
        return np.arange(1, self.n_bins + 1) * self._step_hz

    def edges_hz(self) -> Float64[np.ndarray, "{self.n_bins}+1"]:
        """Frequencies in Hz half a step below and above the bins'."""
        return (np.arange(self.n_bins + 1) + 0.5) * self._step_hz

    @property
    def _step_hz(self) -> float:
        return self.sample_rate_hz / self.window_samples
