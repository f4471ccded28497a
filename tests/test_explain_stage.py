"""How the test recordings are laid into batches to explain, and what is kept of the explanations."""

from pathlib import Path

import jax
import numpy as np
import pytest

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.data.batches import frames_of
from convcam_jax.data.dataset import Dataset
from convcam_jax.data.members import Cohort, list_members
from convcam_jax.data.recordings import ABSENT
from convcam_jax.kernels.packing import slot_columns
from convcam_jax.representations.features import Features
from convcam_jax.settings.config import Config
from convcam_jax.settings.overrides import apply_overrides
from convcam_jax.splits.protocol import ONLY_FOLD, UNUSED, Fold
from convcam_jax.stages import attribution
from convcam_jax.stages.attribution import zero_maps
from convcam_jax.stages.checks import shuffled_labels
from convcam_jax.stages.ensemble import kept_maps
from convcam_jax.stages.ensemble.rounds import Round
from convcam_jax.stages.ensemble.training import forget_what_was_made
from convcam_jax.stages.planted_evidence import evidence
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


class StoppedRun(Run):
    """A run whose maps are made of the members' seeds; it is stopped before it has made more than `most` parts."""

    most = 100
    made = 0

    def explain(self, variables, cohort):
        if self.made == self.most:
            raise KeyboardInterrupt
        self.made += 1
        n = len(self.dataset.indices(cohort, "test"))
        maps = np.stack([np.random.default_rng(seed).normal(size=(n, 3, 4)) for seed in variables["seeds"]])
        return maps, maps[:, :, 0, :2]


