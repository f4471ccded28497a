"""Several networks on several representations of one corpus: whether what the maps say survives another network.

python run.py --experiment=networks --corpus=emodb --data_dir=FOLDER --workdir=W
python run.py --experiment=networks ... --set=networks.networks=simplenet,resnet_small,crnn --set=networks.evidence=true

Each network on each representation is a run of the experiment `paper` in W/runs/, with the same recordings, split,
training and checks; W has the tables and a figure that compare them, see docs/networks.md. What is finished is not done
again when a network is added.
"""

from convcam_jax.settings.compared import compared_configs, compared_evidence
from convcam_jax.stages.checks import across_networks
from convcam_jax.stages.earlier_files import remove_earlier
from convcam_jax.stages.record import check_config
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.progress import say
from experiments import evidence, paper

_RUNS, _EVIDENCE = "runs", "evidence"


def run(settings: RunSettings) -> None:
    """Run the paper for each network and representation, and planted evidence if asked for; then compare.

    Raises:
      UserError: one of the runs is there with another config. All are asked first: each may take hours.
    """
    runs = compared_configs(settings.config)
    planted = compared_evidence(runs) if settings.config.networks.evidence else {}
    of_runs, of_planted = settings.workdir / _RUNS, settings.workdir / _EVIDENCE
    for name, config in runs.items():
        check_config(of_runs / name, config, paper.is_of_training)
    for name, config in planted.items():
        check_config(of_planted / name, config)
    # They are written last: until then they would be those of other runs.
    remove_earlier(settings.workdir, *across_networks.WRITTEN)
    for number, (name, config) in enumerate(runs.items(), start=1):
        say(f"network {number} of {len(runs)}: {name}")
        paper.run(settings._replace(config=config, workdir=of_runs / name))
    for number, (name, config) in enumerate(planted.items(), start=1):
        say(f"planted evidence {number} of {len(planted)}: {name}")
        evidence.run(settings._replace(config=config, workdir=of_planted / name))
    across_networks.present(list(runs), settings.workdir, _RUNS, {name: of_planted / name for name in planted})
