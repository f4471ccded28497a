"""Methods with other rules for nonlinearities: captum on the same weights, closed forms, and any network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference_simplenet
from linear_case import N_FRAMES, PRESENT, REFERENCES, SLOPES, SPECTROGRAMS, linear, scored_by
from plain_network import explain_case, make_plain_case
from scipy.ndimage import gaussian_filter

from convcam_jax.attribution import METHODS
from convcam_jax.attribution.baseline import baseline_of, blurred
from convcam_jax.attribution.propagation import deconvolution, deep_lift, epsilon_lrp, guided_backpropagation
from convcam_jax.attribution.propagation.calls import NoRuleError
from convcam_jax.attribution.propagation.full_grad import with_biases_to_ones
from convcam_jax.attribution.propagation.rules import EPSILON, with_rule
from convcam_jax.attribution.score import class_scores
from convcam_jax.data.recordings import Batch
from convcam_jax.kernels.batch_normalisation import Moments, normalise
from convcam_jax.networks.applications.mobilenet import MobileNetConfig
from convcam_jax.networks.simplenet import SimpleNetConfig

RULES = {
    "guided_backpropagation": guided_backpropagation.guided,
    "deconvolution": deconvolution.rectified,
    "epsilon_lrp": epsilon_lrp.stabilised,
    "deep_lift": deep_lift.rescale,
}


def gradient_by(rule, function, values, reference=None):
    """The gradient of a sum, as it goes back by a rule."""
    values = jnp.asarray(values, jnp.float32)
    reference = values if reference is None else jnp.asarray(reference, jnp.float32)
    return np.asarray(jax.jit(jax.grad(lambda own: with_rule(function, rule)(own, reference).sum()))(values))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Of -relu(x1) + 2 relu(x2) + 3 relu(x3) + 4 relu(x4) at -1, 2, -3 and 0.
        ("guided_backpropagation", [0, 2, 0, 0]),
        ("deconvolution", [0, 2, 3, 4]),
        ("epsilon_lrp", [0, 2, 0, 0]),
        # From the reference 1, 1, 1 and 0.
        ("deep_lift", [-0.5, 2, 0.75, 0]),
    ],
)
def test_rules_by_hand(name, expected):
    weights = jnp.array([-1.0, 2.0, 3.0, 4.0])
    found = gradient_by(RULES[name], lambda x: weights * jax.nn.relu(x), [-1, 2, -3, 0], [1, 1, 1, 0])
    np.testing.assert_allclose(found, expected, atol=1e-5)


def normalised(values, nonlinearity):
    """The values by moments and a scale that change nothing, with the nonlinearity behind them."""
    ones = jnp.ones_like(values)
    moments = Moments(jnp.zeros_like(values), ones)
    return normalise(values[None, None, None], moments, ones, 0 * ones, 0.0, nonlinearity)[0, 0, 0]


@pytest.mark.parametrize(
    ("nonlinearity", "expected"), [("relu", [0, 0, 1, 1, 1]), ("relu6", [0, 0, 1, 0, 0]), ("none", [1, 1, 1, 1, 1])]
)
def test_at_a_limit_a_slope_is_the_networks_own(nonlinearity, expected):
    at = jnp.array([-2.0, 0.0, 3.0, 6.0, 9.0])

    def by_biases(values):
        return with_biases_to_ones(lambda own: normalised(own, nonlinearity), jnp.abs)(values, jnp.ones_like(values))

    np.testing.assert_array_equal(jax.grad(lambda own: normalised(own, nonlinearity).sum())(at), expected)
    np.testing.assert_array_equal(jax.grad(lambda own: by_biases(own).sum())(at), expected)
    for name in ("guided_backpropagation", "deep_lift"):
        np.testing.assert_array_equal(
            gradient_by(RULES[name], lambda own: normalised(own, nonlinearity), at), expected, name
        )


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_where_there_is_no_nonlinearity_the_gradient_is_kept(rule):
    found = gradient_by(rule, lambda x: -2 * normalised(x, "none"), [-1, 2, 0], [1, 1, 0])
    np.testing.assert_array_equal(found, [-2, -2, -2])


def test_a_maximum_is_divided_between_the_winners_of_input_and_reference():
    """The maximum of (3, 1) is 3, of the reference (0, 2) it is 2: by DeepLIFT's rule the first gains the 1."""
    found = gradient_by(deep_lift.rescale, lambda x: jnp.max(x, axis=0)[None], [3, 1], [0, 2])
    np.testing.assert_allclose(found * [3, -1], [1, 0], atol=1e-6)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_what_has_no_rule_is_named(rule):
    with pytest.raises(NoRuleError, match="mul, whose results it uses otherwise than as factors"):
        gradient_by(rule, lambda x: 2 * x + x * x, [1.0])
    with pytest.raises(NoRuleError, match="sort, of which no rule is known"):
        gradient_by(rule, jnp.sort, [1.0, 2.0])
    # Another way to write a ReLU, which would be none.
    with pytest.raises(NoRuleError, match="ne, of which no rule is known"):
        gradient_by(rule, lambda x: jnp.where(jnp.maximum(x, 0) != 0, x, 0), [1.0, -2.0])


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_what_is_detached_counts_as_known(rule):
    def sounding(x):
        return 3 * jnp.where(jax.lax.stop_gradient(x) != 0, x, 0)

    np.testing.assert_allclose(gradient_by(rule, sounding, [2, 0, -1], [1, 1, 0]), [3, 0, 3], atol=1e-5)


