"""The experiment with planted evidence, from sound to verdicts, with networks that hardly learn."""

import dataclasses
import shutil

import numpy as np
import pandas as pd
import pytest
from reads import no_ignored_field_is_read
from tiny_evidence import tiny_config

from convcam_jax.attribution.config import AttributionConfig
from convcam_jax.checks.evidence.config import EVIDENCE_CLASSES, EVIDENCE_VARIANTS, EvidenceConfig
from convcam_jax.checks.evidence.explanations import Pair
from convcam_jax.checks.evidence.scoring import HeldOut
from convcam_jax.checks.explanation_metrics.metric_list import EXPLANATION_METRICS
from convcam_jax.corpora.synthetic.cues import CUES
from convcam_jax.corpora.synthetic.variants import VARIANTS
from convcam_jax.data.dataset import Dataset
from convcam_jax.data.members import Cohort
from convcam_jax.settings.flags import read_flags
from convcam_jax.stages.planted_evidence import evidence, metrics_of_methods
from convcam_jax.stages.run import Run
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.errors import UserError
from convcam_jax.system.formats import read_arrays, read_csv, write_text
from experiments import command, descriptions
from experiments import evidence as experiment

COHORT = Cohort("female", "all")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, cache_dir):
    workdir = tmp_path_factory.mktemp("runs") / "evidence"
    with no_ignored_field_is_read("evidence"):
        experiment.run(RunSettings(tiny_config(), workdir, cache_dir))
    return workdir


@pytest.mark.slow
def test_every_map_is_scored_beside_its_controls(finished):
    table = read_csv(finished / "evidence.csv")
    # One test recording per class; Grad-CAM in two placements, the other method in none, trained and random.
    assert len(table) == 2 * 2 * 3 * (3 * 2 + 2)
    counts = table.groupby(["variant", "method", "placement", "source"], dropna=False).size()
    assert set(counts) == {2 * 3}
    assert set(table["source"]) == {"network", "random_weights", "energy", "chance"}
    scores = table[["relevance_mass", "relevance_rank", "pointing", "average_precision"]].to_numpy()
    assert ((scores >= 0) & (scores <= 1)).all()
    assert table["shift_p"].isna().equals(table["source"] == "chance")
    assert set(table.query("variant == 'burst'")["class"]) == set(CUES["burst"].classes)


@pytest.mark.slow
def test_truth_is_that_of_the_test_recordings(finished):
    truth = read_arrays(finished / "evidence_truth.npz")
    utterances = read_csv(finished / "utterances.csv").query("split == 'test'")
    assert set(truth) == {f"cells/{recording}" for recording in utterances["recording"]}
    shares = read_csv(finished / "evidence.csv").groupby("recording")["truth_share"].first()
    for name, n_frames in utterances.set_index("recording")["n_frames"].items():
        assert truth[f"cells/{name}"].shape == (96, n_frames)
        assert truth[f"cells/{name}"].mean() == pytest.approx(shares[name])
        assert 0 < shares[name] < 0.5


@pytest.mark.slow
def test_answers_and_maps_are_those_of_the_networks(finished):
    members = read_csv(finished / "evidence_members.csv").set_index(["variant", "group", "fold", "seed"])
    table = read_csv(finished / "evidence.csv")
    answers = table.query("source == 'energy'").groupby(["variant", "group", "fold", "seed"])["correct"].mean()
    assert answers.to_dict() == pytest.approx(members["test_accuracy"].to_dict())
    arrays = read_arrays(finished / "variants" / "burst" / "explanations.npz")
    assert arrays["cohorts"].tolist() == [["female", "all"]]
    assert arrays["trained_gradcam_0"].shape == (2, 3, 90, 12)
    assert arrays["random_gradient_x_input_0"].shape == (2, 3, 96, 64)
    assert not np.allclose(arrays["trained_gradcam_0"], arrays["random_gradcam_0"])


@pytest.mark.slow
def test_tables_verdicts_and_figures_are_there(finished):
    verdicts = read_csv(finished / "tables" / "evidence_verdicts.csv")
    assert len(verdicts) <= 2 * 3
    assert set(verdicts.query("variant == 'none'")["verdict"]) <= {"no evidence planted"}
    for name in ("summary", "methods", "verdicts"):
        assert (finished / "tables" / f"evidence_{name}.md").read_text(encoding="utf-8").startswith("| ")
    for name in ("scores", "examples", "methods"):
        assert (finished / "figures" / f"evidence_{name}.png").stat().st_size > 10_000


