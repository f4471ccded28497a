"""What each part of a training brings on validation: the training of the flags, then without one part at a time.

python run.py --experiment=training_ablation --corpus=emodb --data_dir=FOLDER --protocol=modern --workdir=W

Parts are what docs/training.md lists: changes of the recordings, mixup, smoothed labels, the schedule and so on. Each
training is the beginning of a run of the experiment `paper` in W/runs/, and goes on where it was stopped. The test
recordings are not asked.
"""

from convcam_jax.settings.training_parts import configs_without_parts
from convcam_jax.stages.ablations import training_ablation
from convcam_jax.stages.run_settings import RunSettings


def run(settings: RunSettings) -> None:
    """Train with all parts and without each, and write the table of what they bring."""
    histories = training_ablation.train(settings, configs_without_parts(settings.config))
    training_ablation.present(histories, settings.workdir)
