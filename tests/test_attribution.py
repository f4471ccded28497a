"""The methods of attribution but Grad-CAM: closed forms, and other packages as oracles."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference_simplenet
from linear_case import CURVATURES, SLOPES, SPECTROGRAMS, quadratic, scored_by
from plain_network import explain_case, make_plain_case

from convcam_jax.attribution.cams.ablation_cam import ablation_cam
from convcam_jax.attribution.cams.eigen_cam import eigen_cam
from convcam_jax.attribution.cams.finer_cam import finer_cam, lead
from convcam_jax.attribution.cams.grad_cam import grad_cam
from convcam_jax.attribution.cams.grad_cam_plus_plus import grad_cam_plus_plus
from convcam_jax.attribution.cams.hires_cam import hires_cam
from convcam_jax.attribution.cams.layer_cam import layer_cam
from convcam_jax.attribution.cams.score_cam import score_cam
from convcam_jax.attribution.cams.shapley_cam import shapley_cam
from convcam_jax.attribution.cams.xgrad_cam import xgrad_cam
from convcam_jax.attribution.gradients.gradient_x_input import gradient_x_input
from convcam_jax.attribution.gradients.integrated_gradients import INTEGRATION_STEPS, integrated_gradients
from convcam_jax.attribution.placement import identity_placement

pytestmark = pytest.mark.usefixtures("strict_promotion")

NODE_METHODS = {
    "gradcam": grad_cam,
    "gradcam++": grad_cam_plus_plus,
    "hirescam": hires_cam,
    "xgradcam": xgrad_cam,
    "layercam": layer_cam,
    "eigencam": eigen_cam,
    "ablationcam": ablation_cam,
    "finercam": finer_cam,
    "shapleycam": shapley_cam,
}
INPUT_METHODS = {
    "gradient_x_input": gradient_x_input,
    "integrated_gradients": integrated_gradients,
}

# Sums over the nodes: 8 and 6.
ACTIVATIONS = jnp.array([[[1.0, 0.0], [2.0, 1.0], [0.0, 3.0]], [[0.0, 0.0], [4.0, 1.0], [1.0, 1.0]]])
FIRST, SECOND = np.moveaxis(np.asarray(ACTIVATIONS), -1, 0)
WHOLE = identity_placement((2, 2))
# Gradients of the two logits, at every node.
WEIGHTS = jnp.array([[1.0, -1.0], [-2.0, 0.5]])


def linear(activations):
    return jnp.einsum("hwk,kc->c", activations, WEIGHTS)


def curved(activations):
    """Its gradient differs from node to node, in sign too; `activations` may have any shape of their size."""
    slopes = jnp.linspace(-1.0, 2.0, ACTIVATIONS.size).reshape(activations.shape)
    total = (slopes * activations).sum()
    return jnp.array([jnp.tanh(total / 5), (slopes**2 * activations**2).sum()])


def curved_gradient():
    return np.asarray(jax.grad(lambda values: curved(values)[1] - curved(values)[0])(ACTIVATIONS), np.float64)


def difference(activations):
    first, second = curved(activations)
    return jnp.array([second - first, 0.0])


def curved_with_softmax(activations):
    return jax.nn.softmax(curved(activations))


def alone(classify, spectrogram):
    """A batch of one recording, whose logits are `classify` of it."""
    return scored_by(quadratic)._replace(spectrograms=spectrogram[None], classify=jax.vmap(classify))


@partial(jax.jit, static_argnames=("method", "classify", "score"))
def explain(method, classify, values, target=0, score="logit"):
    if method in NODE_METHODS:
        return NODE_METHODS[method](classify, values, target, score)
    explained = alone(classify, values)._replace(targets=jnp.asarray(target)[None], score=score)
    return INPUT_METHODS[method](explained)[0]


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        # Where the gradient is the same everywhere these three are one.
        ("gradcam", 0, FIRST - 2 * SECOND),
        ("hirescam", 0, FIRST - 2 * SECOND),
        ("xgradcam", 0, FIRST - 2 * SECOND),
        ("gradcam", 1, SECOND / 2 - FIRST),
        ("hirescam", 1, SECOND / 2 - FIRST),
        ("xgradcam", 1, SECOND / 2 - FIRST),
        # Six nodes, each with g / (2 + 8 g) for g = 1, with g / (2 + 6 g) for g = 1 / 2.
        ("gradcam++", 0, 0.6 * FIRST),
        ("gradcam++", 1, 0.6 * SECOND),
        ("layercam", 0, FIRST),
        ("layercam", 1, SECOND / 2),
        # Without a channel the logit loses gradient times the channel's sum.
        ("ablationcam", 0, 8 * FIRST - 12 * SECOND),
        ("ablationcam", 1, -8 * FIRST + 3 * SECOND),
        # The gradient of one logit less the other.
        ("finercam", 0, 2 * FIRST - 2.5 * SECOND),
        ("finercam", 1, -2 * FIRST + 2.5 * SECOND),
        # There is no curvature.
        ("shapleycam", 0, FIRST - 2 * SECOND),
        ("shapleycam", 1, SECOND / 2 - FIRST),
    ],
)
def test_closed_form_on_a_linear_head(method, target, expected):
    np.testing.assert_allclose(explain(method, linear, ACTIVATIONS, target), expected, atol=1e-5)


def test_shapley_cam_of_a_quadratic_score():
    """Of (s a)^2 the gradient is 2 s^2 a, and as much is the Hessian's product with a, of which half is subtracted."""
    slopes = np.linspace(-1.0, 2.0, ACTIVATIONS.size).reshape(ACTIVATIONS.shape)
    activations = np.asarray(ACTIVATIONS, np.float64)
    expected = activations @ (slopes**2 * activations).mean((0, 1))
    np.testing.assert_allclose(explain("shapleycam", curved, ACTIVATIONS, 1), expected, rtol=1e-5)


