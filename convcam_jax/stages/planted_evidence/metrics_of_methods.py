"""The field's metrics of explanations for every method's maps of planted evidence, held against the planted truth."""

from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import pandas as pd
from jaxtyping import Float

from convcam_jax.attribution import METHODS
from convcam_jax.attribution.config import AttributionConfig
from convcam_jax.checks.evidence.explanations import EvidenceMaps, Pair, explain_pairs
from convcam_jax.checks.evidence.psychometric import networks_table
from convcam_jax.checks.explanation_metrics.judged_maps import (
    N_NOISY,
    Version,
    judged_maps,
    metrics_of_maps,
    with_noise,
)
from convcam_jax.checks.explanation_metrics.truth_agreement import agreement_by_cue, agreement_table, metric_rows
from convcam_jax.data.members import Cohort
from convcam_jax.data.recordings import Recordings, subset
from convcam_jax.figures.checks import explanation_metrics as figures
from convcam_jax.measures.analysis import correct_predictions
from convcam_jax.stages.earlier_files import remove_earlier
from convcam_jax.stages.planted_evidence.evidence import (
    METRICS_FILE,
    Evidence,
    compared_configs,
    explained,
    placed_maps_of,
    references_for,
    trained_and_random,
)
from convcam_jax.stages.run import Run
from convcam_jax.system.files import is_undamaged, write_checked
from convcam_jax.system.formats import as_csv, read_csv, write_csv, write_figure, write_table
from convcam_jax.system.progress import say, show_progress

# The methods are asked anew for the recordings with noise, and for another class.
_N_QUESTIONS = N_NOISY + 1


def judge(made: Evidence, scores: pd.DataFrame, workdir: Path) -> None:
    """Write `evidence_metrics.csv`, its tables and its figure, unless the config leaves them out.

    They are made from planted evidence's scores. The part of a variant is kept in its folder, with its checksum, and
    not computed again when the run goes on, unless it is damaged.
    """
    remove_earlier(workdir, METRICS_FILE, "tables/explanation_metrics*", "figures/explanation_metrics.png")
    config = next(iter(made.runs.values())).config
    if not config.evidence.explanation_metrics:
        return
    metrics = pd.concat([_of_variant(run, variant, made.truth) for variant, run in made.runs.items()])
    write_csv(workdir / METRICS_FILE, metrics)
    networks = networks_table(scores, len(config.corpus.emotions), made.originals)
    agreement = agreement_table(metrics, networks)
    by_cue = agreement_by_cue(metrics, networks)
    write_table(workdir, "explanation_metrics_by_cue", by_cue, by_cue.drop(columns="ranking"))
    write_table(workdir, "explanation_metrics", agreement, agreement.drop(columns=["ranking", "sentence"]))
    if agreement["spearman"].notna().any():
        write_figure(workdir / "figures" / "explanation_metrics.png", figures.agreement, agreement)
    for sentence in agreement["sentence"]:
        say(sentence)


def _of_variant(run: Run, variant: str, truth: dict[str, np.ndarray]) -> pd.DataFrame:
    path = run.workdir / METRICS_FILE
    if not is_undamaged(path):
        tables = []
        for cohort, evidence_maps in explained(run, variant, truth).items():
            what = f"metrics of explanations: variant {variant} ({cohort})"
            with show_progress(what, _N_QUESTIONS + len(evidence_maps.seeds), "step") as update:
                tables += _of_cohort(run, cohort, evidence_maps, variant, update)
        write_checked(path, as_csv(pd.concat(tables)).encode(), "--workdir")
    return read_csv(path)


def _of_cohort(
    run: Run, cohort: Cohort, evidence_maps: EvidenceMaps, variant: str, update: Callable[[], None]
) -> list[pd.DataFrame]:
    """The tables of a cohort's networks; `update` is called after each version of the question, and each network."""
    recordings = subset(run.recordings, run.dataset.indices(cohort, "test"))
    _, variables = trained_and_random(run, cohort)
    versions = _versions(run, cohort, evidence_maps, variables, update)
    configs = compared_configs(run.config)
    sums = {own.method: _signed_sums(own, evidence_maps.maps[own.method]) for own in configs}
    signed_sums = [sums[placed.method] for placed in versions[0].maps]
    emotion, n_frames = np.asarray(recordings.emotion), np.asarray(recordings.n_frames)
    correct = correct_predictions(evidence_maps.logits, emotion)
    tables = []
    for s, seed in enumerate(evidence_maps.seeds.tolist()):
        judged = judged_maps(s, seed, versions, signed_sums, n_frames)
        network = jax.tree.map(lambda leaf, s=s: leaf[s], variables)
        values = metrics_of_maps(network, seed, recordings, judged, run.network)
        tables.append(metric_rows(variant, cohort, seed, correct[s], evidence_maps.test, judged.names, values))
        update()
    return tables


def _signed_sums(config: AttributionConfig, pair: Pair) -> tuple[Float[np.ndarray, "S N"], Float[np.ndarray, "S N"]]:
    """Sums of a method's signed maps, or NaN where they are not meant to be what the logit gains over silence."""
    sums_over = METHODS[config.method].sums_over
    over = config.baseline if sums_over == "baseline" else sums_over
    if config.score != "logit" or over != "silence":
        unknown = np.full(pair.trained.shape[:2], np.nan)
        return unknown, unknown
    return pair.trained.sum((-2, -1)), pair.random.sum((-2, -1))


def _versions(
    run: Run, cohort: Cohort, evidence_maps: EvidenceMaps, variables: dict, update: Callable[[], None]
) -> list[Version]:
    """The maps of the recordings as they are, with noise, and for the class behind the recording's own."""
    tested = run.dataset.indices(cohort, "test")
    configs, (strata, layout) = compared_configs(run.config), run.strata_to_explain(cohort)
    as_they_are = subset(run.recordings, tested)
    spectrograms = np.asarray(as_they_are.spectrograms)

    def explain(recordings: Recordings, given: np.ndarray) -> Version:
        references = references_for(run, cohort, recordings)
        pairs, _ = explain_pairs(variables, recordings, strata, run.network, layout, configs, references)
        update()
        return Version(given, placed_maps_of(run, evidence_maps._replace(maps=pairs)))

    versions = [Version(spectrograms, placed_maps_of(run, evidence_maps))]
    for number in range(N_NOISY):
        noisy = with_noise(as_they_are, number)
        given = run.recordings._replace(spectrograms=run.recordings.spectrograms.at[tested].set(noisy))
        versions.append(explain(given, noisy))
    other = run.recordings._replace(emotion=(run.recordings.emotion + 1) % run.network.n_classes)
    return [*versions, explain(other, spectrograms)]
