"""Convolutions with 3 x 3 kernels in a fifth of the products: Winograd's minimal filtering along both axes.

A tile of 6 x 6 outputs needs 8 x 8 inputs and, done plainly, 36 x 9 products of an input with a weight. Winograd's
F(6 x 6, 3 x 3) needs 64: of sums of inputs with sums of weights, of which sums then give the outputs (S. Winograd,
"Arithmetic complexity of computations", SIAM 1980; A. Lavin and S. Gray, "Fast algorithms for convolutional neural
networks", CVPR 2016). The sums are those that come of the points 0, 1, -1, 2, -2, 1/2, -1/2 and infinity. The result
differs from the plain one by rounding alone, some 1e-5 of its largest value in float32.

Strips are `[H, T, C]` as in `strip_convolution`. Tiles are made, multiplied, summed and pooled for one row of
tiles at a time, so that all of it stays in the cache. The sums of rows are small matrix products, since XLA's CPU
backend would compute element-wise sums anew in each sum of columns that uses them; the sums of columns are
element-wise, of whole vectors of channels, which are contiguous.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from convcam_jax.kernels.pooling import Pool, pool_with_winners, spread, without_remainder

KERNEL = (3, 3)
OUTPUTS = 6
INPUTS = OUTPUTS + 2
# With fewer channels, the sums of rows take longer than the products that they save.
_FEWEST_CHANNELS = 32
_left_out: ContextVar[bool] = ContextVar("left_out", default=False)

_Matrix = tuple[tuple[float, ...], ...]
# Transposed B (input), G (kernel) and transposed A (output) in the notation of Lavin and Gray.
_OF_INPUT: _Matrix = (
    (1, 0, -21 / 4, 0, 21 / 4, 0, -1, 0),
    (0, 1, 1, -17 / 4, -17 / 4, 1, 1, 0),
    (0, -1, 1, 17 / 4, -17 / 4, -1, 1, 0),
    (0, 1 / 2, 1 / 4, -5 / 2, -5 / 4, 2, 1, 0),
    (0, -1 / 2, 1 / 4, 5 / 2, -5 / 4, -2, 1, 0),
    (0, 2, 4, -5 / 2, -5, 1 / 2, 1, 0),
    (0, -2, 4, 5 / 2, -5, -1 / 2, 1, 0),
    (0, -1, 0, 21 / 4, 0, -21 / 4, 0, 1),
)
_OF_KERNEL: _Matrix = (
    (1, 0, 0),
    (-2 / 9, -2 / 9, -2 / 9),
    (-2 / 9, 2 / 9, -2 / 9),
    (1 / 90, 1 / 45, 2 / 45),
    (1 / 90, -1 / 45, 2 / 45),
    (32 / 45, 16 / 45, 8 / 45),
    (32 / 45, -16 / 45, 8 / 45),
    (0, 0, 1),
)
_OF_OUTPUT: _Matrix = (
    (1, 1, 1, 1, 1, 1, 1, 0),
    (0, 1, -1, 2, -2, 1 / 2, -1 / 2, 0),
    (0, 1, 1, 4, 4, 1 / 4, 1 / 4, 0),
    (0, 1, -1, 8, -8, 1 / 8, -1 / 8, 0),
    (0, 1, 1, 16, 16, 1 / 16, 1 / 16, 0),
    (0, 1, -1, 32, -32, 1 / 32, -1 / 32, 1),
)


@contextmanager
def without_winograd() -> Iterator[None]:
    """Programs that are traced inside convolve plainly and pool apart from it, as rules of attribution need it."""
    before = _left_out.set(True)
    try:
        yield
    finally:
        _left_out.reset(before)


def is_left_out() -> bool:
    """Whether this is inside `without_winograd`."""
    return _left_out.get()


def is_faster(rows: int, kernel_shape: tuple[int, ...]) -> bool:
    """Whether a strip of so many rows can be convolved so here, and faster than plainly."""
    can = kernel_shape[:2] == KERNEL and rows >= INPUTS and jax.default_backend() == "cpu"
    return can and min(kernel_shape[2:]) >= _FEWEST_CHANNELS and not is_left_out()


def convolution(strip: Array, kernel: Array, pool: Pool, as_factor: Callable[[Array], Array]) -> tuple[Array, Array]:
    """The convolution of a strip with two columns of zeros behind it, and max-pooling.

    Args:
      strip: `[H, T, C_in]` float32; H at least 8, T at least pool[1].
      kernel: `[3, 3, C_in, C_out]` float32.
      pool: (frequency, time), 1 or 2 each.
      as_factor: what is made of the strip and the kernel, element by element, before they are multiplied.

    Returns:
      `[(H - 2) / pool[0], T / pool[1], C_out]` float32, and which of each window was the largest (`pooling`).
    """
    rows = (strip.shape[0] - KERNEL[0] + 1) // pool[0] * pool[0]
    columns, channels = strip.shape[1], kernel.shape[3]
    matrices = _kernel_matrices(kernel, as_factor)

    def add_block(block: Array, carried: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        outputs, values, winners = carried
        first_row = _first_row(block, rows)
        tiles = _input_tiles(strip, first_row, as_factor)
        sums = [
            _sum_rows(np.array(_OF_OUTPUT, np.float32), _products(own_tiles, matrix))
            for own_tiles, matrix in zip(tiles, matrices, strict=True)
        ]
        # Row by row: stacked rows would be computed by one loop that asks for every element which row it is in.
        for row in range(OUTPUTS):
            row_columns = _output_columns([own_sums[row] for own_sums in sums], columns)
            outputs = lax.dynamic_update_slice_in_dim(outputs, row_columns[None], row, 0)
        own_values, own_winners = pool_with_winners(without_remainder(outputs, pool), pool)
        values = lax.dynamic_update_slice_in_dim(values, own_values, first_row // pool[0], 0)
        winners = lax.dynamic_update_slice_in_dim(winners, own_winners, first_row // pool[0], 0)
        return outputs, values, winners

    shape = rows // pool[0], columns // pool[1], channels
    nothing = jnp.zeros((OUTPUTS, columns, channels)), jnp.zeros(shape), jnp.zeros(shape, jnp.uint8)
    _, values, winners = lax.fori_loop(0, _n_blocks(rows), add_block, nothing)
    return values, winners


def gradients(
    strip: Array, kernel: Array, cotangent: Array, winners: Array, pool: Pool, as_factor: Callable[[Array], Array]
) -> tuple[Array, Array]:
    """The gradients of `convolution` by the strip and by the kernel.

    Both are made of the same sums of cotangents: the tiles of inputs, multiplied by them, give that by the kernel, and
    what the kernel's matrices make of them, put back where each tile of inputs was taken, that by the strip.

    Args:
      strip: as of `convolution`.
      kernel: as of `convolution`.
      cotangent: `[(H - 2) / pool[0], T / pool[1], C_out]` float32.
      winners: as `convolution` returns them.
      pool: as of `convolution`.
      as_factor: what is made of strip, kernel and cotangent before they are multiplied.

    Returns:
      `[H, T, C_in]` and `[3, 3, C_in, C_out]` float32.
    """
    rows, columns = cotangent.shape[0] * pool[0], strip.shape[1]
    matrices = [matrix.swapaxes(1, 2) for matrix in _kernel_matrices(kernel, as_factor)]
    own_rows = OUTPUTS // pool[0]

    def add_block(block: Array, carried: tuple[tuple[Array, ...], Array]) -> tuple[tuple[Array, ...], Array]:
        totals, gradient = carried
        first_row = _first_row(block, rows)
        of_windows = [lax.dynamic_slice_in_dim(a, first_row // pool[0], own_rows) for a in (cotangent, winners)]
        outputs = spread(as_factor(of_windows[0]), of_windows[1], pool)
        cotangent_tiles = _cotangent_tiles(outputs, _of_new_rows(block, first_row), columns)
        totals = _with_products(totals, _input_tiles(strip, first_row, as_factor), cotangent_tiles)
        sums = [
            _sum_rows(np.array(_OF_INPUT, np.float32).T, _products(own_cotangents, matrix))
            for own_cotangents, matrix in zip(cotangent_tiles, matrices, strict=True)
        ]
        for row in range(INPUTS):
            row_columns = _input_columns([own_sums[row] for own_sums in sums], columns)
            before = lax.dynamic_slice_in_dim(gradient, first_row + row, 1)
            gradient = lax.dynamic_update_slice_in_dim(gradient, before + row_columns[None], first_row + row, 0)
        return totals, gradient

    nothing = (jnp.zeros((INPUTS, *kernel.shape[2:])),) * INPUTS, jnp.zeros(strip.shape)
    totals, gradient = lax.fori_loop(0, _n_blocks(rows), add_block, nothing)
    return gradient, _kernel_of_matrices(totals)


def kernel_gradient(strip: Array, cotangent: Array, as_factor: Callable[[Array], Array]) -> Array:
    """The gradient of `convolution` without pooling by the kernel alone, see `gradients`."""
    rows, columns = cotangent.shape[0], strip.shape[1]

    def add_block(block: Array, totals: tuple[Array, ...]) -> tuple[Array, ...]:
        first_row = _first_row(block, rows)
        outputs = as_factor(lax.dynamic_slice_in_dim(cotangent, first_row, OUTPUTS))
        cotangent_tiles = _cotangent_tiles(outputs, _of_new_rows(block, first_row), columns)
        return _with_products(totals, _input_tiles(strip, first_row, as_factor), cotangent_tiles)

    nothing = (jnp.zeros((INPUTS, strip.shape[2], cotangent.shape[2])),) * INPUTS
    return _kernel_of_matrices(lax.fori_loop(0, _n_blocks(rows), add_block, nothing))


def _of_new_rows(block: Array, first_row: Array) -> Array:
    """The coefficients of a cotangent's rows; rows that the block before has had count once."""
    is_new = first_row + jnp.arange(OUTPUTS) >= block * OUTPUTS
    return jnp.where(is_new, np.array(_OF_OUTPUT, np.float32).T, 0.0)


