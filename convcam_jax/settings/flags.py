"""The command line: which flags there are, what they say of themselves, and what was given.

They are absl's, in a set of their own, so that they meet none that a notebook or another library defines.
"""

import dataclasses
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from absl import flags as absl_flags

from convcam_jax.corpora import CORPORA
from convcam_jax.corpora.several import SeveralConfig
from convcam_jax.networks import NETWORKS
from convcam_jax.representations import REPRESENTATIONS
from convcam_jax.settings.protocols import PRESETS
from convcam_jax.splits import SPLIT_PROTOCOLS
from convcam_jax.system.errors import UserError
from convcam_jax.system.text import whole_number_in
from convcam_jax.system.validation import nearest_in_words, require_choice

_INTRODUCTION = """Grad-CAM of a convolutional network on emotional speech: runs one experiment into a folder.

  python run.py                                     the whole paper on the embedded synthetic corpus
  python run.py --corpus=emodb --data_dir=FOLDER    the same on the Berlin corpus
  python run.py --experiment=report --workdir=RUN   the report of a finished run made again"""
# What one wants to do with flags, by the first of those for it.
_PURPOSES = {
    "experiment": "what to do",
    "corpus": "with which recordings",
    "representation": "how",
    "workdir": "where files lie",
    "distributed": "several processes",
    "quiet": "what is told",
}
_HELP_WIDTH = 100
_INDENT = " " * 8
_HELP = "help"


class Flag(NamedTuple):
    """A flag of the command line.

    Attributes:
      help: what it is for, and in words what holds without it.
      placeholder: of its value; empty for a flag that is given or not.
      choices: its values, each with what it stands for; empty if any text will do.
      combined: whether several of `choices` may be given, divided by commas.
      lowest: of a whole number; None for text.
    """

    help: str
    placeholder: str
    choices: Mapping[str, str] = {}
    combined: bool = False
    lowest: int | None = None


def _flag(default: Any, *about: Any, **others: Any) -> Any:
    """A field of `Flags`: its default, and what is known of it as a `Flag`."""
    return dataclasses.field(default=default, metadata={"flag": Flag(*about, **others)})


def _first_lines(described: Mapping[str, object]) -> dict[str, str]:
    return {name: (own.__doc__ or "").partition("\n")[0] for name, own in described.items()}


@dataclasses.dataclass(frozen=True)
class Flags:
    """What was given, or else the default; `given` are the names of the flags that were."""

    experiment: str = _flag("paper", "What to do; by default the whole paper.", "NAME")
    corpus: str = _flag(
        "synthetic",
        "Which recordings; by default the embedded ones. Several corpora as in --corpus=emodb,ravdess "
        "--data_dir=FOLDER,FOLDER. Not for evidence_export.",
        "NAME",
        {name: corpus.description for name, corpus in CORPORA.items() if name != SeveralConfig.name},
        combined=True,
    )
    data_dir: str = _flag(
        "",
        "The corpus's folder, as it is downloaded, or those of several corpora, divided by commas; the "
        "embedded corpus needs none. Not for evidence_export.",
        "FOLDER",
    )
    maps: str = _flag(
        "",
        "For analyse_maps: the .npz file with one activation map per recording; for evidence_score: that of any "
        "toolkit.",
        "FILE",
    )
    from_workdir: str = _flag(
        "",
        "For ablation: the folder of a finished run of the experiment paper; for evidence_score: that of "
        "evidence_export.",
        "FOLDER",
    )
    recordings: tuple[str, ...] = _flag(
        (), "For explain: sound files and folders of them, divided by commas; may be given repeatedly.", "FILE,FOLDER"
    )
    models: str = _flag("", "For explain: a run's models, as export writes them; then no run is needed.", "FILE")
    representation: str = _flag(
        "",
        "What the network sees of a recording; by default the protocol's, a constant-Q transform.",
        "NAME",
        _first_lines(REPRESENTATIONS),
    )
    split: str = _flag(
        "per_cell",
        "What is for training, validation and the test; by default as in the paper. Not for analyse_maps.",
        "NAME",
        {name: own.guarantee for name, own in SPLIT_PROTOCOLS.items()},
    )
    network: str = _flag(
        "",
        "Which network is trained; by default the paper's, or resnet_small with --protocol=modern and on the "
        "embedded recordings, there but in evidence and benchmark. Not for evidence_export.",
        "NAME",
        _first_lines(NETWORKS),
    )
    protocol: str = _flag(
        "corrected",
        "How maps are placed and measured, and what is trained; by default corrected. Not for evidence_export.",
        "NAME",
        {name: own.description for name, own in PRESETS.items()},
    )
    seeds: int = _flag(
        10,
        "How many models per group and fold; by default ten, four of evidence. Not for analyse_maps, "
        "evidence_export and benchmark.",
        "NUMBER",
        lowest=1,
    )
    set: tuple[str, ...] = _flag(
        (),
        "Change a field of the config, such as train.epochs=20; may be given repeatedly. By default nothing is "
        "changed; docs/settings.md has all fields.",
        "FIELD=VALUE",
    )
    workdir: str = _flag(
        "",
        "Where everything is written, and where a run that was stopped goes on; by default a new folder in "
        "runs/, named by corpus, experiment and time.",
        "FOLDER",
    )
    cache_dir: str = _flag(
        "",
        "Where features, the embedded corpus and compiled programs are kept from run to run; by default the "
        "user's folder for such files ($XDG_CACHE_HOME/convcam_jax or ~/.cache/convcam_jax).",
        "FOLDER",
    )
    distributed: bool = _flag(
        False,
        "For paper: share the members with the other processes of a job of SLURM, Open MPI, Kubernetes or a TPU "
        "pod; all see --workdir. By default there is one process.",
        "",
    )
    coordinator: str = _flag(
        "",
        "For paper, elsewhere: where process 0 listens, the same for all; by default there is one process.",
        "HOST:PORT",
    )
    num_processes: int = _flag(
        1, "For paper: how many processes share the members; all see --workdir.", "NUMBER", lowest=1
    )
    process_id: int = _flag(0, "For paper: which of the processes this one is, from 0 on.", "NUMBER", lowest=0)
    quiet: bool = _flag(False, "Tell nothing but errors and where the results are; by default every step is told.", "")
    given: frozenset[str] = frozenset()


