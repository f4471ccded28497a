import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_network import MODEL, N_BINS, N_CLASSES, N_INPUT_FRAMES, make_params, make_recordings

from convcam_jax.attribution.explaining import Explanations, explain_group
from convcam_jax.data.batches import stratify, strip_columns
from convcam_jax.data.dataset import AnalysisArrays
from convcam_jax.measures.analysis import analyse, placed_maps, simplenet_placement
from convcam_jax.measures.assessment import Assessment, assessment_program, make_assessed_set
from convcam_jax.settings.config import AnalysisConfig, CamConfig, Config
from convcam_jax.settings.overrides import apply_overrides

RECORDINGS = make_recordings(12)
N_FRAMES = np.asarray(RECORDINGS.n_frames)
# Not in order, and not all of them.
CHOSEN = np.array([9, 2, 7, 0, 11, 4, 5])
BIN_HZ = 100.0 * 2 ** (np.arange(N_BINS) / 12)
CONFIG = apply_overrides(Config(), [f"features.cqt_bins={N_BINS}", f"corpus.max_frames={N_INPUT_FRAMES}"])


def make_arrays() -> AnalysisArrays:
    generator = np.random.default_rng(0)
    own = np.sort(CHOSEN)
    inside = np.arange(N_INPUT_FRAMES) < N_FRAMES[own][:, None]
    voiced = inside & (generator.random(inside.shape) < 0.6)
    return AnalysisArrays(
        cqt=np.asarray(RECORDINGS.spectrograms)[own],
        energy=(generator.random(inside.shape) * inside).astype(np.float32),
        f0_hz=np.where(voiced, generator.uniform(90, 300, inside.shape), 0).astype(np.float32),
        voiced=voiced,
        n_frames=N_FRAMES[own],
        emotion=np.asarray(RECORDINGS.emotion)[own],
    )


def assess_and_explain(n_members: int, cam: CamConfig) -> tuple[Assessment, Explanations]:
    """The same members by one program and by the first step of a run."""
    params = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(make_params(seed=1 + i) for i in range(n_members)))
    strata = stratify(N_FRAMES, CHOSEN, n_steps=2, n_strata=4)
    n_columns = strip_columns(N_FRAMES, strata)
    program = assessment_program(n_members, strata.shape[1], MODEL, n_columns, cam, AnalysisConfig())
    assessed_set = make_assessed_set(RECORDINGS, strata, make_arrays(), BIN_HZ, simplenet_placement(CONFIG))
    return program(params, assessed_set), explain_group(params, RECORDINGS, strata, MODEL, n_columns, (cam,))


@pytest.mark.parametrize("cam", [CamConfig(), CamConfig(target="predicted", score="softmax")])
def test_one_program_gives_what_the_steps_of_a_run_give(cam):
    arrays, placement, analysis = make_arrays(), simplenet_placement(CONFIG), AnalysisConfig()
    assessed, ((signed_maps,), logits) = assess_and_explain(3, cam)
    maps = placed_maps(signed_maps, arrays.n_frames, placement)
    correct = logits.argmax(-1) == arrays.emotion
    expected = analyse(maps, correct, arrays, BIN_HZ, N_CLASSES, analysis)
    np.testing.assert_allclose(assessed.logits, logits, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(assessed.masks, expected.masks, atol=1e-5)
    assert np.count_nonzero(expected.masks) > 100
    for name, values in assessed.metrics._asdict().items():
        np.testing.assert_allclose(values, expected.metrics._asdict()[name], rtol=2e-4, atol=1e-6, err_msg=name)


# On four devices: two members by two batches on a mesh of 2 x 2, five members by two batches on one of 1 x 2.
_ON_FOUR_DEVICES = """
import sys, jax, numpy as np
assert jax.device_count() == 4
from convcam_jax.ensemble import member_and_recording_mesh as mesh
import test_assessment as t
shapes = [mesh(*sizes).devices.shape for sizes in ((3, 2), (2, 2), (3, 4), (4, 3), (6, 4), (5, 3), (5, 5))]
assert shapes == [(3, 1), (2, 2), (1, 4), (4, 1), (2, 2), (1, 3), (1, 1)], shapes
results = {}
for n_members in (2, 5):
    assessed, explained = t.assess_and_explain(n_members, t.CamConfig())
    leaves = jax.tree.leaves((assessed, explained))
    results |= {f"{n_members} {i}": np.asarray(leaf) for i, leaf in enumerate(leaves)}
np.savez(sys.argv[1], **results)
"""


@pytest.mark.slow
def test_members_and_recordings_on_four_devices_equal_those_on_one(tmp_path):
    tests = Path(__file__).parent
    environment = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
        "PYTHONPATH": f"{tests.parent}{os.pathsep}{tests}",
    }
    subprocess.run([sys.executable, "-c", _ON_FOUR_DEVICES, str(tmp_path / "four.npz")], check=True, env=environment)
    with np.load(tmp_path / "four.npz") as four:
        for n_members in (2, 5):
            for index, leaf in enumerate(jax.tree.leaves(assess_and_explain(n_members, CamConfig()))):
                np.testing.assert_allclose(four[f"{n_members} {index}"], leaf, rtol=1e-4, atol=1e-5)