def _with_products(totals: Sequence[Array], tiles: list[Array], cotangent_tiles: list[Array]) -> tuple[Array, ...]:
    """The gradients by a kernel's matrices, 8 of `[8, C_in, C_out]`, with what further tiles add."""
    return tuple(
        total + lax.dot_general(own_tiles, own_cotangents, (((1,), (1,)), ((0,), (0,))))
        for total, own_tiles, own_cotangents in zip(totals, tiles, cotangent_tiles, strict=True)
    )


def _kernel_of_matrices(matrices: Sequence[Array]) -> Array:
    """The gradient by a kernel `[3, 3, C_in, C_out]`, of that by its matrices, 8 of `[8, C_in, C_out]`."""
    of_columns = _sum_rows(np.array(_OF_KERNEL, np.float32).T, jnp.stack(matrices))
    return jnp.stack(_combine(_transposed(_OF_KERNEL), [of_columns[:, row] for row in range(INPUTS)]))


def _kernel_matrices(kernel: Array, as_factor: Callable[[Array], Array]) -> list[Array]:
    """Sums of a kernel's rows and columns: 8 of `[8, C_in, C_out]`."""
    of_rows = _sum_rows(np.array(_OF_KERNEL, np.float32), as_factor(kernel))
    return _combine(_OF_KERNEL, [of_rows[:, column] for column in range(KERNEL[1])])


