"""What the environment of the program says to the libraries that it uses."""

import os
import resource
import sys

from convcam_jax.system.errors import UserError
from convcam_jax.system.paths import forget_relative_folders

# With less, compiled code aborts or stands still where it cannot have a thread. A small run takes 2.6 GB of addresses.
_FEWEST_ADDRESSES_GB = 4
_DEVICES = "JAX_NUM_CPU_DEVICES"


def check_limits() -> None:
    """Raise UserError where a limit is too low to begin."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < _FEWEST_ADDRESSES_GB * 1024**3:
        raise UserError(
            f"memory is limited to {limit / 1024**3:.1f} GB of addresses (ulimit -v), of which the program needs "
            f"{_FEWEST_ADDRESSES_GB} GB at least, used or not; raise the limit"
        )


def check_number_of_devices() -> None:
    """Raise UserError where the environment's number of devices is none, on which JAX would end; an empty one is unset.

    To be called before JAX is loaded.
    """
    number = os.environ.get(_DEVICES, "").strip()
    if not number:
        os.environ.pop(_DEVICES, None)
    elif not (number.isdecimal() and int(number)):
        raise UserError(f"{_DEVICES}={number}: must be a whole number, 1 at least; or unset it, for a device per core")


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
