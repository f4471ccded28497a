"""LRP by rules for layers: by hand, zennit on the same weights, what is conserved, and any network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference_simplenet
from plain_network import NODES, PlainCase, explain_case, make_plain_case
from small_network import N_INPUT_FRAMES, NETWORK, make_recordings, make_variables

from convcam_jax.attribution.config import AttributionConfig
from convcam_jax.attribution.explaining import explain_members
from convcam_jax.attribution.propagation import alpha_beta_lrp, composite_lrp, gamma_lrp
from convcam_jax.attribution.propagation.calls import NoRuleError
from convcam_jax.attribution.propagation.layers import with_layer_rule
from convcam_jax.kernels.batch_normalisation import Moments, normalise
from convcam_jax.kernels.image_convolution import convolution, depthwise_convolution
from convcam_jax.kernels.pooling import max_pool, max_pool_3x3

RULES = {
    "gamma_lrp": gamma_lrp.favoured,
    "alpha_beta_lrp": alpha_beta_lrp.divided,
    "composite_lrp": composite_lrp.by_kind,
}
WEIGHTS = jnp.array([[2.0], [-1.0], [4.0]])


def relevance(name, function, values):
    """Of a sum, for inputs `values`; by the flat rule the gradient of ones is the relevance."""
    changed, values = with_layer_rule(function, RULES[name]), jnp.asarray(values, jnp.float32)
    if name == "composite_lrp":
        return np.asarray(jax.jit(jax.grad(lambda ones: changed(values, ones).sum()))(jnp.ones_like(values)))
    return np.asarray(values * jax.jit(jax.grad(lambda own: changed(own, None).sum()))(values))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Of 2 - 3 + 4 = 3 at 1, 3 and 1; with 0.25 more of what is positive, 2.5 - 3 + 5 = 4.5.
        ("gamma_lrp", [3 * 2.5 / 4.5, -3 * 3 / 4.5, 3 * 5 / 4.5]),
        ("alpha_beta_lrp", [2 * 3 * 2 / 6, -3.0, 2 * 3 * 4 / 6]),
        ("composite_lrp", [1, 1, 1]),
    ],
)
def test_a_layer_by_hand(name, expected):
    found = relevance(name, lambda x: jax.nn.relu(x @ WEIGHTS), [[1, 3, 1]])
    np.testing.assert_allclose(found, [expected], rtol=1e-5)


def convolved(values, kernel):
    return jax.lax.conv_general_dilated(values, kernel, (1,), "VALID", dimension_numbers=("NWC", "WIO", "NWC"))


PAIRS, DIFFERENCES = (jnp.array(own).reshape(2, 1, 1) for own in ([1.0, 2.0], [3.0, -1.0]))


@pytest.mark.parametrize(
    ("behind", "expected"),
    [
        # Nodes 3 and 3. A dense layer of 3 and -1: 9 and -3, each shared by the two cells that a node sees.
        (lambda nodes: nodes[..., 0] @ jnp.array([[3.0], [-1.0]]), [4.5, 4.5 - 1.5, -1.5]),
        # A convolution of 3 and -1: all 6 are of what raises it, the first node.
        (lambda nodes: jax.nn.relu(convolved(nodes, DIFFERENCES))[..., 0] @ jnp.array([[1.0]]), [3, 3, 0]),
    ],
    ids=["dense", "convolution"],
)
def test_the_composite_has_another_rule_in_dense_layers_than_in_convolutions(behind, expected):
    found = relevance("composite_lrp", lambda x: behind(jax.nn.relu(convolved(x, PAIRS))), np.ones((1, 3, 1)))
    np.testing.assert_allclose(found.ravel(), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Of 2 - 3 - 4 = -5, which no ReLU is behind: what lowers it is favoured.
        ("gamma_lrp", [-5 * 2 / -6.75, -5 * -3.75 / -6.75, -5 * -5 / -6.75]),
        ("alpha_beta_lrp", [2 * -5, -1 * -5 * 3 / 7, -1 * -5 * 4 / 7]),
    ],
)
def test_logits_below_zero_and_inputs_of_both_signs_by_hand(name, expected):
    found = relevance(name, lambda x: x @ WEIGHTS, [[1, 3, -1]])
    np.testing.assert_allclose(found, [expected], rtol=1e-5)


def test_a_bias_takes_the_share_of_its_sign():
    """Of 2 + 2 - 1 = 3, where 2 is a bias: half of what raises it is the input's."""
    found = relevance("alpha_beta_lrp", lambda x: jax.nn.relu(x @ WEIGHTS[:2] + 2), [[1, 1]])
    np.testing.assert_allclose(found, [[3, -3]], rtol=1e-5)