def test_finer_cam_compares_the_three_classes_that_are_nearest():
    """Neither the highest, 9, nor the lowest, -3."""
    scores = np.array([1.0, 9.0, 1.5, -0.5, 0.5, -3.0])
    near = scores[[4, 2, 3]]
    expected = scores[0] - (near * np.exp(near)).sum() / np.exp(near).sum()
    assert float(lead(jnp.asarray(scores, jnp.float32), 0)) == pytest.approx(expected, rel=1e-5)


def test_grad_cam_plus_plus_is_equation_19():
    gradient, activations = curved_gradient(), np.asarray(ACTIVATIONS, np.float64)
    assert (gradient > 0).any()
    assert (gradient < 0).any()
    with np.errstate(invalid="ignore"):
        alpha = gradient**2 / (2 * gradient**2 + activations.sum((0, 1)) * gradient**3)
    weights = (np.nan_to_num(alpha) * np.maximum(gradient, 0)).sum((0, 1))
    signed = explain("gradcam++", difference, ACTIVATIONS)
    np.testing.assert_allclose(signed, activations @ weights, rtol=1e-5)


def test_elementwise_methods_use_the_gradient_of_each_node():
    gradient, activations = curved_gradient(), np.asarray(ACTIVATIONS, np.float64)
    hires = explain("hirescam", difference, ACTIVATIONS)
    np.testing.assert_allclose(hires, (activations * gradient).sum(-1), rtol=1e-5, atol=1e-6)
    layer = explain("layercam", difference, ACTIVATIONS)
    np.testing.assert_allclose(layer, (activations * np.maximum(gradient, 0)).sum(-1), rtol=1e-5, atol=1e-6)


def test_xgrad_cam_sums_to_activations_times_gradient():
    signed = explain("xgradcam", difference, ACTIVATIONS)
    assert float(signed.sum()) == pytest.approx((np.asarray(ACTIVATIONS) * curved_gradient()).sum(), rel=1e-5)
    plain = explain("gradcam", difference, ACTIVATIONS)
    assert abs(float(signed.sum() - plain.sum())) > 0.1


@pytest.mark.parametrize("lowered", [0.0, 1.0, 3.0])
def test_xgrad_cam_by_hand_on_activations_of_any_sign(lowered):
    """Such as those of tokens; lowered by 1 or 3, the channels sum to 2 and 0, or to -10 and -12."""
    activations = np.asarray(ACTIVATIONS) - lowered
    totals, sums = activations.sum((0, 1)), np.einsum("hwk,hwk->k", activations, np.full((2, 3, 2), [1.0, -2.0]))
    expected = activations @ np.divide(sums, totals, out=np.array(sums), where=totals != 0)
    np.testing.assert_allclose(explain("xgradcam", linear, activations), expected, rtol=1e-6, atol=1e-6)


