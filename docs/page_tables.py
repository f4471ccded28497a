"""Tables of the pages, most made from the folder of a run: Markdown, as it stands on its page."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from convcam_jax.attribution import METHODS
from convcam_jax.attribution.limits import require_explainable
from convcam_jax.benchmark.cases import OURS
from convcam_jax.checks.evidence.scoring import NO_METHOD
from convcam_jax.checks.explanation_metrics.metric_list import EXPLANATION_METRICS
from convcam_jax.corpora.synthetic.cues import CUES
from convcam_jax.corpora.synthetic.variants import SHUFFLED_LABELS
from convcam_jax.networks import NETWORKS
from convcam_jax.networks.network import Network
from convcam_jax.system.digits import with_first_digit
from convcam_jax.system.errors import UserError
from convcam_jax.system.formats import read_csv, read_json

_CONTROLS = {
    "random_blobs": "random blobs",
    "time_shift": "moved in time",
    "frequency_shift": "moved in frequency",
    "shuffled_emotions": "regardless of emotion",
    "top_energy": "strongest cells",
}

# Of deletion and insertion.
_ORDERS = ("random", "energy")


def attribution_methods() -> str:
    """What each method of attribution computes, with its source."""
    lines = [["`attribution.method`", "signed map", "source", "level", "sign"]]
    return _markdown(
        [*lines, *([f"`{name}`", m.description, m.source, m.level, m.sign] for name, m in METHODS.items())]
    )


def methods_of_networks() -> str:
    """How many methods of attribution explain each network, at the layer of its own choice, and which do not."""
    lines = [["`--network`", "methods", "refused"]]
    for name, config in NETWORKS.items():
        network = config().make(2, "float32")
        refused = [f"`{method}`" for method in METHODS if not _explains(method, name, network)]
        lines.append([f"`{name}`", f"{len(METHODS) - len(refused)} of {len(METHODS)}", ", ".join(refused)])
    return _markdown(lines)


def _explains(method: str, name: str, network: Network) -> bool:
    try:
        require_explainable(name, network, "", "attribution.method", [method])
    except UserError:
        return False
    return True


def explanation_metrics() -> str:
    """What each metric of explanations measures, with its source."""
    lines = [["column", "what it measures", "better", "source"]]
    own = EXPLANATION_METRICS.items()
    return _markdown([*lines, *([f"`{name}`", m.formula, m.better, m.source] for name, m in own)])


def accuracy_table(run: Path, measure: str) -> str:
    """Mean over the seeds with its interval, and the chosen model, of each group."""
    rows = read_csv(run / "tables" / "accuracy.csv")
    rows = rows[(rows["level"] == "group") & (rows["measure"] == measure)]
    lines = [["", f"mean of {int(rows['seeds'].iloc[0])} seeds (95 % interval)", "model chosen on validation"]]
    for _, row in rows.iterrows():
        mean = f"{row['mean']:.1f} % ({row['seeds_low']:.1f} to {row['seeds_high']:.1f})"
        lines.append([row["group"], mean, f"{row['chosen']:.1f} %"])
    return _markdown(lines)


def unknown_speakers(run: Path) -> str:
    """Accuracy and UAR of a run that leaves speakers out, all groups together, with intervals over the speakers."""
    rows = read_csv(run / "tables" / "accuracy.csv")
    levels = set(rows["level"])
    rows = rows[rows["level"] == ("all" if "all" in levels else "group")].set_index("measure")
    scores = [
        f"{name} {row['mean']:.1f} % ({row['speakers_low']:.1f} to {row['speakers_high']:.1f})"
        for name, row in zip(("accuracy", "UAR"), (rows.loc["accuracy"], rows.loc["uar"]), strict=True)
    ]
    first = rows.iloc[0]
    counts = [f"{int(first[f'n_{what}'])} {what}" for what in ("recordings", "speakers")]
    return f"  {', '.join(scores)}; {' of '.join(counts)}"


def energy_table(run: Path) -> str:
    """The energy inside the masks of the chosen models beside its controls."""
    rows = read_csv(run / "controls.csv")
    rows = rows[(rows["level"] == "group") & (rows["metric"] == "energy_ratio")]
    lines = [["energy inside the mask, chosen models", "observed", *_CONTROLS.values()]]
    for group, of_group in rows.groupby("group"):
        by_control = of_group.set_index("control")
        first = by_control.iloc[0]
        observed = f"{_percent(first['observed'])} on {_percent(first['mask_area'])} of the area"
        lines.append([str(group), observed, *(_percent(by_control.loc[name, "control_mean"]) for name in _CONTROLS)])
    return _markdown(lines)


def evidence_table(run: Path) -> str:
    """Mean average precision of each method on the networks, the best first, and of the input's energy.

    Where one variant was planted, there is no column of the mean.
    """
    rows = read_csv(run / "tables" / "evidence_methods.csv")
    rows = rows[rows["source"].isin(["network", "energy"])]
    rows = rows.assign(method=rows["method"].where(rows["source"] == "network", "the input's energy"))
    counts = [name for name in rows.columns if name.startswith("above_")]
    rows = rows.drop(columns=["source", *counts])
    n_variants = rows.columns.get_loc("planted_mean") - rows.columns.get_loc("placement") - 1
    rows = rows.drop(columns="planted_mean") if n_variants == 1 else rows
    rows = rows.rename(columns={"planted_mean": "mean of planted"})
    return _markdown([list(rows.columns), *([_two_digits(cell) for cell in row] for row in rows.to_numpy())])


def agreement_of_metrics(run: Path) -> str:
    """How each metric of explanations agrees with planted truth, the best first, and what it prefers to controls."""
    rows = read_csv(run / "tables" / "explanation_metrics.csv").sort_values("spearman", ascending=False)
    controls = [name for name in rows.columns if name.startswith("over_")]
    head = ["metric", "rank correlation with planted truth", *(name.replace("_", " ") for name in controls)]
    lines = [head]
    for _, row in rows.iterrows():
        mean, low, high = (with_first_digit(row[name], 2) for name in ("spearman", "low", "high"))
        agreement = "" if np.isnan(row["spearman"]) else f"{mean} ({low} to {high})"
        lines.append([f"`{row['metric']}`", agreement, *(_or_nothing(row[name]) for name in controls)])
    return _markdown(lines)


def agreement_by_cue(run: Path) -> str:
    """The same of each cue, the metrics in the same order; at the end what there is to find by any method."""
    cells = read_csv(run / "tables" / "explanation_metrics_by_cue.csv").pivot(index="metric", columns="cue")["spearman"]
    methods = read_csv(run / "tables" / "evidence_methods.csv")
    cues = [cue for cue in _cues(methods) if cue in cells.columns]
    lines = [["metric", *cues]]
    for metric, of_cues in cells.reindex(index=_metrics_by_agreement(run), columns=cues).iterrows():
        lines.append([f"`{metric}`", *map(_or_nothing, of_cues)])
    highest = methods.loc[methods["source"] == "network", cues].max()
    lines.append(["highest average precision of a method", *(f"{highest[cue]:.2f}" for cue in cues)])
    return _markdown(lines)


def places_of_filling(run: Path) -> str:
    """At which place each metric ranks the maps of filling, where sound is missing; the metrics in the same order."""
    rankings = read_csv(run / "tables" / "explanation_metrics_by_cue.csv").pivot(
        index="metric", columns="cue", values="ranking"
    )
    cues = ["pause", "devoicing", "gap"]
    lines = [["metric", *cues]]
    for metric, of_cues in rankings.reindex(index=_metrics_by_agreement(run), columns=cues).iterrows():
        orders = [methods.split("; ") if isinstance(methods, str) else [] for methods in of_cues]
        places = [f"{order.index('filling') + 1} of {len(order)}" if "filling" in order else "" for order in orders]
        lines.append([f"`{metric}`", *places])
    return _markdown(lines)


def _metrics_by_agreement(run: Path) -> list[str]:
    table = read_csv(run / "tables" / "explanation_metrics.csv")
    return table.sort_values("spearman", ascending=False)["metric"].tolist()


def thresholds_table(run: Path) -> str:
    """The smallest cue that half of the networks learn, and that every method finds in half of them, with intervals.

    Of a method of nodes, the maps are those at the receptive fields.
    """
    rows = read_csv(run / "tables" / "evidence_thresholds.csv")
    rows = rows[rows["placement"] != "stretched"]
    thresholds = {(row["variant"], row["method"]): _threshold(row) for _, row in rows.iterrows()}
    units = dict(zip(rows["variant"], rows["unit"], strict=True))
    methods = list(dict.fromkeys(rows.loc[rows["what"] == "found", "method"]))
    lines = [["cue", "unit", "networks learn", *methods]]
    lines += [
        [cue, unit, *(thresholds[cue, method] for method in (NO_METHOD, *methods))] for cue, unit in units.items()
    ]
    return _markdown(lines)


def _threshold(row: Mapping) -> str:
    """The strength with its 95 % interval, if there is one, or that it lies beyond the strengths that were planted."""
    low, high = ("∞" if row[limit] == np.inf else f"{row[limit]:.3g}" for limit in ("threshold_low", "threshold_high"))
    interval = "" if np.isnan(row["threshold_low"]) or low == "∞" else f" ({low} to {high})"
    if row["threshold_is"] == "above":
        return f"> {CUES[row['variant']].strengths[-1]:g}{interval}"
    return f"{'≤ ' if row['threshold_is'] == 'at most' else ''}{row['threshold']:.3g}{interval}"


def networks_table(run: Path) -> str:
    """What the compared networks are right in and what their maps show, a row for each group."""
    rows = read_csv(run / "tables" / "networks.csv")
    lines = [
        [
            *("network", "group", "nodes", "accuracy (95 % interval)", "zero maps", "cells better than moved in time"),
            *("two seeds' maps", "deletion: over random", "over energy", "insertion: over random", "over energy"),
        ]
    ]
    for _, row in rows.iterrows():
        above, cells = (sum(int(row[f"table{n}_{what}"]) for n in (3, 4, 5)) for what in ("above_chance", "cells"))
        gains = [f"{row[f'{curve}_over_{order}']:z.2f}" for curve in ("deletion", "insertion") for order in _ORDERS]
        lines.append(
            [
                row["run"].removesuffix("-cqt"),
                row["group"],
                f"{row['node_rows']} x {row['node_columns']}",
                f"{row['accuracy']:.1f} % ({row['accuracy_low']:.1f} to {row['accuracy_high']:.1f})",
                f"{100 * row['zero_maps']:.1f} %",
                f"{above} of {cells}",
                f"{row['seed_agreement']:z.2f}",
                *gains,
            ]
        )
    return _markdown(lines)


def planted_by_network(run: Path) -> str:
    """Of every network and method of the planted evidence of compared networks, the mean average precision of each cue.

    Bold where the verdict is `finds`, beside the mean test accuracy of the networks. Maps of nodes are those at the
    receptive fields.
    """
    compared = read_csv(run / "tables" / "networks.csv").drop_duplicates("run").set_index("run")
    lines: list[list[str]] = []
    for name in compared.index:
        evidence = run / "evidence" / str(name)
        ranking, accuracy = (
            _ranking(evidence),
            read_csv(evidence / "evidence_members.csv").groupby("variant")["test_accuracy"],
        )
        cues = [cue for cue in _cues(ranking) if cue != SHUFFLED_LABELS]
        lines = lines or [["network", "nodes", "", *cues]]
        nodes = f"{compared.loc[name, 'node_rows']} x {compared.loc[name, 'node_columns']}"
        head = [str(name).removesuffix("-cqt"), nodes]
        lines.append([*head, "test accuracy", *(f"{100 * accuracy.mean()[cue]:.0f} %" for cue in cues)])
        for _, row in ranking[ranking["source"] != "chance"].iterrows():
            lines.append(["", "", row["name"], *(_bold(row[cue], cue in row["found"]) for cue in cues)])
    return _markdown(lines)


def benchmark_of_networks(run: Path) -> str:
    """Seconds of each program for a training step and a map of each network, and how many times as fast this one is."""
    rows = read_csv(run / "benchmark.csv")
    rows = rows[rows["precision"] == "float32"]
    programs = [name for name in dict.fromkeys(rows["program"]) if name != OURS]
    lines = [["network", "", OURS, *programs, "as fast as the best peer"]]
    for (network, task), of_task in rows.groupby(["network", "task"], sort=False):
        first = of_task.drop_duplicates("program").set_index("program")
        seconds = [f"{first.loc[name, 'seconds_median']:.3g}" if name in first.index else "" for name in programs]
        ours = first.loc[OURS]
        times = "" if np.isnan(ours["ratio_to_best_peer"]) else f"{1 / ours['ratio_to_best_peer']:.2f} times"
        lines.append([str(network), str(task).replace("_", " "), f"{ours['seconds_median']:.3g}", *seconds, times])
    return _markdown(lines)


# Whose a method is, where that is not spelt as what its name in a file of maps begins with.
_TOOLKITS = {"gradcam": "grad-cam", "keras": "Keras"}
_OWN = "this project"
_REFERENCES = {"energy": "the input's energy", "chance": "chance"}


def leaderboard(*runs: Path) -> str:
    """All methods of several runs, those that find most cues first, then those of the highest mean.

    Of every cue the mean average precision, bold where the verdict is `finds`. Of a method of nodes, the maps are those
    at the receptive fields. Energy and chance stand last, on what the networks of each run classify correctly.

    Raises:
      ValueError: the runs have different cues.
    """
    tables = [_ranking(run) for run in runs]
    cues = _cues(tables[0])
    if any(_cues(table) != cues for table in tables):
        raise ValueError("the runs of the leaderboard have different cues")
    ranking = pd.concat(tables).sort_values(["is_method", "n_found", "planted_mean"], ascending=False, kind="stable")
    lines = [["method", "whose", *cues, "mean", "cues found"]]
    for _, row in ranking.iterrows():
        cells = [_bold(row[cue], cue in row["found"]) for cue in cues]
        n_found = str(row["n_found"]) if row["is_method"] else ""
        lines.append([row["name"], row["whose"], *cells, f"{row['planted_mean']:.2f}", n_found])
    return _markdown(lines)


def networks_of_leaderboard(*runs: Path) -> str:
    """How many networks of each run there are for a cue, and their mean test accuracy."""
    cues = _cues(read_csv(runs[0] / "tables" / "evidence_methods.csv"))
    lines = [["networks of", "for each cue", *cues]]
    for run in runs:
        accuracies = read_csv(run / "evidence_members.csv").groupby("variant")["test_accuracy"]
        means = [f"{100 * accuracies.mean()[cue]:.0f} %" for cue in cues]
        lines.append([_whose_networks(run), str(accuracies.size().max()), *means])
    return _markdown(lines)


def _ranking(run: Path) -> pd.DataFrame:
    """`evidence_methods` without random weights and stretched maps, with what the leaderboard says of each row."""
    rows, verdicts = (read_csv(run / "tables" / f"evidence_{name}.csv") for name in ("methods", "verdicts"))
    rows = rows[(rows["source"] != "random_weights") & (rows["placement"] != "stretched")]
    found = verdicts[(verdicts["verdict"] == "finds") & (verdicts["placement"] != "stretched")]
    found_by = [set(found.loc[found["method"] == method, "variant"]) for method in rows["method"]]
    is_method = rows["source"] == "network"
    own = [_toolkit_and_name(run, method) for method in rows["method"]]
    return rows.assign(
        is_method=is_method,
        found=found_by,
        n_found=[len(cues) for cues in found_by],
        whose=np.where(is_method, [toolkit for toolkit, _ in own], f"networks of {_whose_networks(run)}"),
        name=np.where(is_method, [name for _, name in own], rows["source"].map(_REFERENCES)),
    )


def _cues(methods: pd.DataFrame) -> list[str]:
    """The variants of a table `evidence_methods`."""
    columns = list(methods.columns)
    return columns[columns.index("source") + 1 : columns.index("planted_mean")]


def _toolkit_and_name(run: Path, method: str) -> tuple[str, str]:
    """Whose a method is, and what it is called there: `captum_saliency` in a file of maps is captum's."""
    if read_json(run / "config.json")["config"]["experiment"] == "evidence":
        return _OWN, method
    toolkit, _, name = method.partition("_")
    return _TOOLKITS.get(toolkit, toolkit), name


