"""Convolutions with 3 x 3 kernels in a quarter of the products: Winograd's minimal filtering along both axes.

A tile of 4 x 4 outputs needs 6 x 6 inputs and, done plainly, 16 x 9 products of an input with a weight. Winograd's
F(4 x 4, 3 x 3) needs 36: of sums of inputs with sums of weights, of which sums then give the outputs (S. Winograd,
"Arithmetic complexity of computations", SIAM 1980; A. Lavin and S. Gray, "Fast algorithms for convolutional neural
networks", CVPR 2016, whose matrices these are). The result differs from the plain one by rounding alone, some 1e-5 of
its largest value in float32.

Strips are `[H, T, C]` as in `convcam_jax.convolution`. Sums along the columns are made for the whole strip at once,
into tiles `[H, 6, n, C]` of n blocks of four columns; rows are gone through in blocks, so that what is multiplied stays
in the cache. All sums are of whole vectors of channels, which are contiguous.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array, lax

OUTPUTS = 4
KERNEL = (3, 3)
_INPUTS = OUTPUTS + 2
# So many blocks of rows share the sums that a kernel's gradient adds up, which are larger than a cache.
_BLOCKS_PER_GRADIENT = 4

_Matrix = tuple[tuple[float, ...], ...]
# Lavin and Gray's transposed B (input), G (kernel) and transposed A (output).
_OF_INPUT: _Matrix = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
_OF_KERNEL: _Matrix = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
_OF_OUTPUT: _Matrix = (
    (1, 1, 1, 1, 1, 0),
    (0, 1, -1, 2, -2, 0),
    (0, 1, 1, 4, 4, 0),
    (0, 1, -1, 8, -8, 1),
)


def valid_convolution(strip: Array, kernel: Array) -> Array:
    """The valid convolution of a strip.

    Args:
      strip: `[H, T, C_in]` float32; H at least 6, T at least 3.
      kernel: `[3, 3, C_in, C_out]` float32.

    Returns:
      `[H - 2, T - 2, C_out]` float32.
    """
    rows, columns = (n - 2 for n in strip.shape[:2])
    tiles = _input_tiles(strip, columns)
    matrices = [jnp.stack(_combine(_OF_KERNEL, list(row))) for row in _combine(_OF_KERNEL, list(kernel))]

    def add_block(block: Array, output: Array) -> Array:
        first_row = _first_row(block, rows, OUTPUTS)
        inputs = _combine(_OF_INPUT, list(lax.dynamic_slice_in_dim(tiles, first_row, _INPUTS)))
        products = [_product(own, matrix) for own, matrix in zip(inputs, matrices, strict=True)]
        # Row by row: stacked rows would be computed by one loop that asks for every element which row it is in.
        for row, own_tiles in enumerate(_combine(_OF_OUTPUT, products)):
            own = _output_columns(own_tiles, columns)
            output = lax.dynamic_update_slice_in_dim(output, own[None], first_row + row, 0)
        return output

    return lax.fori_loop(0, _n_blocks(rows, OUTPUTS), add_block, jnp.zeros((rows, columns, kernel.shape[3])))


def kernel_gradient(strip: Array, cotangent: Array) -> Array:
    """The gradient of `valid_convolution` by its kernel.

    Args:
      strip: `[H, T, C_in]` float32; H at least 6, T at least 3.
      cotangent: `[H - 2, T - 2, C_out]` float32.

    Returns:
      `[3, 3, C_in, C_out]` float32.
    """
    rows, columns, channels_out = cotangent.shape
    tiles, cotangent_tiles = _input_tiles(strip, columns), _cotangent_tiles(cotangent)
    n_own = min(_BLOCKS_PER_GRADIENT, rows // OUTPUTS) * OUTPUTS

    def add_blocks(block: Array, totals: list[Array]) -> list[Array]:
        first_row = _first_row(block, rows, n_own)
        own_inputs = lax.dynamic_slice_in_dim(tiles, first_row, n_own + 2)
        own = lax.dynamic_slice_in_dim(cotangent_tiles, first_row, n_own)
        # Rows that the blocks before have had count once.
        is_new = first_row + jnp.arange(n_own) >= block * n_own
        own = jnp.where(is_new[:, None, None, None], own, 0.0)
        starts = range(0, n_own, OUTPUTS)
        inputs = [_combine(_OF_INPUT, list(own_inputs[s : s + _INPUTS])) for s in starts]
        outputs = [_combine(_transposed(_OF_OUTPUT), list(own[s : s + OUTPUTS])) for s in starts]
        return [
            total + _product_over_tiles(jnp.concatenate(i, axis=1), jnp.concatenate(o, axis=1))
            for total, i, o in zip(totals, zip(*inputs, strict=True), zip(*outputs, strict=True), strict=True)
        ]

    nothing = [jnp.zeros((_INPUTS, strip.shape[2], channels_out))] * _INPUTS
    totals = lax.fori_loop(0, _n_blocks(rows, n_own), add_blocks, nothing)
    of_rows = _combine(_transposed(_OF_KERNEL), totals)
    return jnp.stack([jnp.stack(_combine(_transposed(_OF_KERNEL), list(row))) for row in of_rows])


def _input_tiles(strip: Array, columns: int) -> Array:
    """Sums along the columns of `[H, T, C]` for so many output columns: `[H, 6, n, C]`."""
    n = -(-columns // OUTPUTS)
    blocks = _blocks_of_columns(strip, n + 1)
    # The last two of six columns are the first two of the next block.
    own = [blocks[:, :n, i] for i in range(OUTPUTS)] + [blocks[:, 1:, i] for i in range(2)]
    return jnp.stack(_combine(_OF_INPUT, own), axis=1)


def _cotangent_tiles(cotangent: Array) -> Array:
    """The same of a cotangent `[H, T, C]`: `[H, 6, n, C]`."""
    blocks = _blocks_of_columns(cotangent, -(-cotangent.shape[1] // OUTPUTS))
    return jnp.stack(_combine(_transposed(_OF_OUTPUT), [blocks[:, :, i] for i in range(OUTPUTS)]), axis=1)


def _blocks_of_columns(strip: Array, n: int) -> Array:
    """`[H, T, C]` as `[H, n, 4, C]`, zero beyond its end."""
    rows, columns, channels = strip.shape
    return jnp.pad(strip, [(0, 0), (0, n * OUTPUTS - columns), (0, 0)]).reshape(rows, n, OUTPUTS, channels)


def _output_columns(tiles: Array, columns: int) -> Array:
    """One output row `[columns, C]` of its tiles `[6, n, C]`."""
    _, n, channels = tiles.shape
    return jnp.stack(_combine(_OF_OUTPUT, list(tiles)), axis=1).reshape(n * OUTPUTS, channels)[:columns]


def _product(tiles: Array, matrices: Array) -> Array:
    """`[6, n, C_in]` by `[6, C_in, C_out]`: `[6, n, C_out]`."""
    return lax.dot_general(tiles, matrices, (((2,), (1,)), ((0,), (0,))))


def _product_over_tiles(inputs: Array, outputs: Array) -> Array:
    """`[6, n, C_in]` by `[6, n, C_out]`: `[6, C_in, C_out]`."""
    return lax.dot_general(inputs, outputs, (((1,), (1,)), ((0,), (0,))))


def _n_blocks(rows: int, rows_per_block: int) -> int:
    return -(-rows // rows_per_block)


def _first_row(block: Array, rows: int, rows_per_block: int) -> Array:
    """Where a block of output rows begins; the last one overlaps the one before it if it would not be full."""
    return jnp.minimum(block * rows_per_block, rows - rows_per_block)


def _combine(matrix: _Matrix, arrays: Sequence[Array]) -> list[Array]:
    """The matrix times a vector of arrays, without the products by zero."""
    return [
        sum((c * a for c, a in terms[1:]), start=terms[0][0] * terms[0][1])
        for terms in ([(c, a) for c, a in zip(row, arrays, strict=True) if c] for row in matrix)
    ]


def _transposed(matrix: _Matrix) -> _Matrix:
    return tuple(zip(*matrix, strict=True))
