"""The experiment that compares networks: its configs, its tables by hand, and the whole of it, begun again."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_run import QUICK, finish, table, times

from convcam_jax.checks.across_networks.run_rows import TABLES, FinishedRun, network_agreement, run_rows, sentences
from convcam_jax.figures.checks.across_networks import networks as draw_networks
from convcam_jax.settings import presets
from convcam_jax.settings.compared import compared_configs, compared_evidence
from convcam_jax.settings.overrides import apply_overrides
from convcam_jax.settings.presets import Choices, make_config, with_device_defaults
from convcam_jax.stages.record import run_record
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.errors import UserError
from convcam_jax.system.formats import write_json, write_text
from convcam_jax.system.process.lock import locked
from experiments import evidence, networks, paper


def accuracy_rows() -> pd.DataFrame:
    columns = ["level", "group", "measure", "mean", "seeds_low", "seeds_high"]
    rows = [
        ("group", "female", "accuracy", 80.0, 70.0, 90.0),
        ("group", "male", "accuracy", 60.0, 50.0, 70.0),
        ("group", "female", "uar", 78.0, 68.0, 88.0),
        ("group", "male", "uar", 58.0, 48.0, 68.0),
        ("speaker", "female", "accuracy", 1.0, 1.0, 1.0),
        ("all", "all", "accuracy", 2.0, 2.0, 2.0),
    ]
    return pd.DataFrame(rows, columns=columns)


def control_rows() -> pd.DataFrame:
    rows = [
        ("emotion", "female", "time_shift", True, 0.01),
        ("emotion", "female", "time_shift", False, 0.5),
        # Not decided by the draws; not tested.
        ("emotion", "female", "time_shift", None, 0.06),
        ("emotion", "female", "time_shift", None, np.nan),
        ("emotion", "male", "time_shift", True, 0.01),
        ("emotion", "female", "random_blobs", True, 0.01),
        ("group", "female", "time_shift", True, 0.01),
    ]
    return pd.DataFrame(rows, columns=["level", "group", "control", "above_chance", "q"])


def finished(**changes) -> FinishedRun:
    run = FinishedRun(
        name="simplenet-cqt",
        n_nodes=(90, 47),
        accuracy=accuracy_rows(),
        metrics=pd.DataFrame({"group": ["female"] * 4 + ["male"], "map_is_zero": [True, False, False, False, False]}),
        controls=dict.fromkeys(TABLES, control_rows()),
        stability=pd.DataFrame(
            [
                ("map_mean", "female", "all", "rank_correlation", 0.5),
                ("map_mean", "female", "fear", "rank_correlation", 0.1),
                ("map_mean", "female", "all", "ssim", 0.2),
                ("map_mean", "male", "all", "rank_correlation", 0.4),
            ],
            columns=["kind", "group", "emotion", "name", "value"],
        ),
        faithfulness=pd.DataFrame(
            [
                ("female", "deletion", "zeros", "energy", -0.1),
                ("male", "deletion", "zeros", "energy", 0.3),
                ("female", "deletion", "blurred", "energy", 0.9),
                ("female", "deletion", "zeros", "random", 0.2),
                ("female", "insertion", "zeros", "random", 0.05),
                ("female", "insertion", "zeros", "energy", 0.06),
            ],
            columns=["group", "curve", "fill", "order", "gain"],
        ),
        planted=pd.DataFrame(
            [
                ("gradcam", "stretched", "network", 0.1),
                ("gradcam", "receptive_field", "network", 0.2),
                ("gradcam", "receptive_field", "random_weights", 0.3),
                ("none", "none", "energy", 0.4),
            ],
            columns=["method", "placement", "source", "planted_mean"],
        ),
    )
    return run._replace(**changes)


def test_rows_of_a_run():
    female, male = run_rows(finished(), "gradcam").to_dict("records")
    assert female == {
        **{"run": "simplenet-cqt", "group": "female", "node_rows": 90, "node_columns": 47},
        **{"accuracy": 80, "accuracy_low": 70, "accuracy_high": 90, "uar": 78, "uar_low": 68, "uar_high": 88},
        "zero_maps": 0.25,
        **{f"{name}_above_chance": 1 for name in TABLES},
        **{f"{name}_cells": 3 for name in TABLES},
        "seed_agreement": 0.5,
        **{"deletion_over_random": 0.2, "deletion_over_energy": -0.1},
        **{"insertion_over_random": 0.05, "insertion_over_energy": 0.06},
        **{"planted_precision": 0.2, "energy_precision": 0.4},
    }
    assert (male["zero_maps"], male["deletion_over_energy"], male["table4_above_chance"], male["table4_cells"]) == (
        *(0, 0.3),
        *(1, 1),
    )
    assert np.isnan(male["insertion_over_energy"])


def test_cells_that_the_draws_do_not_decide_count_as_tested():
    """Those that pass are always decided: of six tested cells one, and not all of those that are decided."""
    place = {"level": "emotion", "group": "all", "control": "time_shift"}
    one = pd.DataFrame({"above_chance": [True] + [None] * 5, "q": [0.01] + [0.06] * 5}).assign(**place)
    for controls in (one, one.astype({"above_chance": "boolean"})):
        run = finished(
            metrics=pd.DataFrame({"group": ["all"], "map_is_zero": [False]}),
            accuracy=accuracy_rows().query("group == 'male'").assign(group="all"),
            controls=dict.fromkeys(TABLES, controls),
        )
        rows = run_rows(run, "gradcam")
        assert rows[["table5_above_chance", "table5_cells"]].iloc[0].tolist() == [1, 6]
        assert "; 3 of 18 cells of Tables 3 to 5 are" in sentences([run], rows)[0]
        [panel] = [axes for axes in draw_networks(rows).axes if axes.get_xlabel().startswith("cells")]
        assert [bar.get_width() for bar in panel.patches] == pytest.approx([100 / 6])


def test_what_was_not_run_is_empty_and_has_no_panel():
    nothing = pd.DataFrame()
    rows = run_rows(finished(stability=nothing, faithfulness=nothing, planted=nothing), "gradcam")
    empty = ["seed_agreement", "deletion_over_random", "insertion_over_energy", "planted_precision", "energy_precision"]
    assert rows[empty].isna().all(axis=None)
    assert len(draw_networks(rows).axes) == 3
    assert len(draw_networks(run_rows(finished(), "gradcam")).axes) == 6
    assert "deleting" not in sentences([finished()], rows)[0]


def test_a_group_whose_deletion_was_not_run_decides_nothing():
    rows = run_rows(finished(), "gradcam")
    rows["deletion_over_energy"] = [0.2, np.nan]
    assert sentences([finished()], rows)[0].endswith(
        "the map's order gains 0.20 (female) in area over deleting the loudest cells."
    )


def test_sentences_begin_with_the_most_accurate_run():
    better = finished(name="other-cqt", accuracy=accuracy_rows().assign(mean=lambda rows: rows["mean"] + 5))
    rows = pd.concat([run_rows(finished(), "gradcam"), run_rows(better, "gradcam")])
    # Of four maps of women and one of men one is zero.
    assert sentences([finished(), better], rows) == [
        f"{name} (90 x 47 nodes) is right in {right}; 6 of 12 cells of Tables 3 to 5 are better than the same maps "
        "moved in time, and 20.0 % of its maps are zero everywhere; deleting in the map's order gains -0.10 "
        "(female), 0.30 (male) in area over deleting the loudest cells."
        for name, right in (
            ("other-cqt", "85.0 % of female, 65.0 % of male"),
            ("simplenet-cqt", "80.0 % of female, 60.0 % of male"),
        )
    ]


def test_agreement_of_maps():
    rising, falling, flat = np.arange(6.0).reshape(2, 3), -np.arange(6.0).reshape(2, 3), np.zeros((2, 3))
    maps = {
        "a": {"x": rising, "y": rising, "z": rising, "only_here": rising},
        "b": {"x": rising, "y": falling, "z": rising},
        "c": {"x": flat, "y": flat, "z": rising},
    }
    names = ["z", "x", "y", "only_here", "no_map"]
    groups = ["male", "female", "male", "male", "male"]
    found = network_agreement(maps, pd.DataFrame({"recording": names, "group": groups, "speaker": list("bacad")}))
    values = {
        (row.run, row.other_run, row.group): (row.rank_correlation, row.n_recordings) for row in found.itertuples()
    }
    assert values["a", "b", "female"] == pytest.approx((1, 1))
    assert values["a", "b", "male"] == pytest.approx((0, 2))
    assert np.isnan(values["a", "c", "female"][0])
    assert values["a", "c", "female"][1] == 0
    assert values["b", "c", "male"] == pytest.approx((1, 1))


def test_limits_of_the_agreement_of_maps_are_over_speakers():
    """The mean is a plain one, whose recordings are no samples of their own."""
    rising = np.arange(3.0)[None]
    orders = {1.0: [0.0, 1.0, 2.0], 0.5: [0.0, 2.0, 1.0]}
    correlations, speakers = [0.5, 0.5, 0.5, 0.5, 1.0], ["a", "a", "b", "c", "c"]
    names = list("vwxyz")
    others = {name: np.array([orders[value]]) for name, value in zip(names, correlations, strict=True)}
    utterances = pd.DataFrame({"recording": names, "speaker": speakers, "group": "all"})
    [row] = network_agreement({"one": dict.fromkeys(names, rising), "other": others}, utterances).to_dict("records")
    assert row["rank_correlation"] == pytest.approx(0.6)
    # Student's t with 2 degrees of freedom is 4.3027; the upper limit would be above 1.
    without_one = np.array([2 / 3, 5 / 8, 1 / 2])
    half_width = 4.3027 * np.sqrt(2 / 3 * np.square(without_one - without_one.mean()).sum())
    assert (row["low"], row["high"]) == (pytest.approx(0.6 - half_width, abs=1e-4), 1)
    assert (row["n_recordings"], row["n_speakers"]) == (5, 3)


@pytest.fixture
def begun(monkeypatch) -> list[str]:
    """The runs that are begun, by their experiments and names; none is made."""
    names: list[str] = []
    for experiment in (paper, evidence):
        monkeypatch.setattr(experiment, "run", lambda own: names.append(f"{own.config.experiment} {own.workdir.name}"))
    monkeypatch.setattr(networks.across_networks, "present", lambda *_: None)
    return names


def settings_of(workdir: Path, *changes: str) -> RunSettings:
    own = ("networks.networks=resnet_small,simplenet", "networks.evidence=true")
    return RunSettings(apply_overrides(make_config(Choices("networks")), [*own, *changes]), workdir, workdir)


WRITTEN = ("tables/networks.csv", "tables/network_verdicts.md", "tables/network_agreement.md", "figures/networks.png")


def with_runs(workdir: Path) -> None:
    """What a finished comparison leaves, of which only the second network was in the list."""
    runs = compared_configs(settings_of(workdir).config)
    for folder, configs in (("runs", runs), ("evidence", compared_evidence(runs))):
        name = "simplenet-cqt"
        write_json(workdir / folder / name / "config.json", run_record(with_device_defaults(configs[name]), []))
    for name in WRITTEN:
        write_text(workdir / name, "earlier")


@pytest.mark.parametrize(
    ("change", "where"),
    [("train.epochs=2", "runs"), ("corpus.max_frames=210", "runs"), ("attribution.method=hirescam", "evidence")],
)
def test_settings_that_do_not_fit_a_later_run_are_refused_before_the_first(tmp_path, begun, change, where):
    with_runs(tmp_path)
    field = change.partition("=")[0]
    with pytest.raises(UserError, match=f"{where}/simplenet-cqt: holds a run of another config, differing in {field}"):
        networks.run(settings_of(tmp_path, change))
    assert begun == []
    assert all((tmp_path / name).exists() for name in WRITTEN)


def test_a_comparison_of_other_runs_is_gone_when_the_first_is_begun(tmp_path, begun):
    with_runs(tmp_path)
    networks.run(settings_of(tmp_path, "sanity.seeds=0"))
    assert begun == [f"{kind} {name}-cqt" for kind in ("paper", "evidence") for name in ("resnet_small", "simplenet")]
    assert not any((tmp_path / name).exists() for name in WRITTEN)


@pytest.mark.parametrize("where", ["runs", "evidence"])
def test_a_run_that_is_in_use_elsewhere_is_refused_before_the_first(tmp_path, begun, where):
    folder = tmp_path / where / "simplenet-cqt"
    with locked(folder), pytest.raises(UserError, match=f"{where}/simplenet-cqt: is in use by process"):
        networks.run(settings_of(tmp_path))
    assert begun == []
    assert not any(tmp_path.iterdir())


def test_nobody_else_uses_a_run_meanwhile(tmp_path, monkeypatch):
    def refused(own):
        with pytest.raises(UserError, match="is in use"), locked(own.workdir):
            pass
        (own.workdir / "made").touch()

    for experiment in (paper, evidence):
        monkeypatch.setattr(experiment, "run", refused)
    monkeypatch.setattr(networks.across_networks, "present", lambda *_: None)
    networks.run(settings_of(tmp_path))
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert left == [
        f"{kind}/{name}-cqt/made" for kind in ("evidence", "runs") for name in ("resnet_small", "simplenet")
    ]


def test_a_missing_file_of_weights_of_a_later_network_is_told_before_the_first(tmp_path, begun):
    config = make_config(Choices("networks", corpus="emodb", data_dir="x", network="mobilenet"))
    weights = tmp_path / "weights.h5"
    changes = ["networks.networks=simplenet,mobilenet", f"network.weights={weights}"]
    with pytest.raises(UserError, match=f"network.weights: there is no file {weights}; the file for mobilenet is http"):
        networks.run(RunSettings(apply_overrides(config, changes), tmp_path / "w", tmp_path))
    assert begun == []


def test_networks_that_are_compared_are_trained_in_the_precision_of_those_that_are_there(tmp_path, monkeypatch):
    precisions = []
    for experiment in (paper, evidence):
        monkeypatch.setattr(experiment, "run", lambda own: precisions.append(own.config.train.precision))
    monkeypatch.setattr(networks.across_networks, "present", lambda *_: None)
    runs = compared_configs(settings_of(tmp_path, "train.precision=bfloat16").config)
    write_json(tmp_path / "runs" / "simplenet-cqt" / "config.json", run_record(runs["simplenet-cqt"], []))
    monkeypatch.setattr(presets, "fastest_precision", lambda: "float32")
    networks.run(settings_of(tmp_path))
    # Planted evidence is not begun yet.
    assert precisions == ["bfloat16", "bfloat16", "float32", "float32"]


@pytest.mark.slow
def test_networks_are_run_compared_and_not_run_again(tmp_path, run_cache_dir):
    workdir = tmp_path / "w"
    few = ("--experiment=networks", "--seeds=2", "--set=networks.networks=simplenet,resnet_small", *QUICK)
    few += ("--set=corpus.speakers_per_gender=1", "--set=corpus.emotions=anger,sadness", "--set=sanity.seeds=0")
    # As many as the recordings need, which each run finds out, as with nearly all corpora.
    few += ("--set=corpus.max_frames=0",)
    few += (
        "--set=report.random_masks=1",
        "--network=simplenet",
        "--set=network.filters=3,4,5",
        "--set=network.dense_units=6",
    )
    finish(workdir, run_cache_dir, *few)
    rows = table(workdir, "tables/networks.csv")
    assert list(zip(rows["run"], rows["group"], strict=True)) == [
        (run, group) for run in ("simplenet-cqt", "resnet_small-cqt") for group in ("female", "male")
    ]
    assert rows["accuracy"].between(0, 100).all()
    assert set(table(workdir, "tables/network_agreement.csv")["other_run"]) == {"resnet_small-cqt"}
    assert (workdir / "figures" / "networks.png").stat().st_size > 0
    assert len((workdir / "tables" / "network_verdicts.md").read_text().splitlines()) == 2
    before = times(workdir / "runs")
    assert finish(workdir, run_cache_dir, *few).count("nothing has to be made again") == 2
    after = times(workdir / "runs")
    kept = [name for name in before if "/training/" in name or name.endswith("report.html")]
    assert kept
    assert [name for name in kept if after[name] != before[name]] == []
    alone = ("--set=networks.networks=simplenet", *few[3:])
    finish(workdir, run_cache_dir, *few[:2], *alone)
    assert not list((workdir / "tables").glob("network_agreement.*"))
