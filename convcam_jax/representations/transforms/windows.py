"""Windows of equal length, each centred on a frame."""

import numpy as np
from jaxtyping import Float64

from convcam_jax.system.validation import require

# Windows of many seconds need more memory than there is.
LONGEST_WINDOW_S = 10


def check_window(window_samples: int, sample_rate_hz: int) -> None:
    """Raise UserError unless the field `representation.window_samples` is one that can be computed with."""
    longest = LONGEST_WINDOW_S * sample_rate_hz
    require(
        2 <= window_samples <= longest,
        "representation.window_samples",
        f"must lie in 2..{longest}, which are {LONGEST_WINDOW_S} s",
    )


def surrounded(samples: Float64[np.ndarray, "*batch N"], window_samples: int) -> Float64[np.ndarray, "*batch M"]:
    """The signals within so much silence that the window of frame j, centred on sample j * hop, begins at j * hop.

    So does librosa's own centring, which warns of signals below a window's length.
    """
    before = window_samples // 2
    return np.pad(samples, [(0, 0)] * (samples.ndim - 1) + [(before, window_samples - before)])
