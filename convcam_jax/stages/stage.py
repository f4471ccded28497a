"""The stages of a run: which fields of the config each depends on, and so which have to be made again.

`stages.json` in the workdir says of every finished stage what it was made from. A stage is made again when one of its
fields has another value than then, or when a stage that it builds on was made from something else.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from convcam_jax.settings.overrides import flatten
from convcam_jax.stages.record import FREE_FIELDS, shortened
from convcam_jax.stages.run import Run
from convcam_jax.system.formats import read_json, write_json
from convcam_jax.system.progress import in_time, say

STAGES_FILE = "stages.json"
# How long a stage takes that is worth to be told.
_LONG_S = 1.0
# What a stage was made from: its fields by name, and what the stages were made from that it builds on, as hashes.
Origin = dict[str, dict[str, Any]]


class Stage(NamedTuple):
    """A step that writes files into the workdir.

    Attributes:
      name: as it is shown.
      fields: what it depends on: fields of the config, or sections, of which each field counts.
      builds_on: names of the stages whose files it reads.
      make: does it.
    """

    name: str
    fields: tuple[str, ...]
    builds_on: tuple[str, ...]
    make: Callable[[Run], None]


class Due(NamedTuple):
    """A stage that has to be made, and why."""

    stage: Stage
    reason: str


def origins(stages: Sequence[Stage], config: Mapping[str, Any]) -> dict[str, Origin]:
    """What each of `stages` (in an order in which they can be made) is made from, given the config's fields by name."""
    found: dict[str, Origin] = {}
    for stage in stages:
        fields = {name: value for name, value in config.items() if _counts(stage, name)}
        found[stage.name] = {"fields": fields, "builds_on": {name: _hash(found[name]) for name in stage.builds_on}}
    return json.loads(json.dumps(found))


def due_stages(stages: Sequence[Stage], now: Mapping[str, Origin], then: Mapping[str, Origin]) -> list[Due]:
    """The stages that have to be made, in order; `then` are the origins of those that are finished."""
    return [
        Due(stage, _reason(stage, now[stage.name], then.get(stage.name), then))
        for stage in stages
        if then.get(stage.name) != now[stage.name]
    ]


def make_stages(run: Run, stages: Sequence[Stage]) -> None:
    """Make what has to be made, and say what, why, and what is kept."""
    path = run.workdir / STAGES_FILE
    now, then = origins(stages, flatten(run.config)), read_finished(run.workdir)
    due = due_stages(stages, now, then)
    _say_due(stages, due, is_new=not then)
    for number, (stage, _) in enumerate(due, start=1):
        # From here on its files may be of either origin.
        then.pop(stage.name, None)
        write_json(path, then)
        say(f"stage {stage.name} ({number} of {len(due)})")
        begun_s = monotonic()
        stage.make(run)
        if monotonic() - begun_s >= _LONG_S:
            say(f"stage {stage.name} took {in_time(monotonic() - begun_s)}")
        then[stage.name] = now[stage.name]
        write_json(path, then)


def read_finished(workdir: Path) -> dict[str, Origin]:
    """The origins of the finished stages of a run."""
    path = workdir / STAGES_FILE
    return read_json(path) if path.is_file() else {}


def _counts(stage: Stage, field: str) -> bool:
    return field not in FREE_FIELDS and (field in stage.fields or field.partition(".")[0] in stage.fields)


def _hash(origin: Origin) -> str:
    return hashlib.sha256(json.dumps(origin, sort_keys=True).encode()).hexdigest()[:16]


def _reason(stage: Stage, now: Origin, then: Origin | None, finished: Mapping[str, Origin]) -> str:
    if then is None:
        return "not made yet"
    before = then["fields"]
    changes = [
        f"{name} {shortened(before.get(name))} → {shortened(value)}"
        for name, value in now["fields"].items()
        if before.get(name) != value
    ]
    others = [name for name in stage.builds_on if then["builds_on"].get(name) != now["builds_on"][name]]
    return "; ".join([*changes, *([f"builds on {', '.join(others)}"] if others else [])])


def _say_due(stages: Sequence[Stage], due: Sequence[Due], is_new: bool) -> None:
    names = [own.stage.name for own in due]
    kept = [stage.name for stage in stages if stage.name not in names]
    if kept:
        say(f"kept: {', '.join(kept)}")
    if not due:
        say("nothing has to be made again")
    elif not is_new:
        for own in due:
            say(f"to be made: {own.stage.name} ({own.reason})")
