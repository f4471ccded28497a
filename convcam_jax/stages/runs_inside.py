"""Runs that an experiment makes in folders of their own, inside of its workdir."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from convcam_jax.settings.config import Config
from convcam_jax.stages.beginning import check_ahead
from convcam_jax.stages.record import with_precision
from convcam_jax.system.process.lock import locked


def runs_inside(
    configs: Mapping[Path, Config], counts: Callable[[str], bool] = lambda field: True
) -> dict[Path, Config]:
    """The configs of runs by their folders, all of one precision.

    All of them are asked whether they may begin or go on before the first one does, as each may take hours; each has to
    be `locked` as long as it runs.

    Raises:
      UserError: another program has one of the folders, it holds another run, or a file of weights is missing.
    """
    with ExitStack() as locks:
        for folder in configs:
            locks.enter_context(locked(folder))
        runs = {folder: with_precision(config, *configs) for folder, config in configs.items()}
        for folder, config in runs.items():
            check_ahead(folder, config, counts)
    return runs
