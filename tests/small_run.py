"""The program as a user starts it, in runs that are small enough for a test."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from convcam_jax.system.errors import UserError
from convcam_jax.system.formats import read_csv
from experiments.command import run_command

PROJECT_DIR = Path(__file__).resolve().parent.parent
SMALL_NETWORK = ("--network=simplenet", "--set=network.filters=3,4,5", "--set=network.dense_units=6")
# Two speakers with 24 recordings each, in as many frames as recordings of people have.
SMALL_CORPUS = ("--set=corpus.speakers_per_gender=1", "--set=corpus.texts=4", "--set=corpus.max_frames=202")
SMALL_RUN = (
    "--seeds=2",
    *SMALL_NETWORK,
    *SMALL_CORPUS,
    "--set=train.epochs=5",
    "--set=train.learning_rate=0.01",
)
# One epoch and few draws, where nothing is asked of what the networks learn.
QUICK = ("--set=train.epochs=1", "--set=controls.permutations=5")
FIGURES = tuple(f"figure{number:02d}.png" for number in (2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13))


def environment() -> dict[str, str]:
    """Of the program, compiled as the tests are."""
    return {**os.environ, "JAX_PLATFORMS": "cpu"}


def as_for_users() -> dict[str, str]:
    """Of the program, compiled as well as it is for users, by whatever JAX there is."""
    return {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}


def devices(number: int) -> dict[str, str]:
    """What the environment has, besides, where the cores are to be as many devices."""
    return {"XLA_FLAGS": f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count={number}"}


def command(workdir: Path, cache_dir: Path, *flags: str) -> list[str]:
    """The command line of a run."""
    return [sys.executable, "run.py", f"--workdir={workdir}", f"--cache_dir={cache_dir}", *flags]


def start(workdir: Path, cache_dir: Path, *flags: str) -> subprocess.CompletedProcess:
    """A run to its end, whatever that is."""
    return call(command(workdir, cache_dir, *flags))


def call(line: list[str]) -> subprocess.CompletedProcess:
    """The program with any command line."""
    return subprocess.run(line, cwd=PROJECT_DIR, env=environment(), capture_output=True, text=True)


def finish(workdir: Path, cache_dir: Path, *flags: str) -> str:
    """A run that must succeed; what it said on stderr."""
    result = start(workdir, cache_dir, *flags)
    assert result.returncode == 0, result.stderr[-4000:]
    assert last_line(result.stdout) == f"The results are in {workdir}"
    return result.stderr


def refusal(*arguments: str) -> str:
    """Why a command line is refused before anything is begun, asked of the program in this process."""
    with pytest.raises(UserError) as refused:
        run_command(list(arguments))
    return str(refused.value)


def last_line(text: str) -> str:
    """The last line of a text."""
    return text.strip().splitlines()[-1]


def assert_refused(result: subprocess.CompletedProcess, *words: str) -> None:
    """The program said in its last line why it did nothing."""
    assert result.returncode != 0
    assert "Traceback" not in result.stderr
    message = last_line(result.stderr)
    assert all(word in message for word in words), message


def table(workdir: Path, name: str) -> pd.DataFrame:
    """A table of a run."""
    return read_csv(workdir / name)


def hashes(workdir: Path) -> dict[str, str]:
    """What every file of a folder holds."""
    files = [path for path in workdir.rglob("*") if path.is_file()]
    return {str(path.relative_to(workdir)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def times(workdir: Path) -> dict[str, int]:
    """When every file of a folder was written, in nanoseconds."""
    files = [path for path in workdir.rglob("*") if path.is_file()]
    return {str(path.relative_to(workdir)): path.stat().st_mtime_ns for path in files}
