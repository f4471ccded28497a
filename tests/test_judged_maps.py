"""Maps of one network beside their controls, and their metrics as one program."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toy_network import GRID, TOY, toy_recordings, toy_variables, variables_of

from convcam_jax.checks.evidence.scoring import MemberMaps
from convcam_jax.checks.explanation_metrics import concentration, removal, robustness
from convcam_jax.checks.explanation_metrics.explained_recording import ExplainedRecording
from convcam_jax.checks.explanation_metrics.judged_maps import (
    NOISE_SHARE,
    JudgedMaps,
    Version,
    judged_maps,
    metrics_of_maps,
    with_noise,
)
from convcam_jax.checks.explanation_metrics.metric_list import EXPLANATION_METRICS
from convcam_jax.data.recordings import Batch

N = 3
RECORDINGS = toy_recordings(N)
N_FRAMES = np.asarray(RECORDINGS.n_frames)
PRESENT = np.arange(GRID[1]) < N_FRAMES[:, None, None]
SEED = 5


def make_judged() -> JudgedMaps:
    """Two methods of two networks: the recordings, two versions with noise, and another class."""
    generator = np.random.default_rng(1)
    spectrograms = np.asarray(RECORDINGS.spectrograms)
    given = [spectrograms, *(with_noise(RECORDINGS, version) for version in range(2)), spectrograms]

    def make_maps() -> np.ndarray:
        return generator.uniform(size=(2, N, *GRID)) * PRESENT[None]

    versions = [
        Version(own, [MemberMaps("one", "stretched", make_maps(), make_maps()), MemberMaps("two", "none", *make_pair)])
        for own in given
        for make_pair in [(make_maps(), make_maps())]
    ]
    sums = [(np.full((2, N), trained), np.full((2, N), trained + 1)) for trained in (10.0, 20.0)]
    return judged_maps(1, SEED, versions, sums, N_FRAMES)


def test_noise_lies_in_the_cells_and_is_small_and_another_one_each_time():
    first, again, other = (with_noise(RECORDINGS, version) for version in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    change = first - np.asarray(RECORDINGS.spectrograms)
    assert not change[~np.broadcast_to(PRESENT, change.shape)].any()
    peak = np.asarray(RECORDINGS.spectrograms).max((1, 2))
    assert np.abs(change).max((1, 2)) == pytest.approx(NOISE_SHARE * peak, rel=0.05)
    assert (other != first).any()


def test_every_map_has_its_controls_in_every_version():
    judged = make_judged()
    of_methods = [
        (*way, source)
        for way in (("one", "stretched"), ("two", "none"))
        for source in ("network", "random_weights", "shifted")
    ]
    assert judged.names == [*of_methods, ("none", "none", "energy"), ("none", "none", "random")]
    assert judged.maps.shape == (4, N, 8, *GRID)
    np.testing.assert_array_equal(judged.signed_sums[0, :6], [10, 11, 10, 20, 21, 20])
    assert np.isnan(judged.signed_sums[:, 6:]).all()
    assert not judged.maps[~np.broadcast_to(PRESENT[:, None], judged.maps.shape)].any()
    energy = judged.spectrograms**2
    np.testing.assert_allclose(judged.maps[:, :, 6], energy / energy.max(axis=(2, 3), keepdims=True), rtol=1e-6)
    np.testing.assert_array_equal(judged.maps[:, :, 7], np.broadcast_to(judged.maps[0, :, 7], (4, N, *GRID)))


def test_a_map_is_shifted_alike_in_all_versions():
    maps = make_judged().maps
    for n, frames in enumerate(N_FRAMES.tolist()):
        own, moved = (maps[:, n, m, :, :frames] for m in (0, 2))
        fits = [
            move for move in np.ndindex(own.shape[1:]) if np.array_equal(np.roll(own[0], move, axis=(0, 1)), moved[0])
        ]
        [move] = fits
        assert move != (0, 0)
        for version in range(1, 4):
            np.testing.assert_array_equal(np.roll(own[version], move, axis=(0, 1)), moved[version])


@pytest.mark.slow
def test_the_program_computes_each_map_as_alone():
    judged, variables = make_judged(), variables_of(toy_variables(), 0)
    found = metrics_of_maps(variables, SEED, RECORDINGS, judged, TOY)
    assert set(found) == set(EXPLANATION_METRICS)
    assert {values.shape for values in found.values()} == {(N, 8)}
    assert np.isnan(found["completeness"][:, 6:]).all()

    def answers(versions):
        return TOY.logits(variables, Batch(versions, jnp.full(len(versions), n_frames)), 0)[0]

    for n, m in ((0, 0), (1, 4), (2, 6)):
        n_frames = RECORDINGS.n_frames[n]
        own = jnp.asarray(judged.maps[0, n, m])
        recording = ExplainedRecording(RECORDINGS.spectrograms[n], own, n_frames, RECORDINGS.emotion[n])
        noisy_maps = jnp.asarray(judged.maps[1:3, n, m])
        alone = {
            "sparseness": concentration.sparseness(recording),
            # Of these maps no two regions are equal, so that their order is not drawn.
            "selectivity": removal.selectivity(answers, recording, jax.random.key(0)),
            "max_sensitivity": robustness.max_sensitivity(own, noisy_maps),
            "random_logit": robustness.random_logit(own, jnp.asarray(judged.maps[3, n, m]), recording.present),
        }
        for name, value in alone.items():
            assert found[name][n, m] == pytest.approx(float(value), rel=1e-4, abs=1e-5), name
    # What is drawn is that of the seed, whatever other maps there are.
    fewer = judged._replace(maps=judged.maps[:, :, :1], signed_sums=judged.signed_sums[:, :1])
    again = metrics_of_maps(variables, SEED, RECORDINGS, fewer, TOY)
    for name in ("road", "region_perturbation"):
        np.testing.assert_allclose(again[name][:, 0], found[name][:, 0], rtol=1e-5, atol=1e-6)
    other = metrics_of_maps(variables, SEED + 1, RECORDINGS, fewer, TOY)
    assert (np.abs(other["region_perturbation"] - again["region_perturbation"]) > 1e-4).all()
