"""Methods that silence parts of the input: closed forms, definitions by enumeration, captum and scikit-learn."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_case import GRID, N_FRAMES, PRESENT, SLOPES, SPECTROGRAMS, linear, quadratic, scored_by
from plain_network import explain_case, make_plain_case
from sklearn.linear_model import Ridge

from convcam_jax.attribution import METHODS
from convcam_jax.attribution.perturbations import kernel_shap, lime, occlusion, rise, segments

pytestmark = pytest.mark.usefixtures("strict_promotion")

CONTRIBUTIONS = np.asarray(SLOPES[None] * SPECTROGRAMS, np.float64)


def explain(name, explained):
    return np.asarray(jax.jit(lambda: METHODS[name].explain(explained))())


@pytest.mark.parametrize(("n_cells", "n_patches"), [(96, 6), (202, 12), (5, 3), (3, 6), (1, 6), (13, 12)])
def test_patches_cover_every_cell(n_cells, n_patches):
    patches = occlusion.sliding(n_cells, n_patches)
    assert len(patches) < 2 * n_patches
    assert (patches.sum(0) >= 1).all()
    size = math.ceil(n_cells / n_patches)
    assert (patches[:-1].sum(1) == size).all()
    assert 1 <= patches[-1].sum() <= size


def test_occlusion_of_a_linear_score_by_hand():
    """A patch loses the sum of what its cells contribute."""
    [rows, columns] = [occlusion.sliding(n, k) for n, k in zip(GRID, occlusion.PATCHES, strict=True)]
    total, count = np.zeros_like(CONTRIBUTIONS), np.zeros(GRID)
    for row, column in itertools.product(rows, columns):
        patch = np.outer(row, column)
        total += (CONTRIBUTIONS * patch).sum((1, 2), keepdims=True) * patch
        count += patch
    found = explain("occlusion", scored_by(linear))
    np.testing.assert_allclose(found, total / count * PRESENT, rtol=1e-4, atol=1e-4)


@pytest.mark.peer
def test_occlusion_is_that_of_captum():
    torch = pytest.importorskip("torch", reason="needs torch and captum")
    captum = pytest.importorskip("captum.attr", reason="needs torch and captum")
    from torch_simplenet import torch_simplenet

    case = make_plain_case(6)
    sizes = [math.ceil(n / k) for n, k in zip(case.spectrograms.shape[1:], occlusion.PATCHES, strict=True)]
    theirs = captum.Occlusion(torch_simplenet(case.params)).attribute(
        torch.tensor(np.asarray(case.spectrograms))[:, None],
        sliding_window_shapes=(1, *sizes),
        strides=(1, *(math.ceil(size / 2) for size in sizes)),
        target=torch.tensor(np.asarray(case.emotion)),
    )
    for own, their, n in zip(explain_case(case, "occlusion"), theirs, case.n_frames, strict=True):
        inside = their.detach().numpy()[0, :, :n]
        assert not own[:, n:].any()
        assert np.linalg.norm(own[:, :n] - inside) <= 1e-3 * np.linalg.norm(inside)


def test_masks_of_rise_are_coarse_cells_interpolated():
    coarse = np.random.default_rng(0).normal(size=occlusion.PATCHES[1] + 2)
    weights = np.asarray(rise.spread(202, occlusion.PATCHES[1], jnp.float32(0.3)))
    positions = np.arange(202) * 12 / 202 + 0.3
    np.testing.assert_allclose(weights @ coarse, np.interp(positions, np.arange(14), coarse), rtol=1e-4, atol=1e-5)


def test_masks_of_rise_keep_every_cell_as_often():
    masks = np.asarray(
        jax.jit(jax.vmap(lambda key: rise.draw_mask(key, GRID)))(jax.random.split(jax.random.key(5), 4000))
    )
    assert masks.min() >= 0
    assert masks.max() <= 1 + 1e-6
    # A cell's mask has a standard deviation of at most 1 / 2.
    assert np.abs(masks.mean(0) - rise.KEPT).max() < 5 * 0.5 / np.sqrt(len(masks))


def test_rise_weights_masks_by_what_they_gain():
    keys = jax.random.split(jax.random.key(0), rise.N_MASKS)
    masks = np.asarray(jax.jit(jax.vmap(lambda key: rise.draw_mask(key, GRID)))(keys), np.float64)
    scores = np.einsum("bft,nft->nb", CONTRIBUTIONS, masks)
    expected = np.einsum("nb,nft->bft", scores - scores.mean(0), masks) / (rise.KEPT * rise.N_MASKS)
    found = explain("rise", scored_by(linear))
    np.testing.assert_allclose(found, expected * PRESENT, rtol=1e-3, atol=1e-4)


def test_rise_finds_the_one_cell_that_counts_whatever_the_constant():
    def one_cell(spectrograms):
        return jnp.zeros_like(spectrograms).at[:, 4, 6].set(10 * spectrograms[:, 4, 6] + 1000)

    for own in explain("rise", scored_by(one_cell)):
        row, column = np.unravel_index(own.argmax(), own.shape)
        assert abs(row - 4) <= 1
        assert abs(column - 6) <= 1


def test_segments_divide_the_recording_not_the_grid():
    index = np.asarray(segments.segments_of(SPECTROGRAMS, N_FRAMES))
    for own, n_frames in zip(index, N_FRAMES, strict=True):
        inside = own[:, :n_frames]
        assert set(inside.ravel()) == set(range(segments.N_SEGMENTS))
        sizes = np.bincount(inside.ravel())
        assert sizes.max() <= 2 * math.ceil(n_frames / segments.SEGMENTS[1])
        # Rows are bands of bins, columns parts of time, in order.
        np.testing.assert_array_equal(own // segments.SEGMENTS[1], (np.arange(12) // 2)[:, None] + 0 * own)
        assert (np.diff(own[0]) >= 0).all()


def segment_sums(values):
    """Sum of values [B, F, T] in every cell's segment."""
    index = np.asarray(segments.segments_of(SPECTROGRAMS, N_FRAMES))
    sums = [np.bincount(own.ravel(), one.ravel())[own] for own, one in zip(index, values, strict=True)]
    return np.stack(sums) * PRESENT


