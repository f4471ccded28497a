"""Two processes that share the members of a run, as a user starts them."""

import socket
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from small_run import SMALL_RUN, environment

PROJECT_DIR = Path(__file__).resolve().parent.parent
SMALL = (
    *SMALL_RUN,
    "--set=train.epochs=2",
    # As many as each of two processes has.
    "--set=train.members_at_once=2",
)
TABLES = ("history.csv", "members.csv", "predictions.csv", "metrics.csv", "utterances.csv")
TIMEOUT_S = 600


def start(workdir: Path, cache_dir: Path, *arguments: str) -> subprocess.Popen:
    command = [sys.executable, "run.py", f"--workdir={workdir}", f"--cache_dir={cache_dir}", *SMALL, *arguments]
    return subprocess.Popen(command, cwd=PROJECT_DIR, env=environment(), stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen) -> str:
    """What it said on stderr."""
    try:
        _, said = process.communicate(timeout=TIMEOUT_S)
    finally:
        process.kill()
    assert process.returncode == 0, said
    return said


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        return listener.getsockname()[1]


@pytest.mark.slow
def test_two_processes_train_half_of_the_members_each_and_write_what_one_writes(tmp_path):
    cache_dir = tmp_path / "cache"
    finish(start(tmp_path / "one", cache_dir))
    shared = (f"--coordinator=localhost:{free_port()}", "--num_processes=2")
    processes = [start(tmp_path / "two", cache_dir, *shared, f"--process_id={number}") for number in (0, 1)]
    said = [finish(process) for process in processes]
    assert "training round 1 of 1 (float32): female 0, female 1" in said[0]
    assert "training round 1 of 1 (float32): male 0, male 1" in said[1]
    assert ["stage report" in text for text in said] == [True, False]
    for name in TABLES:
        one, two = (pd.read_csv(tmp_path / folder / name) for folder in ("one", "two"))
        pd.testing.assert_frame_equal(two, one, rtol=1e-6)
    files = [
        {str(path.relative_to(tmp_path / folder)) for path in (tmp_path / folder).rglob("*") if path.is_file()}
        for folder in ("one", "two")
    ]
    assert {name for name in files[0] if not name.startswith("training/")} == {
        name for name in files[1] if not name.startswith("training/")
    }


def start_both(workdir: Path, cache_dir: Path) -> list[subprocess.Popen]:
    shared = (f"--coordinator=localhost:{free_port()}", "--num_processes=2", "--set=train.checkpoint_interval_s=0")
    return [start(workdir, cache_dir, *shared, f"--process_id={number}") for number in (0, 1)]


@pytest.mark.drill
@pytest.mark.parametrize("victim", [0, 1])
def test_where_one_process_is_killed_both_started_again_write_what_undisturbed_ones_write(victim, tmp_path):
    cache_dir = tmp_path / "cache"
    for process in start_both(tmp_path / "undisturbed", cache_dir):
        finish(process)
    processes = start_both(tmp_path / "killed", cache_dir)
    stderr = processes[victim].stderr
    assert stderr is not None
    assert any(line.startswith("epoch 1") for line in stderr), "it ended before it could be killed"
    processes[victim].kill()
    # As a scheduler ends the others of a job.
    processes[1 - victim].terminate()
    for process in processes:
        process.communicate(timeout=TIMEOUT_S)
    assert not (tmp_path / "killed" / "report.html").exists()
    said = [finish(process) for process in start_both(tmp_path / "killed", cache_dir)]
    assert "stage report" in said[0]
    for name in TABLES:
        undisturbed, killed = ((tmp_path / folder / name).read_bytes() for folder in ("undisturbed", "killed"))
        assert killed == undisturbed, name
