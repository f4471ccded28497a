"""Which switches the ablation makes, what it says of them, and the experiment on a made-up finished run."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from fake_results import in_groups, in_two_folds, make_results
from pages_of_files import columns_on_page

from convcam_jax.corpora.config import EMOTIONS
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.measures.config import AnalysisConfig
from convcam_jax.paper import ablation
from convcam_jax.paper.protocols import PUBLISHED_ANALYSIS
from convcam_jax.settings.config import Config
from convcam_jax.settings.overrides import flatten, restore
from convcam_jax.splits.per_cell import PerCell
from convcam_jax.stages.preparation import find_corpus, load_dataset
from convcam_jax.stages.record import run_record
from convcam_jax.stages.run import CohortExplanations, explanation_arrays
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.stages.stage import origins
from convcam_jax.system.errors import UserError
from convcam_jax.system.formats import read_csv, read_json, write_arrays, write_csv, write_json
from experiments import ablation as experiment
from experiments import paper

FIELDS = (
    "map_placement",
    "f0_reading",
    "isolated_voiced_frame",
    "table3_metric",
    "table4_metric",
    "chosen_by",
    "table_digits",
)
# One test recording per speaker and emotion.
CONFIG = dataclasses.replace(Config(), corpus=SyntheticConfig(speakers_per_gender=1, texts=3), split=PerCell(parts=3))


def test_each_field_in_which_the_protocols_differ_is_switched_on_its_own_from_either():
    assert ablation.differing_fields() == FIELDS
    variants = ablation.variants(ablation.protocols(AnalysisConfig()))
    assert [(v.base, v.field) for v in variants] == [
        *(("published", field) for field in FIELDS),
        ("published", "all"),
        *(("corrected", field) for field in FIELDS),
    ]
    bases = {"published": PUBLISHED_ANALYSIS, "corrected": AnalysisConfig()}
    for variant in variants:
        own = dataclasses.asdict(bases[variant.base])
        changed = {n for n, value in dataclasses.asdict(variant.analysis).items() if value != own[n]}
        assert changed == (set(FIELDS) if variant.field == "all" else {variant.field})
    assert variants[3].name == "published, table3_metric=q_rmse"


def test_thresholds_are_those_of_the_run():
    bases = ablation.protocols(AnalysisConfig(mask_threshold=0.2, trajectory_threshold=0.7))
    assert [(own.mask_threshold, own.trajectory_threshold) for own in bases.values()] == [(0.2, 0.7)] * 2


def test_only_placement_and_f0_are_measured_anew():
    variants = ablation.variants(ablation.protocols(AnalysisConfig()))
    same = {v.field for v in variants if ablation.measuring(v.analysis) == ablation.measuring(PUBLISHED_ANALYSIS)}
    assert same == {"table3_metric", "table4_metric", "chosen_by", "table_digits"}


def cells(value, seeds_mean):
    rows = [(3, "male", "fear", "min"), (4, "male", "fear", "min"), (4, "male", "anger", "min")]
    return pd.DataFrame(rows, columns=ablation.CELL).assign(value=value, seeds_mean=seeds_mean)


def test_differences_and_their_summary_by_hand():
    base = cells([0.2, 100.0, 50.0], [0.3, 90.0, 60.0])
    variant = ablation.Variant("published", "f0_reading", dataclasses.replace(PUBLISHED_ANALYSIS))
    # Other rows first: cells are told by their names.
    table = ablation.differences(variant, cells([0.1, 130.0, np.nan], [0.3, 80.0, 64.0]).iloc[::-1], base)
    assert columns_on_page("ablation.csv") == table.columns.tolist()
    by_cell = table.set_index(["table", "emotion"])
    assert by_cell["difference"].dropna().to_dict() == pytest.approx({(3, "fear"): -0.1, (4, "fear"): 30.0})
    assert by_cell.loc[(4, "anger"), "value_of_base"] == 50.0
    assert by_cell["seeds_mean_difference"].to_dict() == {(3, "fear"): 0, (4, "fear"): -10.0, (4, "anger"): 4.0}
    summary = ablation.summary(table).iloc[0]
    assert columns_on_page("tables/ablation.csv") == summary.index.tolist()
    assert summary[["base", "field", "switched_to"]].tolist() == ["published", "f0_reading", "resized_with_zeros"]
    assert summary["table3"] == pytest.approx(0.1)
    assert summary["table4"] == pytest.approx(30.0)
    assert np.isnan(summary["table5"])
    assert summary["table4_seeds_mean"] == pytest.approx(7.0)


def test_cells_are_those_of_the_tables():
    results = make_results(seeds=2)
    table = ablation.all_cells(results.metrics, results.members, PUBLISHED_ANALYSIS, EMOTIONS)
    assert len(table) == 3 * 2 * 6 * 4
    # Male fear has one recording, whose printed value is 134.71.
    male_fear = table.query("table == 4 and group == 'male' and emotion == 'fear' and statistic == 'mean'")
    assert male_fear["value"].item() == 134.71
    rooted = dataclasses.replace(PUBLISHED_ANALYSIS, table3_metric="q_rmse", table_digits="rounded")
    plain = dataclasses.replace(PUBLISHED_ANALYSIS, table_digits="rounded")
    both = [
        ablation.all_cells(results.metrics, results.members, analysis, EMOTIONS).query(
            "table == 3 and statistic == 'max'"
        )
        for analysis in (rooted, plain)
    ]
    np.testing.assert_allclose(both[0]["value"] ** 2, both[1]["value"], atol=2e-3)


def test_cells_of_two_folds_are_over_all_their_recordings():
    folded = in_two_folds(make_results(seeds=2))
    table = ablation.all_cells(folded.metrics, folded.members, PUBLISHED_ANALYSIS, EMOTIONS)
    assert not table.duplicated(ablation.CELL).any()
    assert len(table) == 3 * 2 * 6 * 4
    counted = folded.metrics.query("group == 'male' and emotion == 'fear' and seed == (fold == 'two')")
    male_fear = table.query("table == 4 and group == 'male' and emotion == 'fear' and statistic == 'mean'")
    assert len(counted) == 1
    assert np.isnan(male_fear["value"].item()) == (not counted["correct"].item())


def test_cells_of_one_group_of_any_name():
    results = in_groups(make_results(seeds=2), {"female": "all", "male": "all"})
    variant = ablation.Variant("published", "f0_reading", PUBLISHED_ANALYSIS)
    own = ablation.all_cells(results.metrics, results.members, PUBLISHED_ANALYSIS, EMOTIONS)
    assert set(own["group"]) == {"all"}
    changed = ablation.differences(variant, own, own)
    assert len(changed) == 3 * 6 * 4
    assert (changed["difference"].dropna() == 0).all()
    assert ablation.summary(changed)[["table3", "table4", "table5"]].to_numpy().tolist() == [[0, 0, 0]]


def test_config_is_restored_from_its_record():
    config = dataclasses.replace(CONFIG, analysis=PUBLISHED_ANALYSIS, protocol="published")
    flat = {name: list(v) if isinstance(v, tuple) else v for name, v in flatten(config).items()}
    assert restore(flat) == config
    assert restore({}) == Config()
    with pytest.raises(UserError, match=r"config field train\.speed: there is no such field"):
        restore({"train.speed": 1})


@pytest.fixture(scope="module")
def source(tmp_path_factory, cache_dir):
    """A finished run of two members per cohort with made-up maps; the second is better on the test set only."""
    folder = tmp_path_factory.mktemp("source")
    utterances = find_corpus(CONFIG, cache_dir).utterances
    dataset, _ = load_dataset(utterances, CONFIG, cache_dir)
    generator = np.random.default_rng(0)
    explained, members = {}, []
    for cohort in dataset.cohorts():
        tested = [dataset.utterances[i] for i in dataset.indices(cohort, "test")]
        assert len(tested) == 6
        logits = np.stack([np.eye(6)[[EMOTIONS.index(u.emotion) for u in tested]]] * 2)
        logits[0, 0] = -logits[0, 0]
        explained[cohort] = CohortExplanations(
            signed_maps=generator.normal(size=(2, 6, 90, 47)).astype(np.float32),
            logits=logits,
            seeds=np.arange(2),
            recordings=np.array([u.recording for u in tested]),
        )
        for seed, (validation, test) in enumerate([(0.9, 5 / 6), (0.5, 1.0)]):
            members.append([*cohort, seed, validation, 1.0, test, seed == 0])
    columns = ["group", "fold", "seed", "validation_accuracy", "validation_loss", "test_accuracy", "chosen"]
    write_json(folder / "config.json", run_record(CONFIG, utterances))
    write_arrays(folder / "explanations.npz", explanation_arrays(explained))
    write_csv(folder / "members.csv", pd.DataFrame(members, columns=columns))
    note_as_made(folder, flatten(CONFIG))
    return folder


def note_as_made(folder, fields):
    """Note the run's maps and members as made from a config's fields."""
    made = origins(paper.STAGES[:2], fields)
    write_json(folder / "stages.json", {name: {**origin, "files": {}, "start": ""} for name, origin in made.items()})


@pytest.mark.slow
def test_experiment(source, cache_dir, tmp_path):
    workdir = tmp_path / "run"
    experiment.run(RunSettings(Config(), workdir, cache_dir, from_workdir=source))
    table = read_csv(workdir / "ablation.csv")
    assert list(table.columns) == [
        *("variant", "base", "field", "table", "group", "emotion", "statistic"),
        *("value", "value_of_base", "difference", "seeds_mean_difference"),
    ]
    assert len(table) == 15 * 3 * 2 * 6 * 4
    moved = table[table["difference"].abs() > 0].groupby("field")["table"].unique().map(sorted).to_dict()
    assert moved.pop("all") == [3, 4, 5]
    assert moved.pop("map_placement") == [3, 4, 5]
    assert moved.pop("chosen_by") == [3, 4, 5]
    assert moved.pop("table_digits") == [3, 4, 5]
    assert moved.pop("table3_metric") == [3]
    assert all(tables == [4] for tables in moved.values())
    assert {"f0_reading", "table4_metric"} <= set(moved)
    # Who is chosen does not change the mean over all members.
    assert (table.loc[table["field"] == "chosen_by", "seeds_mean_difference"].dropna() == 0).all()
    # Both ways of going from one protocol to the other start where the other ends.
    ends = table[table["field"] == "all"]["value"].to_numpy()
    np.testing.assert_array_equal(ends, table.query("base == 'corrected' and field == 'chosen_by'")["value_of_base"])
    assert (workdir / "tables" / "ablation.md").read_text(encoding="utf-8").count("\n") == 17
    assert (workdir / "figures" / "ablation.png").stat().st_size > 0
    assert read_json(workdir / "config.json")["config"]["experiment"] == "ablation"


def test_what_is_no_finished_run_of_the_paper_is_refused(source, cache_dir, tmp_path):
    def refused(message, from_workdir):
        given = RunSettings(Config(), tmp_path / "run", cache_dir, from_workdir=from_workdir)
        with pytest.raises(UserError, match=message) as error:
            experiment.run(given)
        assert "\n" not in str(error.value)
        assert not given.workdir.exists()

    refused("none: there is no such folder; give a finished run", tmp_path / "none")
    broken = tmp_path / "broken"
    broken.mkdir()
    for name in ("explanations.npz", "members.csv", "config.json"):
        refused("is missing; give a finished run", broken)
        (broken / name).write_bytes((source / name).read_bytes())
    record = read_json(source / "config.json")
    write_json(broken / "config.json", {**record, "corpus_sha256": "0"})
    refused("was stopped before explanations, members had been made", broken)
    note_as_made(broken, flatten(CONFIG))
    refused(
        "the corpus is not the one of that run, or another version of the program gave its recordings other names",
        broken,
    )
    write_json(broken / "config.json", {**record, "config": {**record["config"], "experiment": "ablation"}})
    refused("is a run of ablation; give one of the experiment paper", broken)
    other = {**record["config"], "split.seed": 1}
    write_json(broken / "config.json", {**record, "config": other})
    # As where a run was killed that had begun to be made again.
    refused("was stopped before explanations had been made by its config; give the run's command again", broken)
    note_as_made(broken, other)
    refused(r"recordings \(female\) are not the test set of its config in this version of the program; make", broken)
    (broken / "config.json").write_text("{", encoding="utf-8")
    refused("cannot be read as the config of a run", broken)
