"""Methods by rules on the small residual network, which asks where it is silent: captum, closed forms, sums."""

from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_case import linear, scored_by

from convcam_jax.attribution.config import AttributionConfig
from convcam_jax.attribution.explaining import explain_members
from convcam_jax.attribution.method import Baseline
from convcam_jax.attribution.propagation.full_grad import shares
from convcam_jax.data.recordings import Batch, Recordings
from convcam_jax.networks.network import Variables
from convcam_jax.networks.resnet_small import EPSILON, ResNetSmallConfig

CONFIG = ResNetSmallConfig(filters=(3, 4, 5))
N_BINS, N_CLASSES = 16, 3
# Columns of the last part are four frames: the second recording leaves none over, the first one does.
N_FRAMES = (21, 16)
NETWORK = CONFIG.make(N_CLASSES)


class Case(NamedTuple):
    """Variables of one member, and recordings."""

    variables: Variables
    recordings: Recordings


@cache
def make_case(n_frames: tuple[int, ...] = N_FRAMES, offset: float = 0.3) -> Case:
    """Recordings without a silent frame; variables as after training, with offsets and means of about `offset`."""
    rng = np.random.default_rng(0)
    spectrograms = np.zeros((len(n_frames), N_BINS, max(n_frames)), np.float32)
    for place, own in enumerate(n_frames):
        spectrograms[place, :, :own] = np.random.default_rng(place).exponential(size=(N_BINS, own))
    start = jax.jit(NETWORK.init, static_argnums=1)(jax.random.key(3), (N_BINS, 20))

    def trained(path: tuple, leaf: jax.Array) -> jax.Array:
        kind = path[-1].key
        if kind in ("offset", "mean"):
            return jnp.asarray(rng.normal(0, offset, leaf.shape), jnp.float32)
        # Little is lost on the way, so that gradients are around 1.
        return 3 * leaf if kind == "scale" else leaf

    variables = jax.tree_util.tree_map_with_path(trained, start)
    emotion = jnp.arange(len(n_frames)) % N_CLASSES
    return Case(variables, Recordings(jnp.asarray(spectrograms), jnp.asarray(n_frames), emotion))


def explain(case: Case, *names: str, baseline: Baseline = "silence") -> tuple[list[np.ndarray], np.ndarray]:
    """Maps `[N, F, T]` by each method, and the logits `[N, C]`."""
    members = jax.tree.map(lambda leaf: leaf[None], case.variables)
    strata = np.arange(len(case.recordings.n_frames))[:, None]
    layout = NETWORK.layout(np.asarray(case.recordings.n_frames)[:, None])
    configs = tuple(AttributionConfig(name, target="truth", baseline=baseline) for name in names)
    found = explain_members(members, case.recordings, strata, NETWORK, layout, configs)
    return [own[0] for own in found.signed_maps], found.logits[0]


def assert_close(own: np.ndarray, expected: np.ndarray) -> None:
    assert np.linalg.norm(own - expected) <= 1e-3 * np.linalg.norm(expected)


def explained_logits(case: Case, logits: np.ndarray) -> np.ndarray:
    return logits[np.arange(len(logits)), np.asarray(case.recordings.emotion)]


def test_epsilon_lrp_is_the_input_times_the_gradient_where_all_bends_are_relus():
    """Ancona et al., ICLR 2018, proposition 1."""
    [own, expected], _ = explain(make_case(), "epsilon_lrp", "gradient_x_input")
    assert_close(own, expected)


@pytest.mark.slow
def test_without_offsets_relevance_is_the_logit():
    case = make_case(offset=0.0)
    maps, logits = explain(case, "gamma_lrp", "composite_lrp")
    for own in maps:
        np.testing.assert_allclose(own.sum((1, 2)), explained_logits(case, logits), rtol=1e-3)


def logits_of(case: Case, spectrograms: jax.Array) -> np.ndarray:
    """What the network says of other cells, explained classes alone `[N]`."""
    recordings = case.recordings
    layout = NETWORK.layout(np.asarray(recordings.n_frames)[:, None])
    found = jax.jit(lambda own: NETWORK.logits(case.variables, Batch(own, recordings.n_frames), layout)[0])(
        spectrograms
    )
    return explained_logits(case, np.asarray(found))


