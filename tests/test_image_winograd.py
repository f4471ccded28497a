"""Winograd's algorithm for images against the sums that define a convolution; where it is taken, and where not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from image_convolutions import assert_equal_to_sums, normal

from convcam_jax.kernels import image_winograd, winograd
from convcam_jax.kernels.image_convolution import convolution

pytestmark = pytest.mark.skipif(jax.default_backend() != "cpu", reason="for CPUs alone")

CHANNELS, FILTERS = 64, 72
# With one of them, values and the gradient by images are XLA's own.
FEW = 32
# Of the largest value.
WINOGRADS_ERROR = 2e-5
PADDINGS = [
    ((1, 1), (1, 1)),
    ((0, 0), (0, 0)),
    ((2, 2), (2, 2)),
    ((0, 1), (1, 0)),
    ((1, 0), (0, 2)),
    ((2, 0), (2, 1)),
]
# Images, rows, columns: all on one strip; some on each; each on its own.
# Of the second there are two strips, the last place of which is empty.
ON_ONE_STRIP, ON_TWO, ON_THEIR_OWN = (5, 8, 9), (3, 8, 150), (2, 9, 215)
CASES = [
    *((ON_ONE_STRIP, PADDINGS[number]) for number in (0, 4)),
    (ON_TWO, PADDINGS[0]),
    *(pytest.param(ON_ONE_STRIP, PADDINGS[number], marks=pytest.mark.slow) for number in (1, 2, 3, 5)),
    pytest.param(ON_TWO, PADDINGS[4], marks=pytest.mark.slow),
    *(pytest.param(ON_THEIR_OWN, PADDINGS[number], marks=pytest.mark.slow) for number in (0, 4)),
]


def kernel_of_unit_sums(seed: int, *shape: int) -> jax.Array:
    return normal(seed, *shape) / np.sqrt(9 * CHANNELS)


def assert_convolved(size, padding, channels, filters):
    images = normal(0, *size, channels)
    assert image_winograd.is_faster(images.shape, (3, 3, channels, filters), padding)
    assert_equal_to_sums(
        lambda i, k: image_winograd.convolution(i, k, padding, "float32"),
        images,
        kernel_of_unit_sums(1, 3, 3, channels, filters),
        (1, 1),
        padding,
        WINOGRADS_ERROR,
    )


@pytest.mark.parametrize(("size", "padding"), CASES)
def test_convolution_and_gradients(size, padding):
    assert_convolved(size, padding, CHANNELS, FILTERS)


@pytest.mark.parametrize(("channels", "filters"), [(FEW, FILTERS), (CHANNELS, FEW)])
@pytest.mark.parametrize("padding", [PADDINGS[0], PADDINGS[4]])
def test_with_few_channels_the_values_are_a_plain_convolution(channels, filters, padding):
    assert_convolved(ON_TWO, padding, channels, filters)
    images, kernel = normal(0, *ON_TWO, channels), normal(1, 3, 3, channels, filters)
    assert is_plain(images, kernel, padding)


def is_plain(images, kernel, padding):
    program = jax.make_jaxpr(lambda i, k: image_winograd.convolution(i, k, padding, "float32"))(images, kernel)
    return "conv_general_dilated" in str(program)


@pytest.mark.parametrize(("columns", "expected"), [(8, True), (9, False)])
def test_with_few_nodes_for_each_channel_the_values_are_a_plain_convolution(columns, expected):
    # 4 x 8 rows, and 4 nodes for each of 72 channels.
    images, kernel = normal(0, 4, 8, columns, CHANNELS), normal(1, 3, 3, CHANNELS, FILTERS)
    assert is_plain(images, kernel, PADDINGS[0]) == expected
    assert_convolved((4, 8, columns), PADDINGS[0], CHANNELS, FILTERS)


@pytest.mark.parametrize(
    "mapped", ["images and kernels", *(pytest.param(name, marks=pytest.mark.slow) for name in ("images", "kernels"))]
)
def test_members_are_what_each_is_alone(mapped):
    padding = PADDINGS[0]
    images, kernels = normal(0, 3, *ON_ONE_STRIP, CHANNELS), kernel_of_unit_sums(1, 3, 3, 3, CHANNELS, FILTERS)
    axes = (None if mapped == "kernels" else 0, None if mapped == "images" else 0)
    operands = images if axes[0] == 0 else images[0], kernels if axes[1] == 0 else kernels[0]

    def with_gradients(images, kernel):
        values, pull = jax.vjp(lambda i, k: image_winograd.convolution(i, k, padding, "float32"), images, kernel)
        return values, *pull(values)

    alone = jax.jit(with_gradients)
    together = jax.jit(jax.vmap(with_gradients, in_axes=axes))(*operands)
    for member in range(3):
        own = [operand[member] if axis == 0 else operand for operand, axis in zip(operands, axes, strict=True)]
        for value, expected in zip(together, alone(*own), strict=True):
            largest = np.abs(expected).max()
            np.testing.assert_allclose(value[member], expected, rtol=0, atol=WINOGRADS_ERROR * largest)


def test_factors_are_rounded_in_bfloat16():
    images, kernel = normal(0, *ON_ONE_STRIP, CHANNELS), kernel_of_unit_sums(1, 3, 3, CHANNELS, FILTERS)
    rounded = (values.astype(jnp.bfloat16).astype(jnp.float32) for values in (images, kernel))
    convolve = jax.jit(image_winograd.convolution, static_argnums=(2, 3))
    found = convolve(images, kernel, PADDINGS[0], "bfloat16")
    np.testing.assert_allclose(found, convolve(*rounded, PADDINGS[0], "float32"), atol=1e-6)
    assert np.abs(found - convolve(images, kernel, PADDINGS[0], "float32")).max() > 1e-4


@pytest.mark.parametrize(
    ("images", "kernel", "padding", "expected"),
    [
        ((2, 6, 9, 32), (3, 3, 32, 32), ((1, 1), (1, 1)), True),
        ((2, 5, 9, 32), (3, 3, 32, 32), ((1, 1), (1, 1)), False),  # 7 rows
        ((2, 7, 9, 32), (3, 3, 32, 32), ((0, 0), (0, 0)), False),
        ((2, 8, 9, 32), (3, 3, 32, 32), ((0, 0), (0, 0)), True),
        ((2, 5, 9, 32), (3, 3, 32, 32), ((2, 2), (0, 0)), False),  # the gradient's 7 rows
        ((2, 8, 9, 31), (3, 3, 31, 32), ((1, 1), (1, 1)), False),
        ((2, 8, 9, 32), (3, 3, 32, 31), ((1, 1), (1, 1)), False),
        ((2, 8, 9, 32), (3, 1, 32, 32), ((1, 1), (1, 1)), False),
        ((2, 8, 9, 32), (3, 3, 32, 32), ((1, 1), (3, 1)), False),
    ],
)
def test_where_it_is_faster(images, kernel, padding, expected):
    assert image_winograd.is_faster(images, kernel, padding) == expected


def test_it_is_for_cpus_alone(monkeypatch):
    case = (2, 8, 9, 32), (3, 3, 32, 32), PADDINGS[0]
    assert image_winograd.is_faster(*case)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert not image_winograd.is_faster(*case)


def test_rules_of_attribution_see_a_plain_convolution():
    images, kernel = normal(0, *ON_ONE_STRIP, CHANNELS), kernel_of_unit_sums(1, 3, 3, CHANNELS, FILTERS)

    def program() -> str:
        return str(jax.make_jaxpr(lambda i, k: convolution(i, k, padding=PADDINGS[0]))(images, kernel))

    assert "conv_general_dilated" not in program()
    with winograd.without_winograd():
        assert "conv_general_dilated" in program()
    assert "conv_general_dilated" not in program()
