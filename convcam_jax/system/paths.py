"""Paths as users write them, and where the program keeps what it makes from run to run."""

import csv
import errno
import os
from pathlib import Path

import platformdirs

from convcam_jax.system.errors import UserError

# Where nothing is known of a home folder; runs are written beside it.
_WITHOUT_HOME = Path("runs") / "cache"


def expanded(path: str) -> Path:
    """The path, with `~` or `~user` at its beginning replaced by the home folder.

    Raises UserError if that is not known, or if no file can be called so, which others take for granted.
    """
    whole = os.path.expanduser(path)
    if whole.startswith("~"):
        raise UserError(f"{path}: the home folder is not known; write the whole path")
    try:
        os.lstat(whole)
    except ValueError as error:
        raise UserError(f"{path}: is no path that a file can have ({error}); write another one") from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise UserError(f"{path}: is no path that a file can have (too long); write another one") from error
    return Path(whole)


def require_utf8(path: Path, flag: str) -> None:
    """Raise UserError if the path is not UTF-8; it names the flag by which the user chooses another one.

    JAX and what it keeps files by take no other paths, and would say so when hours have been spent.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise UserError(
            f"{path}: has bytes that are not UTF-8, in which JAX keeps no files; rename the folder, or choose another "
            f"{flag}"
        ) from error


def separate_paths(text: str) -> list[str]:
    """Paths divided by commas, in double quotes where they hold one; the whole text where there is such a path.

    >>> separate_paths('a, "b,c"'), separate_paths("")
    (['a', 'b,c'], [])
    """
    if os.path.lexists(os.path.expanduser(text)):
        return [text]
    return separated_by_commas(text)


def separated_by_commas(text: str) -> list[str]:
    """The parts of a text without spaces around them, in double quotes where they hold a comma; empty ones are none.

    Raises UserError where a line break stands outside of quotes.
    """
    try:
        parts = next(csv.reader([text], skipinitialspace=True), [])
    except csv.Error as error:
        raise UserError(f"{text}: has a line break in it; put the part that has it in double quotes") from error
    return [part.strip() for part in parts if part.strip()]


def expanded_paths(text: str) -> str:
    """Paths as `separate_paths` takes them, each `expanded`."""
    paths = [str(expanded(path)) for path in separate_paths(text)]
    return paths[0] if len(paths) == 1 else ",".join(f'"{path}"' if "," in path else path for path in paths)


def default_cache_dir() -> Path:
    """Where things are kept by the rules of the system: on Linux `$XDG_CACHE_HOME` or `~/.cache` (freedesktop.org).

    A folder beside the runs where there is no home.
    """
    try:
        return platformdirs.user_cache_path("convcam_jax", appauthor=False)
    except RuntimeError:
        return _WITHOUT_HOME


def forget_relative_folders() -> None:
    """Remove home and XDG folders that are empty or relative from the environment, as the XDG rules want it.

    Libraries that do not know the rules would make folders where the program happens to be started.
    """
    for name in ("HOME", *(name for name in os.environ if name.startswith("XDG_") and name.endswith("_HOME"))):
        if name in os.environ and not os.path.isabs(os.environ[name]):
            del os.environ[name]


def keep_libraries_files(cache_dir: Path) -> None:
    """Let libraries keep their files in `cache_dir` where they cannot in the home folder, and would warn of it."""
    home = os.path.expanduser("~")
    if not (os.path.isabs(home) and os.access(home, os.W_OK)):
        os.environ.setdefault("MPLCONFIGDIR", str(cache_dir.absolute() / "matplotlib"))
        os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_dir.absolute() / "numba"))
