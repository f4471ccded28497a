"""What a finished run's models say of new recordings, without labels, and why: answers, maps, contours, TextGrids.

python run.py --experiment=explain --workdir=RUN --recordings=a.wav,folder/

RUN is the folder of a finished run of the experiment `paper`, whose config and models are used; its corpus is not
needed, and none of its files is changed. All is written into a new folder in RUN/explained/, see docs/explain.md.
"""

from pathlib import Path

from convcam_jax.stages.new_recordings import explain_recordings, find_recordings
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.stages.trained_run import trained_run


def run(settings: RunSettings) -> Path:
    """Read the run's models, explain the recordings, and say where the results are."""
    own = trained_run(settings.workdir, "--workdir")
    return explain_recordings(own, find_recordings(settings.recordings), settings.cache_dir)
