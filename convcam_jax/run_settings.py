"""What an experiment is given."""

from pathlib import Path
from typing import NamedTuple

from convcam_jax.config import Config


class RunSettings(NamedTuple):
    """The config, and what does not change the results: where files are written and kept between runs.

    `maps` is the file of activation maps of the experiment `analyse_maps`, None in all others.
    """

    config: Config
    workdir: Path
    cache_dir: Path
    maps: Path | None = None
