"""Grad-CAM: closed forms, and the package grad-cam of PyTorch as the oracle."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference_simplenet
from plain_network import make_plain_case
from small_network import N_BINS, N_INPUT_FRAMES

from convcam_jax.attribution.cams.grad_cam import channel_weights, grad_cam
from convcam_jax.attribution.placement import identity_placement, placed_map
from convcam_jax.attribution.score import score_gradient

pytestmark = pytest.mark.usefixtures("strict_promotion")

H, W, K, C = 2, 3, 2, 3
ACTIVATIONS = jnp.array([[[1.0, 0.0], [2.0, 1.0], [0.0, 3.0]], [[0.0, 0.0], [4.0, 1.0], [1.0, 1.0]]])
# Logits of a linear head: sums over the nodes of activations times weights [K, C].
WEIGHTS = jnp.array([[6.0, -6.0, 0.0], [-12.0, 3.0, 0.0]])


def linear(activations: jax.Array) -> jax.Array:
    return jnp.einsum("hwk,kc->c", activations, WEIGHTS) / (H * W)


def softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max())
    return exponentials / exponentials.sum()


@partial(jax.jit, static_argnames="score")
def linear_cam(activations, target, score="logit"):
    return grad_cam(linear, activations, target, score)


def test_closed_form_on_a_linear_head():
    """The gradient is WEIGHTS / 6 at every node, so the channel weights of class 0 are 1 and -2."""
    gradient = jax.jit(partial(score_gradient, linear, score="logit"))(ACTIVATIONS, target=0)
    np.testing.assert_allclose(gradient, np.broadcast_to([1.0, -2.0], (H, W, K)), rtol=1e-6)
    # Eq. 4 as printed: the mean over nodes, not the sum.
    np.testing.assert_allclose(channel_weights(gradient), [1.0, -2.0], rtol=1e-6)
    np.testing.assert_allclose(linear_cam(ACTIVATIONS, 0), [[1.0, 0.0, -6.0], [0.0, 2.0, -1.0]], atol=1e-6)
    np.testing.assert_allclose(linear_cam(ACTIVATIONS, 1), [[-1.0, -1.5, 1.5], [0.0, -3.5, -0.5]], atol=1e-6)


def test_the_map_is_the_positive_part_of_the_signed_map():
    placed = placed_map(linear_cam(ACTIVATIONS, 0), W, identity_placement((H, W)))
    np.testing.assert_allclose(placed, [[0.5, 0.0, 0.0], [0.0, 1.0, 0.0]], atol=1e-6)


def test_weights_are_means_over_rows_and_columns():
    gradient = jnp.arange(12.0).reshape(H, W, K)
    np.testing.assert_allclose(channel_weights(gradient), [5.0, 6.0])


def test_softmax_score_in_closed_form():
    """dp_t/dz_c = p_t (1[c = t] - p_c)."""
    p = softmax(np.asarray(linear(ACTIVATIONS), np.float64))
    for target in range(C):
        alpha = np.asarray(WEIGHTS, np.float64) / (H * W) @ (p[target] * (np.eye(C)[target] - p))
        expected = np.asarray(ACTIVATIONS, np.float64) @ alpha
        np.testing.assert_allclose(linear_cam(ACTIVATIONS, target, "softmax"), expected, rtol=1e-5, atol=1e-6)


def test_softmax_gradient_by_finite_differences():
    step = 1e-6
    gradient = jax.jit(partial(score_gradient, linear, score="softmax"))(ACTIVATIONS, target=1)
    values = np.asarray(ACTIVATIONS, np.float64)
    for index in np.ndindex(values.shape):
        sides = []
        for sign in (1, -1):
            moved = values.copy()
            moved[index] += sign * step
            sides.append(softmax(np.einsum("hwk,kc->c", moved, np.asarray(WEIGHTS, np.float64)) / (H * W))[1])
        np.testing.assert_allclose(gradient[index], (sides[0] - sides[1]) / (2 * step), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("score", ["logit", "softmax"])
def test_a_map_of_no_activation_is_zero(score):
    signed = linear_cam(jnp.zeros((H, W, K)), 0, score)
    assert (np.asarray(jax.nn.relu(signed)) == 0).all()


def plain_head(params):
    return lambda one: reference_simplenet.classify(params, one[None])[0]


def test_vmap_equals_a_loop():
    params, _, emotion, activations, _ = make_plain_case(4)
    classify = plain_head(params)
    one = jax.jit(lambda values, target: grad_cam(classify, values, target))
    looped = [one(*pair) for pair in zip(activations, emotion, strict=True)]
    batched = jax.jit(jax.vmap(lambda values, target: grad_cam(classify, values, target)))
    np.testing.assert_allclose(batched(activations, emotion), jnp.stack(looped), rtol=1e-5, atol=1e-7)


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_agrees_with_the_package_grad_cam_of_pytorch():
    torch = pytest.importorskip("torch", reason="needs torch and grad-cam")
    pytest.importorskip("pytorch_grad_cam", reason="needs torch and grad-cam")
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
    from torch_simplenet import torch_simplenet

    params, spectrograms, emotion, activations, _ = make_plain_case(6)
    classify = plain_head(params)
    network = torch_simplenet(params)
    inputs = torch.tensor(np.asarray(spectrograms))[:, None]
    expected_logits = network(inputs).detach().numpy()
    np.testing.assert_allclose(jax.jit(jax.vmap(classify))(activations), expected_logits, rtol=1e-4, atol=1e-5)

    with GradCAM(network, [network[7]]) as cam:
        targets = [ClassifierOutputTarget(int(label)) for label in emotion]
        outputs = cam.activations_and_grads(inputs)
        cam.model.zero_grad()
        sum(target(output) for target, output in zip(targets, outputs, strict=True)).backward()
        values = cam.activations_and_grads.activations[0].detach().numpy()
        gradients = cam.activations_and_grads.gradients[0].numpy()
        theirs = cam.get_cam_image(inputs, network[7], targets, values, gradients)
    ours = jax.jit(jax.vmap(lambda values, target: grad_cam(classify, values, target)))(activations, emotion)
    assert (np.asarray(jax.nn.relu(ours)).max((1, 2)) > 0).sum() >= 3
    assert np.linalg.norm(ours - theirs) < 1e-4 * np.linalg.norm(theirs)

    # Their map as a user gets it: resized to the input and divided by its maximum.
    with GradCAM(network, [network[7]]) as cam:
        whole = cam(inputs, targets)
    assert whole.shape == (6, N_BINS, N_INPUT_FRAMES)
    for one, signed in zip(whole, ours, strict=True):
        assert (one.max() > 0) == (np.asarray(signed).max() > 0)