def flags_by_purpose(experiments: Mapping[str, str]) -> dict[str, dict[str, Flag]]:
    """All flags, by what one wants to do with them; `experiments` are described by name."""
    found: dict[str, dict[str, Flag]] = {}
    for field in dataclasses.fields(Flags):
        if field.name in _PURPOSES:
            of_purpose = found[_PURPOSES[field.name]] = {}
        if field.name == "experiment":
            of_purpose[field.name] = field.metadata["flag"]._replace(choices=experiments)
        elif field.metadata:
            of_purpose[field.name] = field.metadata["flag"]
    return found


def read_flags(arguments: Sequence[str], experiments: Mapping[str, str]) -> Flags:
    """The flags in a command line, without the program's name. `--help` prints the help and exits.

    Raises:
      UserError: an argument is not understood, or a flag has a value that it cannot have.
    """
    purposes = flags_by_purpose(experiments)
    known = {name: flag for flags in purposes.values() for name, flag in flags.items()}
    defined = _defined(known)
    try:
        _, *rest = defined(["run.py", *arguments])
    except absl_flags.UnrecognizedFlagError as error:
        raise UserError(_no_such_flag(error.flagname, known)) from error
    except absl_flags.IllegalFlagValueError as error:
        # Only a flag that is given or not has its value read by absl.
        flag = str(error).removeprefix("flag ").partition(": ")[0]
        raise UserError(f"{flag}: must be true or false") from error
    except absl_flags.Error as error:
        raise UserError(str(error).replace("Missing value for flag ", "a value is missing for ")) from error
    if defined[_HELP].value:
        print("\n".join(_help(purposes)))
        sys.exit()
    if rest:
        raise UserError(_not_understood(rest[0], experiments))
    values = {name: _read(name, defined[name].value, flag) for name, flag in known.items() if defined[name].present}
    return Flags(**values, given=frozenset(values))


def _defined(known: Mapping[str, Flag]) -> absl_flags.FlagValues:
    defined = absl_flags.FlagValues()
    defined.set_gnu_getopt()
    absl_flags.DEFINE_bool(_HELP, False, "", short_name="h", flag_values=defined)
    for name, flag in known.items():
        if not flag.placeholder:
            absl_flags.DEFINE_bool(name, False, flag.help, flag_values=defined)
        elif isinstance(getattr(Flags, name), tuple):
            absl_flags.DEFINE_multi_string(name, None, flag.help, flag_values=defined)
        else:
            absl_flags.DEFINE_string(name, None, flag.help, flag_values=defined)
    return defined


def _help(purposes: Mapping[str, Mapping[str, Flag]]) -> Iterator[str]:
    yield from ("usage: python run.py [--FLAG=VALUE ...]", "", _INTRODUCTION)
    for purpose, flags in purposes.items():
        yield from ("", f"{purpose}:")
        for name, flag in flags.items():
            yield f"  --{name}={flag.placeholder}" if flag.placeholder else f"  --{name}"
            yield from _wrapped(flag.help, _INDENT)
            for choice, text in flag.choices.items():
                yield from _wrapped(f"{choice}: {text}", f"{_INDENT}  ")


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, _HELP_WIDTH, initial_indent=indent, subsequent_indent=indent)


def _read(name: str, value: Any, flag: Flag) -> Any:
    if flag.choices:
        for choice in value.split(",") if flag.combined else [value]:
            require_choice(choice, flag.choices, f"--{name}")
    if isinstance(getattr(Flags, name), tuple):
        return tuple(value)
    if flag.lowest is None:
        return value
    try:
        number = whole_number_in(value)
    except ValueError:
        raise UserError(f"--{name}={value}: must be a whole number, such as {flag.lowest + 2}") from None
    if number < flag.lowest:
        raise UserError(f"--{name}={value}: must be at least {flag.lowest}")
    return number


def _not_understood(argument: str, experiments: Mapping[str, str]) -> str:
    meant = f"--experiment={argument}" if argument in experiments else "flags as --name=value"
    return f"{argument}: not understood; write {meant}"


def _no_such_flag(name: str, known: Mapping[str, Flag]) -> str:
    return f"--{name}: there is no such flag{nearest_in_words(name, known) or '; --help tells all'}"
