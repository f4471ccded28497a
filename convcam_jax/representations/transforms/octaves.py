"""Bins by octaves: as many in every octave, a constant ratio apart, as the constant-Q and variable-Q transforms have.

Axes: F frequency bin (bin 0 is the lowest).
"""

import dataclasses
import math
from abc import abstractmethod

import numpy as np
from jaxtyping import Float64

from convcam_jax.representations.representation import HIGHEST_RATE_HZ, Representation
from convcam_jax.system.validation import require

# Filters of many seconds need more memory than there is.
LONGEST_FILTER_S = 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class OctaveBins(Representation):
    """A filter per bin, under a Hann window, whose bandwidth is a share of its frequency and an offset in Hz.

    Attributes:
      bins_per_octave: how many, evenly on the logarithmic scale.
      lowest_bin_hz: centre of the lowest bin.
    """

    bins_per_octave: int = 12
    lowest_bin_hz: float = 32.70319566257483

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            0 < self.transform_rate_hz <= HIGHEST_RATE_HZ,
            f"representation.{self.name}_sample_rate_hz",
            f"must lie in 1..{HIGHEST_RATE_HZ}",
        )
        for name in ("bins_per_octave", "lowest_bin_hz"):
            require(getattr(self, name) > 0, f"representation.{name}", "must be positive")
        self._check_filters()

    def _check_filters(self) -> None:
        # Bandwidth and upper edge by the centre frequency, as librosa has them for Hann windows.
        edge = 1 + 0.75 * self.relative_bandwidth
        lowest_hz = (1 / LONGEST_FILTER_S - self.bandwidth_offset_hz) / self.relative_bandwidth
        require(
            self.lowest_bin_hz >= lowest_hz,
            "representation.lowest_bin_hz",
            f"must be at least {lowest_hz:.3g} at {self.bins_per_octave} bins per octave; "
            f"lower filters last longer than {LONGEST_FILTER_S} s",
        )
        nyquist_hz = self.transform_rate_hz / 2
        highest_hz = max(nyquist_hz - self.bandwidth_offset_hz / 2, 0) / edge
        steps = self.bins_per_octave * math.log2(highest_hz / self.lowest_bin_hz) if highest_hz > 0 else -math.inf
        n_fitting = 1 + math.floor(steps) if steps >= 0 else 0
        require(
            self.n_bins <= n_fitting,
            "representation.n_bins",
            f"must be at most {n_fitting}, since higher filters reach beyond the Nyquist frequency of "
            f"{nyquist_hz:g} Hz; lower it, or raise representation.bins_per_octave or "
            f"representation.{self.name}_sample_rate_hz",
        )

    @property
    @abstractmethod
    def bandwidth_offset_hz(self) -> float:
        """What is added to the share of the frequency in every filter's bandwidth, in Hz."""

    @property
    def relative_bandwidth(self) -> float:
        """Bandwidth by the centre frequency, without the offset: that at which every second filter meets the next."""
        return math.tanh(math.log(2) / self.bins_per_octave)

    def frequencies_hz(self) -> Float64[np.ndarray, "{self.n_bins}"]:
        """Centre frequencies of the bins in Hz: C1 * 2^(i / 12)."""
        return self.lowest_bin_hz * 2.0 ** (np.arange(self.n_bins) / self.bins_per_octave)

    def edges_hz(self) -> Float64[np.ndarray, "{self.n_bins}+1"]:
        """Frequencies in Hz half a bin below and above the bins' centres, in the geometric sense."""
        bin_hz = self.frequencies_hz()
        half_step = np.sqrt(bin_hz[1] / bin_hz[0])
        return np.append(bin_hz / half_step, bin_hz[-1] * half_step)
