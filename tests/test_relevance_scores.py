import inspect
from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from convcam_jax.checks.evidence.relevance_scores import (
    SCORES,
    average_precision,
    chance_scores,
    pointing,
    relevance_mass,
    relevance_rank,
    relevance_scores,
    shift_p_value,
)

OWN_MAP = np.array([[0.0, 4.0, 3.0], [1.0, 2.0, 0.0]])
TRUTH = np.array([[False, True, False], [True, True, False]])


def random_case(seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    own_map = generator.exponential(size=(12, 9)) * (generator.random((12, 9)) < 0.7)
    return own_map, generator.random((12, 9)) < 0.2


def test_scores_by_hand():
    assert relevance_mass(OWN_MAP, TRUTH) == pytest.approx((4 + 1 + 2) / 10)
    # The highest three are 4, 3 and 2, two of them in the truth.
    assert relevance_rank(OWN_MAP, TRUTH) == pytest.approx(2 / 3)
    assert pointing(OWN_MAP, TRUTH) == 1.0
    # True cells are first, third and fourth in order.
    assert average_precision(OWN_MAP, TRUTH) == pytest.approx((1 / 1 + 2 / 3 + 3 / 4) / 3)


def test_equal_cells_count_by_their_share():
    own_map = np.array([[2.0, 1.0, 1.0, 1.0]])
    truth = np.array([[True, True, False, False]])
    # One of the two highest is certain, the other one of three cells, of which one is true.
    assert relevance_rank(own_map, truth) == pytest.approx((1 + 1 / 3) / 2)
    assert pointing(np.array([[2.0, 2.0, 1.0, 0.0]]), np.array([[True, False, False, False]])) == 0.5


def test_a_perfect_map_scores_1_and_an_inverted_one_0():
    own_map, truth = random_case(0)
    assert relevance_scores(truth * (own_map + 1), truth) == pytest.approx([1] * 4)
    inverted = relevance_scores(1.0 - truth, truth)
    assert inverted[:3] == (0, 0, 0)
    assert inverted.average_precision == pytest.approx(truth.mean())


@pytest.mark.parametrize(
    ("own_map", "truth", "complaint"),
    [
        (OWN_MAP, TRUTH & False, "some cells are true"),
        (OWN_MAP - 1, TRUTH, "finite values of 0 or more"),
        (np.where(TRUTH, np.nan, OWN_MAP), TRUTH, "finite values of 0 or more"),
        (np.where(TRUTH, np.inf, OWN_MAP), TRUTH, "finite values of 0 or more"),
    ],
)
def test_what_is_no_map_or_no_truth_has_no_scores(own_map, truth, complaint):
    with pytest.raises(ValueError, match=complaint):
        relevance_scores(own_map, truth)


@pytest.mark.parametrize("truth", [TRUTH.astype(int), TRUTH[:, :2]])
def test_numbers_and_other_shapes_are_no_truth(truth):
    """0 and 1 would be taken for the numbers of rows. Outside of tests no annotation is checked."""
    with pytest.raises(ValueError, match="an array of bool in the map's shape"):
        inspect.unwrap(relevance_scores)(OWN_MAP, truth)


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_a_map_that_is_the_same_everywhere_scores_the_share_of_true_cells(value):
    truth = random_case(1)[1]
    assert relevance_scores(np.full(truth.shape, value), truth) == pytest.approx([truth.mean()] * 4)
    assert shift_p_value(np.full(truth.shape, value), truth) == 1.0


@pytest.mark.parametrize("seed", range(5))
def test_scores_do_not_depend_on_the_maps_scale_or_type(seed):
    own_map, truth = random_case(seed)
    scaled = relevance_scores((own_map * 1e-4).astype(np.float32), truth)
    assert scaled == pytest.approx(relevance_scores(own_map, truth), rel=1e-5)


def test_chance_is_the_mean_over_all_circular_shifts():
    own_map, truth = random_case(2)
    shifts = [np.roll(own_map, (i, j), (0, 1)) for i in range(12) for j in range(9)]
    for score in (relevance_mass, relevance_rank, pointing):
        assert np.mean([score(shifted, truth) for shifted in shifts]) == pytest.approx(truth.mean())
    assert chance_scores(truth)[:3] == (truth.mean(),) * 3


@pytest.mark.parametrize("levels", [3, 1000])
def test_average_precision_is_scikit_learns_with_and_without_ties(levels):
    random = np.random.default_rng(levels)
    own_map, truth = random.integers(0, levels, (9, 20)).astype(np.float32), random.random((9, 20)) < 0.2

    expected = average_precision_score(truth.ravel(), own_map.ravel())
    assert average_precision(own_map, truth) == pytest.approx(expected, rel=1e-12)


def test_chance_of_average_precision_is_the_mean_over_all_orders():
    truth = np.array([True, True, False, False, False])
    orders = [average_precision_score(truth, order) for order in permutations(range(5))]
    assert chance_scores(truth[None]).average_precision == pytest.approx(np.mean(orders))


@pytest.mark.parametrize("seed", range(5))
def test_p_is_the_share_of_shifts_that_mark_the_truth_as_well(seed):
    own_map, truth = random_case(seed)
    masses = [relevance_mass(np.roll(own_map, (i, j), (0, 1)), truth) for i in range(12) for j in range(9)]
    assert shift_p_value(own_map, truth) == np.mean(np.array(masses) >= relevance_mass(own_map, truth) - 1e-12)


def test_p_of_a_perfect_map_is_the_lowest_there_is():
    truth = np.zeros((12, 9), bool)
    truth[3:5, 2:7] = True
    assert shift_p_value(truth.astype(np.float32), truth) == 1 / truth.size
    assert SCORES == ("relevance_mass", "relevance_rank", "pointing", "average_precision")
