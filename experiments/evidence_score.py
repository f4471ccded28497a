"""Maps of any toolkit scored against the exported benchmark of planted evidence: the tables, curves and verdicts.

python run.py --experiment=evidence_score --maps=FILE.npz --from_workdir=BENCHMARK --workdir=FOLDER

FILE.npz has the maps, or the relevance of samples, of networks that were trained on the sounds in BENCHMARK, of the
same networks with random weights, and the networks' answers. Its form stands in docs/evidence_benchmark.md.
"""

from convcam_jax.stages.evidence_benchmark.scoring import score_maps
from convcam_jax.stages.run_settings import RunSettings


def run(settings: RunSettings) -> None:
    """Check the benchmark and the maps, score them, and write the results."""
    assert settings.maps is not None
    assert settings.from_workdir is not None
    score_maps(settings.maps, settings.from_workdir, settings.workdir, settings.cache_dir)
