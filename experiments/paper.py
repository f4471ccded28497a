"""The whole paper: features, ten seeds per gender, Grad-CAM, masks, metrics, tables and figures.

    python run.py                                    on the embedded corpus, some minutes
    python run.py --corpus=emodb --data_dir=FOLDER   on the Berlin corpus, about an hour on 2 CPU cores

What to expect on the Berlin corpus stands in the README. Training and explaining are done once per workdir; analysis,
tables and figures are made anew each time.
"""

from convcam_jax.progress import say
from convcam_jax.run_settings import RunSettings
from convcam_jax.stages import analyse, explain, faithfulness, prepare, present, sanity, train
from convcam_jax.workdir import read_csv


def run(settings: RunSettings) -> None:
    """Run every step."""
    config, workdir = settings.config, settings.workdir
    dataset = prepare.begin(settings)
    groups = train.train_ensemble(config, dataset, workdir)
    explain.explain_ensemble(config, dataset, groups, workdir)
    genders = analyse.ensemble_maps(config, dataset, workdir)
    analysed = analyse.analyse_maps(config, genders, workdir)
    sanity.check_sanity(config, dataset, groups, genders, workdir)
    faithfulness.check_faithfulness(config, dataset, groups, genders, workdir)
    members = read_csv(workdir / "members.csv")
    say("drawing tables and figures")
    present.write_model_tables(config, workdir)
    present.write_map_tables(config, analysed, members, workdir)
    present.write_model_figures(config, workdir)
    present.write_map_figures(config, analysed, members, workdir)
    sanity.present(config, genders, workdir)
    faithfulness.present(config, workdir)
