"""How the test recordings are laid into batches to explain, and what is kept of the explanations."""

from pathlib import Path

import jax
import numpy as np

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.data.batches import frames_of
from convcam_jax.data.dataset import Dataset
from convcam_jax.data.members import Cohort
from convcam_jax.data.recordings import ABSENT
from convcam_jax.kernels.packing import slot_columns
from convcam_jax.representations.features import Features
from convcam_jax.settings.config import Config
from convcam_jax.settings.overrides import apply_overrides
from convcam_jax.splits.protocol import ONLY_FOLD, UNUSED, Fold
from convcam_jax.stages.attribution import zero_maps
from convcam_jax.stages.run import EXPLANATIONS, CohortExplanations, Run, explanation_arrays, load_explanations
from convcam_jax.system.formats import write_arrays

CONFIG = apply_overrides(
    Config(), ["corpus.emotions=anger,sadness", "corpus.max_frames=60", "representation.n_bins=8", "train.batch_size=4"]
)
FEMALE, MALE = Cohort("female", ONLY_FOLD), Cohort("male", ONLY_FOLD)


def make_dataset(frames: dict[str, list[int]]) -> Dataset:
    """A test set of recordings of so many frames per group."""
    lengths = [(group, n) for group, own in frames.items() for n in own]
    utterances = [Utterance(f"{i}", "s", group, "anger", "a", Path(f"{i}.wav")) for i, (group, _) in enumerate(lengths)]
    features = [Features(np.ones((8, n), np.float32), np.zeros(3), np.zeros(3), np.ones(n)) for _, n in lengths]
    groups = tuple(group for group, _ in lengths)
    return Dataset(tuple(utterances), tuple(features), groups, (Fold(ONLY_FOLD, ("test",) * len(lengths)),))


def batches_of(cohort: Cohort, dataset: Dataset) -> tuple[np.ndarray, int]:
    """Its strata and their layout, which are checked to hold its recordings."""
    run = Run(CONFIG, Path(), Path(), dataset)
    strata, layout = run.strata_to_explain(cohort)
    assert sorted(strata[strata != ABSENT]) == dataset.indices(cohort, "test").tolist()
    assert strata.shape[1] % jax.local_device_count() == 0
    assert len(strata) <= CONFIG.train.batch_size
    assert slot_columns(frames_of(np.asarray(run.recordings.n_frames), strata)).sum(0).max() <= layout
    return strata, layout


def test_one_program_explains_both_groups_of_similar_length():
    dataset = make_dataset({"female": [50, 40, 30, 60, 50, 40, 30], "male": [55, 45, 35, 50, 40, 30, 25, 20]})
    female, male = (batches_of(cohort, dataset) for cohort in (FEMALE, MALE))
    assert female[0].shape == male[0].shape
    assert female[1] == male[1]


def test_a_group_with_few_recordings_does_not_pay_for_the_other():
    dataset = make_dataset({"female": [50, 40, 30, 60, 50, 40, 30, 20] * 8, "male": [20]})
    female, male = (batches_of(cohort, dataset) for cohort in (FEMALE, MALE))
    assert len(male[0]) == 1
    assert male[1] == slot_columns(20)
    assert female[1] > male[1]


def test_one_group_alone():
    assert batches_of(MALE, make_dataset({"male": [20, 30, 40]}))[1] >= slot_columns(40)


def test_a_cohort_is_explained_on_what_its_fold_tests():
    dataset = make_dataset({"female": [20, 30, 40, 50]})
    folds = (Fold("a", ("test", "test", "train", UNUSED)), Fold("b", ("train", UNUSED, "test", "test")))
    for fold, expected in (("a", [0, 1]), ("b", [2, 3])):
        strata, _ = batches_of(Cohort("female", fold), dataset._replace(folds=folds))
        assert sorted(strata[strata != ABSENT]) == expected


def test_maps_without_a_positive_part_are_counted_for_each_member():
    signed_maps = -np.ones((2, 3, 4, 5))
    signed_maps[0, 1, 2, 3] = 0.5
    signed_maps[0, 2] = 0
    assert zero_maps(signed_maps).tolist() == [2, 3]


def test_explanations_of_several_cohorts_come_back(tmp_path):
    generator = np.random.default_rng(0)
    explained = {
        cohort: CohortExplanations(
            generator.normal(size=(2, n, 3, 4)), generator.normal(size=(2, n, 6)), np.array([0, 4]), np.array(names)
        )
        for cohort, n, names in (
            (Cohort("female", "08"), 2, ["08a01Wa", "08a02Wa"]),
            (Cohort("male", "03"), 1, ["03a01Wa"]),
        )
    }
    write_arrays(tmp_path / EXPLANATIONS, explanation_arrays(explained))
    back = load_explanations(tmp_path / EXPLANATIONS)
    assert list(back) == list(explained)
    for cohort, own in explained.items():
        for left, right in zip(back[cohort], own, strict=True):
            np.testing.assert_array_equal(left, right)
