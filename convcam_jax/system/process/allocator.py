"""What the program asks of the allocator of Linux (glibc), which only the environment can tell it when it starts."""

import os
import sys

from convcam_jax.system.process.main_program import is_main_program

_VARIABLE = "GLIBC_TUNABLES"
# Huge pages; and thresholds beyond all sizes, so that what is freed is kept. Arenas other than the main one give large
# blocks back all the same.
TUNABLES = ":".join(
    f"glibc.malloc.{name}={value}"
    for name, value in {"hugetlb": 1, "arena_max": 1, "mmap_threshold": 1 << 40, "trim_threshold": 1 << 40}.items()
)


def keep_memory() -> None:
    """Start this program anew with an allocator that keeps what is freed, unless the environment has settings of it.

    Each step frees gigabytes and takes them again. Given back to the system in between, all of it is filled with zeros
    anew, and in a virtual machine may have to be got back from its host. A process that has another main program, such
    as the kernel of a notebook, is left as it is.
    """
    if sys.platform == "linux" and _VARIABLE not in os.environ and is_main_program():
        os.environ[_VARIABLE] = TUNABLES
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def users_environment() -> dict[str, str]:
    """The environment without what `keep_memory` has set."""
    return {name: value for name, value in os.environ.items() if (name, value) != (_VARIABLE, TUNABLES)}