RESIDUAL = jnp.array([[1.0, 0.0], [-2.0, 0.0]])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Of 3 + (3 - 2) = 4, of which the 1 is divided as that of a layer of its own.
        ("gamma_lrp", [3 + 3.75 / 1.75, -2 / 1.75]),
        ("alpha_beta_lrp", [3 + 2, -1]),
        ("composite_lrp", [3 + 0.5, 0.5]),
    ],
)
def test_a_residual_by_hand(name, expected):
    found = relevance(name, lambda x: jax.nn.relu(x + x @ RESIDUAL)[:, :1], [[3, 1]])
    np.testing.assert_allclose(found, [expected], rtol=1e-5)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("share", [lambda total: total / 2, lambda total: 0.5 * total], ids=["divided", "multiplied"])
def test_a_mean_alone_is_divided_in_proportion(name, share):
    found = relevance(name, lambda x: jax.nn.relu(share(x.sum(1, keepdims=True))), [[3, -1]])
    np.testing.assert_allclose(found, [[0.5, 0.5] if name == "composite_lrp" else [1.5, -0.5]], rtol=1e-5)


IMAGES = jnp.asarray(np.random.default_rng(0).exponential(size=(2, 8, 8, 3)), jnp.float32)
KERNEL, DEPTHWISE, READOUT = (
    jnp.asarray(np.random.default_rng(1).normal(size=shape), jnp.float32) for shape in ((3, 3, 3, 4), (3, 3, 3), (4, 2))
)
SCALE, MEAN = jnp.array([0.5, -2.0, 1.0, 3.0]), jnp.array([0.3, -0.2, 0.0, 1.0])


def plain_convolution(images, kernel, groups=1):
    axes = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(
        images, kernel, (1, 1), "VALID", dimension_numbers=axes, feature_group_count=groups
    )


def filtered(images):
    return plain_convolution(images, DEPTHWISE[:, :, None], groups=3)


def ended(values):
    """The values behind a limit that is none, at which a layer ends."""
    return jnp.clip(values, -jnp.inf, jnp.inf)


def within(images):
    """Without the edge that a convolution takes."""
    return images[:, 1:-1, 1:-1]


def beside_its_weights(images, end):
    """A layer and what is made of it behind a ReLU, as in the first blocks of the stages of ResNet50."""
    layer = filtered(images)
    return end(within(layer)) + end(filtered(jax.nn.relu(layer)))


def beside_a_loop(images, end):
    """What is made of a layer by weights alone, and behind a recurrence, in whose steps ways are as unlike."""
    layer, weights = jax.nn.relu(filtered(images)), DEPTHWISE[0]
    rows = jnp.moveaxis(layer, 1, 0)

    def step(state, row):
        state = jnp.tanh(end(state @ weights) + end(jax.nn.relu(row @ weights) @ weights))
        return state, state

    _, states = jax.lax.scan(step, jnp.zeros_like(rows[0]), rows)
    return end(filtered(layer)) + end(filtered(jnp.moveaxis(states, 0, 1)))


def readout(images):
    return images.mean((1, 2)) @ READOUT[: images.shape[-1]]


def merged(images):
    """A convolution whose weights are those of one with batch normalisation behind it."""
    factor = SCALE / jnp.sqrt(1.5)
    return plain_convolution(images, KERNEL * factor[None, None, None]) - (MEAN * factor)[None, None, None]


WRITTEN_IN_TWO_WAYS = {
    "own kernel": (lambda x: convolution(x, KERNEL), lambda x: plain_convolution(x, KERNEL)),
    "depthwise": (
        lambda x: depthwise_convolution(x, DEPTHWISE),
        lambda x: plain_convolution(x, DEPTHWISE[:, :, None], groups=3),
    ),
    "batch normalisation": (
        lambda x: normalise(convolution(x, KERNEL), Moments(MEAN, 0.5 + 0 * MEAN), SCALE, 0 * MEAN, 1.0, "relu"),
        lambda x: jax.nn.relu(merged(x)),
    ),
    "pooled first": (
        lambda x: jax.nn.relu(max_pool(plain_convolution(x, KERNEL), (2, 2)) - MEAN[None, None, None]),
        lambda x: max_pool(jax.nn.relu(plain_convolution(x, KERNEL) - MEAN[None, None, None]), (2, 2)),
    ),
    "pooled with an edge": (
        lambda x: jax.nn.relu(max_pool_3x3(plain_convolution(x, KERNEL), padding=1)),
        lambda x: max_pool_3x3(jax.nn.relu(plain_convolution(x, KERNEL)), padding=1),
    ),
    "sum of weights": (
        lambda x: plain_convolution(x[..., :1], KERNEL[:, :, :1]) + plain_convolution(x[..., 1:], KERNEL[:, :, 1:]),
        lambda x: plain_convolution(x, KERNEL),
    ),
    "residual": (lambda x: within(x) + filtered(x), lambda x: within(x) + ended(filtered(x))),
    "residual of weights": (lambda x: beside_its_weights(x, lambda y: y), lambda x: beside_its_weights(x, ended)),
    "beside a loop": (lambda x: beside_a_loop(x, lambda y: y), lambda x: beside_a_loop(x, ended)),
}


