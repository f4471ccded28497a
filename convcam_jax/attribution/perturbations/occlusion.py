"""Occlusion (Zeiler and Fergus, ECCV 2014).

Axes: P, Q patches along frequency and time.
"""

import math

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Float32

from convcam_jax.attribution.method import Explained, Method

# As many patches as fill the grid side by side, along frequency and time; so the cost is that of any grid.
PATCHES = (6, 12)


def sliding(n_cells: int, n_patches: int) -> Float32[np.ndarray, "P n_cells"]:
    """Which cells each patch covers (1 or 0), a patch being 1 / `n_patches` of them and its stride half of that.

    Both are rounded up; the last patch may be cut off by the edge.

    >>> sliding(5, 3).astype(int).tolist()
    [[1, 1, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 1, 1]]
    """
    size = math.ceil(n_cells / n_patches)
    stride = math.ceil(size / 2)
    first = stride * np.arange(math.ceil((n_cells - size) / stride) + 1)[:, None]
    cells = np.arange(n_cells)[None, :]
    return ((first <= cells) & (cells < first + size)).astype(np.float32)


def occlusion(explained: Explained) -> Float[Array, "B F T"]:
    """Occlusion of Zeiler and Fergus, ECCV 2014 (section 4.2): what the score loses where a patch is silenced.

    A cell gets the mean over the patches that cover it, as in the package captum.
    """
    spectrograms = explained.spectrograms
    rows, columns = (sliding(n, patches) for n, patches in zip(spectrograms.shape[1:], PATCHES, strict=True))

    def score_without(patch: tuple[Array, Array]) -> Array:
        row, column = patch
        return explained.score_of(spectrograms * (1 - row[None, :, None] * column[None, None, :]))

    n_rows, n_columns = len(rows), len(columns)
    scores = lax.map(score_without, (np.repeat(rows, n_columns, axis=0), np.tile(columns, (n_rows, 1))))
    lost = (explained.score_of(spectrograms)[None] - scores).reshape(n_rows, n_columns, -1)
    total = jnp.einsum("pqb,pf,qt->bft", lost, rows, columns, precision=lax.Precision.HIGHEST)
    covered = np.outer(rows.sum(0), columns.sum(0))
    return jnp.where(explained.present, total / covered[None], 0)


METHOD = Method(
    level="input",
    explain=occlusion,
    description="mean over the patches P around a cell of y(x) - y(x without P)",
    source="Zeiler and Fergus, ECCV 2014, section 4.2",
    sign="both",
)
