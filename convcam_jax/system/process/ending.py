"""How the program ends other than by its result: with one line, an exit status, and no process left behind."""

import atexit
import contextlib
import gc
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import NoReturn, TextIO

import psutil

from convcam_jax.system.errors import UserError, is_of_the_system

_STOPPED = {signal.SIGINT: "stopped by Ctrl-C", signal.SIGTERM: "stopped by the signal SIGTERM"}
# The exit status of a program that a signal has ended, as shells give it, is this plus the signal's number.
_ENDED_BY_SIGNAL = 128
_NO_MEMORY = (
    "there is not enough memory; end other programs, raise the limit if there is one (ulimit -v), "
    "go on in the same --workdir where there are more devices or memory, "
    "or train fewer members at once, in a new --workdir: one on each device with --set=train.members_at_once=1"
)
# What removes the shared memory of processes that have ended, and ends by itself.
_TRACKER = "multiprocessing.resource_tracker"

_advice = ""


def advise(text: str) -> None:
    """What is to be told when the program is stopped from now on: which command goes on, or begins anew."""
    global _advice
    _advice = text


def run_to_end(work: Callable[[], object]) -> None:
    """Do the work; what users can help is told in one line instead of a traceback, with status 1.

    Ctrl-C, where `end_by_signals` is not in force, ends with status 130, a reader of the output that has gone with 141,
    without a word, as shells have it.
    """
    sys.unraisablehook = _print_unraisable
    # What is there at the end is not searched for garbage, which takes the interpreter half a second.
    atexit.register(gc.freeze)
    try:
        try:
            work()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except KeyboardInterrupt:
        print(_stopped(signal.SIGINT), file=sys.stderr)
        sys.exit(_ENDED_BY_SIGNAL + signal.SIGINT)
    except BrokenPipeError:
        if not _forget_closed_outputs():
            raise
        sys.exit(_ENDED_BY_SIGNAL + signal.SIGPIPE)
    except Exception as error:
        line = message_of(error)
        if line is None:
            raise
        sys.exit(f"error: {line}")


def message_of(error: BaseException) -> str | None:
    """What the user is to be told of an error; None of one that is the program's own fault."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "RESOURCE_EXHAUSTED" in str(error)):
        return _NO_MEMORY
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return f"the system starts no more threads (ulimit -u, ulimit -v); {_NO_MEMORY}"
    if isinstance(error, OSError) and is_of_the_system(error):
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}; mend this, then {_advice or 'give the same command again'}"
    return None


def end_by_signals() -> None:
    """From now on Ctrl-C and SIGTERM end this process, and all that it has started, with one line.

    Files are written whole or not at all, so a run can be ended at any moment, and nothing has to be undone. It is not
    left to an exception, which would have to come through the imports, callbacks and threads of many libraries, and
    waits while compiled code runs.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def stand_still(number: int, frame: FrameType | None) -> None:
        # Other libraries, too, listen for signals by `set_wakeup_fd`, for a while.
        os.write(writer, bytes([number]))
        while True:
            time.sleep(1)

    for number in _STOPPED:
        # Who is started with a signal ignored, as by nohup, is to go on ignoring it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stand_still)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_end_on_signal, args=(reader,), daemon=True).start()


def _end_on_signal(reader: int) -> NoReturn:
    number = 0
    while number not in _STOPPED:
        number = os.read(reader, 1)[0]
    with contextlib.suppress(OSError):
        # A bar may stand in this line of a terminal.
        line = ("\r\x1b[K" if os.isatty(2) else "") + _stopped(number) + "\n"
        os.write(2, line.encode(errors="backslashreplace"))
    # What is started from here on says nothing.
    with contextlib.suppress(OSError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
    end_started_processes()
    os._exit(_ENDED_BY_SIGNAL + number)


def end_started_processes() -> None:
    """End all processes that this one has started, and those that they have."""
    for _ in range(3):
        with contextlib.suppress(psutil.Error):
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    if _TRACKER not in " ".join(process.cmdline()):
                        process.kill()


def _print_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    """As Python does, but for what threads of TensorStore have left to say when a checkpoint could not be written."""
    if str(unraisable.exc_value) != "Event loop is closed":
        sys.__unraisablehook__(unraisable)


def _stopped(number: int) -> str:
    return "; ".join(filter(None, (_STOPPED[signal.Signals(number)], _advice)))


def _forget_closed_outputs() -> bool:
    """Send what is still to be written to outputs that nobody reads to nowhere; whether there is such an output."""
    closed = [stream for stream in (sys.stdout, sys.stderr) if stream is not None and _is_closed(stream)]
    for stream in closed:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return bool(closed)


def _is_closed(stream: TextIO) -> bool:
    poll = select.poll()
    poll.register(stream.fileno(), select.POLLOUT)
    return any(event & select.POLLERR for _, event in poll.poll(0))
