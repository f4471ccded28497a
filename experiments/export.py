"""All models of a finished run in one file, from which new recordings are explained elsewhere.

python run.py --experiment=export --workdir=RUN

RUN is the folder of a finished run of the experiment `paper`. The file is RUN/models.safetensors, see docs/explain.md.
"""

from pathlib import Path

from convcam_jax.stages.run import MODELS
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.stages.without_labels.models_file import write_models
from convcam_jax.stages.without_labels.trained_run import run_of_folder
from convcam_jax.system.files import remove_partial
from convcam_jax.system.progress import counted, say


def run(settings: RunSettings) -> Path:
    """Read the run's models, write the file, and say where it is."""
    trained, path = run_of_folder(settings.workdir, "--workdir"), settings.workdir / MODELS
    remove_partial(settings.workdir)
    say(f"writing {counted(len(trained.members), 'model')}")
    if trained.references is not None:
        say(
            f"and spectrograms of {counted(len(trained.references), 'recording')}, with which the run's method compares"
        )
    write_models(
        path,
        trained.record,
        trained.members,
        trained.part_size,
        trained.read_parts(),
        trained.references,
    )
    return path
