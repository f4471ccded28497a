import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_network import MODEL, N_BINS, N_CLASSES, N_INPUT_FRAMES, make_params, make_recordings

from convcam_jax.analysis import analyse, placed_maps, simplenet_placement
from convcam_jax.assessment import assessment_program, make_assessed_set
from convcam_jax.batches import stratify, strip_columns
from convcam_jax.config import AnalysisConfig, CamConfig, Config
from convcam_jax.dataset import AnalysisArrays
from convcam_jax.explaining import explain_group
from convcam_jax.overrides import apply_overrides

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


@pytest.mark.parametrize("cam", [CamConfig(), CamConfig(target="predicted", score="softmax")])
def test_one_program_gives_what_the_steps_of_a_run_give(cam):
    params = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(make_params(seed=seed) for seed in (1, 2, 3)))
    arrays, placement, analysis = make_arrays(), simplenet_placement(CONFIG), AnalysisConfig()
    strata = stratify(N_FRAMES, CHOSEN, n_steps=2, n_strata=4)
    n_columns = strip_columns(N_FRAMES, strata)
    program = assessment_program(3, strata.shape[1], MODEL, n_columns, cam, analysis)
    assessed = program(params, make_assessed_set(RECORDINGS, strata, arrays, BIN_HZ, placement))

    (signed_maps,), logits = explain_group(params, RECORDINGS, strata, MODEL, n_columns, (cam,))
    maps = placed_maps(signed_maps, arrays.n_frames, placement)
    correct = logits.argmax(-1) == arrays.emotion
    expected = analyse(maps, correct, arrays, BIN_HZ, N_CLASSES, analysis)
    np.testing.assert_allclose(assessed.logits, logits, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(assessed.masks, expected.masks, atol=1e-5)
    assert np.count_nonzero(expected.masks) > 100
    for name, values in assessed.metrics._asdict().items():
        np.testing.assert_allclose(values, expected.metrics._asdict()[name], rtol=2e-4, atol=1e-6, err_msg=name)