def _input_tiles(strip: Array, first_row: Array, as_factor: Callable[[Array], Array]) -> list[Array]:
    """Sums along the rows and columns of 8 rows of `[H, T, C]`: 8 of `[8, n, C]`."""
    own_rows = as_factor(lax.dynamic_slice_in_dim(strip, first_row, INPUTS))
    n = _n_blocks(strip.shape[1])
    blocks = _blocks_of_columns(_sum_rows(np.array(_OF_INPUT, np.float32), own_rows), n + 1)
    # The last two of eight columns are the first two of the next block.
    cells = [blocks[:, :n, i] for i in range(OUTPUTS)] + [blocks[:, 1:, i] for i in range(2)]
    return _combine(_OF_INPUT, cells)


def _cotangent_tiles(cotangent: Array, of_rows: Array, columns: int) -> list[Array]:
    """The same of the 6 rows of a cotangent `[6, T, C]`, with their coefficients `of_rows [8, 6]`: 8 of `[8, n, C]`."""
    blocks = _blocks_of_columns(_sum_rows(of_rows, cotangent), _n_blocks(columns))
    return _combine(_transposed(_OF_OUTPUT), [blocks[:, :, i] for i in range(OUTPUTS)])


def _blocks_of_columns(strip: Array, n: int) -> Array:
    """`[H, T, C]` as `[H, n, 6, C]`, zero beyond its end."""
    rows, columns, channels = strip.shape
    padded = jnp.pad(strip, [(0, 0), (0, n * OUTPUTS - columns), (0, 0)])
    return padded.reshape(rows, n, OUTPUTS, channels)


