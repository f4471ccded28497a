"""The benchmark of planted evidence as a folder: sounds, labels, splits, and the truth in cells, seconds and Hz.

python run.py --experiment=evidence_export --workdir=FOLDER
python run.py --experiment=evidence_export --set=evidence.size=full --workdir=FOLDER

It is made from the config alone, without a network, and has a version: a hash of sounds, labels and truth. See
docs/evidence_benchmark.md.
"""

from convcam_jax.stages.evidence_benchmark.export import write_benchmark
from convcam_jax.stages.planted_evidence import evidence
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.progress import say


def run(settings: RunSettings) -> None:
    """Make the recordings and their truth, and write them."""
    made = evidence.make(settings)
    axes = next(iter(made.runs.values())).axes
    say(f"version {write_benchmark(made, settings.config, axes, settings.workdir)}")
