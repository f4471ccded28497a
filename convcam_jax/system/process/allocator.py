"""What the program asks of the allocator of Linux (glibc), which only the environment can tell it when it starts."""

import os
import sys

from convcam_jax.system.process.main_program import is_main_program

_VARIABLE = "GLIBC_TUNABLES"
# That memory is asked for in huge pages. Not more: if what is freed was kept, which takes one arena for all threads,
# each allocation of a step searched the thousands of pieces that the compiler has freed, while the other threads
# waited. Steps of ResNetSmall, CRNN and MobileNet took a third more time so, and SimpleNet's 6 % less, with half as
# much memory more.
TUNABLES = "glibc.malloc.hugetlb=1"


def take_huge_pages() -> None:
    """Start this program anew with an allocator that takes huge pages, unless the environment has settings of it.

    Each step frees gigabytes and takes them again, filled with zeros anew: page by page, that takes a sixth of its
    time. A process that has another main program, such as the kernel of a notebook, is left as it is.
    """
    if sys.platform == "linux" and _VARIABLE not in os.environ and is_main_program():
        os.environ[_VARIABLE] = TUNABLES
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def users_environment() -> dict[str, str]:
    """The environment without what `take_huge_pages` has set."""
    return {name: value for name, value in os.environ.items() if (name, value) != (_VARIABLE, TUNABLES)}
