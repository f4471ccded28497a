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

from convcam_jax.representations.scale import Scale, scaled
from convcam_jax.system.validation import require

HIGHEST_RATE_HZ = 192000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Representation(ABC):
    """Magnitudes of a recording by frequency and time.

    packages: those by whose versions the magnitudes may differ. name: its key in `REPRESENTATIONS`. sample_rate_hz: of
    the recordings that it is made from. scale: of the network's input; the magnitudes are the same in every scale.
    """

    packages: ClassVar[tuple[str, ...]] = ()
    name: str = ""
    sample_rate_hz: int = 16000
    n_bins: int = 96
    scale: Scale = "magnitude"

    def __post_init__(self) -> None:
        require(
            0 < self.sample_rate_hz <= HIGHEST_RATE_HZ,
            "representation.sample_rate_hz",
            f"must lie in 1..{HIGHEST_RATE_HZ}",
        )
        # One bin has no width.
        require(self.n_bins >= 2, "representation.n_bins", "must be at least 2")

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

    @abstractmethod
    def n_frames(self, n_samples: int) -> int:
        """Number of frames of a recording of `n_samples` samples."""

    @abstractmethod
    def frame_times_s(self, n_frames: int) -> Float64[np.ndarray, "{n_frames}"]:
        """Times in seconds on which the first `n_frames` frames are centred."""

    def cache_key(self) -> Mapping[str, str | int | float]:
        """All that the magnitudes depend on: every field but `scale`, and versions of packages by their names."""
        fields = dataclasses.asdict(self)
        del fields["scale"]
        return fields | {package: version(package) for package in self.packages}

    def scaled(self, magnitude: Float[np.ndarray, "F n"]) -> Float[np.ndarray, "F n"]:
        """The network's input values, >= 0, of ONE recording's magnitudes."""
        return scaled(magnitude, self.scale)
