"""Masks made at random: cells of a field with a given power spectrum.

Axes: P draw; M cell; F frequency bin; T time frame.
"""

import numpy as np
from jaxtyping import Bool, Float
from numpy.random import Generator
from scipy import fft


def largest_cells(values: Float[np.ndarray, "P M"], n_cells: int, generator: Generator) -> Bool[np.ndarray, "P M"]:
    """The `n_cells` largest cells, exactly that many, of each of P sets of cells.

    Which of equal values at the limit are in is drawn.
    """
    n_all = values.shape[1]
    if n_cells == 0:
        return np.zeros(values.shape, bool)
    limit = np.partition(values, n_all - n_cells, axis=1)[:, n_all - n_cells, None]
    chosen = values >= limit
    for row in np.flatnonzero(chosen.sum(1) > n_cells):
        tied = np.flatnonzero(values[row] == limit[row])
        chosen[row, generator.permutation(tied)[: chosen[row].sum() - n_cells]] = False
    return chosen


def random_fields(values: Float[np.ndarray, "F T"], n: int, generator: Generator) -> Float[np.ndarray, "P F T"]:
    """So many (`n`) random fields of mean 0 with the power spectrum of `values`.

    Phase randomisation (Theiler et al. 1992); the phases are those of white noise, so that the fields are real.
    """
    noise = fft.rfft2(generator.standard_normal((n, *values.shape), np.float32))
    amplitude = np.abs(fft.rfft2(values - values.mean())).astype(np.float32)
    return fft.irfft2(noise * (amplitude / np.abs(noise)), s=values.shape)
