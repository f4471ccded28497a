"""Files that appear whole or not at all, and problems of the disk told in one line."""

import errno
import os
import re
import secrets
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from convcam_jax.system.errors import UserError

# What begins like this was left half-written by a killed run.
PARTIAL_PREFIX = ".partial-"
# In characters, of which a file system may count several bytes each.
_LONGEST_STEM = 50
_FULL = (errno.ENOSPC, errno.EDQUOT)
_NOT_WRITABLE = (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG)


@contextmanager
def disk_errors(folder: Path, flag: str = "--workdir") -> Iterator[None]:
    """Turn a full disk, a limit of the size of files, and a folder that cannot be written into a `UserError`.

    It names the folder, and the flag by which the user chooses another one.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise UserError(
                f"{folder}: the disk is full; make room or choose another {flag}, then start again"
            ) from error
        if error.errno == errno.EFBIG:
            raise UserError(
                f"{folder}: a file would be larger than is allowed; raise the limit (ulimit -f), then start again"
            ) from error
        if error.errno in _NOT_WRITABLE:
            raise UserError(f"{folder}: cannot be written ({error.strerror}); choose another {flag}") from error
        raise


def write_whole(path: Path, write: Callable[[Path], object], flag: str = "--workdir") -> None:
    """Let `write` make a temporary file beside `path`, then rename it; nothing is left behind if it fails.

    Raises UserError, see `disk_errors`.
    """
    # Not by tempfile, whose files only their owner may read.
    temporary = path.with_name(f"{PARTIAL_PREFIX}{secrets.token_hex(4)}-{path.name}")
    with disk_errors(path.parent, flag):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            write(temporary)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def file_stem(name: str) -> str:
    """A name that any file may have, from one of a user's: the same where it is plain, else with a checksum of it."""
    plain = re.sub(r"[^\w.-]", "_", name)[:_LONGEST_STEM]
    return name if plain == name else f"{plain}_{zlib.crc32(name.encode()):08x}"


def remove_partial(folder: Path) -> None:
    """Remove what killed runs left half-written in `folder` and the folders in it."""
    with disk_errors(folder):
        for path in folder.rglob(f"{PARTIAL_PREFIX}*"):
            path.unlink(missing_ok=True)
