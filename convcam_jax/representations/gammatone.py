"""A gammatone filter bank: filters as the ear's, spaced as it resolves frequencies, and how strong their answers are.

Axes: F filter (filter 0 is the lowest); n frame; N sample.
"""

import dataclasses
import math
from functools import lru_cache
from typing import ClassVar, NamedTuple

import numpy as np
import scipy
from jaxtyping import Float, Float64

from convcam_jax.representations.representation import Representation
from convcam_jax.representations.scale import Scale
from convcam_jax.representations.transforms.windows import check_window, surrounded
from convcam_jax.system.validation import require

# The equivalent rectangular bandwidth (ERB) of the ear at f, in Hz, is f / 9.26449 + 24.7, as scipy's filters have it
# (B. Glasberg and B. Moore, "Derivation of auditory filter shapes from notched-noise data", Hearing Research 47, 1990).
_QUALITY = 9.26449
_LEAST_ERB_HZ = 24.7
# Of gammatone filters with such a bandwidth, which are of the fourth order: their decay by that of the ERB.
_DECAY_PER_ERB = 2 * np.pi * 1.019
_ORDER = 4
# In so many times of decay a filter's answer to a click has fallen to a thousandth of its highest value.
_DECAYS = 15


def erb_hz(frequency_hz: Float[np.ndarray, "K"]) -> Float64[np.ndarray, "K"]:
    """Equivalent rectangular bandwidths in Hz at frequencies >= 0 Hz."""
    return frequency_hz / _QUALITY + _LEAST_ERB_HZ


def erbs_of_hz(frequency_hz: Float[np.ndarray, "K"]) -> Float64[np.ndarray, "K"]:
    """How many equivalent rectangular bandwidths lie below frequencies >= 0 Hz: places on the ERB scale."""
    return _QUALITY * np.log1p(frequency_hz / (_LEAST_ERB_HZ * _QUALITY))


def hz_of_erbs(erbs: Float[np.ndarray, "K"]) -> Float64[np.ndarray, "K"]:
    """Frequencies in Hz of places >= 0 on the ERB scale."""
    return _LEAST_ERB_HZ * _QUALITY * np.expm1(erbs / _QUALITY)


class Filter(NamedTuple):
    """A filter's answer to a click, and after how many samples it is loudest."""

    response: Float64[np.ndarray, "M"]
    delay_samples: int


@lru_cache(maxsize=1024)
def make_filter(centre_hz: float, decay_per_s: float, n_samples: int, rate_hz: int) -> Filter:
    """Scipy's gammatone filter as a response of `n_samples`; a tone at its centre leaves it as loud as it was.

    It rises with the power `_ORDER` - 1 of the time and decays exponentially.
    """
    response, _ = scipy.signal.gammatone(centre_hz, "fir", order=_ORDER, numtaps=n_samples, fs=rate_hz)
    return Filter(response, round((_ORDER - 1) / decay_per_s * rate_hz))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Gammatone(Representation):
    """scipy's gammatone filters, evenly spaced on the ERB scale, and the strength of their answers.

    Attributes:
      window_samples: over which the strength of an answer is taken.
      lowest_hz: where the lowest filter's share of the scale begins.
      highest_hz: where the highest filter's share of the scale ends.
    """

    packages: ClassVar[tuple[str, ...]] = ("scipy",)
    name: str = "gammatone"
    scale: Scale = "square_root"
    window_samples: int = 1024
    lowest_hz: float = 50.0
    highest_hz: float = 7000.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_window(self.window_samples, self.sample_rate_hz)
        # A bandwidth below the Nyquist frequency: higher filters would also answer to their mirror images.
        highest_hz = (self.sample_rate_hz / 2 - _LEAST_ERB_HZ) / (1 + 1 / _QUALITY)
        require(
            self.highest_hz <= highest_hz,
            "representation.highest_hz",
            f"must be at most {math.floor(highest_hz)}, since higher filters reach beyond the Nyquist frequency of "
            f"{self.sample_rate_hz / 2:g} Hz",
        )
        require(0 <= self.lowest_hz < self.highest_hz, "representation.lowest_hz", "must lie between 0 and highest_hz")

    @property
    def title(self) -> str:
        """What it is called on figures."""
        return f"gammatone-{self.n_bins}"

    def magnitude(self, samples: Float64[np.ndarray, "*batch N"]) -> Float64[np.ndarray, "*batch {self.n_bins} n"]:
        """Root mean square of each filter's answer in Hann windows: a tone of amplitude A at a centre gives A / sqrt 2.

        Low filters are slow: their answers are read so much later as they are loudest after a click, so that a frame
        holds the same time of the recording in all of them.
        """
        n_frames = self.n_frames(samples.shape[-1])
        window = scipy.signal.windows.hann(self.window_samples, sym=False)
        window /= window.sum()
        magnitude = np.empty((*samples.shape[:-1], self.n_bins, n_frames))
        for row, (response, delay_samples) in enumerate(self._filters()):
            power = scipy.signal.oaconvolve(samples, response.reshape((1,) * (samples.ndim - 1) + (-1,)), axes=-1) ** 2
            around = surrounded(power, self.window_samples)[..., delay_samples:]
            windows = np.lib.stride_tricks.sliding_window_view(around, self.window_samples, axis=-1)
            magnitude[..., row, :] = np.sqrt(windows[..., :: self.hop_samples, :][..., :n_frames, :] @ window)
        return magnitude

    def _filters(self) -> list[Filter]:
        centres_hz = self.frequencies_hz()
        decays_per_s = _DECAY_PER_ERB * erb_hz(centres_hz)
        n_samples = math.ceil(_DECAYS / decays_per_s[0] * self.sample_rate_hz)
        pairs = zip(centres_hz, decays_per_s, strict=True)
        return [make_filter(float(centre), float(decay), n_samples, self.sample_rate_hz) for centre, decay in pairs]

    def frequencies_hz(self) -> Float64[np.ndarray, "{self.n_bins}"]:
        """Centre frequencies of the filters in Hz, in the middle between the edges on the ERB scale."""
        return self._half_steps_hz()[1::2]

    def edges_hz(self) -> Float64[np.ndarray, "{self.n_bins}+1"]:
        """Frequencies in Hz between `lowest_hz` and `highest_hz` that are evenly spaced on the ERB scale."""
        return self._half_steps_hz()[::2]

    def _half_steps_hz(self) -> Float64[np.ndarray, "2*{self.n_bins}+1"]:
        lowest, highest = erbs_of_hz(np.array([self.lowest_hz, self.highest_hz]))
        return hz_of_erbs(np.linspace(lowest, highest, 2 * self.n_bins + 1))
