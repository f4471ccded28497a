"""RISE (Petsiuk, Das and Saenko, BMVC 2018)."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from convcam_jax.attribution.method import Explained, Method

N_MASKS = 256
# How probable it is that a cell of the coarse grid is kept, and that grid's rows and columns.
KEPT = 0.5
COARSE = (6, 12)


def spread(n_cells: int, n_coarse: int, shift: Float[Array, ""]) -> Float[Array, "n_cells _"]:
    """Weights of linear interpolation from a coarse grid, moved by a share 0..1 of its spacing; rows sum to 1."""
    positions = jnp.arange(float(n_cells)) * (n_coarse / n_cells) + shift
    return jax.nn.relu(1 - jnp.abs(positions[:, None] - jnp.arange(n_coarse + 2.0)[None, :]))


def draw_mask(key: Array, grid: tuple[int, int]) -> Float[Array, "F T"]:
    """A mask in 0..1 as in section 3.2: coarse cells kept or not, interpolated and moved at random."""
    key_of_cells, key_of_shifts = jax.random.split(key)
    shifts = jax.random.uniform(key_of_shifts, (2,))
    n_rows, n_columns = COARSE
    coarse = jax.random.bernoulli(key_of_cells, KEPT, (n_rows + 2, n_columns + 2)).astype(jnp.float32)
    rows, columns = spread(grid[0], n_rows, shifts[0]), spread(grid[1], n_columns, shifts[1])
    return jnp.matmul(jnp.matmul(rows, coarse, precision=lax.Precision.HIGHEST), columns.T)


def rise(explained: Explained) -> Float[Array, "B F T"]:
    """RISE of Petsiuk, Das and Saenko, BMVC 2018 (Eq. 6): masks weighted by the scores of the masked inputs.

    Of the scores their mean is subtracted. In the paper's expectation that takes the same from every cell; in a sample
    it takes away the noise that a constant part of the score, such as that of a logit, would give the map.
    """
    spectrograms = explained.spectrograms
    grid = spectrograms.shape[1], spectrograms.shape[2]
    keys = jax.random.split(explained.key, N_MASKS)

    def masked_score(key: Array) -> Array:
        return explained.score_of(spectrograms * draw_mask(key, grid)[None])

    def add(total: Array, mask: tuple[Array, Array]) -> tuple[Array, None]:
        key, gained = mask
        return total + gained[:, None, None] * draw_mask(key, grid)[None], None

    scores = lax.map(masked_score, keys)
    total, _ = lax.scan(add, jnp.zeros_like(spectrograms), (keys, scores - scores.mean(0, keepdims=True)))
    return jnp.where(explained.present, total / (KEPT * N_MASKS), 0)


METHOD = Method(
    level="input",
    explain=rise,
    description=f"mean over {N_MASKS} random masks M of (y(x ∘ M) - mean of y(x ∘ M)) M, divided by {KEPT}",
    source="Petsiuk, Das and Saenko, BMVC 2018, Eq. 6",
    sign="both",
)