QUICK = ("alpha_beta_lrp", "batch normalisation")
WAYS_BY_RULE = [
    pytest.param(name, way, marks=() if (name, way) == QUICK else pytest.mark.slow)
    for name in RULES
    for way in WRITTEN_IN_TWO_WAYS
]


@pytest.mark.parametrize(("name", "way"), WAYS_BY_RULE)
def test_however_a_layer_is_written_its_relevance_is_the_same(name, way):
    ours, plainly = (
        relevance(name, lambda x, own=own: readout(jax.nn.relu(own(x)))[:, 0], IMAGES)
        for own in WRITTEN_IN_TWO_WAYS[way]
    )
    assert np.abs(plainly).max() > 0
    np.testing.assert_allclose(ours, plainly, rtol=1e-3, atol=1e-4 * np.abs(plainly).max())


@pytest.mark.parametrize("name", RULES)
def test_what_has_no_rule_is_named(name):
    with pytest.raises(NoRuleError, match="mul, whose results it uses otherwise than as factors"):
        relevance(name, lambda x: x * x, [[1.0]])
    with pytest.raises(NoRuleError, match="while, which may multiply with weights"):
        relevance(name, lambda x: jax.lax.while_loop(lambda y: y.sum() < 9, lambda y: y + WEIGHTS[:1], x), [[1.0]])


def without_biases(case: PlainCase) -> PlainCase:
    params = jax.tree_util.tree_map_with_path(lambda path, own: own * (path[-1].key != "bias"), case.params)
    return case._replace(params=params)


def whole(case: PlainCase) -> PlainCase:
    """The recordings with what is behind them as their own silence."""
    return case._replace(n_frames=jnp.full(len(case.spectrograms), N_INPUT_FRAMES))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gamma_lrp", "composite_lrp"])
def test_without_biases_the_relevance_is_the_logit(name):
    case = whole(without_biases(make_plain_case(6)))
    logits = np.asarray(jax.jit(reference_simplenet.logits)(case.params, case.spectrograms))
    explained = logits[np.arange(6), np.asarray(case.emotion)]
    np.testing.assert_allclose(explain_case(case, name).sum((1, 2)), explained, rtol=1e-3)


def zennit_maps(name: str, case: PlainCase) -> np.ndarray:
    """Relevance by zennit."""
    torch = pytest.importorskip("torch", reason="needs torch")
    pytest.importorskip("zennit", reason="needs zennit, with torchvision")
    from torch_simplenet import torch_simplenet
    from zennit.attribution import Gradient
    from zennit.composites import EpsilonPlusFlat, LayerMapComposite
    from zennit.rules import AlphaBeta, Gamma, Pass
    from zennit.types import Activation, Convolution, Linear

    def of_all(rule):
        return LayerMapComposite([(Activation, Pass()), (Convolution, rule), (Linear, rule)])

    composites = {
        "gamma_lrp": of_all(Gamma(gamma=gamma_lrp.GAMMA)),
        "alpha_beta_lrp": of_all(AlphaBeta(alpha=alpha_beta_lrp.ALPHA, beta=alpha_beta_lrp.BETA)),
        "composite_lrp": EpsilonPlusFlat(),
    }
    inputs = torch.tensor(np.asarray(case.spectrograms))[:, None].requires_grad_()
    chosen = torch.nn.functional.one_hot(torch.tensor(np.asarray(case.emotion)).long(), 3)
    with Gradient(model=torch_simplenet(case.params), composite=composites[name]) as attributor:
        _, found = attributor(inputs, lambda logits: logits * chosen)
    return found.detach().numpy()[:, 0]


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", RULES)
def test_maps_are_those_of_zennit(name):
    case = whole(make_plain_case(6))
    theirs = zennit_maps(name, case)
    for own, their in zip(explain_case(case, name), theirs, strict=True):
        assert np.linalg.norm(own - their) <= 1e-3 * np.linalg.norm(their)


@pytest.mark.slow
def test_packed_recordings_have_the_relevance_of_padded_ones():
    """With the network's own kernels, and mapped over members."""
    recordings, names = make_recordings(3), tuple(RULES)
    members = jax.tree.map(lambda *leaves: jnp.stack(leaves), make_variables(seed=1), make_variables(seed=2))
    strata, configs = np.arange(3)[:, None], tuple(AttributionConfig(name) for name in names)
    layout = NETWORK.layout(np.asarray(recordings.n_frames)[:, None])
    maps = explain_members(members, recordings, strata, NETWORK, layout, configs).signed_maps
    params = jax.tree.map(lambda leaf: leaf[1], members)["params"]
    inputs, n_frames, emotion = recordings
    case = PlainCase(params, inputs, emotion, jnp.zeros((3, *NODES, 1)), n_frames)
    for name, found in zip(names, maps, strict=True):
        plain = explain_case(case, name)
        assert np.linalg.norm(found[1] - plain) <= 1e-3 * np.linalg.norm(plain), name
