"""What is compared with what in the sanity checks, for maps of nodes and maps on the grid of the input."""

from pathlib import Path

import numpy as np
import pytest
from toy_network import BANDS, GRID, N_CLASSES, TOY

from convcam_jax.attribution import METHODS
from convcam_jax.attribution.placement import placed_maps, placement_of
from convcam_jax.checks.sanity.comparison import Compared, another_seed, compare, shuffled, themselves
from convcam_jax.checks.sanity.sanity_tables import conditions_of
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.data.arrays import AnalysisArrays
from convcam_jax.data.members import Cohort
from convcam_jax.measures.cohort_maps import CohortMaps
from convcam_jax.measures.config import AnalysisConfig

N, SEEDS, CHOSEN = 5, [4, 7, 9], 1
BIN_HZ = 100 * 2.0 ** (np.arange(GRID[0]) / 4)
N_FRAMES = np.array([20, 15, 18, 20, 13], np.int32)


def make_cohort(signed, placement):
    generator = np.random.default_rng(0)
    inside = np.arange(GRID[1]) < N_FRAMES[:, None]
    arrays = AnalysisArrays(
        magnitude=(generator.random((N, *GRID)) * inside[:, None]).astype(np.float32),
        energy=(generator.random((N, GRID[1])) * inside).astype(np.float32),
        f0_hz=np.full((N, GRID[1]), 200.0, np.float32),
        voiced=inside,
        n_frames=N_FRAMES,
        emotion=(np.arange(N) % N_CLASSES).astype(np.int32),
    )
    return CohortMaps(
        cohort=Cohort("all", "08"),
        seeds=SEEDS,
        chosen=CHOSEN,
        utterances=[Utterance(f"r{i}", "08", "female", "fear", "x", Path()) for i in range(N)],
        arrays=arrays,
        maps=np.asarray(placed_maps(signed, N_FRAMES, placement)),
        raw_maps=[None] * N,
        correct=np.ones((len(SEEDS), N), bool),
        logits=np.zeros((len(SEEDS), N, N_CLASSES)),
    )


@pytest.mark.parametrize("method", ["gradcam", "integrated_gradients"])
def test_maps_of_either_level_are_compared(method):
    geometry = TOY.geometry(BANDS, GRID)
    shape = geometry.shape if METHODS[method].level == "nodes" else GRID
    generator = np.random.default_rng(1)
    signed, other = generator.normal(size=(2, len(SEEDS), N, *shape)).astype(np.float32)
    placement = placement_of(METHODS[method].level, "receptive_field", geometry, GRID)
    own = make_cohort(signed, placement)
    rows = [1, 0]
    all_compared = [
        themselves(rows, signed),
        Compared(rows, "readout", 1, [None, None], other[rows]),
        Compared(rows, BANDS, 2, [None, None], -signed[rows]),
        another_seed(rows, SEEDS, signed),
        shuffled(rows, 12, other[2]),
    ]
    table, chosen_maps = compare(own, signed, all_compared, placement, BIN_HZ, AnalysisConfig())
    assert conditions_of(table) == ["trained", "readout", BANDS, "shuffled_labels", "another_seed"]
    assert list(chosen_maps) == ["trained", "readout", BANDS, "another_seed", "shuffled_labels"]
    assert (table[["group", "fold"]] == ["all", "08"]).all(axis=None)
    by = table.set_index(["condition", "seed", "recording"]).sort_index()
    assert len(by) == 5 * 2 * N
    np.testing.assert_allclose(by.loc["trained", "signed_rank_correlation"], 1)
    np.testing.assert_allclose(by.loc[BANDS, "signed_rank_correlation"], -1)
    assert by.loc["readout", "signed_rank_correlation"].abs().max() < 0.6
    assert by.loc[("another_seed", 7), "other_seed"].unique().tolist() == [9]
    assert by.loc[("another_seed", 4), "other_seed"].unique().tolist() == [7]
    assert by.loc["shuffled_labels", "other_seed"].unique().tolist() == [12]
    assert by.loc["trained", "other_seed"].isna().all()
    # The chosen member's maps, and those of what it is compared with, on the grid and cut to the recording.
    np.testing.assert_array_equal(chosen_maps["trained"], own.maps[CHOSEN])
    np.testing.assert_array_equal(chosen_maps["another_seed"], own.maps[2])
    assert all(maps.shape == (N, *GRID) for maps in chosen_maps.values())


def test_a_member_that_is_not_chosen_leaves_no_example():
    geometry = TOY.geometry(BANDS, GRID)
    signed = np.random.default_rng(1).normal(size=(len(SEEDS), N, *geometry.shape)).astype(np.float32)
    placement = placement_of(METHODS["gradcam"].level, "stretched", geometry, GRID)
    own = make_cohort(signed, placement)
    compared = [themselves([2], signed), themselves([1], signed)]
    _, maps = compare(own, signed, compared[:1], placement, BIN_HZ, AnalysisConfig())
    assert maps == {}
    _, maps = compare(own, signed, compared, placement, BIN_HZ, AnalysisConfig())
    np.testing.assert_array_equal(maps["trained"], own.maps[1])
