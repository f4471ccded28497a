"""What the environment of the program says to the libraries that it uses."""

import os
import sys

from convcam_jax.system.paths import forget_relative_folders


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
