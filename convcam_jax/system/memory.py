"""How much memory there is for this program: in a container or a batch job less than the machine has."""

from collections.abc import Iterator
from pathlib import Path

import psutil

_GROUPS_OF_THIS_PROCESS = Path("/proc/self/cgroup")
_GROUPS = Path("/sys/fs/cgroup")
# Of both versions of Linux's control groups: below which folder they lie, their files of the limit and of what is
# used, and which line of `memory.stat` says what is a copy of files and can be given back.
_VERSION_1 = ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_VERSION_2 = ("", "memory.max", "memory.current", "inactive_file")


def free_memory() -> int:
    """Bytes that are free on this machine, or fewer where a control group that this process is in allows fewer.

    Source: the Linux kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst.
    """
    groups = _read(_GROUPS_OF_THIS_PROCESS)
    return max(0, min([psutil.virtual_memory().available, *_free_in_groups(groups, _GROUPS)]))


def _free_in_groups(groups: str, root: Path) -> Iterator[int]:
    """What is free in each control group with a limit; `groups` are lines NUMBER:CONTROLLERS:PATH."""
    for line in groups.splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0" or "memory" in controllers.split(","):
            below, *files = _VERSION_2 if number == "0" else _VERSION_1
            own = root / below / path.lstrip("/")
            # A container may see its own group at the root, whatever its path is called outside.
            for folder in (own, *own.parents):
                if folder.is_relative_to(root / below):
                    yield from _free_in_group(folder, *files)


def _free_in_group(folder: Path, limit_file: str, used_file: str, given_back: str) -> Iterator[int]:
    limit, used = _read(folder / limit_file).strip(), _read(folder / used_file).strip()
    if limit.isdecimal() and used.isdecimal():
        rows = (line.split() for line in _read(folder / "memory.stat").splitlines())
        files = {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdecimal()}
        yield int(limit) - int(used) + files.get(given_back, 0)


def _read(path: Path) -> str:
    """A file's text; empty where it is not there, or not for this user."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
