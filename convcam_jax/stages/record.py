"""What a run's folder was made from, and that a run goes on only where it can."""

import dataclasses
import datetime
import importlib.metadata
import json
import os
import platform
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import jax

from convcam_jax.corpora.config import FROM_CORPUS
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.kernels.precision import Precision
from convcam_jax.representations.cache import corpus_hash
from convcam_jax.settings.config import Config
from convcam_jax.settings.overrides import flatten
from convcam_jax.settings.presets import with_device_defaults
from convcam_jax.system.errors import UserError
from convcam_jax.system.files import file_hash
from convcam_jax.system.formats import write_json
from convcam_jax.system.jax_setup import switches

CONFIG_FILE = "config.json"
# Of a run, and of one of planted evidence.
_TRAININGS = ("training", "variants/*/training")
# To be raised when files of a workdir change in what they hold.
FORMAT = 7
# What a run is made from, beside its config.
_HASHES = {
    "corpus_sha256": "the corpus's recordings, their names or what is known of them",
    "maps_sha256": "the file of maps",
    "benchmark_version": "the benchmark",
}
_WEIGHTS, _WEIGHTS_SHA256 = "network.weights", "weights_sha256"
# The sections by which trained networks explain new recordings.
_OF_EXPLANATIONS = ("attribution", "analysis", "prosody", "report")
# Beside the record, of the recordings that a run has: see `sound_remarks.highest_file_rate_hz`.
HIGHEST_FILE_RATE = "highest_file_rate_hz"
# There, once the device or a package is another one than when the run began: see `changed_surroundings`.
GONE_ON_WITH = "gone_on_with"
# By another version of these numbers may be others.
COMPUTE = (
    "flax",
    "jax",
    "jaxlib",
    "librosa",
    "numpy",
    "optax",
    "pandas",
    "praat-parselmouth",
    "scipy",
    "soundfile",
    "soxr",
)
# Where the corpus and the file of weights lie and how often a training is kept do not change a run's results; more can
# be asked for later.
FREE_FIELDS = ("corpus.data_dir", _WEIGHTS, "train.checkpoint_interval_s", "evidence.explanation_metrics")
# What members are trained on, and how: a workdir of the experiment `paper` is for one training.
TRAINING = ("experiment", "corpus", "representation", "split", "network", "train")

# What stands in a config where the corpus or the device decides; a record has what they have decided.
_UNDECIDED = {"corpus.emotions": (), "corpus.max_frames": FROM_CORPUS, "train.precision": "fastest"}


def run_record(config: Config, utterances: list[Utterance]) -> dict[str, Any]:
    """What `config.json` holds: the config, a hash of the corpus, the time now (UTC), and the surroundings.

    `switches` are the variables of the environment that results may depend on; there is a hash of the network's file of
    weights, if it has one, "" where the file is not there.
    """
    begun = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    about = {"format": FORMAT, "config": flatten(config), "corpus_sha256": corpus_hash(utterances), "begun": begun}
    return {**about, **_of_weights(config), "switches": switches(os.environ), **surroundings()}


def _of_weights(config: Config) -> dict[str, str]:
    weights = getattr(config.network, "weights", "")
    return {_WEIGHTS_SHA256: file_hash(Path(weights))} if weights else {}


def surroundings() -> dict[str, Any]:
    """Versions of Python and of the packages in use, and the device."""
    names = sorted(m.metadata["Name"] for m in importlib.metadata.distributions() if m.metadata["Name"])
    device = jax.devices()[0]
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "devices": f"{jax.device_count()} x {device.device_kind} ({device.platform})",
        "packages": {name: importlib.metadata.version(name) for name in names},
    }


def read_record(workdir: Path) -> dict[str, Any]:
    """The `config.json` of a run.

    Raises:
      UserError: it cannot be read, or is of another version of the program.
    """
    path = workdir / CONFIG_FILE
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        is_of_this_version = record.get("format") == FORMAT
        if is_of_this_version:
            _ = [record[part].items() for part in ("config", "switches", "packages")]
            _ = record["corpus_sha256"], record["devices"]
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise UserError(f"{path}: cannot be read as the config of a run ({error}); {_mending(workdir)}") from error
    if not is_of_this_version:
        raise UserError(
            f"{workdir}: holds a run of another version of this program, whose files were others; "
            "make it again in another folder"
        )
    return record


