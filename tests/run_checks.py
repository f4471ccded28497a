"""What must hold of the files of every finished run of the experiment `paper`, whatever was chosen."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from small_run import FIGURES, table

from convcam_jax.measures.metric_table import METRICS
from convcam_jax.report.encode import as_json

MEMBER = ["group", "fold", "seed"]
# The map of the nodes; there is none of a method whose maps are on the grid of the input.
FIGURE_OF_NODES = "figure06.png"
FIGURES_OF_SANITY = ("sanity_maps.png", "sanity_metrics.png")
WITH_MEMBERS = ("predictions.csv", "metrics.csv", "members.csv", "history.csv", "sanity.csv", "faithfulness.csv")
# Not made where no member is checked.
OF_CHECKS = ("sanity.csv", "faithfulness.csv")
SHARES = {
    "members.csv": ("train_accuracy", "validation_accuracy", "test_accuracy", "uar"),
    "history.csv": ("train_accuracy", "validation_accuracy"),
    "metrics.csv": tuple(name for name, metric in METRICS.items() if metric.is_share),
    "resynthesis.csv": ("area", "energy_ratio", "p_explained"),
    "faithfulness.csv": ("share", "probability"),
}


def assert_whole(
    workdir: Path, cohorts: set[tuple[str, str]], n_seeds: int, on_input: bool = False, checked: bool = True
) -> None:
    """A run's tables fit together, its numbers can be true, and nothing that it should show is missing.

    cohorts: every (group, fold) that there should be; checked: whether sanity and faithfulness were to be checked.
    """
    without = () if checked else OF_CHECKS
    assert_members(workdir, cohorts, n_seeds, without)
    assert_tested_once(workdir)
    assert_possible_numbers(workdir, without)
    assert_shown(workdir, on_input, checked)


def assert_members(workdir: Path, cohorts: set[tuple[str, str]], n_seeds: int, without: Sequence[str] = ()) -> None:
    """Each cohort has its members, one of them chosen, and each table is about them alone."""
    members = table(workdir, "members.csv")
    expected = {(*cohort, seed) for cohort in cohorts for seed in range(n_seeds)}
    assert sorted(members[MEMBER].itertuples(index=False, name=None)) == sorted(expected)
    assert (members.groupby(["group", "fold"])["chosen"].sum() == 1).all()
    for name in set(WITH_MEMBERS) - set(without):
        assert set(table(workdir, name)[MEMBER].itertuples(index=False, name=None)) <= expected, name
    answers = table(workdir, "predictions.csv")
    right = answers.assign(right=answers["truth"] == answers["predicted"]).groupby(MEMBER)["right"].mean()
    np.testing.assert_allclose(members.set_index(MEMBER)["test_accuracy"].sort_index(), right.sort_index())


def assert_tested_once(workdir: Path) -> None:
    """The recordings for the test, each in one fold, and those of the tables of answers and metrics are the same."""
    folds, members = table(workdir, "folds.csv"), table(workdir, "members.csv")
    tested = folds[folds["split"] == "test"]
    assert len(tested) > 0
    assert tested["recording"].is_unique
    assert set(tested["recording"]) <= set(table(workdir, "utterances.csv")["recording"])
    expected = tested.merge(members, on=["group", "fold"])[["recording", *MEMBER]]
    for name in ("predictions.csv", "metrics.csv"):
        found = table(workdir, name)[["recording", *MEMBER]]
        pd.testing.assert_frame_equal(_sorted(found), _sorted(expected))
    with np.load(workdir / "maps.npz") as maps:
        assert set(maps) == {*(f"map/{name}" for name in tested["recording"]), "frequency_hz", "time_s"}


def _sorted(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sort_values(list(rows.columns)).reset_index(drop=True)


def assert_possible_numbers(workdir: Path, without: Sequence[str] = ()) -> None:
    """Shares lie in 0..1, probabilities add up to 1, and the maps of a figure are in 0..1."""
    for name, columns in SHARES.items():
        if name in without:
            continue
        values = table(workdir, name)[list(columns)].to_numpy(float)
        assert len(values) > 0, name
        # There is none where a network of one epoch answers nothing correctly.
        known = values[~np.isnan(values)]
        assert ((known >= -1e-6) & (known <= 1 + 1e-6)).all(), name
    answers = table(workdir, "predictions.csv")
    emotions = sorted(set(table(workdir, "utterances.csv")["emotion"]))
    probabilities = answers[[f"probability/{emotion}" for emotion in emotions]].set_axis(emotions, axis=1)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-5)
    assert (answers["predicted"] == probabilities.idxmax(axis=1)).all()
    with np.load(workdir / "maps.npz") as maps:
        for name in set(maps) - {"frequency_hz", "time_s"}:
            assert 0 <= maps[name].min() <= maps[name].max() <= 1


def assert_shown(workdir: Path, on_input: bool, checked: bool = True) -> None:
    """The paper's figures and tables, the report, and in it every recording of the test."""
    figures = {*FIGURES, "learning_curves.png", *(FIGURES_OF_SANITY if checked else ())}
    for name in figures - ({FIGURE_OF_NODES} if on_input else set()):
        data = (workdir / "figures" / name).read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        assert len(data) > 5000, name
    for name in ("table1", "table2", "table3", "table4", "table5", "accuracy", "claims", "verdicts"):
        assert len(table(workdir, f"tables/{name}.csv")) > 0, name
    report = (workdir / "report.html").read_text(encoding="utf-8")
    assert all(as_json(recording) in report for recording in table(workdir, "metrics.csv")["recording"])
