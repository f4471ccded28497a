"""What `run.py` does: the flags are read, one experiment is run, and it is said where the results are."""

import contextlib
import datetime
import importlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

from tqdm import tqdm

from convcam_jax.corpora import CORPORA
from convcam_jax.settings.compared import require_compared
from convcam_jax.settings.config import Config
from convcam_jax.settings.flags import Flags, read_flags
from convcam_jax.settings.overrides import apply_overrides, flatten
from convcam_jax.settings.presets import Choices, make_config, with_evidence_size
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.errors import UserError
from convcam_jax.system.jax_setup import Share, fix_settings, meet, prepare_jax
from convcam_jax.system.paths import default_cache_dir, expanded, expanded_paths, keep_libraries_files
from convcam_jax.system.process.ending import advise
from convcam_jax.system.process.lock import locked
from convcam_jax.system.process.worker_processes import background, start
from convcam_jax.system.progress import be_quiet, say
from experiments import CONFIG_FLAGS, EXPERIMENTS, GENERAL_FLAGS, SHARING_FLAGS, descriptions

# Of the processes of a run that no scheduler has started.
_PROCESS_FLAGS = ("coordinator", "num_processes", "process_id")


def run_command(arguments: list[str]) -> None:
    """Run the experiment that a command line asks for.

    Raises UserError, before anything is written, if it cannot be run.
    """
    begun_s = monotonic()
    flags = read_flags(arguments, descriptions())
    be_quiet(flags.quiet)
    settings, share = settings_of(flags), _share(flags)
    keep_libraries_files(settings.cache_dir)
    _refuse_workdir_without_run(flags, settings.workdir)
    is_first = share is None or meet(share) == 0
    with _alone(settings.workdir, is_first):
        advise(EXPERIMENTS[flags.experiment].when_stopped.format(workdir=settings.workdir))
        fix_settings()
        if _begins_with_features(settings.config):
            # They load what they need while JAX looks for its devices.
            start("convcam_jax.representations.cache")
        prepare_jax(settings.cache_dir)
        experiment = importlib.import_module(f"experiments.{flags.experiment}")
        with background():
            results = experiment.run(settings) or settings.workdir
    say(f"finished after {tqdm.format_interval(monotonic() - begun_s)}")
    print(f"The results are in {results}")


def settings_of(flags: Flags) -> RunSettings:
    """What the experiment is given, but for what depends on the devices there are."""
    settings = RunSettings(
        config_of(flags),
        _workdir(flags),
        expanded(flags.cache_dir) if flags.cache_dir else default_cache_dir(),
        _optional(flags.maps),
        _optional(flags.from_workdir),
        flags.recordings,
        _optional(flags.models),
    )
    if Path(os.path.realpath(settings.cache_dir)).is_relative_to(os.path.realpath(settings.workdir)):
        # A run begins in an empty folder, and what is half-written there is removed.
        raise UserError(
            f"--cache_dir={settings.cache_dir}: lies in --workdir, which is for the files of one run; choose a folder "
            "beside it"
        )
    return settings


def config_of(flags: Flags) -> Config:
    """The config that the flags make, before it is known which devices there are."""
    _refuse_flags_without_use(flags)
    chosen: dict[str, Any] = {name: getattr(flags, name) for name in Choices._fields}
    if flags.data_dir:
        chosen["data_dir"] = expanded_paths(flags.data_dir)
    choices = Choices(**chosen)
    config = make_config(choices)
    _refuse_protocol_without_use(choices, config)
    config = _with_changes(config, flags)
    require_compared(config, flags.given, [_field(one) for one in flags.set])
    return config


def _with_changes(config: Config, flags: Flags) -> Config:
    """The config as --set, and the size of planted evidence, change it."""
    assignments = list(flags.set)
    if flags.experiment in ("evidence", "evidence_export"):
        # The size chooses defaults of other fields, which --set may change in turn: values go with those of the size.
        sizes = [one for one in assignments if _field(one) == "evidence.size"]
        seeds = flags.seeds if "seeds" in flags.given else None
        config = with_evidence_size(apply_overrides(config, sizes), seeds)
    return apply_overrides(config, assignments)


def _field(assignment: str) -> str:
    return assignment.partition("=")[0].strip()


