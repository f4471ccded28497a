"""Metrics of explanations beside those of Quantus, on the same arrays and with the same network in PyTorch.

Where Quantus has another definition, ours is brought to it by what it is given: the infidelity of Quantus silences
squares one after the other without restoring them and leaves the scale to its user, its random-logit test takes any
similarity, and its completeness is yes or no.
"""

import sys
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from plain_network import make_plain_case
from reference_simplenet import logits
from small_network import N_BINS, N_CLASSES, N_INPUT_FRAMES

from convcam_jax.checks.explanation_metrics import additivity, concentration, removal, robustness
from convcam_jax.checks.explanation_metrics.explained_recording import ExplainedRecording

pytestmark = [pytest.mark.slow, pytest.mark.peer, pytest.mark.filterwarnings("ignore")]
N, SIDE = 5, 4
N_REGIONS = N_BINS // SIDE * (N_INPUT_FRAMES // SIDE)
CASE = make_plain_case(N)
MAPS = np.random.default_rng(3).normal(size=CASE.spectrograms.shape).astype(np.float32)
QUIET = {"disable_warnings": True, "display_progressbar": False}


@pytest.fixture(scope="module")
def quantus():
    pytest.importorskip("torch", reason="needs torch and quantus")
    # Quantus loads zennit, if it is there, which loads a torchvision; its metrics need neither.
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "zennit"}
    sys.modules["zennit"] = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield pytest.importorskip("quantus", reason="needs torch and quantus")
        finally:
            del sys.modules["zennit"]
            sys.modules |= hidden


def theirs(metric, maps=MAPS, spectrograms=CASE.spectrograms, model=None, **arguments):
    """The values of a metric of Quantus."""
    if model is None:
        from torch_simplenet import torch_simplenet

        model = torch_simplenet(CASE.params)
    arrays = {"x_batch": np.array(spectrograms)[:, None], "a_batch": np.array(maps)[:, None]}
    labels = np.asarray(CASE.emotion)
    common = {"softmax": False, "device": "cpu", "channel_first": True}
    return metric(model=model, y_batch=labels, **arrays, **common, **arguments)


def ours(metric, *others):
    """A metric of one recording with all its cells, of all recordings; `others` are `[N, ...]`."""
    n_frames = jnp.full(N, N_INPUT_FRAMES)
    recordings = ExplainedRecording(CASE.spectrograms, jnp.asarray(MAPS), n_frames, CASE.emotion)
    return np.asarray(jax.jit(jax.vmap(metric))(recordings, *map(jnp.asarray, others)))


def answers(versions):
    return logits(CASE.params, versions)


def test_sparseness_and_complexity(quantus):
    np.testing.assert_allclose(ours(concentration.sparseness), theirs(quantus.Sparseness(**QUIET)), rtol=1e-4)
    np.testing.assert_allclose(ours(concentration.complexity), theirs(quantus.Complexity(**QUIET)), rtol=1e-4)


def test_curves_of_selectivity_and_region_perturbation(quantus):
    zero, shares = jnp.zeros(MAPS.shape[1:]), np.arange(1, N_REGIONS + 1) / N_REGIONS
    curves = ours(lambda own: removal.removal_curve(answers, own, zero, shares, jax.random.key(0), SIDE))
    own = {"patch_size": SIDE, "perturb_baseline": "black", "normalise": False, **QUIET}
    np.testing.assert_allclose(curves, theirs(quantus.Selectivity(**own)), rtol=1e-3, atol=1e-3)
    before = np.asarray(answers(CASE.spectrograms))[np.arange(N), CASE.emotion]
    falls = theirs(quantus.RegionPerturbation(**own, regions_evaluation=N_REGIONS))
    np.testing.assert_allclose(before[:, None] - curves, falls, rtol=1e-3, atol=1e-3)


def test_noisy_linear_imputation(quantus):
    from quantus.functions.perturb_func import noisy_linear_imputation

    removed = np.asarray(MAPS[0] > -0.5)
    [expected] = noisy_linear_imputation(np.array(CASE.spectrograms[:1]), np.flatnonzero(removed), noise=0.0)
    present = jnp.ones(removed.shape, bool)
    zero = jnp.zeros(removed.shape)
    found = removal.noisy_linear_imputation(CASE.spectrograms[0], jnp.asarray(removed), present, zero)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_road(quantus):
    zero, key = jnp.zeros(MAPS.shape[1:]), jax.random.key(0)
    own = {
        "percentages": (100 * removal.ROAD_SHARES).round().astype(int).tolist(),
        "noise": 0.0,
        "normalise": False,
        **QUIET,
    }
    by_percentage = theirs(quantus.ROAD(**own))
    found = ours(lambda own: removal.road(answers, own, zero, key))
    assert 0 < found.mean() < 1
    assert found.mean() == pytest.approx(np.mean(list(by_percentage.values())), abs=1e-6)


