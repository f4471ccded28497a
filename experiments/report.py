"""The report of a finished run made again from its files; nothing is trained.

python run.py --experiment=report --workdir=RUN

RUN is the folder of a finished run of the experiment `paper`, whose config is used. --data_dir is needed only if the
corpus has been moved. Features come from the cache; `resynthesis.csv` is kept if it is there.
"""

from convcam_jax.stages import ablation, listening, measures, report, training
from convcam_jax.stages.preparation import find_corpus, load_dataset
from convcam_jax.stages.run_settings import RunSettings


def run(settings: RunSettings) -> None:
    """Read the run's config and maps, and write its report."""
    workdir = settings.workdir
    source = ablation.read_source(workdir, settings.config.corpus.data_dir, "--workdir")
    config = source.config
    utterances, _ = find_corpus(config, settings.cache_dir)
    ablation.check_corpus(source, utterances, "--workdir")
    dataset, _ = load_dataset(utterances, config, settings.cache_dir)
    ablation.check_recordings(source, dataset)
    genders = measures.ensemble_maps(config, dataset, workdir)
    analysed = measures.analyse_maps(config, genders, workdir)
    listening.ask_networks(config, genders, training.begun_groups(config, dataset, workdir), workdir)
    report.write_report(config, analysed, genders, workdir)