def test_eigen_cam_projects_on_the_first_singular_vector():
    nodes = np.asarray(ACTIVATIONS, np.float64).reshape(-1, 2)
    vector = np.linalg.svd(nodes)[2][0]
    signed = explain("eigencam", linear, ACTIVATIONS)
    np.testing.assert_allclose(signed, np.abs(nodes @ vector).reshape(2, 3), rtol=1e-5)
    pattern = jnp.array([[0.0, 1.0], [2.0, 3.0]])
    signed = explain("eigencam", linear, pattern[..., None] * jnp.array([[[3.0, 0.0, 4.0]]]))
    np.testing.assert_allclose(signed, 5 * pattern, rtol=1e-5, atol=1e-5)


def test_score_cam_by_hand():
    """The masked inputs hold 0 + 1 + 1 + 1 and, for the channel that is the same everywhere, nothing."""
    spectrogram = jnp.array([[4.0, 4.0], [2.0, 1.0]])
    activations = jnp.stack([jnp.array([[0.0, 1.0], [2.0, 4.0]]), jnp.full((2, 2), 3.0)], -1)

    def classify(masked):
        return jnp.stack([masked.sum(), -masked.sum()])

    weights = np.exp([3.0, 0.0]) / np.exp([3.0, 0.0]).sum()
    explained = alone(classify, spectrogram)._replace(activations=activations[None], placement=WHOLE)
    explain_target = jax.jit(lambda target: score_cam(explained._replace(targets=target[None]))[0])
    for target, own in enumerate([weights, weights[::-1]]):
        np.testing.assert_allclose(explain_target(jnp.asarray(target)), activations @ own, rtol=1e-6)


def test_a_quadratic_score_in_closed_form():
    """Of a x^2 + b x, gradient times input is 2 a x^2 + b x, and the integral is the score itself."""
    explained = scored_by(quadratic)
    a, b, x = map(np.asarray, (CURVATURES, SLOPES, SPECTROGRAMS))
    by_gradient, integrated = (jax.jit(lambda of=of: of(explained))() for of in INPUT_METHODS.values())
    np.testing.assert_allclose(by_gradient, 2 * a * x**2 + b * x, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(integrated, a * x**2 + b * x, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", [*NODE_METHODS, *INPUT_METHODS])
def test_the_softmax_score_is_the_logit_of_a_head_that_ends_in_softmax(method):
    values = ACTIVATIONS if method in NODE_METHODS else ACTIVATIONS.reshape(3, 4)
    by_softmax = explain(method, curved, values, 1, "softmax")
    np.testing.assert_allclose(by_softmax, explain(method, curved_with_softmax, values, 1), rtol=1e-5, atol=1e-7)
    if method != "eigencam":
        assert np.abs(by_softmax - explain(method, curved, values, 1)).max() > 1e-3


@pytest.mark.parametrize("method", NODE_METHODS)
def test_a_map_of_no_activation_is_zero(method):
    np.testing.assert_array_equal(explain(method, linear, jnp.zeros((2, 3, 2))), 0)


def test_integrated_gradients_are_complete():
    """They sum to what the score gains over silence (Sundararajan et al., proposition 1)."""
    case = make_plain_case(6)
    emotion = np.asarray(case.emotion)
    classify = partial(jax.jit(reference_simplenet.logits), case.params)
    spectrograms = case.spectrograms
    gained = np.asarray(classify(spectrograms) - classify(0 * spectrograms))[np.arange(6), emotion]
    total = explain_case(case, "integrated_gradients").sum((1, 2))
    np.testing.assert_allclose(total, gained, rtol=0.02, atol=0.02 * np.abs(gained).max())
    rough = explain_case(case, "gradient_x_input").sum((1, 2))
    assert np.abs(rough - gained).max() > 0.1 * np.abs(gained).max()


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("gradcam++", "GradCAMPlusPlus"),
        ("hirescam", "HiResCAM"),
        ("xgradcam", "XGradCAM"),
        ("layercam", "LayerCAM"),
        ("scorecam", "ScoreCAM"),
        ("ablationcam", "AblationCAM"),
    ],
)
def test_agrees_with_the_package_grad_cam_of_pytorch(method, name):
    case = make_plain_case(6)
    theirs = by_pytorch_grad_cam(case, name)
    ours = explain_case(case, method)
    if method == "ablationcam":
        # Theirs is divided by the score, as in the paper.
        logits = jax.jit(reference_simplenet.logits)(case.params, case.spectrograms)
        theirs = theirs * np.asarray(logits)[np.arange(6), np.asarray(case.emotion), None, None]
    assert np.linalg.norm(theirs) > 0
    for own, their in zip(ours, theirs, strict=True):
        assert np.linalg.norm(own - their) <= 1e-3 * np.linalg.norm(their)


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_eigen_cam_of_centred_activations_is_that_of_the_package_grad_cam():
    """The package subtracts each channel's mean, which the paper does not; its sign is arbitrary."""
    case = make_plain_case(6)
    theirs = by_pytorch_grad_cam(case, "EigenCAM")
    centred = case.activations - case.activations.mean((1, 2), keepdims=True)
    for own, their in zip(centred, theirs, strict=True):
        signed = np.asarray(explain("eigencam", linear, own))
        assert min(np.linalg.norm(signed - their), np.linalg.norm(signed + their)) <= 1e-3 * np.linalg.norm(their)


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_shapley_cam_of_probabilities_is_that_of_the_package_grad_cam():
    """Of logits it is Grad-CAM, for the network has no curvature; probabilities have."""
    case = with_small_logits(make_plain_case(6))
    pytest.importorskip("pytorch_grad_cam", reason="needs torch and grad-cam")
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputSoftmaxTarget

    theirs = by_pytorch_grad_cam(case, "ShapleyCAM", ClassifierOutputSoftmaxTarget)
    plain = explain_case(case, "gradcam", "softmax")
    for own, their, without in zip(explain_case(case, "shapleycam", "softmax"), theirs, plain, strict=True):
        assert np.linalg.norm(own - their) <= 1e-3 * np.linalg.norm(their)
        assert np.linalg.norm(own - without) > 0.01 * np.linalg.norm(their)


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_finer_cam_is_grad_cam_of_the_packages_target():
    """There are three classes, so the two others are compared."""
    case = with_small_logits(make_plain_case(6))
    pytest.importorskip("pytorch_grad_cam", reason="needs torch and grad-cam")
    from pytorch_grad_cam.utils.model_targets import FinerWeightedTarget

    def make_target(label):
        return FinerWeightedTarget(label, [other for other in range(3) if other != label], 1)

    theirs = by_pytorch_grad_cam(case, "GradCAM", make_target)
    for own, their in zip(explain_case(case, "finercam"), theirs, strict=True):
        assert np.linalg.norm(own - their) <= 1e-3 * np.linalg.norm(their)


