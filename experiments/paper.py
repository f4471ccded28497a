"""The whole paper: features, ten seeds per gender, Grad-CAM, masks, metrics, tables and figures."""

from convcam_jax.progress import say
from convcam_jax.run_settings import RunSettings
from convcam_jax.stages import analyse, explain, prepare, present, train
from convcam_jax.workdir import read_csv


def run(settings: RunSettings) -> None:
    """Run every step; steps that an earlier run on the workdir has finished are not done again."""
    config, workdir = settings.config, settings.workdir
    dataset = prepare.begin(settings)
    groups = train.train_ensemble(config, dataset, workdir)
    explain.explain_ensemble(config, dataset, groups, workdir)
    analysed = analyse.analyse_maps(config, analyse.ensemble_maps(config, dataset, workdir), workdir)
    members = read_csv(workdir / "members.csv")
    say("drawing tables and figures")
    present.write_model_tables(config, workdir)
    present.write_map_tables(config, analysed, members, workdir)
    present.write_model_figures(config, workdir)
    present.write_map_figures(config, analysed, members, workdir)