def test_infidelity(quantus):
    def loss(a, b, batched):
        return np.array([additivity.scaled_error(jnp.asarray(x), jnp.asarray(y)) for x, y in zip(a, b, strict=True)])

    own = {"perturb_patch_sizes": [SIDE], "n_perturb_samples": 1, "perturb_baseline": "black", "normalise": False}
    expected = theirs(quantus.Infidelity(loss_func=loss, **own, **QUIET))
    # Quantus does not restore what it has taken away.
    taken_away = [np.cumsum(additivity.silenced_squares(one, SIDE), axis=0) for one in CASE.spectrograms]
    found = ours(lambda recording, taken: additivity.infidelity(answers, recording, taken), np.stack(taken_away))
    np.testing.assert_allclose(found, expected, rtol=1e-3)


@pytest.mark.parametrize("name", ["MaxSensitivity", "LocalLipschitzEstimate"])
def test_robustness(quantus, name):
    """The map is the square of the input, weighted, at the versions that Quantus draws."""
    drawn = []

    def explain(model, inputs, targets, **_):
        drawn.append(np.array(inputs)[:, 0])
        return MAPS[:, None] * np.asarray(inputs) ** 2

    maps = MAPS * np.asarray(CASE.spectrograms) ** 2
    np.random.seed(0)  # noqa: NPY002, from whose state Quantus draws
    metric = getattr(quantus, name)(nr_samples=3, normalise=False, **QUIET)
    expected = theirs(metric, maps, explain_func=explain)
    noisy = np.stack(drawn[-3:], axis=1)
    noisy_maps = MAPS[:, None] * noisy**2
    if name == "MaxSensitivity":
        found = jax.vmap(robustness.max_sensitivity)(jnp.asarray(maps), jnp.asarray(noisy_maps))
    else:
        arrays = map(jnp.asarray, (maps, noisy_maps, CASE.spectrograms, noisy))
        found = jax.vmap(robustness.local_lipschitz)(*arrays)
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_random_logit(quantus):
    from quantus.functions.similarity_func import correlation_pearson

    weights = np.random.default_rng(5).normal(size=(N_CLASSES, *MAPS.shape[1:])).astype(np.float32)
    asked = []

    def explain(model, inputs, targets, **_):
        asked.append(np.asarray(targets))
        return (weights[np.asarray(targets)] + MAPS)[:, None]

    maps = weights[np.asarray(CASE.emotion)] + MAPS
    metric = quantus.RandomLogit(similarity_func=correlation_pearson, num_classes=N_CLASSES, normalise=False, **QUIET)
    expected = theirs(metric, maps, explain_func=explain)
    assert (asked[-1] != np.asarray(CASE.emotion)).all()
    others = jnp.asarray(weights[asked[-1]] + MAPS)
    found = jax.vmap(robustness.random_logit)(jnp.asarray(maps), others, jnp.ones(maps.shape, bool))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_completeness(quantus):
    """Quantus says whether a map is complete: one of whole numbers is exactly, and one that is 1 off is not."""
    import torch

    generator = np.random.default_rng(7)
    slopes = generator.integers(-3, 4, (N_CLASSES, *MAPS.shape[1:])).astype(np.float32)
    spectrograms = generator.integers(0, 3, MAPS.shape).astype(np.float32)
    layer = torch.nn.Linear(slopes[0].size, N_CLASSES, bias=False)
    layer.weight.data = torch.tensor(slopes.reshape(N_CLASSES, -1))
    model = torch.nn.Sequential(torch.nn.Flatten(), layer).eval()
    complete = slopes[np.asarray(CASE.emotion)] * spectrograms
    off = complete.copy()
    off[1:, 0, 0] += 1
    metric = quantus.Completeness(normalise=False, abs=False, perturb_baseline=0.0, **QUIET)

    def linear(versions):
        return jnp.einsum("pft,cft->pc", versions, slopes)

    for maps in (complete, off):
        gaps = [
            additivity.completeness(
                linear,
                ExplainedRecording(*map(jnp.asarray, (spectrogram, own, N_INPUT_FRAMES, emotion))),
                jnp.asarray(own),
            )
            for spectrogram, own, emotion in zip(spectrograms, maps, CASE.emotion, strict=True)
        ]
        np.testing.assert_array_equal(np.array(gaps) == 0, theirs(metric, maps, spectrograms, model))