def _output_columns(sums: Sequence[Array], columns: int) -> Array:
    """One output row `[columns, C]` of 8 sums `[n, C]`."""
    return _behind_one_another(_combine(_OF_OUTPUT, sums), columns)


def _input_columns(sums: Sequence[Array], columns: int) -> Array:
    """One row `[columns, C]` of the gradient by the strip, of 8 sums `[n, C]`."""
    tiles = _combine(_transposed(_OF_INPUT), sums)
    # The last two of eight columns are the first two of the next tile.
    shared = [tiles[i] + jnp.pad(tiles[OUTPUTS + i], [(1, 0), (0, 0)])[:-1] for i in range(2)]
    return _behind_one_another([*shared, *tiles[2:OUTPUTS]], columns)


def _behind_one_another(columns_of_tiles: Sequence[Array], columns: int) -> Array:
    """One row `[columns, C]` of the 6 columns `[n, C]` of its n tiles."""
    n, channels = columns_of_tiles[0].shape
    return jnp.stack(columns_of_tiles, axis=1).reshape(n * OUTPUTS, channels)[:columns]


def _sum_rows(coefficients: Array | np.ndarray, rows: Array) -> Array:
    """`[m, h]` coefficients times `[h, ...]`, rows or whatever else comes first: `[m, ...]`."""
    return (jnp.asarray(coefficients) @ rows.reshape(len(rows), -1)).reshape(-1, *rows.shape[1:])


def _products(tiles: Array, matrices: Array) -> Array:
    """`[8, n, C_in]` by `[8, C_in, C_out]`: `[8, n, C_out]`."""
    return lax.dot_general(tiles, matrices, (((2,), (1,)), ((0,), (0,))))


def _n_blocks(outputs: int) -> int:
    return -(-outputs // OUTPUTS)


def _first_row(block: Array, rows: int) -> Array:
    """Where a block of output rows begins; the last one overlaps the one before it if it would not be full."""
    return jnp.minimum(block * OUTPUTS, rows - OUTPUTS)


def _combine(matrix: _Matrix, arrays: Sequence[Array]) -> list[Array]:
    """The matrix times a vector of arrays, without the products by zero."""
    return [
        sum((c * a for c, a in terms[1:]), start=terms[0][0] * terms[0][1])
        for terms in ([(c, a) for c, a in zip(row, arrays, strict=True) if c] for row in matrix)
    ]


def _transposed(matrix: _Matrix) -> _Matrix:
    return tuple(zip(*matrix, strict=True))
