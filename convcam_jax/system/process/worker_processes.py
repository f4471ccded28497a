"""Other processes for what JAX does not compute: the synthetic corpus, features, sounds, figures and the report.

They are started when they are first needed, one for each core, and serve until the program ends. The calling script
needs the guard `if __name__ == "__main__"`. Where the system has no shared memory for them (a read-only /dev/shm, say),
a thread of this process takes their place.
"""

import contextlib
import errno
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from multiprocessing import parent_process, resource_tracker
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TypeVar

from convcam_jax.system.errors import UserError
from convcam_jax.system.files import note_written, written_files
from convcam_jax.system.processor import n_cores
from convcam_jax.system.progress import say

Item = TypeVar("Item")
Result = TypeVar("Result")
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
# There is a process for each core already; and an accelerator belongs to the program that started them.
# Figures are drawn into files; in a notebook MPLBACKEND names what draws into its pages.
_ENVIRONMENT = {**dict.fromkeys(_THREAD_VARIABLES, "1"), "JAX_PLATFORMS": "cpu", "MPLBACKEND": "agg"}
# The resource tracker removes what processes leave that were ended from outside, and need not say so.
_SILENT_TRACKER = "ignore:resource_tracker:UserWarning"
# In the command line of a process that `multiprocessing` starts.
_STARTED_BY_ANOTHER = "--multiprocessing-fork"
# Of a process that was to start others while it was itself being started.
_NO_GUARD = 87
# All processes of those that serve together are ended when one of them is; that takes less than this.
_END_S = 5.0
_PAUSE_S = 0.01
# `multiprocessing` gives no number where it knows by itself that a connection is closed.
_OF_WHAT_IS_CLOSED = (None, errno.EBADF)
_started: set[BaseProcess] = set()
_meanwhile: list[Future[object]] | None = None


def start(*modules: str, n_tasks: int | None = None) -> None:
    """Start the processes before they are needed; as many as will have a task import the modules, by default all."""
    for _ in range(n_cores() if n_tasks is None else min(n_cores(), n_tasks)):
        _submit(_load, modules)


def _load(modules: tuple[str, ...]) -> None:
    for module in modules:
        importlib.import_module(module)


def in_processes(function: Callable[[Item], Result], items: Sequence[Item]) -> Generator[Result, None, None]:
    """Results of `function` for all items, in order, from as many processes as there are cores.

    Function and items are pickled; what files the function writes is noted here, too (`files.written_files`). To be
    closed if not all results are taken: what has not begun is then left out.
    Raises UserError if a process is ended from outside.
    """
    futures = [_submit(_with_written_files, function, item) for item in items]
    try:
        with _ended_from_outside():
            for future in futures:
                result, written = future.result()
                note_written(written)
                yield result
    finally:
        for future in futures:
            future.cancel()


def _with_written_files(function: Callable[[Item], Result], item: Item) -> tuple[Result, tuple[Path, ...]]:
    n_before = len(written_files())
    result = function(item)
    return result, written_files()[n_before:]


@contextlib.contextmanager
def background() -> Iterator[None]:
    """Inside, `meanwhile` does not wait; at the end all is waited for, and an error raised, the first by its place.

    If the block raises, what has not begun is left out.
    """
    global _meanwhile
    begun: list[Future[object]] = []
    _meanwhile = begun
    try:
        yield
        wait(begun)
        _raise_errors(begun)
    finally:
        _meanwhile = None
        for future in begun:
            future.cancel()


def meanwhile(function: Callable[..., object], *args: object) -> None:
    """Call the function: inside `background` in another process, while the program goes on, else here and now.

    Function and arguments are pickled, in a while: they must not be changed. Inside `background`, raises what an
    earlier call has raised by now.
    """
    if _meanwhile is None:
        function(*args)
        return
    _raise_errors([future for future in _meanwhile if future.done()])
    _meanwhile.append(_submit(function, *args))


def begun_meanwhile() -> tuple[Future[object], ...]:
    """What `meanwhile` has begun inside `background` until now."""
    return tuple(_meanwhile or ())


def _raise_errors(futures: Sequence[Future[object]]) -> None:
    with _ended_from_outside():
        for future in futures:
            future.result()


def _submit(function: Callable[..., Result], *args: object) -> Future[Result]:
    if _STARTED_BY_ANOTHER in sys.orig_argv and parent_process() is None:
        # This process is being started, and imports the script that has started it, which would go on without end.
        os._exit(_NO_GUARD)
    with _environment():
        try:
            future = _processes().submit(function, *args)
        except (BrokenProcessPool, OSError) as error:
            # A process was ended that had nothing to do: others take the place of all. If that was this moment, what
            # the next one is to read from is closed; any other failure to start one is told.
            if isinstance(error, OSError) and error.errno not in _OF_WHAT_IS_CLOSED:
                raise
            _processes.cache_clear()
            future = _processes().submit(function, *args)
    return future


class _Process(SpawnProcess):
    """Remembered from its start: one that ends at once is no active child any more."""

    def start(self) -> None:
        super().start()
        _started.add(self)


class _Context(SpawnContext):
    # Not forked: the parent has JAX's threads, and a fork of a process with threads can hang.
    Process = _Process


@lru_cache(maxsize=1)
def _processes() -> Executor:
    # What ended those that served before says nothing of these.
    _started.clear()
    try:
        return ProcessPoolExecutor(n_cores(), _Context(), _leave_the_end_to_parent)
    except (OSError, ImportError) as error:
        say(f"no other processes can be used here ({error}, see /dev/shm); all is done in this one, and takes longer")
        return ThreadPoolExecutor(1)


def _leave_the_end_to_parent() -> None:
    """See to it that this process ends with its parent: it would not notice that one is killed, and wait for ever."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@contextlib.contextmanager
def _ended_from_outside() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool as error:
        _processes.cache_clear()
        if _NO_GUARD in _exit_codes():
            raise UserError(
                "a script that uses other processes is imported by them; put what it does under the guard "
                '`if __name__ == "__main__":`'
            ) from error
        raise UserError(
            "a process was ended from outside, for lack of memory perhaps; run again, what is finished has been kept"
        ) from error


def _exit_codes() -> list[int | None]:
    """Of all processes that were started, once one had no guard or all have ended.

    The system tells it only once, and the thread of the pool asks as well: until that has written it down, it is None.
    """
    end_s = time.monotonic() + _END_S
    while True:
        codes = [process.exitcode for process in _started]
        if _NO_GUARD in codes or None not in codes or time.monotonic() > end_s:
            return codes
        time.sleep(_PAUSE_S)


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """What processes that are started meanwhile inherit: variables, and that Ctrl-C is not for them."""
    warnings = ",".join(filter(None, (os.environ.get("PYTHONWARNINGS"), _SILENT_TRACKER)))
    changed = {**_ENVIRONMENT, "PYTHONWARNINGS": warnings}
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    # Ctrl-C reaches every process of the terminal; the parent alone ends the work, without a traceback from each. Not
    # ignored, which would lose it for the parent. The resource tracker, when it is started, takes the mask away.
    resource_tracker.ensure_running()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
