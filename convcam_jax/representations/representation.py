"""What every representation offers; a new one is a class of its own and a line in `REPRESENTATIONS`.

Axes: F frequency bin (bin 0 is the lowest); n frame; N sample of a recording at `sample_rate_hz`.
"""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib.metadata import version
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Float64

from convcam_jax.representations.scale import Scale, Standardisation, scaled
from convcam_jax.system.validation import require

HIGHEST_RATE_HZ = 192000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Representation(ABC):
    """Magnitudes of a recording by frequency and time; frame j is centred on j hops.

    Attributes:
      packages: those by whose versions the magnitudes may differ.
      name: its key in `REPRESENTATIONS`.
      sample_rate_hz: of the recordings that it is made from.
      n_bins: how many frequencies.
      hop_samples: between frames, at the rate of the transform: that of `cqt` and `vqt` is a field of its own, else it
        is `sample_rate_hz`.
      scale: of the network's input; the magnitudes are the same in every scale.
      standardisation: of the input over the training recordings: none, each bin by itself, or all bins together.
    """

    packages: ClassVar[tuple[str, ...]] = ()
    name: str = ""
    sample_rate_hz: int = 16000
    n_bins: int = 96
    hop_samples: int = 512
    scale: Scale = "magnitude"
    standardisation: Standardisation = "none"

    def __post_init__(self) -> None:
        require(
            0 < self.sample_rate_hz <= HIGHEST_RATE_HZ,
            "representation.sample_rate_hz",
            f"must lie in 1..{HIGHEST_RATE_HZ}",
        )
        # One bin has no width.
        require(self.n_bins >= 2, "representation.n_bins", "must be at least 2")
        require(self.hop_samples >= 1, "representation.hop_samples", "must be positive")

    @property
    @abstractmethod
    def title(self) -> str:
        """What it is called on figures, such as "CQT-96"."""

    @abstractmethod
    def magnitude(self, samples: Float64[np.ndarray, "*batch N"]) -> Float64[np.ndarray, "*batch {self.n_bins} n"]:
        """Magnitudes >= 0 of recordings, each by itself; n is `n_frames(N)`."""

    @abstractmethod
    def frequencies_hz(self) -> Float64[np.ndarray, "{self.n_bins}"]:
        """Centre frequencies of the bins in Hz, strictly rising."""

    @abstractmethod
    def edges_hz(self) -> Float64[np.ndarray, "{self.n_bins}+1"]:
        """Frequencies in Hz where one bin ends and the next begins, strictly rising; bin i lies between i and i + 1."""

    @property
    def transform_rate_hz(self) -> int:
        """Sample rate in Hz of the signal that is transformed: of the recordings, unless a subclass resamples them."""
        return self.sample_rate_hz

    def n_resampled(self, n_samples: int) -> int:
        """Length of `n_samples` samples at `transform_rate_hz`: ceil(N * 16600 / 16000) for the CQT."""
        return -(-n_samples * self.transform_rate_hz // self.sample_rate_hz)

    def n_frames(self, n_samples: int) -> int:
        """Number of frames n = 1 + floor(`n_resampled(N)` / hop) of a recording of N samples."""
        return 1 + self.n_resampled(n_samples) // self.hop_samples

    def frame_times_s(self, n_frames: int) -> Float64[np.ndarray, "{n_frames}"]:
        """Times in seconds on which the first `n_frames` frames are centred."""
        return np.arange(n_frames) * self.hop_samples / self.transform_rate_hz

    def cache_key(self) -> Mapping[str, str | int | float]:
        """All that the magnitudes depend on: every field but those of the scale, and versions of packages by name."""
        fields = dataclasses.asdict(self)
        del fields["scale"], fields["standardisation"]
        return fields | {package: version(package) for package in self.packages}

    def scaled(self, magnitude: Float[np.ndarray, "F n"]) -> Float[np.ndarray, "F n"]:
        """The network's input values, >= 0, of ONE recording's magnitudes."""
        return scaled(magnitude, self.scale)
