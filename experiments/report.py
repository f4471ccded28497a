"""The report of a finished run made again from its files; nothing is trained.

python run.py --experiment=report --workdir=RUN

RUN is the folder of a finished run of the experiment `paper`, whose config is used. --data_dir is needed only if the
corpus has been moved. Features come from the cache.
"""

from convcam_jax.stages import ablation, report
from convcam_jax.stages.run_settings import RunSettings


def run(settings: RunSettings) -> None:
    """Read the run's config and maps, and write its report."""
    source = ablation.read_source(settings.workdir, settings.config.corpus.data_dir, "--workdir")
    report.write_report(ablation.load_source(source, settings.cache_dir, "--workdir"))