def write_record(workdir: Path, record: dict[str, Any]) -> None:
    """Write `config.json`, if it is not that already.

    A run that goes on keeps what it says of its beginning, with the fields of the config that may change, and says what
    of its surroundings has changed since.
    """
    if (workdir / CONFIG_FILE).exists():
        earlier = read_record(workdir)
        others = [f"{name} {value}" for name, value in _weighty(record).items() - _weighty(earlier).items()]
        since = [*dict.fromkeys([*earlier.get(GONE_ON_WITH, []), *sorted(others)])]
        record = {**earlier, "config": record["config"], **({GONE_ON_WITH: since} if since else {})}
        if json.loads(json.dumps(record)) == earlier:
            return
    write_json(workdir / CONFIG_FILE, record)


def _mending(workdir: Path) -> str:
    """What to do in a folder without a `config.json` that can be read."""
    if not any(any(workdir.glob(f"{folder}/round_*")) for folder in _TRAININGS):
        return "choose another --workdir, an empty or new folder"
    return (
        f"to go on with what has been trained, give the run's command with another --workdir, on a device like that of "
        f"the run, stop it once there is a {CONFIG_FILE} in that one, and copy the file into this one"
    )


def check_workdir(workdir: Path, record: dict[str, Any]) -> None:
    """See to it that a run with the `record` of its `config.json` may begin or go on in `workdir`.

    `record` is that of `run_record`, with `maps_sha256` if maps were given; no hash must change, nor a switch, nor a
    field of the config: of the experiment `paper`, one of `TRAINING`.

    Raises:
      UserError: the folder holds a run of another config or version, or other files.
    """
    if (earlier := _begun_record(workdir)) is not None:
        _require_same(workdir, earlier, record)


def check_config(workdir: Path, config: Config) -> None:
    """The same before the corpus is read, of config and switches; what the corpus or the device decides may differ.

    Raises:
      UserError: as `check_workdir` does.
    """
    if (earlier := _begun_record(workdir)) is not None:
        about = {name: value for name, value in earlier.items() if name != _WEIGHTS_SHA256} | _of_weights(config)
        now = _decided(flatten(config), earlier)
        _require_same(workdir, earlier, {**about, "config": now, "switches": switches(os.environ)})


def check_shared(workdir: Path, record: dict[str, Any]) -> None:
    """See to it that a process has the run that the first one has begun in `workdir`, in every field but free ones.

    `record` is that of `run_record`; what the corpus or the device decides may differ.

    Raises:
      UserError: the first process has a run of another config, or another folder.
    """
    earlier = _begun_record(workdir)
    if earlier is None:
        raise UserError(
            f"{workdir}: has no {CONFIG_FILE} of the first process; give each process the same --workdir, on a disk "
            "that all of them see"
        )
    if differing := _differing(earlier, {**record, "config": _decided(record["config"], earlier)}):
        raise UserError(
            f"{workdir}: the first process has a run of another config, differing in {', '.join(differing)}; "
            "give each process the same command, in the same environment"
        )


def _decided(config: dict[str, Any], earlier: dict[str, Any]) -> dict[str, Any]:
    """The fields of a config, as an earlier record has them where the corpus or the device decides."""
    left_open = [name for name, open_value in _UNDECIDED.items() if config[name] == open_value]
    return config | {name: earlier["config"].get(name) for name in left_open}


def _begun_record(workdir: Path) -> dict[str, Any] | None:
    """The record of the run that was begun in the folder; None where a run may begin."""
    # Listed once: another process of the run may write its first files meanwhile.
    names = [child.name for child in workdir.iterdir()] if workdir.is_dir() else []
    if CONFIG_FILE in names:
        return read_record(workdir)
    if workdir.exists() and not workdir.is_dir():
        raise UserError(f"{workdir}: is a file; choose a folder as --workdir")
    if any(not name.startswith(".") for name in names):
        raise UserError(f"{workdir}: holds files but no {CONFIG_FILE}; {_mending(workdir)}")
    return None


