"""The paper's tables and figures from saved results; nothing is trained or explained here."""

from convcam_jax.attribution.explaining import explained_geometry, explained_layer
from convcam_jax.figures import errors, maps, models, trajectories
from convcam_jax.figures.selection import example_view
from convcam_jax.measures.accuracy import ACCURACY_NOTE, accuracy_summary
from convcam_jax.measures.config import table_metric
from convcam_jax.measures.folds import seed_accuracy
from convcam_jax.measures.metric_table import STATISTICS_TABLES
from convcam_jax.measures.statistics import chosen_rows
from convcam_jax.paper.claim_verdicts import corpus_note, evaluate_claims
from convcam_jax.paper.comparison import correlations_with_published, recordings_beside_published
from convcam_jax.paper.published import Published, inferred_accuracy, load_for
from convcam_jax.paper.tables import (
    as_printed,
    confusion_matrices,
    statistics_table,
    table1,
    table1_beside_published,
    table2,
)
from convcam_jax.report.shown_tables import with_headings
from convcam_jax.settings.config import Config
from convcam_jax.stages.attribution import PREDICTIONS
from convcam_jax.stages.earlier_files import remove_earlier
from convcam_jax.stages.run import Run
from convcam_jax.system.files import file_stem
from convcam_jax.system.formats import read_csv, write_figure, write_table
from convcam_jax.system.namespaces import PREDICTED


def present(run: Run) -> None:
    """Write the tables and figures of the paper."""
    write_model_tables(run)
    write_map_tables(run)
    write_model_figures(run)
    write_map_figures(run)


def _published(config: Config) -> Published | None:
    """What was printed, where it can stand beside the results of a run of `config`."""
    return load_for(config.corpus, config.split.name, config.representation.name, config.network.name)


def write_map_tables(run: Run) -> None:
    """Tables 3, 4 and 5, the claims, and on EMO-DB the comparison with the published recordings."""
    config, metrics, members, workdir = run.config, run.analysed.metrics, run.members, run.workdir
    published = _published(config)
    statistics = None if published is None else published.statistics
    for number in STATISTICS_TABLES:
        tidy = statistics_table(number, metrics, members, config.analysis, config.corpus.emotions, statistics)
        metric = table_metric(number, config.analysis)
        whose = "correctly classified recordings of the chosen models with a value"
        note = f"{metric.name}, {metric.cells_in_words}: {whose}."
        write_table(workdir, f"table{number}", tidy, as_printed(tidy), note)
    claims = evaluate_claims(metrics, members, config.analysis, published)
    write_table(workdir, "claims", claims, claims[["id", "section", "sentence"]], corpus_note(config.corpus))
    if published is not None:
        beside = recordings_beside_published(metrics, members, published.recordings)
        write_table(workdir, "recordings_beside_published", beside)
        write_table(workdir, "rank_correlations", correlations_with_published(beside))


def write_model_tables(run: Run) -> None:
    """Tables 1 and 2, accuracies with intervals, and confusion matrices."""
    config, members, workdir = run.config, run.members, run.workdir
    predictions, utterances = read_csv(workdir / PREDICTIONS), read_csv(workdir / "utterances.csv")
    published = _published(config)
    counts = table1(utterances, config.corpus.emotions)
    write_table(workdir, "table1", counts, with_headings(counts))
    if published is not None:
        write_table(workdir, "table1_beside_published", table1_beside_published(counts, published.table1))
    shape = explained_geometry(run.network, config.attribution, config.grid).shape
    printed = None if published is None else published.table2
    # Not of the network itself, which may be behind a standardisation.
    architecture = type(config.network).__name__.removesuffix("Config")
    write_table(workdir, "table2", table2(architecture, *shape, printed))
    write_table(workdir, "accuracy", accuracy_summary(members, predictions, utterances), note=ACCURACY_NOTE)
    for group, counts in confusion_matrices(members, predictions, config.corpus.emotions).items():
        answers = counts.add_prefix(PREDICTED).reset_index()
        write_table(workdir, f"confusion_{file_stem(group)}", answers, with_headings(answers))


def write_model_figures(run: Run) -> None:
    """Figures 2 and 4, and the learning curves."""
    members, predictions = run.members, read_csv(run.workdir / PREDICTIONS)
    published = _published(run.config)
    best = None if published is None else inferred_accuracy(published.recordings)
    folder = run.workdir / "figures"
    write_figure(folder / "figure02.png", models.accuracy, seed_accuracy(members, predictions), best)
    matrices = confusion_matrices(members, predictions, run.config.corpus.emotions)
    write_figure(folder / "figure04.png", models.confusion, matrices)
    history = read_csv(run.workdir / "history.csv")
    write_figure(folder / "learning_curves.png", models.learning_curves, history, members)


def write_map_figures(run: Run) -> None:
    """Figures 3, 5, 6 and 8 to 13."""
    config, analysed, folder = run.config, run.analysed, run.workdir / "figures"
    emotions, analysis, title = config.corpus.emotions, config.analysis, config.representation.title
    chosen = chosen_rows(analysed.metrics, run.members)
    correct = set(chosen.loc[chosen["correct"].astype(bool), "recording"])
    views = {name: view for name, view in analysed.views.items() if name in correct}
    published = _published(config)
    marks = None if published is None else published.recordings
    q_column, f0_column = table_metric(3, analysis).name, table_metric(4, analysis).name
    write_figure(folder / "figure03.png", maps.masks, analysed.masks)
    write_figure(folder / "figure08.png", errors.extreme_envelopes, views, chosen, q_column)
    write_figure(folder / "figure09.png", errors.envelope_error, chosen, q_column, emotions, marks)
    write_figure(folder / "figure11.png", trajectories.best_trajectories, views, chosen, f0_column, emotions)
    write_figure(folder / "figure12.png", errors.f0_error, chosen, f0_column, emotions, marks)
    write_figure(folder / "figure13.png", trajectories.f0_errors, analysed.views)
    example = example_view(views or analysed.views)
    write_figure(folder / "figure05.png", maps.spectrogram_and_f0, example, title)
    write_figure(folder / "figure10.png", trajectories.trajectory_scheme, example, analysis.trajectory_threshold)
    remove_earlier(run.workdir, f"{folder.name}/figure06.png")
    if (raw_map := example.raw_map) is not None:
        layer = explained_layer(run.network, config.attribution).replace("_", " ")
        write_figure(folder / "figure06.png", maps.raw_and_scaled_map, example, raw_map, layer)
