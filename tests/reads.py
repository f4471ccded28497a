"""Which fields of its config a run reads, of those that its experiment ignores."""

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from convcam_jax.settings.config import DOORS, Config
from experiments import EXPERIMENTS

# These read fields to check them, to write them down or to copy them; a network is also made to be asked for its shape.
_OTHERS = {"__post_init__", "__eq__", "__hash__", "__repr__", "_flat", "replace", "asdict", "make_network"}
_OTHERS |= {"with_precision", "with_device_defaults"}


@contextlib.contextmanager
def no_ignored_field_is_read(experiment: str) -> Iterator[None]:
    """Inside, by this process, no field is read that makes no difference to the experiment."""
    read: set[str] = set()
    with pytest.MonkeyPatch.context() as patch:
        for section in dataclasses.fields(Config):
            for kind in DOORS.get(section.name, {"": type(section.default)}).values():
                if dataclasses.is_dataclass(kind):
                    names = {f"{section.name}.{field.name}" for field in dataclasses.fields(kind)}
                    # Which one it is of those behind a door is for a flag to say.
                    names -= {f"{section.name}.name"}
                    ignored = {name for name in names if not EXPERIMENTS[experiment].looks_at(name)}
                    patch.setattr(kind, "__getattribute__", _noting(section.name, ignored, read))
        yield
    assert not read, f"{', '.join(sorted(read))} ignored, but read"


def _noting(section: str, ignored: set[str], read: set[str]) -> Callable[[Any, str], Any]:
    def get(own: Any, name: str) -> Any:
        if f"{section}.{name}" in ignored and not _OTHERS & set(_callers()):
            read.add(f"{section}.{name}")
        return object.__getattribute__(own, name)

    return get


def _callers() -> Iterator[str]:
    frame = sys._getframe(2)
    while frame is not None:
        yield frame.f_code.co_name
        frame = frame.f_back
