"""How much memory there is for this program: in a container or a batch job less than the machine has."""

from collections.abc import Iterable, Iterator

import psutil

from convcam_jax.system.control_groups import Group, own_groups, read

# Of both versions of Linux's control groups: their files of the limit and of what is used, and which line of
# `memory.stat` says what is a copy of files and can be given back.
_FILES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    2: ("memory.max", "memory.current", "inactive_file"),
}


def free_memory() -> int:
    """Bytes that are free on this machine, or fewer where a control group that this process is in allows fewer.

    Source: the Linux kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst.
    """
    return max(0, min([psutil.virtual_memory().available, *_free_in_groups(own_groups("memory"))]))


def _free_in_groups(groups: Iterable[Group]) -> Iterator[int]:
    """What is free in each control group with a limit."""
    for folder, version in groups:
        limit_file, used_file, given_back = _FILES[version]
        limit, used = read(folder / limit_file).strip(), read(folder / used_file).strip()
        if limit.isdecimal() and used.isdecimal():
            rows = (line.split() for line in read(folder / "memory.stat").splitlines())
            files = {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdecimal()}
            yield int(limit) - int(used) + files.get(given_back, 0)
