"""A folder that one run uses at a time, and its lock, which ends with the process that has it."""

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
from small_run import PROJECT_DIR, assert_refused, call, command

from convcam_jax.system.errors import UserError
from convcam_jax.system.process.lock import locked
from experiments.command import _alone

HOLD = """
import sys
from pathlib import Path
from convcam_jax.system.process.lock import locked
with locked(Path(sys.argv[1])):
    print("has it", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def held(folder):
    """Another process has the folder."""
    line = [sys.executable, "-c", HOLD, folder]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "cwd": PROJECT_DIR}
    with subprocess.Popen(line, text=True, **pipes) as process:
        assert process.stdout.readline() == "has it\n"
        yield process


def test_a_folder_is_made_and_removed_if_nothing_is_put_into_it(tmp_path):
    with locked(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b").is_dir()
    assert os.listdir(tmp_path) == []


def test_what_is_put_into_a_folder_stays_and_the_lock_does_not(tmp_path):
    with locked(tmp_path / "a"):
        (tmp_path / "a" / "file").touch()
    assert os.listdir(tmp_path / "a") == ["file"]


def test_a_folder_in_use_is_refused_in_one_line_that_says_by_whom(tmp_path):
    with held(tmp_path / "a") as process:
        with pytest.raises(UserError, match=rf"in use by process {process.pid} on .*choose another --workdir$"):
            locked(tmp_path / "a").__enter__()
        process.stdin.write("\n")
    with locked(tmp_path / "a"):
        pass


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_lock_ends_with_its_process(tmp_path, number):
    with held(tmp_path / "a") as process:
        process.send_signal(number)
        process.wait()
    with locked(tmp_path / "a"):
        assert f"process {os.getpid()} on" in (tmp_path / "a" / ".lock").read_text()


@pytest.mark.parametrize("name", ["file", "file/a"])
def test_what_is_no_folder_or_cannot_be_made_is_refused(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=re.escape(str(tmp_path / "file"))):
        locked(tmp_path / name).__enter__()


def test_of_several_processes_of_a_run_the_first_one_has_the_lock(tmp_path):
    with _alone(tmp_path, is_first=True):
        with _alone(tmp_path, is_first=False):
            pass
        with pytest.raises(UserError, match="is in use"):
            _alone(tmp_path, is_first=True).__enter__()


def test_the_program_refuses_a_folder_in_use_and_changes_nothing(tmp_path):
    with held(tmp_path / "a") as process:
        result = call(command(tmp_path / "a", tmp_path / "cache"))
        assert_refused(result, f"in use by process {process.pid}")
        assert len(result.stderr.splitlines()) == 1
        process.stdin.write("\n")
    assert os.listdir(tmp_path) == []
