"""Several networks on several representations of one corpus: whether what the maps say survives another network.

python run.py --experiment=networks --corpus=emodb --data_dir=FOLDER --workdir=W
python run.py --experiment=networks ... --set=networks.networks=simplenet,resnet_small,crnn --set=networks.evidence=true

Each network on each representation is a run of the experiment `paper` in W/runs/, with the same recordings, split,
training and checks; W has the tables and a figure that compare them, see docs/networks.md. What is finished is not done
again when a network is added.
"""

from convcam_jax.settings.compared import compared_configs, compared_evidence
from convcam_jax.stages.checks import across_networks
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.progress import say
from experiments import evidence, paper

_RUNS, _EVIDENCE = "runs", "evidence"


def run(settings: RunSettings) -> None:
    """Run the paper for each network and representation, and planted evidence if asked for; then compare."""
    runs = compared_configs(settings.config)
    planted = compared_evidence(runs) if settings.config.networks.evidence else {}
    for number, (name, config) in enumerate(runs.items(), start=1):
        say(f"network {number} of {len(runs)}: {name}")
        paper.run(settings._replace(config=config, workdir=settings.workdir / _RUNS / name))
    for number, (name, config) in enumerate(planted.items(), start=1):
        say(f"planted evidence {number} of {len(planted)}: {name}")
        evidence.run(settings._replace(config=config, workdir=settings.workdir / _EVIDENCE / name))
    folders = {name: settings.workdir / _EVIDENCE / name for name in planted}
    across_networks.present(list(runs), settings.workdir, _RUNS, folders)
