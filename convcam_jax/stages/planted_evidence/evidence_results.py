"""Tables, verdicts and figures of planted evidence."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from convcam_jax.checks.evidence import psychometric, scoring
from convcam_jax.corpora.synthetic.variants import is_full
from convcam_jax.figures.checks import evidence as figures
from convcam_jax.figures.checks import psychometric as psychometric_figures
from convcam_jax.stages.planted_evidence.evidence import Evidence, explained, placed_maps_of
from convcam_jax.system.formats import write_figure, write_table
from convcam_jax.system.progress import say

# Of the comparison of methods.
RANKED_BY = "average_precision"


def write_tables(
    scores: pd.DataFrame,
    summarised: pd.DataFrame,
    n_classes: int,
    originals: Mapping[str, str],
    shown_methods: Sequence[str],
    workdir: Path,
) -> None:
    """Write `evidence_summary`, `evidence_methods` and `evidence_verdicts` into `tables/`, as .csv and .md.

    The summary's .md has the rows of the shown methods only. Methods are compared at the largest strengths, where there
    are such, also in a figure. With several strengths, `evidence_psychometric` and `evidence_thresholds` are written,
    and their figure. `summarised` is `scoring.evidence_summary` of the scores; `originals` are those of
    `psychometric.networks_table`.
    """
    verdicts = scoring.evidence_verdicts(scores, n_classes)
    of_methods = summarised[summarised["method"].isin(shown_methods)]
    columns = ["method"] if len(shown_methods) > 1 else []
    shown = of_methods[
        ["variant", *columns, "placement", "score", "network", "network_low", "network_high", *scoring.CONTROLS]
    ]
    write_table(workdir, "evidence_summary", summarised, shown)
    ranking = scoring.method_ranking(_at_full_strength(summarised), RANKED_BY)
    write_table(workdir, "evidence_methods", ranking)
    if len(ranking):
        write_figure(workdir / "figures" / "evidence_methods.png", figures.methods, ranking, RANKED_BY)
    write_table(workdir, "evidence_verdicts", verdicts)
    if not scores["variant"].map(is_full).all():
        networks = psychometric.networks_table(scores, n_classes, originals)
        curves, thresholds = psychometric.psychometric_table(networks), psychometric.threshold_table(networks)
        write_table(workdir, "evidence_psychometric", curves)
        write_table(workdir, "evidence_thresholds", thresholds)
        path = workdir / "figures" / "evidence_psychometric.png"
        write_figure(path, psychometric_figures.psychometric_curves, curves, thresholds)
    for sentence in verdicts.loc[verdicts["method"].isin(shown_methods), "sentence"]:
        say(sentence)


def _at_full_strength(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["variant"].map(is_full)]


def write_figures(made: Evidence, scores: pd.DataFrame, summarised: pd.DataFrame, workdir: Path) -> None:
    """Write `evidence_scores.png` and `evidence_examples.png` into `figures/`."""
    first = next(iter(made.runs.values()))
    folder, full = workdir / "figures", _at_full_strength(summarised)
    write_figure(folder / "evidence_scores.png", figures.scores, full, first.config.attribution.method)
    shown = [_example(made, scores, variant) for variant in made.runs if is_full(variant)]
    axes, title = first.axes, first.config.representation.title
    path = folder / "evidence_examples.png"
    write_figure(path, figures.examples, shown, axes.time_s, axes.edges_hz, title)


def _example(made: Evidence, scores: pd.DataFrame, variant: str) -> figures.Example:
    """The recording of the variant whose relevance mass is the median: neither the best nor the worst.

    It is taken from the first seed's correctly classified recordings of the first cohort, or from all if there is none.
    """
    run = made.runs[variant]
    cohort, evidence_maps = next(iter(explained(run, variant, made.truth).items()))
    method = run.config.attribution.method
    of_cohort = scores[(scores[["variant", "group", "fold"]] == [variant, *cohort]).all(axis=1)]
    of_method = of_cohort[(of_cohort["source"] == "network") & (of_cohort["method"] == method)]
    seed = of_method["seed"].min()
    of_seed = of_method[of_method["seed"] == seed]
    of_seed = of_seed[of_seed["placement"] == of_seed["placement"].iloc[-1]]
    candidates = of_seed[of_seed["correct"]] if of_seed["correct"].any() else of_seed
    ranked = candidates.sort_values("relevance_mass", kind="stable")
    recording = ranked["recording"].iloc[(len(ranked) - 1) // 2]
    test = evidence_maps.test
    n, s = list(test.recordings).index(recording), evidence_maps.seeds.tolist().index(seed)
    truth = test.truth[n]
    placed = placed_maps_of(run, evidence_maps._replace(maps={method: evidence_maps.maps[method]}))
    maps = {f"{m.method}, {m.placement}": m.trained[s, n, :, : truth.shape[1]] for m in placed}
    shares = {name: own / (own.max() or 1) for name, own in maps.items()}
    return figures.Example(variant, test.classes[n], test.magnitude[n], truth, shares)
