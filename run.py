"""Grad-CAM of a convolutional network on emotional speech: runs one experiment and writes everything into a folder.

python run.py                                          the whole paper on the embedded synthetic corpus
python run.py --corpus=emodb --data_dir=FOLDER         the same on the Berlin corpus
python run.py ... --protocol=published                 as the authors computed it
python run.py ... --network=mobilenet                  another network; likewise --representation and --split
python run.py ... --set=train.epochs=20                with any field of the config changed
python run.py --experiment=report --workdir=FOLDER     the report of a finished run made again
"""

import datetime
import importlib
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import app, flags

from convcam_jax.corpora import CORPORA
from convcam_jax.networks import NETWORKS
from convcam_jax.representations import REPRESENTATIONS
from convcam_jax.settings.config import Config
from convcam_jax.settings.overrides import apply_overrides
from convcam_jax.settings.presets import Choices, make_config, with_device_defaults, with_evidence_size
from convcam_jax.splits import SPLIT_PROTOCOLS
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.allocator import keep_memory
from convcam_jax.system.errors import UserError
from convcam_jax.system.jax_setup import prepare_jax
from convcam_jax.system.share import Share
from convcam_jax.system.worker_processes import background, start
from experiments import descriptions

EXPERIMENTS = descriptions()


def _first_line(described: object) -> str:
    return (described.__doc__ or "").partition("\n")[0]


def _listed(what: str, choices: Mapping[str, str]) -> str:
    """A flag's help: what it chooses, then a line for each choice."""
    return "\n".join([what, *(f"{name}: {text}" for name, text in choices.items())])


FLAGS = flags.FLAGS
flags.DEFINE_enum("experiment", "paper", list(EXPERIMENTS), _listed("What to do.", EXPERIMENTS))
flags.DEFINE_enum(
    "corpus",
    "synthetic",
    list(CORPORA),
    _listed("Which recordings.", {name: corpus.description for name, corpus in CORPORA.items()}),
)
flags.DEFINE_string("data_dir", "", "The corpus's folder, as it is downloaded; the synthetic corpus needs none.")
flags.DEFINE_enum(
    "representation",
    "cqt",
    list(REPRESENTATIONS),
    _listed("What the network sees of a recording.", {n: _first_line(own) for n, own in REPRESENTATIONS.items()}),
)
flags.DEFINE_enum(
    "split",
    "per_cell",
    list(SPLIT_PROTOCOLS),
    _listed("What is for training, validation and the test.", {n: s.guarantee for n, s in SPLIT_PROTOCOLS.items()}),
)
flags.DEFINE_enum(
    "network",
    "simplenet",
    list(NETWORKS),
    _listed("Which network is trained.", {name: _first_line(own) for name, own in NETWORKS.items()}),
)
flags.DEFINE_enum("protocol", "corrected", ["corrected", "published"], "How maps are placed, F0 is read, errors taken.")
flags.DEFINE_integer("seeds", 10, "Number of models per group and fold.", lower_bound=1)
flags.DEFINE_string("workdir", "", "Where everything is written; by default a new folder in runs/.")
flags.DEFINE_multi_string("set", [], "Change a field of the config, such as train.epochs=20; may be given repeatedly.")
flags.DEFINE_string("maps", "", "For analyse_maps: the .npz file with one activation map per recording.")
flags.DEFINE_string("from_workdir", "", "For ablation: the folder of a finished run of the experiment paper.")
flags.DEFINE_string("coordinator", "", "With several processes: HOST:PORT where process 0 listens, the same for all.")
flags.DEFINE_integer("num_processes", 1, "How many processes share the members; all see --workdir.", lower_bound=1)
flags.DEFINE_integer("process_id", 0, "Which of the processes this one is, from 0 on.", lower_bound=0)
flags.DEFINE_string(
    "cache_dir",
    os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")) + "/convcam_jax",
    "Where features, the synthetic corpus and compiled programs are kept between runs.",
)
# What the config of a finished run has already.
_OF_THE_CONFIG = ("corpus", "representation", "split", "network", "protocol", "seeds", "set")


