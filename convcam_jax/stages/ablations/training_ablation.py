"""The same training with one part left out at a time."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from convcam_jax.checks.training_parts.gains import gains
from convcam_jax.settings.config import Config
from convcam_jax.settings.training_parts import AS_GIVEN
from convcam_jax.stages import beginning
from convcam_jax.stages.ensemble import training
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.formats import read_csv, write_table
from convcam_jax.system.process.lock import locked
from convcam_jax.system.progress import say


def train(settings: RunSettings, configs: Mapping[str, Config]) -> dict[str, pd.DataFrame]:
    """Train all members of each config in `runs/NAME/`, or go on where an earlier run stopped; their histories.

    Raises:
      UserError: see `beginning.runs_inside`.
    """
    histories = {}
    runs = beginning.runs_inside({_folder(settings.workdir, name): config for name, config in configs.items()})
    for number, (name, (folder, config)) in enumerate(zip(configs, runs.items(), strict=True), start=1):
        say(f"training {number} of {len(configs)}: {name if name == AS_GIVEN else f'without {name}'}")
        with locked(folder):
            run = beginning.begin(settings._replace(config=config, workdir=folder))
            training.train_ensemble(run)
        histories[name] = read_csv(run.workdir / "history.csv")
    return histories


def present(histories: Mapping[str, pd.DataFrame], workdir: Path) -> None:
    """Write `tables/training_ablation.*`."""
    folds = read_csv(_folder(workdir, AS_GIVEN) / "folds.csv")
    write_table(workdir, "training_ablation", gains(histories, AS_GIVEN, folds))


def _folder(workdir: Path, name: str) -> Path:
    return workdir / "runs" / (name if name == AS_GIVEN else f"without_{name}")
