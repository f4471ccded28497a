"""What is known of this machine's processor, from what Linux says of it; elsewhere only how many cores there are."""

import os
import platform
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from convcam_jax.system.control_groups import Group, own_groups, read

_CPUINFO = Path("/proc/cpuinfo")
# Units that multiply bfloat16: of x86, and of ARM.
_BFLOAT16_UNITS = {"avx512_bf16", "amx_bf16", "bf16"}


def n_cores() -> int:
    """Cores that this program may use, or fewer where a control group that it is in allows less of their time.

    Source: the Linux kernel's Documentation/admin-guide/cgroup-v2.rst and scheduler/sched-bwc.rst.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([usable, *_cores_in_groups(own_groups("cpu"))])


def _cores_in_groups(groups: Iterable[Group]) -> Iterator[int]:
    """As many cores as are busy, the last one in part, in the time that each control group with a quota allows."""
    for folder, version in groups:
        files = ("cpu.max",) if version == 2 else ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        match [int(text) for file in files for text in read(folder / file).split() if text.isdecimal()]:
            case [quota_us, period_us] if quota_us and period_us:
                yield -(-quota_us // period_us)


def processor_name() -> str:
    """The processor's name."""
    return _first_line_of("model name") or platform.processor()


@cache
def multiplies_bfloat16() -> bool:
    """Whether the processor is known to multiply bfloat16 itself, instead of converting it to float32 first."""
    return not _BFLOAT16_UNITS.isdisjoint(f"{_first_line_of('flags')} {_first_line_of('Features')}".split())


def _first_line_of(key: str) -> str:
    if not _CPUINFO.exists():
        return ""
    lines = (line.partition(":") for line in _CPUINFO.read_text(encoding="utf-8").splitlines())
    return next((value.strip() for name, _, value in lines if name.strip() == key), "")
