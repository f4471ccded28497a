"""Linux's control groups: a container or a batch job may use less than the machine has."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_GROUPS_OF_THIS_PROCESS = Path("/proc/self/cgroup")
_GROUPS = Path("/sys/fs/cgroup")


class Group(NamedTuple):
    """A control group: its folder, and which version of control groups it is of, 1 or 2."""

    folder: Path
    version: int


def own_groups(controller: str) -> list[Group]:
    """The control groups that this process is in and that may limit what the `controller` is for, `memory` or `cpu`."""
    return list(groups_in(read(_GROUPS_OF_THIS_PROCESS), controller, _GROUPS))


def groups_in(lines: str, controller: str, root: Path) -> Iterator[Group]:
    """The groups of a process, whose `lines` are NUMBER:CONTROLLERS:PATH, and those that these are in, below `root`."""
    for line in lines.splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0" or controller in controllers.split(","):
            top = root if number == "0" else root / controller
            own = top / path.lstrip("/")
            # A container may see its own group at the root, whatever its path is called outside.
            for folder in (own, *own.parents):
                if folder.is_relative_to(top):
                    yield Group(folder, 2 if number == "0" else 1)


def read(path: Path) -> str:
    """A file's text; empty where it is not there, or not for this user."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
