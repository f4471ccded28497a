"""What a finished run's models say of new recordings, without labels, and why: answers, maps, contours, TextGrids.

python run.py --experiment=explain --workdir=RUN --recordings=a.wav,folder/
python run.py --experiment=explain --models=FILE --recordings=a.wav,folder/

RUN is the folder of a finished run of the experiment `paper`, whose config and models are used; its corpus is not
needed, and none of its files is changed. FILE is what --experiment=export has made of such a run. All is written into a
new folder in WORKDIR/explained/, see docs/explain.md.
"""

from pathlib import Path

from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.stages.without_labels.new_recordings import explain_recordings, find_recordings
from convcam_jax.stages.without_labels.trained_run import run_of_file, run_of_folder
from convcam_jax.system.files import remove_partial


def run(settings: RunSettings) -> Path:
    """Read the run's models, explain the recordings, and say where the results are."""
    file = settings.models
    if file is None:
        trained = run_of_folder(settings.workdir, "--workdir")
        remove_partial(settings.workdir)
    else:
        trained = run_of_file(file, "--models")
    return explain_recordings(trained, find_recordings(settings.recordings), settings.workdir, settings.cache_dir)
