"""What is known of this machine's processor, from what Linux says of it; elsewhere nothing is."""

import platform
from functools import cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
# Units that multiply bfloat16: of x86, and of ARM.
_BFLOAT16_UNITS = {"avx512_bf16", "amx_bf16", "bf16"}


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
