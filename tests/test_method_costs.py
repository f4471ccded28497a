"""What a method of attribution costs: which are measured, what is divided by what, and the file of a run."""

import dataclasses
import types

import jax
import numpy as np
import pytest
from small_network import NETWORK, make_recordings, make_variables

from convcam_jax.attribution import METHODS
from convcam_jax.attribution.config import AttributionConfig
from convcam_jax.benchmark import method_costs
from convcam_jax.benchmark.method_costs import Cost, measure_method, methods_for
from convcam_jax.networks.crnn import CRNNConfig
from convcam_jax.networks.spectrogram_transformer import SpectrogramTransformerConfig
from convcam_jax.settings.config import Config

RECORDINGS = make_recordings(8)
OF_ATTENTION = {"attention_rollout", "attention_relevance"}


@pytest.mark.parametrize(
    ("network", "absent"),
    [
        (Config().network, OF_ATTENTION),
        (CRNNConfig(), OF_ATTENTION),
        (SpectrogramTransformerConfig(), set()),
    ],
    ids=["simplenet", "crnn", "transformer"],
)
def test_all_methods_that_a_network_has_are_measured(network, absent):
    assert set(METHODS) - set(methods_for(dataclasses.replace(Config(), network=network))) == absent


def measured(method: str, n_members: int = 2, n_recordings: int = 4) -> Cost:
    members = [make_variables(seed=seed) for seed in range(n_members)]
    variables = jax.tree.map(lambda *leaves: np.stack(leaves), *members)
    batch = np.arange(n_recordings)
    layout = NETWORK.layout(np.asarray(RECORDINGS.n_frames)[:n_recordings, None])
    return measure_method("simplenet", variables, RECORDINGS, batch, NETWORK, layout, AttributionConfig(method=method))


def test_seconds_are_those_of_one_map(monkeypatch):
    # After 8 and 16 s there is no time for a third run.
    times_s = iter([0.0, 8.0, 10.0, 26.0])
    monkeypatch.setattr(method_costs, "time", types.SimpleNamespace(perf_counter=lambda: next(times_s)))
    found = measured("gradcam")
    assert found[:4] == ("simplenet", "gradcam", 2, 4)
    assert found[4:7] == (1.5, 1.0, 2.0)


def test_quick_methods_are_run_three_times(monkeypatch):
    times_s = iter([0.0, 0.1, 1.0, 1.3, 2.0, 2.2])
    monkeypatch.setattr(method_costs, "time", types.SimpleNamespace(perf_counter=lambda: next(times_s)))
    assert measured("gradcam", 1, 2)[4:7] == pytest.approx((0.1, 0.05, 0.15))


def test_memory_grows_with_the_recordings():
    few, many = (measured("saliency", 1, n).program_bytes for n in (2, 8))
    # At least the gradient of every input, in float32.
    assert few > 2 * 12 * 40 * 4
    assert many > few
