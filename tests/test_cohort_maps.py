"""Which members of a group's folds are checked."""

import numpy as np
import pytest

from convcam_jax.data.arrays import AnalysisArrays
from convcam_jax.data.members import Cohort
from convcam_jax.measures.cohort_maps import CohortMaps, first_members

ARRAYS = AnalysisArrays(*(np.zeros((0, 1)) for _ in AnalysisArrays._fields))
SEEDS = [3, 4, 5, 6]


def cohort(group: str, fold: str, chosen: int) -> CohortMaps:
    """One without recordings."""
    nothing = np.zeros((len(SEEDS), 0, 1, 1))
    correct, logits = np.zeros((len(SEEDS), 0), bool), np.zeros((len(SEEDS), 0, 2))
    return CohortMaps(Cohort(group, fold), SEEDS, SEEDS.index(chosen), [], ARRAYS, nothing, [], correct, logits)


@pytest.mark.parametrize(("count", "seeds"), [(1, [5]), (3, [5, 3, 4]), (9, [5, 3, 4, 6])])
def test_the_chosen_member_of_one_fold_is_the_first(count, seeds):
    own = cohort("female", "all", 5)
    found = first_members(own, [own, cohort("male", "all", 6)], count)
    assert [(*member,) for member in found] == [("female", "all", seed) for seed in seeds]


def test_the_same_seeds_are_taken_in_all_folds():
    folds = [cohort("female", str(fold), chosen) for fold, chosen in enumerate((4, 6, 6, 5))]
    others = [cohort("male", "1", 3), cohort("male", "2", 3)]
    for own in folds:
        assert [member.seed for member in first_members(own, [*others, *folds], 3)] == [6, 4, 5]
        assert {member.cohort for member in first_members(own, folds, 3)} == {own.cohort}