def audible(path, values):
    """Scales of batch normalisation with which little is lost on the way, as in a trained network."""
    return 3.5 * values if path[-1].key == "scale" else values


@pytest.mark.slow
@pytest.mark.parametrize("config", [SimpleNetConfig(filters=(4, 32, 32), dense_units=8), MobileNetConfig(width=0.1)])
def test_values_of_deep_lift_sum_to_what_the_network_gains(config):
    """In any network, its own kernels and pooling included, mapped over members."""
    grid = (32, 48)
    network = config.make(3)
    variables = jax.vmap(lambda key: network.init(key, grid))(jax.random.split(jax.random.key(1), 2))
    variables = jax.tree_util.tree_map_with_path(audible, variables)
    n_frames = jnp.array([48, 30])
    present = np.arange(grid[1]) < np.asarray(n_frames)[:, None, None]
    inputs = jax.random.exponential(jax.random.key(0), (2, *grid)) * present
    reference = 0.5 * inputs[:, ::-1]
    layout = network.layout(np.asarray(n_frames)[:, None])

    def explained(own):
        def classify(spectrograms):
            return network.logits(own, Batch(spectrograms, n_frames), layout)[0]

        ruled = with_rule(classify, deep_lift.rescale)
        gradient = jax.grad(lambda values: ruled(values, reference)[:, 1].sum())(inputs)
        return (gradient * (inputs - reference)).sum((1, 2)), (classify(inputs) - classify(reference))[:, 1]

    found, gained = jax.jit(jax.vmap(explained))(variables)
    assert np.abs(gained).min() > 1e-4
    np.testing.assert_allclose(found, gained, rtol=1e-2, atol=2e-3 * np.abs(gained).max())


def torch_maps(name, case, pool="MaxPool2d"):
    """Maps of captum."""
    torch = pytest.importorskip("torch", reason="needs torch")
    from torch_simplenet import torch_simplenet

    model = torch_simplenet(case.params, pool)
    inputs = torch.tensor(np.asarray(case.spectrograms))[:, None].requires_grad_()
    target = torch.tensor(np.asarray(case.emotion))
    captum = pytest.importorskip("captum.attr", reason="needs captum")
    if name == "epsilon_lrp":
        from captum.attr._utils.lrp_rules import EpsilonRule

        for layer in model:
            if not isinstance(layer, torch.nn.ReLU):
                layer.rule = EpsilonRule(epsilon=EPSILON)
    kinds = {
        "guided_backpropagation": captum.GuidedBackprop,
        "deconvolution": captum.Deconvolution,
        "deep_lift": captum.DeepLift,
        "epsilon_lrp": captum.LRP,
    }
    found = kinds[name](model).attribute(inputs, target=target)
    return found.detach().numpy()[:, 0]


