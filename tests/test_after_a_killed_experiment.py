"""What a killed experiment left half-written in a finished run is gone when the next one uses that run."""

from types import SimpleNamespace

import pytest

from convcam_jax.settings.config import Config
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.files import PARTIAL_PREFIX
from experiments import explain, export, report

# Of each experiment, what reads and writes.
STEPS = {
    explain: ("run_of_folder", "find_recordings", "explain_recordings"),
    export: ("run_of_folder", "write_models"),
    report: (
        *("read_earlier_run", "check_up_to_date", "check_written", "never_made", "load_earlier_run"),
        "files_of_stages",
    ),
}


@pytest.mark.parametrize("experiment", STEPS, ids=lambda experiment: experiment.__name__)
def test_the_next_experiment_removes_it(experiment, tmp_path, monkeypatch):
    read = SimpleNamespace(folder=tmp_path, members=(), references=None, record={}, part_size=1, read_parts=list)
    for step in STEPS[experiment]:
        monkeypatch.setattr(experiment, step, lambda *args, step=step: [] if step == "never_made" else read)
    if experiment is report:
        monkeypatch.setattr(report.report, "write_report", lambda *args: None)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / f"{PARTIAL_PREFIX}0123abcd-models.safetensors").write_bytes(bytes(9))
    experiment.run(RunSettings(Config(), tmp_path, tmp_path / "cache"))
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]
