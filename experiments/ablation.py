"""What each difference between the protocols does to every cell of Tables 3, 4 and 5, from a finished run's maps.

python run.py --experiment=ablation --from_workdir=RUN --workdir=FOLDER

RUN is the folder of a finished run of the experiment `paper`, under any protocol; its models, maps and config are
used, and nothing is trained. --data_dir is needed only if the corpus has been moved. Starting from each protocol, one
field of the analysis at a time is set as the other protocol has it.
"""

from convcam_jax.stages.ablations import ablation
from convcam_jax.stages.finished_run import read_earlier_run
from convcam_jax.stages.run_settings import RunSettings


def run(settings: RunSettings) -> None:
    """Measure the finished run's maps under every variant, and write the differences."""
    assert settings.from_workdir is not None
    earlier = read_earlier_run(settings.from_workdir, settings.config.corpus.data_dir)
    ablation_run = ablation.begin(settings, earlier)
    ablation.present(ablation.ablate(ablation_run), settings.workdir)
