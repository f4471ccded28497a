"""How coarse a map is, in words."""

import numpy as np
from jaxtyping import Float

from convcam_jax.networks.geometry import Geometry
from convcam_jax.system.progress import counted


def coarseness(
    geometry: Geometry, frequencies_hz: Float[np.ndarray, " F"], hop_s: float, n_frames: int, are_tokens: bool
) -> str:
    """How many nodes a map has, how far apart they are, and what each sees.

    Args:
      geometry: of the nodes, in bins and frames.
      frequencies_hz: of the bins; distances are told around the middle of them.
      hop_s: between frames.
      n_frames: of the network's input.
      are_tokens: whether each node stands for the cells up to the next one, but has seen all that sounds.
    """
    (rows, columns), frequency, time = geometry
    every = f"one every {_bins(frequency.jump, frequencies_hz)} and every {_frames(time.jump, hop_s)}"
    n_bins, n_seen = (frequency.jump, time.jump) if are_tokens else (frequency.size, time.size)
    seen = f"{_bins(n_bins, frequencies_hz)} by {_frames(min(n_seen, n_frames), hop_s)}"
    sees = f"each stands for {seen} and has seen all that sounds" if are_tokens else f"each sees {seen}"
    return f"{rows} x {columns} nodes, {every}; {sees}"


def _bins(n_bins: int, frequencies_hz: np.ndarray) -> str:
    """So many bins, and the interval from one to the bin so many further up, around the middle; or that it is all."""
    if n_bins >= len(frequencies_hz):
        return f"all {counted(len(frequencies_hz), 'bin')}"
    first = (len(frequencies_hz) - 1 - n_bins) // 2
    low, high = frequencies_hz[[first, first + n_bins]]
    interval = f"{high - low:.0f} Hz" if low <= 0 else f"{12 * np.log2(high / low):.1f} semitones, {high - low:.0f} Hz"
    return f"{counted(n_bins, 'bin')} ({interval})"


def _frames(n_frames: int, hop_s: float) -> str:
    return f"{counted(n_frames, 'frame')} ({1000 * n_frames * hop_s:.0f} ms)"
