"""Whether the process is this program's own: only then may it be started anew, ended, or listen to signals."""

import sys
import threading
from collections.abc import Sequence
from multiprocessing import parent_process

# Python options after which something else than a script is run.
_OTHER_PROGRAMS = ("-m", "-c", "-")
# What is this program behind `-m`, and its file.
_MODULE, _FILE_OF_MODULE = "convcam_jax", "convcam_jax/__main__.py"


def is_main_program() -> bool:
    """Whether Python was started just to run this program.

    It was not in a notebook or IPython (`%run run.py`), under a debugger or profiler, or where the program was imported
    by another one: that process belongs to others.
    """
    alone = threading.current_thread() is threading.main_thread() and threading.active_count() == 1
    return alone and parent_process() is None and "IPython" not in sys.modules and runs_script(sys.orig_argv, sys.argv)


def runs_script(command: Sequence[str], arguments: Sequence[str]) -> bool:
    """Whether a command line of Python runs the script `arguments[0]` itself, with the arguments behind it.

    So does `-m` of this package, whose file the script is then.

    >>> runs_script(["python", "-u", "run.py", "--seeds=3"], ["run.py", "--seeds=3"])
    True
    >>> runs_script(["python", "-m", "pdb", "run.py"], ["run.py"])
    False
    >>> runs_script(["python", "-m", "convcam_jax", "--seeds=3"], ["/lib/convcam_jax/__main__.py", "--seeds=3"])
    True
    """
    n_before = len(command) - len(arguments)
    if not arguments or n_before < 1 or list(command[n_before + 1 :]) != list(arguments[1:]):
        return False
    options = command[1:n_before]
    if list(command[n_before - 1 : n_before + 1]) == ["-m", _MODULE] and arguments[0].endswith(_FILE_OF_MODULE):
        options = options[:-1]
    elif command[n_before] != arguments[0]:
        return False
    return all(option.startswith("-") and not option.startswith(_OTHER_PROGRAMS[:2]) for option in options) and (
        arguments[0] not in _OTHER_PROGRAMS
    )
