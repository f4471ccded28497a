"""Other processes: results, errors, what is left out, and that none outlives the program."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from convcam_jax.system.errors import RecordingError, UserError
from convcam_jax.system.process import worker_processes
from convcam_jax.system.process.worker_processes import background, in_processes, meanwhile, start

ROOT = Path(__file__).parent.parent


def square(value: int) -> int:
    return value * value


def environment(name: str) -> str | None:
    return os.environ.get(name)


def end_this_process(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def end_as_one_without_a_guard(_: int) -> None:
    os._exit(worker_processes._NO_GUARD)


def note_process(path: Path) -> None:
    path.write_text(str(os.getpid()))


def wait_then_note(path: Path) -> None:
    time.sleep(0.5)
    note_process(path)


def fail(text: str) -> None:
    raise UserError(text)


def test_results_come_in_order():
    assert list(in_processes(square, range(20))) == [i * i for i in range(20)]
    assert list(in_processes(square, [])) == []


@pytest.fixture
def no_processes():
    """As at the beginning of a program."""
    worker_processes._processes().shutdown()
    worker_processes._processes.cache_clear()


def first_by_start() -> None:
    start("convcam_jax.system.errors")


def first_by_in_processes() -> None:
    assert list(in_processes(square, [2])) == [4]


def first_by_meanwhile() -> None:
    with background():
        meanwhile(square, 2)


@pytest.mark.parametrize("begin", [first_by_start, first_by_in_processes, first_by_meanwhile])
def test_processes_have_one_thread_and_no_accelerator_and_this_one_is_left_as_it_is(begin, no_processes, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("JAX_PLATFORMS", "somewhere")
    begin()
    assert (environment("OMP_NUM_THREADS"), environment("JAX_PLATFORMS")) == (None, "somewhere")
    monkeypatch.setenv("JAX_PLATFORMS", "elsewhere")
    assert list(in_processes(environment, ["OMP_NUM_THREADS", "JAX_PLATFORMS"])) == ["1", "cpu"]


def knows_voices(_: int) -> bool:
    return "convcam_jax.corpora.synthetic.voice" in sys.modules


def test_processes_import_what_they_are_started_with(no_processes):
    start("convcam_jax.corpora.synthetic.voice")
    # One may have had both imports.
    assert any(in_processes(knows_voices, range(20)))


def refuse(recording: str) -> None:
    raise RecordingError(recording, "is silent")


def test_errors_come_back_whole():
    with pytest.raises(RecordingError, match=r"^a: is silent$") as caught:
        list(in_processes(refuse, ["a"]))
    assert (caught.value.recording, caught.value.problem) == ("a", "is silent")


def own_process(_: int) -> int:
    return os.getpid()


def test_a_process_that_is_ended_while_it_has_nothing_to_do_is_replaced():
    idle = psutil.Process(next(in_processes(own_process, [0])))
    idle.kill()
    idle.wait(timeout=10)
    deadline = time.monotonic() + 10
    while not worker_processes._processes()._broken and time.monotonic() < deadline:
        time.sleep(0.01)
    assert list(in_processes(square, [3])) == [9]


def test_what_has_not_begun_is_left_out_when_results_are_no_longer_wanted(tmp_path):
    paths = [tmp_path / str(i) for i in range(50)]
    with contextlib.closing(in_processes(wait_then_note, paths)) as results:
        next(results)
    # Behind what was still in the queue.
    assert list(in_processes(square, [3, 4])) == [9, 16]
    assert not paths[-1].exists()


def test_ended_process_is_told_and_others_take_its_place():
    with pytest.raises(UserError, match="a process was ended from outside"):
        list(in_processes(end_this_process, [0]))
    assert list(in_processes(square, [3])) == [9]


def test_an_end_is_told_by_the_processes_that_serve_now():
    with pytest.raises(UserError, match="put what it does under the guard"):
        list(in_processes(end_as_one_without_a_guard, [0]))
    with pytest.raises(UserError, match="a process was ended from outside"):
        list(in_processes(end_this_process, [0]))


def in_background(function: Callable[..., None], *arguments: object) -> None:
    """Calls the function with each argument."""
    with background():
        for argument in arguments:
            meanwhile(function, argument)


def test_a_process_that_ends_in_the_background_is_told():
    with pytest.raises(UserError, match="a process was ended from outside"):
        in_background(end_this_process, 0)
    assert list(in_processes(square, [3])) == [9]


def test_meanwhile_works_here_and_at_once_without_a_background(tmp_path):
    meanwhile(note_process, tmp_path / "pid")
    assert (tmp_path / "pid").read_text() == str(os.getpid())


def test_background_works_elsewhere_and_is_waited_for(tmp_path):
    paths = [tmp_path / str(i) for i in range(4)]
    with background():
        for path in paths:
            meanwhile(wait_then_note, path)
        assert not paths[-1].exists()
    assert str(os.getpid()) not in {path.read_text() for path in paths}


def test_first_error_of_the_background_is_raised():
    with pytest.raises(UserError, match=r"^one$"):
        in_background(fail, "one", "two")


def test_an_error_of_the_background_is_raised_by_a_later_call():
    deadline = time.monotonic() + 30

    def fail_and_go_on() -> None:
        with background():
            meanwhile(fail, "one")
            while time.monotonic() < deadline:
                time.sleep(0.05)
                meanwhile(square, 1)

    with pytest.raises(UserError, match=r"^one$"):
        fail_and_go_on()
    assert time.monotonic() < deadline


def test_an_error_leaves_out_what_has_not_begun(tmp_path):
    paths = [tmp_path / str(i) for i in range(50)]

    def begin_and_fail() -> None:
        with background():
            for path in paths:
                meanwhile(wait_then_note, path)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        begin_and_fail()
    # Behind what was still in the queue.
    assert list(in_processes(square, [3, 4])) == [9, 16]
    assert not paths[-1].exists()


KILLED = """
import sys
import time
from collections.abc import Callable
from pathlib import Path
sys.path.append(str(Path(sys.argv[1]) / "tests"))
from test_parallel import note_process
from convcam_jax.system.process.worker_processes import in_processes

if __name__ == "__main__":
    list(in_processes(note_process, [Path(sys.argv[2])]))
    time.sleep(60)
"""


def test_no_process_outlives_a_killed_program(tmp_path):
    script, noted = tmp_path / "script.py", tmp_path / "pid"
    script.write_text(KILLED)
    program = subprocess.Popen([sys.executable, script, ROOT, noted], env=os.environ | {"PYTHONPATH": str(ROOT)})
    deadline = time.monotonic() + 60
    while not noted.exists() or not noted.read_text():
        assert program.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    other = psutil.Process(int(noted.read_text()))
    program.kill()
    program.wait()
    other.wait(timeout=10)
