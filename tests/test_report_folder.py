"""What a report reads and removes in a run's folder, and what it leaves to the user."""

import pandas as pd
from fake_report import CONFIG

from convcam_jax.data.dataset import Dataset
from convcam_jax.stages import report
from convcam_jax.stages.run import Run
from convcam_jax.system.formats import write_csv


def test_verdicts_are_those_of_the_programs_own_tables_whatever_lies_beside_them(tmp_path):
    own = pd.DataFrame({"metric": ["q"], "sentence": ["One."]})
    for name in ("stability_verdicts", "verdicts", "confusion_verdicts"):
        write_csv(tmp_path / f"{name}.csv", own)
    (tmp_path / "my_verdicts.csv").write_text("cue,found\nburst,yes\n")
    (tmp_path / "empty_verdicts.csv").touch()
    (tmp_path / "other_verdicts.csv").write_bytes(b"\xff\xfe,\x00")
    (tmp_path / "folder_verdicts.csv").mkdir()
    shown = list(report._verdicts(tmp_path))
    assert [(table["title"], table["rows"]) for table in shown] == [
        ("verdicts", [["One.", "q"]]),
        ("stability verdicts", [["One.", "q"]]),
    ]


def test_sounds_of_earlier_thresholds_are_removed_and_files_of_the_user_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "_all_shown", lambda run: ["a"])
    monkeypatch.setattr(report, "in_processes", lambda make, tasks: (({}, 200.0) for _ in tasks))
    monkeypatch.setattr(report, "make_page", lambda overview, recordings: "page")
    monkeypatch.setattr(report, "_overview", lambda run, snr_db, n_left_out: {})
    run = Run(CONFIG, tmp_path, tmp_path, Dataset((), (), (), ()))
    run.cohort_maps = []
    (tmp_path / "listening" / "folder_original.wav").mkdir(parents=True)
    for name in ("a_original", "a_only_7.5", "a_without_7.5", "noise"):
        (tmp_path / "listening" / f"{name}.wav").touch()
    report.write_report(run)
    assert {path.stem for path in (tmp_path / "listening").iterdir()} == {"folder_original", "noise"}
    assert (tmp_path / "report.html").exists()
