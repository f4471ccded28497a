"""Edges of frequency bins as they are drawn."""

import numpy as np
from jaxtyping import Float


def drawn_edges(edges_hz: Float[np.ndarray, " E"]) -> Float[np.ndarray, " E"]:
    """Edges of bins in Hz, ascending, on a logarithmic axis: all > 0.

    Such an axis has no 0. Where the lowest bin begins there, it is drawn from half of its upper edge on, that is, an
    octave high.
    """
    if edges_hz[0] > 0:
        return edges_hz
    return np.append(edges_hz[1] / 2, edges_hz[1:])