def _refuse_flags_without_use(flags: Flags) -> None:
    experiment = EXPERIMENTS[flags.experiment]
    for name in sorted(flags.given - {*experiment.takes, *GENERAL_FLAGS}):
        if name in CONFIG_FLAGS and experiment.instead:
            raise UserError(f"--{name}: {experiment.instead}; leave the flag out")
        takers = [taker for taker, own in EXPERIMENTS.items() if name in own.takes]
        raise UserError(f"--{name}: is for --experiment={' or '.join(takers)} only")
    for field in map(_field, flags.set):
        if not experiment.looks_at(field):
            users = [name for name, own in EXPERIMENTS.items() if "set" in own.takes and own.looks_at(field)]
            raise UserError(f"--set={field}: is for --experiment={' or '.join(users)} only; leave it out")
    for name, what in _needs(flags).items():
        if not getattr(flags, name):
            raise UserError(f"--{name}: missing; {what}")
    if flags.data_dir and "corpus" in experiment.takes and flags.corpus == "synthetic":
        others = ", ".join(f"--corpus={name}" for name in CORPORA if name not in ("synthetic", "several"))
        raise UserError(f"--data_dir: the synthetic corpus has no folder; add one of {others}")


def _refuse_protocol_without_use(choices: Choices, config: Config) -> None:
    """The config of the choices must not be the usual protocol's in all that the experiment looks at."""
    usual = choices._replace(protocol=Choices().protocol)
    if choices == usual:
        return
    changed = {name for name, _ in flatten(config).items() ^ flatten(make_config(usual)).items()} - {"protocol"}
    if not any(map(EXPERIMENTS[choices.experiment].looks_at, changed)):
        what = f"changes nothing that --experiment={choices.experiment} looks at"
        raise UserError(f"--protocol={choices.protocol}: {what}; leave it out")


def _needs(flags: Flags) -> dict[str, str]:
    """The flags that must be given, each with what to give."""
    experiment = EXPERIMENTS[flags.experiment]
    return {
        name: what
        for name, what in experiment.needs.items()
        if name not in experiment.unless or not getattr(flags, experiment.unless[name])
    }


def _refuse_workdir_without_run(flags: Flags, workdir: Path) -> None:
    """Where a finished run is needed the folder is not made, and no other one would do."""
    needs = _needs(flags)
    if "workdir" not in needs:
        return
    if not workdir.is_dir():
        raise UserError(f"--workdir={flags.workdir}: there is no such folder; {needs['workdir']}")
    if not os.access(workdir, os.W_OK | os.X_OK):
        instead = EXPERIMENTS[flags.experiment].unless.get("workdir")
        raise UserError(
            f"--workdir={flags.workdir}: cannot be written, and what is made of a run lies in its folder; copy the run "
            "into a folder of your own (docs/explain.md says which files explain and export need)"
            + (f", or give --{instead}" if instead else "")
        )


def _begins_with_features(config: Config) -> bool:
    has_corpus = not CORPORA[config.corpus.name].how_to_get or bool(config.corpus.data_dir)
    return EXPERIMENTS[config.experiment].begins_with_features and has_corpus


def _optional(path: str) -> Path | None:
    return expanded(path) if path else None


def _workdir(flags: Flags) -> Path:
    time = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    corpus = [flags.corpus.replace(",", "-")] if "corpus" in EXPERIMENTS[flags.experiment].takes else []
    return expanded(flags.workdir or f"runs/{'-'.join([*corpus, flags.experiment, time])}")


@contextlib.contextmanager
def _alone(workdir: Path, is_first: bool) -> Iterator[None]:
    """Inside, no other run uses the workdir; of several processes of a run the first one sees to that."""
    if is_first:
        with locked(workdir):
            yield
    else:
        yield


def _share(flags: Flags) -> Share | None:
    """This process's share of the members, if there are several processes."""
    given = [name for name in SHARING_FLAGS if name in flags.given]
    if not given or (given == ["distributed"] and not flags.distributed):
        return None
    if not flags.workdir:
        raise UserError("--workdir: missing; several processes need the same one")
    if flags.distributed:
        if len(given) > 1:
            raise UserError(f"--{given[1]}: with --distributed it is found; leave one of the two out")
        return Share()
    if not {*_PROCESS_FLAGS} <= {*given}:
        raise UserError(
            f"--{given[0]}: {', '.join(f'--{name}' for name in _PROCESS_FLAGS)} are given together or not at all"
        )
    if flags.process_id >= flags.num_processes:
        raise UserError(f"--process_id={flags.process_id}: must be below --num_processes={flags.num_processes}")
    if not re.fullmatch(r".+:\d+", flags.coordinator):
        raise UserError(f"--coordinator={flags.coordinator}: write it as HOST:PORT")
    return Share(flags.coordinator, flags.num_processes, flags.process_id)
