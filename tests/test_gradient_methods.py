"""Methods that average gradients over noise or references: closed forms, and captum's gradients at the same points."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_case import CURVATURES, N_FRAMES, PRESENT, REFERENCES, SLOPES, SPECTROGRAMS, linear, quadratic, scored_by
from plain_network import explain_case, make_plain_case

from convcam_jax.attribution import METHODS
from convcam_jax.attribution.gradients import expected_gradients, smooth_grad

pytestmark = pytest.mark.usefixtures("strict_promotion")

SLOPE, CURVATURE = np.asarray(SLOPES), np.asarray(CURVATURES)


def explain(name, explained):
    return np.asarray(jax.jit(lambda: METHODS[name].explain(explained))())


def noise_of(key, n_samples, spectrograms=SPECTROGRAMS, present=PRESENT):
    """The noise of each sample [n_samples, B, F, T]."""
    draw = jax.vmap(lambda one: smooth_grad.draw_noise(one, spectrograms, jnp.asarray(present)))
    return np.asarray(draw(jax.random.split(key, n_samples)))


def test_saliency_of_a_quadratic_score():
    expected = np.abs(2 * CURVATURE * np.asarray(SPECTROGRAMS) + SLOPE) * PRESENT
    np.testing.assert_allclose(explain("saliency", scored_by(quadratic)), expected, rtol=1e-5, atol=1e-6)


def test_noise_is_a_share_of_the_range_and_ends_with_the_recording():
    noise = noise_of(jax.random.key(3), 2000)
    assert not noise[:, ~np.broadcast_to(PRESENT, SPECTROGRAMS.shape)].any()
    for number, n_frames in enumerate(N_FRAMES):
        own = noise[:, number, :, :n_frames] / np.ptp(np.asarray(SPECTROGRAMS[number, :, :n_frames]))
        assert own.std() == pytest.approx(smooth_grad.NOISE_SHARE, rel=0.01)
        assert abs(own.mean()) < 0.001


@pytest.mark.parametrize("behind", [0.0, -40.0, 500.0])
@pytest.mark.parametrize("n_behind", [1, 30])
def test_what_is_behind_a_recording_does_not_change_its_noise(n_behind, behind):
    """In decibels of 30 to 80, the zeros of the padding are no part of the range."""
    own = np.random.default_rng(0).uniform(30, 80, (2, 12, 20)).astype(np.float32)
    n_cells = 20 + n_behind
    padded = np.full((2, 12, n_cells), behind, np.float32)
    padded[:, :, :20] = own
    present = np.arange(n_cells)[None, None] < 20
    found = noise_of(jax.random.key(1), 500, jnp.asarray(padded), np.repeat(present, 2, axis=0))[..., :20]
    expected = smooth_grad.NOISE_SHARE * np.ptp(own, axis=(1, 2))
    np.testing.assert_allclose(found.std((0, 2, 3)), expected, rtol=0.01)
    # The draws differ by the size of the grid alone.
    of_zeros = np.where(present, padded, 0).astype(np.float32)
    again = noise_of(jax.random.key(1), 500, jnp.asarray(of_zeros), np.repeat(present, 2, axis=0))[..., :20]
    np.testing.assert_array_equal(found, again)


def test_moments_of_the_gradient_of_a_quadratic_score():
    """The gradient 2 a (x + noise) + b has the mean 2 a (x + mean noise) + b and the variance 4 a^2 var(noise)."""
    noise = noise_of(jax.random.key(0), smooth_grad.N_SAMPLES)
    mean = (2 * CURVATURE * (np.asarray(SPECTROGRAMS) + noise.mean(0)) + SLOPE) * PRESENT
    np.testing.assert_allclose(explain("smoothgrad", scored_by(quadratic)), mean, rtol=1e-4, atol=1e-5)
    variance = 4 * CURVATURE**2 * noise.var(0)
    np.testing.assert_allclose(explain("vargrad", scored_by(quadratic)), variance, rtol=1e-3, atol=1e-5)


def test_a_linear_score_has_no_variance():
    assert np.abs(explain("vargrad", scored_by(linear))).max() < 1e-10


def test_expected_gradients_of_a_linear_score_are_shap_values():
    """The slope times what a cell has more than the references on average."""
    n_references = len(REFERENCES)
    repeated = np.asarray(REFERENCES)[np.arange(expected_gradients.N_SAMPLES) % n_references]
    expected = SLOPE * (np.asarray(SPECTROGRAMS) - repeated.mean(0)) * PRESENT
    found = explain("expected_gradients", scored_by(linear))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_gradient_shap_adds_the_mean_noise():
    [_, key_of_noise] = jax.random.split(jax.random.key(0))
    noise = noise_of(key_of_noise, expected_gradients.N_SAMPLES).mean(0)
    found = explain("gradient_shap", scored_by(linear)) - explain("expected_gradients", scored_by(linear))
    np.testing.assert_allclose(found, SLOPE * noise, rtol=1e-3, atol=1e-4)


def test_expected_gradients_from_one_reference_are_complete():
    """Of a quadratic score the midpoint rule gives each cell exactly what it gains over the reference."""
    reference = np.asarray(REFERENCES[:1]) * PRESENT
    spectrograms = np.asarray(SPECTROGRAMS)
    expected = CURVATURE * (spectrograms**2 - reference**2) + SLOPE * (spectrograms - reference)
    found = explain("expected_gradients", scored_by(quadratic, REFERENCES[:1]))
    np.testing.assert_allclose(found, expected * PRESENT, rtol=1e-3, atol=1e-4)


def test_expected_gradients_from_silence_are_integrated_gradients():
    case = make_plain_case(6)
    found = explain_case(case, "expected_gradients")
    integrated = explain_case(case, "integrated_gradients")
    assert np.linalg.norm(found - integrated) <= 1e-5 * np.linalg.norm(integrated)


@pytest.mark.parametrize("name", ["smoothgrad", "vargrad", "gradient_shap", "expected_gradients", "rise"])
def test_draws_are_those_of_the_seed(name):
    first, again, other = (explain(name, scored_by(quadratic, seed=seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.peer
@pytest.mark.parametrize("name", ["saliency", "smoothgrad", "vargrad", "gradient_shap"])
def test_gradients_are_those_of_captum_at_the_same_points(name):
    torch = pytest.importorskip("torch", reason="needs torch and captum")
    captum = pytest.importorskip("captum.attr", reason="needs torch and captum")
    from torch_simplenet import torch_simplenet

    case = make_plain_case(6)
    model = torch_simplenet(case.params)
    spectrograms, target = np.asarray(case.spectrograms), torch.tensor(np.asarray(case.emotion))
    present = np.arange(spectrograms.shape[2]) < np.asarray(case.n_frames)[:, None, None]

    def gradient(points):
        inputs = torch.tensor(np.asarray(points, np.float32))[:, None].requires_grad_()
        found = captum.Saliency(model).attribute(inputs, target=target, abs=False)
        return found.numpy()[:, 0].astype(np.float64) * present

    key = jax.random.key(0)
    if name == "saliency":
        theirs = np.abs(gradient(spectrograms))
    elif name == "gradient_shap":
        key_of_shares, key_of_noise = jax.random.split(key)
        n_samples = expected_gradients.N_SAMPLES
        noise = noise_of(key_of_noise, n_samples, case.spectrograms, present)
        shares = (np.asarray(jax.random.permutation(key_of_shares, n_samples)) + 0.5) / n_samples
        ends = spectrograms + noise
        theirs = np.mean([end * gradient(share * end) for share, end in zip(shares, ends, strict=True)], axis=0)
    else:
        noise = noise_of(key, smooth_grad.N_SAMPLES, case.spectrograms, present)
        gradients = np.stack([gradient(spectrograms + one) for one in noise])
        theirs = gradients.mean(0) if name == "smoothgrad" else gradients.var(0)
    for own, their in zip(explain_case(case, name), theirs, strict=True):
        assert np.linalg.norm(own - their) <= 1e-3 * np.linalg.norm(their)
