"""Files that appear whole or not at all, and problems of the disk told in one line."""

import errno
import hashlib
import os
import re
import secrets
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from convcam_jax.system.errors import UserError

# Of a file that holds the checksum of another one, behind the name of that.
_CHECKSUM_ENDING = ".sha256"
# What begins like this was left half-written by a killed run.
PARTIAL_PREFIX = ".partial-"
# In characters, of which a file system may count several bytes each.
_LONGEST_STEM = 50
_FULL = (errno.ENOSPC, errno.EDQUOT)
_NOT_WRITABLE = (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG)
_WITHOUT_SENDING = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)
_written: list[Path] = []


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


def make_folder(folder: Path, flag: str = "--workdir") -> None:
    """Make a folder and those that it lies in, where they are not there.

    Raises UserError, whatever stands in the way; it names the folder, and the flag by which another one is chosen.
    """
    with disk_errors(folder, flag):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if error.errno in (*_FULL, *_NOT_WRITABLE):
                raise
            raise UserError(f"{folder}: cannot be made ({error.strerror}); choose another {flag}") from error


def write_whole(path: Path, write: Callable[[Path], object], flag: str = "--workdir", is_record: bool = False) -> None:
    """Let `write` make a temporary file beside `path`, then rename it; nothing is left behind if it fails.

    A record, of what others cannot be used without, is on the disk on return, so that a power loss leaves it whole.
    That takes milliseconds a file, too long for the thousands of a corpus. Raises UserError, see `disk_errors`.
    """
    # Not by tempfile, whose files only their owner may read.
    temporary = path.with_name(f"{PARTIAL_PREFIX}{secrets.token_hex(4)}-{path.name}")
    with disk_errors(path.parent, flag):
        make_folder(path.parent, flag)
        if path.is_dir():
            raise UserError(f"{path}: is a folder where a file is to be written; remove it or choose another {flag}")
        try:
            write(temporary)
            if is_record:
                _send_to_disk(temporary)
            os.replace(temporary, path)
            if is_record:
                # Not every system lets a folder be sent.
                with suppress(OSError):
                    _send_to_disk(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
    _written.append(path)


def _send_to_disk(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    except OSError as error:
        # Some file systems do not know it.
        if error.errno not in _WITHOUT_SENDING:
            raise
    finally:
        os.close(file)


def written_files() -> tuple[Path, ...]:
    """What `write_whole` has written until now, in this process and as `note_written` has it; perhaps a path twice."""
    return tuple(_written)


def note_written(paths: Iterable[Path]) -> None:
    """Add what another process has written to `written_files`."""
    _written.extend(paths)


def sha256_of(path: Path) -> str:
    """SHA-256 (hex) of a file; raises OSError if it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 (hex) of a file, "" if it cannot be read; what is no file, such as a pipe, might have no end."""
    if not path.is_file():
        return ""
    try:
        return sha256_of(path)
    except OSError:
        return ""


def checksum(name: str, content: bytes) -> bytes:
    """SHA-256 of a file by its name and content, so that another file in its place is found, too."""
    return hashlib.sha256(name.encode() + b"\0" + content).digest()


def write_checked(path: Path, content: bytes, flag: str) -> None:
    """Write a file that `is_undamaged` can tell from a damaged one, and its checksum beside it; see `write_whole`."""
    write_whole(path, lambda temporary: temporary.write_bytes(content), flag)
    # The checksum comes last: without it the file counts for nothing.
    write_whole(_checksum_file(path), lambda temporary: temporary.write_bytes(checksum(path.name, content)), flag)


def is_undamaged(path: Path) -> bool:
    """Whether the file at `path` is there, and as `write_checked` has written it."""
    try:
        return _checksum_file(path).read_bytes() == checksum(path.name, path.read_bytes())
    except OSError:
        return False


def _checksum_file(path: Path) -> Path:
    return path.with_name(f"{path.name}{_CHECKSUM_ENDING}")


def file_stem(name: str) -> str:
    """A name that any file may have, from one of a user's: the same where it is plain, else with a checksum of it."""
    plain = re.sub(r"[^\w.-]", "_", name)[:_LONGEST_STEM]
    return name if plain == name else f"{plain}_{zlib.crc32(name.encode()):08x}"


def remove_partial(folder: Path) -> None:
    """Remove what killed runs left half-written in `folder` and the folders in it."""
    with disk_errors(folder):
        for path in folder.rglob(f"{PARTIAL_PREFIX}*"):
            path.unlink(missing_ok=True)