def _require_same(workdir: Path, earlier: dict[str, Any], record: dict[str, Any]) -> None:
    # Of other fields of the experiment `paper` the stages say what is made again by them.
    sections = TRAINING if record["config"]["experiment"] == "paper" else ()
    if differing := _differing(earlier, record, sections):
        raise UserError(
            f"{workdir}: holds a run of another config, differing in {', '.join(differing)}; choose another --workdir"
        )


def with_precision(config: Config, *workdirs: Path) -> Config:
    """The config with the precision of training spelled out: that of the first run in `workdirs`, or the device's.

    So runs go on on another device, and those that are compared are trained in one precision.

    Raises:
      UserError: a `config.json` cannot be read.
    """
    if config.train.precision == "fastest":
        begun = [read_record(own)["config"].get("train.precision") for own in workdirs if (own / CONFIG_FILE).exists()]
        if begun and begun[0] in get_args(Precision):
            return dataclasses.replace(config, train=dataclasses.replace(config.train, precision=begun[0]))
    return with_device_defaults(config)


def explains_otherwise(earlier: dict[str, Any], record: dict[str, Any]) -> bool:
    """Whether, by two records' configs, the same trained networks explain a recording in different ways."""
    now = json.loads(json.dumps(record["config"]))
    names = [name for name in now if name.partition(".")[0] in _OF_EXPLANATIONS]
    return bool(changed_fields(earlier["config"], now, names))


def changed_fields(earlier: dict[str, Any], now: dict[str, Any], fields: Iterable[str]) -> list[str]:
    """Those of `fields` whose values differ, each with both values, in words."""
    return [
        f"{name} ({shortened(earlier.get(name))} there, {shortened(now.get(name))} now)"
        for name in fields
        if earlier.get(name) != now.get(name)
    ]


def shortened(value: Any) -> str:
    """A value in a line that is to be read; lists of recordings are long."""
    return textwrap.shorten(str(value), width=60, placeholder=" …")


def _differing(earlier: dict[str, Any], record: dict[str, Any], sections: Sequence[str] = ()) -> list[str]:
    """In what two records differ, in words; of the fields of their configs those of `sections`, if there are any."""
    record = json.loads(json.dumps(record))
    names = sorted({*earlier["config"], *record["config"]} - set(FREE_FIELDS))
    if sections:
        names = [name for name in names if name.partition(".")[0] in sections]
    differing = changed_fields(earlier["config"], record["config"], names)
    differing += [what for name, what in _HASHES.items() if earlier.get(name) != record.get(name)]
    return differing + _changed_weights(earlier, record) + changed_switches(earlier, record)


def _changed_weights(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """That two records are of different files of weights, wherever these lie, in words."""
    hashes = [own.get(_WEIGHTS_SHA256) for own in (earlier, now)]
    if "" not in hashes:
        return [] if hashes[0] == hashes[1] else ["the file of weights"]
    # A file that is not there, and need not be where all is trained, is known by its path.
    paths = [own["config"].get(_WEIGHTS) for own in (earlier, now)]
    return [] if paths[0] == paths[1] else [f"{_WEIGHTS} ({paths[0]} there, {paths[1]} now, one of which is no file)"]


def changed_switches(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The variables of the environment that results may depend on and that differ between two records, in words."""
    then, now_set = earlier["switches"], now["switches"]
    return [f"the environment's {change}" for change in changed_fields(then, now_set, sorted({*then, *now_set}))]


def changed_surroundings(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What numbers may depend on a little and is another one than when the run began, in words: device and packages."""
    return changed_fields(_weighty(earlier), _weighty(now), ("device", *COMPUTE))


def _weighty(record: Mapping[str, Any]) -> dict[str, str]:
    """The device, of which there may be more at each start, and the packages whose version numbers may depend on."""
    packages = {name: version for name, version in record["packages"].items() if name in COMPUTE}
    return {"device": str(record["devices"]).partition(" x ")[2], **packages}