def main(argv: list[str]) -> None:
    """Read the flags, run the experiment, say where the results are."""
    try:
        _refuse_arguments(argv[1:])
        config, workdir, cache_dir, share = _config(), _workdir(), Path(FLAGS.cache_dir), _share()
        if _begins_with_features(config):
            # They load what they need while JAX looks for its devices.
            start("convcam_jax.representations.cache")
        prepare_jax(cache_dir, share)
        maps, source = _optional(FLAGS.maps), _optional(FLAGS.from_workdir)
        settings = RunSettings(with_device_defaults(config), workdir, cache_dir, maps, source)
        experiment = importlib.import_module(f"experiments.{FLAGS.experiment}")
        with background():
            experiment.run(settings)
    except UserError as error:
        sys.exit(f"error: {error}")
    print(f"The results are in {workdir}")


def _refuse_arguments(arguments: list[str]) -> None:
    if arguments:
        meant = f"--experiment={arguments[0]}" if arguments[0] in EXPERIMENTS else "flags as --name=value"
        raise UserError(f"{arguments[0]}: not understood; write {meant}")


def _config() -> Config:
    _refuse_flags_without_use()
    chosen: dict[str, Any] = {name: FLAGS[name].value for name in Choices._fields}
    config = make_config(Choices(**chosen))
    if FLAGS.experiment == "evidence":
        # The size chooses defaults of other fields, which --set may change in turn.
        config = with_evidence_size(apply_overrides(config, FLAGS.set), FLAGS.seeds if FLAGS["seeds"].present else None)
    return apply_overrides(config, FLAGS.set)


def _refuse_flags_without_use() -> None:
    if FLAGS.data_dir and FLAGS.corpus == "synthetic" and FLAGS.experiment not in ("ablation", "report"):
        others = ", ".join(f"--corpus={name}" for name in CORPORA if name != "synthetic")
        raise UserError(f"--data_dir: the synthetic corpus has no folder; add one of {others}")
    if FLAGS.experiment == "evidence" and FLAGS.corpus != "synthetic":
        raise UserError("--corpus: --experiment=evidence makes recordings of its own; leave the flag out")
    for flag, experiment in (("maps", "analyse_maps"), ("from_workdir", "ablation")):
        if FLAGS[flag].present and FLAGS.experiment != experiment:
            raise UserError(f"--{flag}: is for --experiment={experiment} only")
    given = [name for name in _OF_THE_CONFIG if FLAGS[name].present]
    if FLAGS.from_workdir and given:
        raise UserError(f"--{given[0]}: with --from_workdir the config is that of the earlier run; leave the flag out")
    if FLAGS.experiment == "report" and not FLAGS.workdir:
        raise UserError("--workdir: missing; give the folder of a finished run of the experiment paper")
    if FLAGS.experiment == "report" and given:
        raise UserError(f"--{given[0]}: the config is that of the run in --workdir; leave the flag out")


def _begins_with_features(config: Config) -> bool:
    has_corpus = not CORPORA[config.corpus.name].how_to_get or bool(config.corpus.data_dir)
    return config.experiment in ("paper", "evidence") and has_corpus


def _optional(path: str) -> Path | None:
    return Path(path) if path else None


def _workdir() -> Path:
    time = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    return Path(FLAGS.workdir or f"runs/{FLAGS.corpus}-{FLAGS.experiment}-{time}")


def _share() -> Share | None:
    """This process's share of the members, if there are several processes."""
    given = [name for name in ("coordinator", "num_processes", "process_id") if FLAGS[name].present]
    if not given:
        return None
    if len(given) < 3:
        raise UserError(
            f"--{given[0]}: --coordinator, --num_processes and --process_id are given together or not at all"
        )
    if FLAGS.experiment != "paper":
        raise UserError(f"--{given[0]}: several processes share the members of --experiment=paper only")
    if not FLAGS.workdir:
        raise UserError("--workdir: missing; several processes need the same one")
    if FLAGS.process_id >= FLAGS.num_processes:
        raise UserError(f"--process_id={FLAGS.process_id}: must be below --num_processes={FLAGS.num_processes}")
    if not re.fullmatch(r".+:\d+", FLAGS.coordinator):
        raise UserError(f"--coordinator={FLAGS.coordinator}: write it as HOST:PORT")
    return Share(FLAGS.coordinator, FLAGS.num_processes, FLAGS.process_id)


if __name__ == "__main__":
    keep_memory()
    app.run(main)
