"""Convolutions with 3 x 3 kernels in a fifth of the products: Winograd's minimal filtering along both axes.

A tile of 6 x 6 outputs needs 8 x 8 inputs and, done plainly, 36 x 9 products of an input with a weight. Winograd's
F(6 x 6, 3 x 3) needs 64: of sums of inputs with sums of weights, of which sums then give the outputs (S. Winograd,
"Arithmetic complexity of computations", SIAM 1980; A. Lavin and S. Gray, "Fast algorithms for convolutional neural
networks", CVPR 2016). The sums are those that come of the points 0, 1, -1, 2, -2, 1/2, -1/2 and infinity. The result
differs from the plain one by rounding alone, some 1e-5 of its largest value in float32.

Strips are `[H, T, C]` as in `convcam_jax.convolution`. Tiles are made, multiplied and summed for one row of tiles at a
time, so that all of it stays in the cache. The sums of rows are small matrix products, since XLA's CPU backend would
compute element-wise sums anew in each sum of columns that uses them; the sums of columns are element-wise, of whole
vectors of channels, which are contiguous.
"""

from collections.abc import Callable, Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

KERNEL = (3, 3)
OUTPUTS = 6
INPUTS = OUTPUTS + 2

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


def padded_convolution(
    strip: Array, kernel: Array, padding: Sequence[tuple[int, int]], as_factor: Callable[[Array], Array]
) -> Array:
    """The convolution of a strip between zeros.

    Args:
      strip: `[H, T, C_in]` float32; H at least 8.
      kernel: `[3, 3, C_in, C_out]` float32.
      padding: rows of zeros (above, below) the strip and columns (in front, behind).
      as_factor: what is made of the strip and the kernel, element by element, before they are multiplied.

    Returns:
      `[H', T', C_out]` float32, two rows and columns fewer than the padded strip.
    """
    (rows_above, rows_below), (columns_in_front, columns_behind) = padding
    rows = strip.shape[0] + rows_above + rows_below - 2
    columns = strip.shape[1] + columns_in_front + columns_behind - 2
    of_rows = _sum_rows(np.array(_OF_KERNEL, np.float32), as_factor(kernel))
    matrices = _combine(_OF_KERNEL, [of_rows[:, column] for column in range(3)])
    # Zeros in place of the sums' coefficients for rows of zeros, which need not exist then.
    coefficients = np.pad(np.array(_OF_INPUT, np.float32), [(0, 0), (strip.shape[0],) * 2])

    def add_block(block: Array, output: Array) -> Array:
        first_output = _first_row(block, rows)
        first_row = jnp.clip(first_output - rows_above, 0, strip.shape[0] - INPUTS)
        # A strip's height further down, all coefficients are zeros; an index below zero would count from the end.
        shift = jnp.maximum(strip.shape[0] + first_row - (first_output - rows_above), 0)
        of_input = lax.dynamic_slice_in_dim(coefficients, shift, INPUTS, axis=1)
        inputs = _sum_rows(of_input, as_factor(lax.dynamic_slice_in_dim(strip, first_row, INPUTS)))
        tiles = _input_tiles(inputs, columns_in_front, columns)
        sums = [
            _sum_rows(np.array(_OF_OUTPUT, np.float32), _products(own_tiles, matrix))
            for own_tiles, matrix in zip(tiles, matrices, strict=True)
        ]
        # Row by row: stacked rows would be computed by one loop that asks for every element which row it is in.
        for row in range(OUTPUTS):
            own = _output_columns([own_sums[row] for own_sums in sums], columns)
            output = lax.dynamic_update_slice_in_dim(output, own[None], first_output + row, 0)
        return output

    return lax.fori_loop(0, _n_blocks(rows), add_block, jnp.zeros((rows, columns, kernel.shape[3])))


