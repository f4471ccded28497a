"""The stages of the checks for two groups in two folds each, and for maps of either level, with any network."""

import dataclasses
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from toy_network import GRID, TOY, toy_variables

from convcam_jax.attribution.config import AttributionConfig
from convcam_jax.checks.chance.config import ControlsConfig
from convcam_jax.checks.faithfulness.config import FaithfulnessConfig
from convcam_jax.checks.faithfulness.curves import CURVES, FILLS, ORDERS
from convcam_jax.checks.listening.resynthesis import Probe
from convcam_jax.checks.sanity.config import SanityConfig
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.data.dataset import Dataset
from convcam_jax.data.members import Cohort, list_members
from convcam_jax.representations.cqt import Cqt
from convcam_jax.representations.features import Features
from convcam_jax.settings.config import Config
from convcam_jax.splits.protocol import Fold
from convcam_jax.stages import report
from convcam_jax.stages.checks import chance, faithfulness, listening, sanity, seeds, shuffled_labels
from convcam_jax.stages.ensemble import kept_maps
from convcam_jax.stages.ensemble.rounds import names_of, read_rounds
from convcam_jax.stages.run import CohortExplanations, Run
from convcam_jax.system.formats import read_arrays, read_csv, write_arrays, write_csv, write_json
from convcam_jax.training.config import TrainConfig

GROUPS, FOLDS, SEEDS = ("a", "b"), ("1", "2"), (0, 1)
EMOTIONS = ("anger", "fear", "joy")
# Of the test in each fold: fewer than draws of masks, and more.
PER_COHORT = {"1": 3, "2": 5}


def make_dataset() -> Dataset:
    """Some recordings for the test of every group and fold, which train in the other fold."""
    generator = np.random.default_rng(0)
    utterances, features, groups, fold_of = [], [], [], []
    for group in GROUPS:
        for fold in FOLDS:
            for i in range(PER_COHORT[fold]):
                name, n = f"{group}{fold}{i}", int(generator.integers(14, GRID[1] + 1))
                utterances.append(Utterance(name, f"s{i % 2}", "female", EMOTIONS[i % 3], "x", Path()))
                magnitude = generator.exponential(size=(GRID[0], n)).astype(np.float32)
                time_s = 0.01 * np.arange(80)
                features.append(Features(magnitude, np.full(80, 200.0), time_s, generator.random(n)))
                groups.append(group)
                fold_of.append(fold)
    folds = tuple(Fold(fold, tuple("test" if own == fold else "train" for own in fold_of)) for fold in FOLDS)
    return Dataset(tuple(utterances), tuple(features), tuple(groups), folds)


class ToyRun(Run):
    """A run whose networks have their first weights, of no training."""

    network = TOY
    rounds = ()

    @cached_property
    def explanations(self):
        found = {}
        for cohort in self.dataset.cohorts():
            names = np.array([self.dataset.utterances[i].recording for i in self.dataset.indices(cohort, "test")])
            ((_, variables),) = self.trained(list_members([cohort], SEEDS))
            found[cohort] = CohortExplanations(*self.explain(variables, cohort), np.array(SEEDS), names)
        return found

    @cached_property
    def members(self):
        table = pd.DataFrame(list_members(self.dataset.cohorts(), SEEDS))
        # Another one in every fold.
        return table.assign(chosen=table["seed"] == (table["fold"] == FOLDS[1]))

    def trained(self, wanted):
        wanted = [member for member in list_members(self.dataset.cohorts(), SEEDS) if member in wanted]
        number = {cohort: 10 * place for place, cohort in enumerate(self.dataset.cohorts())}
        yield tuple(wanted), toy_variables(tuple(number[m.cohort] + m.seed for m in wanted))


def make_run(workdir: Path, method: str, **changes) -> ToyRun:
    config = Config(
        corpus=SyntheticConfig(emotions=EMOTIONS, max_frames=GRID[1]),
        representation=Cqt(n_bins=GRID[0]),
        attribution=AttributionConfig(method=method),
        train=TrainConfig(seeds=2, batch_size=4),
        controls=ControlsConfig(permutations=4, shifts=7),
        sanity=SanityConfig(seeds=1, shuffled_label_seeds=0),
        faithfulness=FaithfulnessConfig(seeds=2, steps=2),
    )
    return ToyRun(dataclasses.replace(config, **changes), workdir, workdir, make_dataset())