def test_kernel_shap_of_a_score_of_sums_is_exact():
    """What each cell contributes does not depend on others: a segment's Shapley value is the sum over its cells."""
    for score_of in (linear, quadratic):
        expected = segment_sums(np.asarray(score_of(SPECTROGRAMS), np.float64))
        np.testing.assert_allclose(explain("kernel_shap", scored_by(score_of)), expected, rtol=1e-3, atol=1e-3)


def test_shapley_values_are_those_of_the_definition():
    """Of a game of four; coalitions of one and of three have twice the kernel's weight of those of two."""
    worth = np.random.default_rng(0).normal(size=16)
    worth[0] = 0
    expected = np.zeros(4)
    for order in itertools.permutations(range(4)):
        for place, player in enumerate(order):
            before = sum(1 << other for other in order[:place])
            expected[player] += (worth[before + (1 << player)] - worth[before]) / math.factorial(4)
    chosen = [number for number in range(1, 15) for _ in range(1 if number.bit_count() == 2 else 2)]
    coalitions = jnp.asarray([[number >> player & 1 for player in range(4)] for number in chosen], jnp.float32)
    gained = jnp.asarray(worth[chosen], jnp.float32)[:, None]
    found = kernel_shap.shapley_values(coalitions, gained, jnp.asarray(worth[15:], jnp.float32))
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-4, atol=1e-5)


def test_coalitions_are_drawn_by_the_shapley_kernel():
    drawn = np.asarray(jax.jit(jax.vmap(kernel_shap.draw_coalitions))(jax.random.split(jax.random.key(2), 100)))
    half, m = kernel_shap.N_COALITIONS // 2, segments.N_SEGMENTS
    np.testing.assert_array_equal(drawn[:, half:], 1 - drawn[:, :half])
    sizes = drawn[:, :half].sum(2).astype(int).ravel()
    weight = np.array([(m - 1) / (math.comb(m, k) * k * (m - k)) * math.comb(m, k) for k in range(1, m)])
    expected = weight / weight.sum() * len(sizes)
    assert sizes.min() >= 1
    observed = np.bincount(sizes, minlength=m)[1:m]
    # The mean of chi squared is its degrees of freedom, its variance twice that.
    chi_squared = ((observed - expected) ** 2 / expected).sum()
    assert abs(chi_squared - (m - 2)) < 4 * math.sqrt(2 * (m - 2))
    assert np.abs(drawn.mean((0, 1)) - 0.5).max() < 1e-6


def test_lime_is_the_ridge_regression_of_scikit_learn():
    coalitions = jax.random.bernoulli(jax.random.key(0), 0.5, (lime.N_COALITIONS, segments.N_SEGMENTS))
    coalitions = np.asarray(coalitions, np.float64)
    index = np.asarray(segments.segments_of(SPECTROGRAMS, N_FRAMES))
    heard = coalitions[:, index] * np.asarray(SPECTROGRAMS)
    scores = np.stack([np.asarray(quadratic(jnp.asarray(one, jnp.float32))).sum((1, 2)) for one in heard])
    # The cosine between a coalition and that of all.
    cosine = coalitions.sum(1) / (np.sqrt(coalitions.sum(1)) * np.sqrt(segments.N_SEGMENTS))
    weights = np.sqrt(np.exp(-((1 - cosine) ** 2) / lime.KERNEL_WIDTH**2))
    fitted = Ridge(alpha=lime.PENALTY).fit(coalitions, scores, sample_weight=weights)
    expected = np.stack([own[one] for own, one in zip(fitted.coef_, index, strict=True)]) * PRESENT
    np.testing.assert_allclose(explain("lime", scored_by(quadratic)), expected, rtol=1e-3, atol=1e-3)
