"""Grad-CAM of a convolutional network on emotional speech: runs one experiment and writes everything into a folder.

python run.py                                          the whole paper on the embedded synthetic corpus
python run.py --corpus=emodb --data_dir=FOLDER         the same on the Berlin corpus
python run.py ... --protocol=published                 as the authors computed it
python run.py ... --set=train.epochs=20                with any field of the config changed
"""

import datetime
import importlib
import os
import sys
from pathlib import Path

from absl import app, flags, logging

from convcam_jax.config import Config, make_config, with_evidence_size
from convcam_jax.errors import UserError
from convcam_jax.overrides import apply_overrides
from convcam_jax.run_settings import RunSettings
from experiments import descriptions

EXPERIMENTS = descriptions()
FLAGS = flags.FLAGS
flags.DEFINE_enum(
    "experiment",
    "paper",
    list(EXPERIMENTS),
    "What to do.\n" + "\n".join(f"{name}: {text}" for name, text in EXPERIMENTS.items()),
)
flags.DEFINE_enum("corpus", "synthetic", ["synthetic", "emodb", "listed"], "Which recordings; `listed` is your own.")
flags.DEFINE_string("data_dir", "", "The corpus's folder, with wav/ inside; the synthetic corpus needs none.")
flags.DEFINE_enum("protocol", "corrected", ["corrected", "published"], "How maps are placed, F0 is read, errors taken.")
flags.DEFINE_integer("seeds", 10, "Number of models per gender.", lower_bound=1)
flags.DEFINE_string("workdir", "", "Where everything is written; by default a new folder in runs/.")
flags.DEFINE_multi_string("set", [], "Change a field of the config, such as train.epochs=20; may be given repeatedly.")
flags.DEFINE_string("maps", "", "For analyse_maps: the .npz file with one activation map per recording.")
flags.DEFINE_string("from_workdir", "", "For ablation: the folder of a finished run of the experiment paper.")
flags.DEFINE_string(
    "cache_dir",
    os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")) + "/convcam_jax",
    "Where features, the synthetic corpus and compiled programs are kept between runs.",
)


def main(argv: list[str]) -> None:
    """Read the flags, run the experiment, say where the results are."""
    if len(argv) > 1:
        raise app.UsageError(f"unknown argument {argv[1]}; flags are written as --name=value")
    try:
        settings = RunSettings(
            _config(), _workdir(), Path(FLAGS.cache_dir), _optional(FLAGS.maps), _optional(FLAGS.from_workdir)
        )
        _prepare_jax(settings.cache_dir)
        importlib.import_module(f"experiments.{FLAGS.experiment}").run(settings)
    except UserError as error:
        sys.exit(f"error: {error}")
    print(f"The results are in {settings.workdir}")


def _config() -> Config:
    from convcam_jax.published import recording_names

    _refuse_flags_without_use()
    config = make_config(FLAGS.experiment, FLAGS.corpus, FLAGS.data_dir, FLAGS.protocol, FLAGS.seeds, recording_names())
    if FLAGS.experiment == "evidence":
        # The size chooses defaults of other fields, which --set may change in turn.
        config = with_evidence_size(apply_overrides(config, FLAGS.set), FLAGS.seeds if FLAGS["seeds"].present else None)
    return apply_overrides(config, FLAGS.set)


def _refuse_flags_without_use() -> None:
    if FLAGS.data_dir and FLAGS.corpus == "synthetic" and FLAGS.experiment != "ablation":
        raise UserError("--data_dir: the synthetic corpus has no folder; add --corpus=emodb or --corpus=listed")
    if FLAGS.experiment == "evidence" and FLAGS.corpus != "synthetic":
        raise UserError("--corpus: --experiment=evidence makes recordings of its own; leave the flag out")
    for flag, experiment in (("maps", "analyse_maps"), ("from_workdir", "ablation")):
        if FLAGS[flag].present and FLAGS.experiment != experiment:
            raise UserError(f"--{flag}: is for --experiment={experiment} only")
    given = [name for name in ("corpus", "protocol", "seeds", "set") if FLAGS[name].present]
    if FLAGS.from_workdir and given:
        raise UserError(f"--{given[0]}: with --from_workdir the config is that of the earlier run; leave the flag out")


def _optional(path: str) -> Path | None:
    return Path(path) if path else None


def _workdir() -> Path:
    time = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    return Path(FLAGS.workdir or f"runs/{FLAGS.corpus}-{FLAGS.experiment}-{time}")


def _prepare_jax(cache_dir: Path) -> None:
    # Imported here: the processes that compute features import this file too, and need no JAX.
    import jax

    # Orbax logs every file that it reads or writes.
    logging.set_verbosity(logging.ERROR)
    jax.config.update("jax_compilation_cache_dir", str(cache_dir / "xla"))
    if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
        # One CPU device per core: members side by side use the cores better than all cores on one member.
        jax.config.update("jax_num_cpu_devices", _n_cores())


def _n_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _use_huge_pages() -> None:
    """Start anew with huge pages for large arrays, which only the environment can tell the allocator of Linux."""
    if sys.platform == "linux" and "GLIBC_TUNABLES" not in os.environ:
        os.environ["GLIBC_TUNABLES"] = "glibc.malloc.hugetlb=1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


if __name__ == "__main__":
    _use_huge_pages()
    app.run(main)
