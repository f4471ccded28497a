"""Convolutions of images and their gradients against the sums that define them, and members against a loop."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from image_convolutions import TOLERANCE, assert_equal_to_sums, normal, with_gradients

from convcam_jax.kernels import image_convolution, member_convolution
from convcam_jax.kernels.image_convolution import convolution, depthwise_convolution

CHANNELS, FILTERS = 3, 5
# More than a patch of 3 x 3 may have.
MANY_CHANNELS = 6
SIZES = [(7, 8), (8, 11), (6, 5)]
STRIDES_AND_PADDING = [
    ((1, 1), ((0, 0), (0, 0))),
    ((1, 1), ((1, 1), (1, 1))),
    ((2, 2), ((0, 1), (0, 1))),
    ((2, 2), ((1, 1), (0, 0))),
    ((2, 1), ((2, 1), (0, 3))),
]
SQUARE_AND_FLAT = [(7, 7), (5, 5), (1, 7), (7, 1), (3, 3), (1, 1)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("kernel_size", "padding"), [((2, 3), ((0, 0), (0, 0))), ((3, 2), ((0, 2), (1, 2)))])
def test_convolution_of_tiles_that_do_not_overlap(size, kernel_size, padding):
    assert_equal_to_sums(
        lambda i, k: convolution(i, k, kernel_size, padding),
        normal(0, 2, *size, MANY_CHANNELS),
        normal(1, *kernel_size, MANY_CHANNELS, FILTERS),
        kernel_size,
        padding,
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("strides", "padding"), STRIDES_AND_PADDING)
def test_depthwise_convolution_and_gradients(size, strides, padding):
    assert_equal_to_sums(
        lambda i, k: depthwise_convolution(i, k, strides, padding),
        normal(0, 2, *size, CHANNELS),
        normal(1, 3, 3, CHANNELS),
        strides,
        padding,
    )


@pytest.mark.parametrize("kernel_size", [(1, 1), (2, 3), (5, 4)])
def test_depthwise_kernels_of_any_size(kernel_size):
    strides, padding = (3, 2), ((1, 2), (2, 2))
    assert_equal_to_sums(
        lambda i, k: depthwise_convolution(i, k, strides, padding),
        normal(0, 2, 9, 10, CHANNELS),
        normal(1, *kernel_size, CHANNELS),
        strides,
        padding,
    )


def test_depthwise_kernel_gradient_of_more_images_than_the_cache_holds(monkeypatch):
    # Two images of 7 x 8 x 3 with their padding at a time, of six.
    monkeypatch.setattr(image_convolution, "_CACHE_BYTES", 2 * 9 * 10 * CHANNELS * 4)
    padding = ((1, 1), (1, 1))
    assert_equal_to_sums(
        lambda i, k: depthwise_convolution(i, k, (1, 1), padding),
        normal(0, 6, 7, 8, CHANNELS),
        normal(1, 3, 3, CHANNELS),
        (1, 1),
        padding,
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("strides", "padding"), STRIDES_AND_PADDING)
@pytest.mark.parametrize("channels", [1, CHANNELS])
def test_dense_convolution_and_gradients(size, strides, padding, channels):
    assert_equal_to_sums(
        lambda i, k: convolution(i, k, strides, padding),
        normal(0, 2, *size, channels),
        normal(1, 3, 2, channels, FILTERS),
        strides,
        padding,
    )


@pytest.mark.parametrize(
    ("strides", "kernel_size"),
    [
        *(((1, 1), size) for size in SQUARE_AND_FLAT),
        *(((2, 2), size) for size in SQUARE_AND_FLAT[1:]),
        pytest.param((2, 2), SQUARE_AND_FLAT[0], marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("together_bytes", [0, 2**19], ids=["one by one", "together"])
def test_dense_kernels_of_any_size_and_many_channels(monkeypatch, kernel_size, strides, together_bytes):
    monkeypatch.setattr(member_convolution, "_LARGEST_TOGETHER_BYTES", together_bytes)
    in_front, behind = ((side // 2, side // 2) for side in kernel_size)
    assert_equal_to_sums(
        lambda i, k: convolution(i, k, strides, (in_front, behind)),
        normal(0, 2, 8, 9, MANY_CHANNELS),
        normal(1, *kernel_size, MANY_CHANNELS, FILTERS),
        strides,
        (in_front, behind),
    )


@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
def test_large_kernels_of_one_channel(strides):
    around = ((3, 3), (3, 3))
    assert_equal_to_sums(
        lambda i, k: convolution(i, k, strides, around),
        normal(0, 2, 8, 9, 1),
        normal(1, 7, 7, 1, FILTERS),
        strides,
        around,
    )


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="for CPUs alone")
def test_patches_for_the_gradient_by_large_kernels_are_those_of_one_image_at_a_time():
    images, kernel = normal(0, 8, 8, 9, 1), normal(1, 7, 7, 1, FILTERS)
    program = jax.make_jaxpr(jax.grad(lambda k: convolution(images, k, padding=((3, 3), (3, 3))).sum()))(kernel)
    assert "[49,1,8,9,1]" in str(program)


@pytest.mark.parametrize("strides", [(1, 1), (2, 1)])
@pytest.mark.parametrize(("size", "is_product"), [((1, 4), True), ((2, 4), True), ((3, 3), False)])
def test_images_of_fewer_nodes_than_a_kernel_has_cells_are_a_product(size, is_product, strides):
    around = ((1, 1), (1, 1))
    images, kernel = normal(0, 2, *size, MANY_CHANNELS), normal(1, 3, 3, MANY_CHANNELS, FILTERS)
    convolve = partial(convolution, strides=strides, padding=around)
    assert_equal_to_sums(convolve, images, kernel, strides, around)
    assert ("conv_general_dilated" not in str(jax.make_jaxpr(convolve)(images, kernel))) == is_product


def test_pointwise_convolution_and_gradients():
    assert_equal_to_sums(
        convolution,
        normal(0, 2, 7, 4, CHANNELS),
        normal(1, 1, 1, CHANNELS, FILTERS),
        (1, 1),
        ((0, 0), (0, 0)),
    )


CONVOLUTIONS = {
    "dense": (lambda i, k, p: convolution(i, k, (2, 2), ((0, 1), (1, 1)), p), (3, 3, CHANNELS, FILTERS)),
    "dense, of many factors": (
        lambda i, k, p: convolution(i, k, (2, 1), ((2, 2), (2, 2)), p),
        (5, 5, CHANNELS, FILTERS),
    ),
    "pointwise": (lambda i, k, p: convolution(i, k, precision=p), (1, 1, CHANNELS, FILTERS)),
    "depthwise": (lambda i, k, p: depthwise_convolution(i, k, (2, 2), ((0, 1), (1, 1)), p), (3, 3, CHANNELS)),
}


@pytest.fixture(params=["cpu", "gpu"])
def way(request, monkeypatch) -> str:
    """The backend whose way of computing is taken, on this one."""
    monkeypatch.setattr(jax, "default_backend", lambda: request.param)
    return request.param


@pytest.mark.parametrize("kind", CONVOLUTIONS)
@pytest.mark.parametrize("images_of_members", [True, False])
def test_members_are_convolved_as_one_by_one(kind, images_of_members, way):
    convolve, shape = CONVOLUTIONS[kind]
    kernels = normal(1, 3, *shape)
    images = normal(0, 3, 2, 6, 7, CHANNELS) if images_of_members else normal(0, 2, 6, 7, CHANNELS)

    @jax.jit
    def one(images, kernel, cotangent):
        return with_gradients(lambda i, k: convolve(i, k, "float32"), images, kernel, lambda _: cotangent)

    of_one = images[0] if images_of_members else images
    cotangent = normal(2, *jax.eval_shape(lambda i, k: convolve(i, k, "float32"), of_one, kernels[0]).shape)
    together = jax.jit(jax.vmap(one, in_axes=(0 if images_of_members else None, 0, None)))
    found = together(images, kernels, cotangent)
    for member, kernel in enumerate(kernels):
        expected = one(images[member] if images_of_members else images, kernel, cotangent)
        for own, reference in zip(found, expected, strict=True):
            np.testing.assert_allclose(own[member], reference, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_recordings_under_vmap_are_convolved_as_in_a_batch(kind, way):
    convolve, shape = CONVOLUTIONS[kind]
    images, kernel = normal(0, 4, 6, 7, CHANNELS), normal(1, *shape)
    one_by_one = jax.jit(jax.vmap(lambda image: convolve(image[None], kernel, "float32")[0]))(images)
    together = jax.jit(lambda own: convolve(own, kernel, "float32"))(images)
    np.testing.assert_allclose(one_by_one, together, rtol=0, atol=TOLERANCE)


def test_recordings_of_members_are_convolved_as_one_by_one():
    """Recordings mapped within members, as heads of a network are: one batch for each member."""
    convolve, shape = CONVOLUTIONS["dense, of many factors"]
    images, kernels = normal(0, 3, 4, 6, 7, CHANNELS), normal(1, 3, *shape)

    def of_member(images, kernel):
        return jax.vmap(lambda image: convolve(image[None], kernel, "float32")[0])(images)

    found = jax.jit(jax.vmap(of_member))(images, kernels)
    alone = jax.jit(lambda images, kernel: convolve(images, kernel, "float32"))
    for own, own_images, kernel in zip(found, images, kernels, strict=True):
        np.testing.assert_allclose(own, alone(own_images, kernel), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_bfloat16_rounds_the_factors_and_only_those(kind):
    if jax.default_backend() != "cpu":
        pytest.skip("elsewhere the sums are rounded too")
    convolve, shape = CONVOLUTIONS[kind]
    images, kernel = normal(0, 2, 6, 7, CHANNELS), normal(1, *shape)

    def rounded(values):
        return jnp.asarray(values).astype(jnp.bfloat16).astype(jnp.float32)

    def computed(images, kernel, cotangent, precision):
        return with_gradients(lambda i, k: convolve(i, k, precision), images, kernel, lambda _: cotangent)

    compute = jax.jit(computed, static_argnums=3)
    cotangent = normal(2, *jax.eval_shape(lambda i, k: convolve(i, k, "float32"), images, kernel).shape)
    factors = images, kernel, cotangent
    found, of_rounded = compute(*factors, "bfloat16"), compute(*map(rounded, factors), "float32")
    for own, expected in zip(found, of_rounded, strict=True):
        np.testing.assert_allclose(own, expected, rtol=0, atol=TOLERANCE)
    exact = compute(*factors, "float32")[0]
    assert np.abs(found[0] - exact).max() > 10 * TOLERANCE


@pytest.mark.parametrize("of_recordings", [True, False])
def test_the_way_of_accelerators_is_that_of_a_cpu(of_recordings, monkeypatch):
    """Members, and recordings under `vmap` in front of them, of images with channels enough for their convolution."""
    images, kernels = normal(0, 2, 2, 6, 7, 9), normal(1, 3, 3, 3, 9, FILTERS)

    def convolve(image, kernel):
        return convolution(image, kernel, (2, 1), ((0, 1), (1, 1)))

    def one(image, kernel):
        of_all = jax.vmap(convolve, in_axes=(0, None)) if of_recordings else convolve
        return with_gradients(of_all, image, kernel, lambda s: normal(2, *s))

    found = []
    for backend in ("cpu", "gpu"):
        monkeypatch.setattr(jax, "default_backend", lambda own=backend: own)
        found.append(jax.jit(jax.vmap(one, in_axes=(None, 0)))(images if of_recordings else images[0], kernels))
    for on_cpu, on_accelerator in zip(*found, strict=True):
        np.testing.assert_allclose(on_accelerator, on_cpu, rtol=0, atol=TOLERANCE)
