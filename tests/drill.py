"""What drills share: the smallest run that goes through every stage, and what must be equal whatever happened to it."""

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from small_run import PROJECT_DIR, QUICK, SMALL_RUN, command, environment, hashes

DRILL_RUN = (
    *(*SMALL_RUN, *QUICK, "--set=corpus.emotions=anger,sadness", "--set=train.epochs=3"),
    *("--set=train.checkpoint_interval_s=0", "--set=sanity.seeds=1", "--set=sanity.shuffled_label_seeds=1"),
    *("--set=faithfulness.seeds=1", "--set=faithfulness.steps=2", "--set=report.thresholds=0.5"),
)
LONGEST_S = 1800
# Of these each run has its own times.
_WITH_TIMES = ("config.json", "report.html", "stages.json")


def results(workdir: Path) -> dict[str, str]:
    """What all tables, arrays, figures and sounds of a run hold, and the names of all else."""
    return {
        name: "" if name in _WITH_TIMES or (name.startswith("training/") and not name.endswith(".npz")) else content
        for name, content in hashes(workdir).items()
    }


def differences(workdir: Path, expected: dict[str, str]) -> list[str]:
    """Files that are missing, too many, or not as expected."""
    found = results(workdir)
    return sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))


def different_results(workdir: Path, expected: dict[str, str]) -> list[str]:
    """The same without what the training has saved: that is read when it is needed, and depends on who has saved it."""
    return [name for name in differences(workdir, expected) if not name.startswith("training/")]


def begin(
    workdir: Path, cache_dir: Path, *flags: str, before: Sequence[str] = (), **variables: str
) -> subprocess.Popen:
    """A run in a session of its own, whose output comes through a pipe."""
    return subprocess.Popen(
        [*before, *command(workdir, cache_dir, *DRILL_RUN, *flags)],
        cwd=PROJECT_DIR,
        env={**environment(), **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end(process: subprocess.Popen) -> str:
    """What a run that must succeed has said."""
    _, said = process.communicate(timeout=LONGEST_S)
    assert process.returncode == 0, said[-4000:]
    assert "Traceback" not in said
    return said


def kill(process: subprocess.Popen, when: Callable[[], bool]) -> bool:
    """Kill a run with all its processes as soon as that is so; whether it was before its end."""
    try:
        while process.poll() is None and not when():
            time.sleep(0.0005)
        return process.poll() is None
    finally:
        # Its processes may live on, if it has ended itself.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def after(seconds: float) -> Callable[[], bool]:
    """When some seconds have passed from now on."""
    at = time.monotonic() + seconds

    def passed() -> bool:
        time.sleep(0.01)
        return time.monotonic() >= at

    return passed


def written(folder: Path, pattern: str) -> Callable[[], bool]:
    """When a file is being written in the folder whose name, or that of its temporary file, has the pattern."""
    before = _states(folder, pattern)
    return lambda: _states(folder, pattern) != before


def _states(folder: Path, pattern: str) -> set[tuple[str, int]]:
    try:
        with os.scandir(folder) as entries:
            return {(own.name, own.inode()) for own in entries if re.search(pattern, own.name)}
    except OSError:
        return set()
