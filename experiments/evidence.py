"""Planted evidence: whether maps find the one cue that tells the classes apart, its place being known.

python run.py --experiment=evidence --set=evidence.size=small      four methods, two female speakers
python run.py --experiment=evidence                                ten methods, six speakers
python run.py --experiment=evidence --set=evidence.size=full       all cues at four strengths each
python run.py --experiment=evidence --corpus=emodb --data_dir=FOLDER   in the neutral recordings of a corpus
python run.py --experiment=evidence --set=evidence.explanation_metrics=true     and the field's metrics of all maps

Networks are trained on recordings whose classes differ by one known cue, explained by every method of
`evidence.methods`, and every map is scored against the cells that carry the cue. See docs/evidence.md.
"""

import pandas as pd

from convcam_jax.checks.evidence.scoring import evidence_summary
from convcam_jax.stages.planted_evidence import evidence, evidence_results, metrics_of_methods
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.formats import write_csv
from convcam_jax.system.progress import say


def run(settings: RunSettings) -> None:
    """Train, explain and score every variant, then write tables, verdicts and figures."""
    made = evidence.begin(settings)
    tables, members = [], []
    for number, (variant, of_variant) in enumerate(made.runs.items(), start=1):
        say(f"variant {variant}, {number} of {len(made.runs)}")
        evidence.explain_variant(of_variant)
        scores, accuracies = evidence.score_variant(of_variant, variant, made.truth)
        tables.append(scores)
        members.append(accuracies)
    scores, accuracies = pd.concat(tables, ignore_index=True), pd.concat(members, ignore_index=True)
    write_csv(settings.workdir / "evidence.csv", scores)
    write_csv(settings.workdir / "evidence_members.csv", accuracies)
    config = settings.config
    n_classes, shown = len(config.corpus.emotions), (config.attribution.method,)
    summarised = evidence_summary(scores)
    evidence_results.write_tables(scores, summarised, n_classes, made.originals, shown, settings.workdir)
    metrics_of_methods.judge(made, scores, settings.workdir)
    say("drawing figures")
    evidence_results.write_figures(made, scores, summarised, settings.workdir)
