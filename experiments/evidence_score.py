"""Maps of any toolkit scored against the exported benchmark of planted evidence: the tables, curves and verdicts.

python run.py --experiment=evidence_score --maps=FILE.npz --from_workdir=BENCHMARK --workdir=FOLDER

FILE.npz has the maps, or the relevance of samples, of networks that were trained on the sounds in BENCHMARK, of the
same networks with random weights, and the networks' answers. Its form stands in docs/evidence_benchmark.md.
"""

from convcam_jax.stages.evidence_benchmark.scoring import score_maps
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.errors import UserError


def run(settings: RunSettings) -> None:
    """Check the benchmark and the maps, score them, and write the results."""
    if settings.maps is None or settings.from_workdir is None:
        raise UserError("--maps, --from_workdir: missing; give the file of maps and the folder of the benchmark")
    score_maps(settings.maps, settings.from_workdir, settings.workdir, settings.cache_dir)
