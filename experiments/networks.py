"""Several networks on several representations of one corpus: whether what the maps say survives another network.

python run.py --experiment=networks --corpus=emodb --data_dir=FOLDER --workdir=W
python run.py --experiment=networks ... --set=networks.networks=simplenet,resnet_small,crnn --set=networks.evidence=true

Each network on each representation is a run of the experiment `paper` in W/runs/, with the same recordings, split,
training and checks; W has the tables and a figure that compare them, see docs/networks.md. What is finished is not done
again when a network is added.
"""

from convcam_jax.settings.compared import compared_configs, compared_evidence
from convcam_jax.stages.beginning import runs_inside
from convcam_jax.stages.checks import across_networks
from convcam_jax.stages.earlier_files import remove_earlier
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.process.lock import locked
from convcam_jax.system.progress import say
from experiments import evidence, paper

_RUNS, _EVIDENCE = "runs", "evidence"


def run(settings: RunSettings) -> None:
    """Run the paper for each network and representation, and planted evidence if asked for; then compare.

    Raises:
      UserError: see `runs_inside`.
    """
    compared = compared_configs(settings.config)
    asked = compared_evidence(compared) if settings.config.networks.evidence else {}
    of_runs, of_planted = settings.workdir / _RUNS, settings.workdir / _EVIDENCE
    runs = runs_inside({of_runs / name: config for name, config in compared.items()})
    planted = runs_inside({of_planted / name: config for name, config in asked.items()})
    # They are written last: until then they would be those of other runs.
    remove_earlier(settings.workdir, *across_networks.WRITTEN)
    for number, (folder, config) in enumerate(runs.items(), start=1):
        say(f"network {number} of {len(runs)}: {folder.name}")
        with locked(folder):
            paper.run(settings._replace(config=config, workdir=folder))
    for number, (folder, config) in enumerate(planted.items(), start=1):
        say(f"planted evidence {number} of {len(planted)}: {folder.name}")
        with locked(folder):
            evidence.run(settings._replace(config=config, workdir=folder))
    across_networks.present(list(compared), settings.workdir, _RUNS, {folder.name: folder for folder in planted})
