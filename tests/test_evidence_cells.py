import numpy as np
import pytest

from convcam_jax.checks.evidence.cells import boxes_of, onto_cells, overlap_shares, waveform_onto_cells
from convcam_jax.measures.views import cell_edges
from convcam_jax.representations.cqt import Cqt

CQT = Cqt()
EDGES_HZ = CQT.edges_hz()
EDGES_S = cell_edges(CQT.frame_times_s(20))


def cells_in(boxes, edges_s, edges_hz) -> np.ndarray:
    """How many boxes cover the centre of each cell."""
    time_s, frequency_hz = ((edges[1:] + edges[:-1]) / 2 for edges in (edges_s, edges_hz))
    counts = np.zeros((len(frequency_hz), len(time_s)), int)
    for box in boxes:
        rows = (frequency_hz > box.low_hz) & (frequency_hz < box.high_hz)
        counts += np.outer(rows, (time_s > box.start_s) & (time_s < box.end_s))
    return counts


@pytest.mark.parametrize("share", [0.0, 0.1, 0.6, 1.0])
def test_boxes_cover_the_cells_once_and_nothing_else(share):
    cells = np.random.default_rng(0).random((96, 20)) < share
    boxes = boxes_of(cells, EDGES_S, EDGES_HZ)
    np.testing.assert_array_equal(cells_in(boxes, EDGES_S, EDGES_HZ), cells.astype(int))
    if share in (0, 1):
        assert len(boxes) == share
    else:
        assert 1 < len(boxes) < cells.sum()


def test_edges_lie_between_centres():
    np.testing.assert_allclose(cell_edges(np.array([0.0, 1.0, 3.0])), [-0.5, 0.5, 2.0, 4.0])
    np.testing.assert_allclose(cell_edges(np.array([3.0])), [2.5, 3.5])


def test_a_map_of_the_same_grid_stays_as_it_is_but_for_what_is_below_0():
    own = np.random.default_rng(1).normal(size=(96, 20)).astype(np.float32).astype(float)
    edges = EDGES_HZ, EDGES_S
    np.testing.assert_array_equal(onto_cells(own, edges, edges), np.maximum(own, 0))
    np.testing.assert_array_equal(onto_cells(2.0**200 * own, edges, edges), 2.0**200 * np.maximum(own, 0))


@pytest.mark.parametrize("level", [1.0, 0.1, 1 / 3, 3 / 1024, 1023 / 1024, 200 / 255])
def test_a_map_that_is_the_same_everywhere_stays_so_and_what_it_does_not_cover_is_0(level):
    """Not but for its last digits, by which cells would be ranked."""
    stft_hz = np.linspace(-15.625, 8015.625, 258)
    own = np.full((257, 80), level)
    # Another level is the largest.
    own[:, 70:] = 1.0
    placed = onto_cells(own, (stft_hz, np.linspace(0, 0.4, 81)), (EDGES_HZ, EDGES_S))
    flat = placed[:95, (EDGES_S[:-1] < 0.34) & (EDGES_S[1:] > 0) & (EDGES_S[1:] <= 0.35)]
    assert flat.size > 500
    assert (flat == np.float32(level)).all()
    assert (placed[:, EDGES_S[:-1] >= 0.4] == 0).all()


def test_cells_have_the_mean_of_what_lies_in_them():
    shares = overlap_shares(np.array([0.0, 1.0, 4.0]), np.array([0.5, 2.0, 3.0, 9.0]))
    # The first cell is covered by the first other one alone; the second by 1, 1 and 1 of its length 3.
    np.testing.assert_allclose(shares, [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]])


def test_relevance_of_samples_goes_where_the_energy_of_their_frame_is():
    magnitude = np.array([[1.0, 0.0, 0.0], [2.0, 3.0, 0.0]])
    edges_s = np.array([-0.5, 0.5, 1.5, 2.5])
    # At 2 Hz: samples at 0, 0.5, ... 2.5 s; the last one lies behind the frames.
    relevance = np.array([5.0, 1.0, -7.0, 2.0, 3.0, 100.0])
    own = waveform_onto_cells(relevance, 2.0, magnitude, edges_s)
    # The frames have 5, 1 and 5; the last one has no energy.
    np.testing.assert_allclose(own, [[1, 0, 0], [4, 1, 0]])
