"""The stages of a run: which fields of the config each depends on, and so which have to be made again.

`stages.json` in the workdir says of every finished stage what it was made from, and what it has written, with
checksums. A stage is made again when one of its fields has another value than then, when a stage that it builds on was
made from something else, or when a file of it is missing or has changed. Figures, which no stage reads, have no
checksums; a stage is finished when they are drawn.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future, wait
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from tqdm import tqdm

from convcam_jax.settings.overrides import flatten
from convcam_jax.stages.record import FREE_FIELDS, shortened
from convcam_jax.stages.run import Run
from convcam_jax.system.errors import UserError, is_of_the_system
from convcam_jax.system.files import file_hash, written_files
from convcam_jax.system.formats import read_json, write_json
from convcam_jax.system.process.worker_processes import begun_meanwhile
from convcam_jax.system.progress import say

STAGES_FILE = "stages.json"
# Figures are drawn while other stages are made; what the training has saved is checked when it is read.
_OF_NO_STAGE = ("training", "figures", STAGES_FILE)
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


class Finished(NamedTuple):
    """A finished stage.

    Attributes:
      origin: what it was made from.
      files: SHA-256 (hex) of the files that it has written, by their paths.
      start: that of the `Run` that made it.
    """

    origin: Origin
    files: dict[str, str]
    start: str


class MadeStage(NamedTuple):
    """A stage that has been made, and the figures that are still being drawn, perhaps."""

    name: str
    finished: Finished
    figures: Collection[Future[object]]


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
        Due(stage, _reason(stage, now[stage.name], then.get(stage.name)))
        for stage in stages
        if then.get(stage.name) != now[stage.name]
    ]


def outdated(finished: Mapping[str, Finished], config: Mapping[str, Any]) -> list[str]:
    """Those of the `finished` stages that a run with the config's fields by name would make again.

    They were made from other values, or build on what has been made again since or was to be.
    """
    values = json.loads(json.dumps(dict(config)))

    def is_outdated(origin: Origin) -> bool:
        changed = any(values.get(name, value) != value for name, value in origin["fields"].items())
        lower = origin["builds_on"].items()
        return changed or any(name not in finished or _hash(finished[name].origin) != then for name, then in lower)

    return [name for name, own in finished.items() if is_outdated(own.origin)]


def make_stages(run: Run, stages: Sequence[Stage]) -> None:
    """Make what has to be made, and say what, why, and what is kept."""
    workdir, now, finished = run.workdir, origins(stages, flatten(run.config)), read_finished(run.workdir)
    due = _due(workdir, stages, now, finished)
    _say_due(stages, due, is_new=not finished)
    made: list[MadeStage] = []
    for number, (stage, _) in enumerate(due, start=1):
        # From here on its files may be of either origin.
        finished.pop(stage.name, None)
        _note(workdir, finished, made)
        say(f"stage {stage.name} ({number} of {len(due)})")
        made.append(_make(run, stage, now[stage.name]))
        _note(workdir, finished, made)
    wait([figure for own in made for figure in own.figures])
    if due:
        _note(workdir, finished, made)


def is_due(run: Run, stages: Sequence[Stage], name: str) -> bool:
    """Whether a stage has to be made."""
    now = origins(stages, flatten(run.config))
    return name in {own.stage.name for own in _due(run.workdir, stages, now, read_finished(run.workdir))}


def _due(
    workdir: Path, stages: Sequence[Stage], now: Mapping[str, Origin], finished: Mapping[str, Finished]
) -> list[Due]:
    """The stages that have to be made, also those of which a file is missing or has changed."""
    changed = {name: file for name, own in finished.items() if (file := changed_file(workdir, own.files))}
    due = due_stages(stages, now, {name: own.origin for name, own in finished.items() if name not in changed})
    reasons = {name: f"{file} is missing or has changed" for name, file in changed.items()}
    return [own._replace(reason=reasons.get(own.stage.name, own.reason)) for own in due]


def _make(run: Run, stage: Stage, origin: Origin) -> MadeStage:
    begun_s, n_begun, n_written = monotonic(), len(begun_meanwhile()), len(written_files())
    stage.make(run)
    if monotonic() - begun_s >= _LONG_S:
        say(f"stage {stage.name} took {tqdm.format_interval(monotonic() - begun_s)}")
    sums = {name: file_hash(run.workdir / name) for name in _of_stage(run.workdir, written_files()[n_written:])}
    return MadeStage(stage.name, Finished(origin, sums, run.start), begun_meanwhile()[n_begun:])


def _note(workdir: Path, finished: dict[str, Finished], made: Sequence[MadeStage]) -> None:
    """Note in `stages.json` what is finished, and what has been made since if its figures are drawn."""
    drawn = [own for own in made if all(figure.done() and not figure.exception() for figure in own.figures)]
    finished |= {own.name: own.finished for own in drawn}
    noted = {name: {**own.origin, "files": own.files, "start": own.start} for name, own in finished.items()}
    write_json(workdir / STAGES_FILE, noted)


def _of_stage(workdir: Path, written: Iterable[Path]) -> list[str]:
    """The files in the workdir that were written and are still there, but those of the training and the figures."""
    paths = {path.relative_to(workdir) for path in written if path.is_relative_to(workdir) and path.is_file()}
    return sorted(path.as_posix() for path in paths if path.parts[0] not in _OF_NO_STAGE)


def changed_file(workdir: Path, files: Mapping[str, str]) -> str:
    """The first of a stage's files that is missing or not what was written; "" if there is none."""
    return next((name for name, written in files.items() if file_hash(workdir / name) != written), "")


def read_finished(workdir: Path) -> dict[str, Finished]:
    """The finished stages of a run; none where the note of them is damaged, and all is made again."""
    path = workdir / STAGES_FILE
    if not path.is_file():
        return {}
    try:
        return {
            name: Finished({part: own[part] for part in ("fields", "builds_on")}, dict(own["files"]), own["start"])
            for name, own in read_json(path).items()
        }
    except (UserError, AttributeError, KeyError, TypeError, ValueError) as error:
        if is_of_the_system(error.__cause__):
            raise
        say(f"{path}: is damaged; all but the training is made again")
        return {}


def _counts(stage: Stage, field: str) -> bool:
    return field not in FREE_FIELDS and (field in stage.fields or field.partition(".")[0] in stage.fields)


def _hash(origin: Origin) -> str:
    return hashlib.sha256(json.dumps(origin, sort_keys=True).encode()).hexdigest()[:16]


def _reason(stage: Stage, now: Origin, then: Origin | None) -> str:
    if then is None:
        return "not made yet"
    before, after = then["fields"], now["fields"]
    changes = [
        f"{name} {shortened(before.get(name))} → {shortened(after.get(name))}"
        for name in {**after, **before}
        if before.get(name) != after.get(name)
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
        for due_stage in due:
            say(f"to be made: {due_stage.stage.name} ({due_stage.reason})")
