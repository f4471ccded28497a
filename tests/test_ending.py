"""How the program ends by signals and by what is wrong with its surroundings: one line, and no process left."""

import contextlib
import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest
from small_run import PROJECT_DIR, QUICK, SMALL_RUN, command, environment

from convcam_jax.system.errors import UserError
from convcam_jax.system.process import ending
from convcam_jax.system.process.ending import message_of

STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}
# What a program may be at when a signal comes: Python, a library that takes long to load, compiled code that does not
# come back, other processes that are at work, and other processes that are being started.
MOMENTS = {
    "python": "print('now', flush=True)\nwhile True: pass",
    "import": "print('now', flush=True)\nimport scipy.signal, pandas, matplotlib.figure\ntime.sleep(60)",
    "compiled": "import threading\nlock = threading.Lock()\nlock.acquire()\nprint('now', flush=True)\nlock.acquire()",
    "processes": "list(in_processes(abs, [1]))\nprint('now', flush=True)\nlist(in_processes(time.sleep, [60] * 9))",
    "starting": "print('now', flush=True)\nlist(in_processes(time.sleep, [60] * 9))",
    "swallowed": "print('now', flush=True)\nwhile True:\n    try: time.sleep(9)\n    except BaseException: pass",
}
SCRIPT = """
import sys, time
from convcam_jax.system.process.ending import advise, end_by_signals, run_to_end
from convcam_jax.system.process.worker_processes import in_processes
def work():
    advise("go on like this")
{moment}
if __name__ == "__main__":
    end_by_signals()
    run_to_end(work)
"""


@contextlib.contextmanager
def started(script) -> Iterator[subprocess.Popen]:
    line = [sys.executable, script]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(line, text=True, env={**os.environ, "PYTHONPATH": str(PROJECT_DIR)}, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def assert_all_ended(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert alive == []


@pytest.mark.parametrize("number", STATUS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_signal_ends_all_at_any_moment_with_one_line(tmp_path, moment, number):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(moment="\n".join(f"    {line}" for line in MOMENTS[moment].splitlines())))
    with started(script) as process:
        assert process.stdout.readline() == "now\n"
        time.sleep(0.2)
        others = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    assert process.returncode == STATUS[number]
    stopped = {signal.SIGINT: "stopped by Ctrl-C", signal.SIGTERM: "stopped by the signal SIGTERM"}[number]
    assert said == f"{stopped}; go on like this\n"
    assert (len(others) > 0) is (moment in ("processes", "starting"))
    assert_all_ended(others)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (UserError("a.wav: is silent"), "a.wav: is silent"),
        (MemoryError(), "not enough memory"),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes."), "not enough memory"),
        (RuntimeError("can't start new thread"), "no more threads"),
        *(
            (OSError(number, os.strerror(number), "/a/file"), f"/a/file: {os.strerror(number)}")
            for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.EROFS, errno.EIO)
        ),
    ],
)
def test_what_users_can_help_is_one_line(error, words):
    line = message_of(error)
    assert words in line
    assert "\n" not in line


def test_when_the_disk_is_to_blame_what_is_then_to_be_done_is_that_of_the_experiment(monkeypatch):
    error = OSError(errno.EIO, "not now", "/a/file")
    assert message_of(error) == "/a/file: not now; mend this, then give the same command again"
    monkeypatch.setattr(ending, "_advice", "the same command begins anew")
    assert message_of(error) == "/a/file: not now; mend this, then the same command begins anew"


@pytest.mark.parametrize(
    "error", [KeyError("a"), RuntimeError("b"), FileNotFoundError(errno.ENOENT, "c"), ValueError()]
)
def test_faults_of_the_program_keep_their_traceback(error):
    assert message_of(error) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "file"), [(signal.SIGINT, "config.json"), (signal.SIGTERM, "training"), (signal.SIGINT, "metrics.csv")]
)
def test_a_run_ends_by_a_signal_and_goes_on(tmp_path, run_cache_dir, number, file):
    line = command(tmp_path / "w", run_cache_dir, *SMALL_RUN, *QUICK)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": PROJECT_DIR, "env": environment()}
    with subprocess.Popen(line, text=True, start_new_session=True, **pipes) as process:
        while not (tmp_path / "w" / file).exists():
            assert process.poll() is None, f"the run ended without {file}"
            time.sleep(0.01)
        others = psutil.Process(process.pid).children(recursive=True)
        # As a terminal does, to all its processes.
        os.killpg(process.pid, number)
        _, said = process.communicate(timeout=30)
    assert process.returncode == STATUS[number]
    assert sum("stopped by" in own for own in said.splitlines()) == 1
    assert not any(word in said for word in ("Traceback", "Warning", "resource_tracker"))
    assert_all_ended(others)