def with_small_logits(case):
    """So that no probability is 0 or 1."""
    output = jax.tree.map(lambda values: values / 5, case.params["output"])
    return case._replace(params=case.params | {"output": output})


def by_pytorch_grad_cam(case, name, make_target=None):
    """The maps [N, H, W] in front of the ReLU that a class of the package gives for the same weights.

    `make_target` gives what is explained of a label, by default its logit.
    """
    torch = pytest.importorskip("torch", reason="needs torch and grad-cam")
    package = pytest.importorskip("pytorch_grad_cam", reason="needs torch and grad-cam")
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
    from torch_simplenet import torch_simplenet

    model = torch_simplenet(case.params)
    inputs = torch.tensor(np.asarray(case.spectrograms))[:, None]
    with getattr(package, name)(model, [model[7]]) as cam:
        targets = [(make_target or ClassifierOutputTarget)(int(label)) for label in case.emotion]
        outputs = cam.activations_and_grads(inputs)
        cam.model.zero_grad()
        total = sum(target(output) for target, output in zip(targets, outputs, strict=True))
        values = cam.activations_and_grads.activations[0]
        if cam.detach:
            total.backward()
            gradients = cam.activations_and_grads.gradients[0].numpy()
        else:
            [gradients] = torch.autograd.grad(total, values, create_graph=True)
        values = values.detach().numpy() if cam.detach else values
        return cam.get_cam_image(inputs, model[7], targets, values, gradients, eigen_smooth=False)


@pytest.mark.peer
@pytest.mark.parametrize("method", INPUT_METHODS)
def test_agrees_with_captum(method):
    torch = pytest.importorskip("torch", reason="needs torch and captum")
    captum = pytest.importorskip("captum.attr", reason="needs torch and captum")
    from torch_simplenet import torch_simplenet

    case = make_plain_case(6)
    model = torch_simplenet(case.params)
    inputs = torch.tensor(np.asarray(case.spectrograms))[:, None].requires_grad_()
    target = torch.tensor(np.asarray(case.emotion))
    if method == "integrated_gradients":
        theirs = captum.IntegratedGradients(model).attribute(
            inputs, target=target, n_steps=INTEGRATION_STEPS, method="riemann_middle"
        )
    else:
        theirs = captum.InputXGradient(model).attribute(inputs, target=target)
    theirs = theirs.detach().numpy()[:, 0]
    for own, their in zip(explain_case(case, method), theirs, strict=True):
        assert np.linalg.norm(own - their) <= 1e-3 * np.linalg.norm(their)