@pytest.mark.slow
@pytest.mark.parametrize("baseline", ["silence", "mean"])
def test_what_deep_lift_gives_is_what_the_logit_gains_where_the_recording_sounds(baseline):
    """Nothing sounds in silence by itself: the logits would be 0. Where the recording sounds, offsets are heard."""
    case = make_case()
    recordings = case.recordings
    [own], logits = explain(case, "deep_lift", baseline=baseline)
    if baseline == "silence":
        # Too quiet to count, and not silent.
        compared = 1e-9 * recordings.spectrograms
    else:
        mean = recordings.spectrograms.sum((0, 2)) / sum(N_FRAMES)
        present = np.arange(recordings.spectrograms.shape[2]) < np.asarray(recordings.n_frames)[:, None, None]
        compared = mean[None, :, None] * present
    of_baseline = logits_of(case, compared)
    assert np.abs(of_baseline).min() > 0.01
    gained = explained_logits(case, logits) - of_baseline
    np.testing.assert_allclose(own.sum((1, 2)), gained, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
def test_silence_inside_of_a_recording_has_no_relevance_and_takes_none():
    case = make_case()
    silent = case.recordings._replace(spectrograms=case.recordings.spectrograms.at[:, :, :8].set(0))
    case = case._replace(recordings=silent)
    [own], logits = explain(case, "deep_lift")
    gained = explained_logits(case, logits) - logits_of(case, 1e-9 * silent.spectrograms)
    np.testing.assert_allclose(own.sum((1, 2)), gained, rtol=1e-3, atol=1e-3)
    assert not own[:, :, :8].any()


def test_the_parts_of_input_and_offsets_sum_to_the_logit():
    variables, recordings = make_case()
    layout = NETWORK.layout(np.asarray(recordings.n_frames)[:, None])

    def classify(spectrograms: jax.Array) -> jax.Array:
        return NETWORK.logits(variables, Batch(spectrograms, recordings.n_frames), layout)[0]

    explained = scored_by(linear)._replace(
        spectrograms=recordings.spectrograms,
        targets=recordings.emotion,
        classify=classify,
        n_frames=recordings.n_frames,
    )
    parts = jax.jit(lambda: shares(explained, lambda part: part))()
    logits = jax.jit(classify)(recordings.spectrograms)[np.arange(2), recordings.emotion]
    of_input, of_offsets = (np.asarray(own.sum((1, 2))) for own in parts)
    assert np.abs(of_offsets).min() > 0.01
    np.testing.assert_allclose(of_input + of_offsets, logits, rtol=1e-3, atol=1e-3)


def torch_network(variables: Variables) -> Any:
    """PyTorch's, of the same weights."""
    torch = pytest.importorskip("torch", reason="needs torch")
    from convcam_jax.benchmark.peer_networks.pytorch_own_networks import ResNetSmall

    def put(into: Any, values: jax.Array, axes: tuple[int, ...] = (0,)) -> None:
        into.data = torch.tensor(np.transpose(np.asarray(values), axes).copy())

    network = ResNetSmall(CONFIG, N_BINS, N_CLASSES).eval()
    for name, part in zip(("convolution_1", "block_1", "block_2"), network.parts, strict=True):
        layers = {"convolution": (part.first[0], part.first[2])}
        if part.residual is not None:
            layers |= {f"residual_{i + 1}": (part.residual[3 * i], part.residual[3 * i + 1]) for i in range(2)}
        for layer, (convolution, normalisation) in layers.items():
            params, moments = (variables[kind][name][layer] for kind in ("params", "batch_stats"))
            put(convolution.weight, params["kernel"], (3, 2, 0, 1))
            put(normalisation.weight, params["scale"])
            put(normalisation.bias, params["offset"])
            put(normalisation.running_mean, moments["mean"])
            put(normalisation.running_var, moments["variance"])
            normalisation.eps = EPSILON
    kernel = variables["params"]["output"]["kernel"]
    by_row = (kernel - kernel.mean(1, keepdims=True)).reshape(-1, CONFIG.filters[-1], N_CLASSES)
    put(network.output.weight, jnp.swapaxes(by_row, 0, 1).reshape(-1, N_CLASSES), (1, 0))
    return network


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["guided_backpropagation", "deconvolution"])
def test_maps_are_those_of_captum(name):
    case = make_case(n_frames=(20, 16))
    network = torch_network(case.variables)
    torch, captum = pytest.importorskip("torch"), pytest.importorskip("captum.attr", reason="needs captum")
    kind = {"guided_backpropagation": captum.GuidedBackprop, "deconvolution": captum.Deconvolution}[name]
    [maps], logits = explain(case, name)
    for own, of_own, values, n_frames, emotion in zip(maps, logits, *case.recordings, strict=True):
        image = torch.tensor(np.asarray(values[:, : int(n_frames)]))[None, None].requires_grad_()
        np.testing.assert_allclose(network(image).detach().numpy()[0], of_own, rtol=1e-3, atol=1e-4)
        their = kind(network).attribute(image, target=int(emotion))
        assert_close(own[:, : int(n_frames)], their.detach().numpy()[0, 0])


@pytest.mark.slow
def test_a_recording_is_explained_alike_alone_and_beside_others():
    names = ("guided_backpropagation", "composite_lrp", "full_grad")
    together, _ = explain(make_case(), *names)
    alone, _ = explain(make_case(N_FRAMES[:1]), *names)
    for of_both, of_one in zip(together, alone, strict=True):
        assert_close(of_both[0], of_one[0])
        assert not of_both[1, :, N_FRAMES[1] :].any()
