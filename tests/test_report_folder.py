"""What a report reads and removes in a run's folder, and what it leaves to the user."""

import pandas as pd
from fake_report import CONFIG

from convcam_jax.data.dataset import Dataset
from convcam_jax.stages import report
from convcam_jax.stages.finished_run import files_of_stages
from convcam_jax.stages.run import Run
from convcam_jax.system.formats import write_csv, write_json


def test_verdicts_are_those_of_the_programs_own_tables_whatever_lies_beside_them(tmp_path):
    own = pd.DataFrame({"metric": ["q"], "sentence": ["One."]})
    folder = tmp_path / "tables"
    for name in ("stability_verdicts", "verdicts", "confusion_verdicts"):
        write_csv(folder / f"{name}.csv", own)
    (folder / "my_verdicts.csv").write_text("cue,found\nburst,yes\n")
    (folder / "empty_verdicts.csv").touch()
    (folder / "other_verdicts.csv").write_bytes(b"\xff\xfe,\x00")
    (folder / "folder_verdicts.csv").mkdir()
    shown = list(report._verdicts(report._Tables(tmp_path)))
    assert [(table["title"], table["rows"]) for table in shown] == [
        ("verdicts", [["One.", "q"]]),
        ("stability verdicts", [["One.", "q"]]),
    ]


def test_what_a_stage_wrote_that_is_to_be_made_again_is_not_shown(tmp_path):
    """It lies there still, and is of an earlier config."""
    made = "tables/stability_verdicts.csv"
    for name in (made, "tables/verdicts.csv", "tables/claims.csv", "controls.csv"):
        write_csv(tmp_path / name, pd.DataFrame({"metric": ["q"], "sentence": [name]}))
    seeds = {"fields": {}, "builds_on": {}, "files": {made: ""}, "start": ""}
    write_json(tmp_path / "stages.json", {"seeds": seeds})
    tables = report._Tables(tmp_path, files_of_stages(tmp_path))
    assert [table["rows"] for table in report._verdicts(tables)] == [[[made, "q"]]]
    assert list(report._shown_tables(tables, "")) == []
    assert tables.read_if_there("controls.csv").empty
    everything = report._Tables(tmp_path)
    assert len(list(report._verdicts(everything))) == 2
    assert len(list(report._shown_tables(everything, ""))) == len(everything.read_if_there("controls.csv")) == 1


def test_sounds_of_earlier_thresholds_are_removed_and_files_of_the_user_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "_all_shown", lambda run, tables: ["a"])
    monkeypatch.setattr(report, "in_processes", lambda make, tasks: (({}, 200.0) for _ in tasks))
    monkeypatch.setattr(report, "make_page", lambda overview, recordings: "page")
    monkeypatch.setattr(report, "_overview", lambda run, tables, snr_db, n_left_out: {})
    run = Run(CONFIG, tmp_path, tmp_path, Dataset((), (), (), ()))
    run.cohort_maps = []
    (tmp_path / "listening" / "folder_original.wav").mkdir(parents=True)
    for name in ("a_original", "a_only_7.5", "a_without_7.5", "noise"):
        (tmp_path / "listening" / f"{name}.wav").touch()
    report.write_report(run)
    assert {path.stem for path in (tmp_path / "listening").iterdir()} == {"folder_original", "noise"}
    assert (tmp_path / "report.html").exists()
