"""The whole paper: features, ten seeds per gender, Grad-CAM, masks, metrics, tables, figures and a report.

    python run.py                                    on the embedded corpus
    python run.py --corpus=emodb --data_dir=FOLDER   on the Berlin corpus

What to expect on the Berlin corpus, and how long it takes, stands in the README. Training and explaining are done once
per workdir; analysis, tables, figures and the report are made anew each time.

Members may be shared by several processes that see the same workdir, here by two on one machine:

    python run.py ... --workdir=W --coordinator=localhost:9911 --num_processes=2 --process_id=0
    python run.py ... --workdir=W --coordinator=localhost:9911 --num_processes=2 --process_id=1
"""

from pathlib import Path

from convcam_jax.data.dataset import Dataset
from convcam_jax.settings.config import Config
from convcam_jax.stages import (
    attribution,
    chance,
    faithfulness,
    listening,
    measures,
    paper,
    preparation,
    report,
    sanity,
    seeds,
    training,
)
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.stages.workdir import read_csv
from convcam_jax.system.jax_setup import is_first_process, wait_for_all
from convcam_jax.system.progress import say
from convcam_jax.system.worker_processes import start


def run(settings: RunSettings) -> None:
    """Run every step."""
    config, workdir = settings.config, settings.workdir
    dataset = preparation.begin(settings)
    if is_first_process():
        # The processes that made the features have nothing to do now, and will draw the figures.
        start("convcam_jax.figures.trajectories")
    groups = training.train_ensemble(config, dataset, workdir)
    if is_first_process():
        _explain_and_present(config, dataset, groups, workdir)
    wait_for_all("finished")


def _explain_and_present(config: Config, dataset: Dataset, groups: list[training.Group], workdir: Path) -> None:
    attribution.explain_ensemble(config, dataset, groups, workdir)
    maps = measures.ensemble_maps(config, dataset, workdir)
    analysed = measures.analyse_maps(config, maps, workdir)
    members = read_csv(workdir / "members.csv")
    say("drawing tables and figures")
    paper.write_model_tables(config, workdir)
    paper.write_map_tables(config, analysed, members, workdir)
    paper.write_model_figures(config, workdir)
    paper.write_map_figures(config, analysed, members, workdir)
    say("comparing with chance and between seeds")
    chance.compare_with_chance(config, maps, analysed, workdir)
    seeds.compare_seeds(config, maps, analysed, members, workdir)
    sanity.check_sanity(config, dataset, groups, maps, workdir)
    sanity.present(config, maps, workdir)
    faithfulness.check_faithfulness(config, dataset, groups, maps, workdir)
    faithfulness.present(config, workdir)
    listening.ask_networks(config, maps, groups, workdir)
    report.write_report(config, analysed, maps, workdir)