def kernel_gradient(strip: Array, cotangent: Array, as_factor: Callable[[Array], Array]) -> Array:
    """The gradient by the kernel of a convolution with two columns of zeros behind the strip.

    Args:
      strip: `[H, T, C_in]` float32; H at least 8.
      cotangent: `[H - 2, T, C_out]` float32.
      as_factor: what is made of both, element by element, before they are multiplied.

    Returns:
      `[3, 3, C_in, C_out]` float32.
    """
    rows, columns, channels_out = cotangent.shape
    of_cotangent = np.array(_OF_OUTPUT, np.float32).T

    def add_block(block: Array, total: Array) -> Array:
        first_row = _first_row(block, rows)
        own_inputs = as_factor(lax.dynamic_slice_in_dim(strip, first_row, INPUTS))
        own_cotangent = as_factor(lax.dynamic_slice_in_dim(cotangent, first_row, OUTPUTS))
        # Rows that the block before has had count once.
        is_new = first_row + jnp.arange(OUTPUTS) >= block * OUTPUTS
        inputs = _sum_rows(np.array(_OF_INPUT, np.float32), own_inputs)
        outputs = _sum_rows(jnp.where(is_new, of_cotangent, 0.0), own_cotangent)
        tiles = jnp.concatenate(_input_tiles(inputs, 0, columns))
        cotangent_tiles = jnp.concatenate(_cotangent_tiles(outputs))
        return total + lax.dot_general(tiles, cotangent_tiles, (((1,), (1,)), ((0,), (0,))))

    nothing = jnp.zeros((INPUTS * INPUTS, strip.shape[2], channels_out))
    total = lax.fori_loop(0, _n_blocks(rows), add_block, nothing)
    of_columns = _sum_rows(np.array(_OF_KERNEL, np.float32).T, total.reshape(INPUTS, INPUTS, *total.shape[1:]))
    return jnp.stack(_combine(_transposed(_OF_KERNEL), [of_columns[:, row] for row in range(INPUTS)]))


def _input_tiles(strip: Array, columns_in_front: int, columns: int) -> list[Array]:
    """Sums along the columns of `[H, T, C]` between zeros for so many output columns: 8 of `[H, n, C]`."""
    n = -(-columns // OUTPUTS)
    blocks = _blocks_of_columns(strip, columns_in_front, n + 1)
    # The last two of eight columns are the first two of the next block.
    own = [blocks[:, :n, i] for i in range(OUTPUTS)] + [blocks[:, 1:, i] for i in range(2)]
    return _combine(_OF_INPUT, own)


def _cotangent_tiles(cotangent: Array) -> list[Array]:
    """The same of a cotangent `[H, T, C]`: 8 of `[H, n, C]`."""
    blocks = _blocks_of_columns(cotangent, 0, -(-cotangent.shape[1] // OUTPUTS))
    return _combine(_transposed(_OF_OUTPUT), [blocks[:, :, i] for i in range(OUTPUTS)])


def _blocks_of_columns(strip: Array, columns_in_front: int, n: int) -> Array:
    """`[H, T, C]` behind so many zeros as `[H, n, 6, C]`, zero beyond its end."""
    rows, columns, channels = strip.shape
    columns_behind = n * OUTPUTS - columns - columns_in_front
    padded = jnp.pad(strip, [(0, 0), (columns_in_front, columns_behind), (0, 0)])
    return padded.reshape(rows, n, OUTPUTS, channels)


def _output_columns(sums: Sequence[Array], columns: int) -> Array:
    """One output row `[columns, C]` of 8 sums `[n, C]`."""
    n, channels = sums[0].shape
    return jnp.stack(_combine(_OF_OUTPUT, sums), axis=1).reshape(n * OUTPUTS, channels)[:columns]


def _sum_rows(coefficients: Array | np.ndarray, rows: Array) -> Array:
    """`[m, h]` coefficients times `[h, ...]`, rows or whatever else comes first: `[m, ...]`."""
    return (jnp.asarray(coefficients) @ rows.reshape(len(rows), -1)).reshape(-1, *rows.shape[1:])


def _products(tiles: Array, matrices: Array) -> Array:
    """`[8, n, C_in]` by `[8, C_in, C_out]`: `[8, n, C_out]`."""
    return lax.dot_general(tiles, matrices, (((2,), (1,)), ((0,), (0,))))


def _n_blocks(rows: int) -> int:
    return -(-rows // OUTPUTS)


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
