"""Fundamental frequency and energy of ONE recording (paper, section 2.1 and Eq. 7).

Axes: m frame of Praat's pitch analysis; n part of equal length; N sample.
"""

import dataclasses
import math

import numpy as np
import parselmouth
from jaxtyping import Float64

from convcam_jax.system.validation import require

# Praat's window, three periods of the lowest F0, has to fit into the recording.
PERIODS_PER_PITCH_WINDOW = 3


@dataclasses.dataclass(frozen=True)
class ProsodyConfig:
    """Range of the fundamental frequency F0, and the time between its values.

    Attributes:
      f0_floor_hz: from which on Praat looks for F0; the lower it is, the longer a recording has to be.
      f0_ceiling_hz: up to which Praat looks for F0.
      f0_step_s: time between two values of Praat's track.
    """

    f0_floor_hz: float = 75.0
    f0_ceiling_hz: float = 600.0
    f0_step_s: float = 0.01

    def __post_init__(self) -> None:
        require(
            0 < self.f0_floor_hz < self.f0_ceiling_hz, "prosody.f0_floor_hz", "must lie between 0 and f0_ceiling_hz"
        )
        require(0.0001 <= self.f0_step_s <= 1, "prosody.f0_step_s", "must lie in 0.0001..1")


def shortest_s(config: ProsodyConfig) -> float:
    """Duration in seconds below which Praat has no pitch analysis to offer."""
    return PERIODS_PER_PITCH_WINDOW / config.f0_floor_hz


def praat_f0(
    samples: Float64[np.ndarray, "N"], rate_hz: float, config: ProsodyConfig
) -> tuple[Float64[np.ndarray, "m"], Float64[np.ndarray, "m"]]:
    """F0 in Hz, 0 where unvoiced, and the times in seconds, by Praat's autocorrelation method.

    Boersma, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a sampled
    sound", IFA Proceedings 17, 1993: reference [18] of the paper.
    """
    pitch = parselmouth.Sound(samples, sampling_frequency=rate_hz).to_pitch_ac(
        time_step=config.f0_step_s, pitch_floor=config.f0_floor_hz, pitch_ceiling=config.f0_ceiling_hz
    )
    return np.array(pitch.selected_array["frequency"], dtype=np.float64), np.array(pitch.xs(), dtype=np.float64)


def frame_energy(samples: Float64[np.ndarray, "N"], n_frames: int) -> Float64[np.ndarray, "n"]:
    """Sum of squares in each of n nearly equal parts of the signal; the first N mod n are one sample longer.

    The paper's Eq. 7 before the division by the maximum; with K = floor(N / W), as printed, the end would be cut off.
    """
    return np.array([math.fsum(part**2) for part in np.array_split(samples, n_frames)])
