"""The whole paper: features, ten seeds per group, Grad-CAM, masks, metrics, tables, figures and a report.

    python run.py                                    on the embedded corpus
    python run.py --corpus=emodb --data_dir=FOLDER   on the Berlin corpus

What to expect on the Berlin corpus stands in docs/results.md, what is written in docs/running.md. A workdir may
be given again with other settings of what follows the training: what depends on them is made again, and nothing else.

Members may be shared by several processes that see the same workdir, here by two on one machine:

    python run.py ... --workdir=W --coordinator=localhost:9911 --num_processes=2 --process_id=0
    python run.py ... --workdir=W --coordinator=localhost:9911 --num_processes=2 --process_id=1

or by a cluster's scheduler, which tells each process what its share is:

    srun --ntasks=4 python run.py ... --workdir=W --distributed
"""

from convcam_jax.stages import attribution, beginning, measures, paper, report
from convcam_jax.stages.checks import chance, faithfulness, listening, sanity, seeds
from convcam_jax.stages.ensemble import training
from convcam_jax.stages.record import TRAINING
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.stages.stage import Stage, is_due, make_stages
from convcam_jax.system.jax_setup import is_first_process, wait_for_all
from convcam_jax.system.process.worker_processes import start

_MAPS = (
    *("analysis.map_placement", "analysis.f0_reading", "analysis.isolated_voiced_frame"),
    *("analysis.trajectory_threshold", "analysis.mask_threshold", "prosody"),
)
_TABLES = ("analysis.table3_metric", "analysis.table4_metric")
STAGES = (
    Stage("explanations", (*TRAINING, "attribution"), (), attribution.explain_ensemble),
    Stage("members", ("analysis.chosen_by",), ("explanations",), attribution.describe_members),
    Stage("metrics", _MAPS, ("members",), measures.measure_maps),
    Stage("tables", (*_TABLES, "analysis.table_digits"), ("metrics",), paper.present),
    Stage("chance", (*_TABLES, "controls"), ("metrics",), chance.compare_with_chance),
    Stage("seeds", (), ("metrics", "tables"), seeds.compare_seeds),
    Stage("sanity", (*_MAPS, "sanity"), ("members",), sanity.check_sanity),
    Stage("sanity tables", _TABLES, ("sanity",), sanity.present),
    Stage("faithfulness", ("analysis.map_placement", "faithfulness"), ("members",), faithfulness.check),
    Stage("faithfulness tables", ("controls.false_discovery_rate",), ("faithfulness",), faithfulness.present),
    Stage("listening", ("analysis.map_placement", "report"), ("explanations",), listening.ask_networks),
    Stage(
        "report",
        ("protocol",),
        ("tables", "chance", "seeds", "sanity tables", "faithfulness tables", "listening"),
        report.write_report,
    ),
)


def run(settings: RunSettings) -> None:
    """Train, unless that is done, and make every stage that is not made from the config yet."""
    paper_run = beginning.begin(settings)
    if is_first_process():
        # The processes that made the features have nothing to do now, and will draw the figures.
        start("convcam_jax.figures.trajectories")
    training.train_ensemble(paper_run)
    if is_due(paper_run, STAGES, "explanations"):
        attribution.explain_own_share(paper_run)
    if is_first_process():
        make_stages(paper_run, STAGES)
    wait_for_all("finished")
