"""What the environment of the program says to the libraries that it uses."""

import contextlib
import importlib
import os
import resource
import sys
import threading

from convcam_jax.system.errors import UserError
from convcam_jax.system.paths import forget_relative_folders

# With less, compiled code aborts or stands still where it cannot have a thread. A small run takes 2.6 GB of addresses,
# of which 2.1 GB are data, and on two cores 55 threads in all its processes.
_FEWEST_GB = 4
_FEWEST_THREADS = 64
_DEVICES = "JAX_NUM_CPU_DEVICES"
_DEVICES_FLAG = "--xla_force_host_platform_device_count"


def check_limits() -> None:
    """Raise UserError where a limit is too low to begin; before libraries are loaded, which start threads of their own.

    They end as if by Ctrl-C, abort, or wait for ever where they are given none.
    """
    for kind, option, words in ((resource.RLIMIT_AS, "v", "addresses"), (resource.RLIMIT_DATA, "d", "data")):
        limit, _ = resource.getrlimit(kind)
        if limit != resource.RLIM_INFINITY and limit < _FEWEST_GB * 1024**3:
            raise UserError(
                f"memory is limited to {limit / 1024**3:.1f} GB of {words} (ulimit -{option}), of which the program "
                f"needs {_FEWEST_GB} GB at least, used or not; raise the limit"
            )
    n_threads = _threads_given()
    if n_threads < _FEWEST_THREADS:
        raise UserError(
            f"the system starts {n_threads} threads more, of which the program needs {_FEWEST_THREADS} at least; raise "
            "the limit (ulimit -u, or that of the container or batch job), or end other programs of the same user"
        )


def _threads_given() -> int:
    """How many threads can be started now, of as many as are needed; they have ended then."""
    end = threading.Event()
    started: list[threading.Thread] = []
    # A limit counts those of all the user's programs, and one of a container is to be read nowhere: it is tried.
    with contextlib.suppress(RuntimeError):
        while len(started) < _FEWEST_THREADS:
            thread = threading.Thread(target=end.wait, daemon=True)
            thread.start()
            started.append(thread)
    end.set()
    for thread in started:
        thread.join()
    return len(started)


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
