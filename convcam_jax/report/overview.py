"""What the report says of the whole run, as dictionaries that become JSON."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from convcam_jax.measures.views import MaskSet
from convcam_jax.report.encode import as_png, quantised, rounded
from convcam_jax.settings.config import Config, TrainConfig
from convcam_jax.settings.overrides import flatten
from convcam_jax.settings.presets import full_config

# Distance between seeds of equal accuracy in a chart whose genders are 1 apart, and the most that they take together.
STACK_STEP, STACK_HEIGHT = 0.2, 0.8
SHOWN_PACKAGES = ("jax", "flax", "optax", "soxr", "praat-parselmouth", "numpy", "scipy")


def changed_fields(config: Config) -> list[dict[str, str]]:
    """The config's fields that differ from the defaults of its experiment and protocol with the paper's network."""
    corpus = config.corpus
    pinned = config.split.pinned_test
    default = full_config(config.experiment, corpus.name, corpus.data_dir, config.protocol, TrainConfig.seeds, pinned)
    values, defaults = flatten(config), flatten(default)
    return [
        {"field": name, "value": str(value), "default": str(defaults[name])}
        for name, value in values.items()
        if value != defaults[name]
    ]


def facts(
    config: Config,
    record: Mapping[str, Any],
    utterances: pd.DataFrame,
    members: pd.DataFrame,
    metrics: pd.DataFrame,
) -> dict[str, str]:
    """What was run, in words; `record` is `config.json`, the tables are those of the run."""
    splits = utterances["split"].value_counts()
    packages = record.get("packages", {})
    counts = ", ".join(f"{splits[name]} {name}" for name in ("train", "validation", "test") if name in splits)
    return {
        "experiment": config.experiment,
        "corpus": config.corpus.name,
        "protocol": config.protocol,
        "recordings": f"{len(utterances)} ({counts})",
        "seeds per gender": str(members["seed"].nunique()),
        **_network(config, members),
        "map": f"of the class {config.cam.target}, placement {config.analysis.map_placement}".replace("_", " "),
        "maps that are zero everywhere": _zero_maps(metrics),
        "versions": ", ".join(
            [f"Python {record.get('python', 'unknown')}"]
            + [f"{name} {packages[name]}" for name in SHOWN_PACKAGES if name in packages]
        ),
        "machine": f"{record.get('machine', 'unknown')}; {record.get('devices', '')}",
        "corpus hash": str(record.get("corpus_sha256", "")),
    }


def _network(config: Config, members: pd.DataFrame) -> dict[str, str]:
    """The trained networks; nothing where the models are not known."""
    epochs = members["epochs"].dropna()
    if epochs.empty:
        return {}
    trained = f"{epochs.min():.0f}" if epochs.nunique() == 1 else f"{epochs.min():.0f} to {epochs.max():.0f}"
    return {
        "filters": ", ".join(str(n) for n in config.model.filters),
        "epochs": f"{trained} (at most {config.train.epochs})",
        "precision of training": config.train.precision,
    }


def _zero_maps(metrics: pd.DataFrame) -> str:
    is_zero = metrics.groupby("gender")["map_is_zero"]
    return ", ".join(f"{gender} {own.sum()} of {len(own)}" for gender, own in is_zero)


def duration(record: Mapping[str, Any], explained: datetime | None) -> dict[str, str]:
    """When the run began by its `config.json`, and how long it took until all maps were made, if both are known.

    `explained` is the date of `explanations.npz`; a copy made without dates has a wrong one.
    """
    if "begun" not in record:
        return {}
    begun = datetime.fromisoformat(record["begun"]).astimezone(UTC)
    found = {"begun": f"{begun:%Y-%m-%d %H:%M} UTC"}
    if explained is not None:
        minutes = (explained - begun).total_seconds() / 60
        unit = "minute" if round(minutes) == 1 else "minutes"
        found["until all maps were made"] = f"{minutes:.0f} {unit}, by the date of explanations.npz"
    return found


def as_table(title: str, frame: pd.DataFrame, is_open: bool = False) -> dict[str, Any]:
    """A table as title, columns and rows, and whether it is unfolded at first; numbers stay numbers."""
    rows = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    return {"title": title, "open": is_open, "columns": [str(c) for c in frame.columns], "rows": rows}


def verdict_tables(name: str, verdicts: pd.DataFrame) -> list[dict[str, Any]]:
    """Sentences that sum up (rows whose `about` is "summary") unfolded, all verdicts folded; without the former, all.

    The sentences come first, so that they are seen on a narrow page.
    """
    verdicts = verdicts[["sentence", *verdicts.columns.drop("sentence")]]
    is_summary = (verdicts["about"] if "about" in verdicts else verdicts["sentence"]) == "summary"
    if not is_summary.any():
        return [as_table(name, verdicts, is_open=True)]
    summary = verdicts.loc[is_summary, ["sentence"]]
    return [as_table(f"{name}: summary", summary, is_open=True), as_table(f"{name}: all", verdicts)]


def masks(mask_set: MaskSet) -> dict[str, Any]:
    """R of the chosen members and R-hat as pictures, each divided by its maximum; row 0 is the highest frequency."""
    pictures = [
        {
            "gender": gender,
            "emotion": emotion,
            "kind": kind,
            "empty": not bool(of_gender[gender][index].any()),
            "png": as_png(quantised(of_gender[gender][index][::-1], float(of_gender[gender][index].max()) or 1.0)),
        }
        for gender in sorted(mask_set.best)
        for kind, of_gender in (("R", mask_set.best), ("R̂", mask_set.summed))
        for index, emotion in enumerate(mask_set.emotions)
    ]
    return {
        "pictures": pictures,
        "lowest_hz": float(mask_set.bin_hz[0]),
        "highest_hz": float(mask_set.bin_hz[-1]),
        "duration_s": float(mask_set.time_s[-1]),
    }


def accuracies(members: pd.DataFrame) -> list[dict[str, Any]]:
    """Per gender the test accuracy of every seed, and which seed is chosen; nothing where models are not known.

    `offset` sets seeds of equal accuracy apart in a chart, see `stacked`.
    """
    known = members.dropna(subset=["test_accuracy"])
    found = []
    for gender, own in known.groupby("gender"):
        accuracy = rounded(own["test_accuracy"].to_numpy(), 4)
        found.append(
            {
                "gender": gender,
                "seeds": own["seed"].tolist(),
                "accuracy": accuracy,
                "chosen": own["chosen"].astype(bool).tolist(),
                "offset": stacked(accuracy),
            }
        )
    return found


def stacked(values: Sequence[float]) -> list[float]:
    """For each value an offset: equal values, in their order, lie evenly around 0; one alone lies at 0."""
    groups: dict[float, list[int]] = {}
    for index, value in enumerate(values):
        groups.setdefault(value, []).append(index)
    offsets = [0.0] * len(values)
    for indices in groups.values():
        step = min(STACK_STEP, STACK_HEIGHT / max(1, len(indices) - 1))
        for place, index in enumerate(indices):
            offsets[index] = round(step * (place - (len(indices) - 1) / 2), 4)
    return offsets


def confusions(predictions: pd.DataFrame, members: pd.DataFrame, emotions: tuple[str, ...]) -> list[dict[str, Any]]:
    """Per gender how many answers to recordings of each emotion (rows) were which: chosen member, and all seeds."""
    found = []
    for gender, own in predictions.groupby("gender"):
        chosen = members.query("gender == @gender and chosen")["seed"]
        for name, part in (("chosen model", own[own["seed"].isin(chosen)]), ("all seeds", own)):
            counts = pd.crosstab(part["truth"], part["predicted"]).reindex(
                index=list(emotions), columns=list(emotions), fill_value=0
            )
            found.append({"gender": gender, "models": name, "counts": np.asarray(counts).tolist()})
    return found