@pytest.mark.slow
def test_metrics_of_explanations_are_those_of_all_maps_and_controls(finished):
    table = read_csv(finished / "evidence_metrics.csv")
    # Three maps of each network beside random weights and shifted ones, and two that no network makes.
    assert len(table) == 2 * 2 * 3 * (3 * 3 + 2)
    assert set(table["source"]) == {"network", "random_weights", "shifted", "energy", "random"}
    # One of the networks says the same of one recording whatever is taken away of it.
    answers_change = table["infidelity"].notna()
    assert table[~answers_change].groupby(["variant", "seed", "recording"]).ngroups <= 1
    # Grad-CAM's map is not meant to sum to anything.
    assert table["completeness"].notna().equals((table["method"] == "gradient_x_input") & answers_change)
    bounded = ["sparseness", "road", "infidelity", "average_increase", "average_drop", "average_gain", "input_fidelity"]
    shares = table.loc[answers_change, bounded]
    assert ((shares >= 0) & (shares <= 1 + 1e-5)).all(axis=None)
    # What does not ask the network is the same for another class, and what is fixed does not change with the input.
    assert table.loc[table["method"] == "none", "random_logit"].to_numpy() == pytest.approx(1, abs=1e-5)
    assert (table.loc[table["source"] == "random", "max_sensitivity"] == 0).all()
    # Moving a map leaves its values, and how they change.
    wide = table[table["method"] == "gradient_x_input"].pivot_table(
        ["sparseness", "max_sensitivity"], ["variant", "seed", "recording"], "source"
    )
    for name in ("sparseness", "max_sensitivity"):
        np.testing.assert_allclose(wide[name]["shifted"], wide[name]["network"], rtol=1e-4)
    agreement = read_csv(finished / "tables" / "explanation_metrics.csv")
    assert agreement["metric"].tolist() == list(EXPLANATION_METRICS)
    assert agreement["sentence"].str.len().min() > 0
    by_cue = read_csv(finished / "tables" / "explanation_metrics_by_cue.csv")
    assert set(by_cue["metric"]) == set(agreement.loc[agreement["n_networks"] > 0, "metric"])
    totals = by_cue.groupby("metric")["n_networks"].sum()
    assert totals.to_dict() == agreement[agreement["n_networks"] > 0].set_index("metric")["n_networks"].to_dict()


@pytest.mark.slow
def test_a_second_run_trains_nothing_and_gives_the_same(finished, cache_dir):
    explanations = finished / "variants" / "burst" / "explanations.npz"
    before = explanations.stat().st_mtime_ns, (finished / "evidence.csv").read_bytes()
    config = tiny_config()
    # What is asked for besides may be left out, or come later.
    without = dataclasses.replace(config.evidence, explanation_metrics=False)
    experiment.run(RunSettings(dataclasses.replace(config, evidence=without), finished, cache_dir))
    assert (explanations.stat().st_mtime_ns, (finished / "evidence.csv").read_bytes()) == before
    assert not [*finished.glob("evidence_metrics.csv"), *finished.glob("*/explanation_metrics*")]
    shutil.rmtree(explanations.parent / "training" / "round_00")
    metrics = explanations.with_name("evidence_metrics.csv")
    metrics.write_text("of other networks")
    experiment.run(RunSettings(config, finished, cache_dir))
    assert explanations.stat().st_mtime_ns > before[0]
    assert len(read_csv(metrics)) > 0
    assert (finished / "evidence.csv").read_bytes() == before[1]
    other = dataclasses.replace(config, corpus=dataclasses.replace(config.corpus, seed=1))
    with pytest.raises(UserError, match=r"corpus\.seed \(0 there, 1 now\)"):
        experiment.run(RunSettings(other, finished, cache_dir))


@pytest.mark.parametrize(
    ("method", "changed", "in_its_unit"),
    [
        ("hirescam", {}, True),
        ("hirescam", {"baseline": "mean"}, True),
        ("gradient_x_input", {"baseline": "mean"}, True),
        ("composite_lrp", {}, True),
        ("gradcam", {}, False),
        ("saliency", {}, False),
        ("occlusion", {}, False),
        ("expected_gradients", {}, False),
        ("sound_and_silence", {}, False),
        ("deep_lift", {"baseline": "mean"}, False),
        ("integrated_gradients", {}, True),
        ("integrated_gradients", {"score": "softmax"}, False),
        ("integrated_gradients", {"baseline": "mean"}, False),
        ("lime", {}, False),
        ("kernel_shap", {}, False),
    ],
)
def test_maps_are_added_up_where_their_sum_can_be_what_the_logit_gains_over_silence(method, changed, in_its_unit):
    signed = np.arange(24.0).reshape(1, 2, 3, 4)
    found = metrics_of_methods._signed_sums(AttributionConfig(method=method, **changed), Pair(signed, 2 * signed))
    expected = ([[66, 210]], [[132, 420]]) if in_its_unit else np.full((2, 1, 2), np.nan)
    np.testing.assert_array_equal(found, expected)