FOUR = list_members([FEMALE, MALE], range(2))


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Makes a run of two rounds, of three members and one, which keeps whatever it has made."""
    monkeypatch.setattr(kept_maps, "_WORTH_KEEPING_S", 0.0)
    for module in (attribution, shuffled_labels):
        monkeypatch.setattr(module, "trained_members", in_rounds)

    def start_(name: str, most: int = 100) -> StoppedRun:
        dataset = make_dataset({"female": [50, 40, 30], "male": [45, 35]})
        run = StoppedRun(CONFIG, tmp_path / name, tmp_path, dataset)
        run.most = most
        run.rounds = [
            Round(FOUR[:3], run.workdir / "training/round_00"),
            Round(FOUR[3:], run.workdir / "training/round_01"),
        ]
        for own in run.rounds:
            if not own.history_file().exists():
                write_arrays(own.history_file(), {"history": np.zeros(1)})
        return run

    return start_


def in_rounds(rounds, wanted):
    for own in rounds:
        if some := tuple(member for member in own.members if member in wanted):
            yield some, {"seeds": [member.seed for member in some]}


def kept(run: Run) -> list[Path]:
    return sorted((run.workdir / "training").glob("kept_maps_*"))


def test_who_goes_on_makes_the_maps_alone_that_were_not_made(start):
    """Three parts: both members of the one group, and those of the other one in each round."""
    undisturbed = start("undisturbed")
    attribution.explain_ensemble(undisturbed)
    assert undisturbed.made == 3
    with pytest.raises(KeyboardInterrupt):
        attribution.explain_ensemble(start("stopped", most=2))
    after = start("stopped")
    assert len(kept(after)) == 2
    attribution.explain_ensemble(after)
    assert after.made == 1
    for name in (EXPLANATIONS, attribution.PREDICTIONS):
        assert (after.workdir / name).read_bytes() == (undisturbed.workdir / name).read_bytes()
    assert kept(after) == kept(undisturbed) == []


def of_another_layer(run: StoppedRun) -> None:
    run.config = apply_overrides(run.config, ["attribution.layer=convolution_1"])


def of_networks_trained_anew(run: StoppedRun) -> None:
    for own in run.rounds:
        write_arrays(own.history_file(), {"history": np.ones(1)})


def of_other_recordings(run: StoppedRun) -> None:
    run.dataset = make_dataset({"female": [50, 40, 30, 20], "male": [45, 35, 20]})


def damaged(run: StoppedRun) -> None:
    for path in kept(run):
        path.write_bytes(path.read_bytes()[:-30])


@pytest.mark.parametrize(
    "change", [of_another_layer, of_networks_trained_anew, of_other_recordings, damaged], ids=lambda own: own.__name__
)
def test_maps_made_from_anything_else_are_made_again(start, change):
    with pytest.raises(KeyboardInterrupt):
        attribution.explain_ensemble(start("stopped", most=2))
    after = start("stopped")
    change(after)
    attribution.explain_ensemble(after)
    assert after.made == 3
    assert kept(after) == []


def test_maps_of_networks_that_are_trained_again_are_removed(start):
    with pytest.raises(KeyboardInterrupt):
        attribution.explain_ensemble(start("stopped", most=2))
    after = start("stopped")
    # Their folders are not there.
    forget_what_was_made(after.rounds, after.workdir)
    assert kept(after) == []


def test_what_is_made_at_once_is_not_kept(start, monkeypatch):
    monkeypatch.setattr(kept_maps, "_WORTH_KEEPING_S", 60.0)
    with pytest.raises(KeyboardInterrupt):
        attribution.explain_ensemble(start("stopped", most=2))
    assert kept(start("stopped")) == []


def test_several_processes_leave_to_the_first_one_what_each_has_explained(start, monkeypatch):
    monkeypatch.setattr(kept_maps, "_WORTH_KEEPING_S", 60.0)
    waits: list[tuple[str, int]] = []
    monkeypatch.setattr(attribution, "wait_for_all", lambda what: waits.append((what, len(kept(start("shared"))))))
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    for process in (0, 1):
        monkeypatch.setattr(jax, "process_index", lambda process=process: process)
        attribution.explain_own_share(start("shared"))
    # Before the first wait the networks of others are not saved yet.
    assert waits == [("to be explained", 0), ("explained", 2), ("to be explained", 2), ("explained", 3)]
    first = start("shared", most=0)
    assert len(kept(first)) == 3
    attribution.explain_ensemble(first)
    alone = start("alone")
    attribution.explain_ensemble(alone)
    assert (first.workdir / EXPLANATIONS).read_bytes() == (alone.workdir / EXPLANATIONS).read_bytes()


def test_maps_on_shuffled_labels_are_kept_by_cohort_and_round(start):
    with pytest.raises(KeyboardInterrupt):
        shuffled_labels._explain(start("stopped", most=2), FOUR, start("stopped").rounds)
    after, undisturbed = start("stopped"), start("undisturbed")
    found, expected = (shuffled_labels._explain(own, FOUR, own.rounds) for own in (after, undisturbed))
    assert (after.made, undisturbed.made) == (1, 3)
    assert list(found) == list(expected) == list(FOUR)
    for member in FOUR:
        np.testing.assert_array_equal(found[member], expected[member])


def test_maps_of_planted_evidence_are_kept_by_cohort(start, monkeypatch):
    def explain(run: StoppedRun, cohort: Cohort) -> dict[str, np.ndarray]:
        signed_maps, logits = run.explain({"seeds": [0, 1]}, cohort)
        return {"seeds": np.arange(2), "logits": logits, "trained_gradcam": signed_maps}

    monkeypatch.setattr(evidence.training, "train_ensemble", lambda run: None)
    monkeypatch.setattr(evidence, "_explain", explain)
    with pytest.raises(KeyboardInterrupt):
        evidence.explain_variant(start("stopped", most=1))
    after, undisturbed = start("stopped"), start("undisturbed")
    for run in (after, undisturbed):
        evidence.explain_variant(run)
        assert kept(run) == []
    assert (after.made, undisturbed.made) == (1, 2)
    assert (after.workdir / EXPLANATIONS).read_bytes() == (undisturbed.workdir / EXPLANATIONS).read_bytes()
