"""Methods of attribution through the whole paper: networks are trained once, all else is made again for each."""

import re
from pathlib import Path

import numpy as np
import pytest
from run_checks import assert_whole
from small_run import QUICK, SMALL_CORPUS, SMALL_NETWORK, assert_refused, finish, start, times

from convcam_jax.attribution import METHODS

pytestmark = pytest.mark.slow

SMALL = (
    *("--seeds=1", *QUICK, *SMALL_CORPUS, "--set=corpus.emotions=anger,sadness"),
    *("--set=sanity.seeds=1", "--set=sanity.shuffled_label_seeds=0", "--set=faithfulness.seeds=1"),
)
BOTH = {("female", "all"), ("male", "all")}
TRANSFORMER = ("--network=spectrogram_transformer",)
GRID = (96, 202)
# Of each family those that ask the network in different ways; every method by itself is tested in test_methods.py.
OF_SIMPLENET = ("shapleycam", "expected_gradients")
OF_TOKENS = [name for name, method in METHODS.items() if method.level == "tokens"]


@pytest.fixture(scope="module")
def simplenet(tmp_path_factory, run_cache_dir) -> Path:
    """The folder of a finished run by the default method."""
    workdir = tmp_path_factory.mktemp("simplenet") / "run"
    finish(workdir, run_cache_dir, *SMALL, *SMALL_NETWORK)
    assert_whole(workdir, BOTH, 1)
    return workdir


@pytest.fixture(scope="module")
def transformer(tmp_path_factory, run_cache_dir) -> Path:
    """The same with a network of attention."""
    workdir = tmp_path_factory.mktemp("transformer") / "run"
    finish(workdir, run_cache_dir, *SMALL, *TRANSFORMER)
    assert_whole(workdir, BOTH, 1)
    assert shapes(workdir) == {(6, 26)}
    return workdir


def trained(workdir: Path) -> dict[str, int]:
    """When each file of the training was written."""
    return times(workdir / "training")


def shapes(workdir: Path) -> set[tuple[int, ...]]:
    """Of the signed maps, without members and recordings."""
    with np.load(workdir / "explanations.npz") as arrays:
        return {arrays[name].shape[2:] for name in arrays if name.startswith("signed_maps_")}


def make_again(workdir: Path, cache_dir: Path, *flags: str) -> None:
    """All but the training, by other settings of the attribution in the same folder."""
    before = trained(workdir)
    assert before
    said = finish(workdir, cache_dir, *SMALL, *flags)
    assert "training round" not in said
    assert "to be made: explanations (attribution." in said
    assert re.search(r"^stage explanations \(", said, re.MULTILINE)
    assert re.search(r"^stage report \(", said, re.MULTILINE)
    assert trained(workdir) == before


@pytest.mark.parametrize("method", OF_SIMPLENET)
def test_methods_of_all_families_explain_simplenet(simplenet, run_cache_dir, method):
    make_again(simplenet, run_cache_dir, *SMALL_NETWORK, f"--set=attribution.method={method}")
    on_input = METHODS[method].level == "input"
    assert_whole(simplenet, BOTH, 1, on_input)
    assert shapes(simplenet) == {GRID if on_input else (90, 47)}


def test_another_layer_of_simplenet(simplenet, run_cache_dir):
    of_a_layer = ("--set=attribution.layer=convolution_2", "--set=attribution.method=scorecam")
    make_again(simplenet, run_cache_dir, *SMALL_NETWORK, *of_a_layer)
    assert_whole(simplenet, BOTH, 1)
    assert shapes(simplenet) == {(92, 98)}


@pytest.mark.parametrize("method", OF_TOKENS)
def test_methods_of_tokens_explain_the_transformer(transformer, run_cache_dir, method):
    make_again(transformer, run_cache_dir, *TRANSFORMER, f"--set=attribution.method={method}")
    assert_whole(transformer, BOTH, 1)
    assert shapes(transformer) == {(6, 26)}


def test_a_method_that_a_network_cannot_offer_is_refused_before_training(tmp_path, run_cache_dir):
    result = start(tmp_path / "w", run_cache_dir, *SMALL, *SMALL_NETWORK, "--set=attribution.method=attention_rollout")
    assert_refused(result, "attention_rollout", "simplenet", "--network=spectrogram_transformer", "gradcam")
    assert not (tmp_path / "w").exists()