def _whose_networks(run: Path) -> str:
    """All whose methods explain the networks of a run."""
    rows = read_csv(run / "tables" / "evidence_methods.csv")
    methods = rows.loc[rows["source"] == "network", "method"]
    return ", ".join(sorted({_toolkit_and_name(run, method)[0] for method in methods}))


def costs_of_methods(run: Path) -> str:
    """Milliseconds and megabytes of every method, in the order of the methods."""
    rows = read_csv(run / "methods.csv")
    lines = [["`attribution.method`", "ms per map", "MB"]]
    for row in rows.itertuples():
        seconds = [1e3 * s for s in (row.seconds_median, row.seconds_min, row.seconds_max)]
        median, least, most = (f"{ms:.1f}" if ms < 100 else f"{ms:.0f}" for ms in seconds)
        lines.append([f"`{row.method}`", f"{median} ({least} to {most})", f"{row.program_bytes / 1e6:.0f}"])
    return _markdown(lines)


def gains_of_parts(run: Path) -> str:
    """What the parts of a training bring on validation, over all groups, the largest gain in accuracy first."""
    rows = read_csv(run / "tables" / "training_ablation.csv")
    rows = rows[rows["group"] == rows["group"].iloc[-1]].sort_values("accuracy_gain", ascending=False)
    lines = [["without", "accuracy", "what the part adds", "cross-entropy", "what the part adds"]]
    # What nothing was taken from has no gain, and stands last.
    for _, row in rows.iterrows():
        gains = ["", ""]
        if not np.isnan(row["accuracy_gain"]):
            points = [100 * row[f"accuracy_gain{end}"] for end in ("", "_low", "_high")]
            nats = [row[f"loss_gain{end}"] for end in ("", "_low", "_high")]
            gains = ["{:+.1f} ({:+.1f} to {:+.1f})".format(*points), "{:+.3f} ({:+.3f} to {:+.3f})".format(*nats)]
        name = f"`{row['without']}`" if gains[0] else "nothing"
        lines.append([name, f"{100 * row['accuracy']:.1f} %", gains[0], f"{row['loss']:.3f}", gains[1]])
    return _markdown(lines)


def _markdown(lines: list[list[str]]) -> str:
    head, *rows = (f"| {' | '.join(line)} |" for line in lines)
    return "\n".join([head, "|---" * len(lines[0]) + "|", *rows])


def _bold(cell: float | str, is_bold: bool) -> str:
    text = _two_digits(cell)
    return f"**{text}**" if is_bold else text


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _or_nothing(cell: float) -> str:
    return "" if np.isnan(cell) else _two_digits(cell)


def _two_digits(cell: object) -> str:
    return f"{cell:z.2f}" if isinstance(cell, float) else str(cell)