@pytest.fixture(scope="module", params=["gradcam", pytest.param("integrated_gradients", marks=pytest.mark.slow)])
def run(request, tmp_path_factory):
    """A run whose checks are made."""
    workdir = tmp_path_factory.mktemp(request.param)
    own = make_run(workdir, request.param)
    claims = {"id": ["a"], "section": ["3"], "claim": ["c"], "seeds_holding": [2], "seeds": [2], "seeds_undecided": [0]}
    write_csv(workdir / "tables" / "claims.csv", pd.DataFrame(claims))
    for stage in (
        chance.compare_with_chance,
        seeds.compare_seeds,
        sanity.check_sanity,
        sanity.present,
        faithfulness.check,
        faithfulness.present,
    ):
        stage(own)
    return own


def test_chance_has_the_chosen_members_recordings_of_all_folds(run):
    table = read_csv(run.workdir / "controls.csv").query("level == 'group' and metric == 'q_rmse'")
    metrics = run.analysed.metrics.merge(run.members.query("chosen"), on=["group", "fold", "seed"])
    counted = metrics[metrics["correct"] & ~metrics["map_is_zero"]]
    for group in GROUPS:
        own = table[table["group"] == group].iloc[0]
        assert own["n_recordings"] == (counted["group"] == group).sum()
        assert own["observed"] == pytest.approx(counted.loc[counted["group"] == group, "q_rmse"].mean())
    assert table["n_recordings"].sum() > 0


def test_other_recordings_are_drawn_as_often_in_every_fold(run):
    table = read_csv(run.workdir / "controls.csv").query("control == 'other_recordings' and n_recordings > 0")
    assert set(table["n_draws"]) == {4}
    assert set(table.query("level == 'recording'")["recording"].str[1]) == set(FOLDS)


def test_seeds_agree_on_the_recordings_of_all_folds(run):
    table = read_csv(run.workdir / "stability.csv")
    assert len(table.query("kind == 'map_pairs' and name == 'ssim'")) == len(run.dataset.utterances)
    profiles = read_csv(run.workdir / "mask_profiles.csv")
    assert set(profiles["group"]) == set(GROUPS)
    # A seed's members of both folds have one mask together.
    assert profiles["seeds"].max() == 2


def test_sanity_checks_are_of_the_same_seeds_in_all_folds(run):
    table = read_csv(run.workdir / "sanity.csv")
    assert set(table["condition"]) == {"trained", "readout", "bands", "another_seed"}
    assert table.groupby("fold")["seed"].unique().map(list).to_dict() == {"1": [0], "2": [0]}
    assert (table[table["condition"] == "trained"]["signed_rank_correlation"] > 1 - 1e-9).all()
    assert table.loc[table["condition"] == "bands", "signed_rank_correlation"].mean() < 0.9
    examples = read_arrays(run.workdir / "sanity_examples.npz")
    assert examples["groups"].tolist() == list(GROUPS)
    for number, group in enumerate(GROUPS):
        recording = examples["recordings"][number]
        assert recording.startswith(f"{group}1")
        n_frames = len(run.analysed.views[recording].time_s)
        assert examples[f"{number}_maps"].shape == (4, GRID[0], n_frames)
        trained = examples[f"{number}_conditions"].tolist().index("trained")
        np.testing.assert_array_equal(examples[f"{number}_maps"][trained], run.analysed.views[recording].map)
        assert (run.workdir / "figures" / f"sanity_example_{group}.png").stat().st_size > 5000


def test_curves_are_those_of_every_folds_members(run):
    table = read_csv(run.workdir / "faithfulness.csv")
    curves = table.groupby(["group", "fold", "seed"])["recording"].nunique()
    assert curves.to_dict() == {(g, f, s): PER_COHORT[f] for g in GROUPS for f in FOLDS for s in SEEDS}
    # Nothing deleted: what the network says of the recording.
    cohort = Cohort("b", "2")
    (own,) = [own for own in run.cohort_maps if own.cohort == cohort]
    probability = softmax(own.logits[1], axis=-1)[np.arange(PER_COHORT[cohort.fold]), own.arrays.emotion]
    whole = table.query("group == 'b' and fold == '2' and seed == 1 and curve == 'deletion' and share == 0")
    found = whole.query("fill == 'zeros' and order == 'map'").set_index("recording")["probability"]
    np.testing.assert_allclose(found[[u.recording for u in own.utterances]], probability, rtol=1e-5)


def test_recordings_are_counted_on_from_fold_to_fold_where_orders_are_drawn(tmp_path, monkeypatch):
    firsts = []

    def curves(_, explained, *args):
        firsts.append(args[-1])
        return np.zeros((*explained.labels.shape, len(CURVES), len(FILLS), len(ORDERS), 3))

    monkeypatch.setattr(faithfulness, "member_curves", curves)
    faithfulness.check(make_run(tmp_path, "gradcam"))
    assert firsts == [0, PER_COHORT["1"]] * len(GROUPS)


