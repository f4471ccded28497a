"""What disks, copies and people do to files."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path


def _changed(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def cut(path: Path, draw: random.Random) -> None:
    """Only the beginning is left."""
    _changed(path, lambda content: content[: draw.randrange(len(content))] if content else b"x")


def flipped(path: Path, draw: random.Random) -> None:
    """One bit is another one."""

    def flip(content: bytes) -> bytes:
        place = draw.randrange(len(content))
        return content[:place] + bytes([content[place] ^ (1 << draw.randrange(8))]) + content[place + 1 :]

    _changed(path, lambda content: flip(content) if content else b"x")


def emptied(path: Path, draw: random.Random) -> None:
    """Nothing is left."""
    path.write_bytes(b"")


def another_kind(path: Path, draw: random.Random) -> None:
    """A picture, a page, a table or random bytes stand there."""
    contents = (b"\x89PNG\r\n\x1a\n" + bytes(200), b"<!DOCTYPE html><p>404", b"a,b\n1,2\n", draw.randbytes(300), b"{}")
    path.write_bytes(draw.choice(contents))


def removed(path: Path, draw: random.Random) -> None:
    """It is gone."""
    path.unlink()


def a_folder(path: Path, draw: random.Random) -> None:
    """A folder stands there."""
    path.unlink()
    path.mkdir()


DAMAGES = (cut, flipped, emptied, another_kind, removed, a_folder)


def put_back(folder: Path, whole: Path) -> None:
    """Make the folder a copy of the whole one."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole, folder)
