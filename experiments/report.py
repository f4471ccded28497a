"""The report of a finished run made again from its files; nothing is trained.

python run.py --experiment=report --workdir=RUN

RUN is the folder of a finished run of the experiment `paper`, whose config is used. --data_dir is needed only if the
corpus has been moved. Features come from the cache.
"""

from convcam_jax.stages import report
from convcam_jax.stages.finished_run import (
    check_up_to_date,
    check_written,
    files_of_stages,
    load_earlier_run,
    never_made,
    read_earlier_run,
)
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.files import remove_partial
from convcam_jax.system.progress import say
from experiments.paper import STAGES


def run(settings: RunSettings) -> None:
    """Read the run's config and maps, and write its report."""
    earlier = read_earlier_run(settings.workdir, settings.config.corpus.data_dir, "--workdir")
    check_up_to_date(earlier)
    check_written(earlier)
    remove_partial(settings.workdir)
    if missing := never_made(earlier.folder, (stage.name for stage in STAGES)):
        say(f"the run was stopped before {', '.join(missing)}, which the report goes without")
    report.write_report(load_earlier_run(earlier, settings.cache_dir), files_of_stages(earlier.folder))
