"""What an experiment is given."""

from pathlib import Path
from typing import NamedTuple

from convcam_jax.settings.config import Config


class RunSettings(NamedTuple):
    """The config, and what does not change the results: where files are written and kept between runs.

    `maps` is the file of maps of the experiments `analyse_maps` and `evidence_score`, `from_workdir` the folder of a
    finished run of `paper` that `ablation` starts from, or of the benchmark that `evidence_score` scores against,
    `recordings` what `explain` explains, `models` the file of an exported run that it may use; None or empty in other
    experiments. The command gives each experiment what it needs, by `experiments.EXPERIMENTS`.
    """

    config: Config
    workdir: Path
    cache_dir: Path
    maps: Path | None = None
    from_workdir: Path | None = None
    recordings: tuple[str, ...] = ()
    models: Path | None = None