def test_metrics_of_another_class_than_the_explained_one_are_refused_at_the_start(tmp_path):
    config = tiny_config()
    predicted = dataclasses.replace(config, attribution=AttributionConfig(target="predicted"))
    with pytest.raises(UserError, match=r"attribution\.target: must be truth with evidence\.explanation_metrics"):
        experiment.run(RunSettings(predicted, tmp_path / "run", tmp_path))
    assert not list(tmp_path.iterdir())


def test_metrics_that_are_not_asked_for_do_not_stay(tmp_path):
    config = tiny_config()
    without = dataclasses.replace(config, evidence=dataclasses.replace(config.evidence, explanation_metrics=False))
    files = [tmp_path / name for name in ("evidence_metrics.csv", "tables/explanation_metrics_by_cue.md")]
    kept = tmp_path / "tables" / "evidence_summary.csv"
    for path in (*files, kept):
        write_text(path, "earlier")
    dataset = Dataset((), (), (), ())
    made = evidence.Evidence({"burst": Run(without, tmp_path / "burst", tmp_path, dataset)}, {}, {})
    metrics_of_methods.judge(made, pd.DataFrame(), tmp_path)
    assert [path.exists() for path in (*files, kept)] == [False, False, True]


def test_metrics_of_a_variant_are_made_again_where_some_of_them_are_lost(tmp_path, monkeypatch):
    """Cut at the end of a row, a table can be read."""
    asked = []
    maps = evidence.EvidenceMaps(HeldOut([], [], [], []), np.array([0]), np.zeros((1, 1, 3)), {})
    monkeypatch.setattr(metrics_of_methods, "explained", lambda *_: {COHORT: maps})
    rows = pd.DataFrame({"recording": ["a", "b"], "sparseness": [0.5, 0.25]})
    monkeypatch.setattr(metrics_of_methods, "_of_cohort", lambda *_: asked.append(COHORT) or [rows])
    run = Run(tiny_config(), tmp_path, tmp_path, Dataset((), (), (), ()))
    for damage in (
        None,
        lambda text: text,
        lambda text: text[: text.rindex("b,")],
        lambda text: text.replace("5", "6"),
    ):
        if damage is not None:
            path = tmp_path / "evidence_metrics.csv"
            path.write_text(damage(path.read_text()))
        pd.testing.assert_frame_equal(metrics_of_methods._of_variant(run, "burst", {}), rows)
    assert len(asked) == 3


def config_of(*arguments: str):
    return command.config_of(read_flags(["--experiment=evidence", *arguments], descriptions()))


def test_the_size_chooses_defaults_that_may_be_changed():
    small = config_of("--set=evidence.size=small")
    assert small.corpus.emotions == EVIDENCE_CLASSES
    assert small.evidence.genders == ("female",)
    assert (small.train.seeds, small.corpus.speakers_per_gender) == (4, 2)
    default = config_of()
    assert default.evidence.variants == EVIDENCE_VARIANTS
    assert (len(default.evidence.methods), default.train.seeds) == (10, 4)
    full = config_of("--set=evidence.size=full")
    assert full.evidence.variants == VARIANTS
    assert len(full.evidence.planted) == sum(len(cue.strengths) for cue in CUES.values()) + 2
    assert default.evidence.planted == default.evidence.variants
    changed = config_of("--set=train.epochs=2", "--set=evidence.size=small", "--set=evidence.methods=layercam")
    assert (changed.train.epochs, changed.evidence.methods) == (2, ("layercam",))
    assert config_of("--seeds=6").train.seeds == 6


def test_methods_are_compared_once_and_the_runs_own_comes_first():
    methods = ("--set=attribution.method=layercam", "--set=evidence.methods=gradcam,layercam,scorecam")
    compared = evidence.compared_configs(config_of(*methods, "--set=attribution.score=softmax"))
    assert [own.method for own in compared] == ["layercam", "gradcam", "scorecam"]
    assert {own.score for own in compared} == {"softmax"}


def test_values_go_with_the_defaults_of_the_size():
    assert config_of("--set=train.warmup_epochs=8").train.warmup_epochs == 8
    with pytest.raises(UserError, match=r"train\.warmup_epochs: must lie in 0\.\.11"):
        config_of("--set=train.warmup_epochs=12")
    small = config_of("--set=train.warmup_epochs=8", "--set= evidence.size = small", "--set=train.epochs=9")
    assert (small.train.epochs, small.evidence.genders) == (9, ("female",))
    with pytest.raises(UserError, match=r"evidence\.size=tiny: must be one of"):
        config_of("--set=evidence.size=tiny")


def test_wrong_fields_are_refused():
    with pytest.raises(UserError, match=r"evidence.variants=f1: must be one of f0, envelope"):
        config_of("--set=evidence.variants=f0,f1")
    with pytest.raises(UserError, match=r"evidence\.truth_threshold: must lie in"):
        EvidenceConfig(truth_threshold=0)