def assert_maps_are(own_maps, their_maps, case):
    present = np.arange(case.spectrograms.shape[2]) < np.asarray(case.n_frames)[:, None, None]
    for own, their in zip(own_maps, their_maps * present, strict=True):
        assert np.linalg.norm(own - their) <= 1e-3 * np.linalg.norm(their)


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["guided_backpropagation", "deconvolution", "epsilon_lrp"])
def test_maps_are_those_of_captum(name):
    case = make_plain_case(6)
    assert_maps_are(explain_case(case, name), torch_maps(name, case), case)


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_maps_of_deep_lift_are_captums_where_nothing_is_a_maximum(monkeypatch):
    """With max-pooling captum's values do not sum to what the logit gains, so both networks take means here."""

    def mean_pool(values, window):
        shape = (1, *window, 1)
        return jax.lax.reduce_window(values, 0.0, jax.lax.add, shape, shape, "VALID") / np.prod(window)

    monkeypatch.setattr(reference_simplenet, "max_pool", mean_pool)
    case = make_plain_case(6)
    assert_maps_are(explain_case(case, "deep_lift"), torch_maps("deep_lift", case, "AvgPool2d"), case)


def test_values_of_deep_lift_sum_to_what_a_pooled_network_gains():
    case = make_plain_case(6)
    logits = jax.jit(reference_simplenet.logits)
    gained = np.asarray(logits(case.params, case.spectrograms) - logits(case.params, 0 * case.spectrograms))
    gained = gained[np.arange(6), np.asarray(case.emotion)]
    np.testing.assert_allclose(explain_case(case, "deep_lift").sum((1, 2)), gained, rtol=1e-4, atol=1e-4)


def test_the_contrast_is_the_log_odds():
    logits = np.array([[1.0, -2.0, 0.5], [3.0, 3.0, -40.0]])
    probability = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = np.log(probability / (1 - probability))
    np.testing.assert_allclose(class_scores(jnp.asarray(logits, jnp.float32), "contrast"), expected, rtol=1e-5)


@pytest.mark.parametrize("baseline", ["silence", "mean", "blurred"])
@pytest.mark.parametrize("name", ["integrated_gradients", "deep_lift"])
def test_a_linear_score_rests_on_what_differs_from_the_baseline(name, baseline):
    explained = scored_by(linear)._replace(baseline=baseline)
    difference = np.asarray(SPECTROGRAMS - baseline_of(explained))
    found = jax.jit(lambda: METHODS[name].explain(explained))()
    np.testing.assert_allclose(found, np.asarray(SLOPES) * difference, rtol=1e-4, atol=1e-5)


def test_baselines_by_hand():
    mean, blur = (
        np.asarray(baseline_of(scored_by(linear)._replace(baseline=baseline))) for baseline in ("mean", "blurred")
    )
    expected = np.asarray(REFERENCES).mean((0, 2))[None, :, None] * PRESENT
    np.testing.assert_allclose(mean, expected, rtol=1e-5)
    for own, spectrogram, n_frames in zip(blur, SPECTROGRAMS, N_FRAMES.tolist(), strict=True):
        within = np.asarray(spectrogram)[:, :n_frames]
        np.testing.assert_allclose(own[:, :n_frames], gaussian_filter(within, 5, mode="nearest"), rtol=1e-4)
        assert not own[:, n_frames:].any()


def test_a_recording_without_detail_is_its_own_blurred_baseline():
    even = jnp.asarray(PRESENT * np.ones((1, 12, 1)), jnp.float32)
    np.testing.assert_allclose(blurred(even, N_FRAMES) * PRESENT, even, rtol=1e-5)
