"""A folder that one run uses at a time."""

import contextlib
import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from convcam_jax.system.errors import UserError
from convcam_jax.system.files import disk_errors, make_folder
from convcam_jax.system.progress import say

_LOCK_FILE = ".lock"
_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Inside, no other program that asks for it has the folder, which is made; at the end it is removed if empty.

    The lock ends with the process that has it, however that ends (`flock`).

    Raises:
      UserError: another program has it, or the folder cannot be written.
    """
    made = _make(folder)
    path = folder / _LOCK_FILE
    try:
        with disk_errors(folder):
            lock = _lock(path)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                path.unlink()
            os.close(lock)
    finally:
        for folder_made in made:
            with contextlib.suppress(OSError):
                folder_made.rmdir()


def _make(folder: Path) -> list[Path]:
    """Make the folder; those that were not there, the innermost first."""
    with disk_errors(folder):
        missing = [own for own in (folder, *folder.parents) if not own.exists()]
        if folder.exists() and not folder.is_dir():
            raise UserError(f"{folder}: is a file; choose a folder as --workdir")
    make_folder(folder)
    return missing


def _lock(path: Path) -> int:
    """The open file at `path`, locked."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if isinstance(error, BlockingIOError):
                holder = os.read(file, 200).decode(errors="replace") or "another process"
                os.close(file)
                raise UserError(
                    f"{path.parent}: is in use by {holder}; wait for its end or choose another --workdir"
                ) from error
            if error.errno not in _WITHOUT_LOCKS:
                os.close(file)
                raise
            say(f"{path.parent}: its file system has no locks; see to it that no other run uses this folder")
        if _is_at(file, path):
            os.truncate(file, 0)
            os.pwrite(file, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
            return file
        # Whoever had it has removed it meanwhile.
        os.close(file)


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False
