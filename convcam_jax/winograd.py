"""Convolutions with kernels of three rows in half as many products: Winograd's minimal filtering along the rows.

Four output rows need six input rows and, done plainly, 4 x 3 products of a row with a row of the kernel. Winograd's
F(4, 3) needs six: of sums of input rows with sums of kernel rows, of which sums then give the output (S. Winograd,
"Arithmetic complexity of computations", SIAM 1980; A. Lavin and S. Gray, "Fast algorithms for convolutional neural
networks", CVPR 2016, whose matrices these are). The result differs from the plain one by rounding alone, some 1e-6 of
its largest value in float32.

Only the rows are transformed, not the columns: sums of whole rows are cheap beside the products, and rows are
contiguous. Strips are `[H, T, C]` as in `convcam_jax.convolution`.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array, lax

OUTPUT_ROWS = 4
KERNEL_ROWS = 3
_INPUT_ROWS = OUTPUT_ROWS + KERNEL_ROWS - 1

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
      strip: `[H, T, C_in]` float32; H at least 6.
      kernel: `[3, w, C_in, C_out]` float32.

    Returns:
      `[H - 2, T - w + 1, C_out]` float32.
    """
    _, width, channels_in, channels_out = kernel.shape
    rows, columns = strip.shape[0] - KERNEL_ROWS + 1, strip.shape[1] - width + 1
    # The kernel's columns side by side: one product for all of them copies less than patches would.
    matrices = [
        own.transpose(1, 0, 2).reshape(channels_in, width * channels_out) for own in _combine(_OF_KERNEL, list(kernel))
    ]

    def add_block(block: Array, output: Array) -> Array:
        first_row = _first_row(block, rows)
        inputs = _combine(_OF_INPUT, list(lax.dynamic_slice_in_dim(strip, first_row, _INPUT_ROWS)))
        products = [own @ matrix for own, matrix in zip(inputs, matrices, strict=True)]
        summed = [sum_of_shifted(product, width, columns) for product in products]
        own_rows = jnp.stack(_combine(_OF_OUTPUT, summed))
        return lax.dynamic_update_slice_in_dim(output, own_rows, first_row, 0)

    return lax.fori_loop(0, _n_blocks(rows), add_block, jnp.zeros((rows, columns, channels_out)))


def kernel_gradient(strip: Array, cotangent: Array) -> Array:
    """The gradient of `valid_convolution` by its kernel.

    Args:
      strip: `[H, T, C_in]` float32; H at least 6.
      cotangent: `[H - 2, T - w + 1, C_out]` float32.

    Returns:
      `[3, w, C_in, C_out]` float32.
    """
    rows, columns, channels_out = cotangent.shape
    width, channels_in = strip.shape[1] - columns + 1, strip.shape[2]

    def add_block(block: Array, totals: list[Array]) -> list[Array]:
        first_row = _first_row(block, rows)
        inputs = _combine(_OF_INPUT, list(lax.dynamic_slice_in_dim(strip, first_row, _INPUT_ROWS)))
        own = lax.dynamic_slice_in_dim(cotangent, first_row, OUTPUT_ROWS)
        # Rows that the block before has had count once.
        is_new = first_row + jnp.arange(OUTPUT_ROWS) >= block * OUTPUT_ROWS
        outputs = _combine(_transposed(_OF_OUTPUT), list(jnp.where(is_new[:, None, None], own, 0.0)))
        patches = [jnp.concatenate([row[j : j + columns] for j in range(width)], axis=-1) for row in inputs]
        return [total + p.T @ output for total, p, output in zip(totals, patches, outputs, strict=True)]

    nothing = [jnp.zeros((width * channels_in, channels_out))] * _INPUT_ROWS
    totals = lax.fori_loop(0, _n_blocks(rows), add_block, nothing)
    gradient = jnp.stack(_combine(_transposed(_OF_KERNEL), totals))
    return gradient.reshape(KERNEL_ROWS, width, channels_in, channels_out)


def _n_blocks(rows: int) -> int:
    return -(-rows // OUTPUT_ROWS)


def _first_row(block: Array, rows: int) -> Array:
    """Where a block of output rows begins; the last one overlaps the one before it if it would not be full."""
    return jnp.minimum(block * OUTPUT_ROWS, rows - OUTPUT_ROWS)


def _combine(matrix: _Matrix, arrays: Sequence[Array]) -> list[Array]:
    """The matrix times a vector of arrays, without the products by zero."""
    return [
        sum((c * a for c, a in terms[1:]), start=terms[0][0] * terms[0][1])
        for terms in ([(c, a) for c, a in zip(row, arrays, strict=True) if c] for row in matrix)
    ]


def _transposed(matrix: _Matrix) -> _Matrix:
    return tuple(zip(*matrix, strict=True))


def sum_of_shifted(product: Array, width: int, columns: int) -> Array:
    """From products `[T, w * C]` of all columns of a kernel, what belongs to each output column: `[columns, C]`."""
    channels = product.shape[1] // width
    shifted = [product[j : j + columns, j * channels : (j + 1) * channels] for j in range(width)]
    return sum(shifted[1:], start=shifted[0])
