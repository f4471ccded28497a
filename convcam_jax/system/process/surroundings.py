"""What the environment of the program says to the libraries that it uses."""

import importlib
import os
import resource
import sys
import threading
from typing import NoReturn

from convcam_jax.system.errors import UserError
from convcam_jax.system.paths import forget_relative_folders

# With less, compiled code aborts or stands still where it cannot have a thread. A small run takes 2.6 GB of addresses,
# of which 2.1 GB are data, and on two cores 55 threads in all its processes.
_FEWEST_GB = 4
_FEWEST_THREADS = 64
_DEVICES = "JAX_NUM_CPU_DEVICES"
_DEVICES_FLAG = "--xla_force_host_platform_device_count"


def check_limits() -> None:
    """Raise UserError where a limit of memory is too low to begin."""
    for kind, option, words in ((resource.RLIMIT_AS, "v", "addresses"), (resource.RLIMIT_DATA, "d", "data")):
        limit, _ = resource.getrlimit(kind)
        if limit != resource.RLIM_INFINITY and limit < _FEWEST_GB * 1024**3:
            raise UserError(
                f"memory is limited to {limit / 1024**3:.1f} GB of {words} (ulimit -{option}), of which the program "
                f"needs {_FEWEST_GB} GB at least, used or not; raise the limit"
            )


def check_threads() -> None:
    """Raise UserError where too few threads can be started; before libraries are loaded, which start some themselves.

    They end as if by Ctrl-C, abort, or wait for ever where they are given none. Of the main program alone: a process
    that has threads already is not to be forked.
    """
    n_threads = _threads_given()
    if n_threads < _FEWEST_THREADS:
        raise UserError(
            f"the system starts {n_threads} threads more, of which the program needs {_FEWEST_THREADS} at least; raise "
            "the limit (ulimit -u, or that of the container or batch job), or end other programs of the same user"
        )


def _threads_given() -> int:
    """How many threads can be started now, of as many as are needed.

    A limit counts those of all the user's programs, and one of a container is to be read nowhere: it is tried. In this
    process each would leave 64 MB of addresses taken, on many cores.
    """
    try:
        child = os.fork()
        if child == 0:
            _start_threads()
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except BlockingIOError:
        return 0
    except ChildProcessError:
        # Who is started with SIGCHLD ignored is not told.
        return _FEWEST_THREADS


def _start_threads() -> NoReturn:
    """Start as many threads as are needed, and end with the number of those that there are as status."""
    n_started = 0
    try:
        while n_started < _FEWEST_THREADS:
            threading.Thread(target=threading.Event().wait, daemon=True).start()
            n_started += 1
    finally:
        os._exit(n_started)


def check_names_of_files() -> None:
    """Raise UserError where Python takes names of files for another code than UTF-8, and would not find them."""
    code = sys.getfilesystemencoding()
    if code != "utf-8":
        raise UserError(
            f"names of files are taken for {code} here, by the locale, and those in UTF-8 would not be found; set "
            "PYTHONUTF8=1 in the environment, without -X utf8=0"
        )


def check_number_of_devices() -> None:
    """Raise UserError where the environment's number of devices is none, on which JAX would end; an empty one is unset.

    To be called before JAX is loaded.
    """
    if not os.environ.get(_DEVICES, "").strip():
        os.environ.pop(_DEVICES, None)
    flags = [flag.partition("=")[::2] for flag in os.environ.get("XLA_FLAGS", "").split()]
    chosen = [(f"XLA_FLAGS={name}", number) for name, number in flags if name == _DEVICES_FLAG]
    if _DEVICES in os.environ:
        chosen.append((_DEVICES, os.environ[_DEVICES].strip()))
    for name, number in chosen:
        if not (number.isdecimal() and int(number)):
            raise UserError(f"{name}={number}: must be a whole number, 1 at least; or unset it, for a device per core")


def load_jax() -> None:
    """Load JAX, which reads its switches meanwhile; raise UserError where it cannot take one of them."""
    try:
        importlib.import_module("jax")
    except ValueError as error:
        switches = [f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("JAX_")]
        if not switches:
            raise
        raise UserError(
            f"{', '.join(switches)}: JAX cannot take this ({error}); mend the switch in the environment, or unset it"
        ) from error


def fill_closed_streams() -> None:
    """Open the null device as standard input, output and error where they are closed, for later processes, too.

    Otherwise the next files that are opened would take their places, and what is told would be written into them.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest number that is free is taken.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def settle_surroundings() -> None:
    """Set the environment right for this process and those that it starts, before libraries look at it."""
    forget_relative_folders()
    # Figures are drawn into files; in a notebook the variable names what draws into a page, which may be missing here.
    os.environ["MPLBACKEND"] = "agg"
    for stream in (sys.stdout, sys.stderr):
        # Names of files may have letters that the terminal has not.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