def test_random_cells_are_drawn_by_the_number_of_the_recording_in_the_corpus(tmp_path, monkeypatch):
    own, asked = make_run(tmp_path, "gradcam"), []
    chosen = [Probe(c, 0, 0.5, sound, 0.1, 0.1) for c in ("all", "map", "random") for sound in ("only", "without")]

    def made(_, tasks):
        asked.extend(tasks)
        return [(chosen, np.ones((len(chosen), *task.map.shape), np.float32)) for task in tasks]

    monkeypatch.setattr(listening, "in_processes", made)
    listening.ask_networks(own)
    places = [own.dataset.utterances[task.number].recording for task in asked]
    assert places == list(read_csv(tmp_path / "resynthesis.csv")["recording"].unique())
    assert len({task.number for task in asked}) == len(asked) > max(PER_COHORT.values())


@pytest.mark.parametrize("target", ["truth", "predicted"])
def test_networks_are_asked_for_the_class_that_their_map_is_of(target, tmp_path, monkeypatch):
    own = make_run(tmp_path, "gradcam", attribution=AttributionConfig(method="gradcam", target=target))
    magnitudes = {u.recording: f.magnitude for u, f in zip(own.dataset.utterances, own.dataset.features, strict=True)}

    def made(_, tasks):
        """Each recording as it is, and once more."""
        names = [own.dataset.utterances[task.number].recording for task in tasks]
        described = [Probe("all", 0, 1.0, "original", 1.0, 1.0), Probe("map", 0, 0.5, "only", 0.1, 0.1)]
        return [(described, np.stack([magnitudes[name]] * 2)) for name in names]

    monkeypatch.setattr(listening, "in_processes", made)
    monkeypatch.setattr(listening, "answer_summary", lambda *_: pd.DataFrame({"sentence": ["x"]}))
    monkeypatch.setattr(listening, "write_figure", lambda *_: None)
    listening.ask_networks(own)
    table = read_csv(tmp_path / "resynthesis.csv")
    assert table["explained"].tolist() == table[target].tolist()
    # Some networks are wrong, and not all give the same answer.
    assert not table["correct"].all()
    assert table.groupby("recording")["predicted"].nunique().max() > 1
    for cohort in own.cohort_maps:
        probability = softmax(cohort.logits, axis=-1)
        for place, utterance in enumerate(cohort.utterances):
            rows = table[table["recording"] == utterance.recording]
            for row in rows.itertuples():
                expected = probability[list(cohort.seeds).index(row.seed), place, EMOTIONS.index(row.explained)]
                assert row.p_explained == pytest.approx(expected, rel=1e-4)


def test_the_page_shows_as_many_of_each_group_and_emotion(tmp_path, monkeypatch):
    own = make_run(tmp_path, "gradcam")
    tables = report._Tables(tmp_path)
    whole = list(report._all_shown(own, tables))
    assert [task.shown.view.recording for task in whole] == [u.recording for u in own.dataset.utterances]
    monkeypatch.setattr(report, "MOST_ON_PAGE", 6)
    shown = [task.shown for task in report._all_shown(own, tables)]
    kinds = [(one.view.recording[0], one.view.emotion) for one in shown]
    assert sorted(kinds) == [(group, emotion) for group in GROUPS for emotion in EMOTIONS]
    said = {}
    monkeypatch.setattr(report, "in_processes", lambda make, tasks: ((task, 300.0) for task in tasks))
    monkeypatch.setattr(report, "_overview", lambda run, tables, snr_db, n: said.setdefault("left_out", n))
    monkeypatch.setattr(report, "make_page", lambda about, tasks: str(len(tasks)))
    report.write_report(own)
    assert (said["left_out"], (tmp_path / "report.html").read_text()) == (10, "6")


