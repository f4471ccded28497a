"""What a GPU computes, against this machine's CPU: pytest -m gpu. Without a GPU all of it is skipped."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_run import as_for_users

from convcam_jax.attribution.config import AttributionConfig
from convcam_jax.attribution.explaining import explain_members
from convcam_jax.data import batches
from convcam_jax.data.members import Member
from convcam_jax.data.recordings import Recordings
from convcam_jax.networks import NETWORKS
from convcam_jax.splits.protocol import ONLY_FOLD
from convcam_jax.system.jax_setup import prepare_jax
from convcam_jax.training.config import TrainConfig
from convcam_jax.training.ensemble import init_round, member_keys, step_program
from convcam_jax.training.optimizer import Learning

GRID = 96, 120
N_FRAMES = np.array([120, 101, 77, 64, 43, 30], np.int32)
N_MEMBERS, N_CLASSES = 3, 6
METHODS = ("gradcam", "layercam", "integrated_gradients")
# Filters enough for every way in which a convolution is computed.
CONFIGS = {"simplenet": {"filters": (16, 32, 32), "dense_units": 16}, "mobilenet": {"width": 0.25}}
# The norm of the difference over that of the CPU's. Maps are computed in float32; roundings change which of several
# values is the largest in a window, and so which nodes the gradients reach.
TOLERANCE_OF_MAPS = 1e-3
# Of a first step, in which a GPU rounds factors of float32 to TF32.
TOLERANCE_OF_LOSS = {"float32": 5e-3, "bfloat16": 1e-2}
# Of SimpleNet's. MobileNet's is ill-conditioned, since so few recordings are normalised by themselves: on a CPU,
# factors in bfloat16 change it by as much as it is.
TOLERANCE_OF_GRADIENT = {"float32": 5e-2, "bfloat16": 1e-1}


def _recordings() -> Recordings:
    rng = np.random.default_rng(0)
    sounding = np.arange(GRID[1]) < N_FRAMES[:, None, None]
    spectrograms = np.where(sounding, rng.gamma(1.0, 0.1, (len(N_FRAMES), *GRID)), 0.0)
    return Recordings(
        jnp.asarray(spectrograms, jnp.float32), jnp.asarray(N_FRAMES), jnp.arange(len(N_FRAMES), dtype=jnp.int32)
    )


def _network(name: str, precision: str):
    return NETWORKS[name](**CONFIGS[name]).make(N_CLASSES, precision)


def _first_step(name: str, precision: str) -> dict[str, np.ndarray]:
    """The members' losses, and Adam's first moment of all parameters, which is a tenth of the gradient."""
    recordings, network, config = _recordings(), _network(name, precision), TrainConfig()
    members = tuple(Member("all", ONLY_FOLD, seed) for seed in range(N_MEMBERS))
    state = init_round(members, network, config, GRID)
    step = step_program(N_MEMBERS, network.layout(N_FRAMES[:, None]), network, Learning(config.learning_rate))
    batch = jnp.tile(jnp.arange(len(N_FRAMES)), (N_MEMBERS, 1))
    state, scores = step(member_keys(members), state, recordings, batch, jnp.asarray(0))
    moments = [np.asarray(leaf).ravel() for leaf in jax.tree.leaves(state.optimizer_state[0].mu)]
    return {"loss": np.asarray(scores.loss), "gradient": np.concatenate(moments)}


def _maps(name: str) -> dict[str, np.ndarray]:
    network = _network(name, "float32")
    members = tuple(Member("all", ONLY_FOLD, seed) for seed in range(N_MEMBERS))
    variables = jax.device_get(init_round(members, network, TrainConfig(), GRID).variables)
    strata, layout = batches.tested_strata(N_FRAMES, {"all": np.arange(len(N_FRAMES))}, "all", 4, network.layout)
    configs = tuple(AttributionConfig(method=method) for method in METHODS)
    found = explain_members(variables, _recordings(), strata, network, layout, configs)
    return {**dict(zip(METHODS, found.signed_maps, strict=True)), "logits": found.logits}


def _all_results() -> dict[str, np.ndarray]:
    steps = {f"{n}/{p}/{k}": v for n in CONFIGS for p in TOLERANCE_OF_LOSS for k, v in _first_step(n, p).items()}
    return steps | {f"{n}/{what}": array for n in CONFIGS for what, array in _maps(n).items()}


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The GPU's and the CPU's."""
    if jax.default_backend() != "gpu":
        pytest.skip("needs a GPU")
    folder = tmp_path_factory.mktemp("gpu")
    return _by_own_process(folder / "gpu.npz", "cuda"), _by_own_process(folder / "cpu.npz", "cpu")


def _by_own_process(path: Path, platform: str) -> dict[str, np.ndarray]:
    search = os.pathsep.join([str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    environment = {**as_for_users(), "JAX_PLATFORMS": platform, "PYTHONPATH": search}
    subprocess.run([sys.executable, __file__, str(path)], check=True, env=environment)
    with np.load(path) as arrays:
        return dict(arrays)


def _relative_difference(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


@pytest.mark.slow
def test_what_is_compared_can_be_computed_on_a_cpu():
    """So that a machine without a GPU tells when the rest of this file no longer fits the program."""
    if jax.default_backend() != "cpu":
        pytest.skip("is for machines without a GPU")
    results = {**_first_step("mobilenet", "float32"), **_maps("mobilenet")}
    assert set(results) == {"loss", "gradient", "logits", *METHODS}
    assert all(np.isfinite(array).all() and array.any() for array in results.values())


@pytest.mark.gpu
@pytest.mark.parametrize("precision", list(TOLERANCE_OF_LOSS))
@pytest.mark.parametrize("network", list(CONFIGS))
def test_loss_and_gradient_of_a_step_are_the_cpus(results, network, precision):
    differences = {}
    for what in ("loss", "gradient"):
        on_gpu, on_cpu = (own[f"{network}/{precision}/{what}"] for own in results)
        assert np.all(np.isfinite(on_gpu))
        assert np.any(on_cpu)
        differences[what] = _relative_difference(on_gpu, on_cpu)
    assert differences["loss"] < TOLERANCE_OF_LOSS[precision], differences
    if network == "simplenet":
        assert differences["gradient"] < TOLERANCE_OF_GRADIENT[precision], differences


@pytest.mark.gpu
@pytest.mark.parametrize("what", [*METHODS, "logits"])
@pytest.mark.parametrize("network", list(CONFIGS))
def test_maps_and_logits_are_the_cpus(results, network, what):
    on_gpu, on_cpu = (own[f"{network}/{what}"] for own in results)
    assert np.any(on_cpu)
    assert _relative_difference(on_gpu, on_cpu) < TOLERANCE_OF_MAPS


if __name__ == "__main__":
    prepare_jax(Path(sys.argv[1]).parent)
    np.savez(sys.argv[1], **_all_results())