def test_what_the_config_leaves_out_is_no_longer_there(tmp_path, capsys):
    own = make_run(tmp_path, "gradcam", sanity=SanityConfig(seeds=0), faithfulness=FaithfulnessConfig(seeds=0))
    earlier = ("sanity.csv", "tables/sanity_verdicts.csv", "faithfulness.csv", "tables/faithfulness_verdicts.md")
    others = ("tables/verdicts.csv", "figures/figure02.png")
    for name in (*earlier, *others):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("earlier")
    # Networks that were not explained yet, maps of the attribution of now, and maps of another one.
    left, kept, others_maps = (tmp_path / "training" / f"shuffled_labels_{count}" for count in (1, 2, 3))
    for folder in (left, kept, others_maps):
        (folder / "round_00").mkdir(parents=True)
        write_arrays(folder / "round_00_history.npz", {"history": np.zeros(1)})
    for folder, of_run in ((kept, own), (others_maps, make_run(tmp_path, "hirescam"))):
        write_arrays(folder / "explained.npz", {"attribution": np.array(shuffled_labels._origin(of_run))})
    maps = (kept / "explained.npz").read_bytes()
    of_a_stop = kept_maps.kept_file(own, "sanity", "shuffled_labels", 0, 0)
    of_a_stop.touch()
    for stage in (sanity.check_sanity, sanity.present, faithfulness.check, faithfulness.present):
        stage(own)
    assert not any((tmp_path / name).exists() for name in earlier)
    assert not left.exists()
    assert not others_maps.exists()
    told = [line.split(":")[0] for line in capsys.readouterr().err.splitlines() if line.startswith("removing ")]
    assert sorted(told) == [f"removing {folder}" for folder in (left, others_maps)]
    assert not of_a_stop.exists()
    assert (kept / "explained.npz").read_bytes() == maps
    assert (kept / "round_00_history.npz").exists()
    assert all((tmp_path / name).exists() for name in others)


@pytest.fixture
def shuffled(tmp_path, monkeypatch):
    """A run with one network on shuffled labels in each cohort, which are noted instead of trained."""
    own = make_run(tmp_path, "gradcam", sanity=SanityConfig(seeds=1, shuffled_label_seeds=1))
    trained = []

    def train(run, members):
        trained.append(members)
        folder = shuffled_labels._folder(run)
        write_json(folder / "rounds.json", {"members_at_once": len(members)})
        [own_round] = read_rounds(members, folder)
        history = np.full((len(members), 2, 4), 0.5)
        write_arrays(own_round.history_file(), {"members": names_of(members), "history": history})
        return [own_round]

    monkeypatch.setattr(shuffled_labels, "_train", train)
    monkeypatch.setattr(
        shuffled_labels, "_explain", lambda run, members, rounds: {member: np.ones((3, 2, 2)) for member in members}
    )
    return own, trained


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("round_00_history.npz", None),
        ("round_00_history.npz", b"PK"),
        ("rounds.json", None),
        ("rounds.json", b"{}"),
        ("rounds.json", b'{"members_at_once": 2}'),
        ("rounds.json", b'{"members_at_once": 5}'),
        ("explained.npz", b"PK"),
    ],
)
def test_maps_on_shuffled_labels_are_kept_with_what_was_learned(shuffled, name, content):
    own, trained = shuffled
    for _ in range(2):
        found = shuffled_labels.maps_on_shuffled_labels(own)
    assert trained == [tuple(found)]
    assert len(found) == len(GROUPS) * len(FOLDS)
    path = own.workdir / "training" / "shuffled_labels_1" / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    for _ in range(2):
        assert list(shuffled_labels.maps_on_shuffled_labels(own)) == list(found)
        assert len(read_csv(own.workdir / "tables" / "sanity_shuffled_training.csv")) == len(found)
    # A number that is larger than that of all members makes the same round.
    assert len(trained) == (1 if content == b'{"members_at_once": 5}' else 2)


def test_who_goes_on_explains_those_randomised_networks_alone_that_were_not(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(kept_maps, "_WORTH_KEEPING_S", 0.0)
    calls: list[Cohort] = []

    def sanity_of(name: str, most: int) -> int:
        """How many times networks are explained, at most so many."""
        own, before = make_run(tmp_path / name, "gradcam"), len(calls)
        _ = own.explanations
        monkeypatch.setattr(own, "explain", lambda variables, cohort: explain(own, variables, cohort, before + most))
        sanity.check_sanity(own)
        return len(calls) - before

    def explain(own: Run, variables, cohort: Cohort, most: int):
        if len(calls) == most:
            raise KeyboardInterrupt
        calls.append(cohort)
        return Run.explain(own, variables, cohort)

    def told() -> int:
        return capsys.readouterr().err.count(" randomised down to ")

    n_calls = sanity_of("undisturbed", 100)
    assert n_calls > 5
    assert told() == n_calls
    with pytest.raises(KeyboardInterrupt):
        sanity_of("stopped", 5)
    told()
    assert sanity_of("stopped", 100) == n_calls - 5
    # What is read from an earlier start is not said to be explained.
    assert told() == n_calls - 5
    for name in ("sanity.csv", "sanity_examples.npz"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "undisturbed" / name).read_bytes()
    assert not list(tmp_path.glob("*/training/kept_maps_*"))
