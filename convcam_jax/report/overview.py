"""What the report says of the whole run, as dictionaries that become JSON."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from convcam_jax.attribution import METHODS
from convcam_jax.attribution.explaining import explained_layer
from convcam_jax.corpora.config import CorpusConfig
from convcam_jax.corpora.several import SeveralConfig
from convcam_jax.data.members import Member
from convcam_jax.measures.folds import group_masks, seed_accuracy
from convcam_jax.measures.statistics import chosen_rows
from convcam_jax.measures.views import MaskSet
from convcam_jax.report.coarseness import coarseness
from convcam_jax.report.encode import as_png, quantised, rounded
from convcam_jax.report.shown_tables import as_table, with_headings
from convcam_jax.settings.config import Config
from convcam_jax.settings.overrides import flatten
from convcam_jax.settings.presets import default_config
from convcam_jax.splits.protocol import SPLITS_OF_A_FOLD
from convcam_jax.system.progress import counted

# Distance between seeds of equal accuracy in a chart whose groups are 1 apart, and the most that they take together.
STACK_STEP, STACK_HEIGHT = 0.2, 0.8
SHOWN_PACKAGES = ("jax", "flax", "optax", "soxr", "praat-parselmouth", "numpy", "scipy")


def non_default_fields(config: Config) -> list[dict[str, str]]:
    """The config's fields that differ from the defaults, in full size, of what the run chose."""
    values, defaults = flatten(config), flatten(default_config(config))
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
    return {
        "experiment": config.experiment,
        "corpus": _corpus(config.corpus),
        "protocol": config.protocol,
        "models per": config.corpus.models_per,
        "seeds per group": str(members["seed"].nunique()),
        "recordings": _recordings(utterances),
        **_split(config, members),
        "representation": config.representation.title,
        **_network(config, members),
        **_map(config, members),
        "maps that are zero everywhere": _zero_maps(metrics),
        **provenance(record),
    }


def provenance(record: Mapping[str, Any]) -> dict[str, str]:
    """What made a run, and from what, in words; `record` is its `config.json`."""
    packages = record.get("packages", {})
    return {
        "versions": ", ".join(
            [f"Python {record.get('python', 'unknown')}"]
            + [f"{name} {packages[name]}" for name in SHOWN_PACKAGES if name in packages]
        ),
        "machine": f"{record.get('machine', 'unknown')}; {record.get('devices', '')}",
        **({"gone on with": ", ".join(record["gone_on_with"])} if "gone_on_with" in record else {}),
        "corpus hash": str(record.get("corpus_sha256", "")),
    }


def _corpus(corpus: CorpusConfig) -> str:
    """Its name, and which they are where it is several."""
    return f"several ({', '.join(corpus.corpora)})" if isinstance(corpus, SeveralConfig) else corpus.name


def _split(config: Config, members: pd.DataFrame) -> dict[str, str]:
    """How the recordings are divided; nothing where others have made the maps, of which all are for the test."""
    if config.experiment == "analyse_maps":
        return {}
    return {"split": f"{config.split.name}, {counted(members['fold'].nunique(), 'fold')}".replace("_", " ")}


def _recordings(utterances: pd.DataFrame) -> str:
    """How many there are, and what for: with several folds only the test is the same for a recording in all of them."""
    if "test_fold" in utterances:
        return f"{len(utterances)} ({(utterances['test_fold'] != '').sum()} tested)"
    splits = utterances["split"].value_counts()
    counts = ", ".join(f"{splits[name]} {name}" for name in SPLITS_OF_A_FOLD if name in splits)
    return f"{len(utterances)} ({counts})"


def _network(config: Config, members: pd.DataFrame) -> dict[str, str]:
    """The trained networks; nothing where the models are not known."""
    epochs = members["epochs"].dropna()
    if epochs.empty:
        return {}
    trained = f"{epochs.min():.0f}" if epochs.nunique() == 1 else f"{epochs.min():.0f} to {epochs.max():.0f}"
    # An empty text stands for what is left out.
    fields = {name: v for name, v in flatten(config).items() if name.startswith("network.") and v != ""}
    name = fields.pop("network.name")
    return {
        "network": f"{name} ({', '.join(_in_words(*field) for field in fields.items())})",
        "epochs": f"{trained} (at most {config.train.epochs})",
        "precision of training": config.train.precision,
    }


def _in_words(field: str, value: object) -> str:
    """A field of the config, such as `network.dense_units`, and its value."""
    shown = ", ".join(str(one) for one in value) if isinstance(value, tuple) else str(value)
    return f"{field.rpartition('.')[2].replace('_', ' ')} {shown}"


def _map(config: Config, members: pd.DataFrame) -> dict[str, str]:
    """Which maps they are; of those that others made, the file that they are from."""
    if members["epochs"].isna().all():
        return {"map": f"those of {', '.join(sorted(set(members['map_source'])))}"}
    target = config.attribution.target.replace("_", " ")
    return {"map": map_in_words(config, f"the class {target}"), "size of the map": _size_of_map(config)}


def map_in_words(config: Config, explained: str) -> str:
    """Which maps a config makes, of what is `explained`."""
    attribution = config.attribution
    layer = f", layer {attribution.layer}" if attribution.layer else ""
    words = f"{attribution.method}{layer}, of {explained}, placement {config.analysis.map_placement}"
    return words.replace("_", " ")


def _size_of_map(config: Config) -> str:
    """In a sentence; of a method whose maps are on the grid of the input there is no more to say."""
    if METHODS[config.attribution.method].level == "input":
        return "{} x {} cells, as the input has".format(*config.grid)
    network, representation = config.make_network("float32"), config.representation
    layer, attention = explained_layer(network, config.attribution), network.attention()
    are_tokens = attention is not None and layer in attention.layers[:-1]
    hop_s = float(np.diff(representation.frame_times_s(2))[0])
    geometry = network.geometry(layer, config.grid)
    return coarseness(geometry, representation.frequencies_hz(), hop_s, config.grid[1], are_tokens)


def _zero_maps(metrics: pd.DataFrame) -> str:
    is_zero = metrics.groupby("group")["map_is_zero"]
    return ", ".join(f"{group} {own.sum()} of {len(own)}" for group, own in is_zero)


def in_tables_only(n_recordings: int) -> str:
    """A sentence, behind a space, on the recordings that a page has no room for; "" without any."""
    verb = "is" if n_recordings == 1 else "are"
    return f" {counted(n_recordings, 'more recording')} {verb} in the tables only." if n_recordings else ""


def overview_of_new(
    config: Config, record: Mapping[str, Any], members: Sequence[Member], snr_db: float, left_out: int
) -> dict[str, Any]:
    """What the page of new recordings says of the models; `record` is the `config.json` of their run.

    snr_db: of the sounds' way through the spectrogram, the lowest; left_out: recordings that the page has no room for.
    """
    groups = pd.Series([str(member.cohort) for member in members]).value_counts(sort=False)
    models = counted(len(members), "model")
    return {
        "headline": f"{models} of a run on the corpus {_corpus(config.corpus)}.{in_tables_only(left_out)}",
        "facts": {
            "models": ", ".join(f"{group} {count}" for group, count in groups.items()),
            "corpus of the run": _corpus(config.corpus),
            "protocol": config.protocol,
            "representation": config.representation.title,
            "network": config.network.name,
            "map": map_in_words(config, "the class that all models together answer"),
            "begun": str(record.get("begun", "unknown")),
            **provenance(record),
        },
        "thresholds": list(config.report.thresholds),
        "snr_db": snr_db,
    }


def duration(record: Mapping[str, Any], explained: datetime | None) -> dict[str, str]:
    """When the run began by its `config.json`, and how long it took until all maps were made, if both are known.

    `explained` is the date of `explanations.npz`, of which a copy made without dates has a wrong one; None where maps
    were made by another start of the program than that which began the run.
    """
    if "begun" not in record:
        return {}
    begun = datetime.fromisoformat(record["begun"]).astimezone(UTC)
    found = {"begun": f"{begun:%Y-%m-%d %H:%M} UTC"}
    if explained is not None:
        minutes = (explained - begun).total_seconds() / 60
        found["until all maps were made"] = f"{counted(round(minutes), 'minute')}, by the date of explanations.npz"
    return found


def verdict_tables(name: str, verdicts: pd.DataFrame) -> list[dict[str, Any]]:
    """Sentences that sum up (rows whose `about` is "summary") unfolded, all verdicts folded; without the former, all.

    The sentences come first, so that they are seen on a narrow page.
    """
    is_summary = (verdicts["about"] if "about" in verdicts else verdicts["sentence"]) == "summary"
    shown = with_headings(verdicts[["sentence", *verdicts.columns.drop("sentence")]])
    if not is_summary.any():
        return [as_table(name, shown, is_open=True)]
    return [
        as_table(f"{name}: summary", shown.loc[is_summary, ["sentence"]], is_open=True),
        as_table(f"{name}: all", shown),
    ]


def masks(mask_set: MaskSet) -> dict[str, Any]:
    """R of the chosen members and R-hat as pictures, each divided by its maximum; row 0 is the highest frequency.

    Where a group has several folds, these are the sums over the folds.
    """
    of_kind = {"R": group_masks(mask_set.best), "R̂": group_masks(mask_set.summed)}
    pictures = [
        {
            "group": group,
            "emotion": emotion,
            "kind": kind,
            "empty": not bool(of_group[group][index].any()),
            "png": as_png(quantised(of_group[group][index][::-1], float(of_group[group][index].max()) or 1.0)),
        }
        for group in of_kind["R"]
        for kind, of_group in of_kind.items()
        for index, emotion in enumerate(mask_set.emotions)
    ]
    return {
        "pictures": pictures,
        "lowest_hz": float(mask_set.bin_hz[0]),
        "highest_hz": float(mask_set.bin_hz[-1]),
        "duration_s": float(mask_set.time_s[-1]),
        "of_several_folds": len(mask_set.best) > len(of_kind["R"]),
    }


def accuracies(members: pd.DataFrame, predictions: pd.DataFrame) -> list[dict[str, Any]]:
    """Per group the test accuracy of every seed, and which seed is chosen; nothing where models are not known.

    With several folds it is that of all folds together, and no seed is chosen (`seed_accuracy`). `offset` sets seeds of
    equal accuracy apart in a chart, see `stacked`.
    """
    known = members.dropna(subset=["test_accuracy"])
    if known.empty:
        return []
    found = []
    for group, of_group in seed_accuracy(known, predictions).groupby("group"):
        accuracy = rounded(of_group["test_accuracy"].to_numpy(), 4)
        found.append(
            {
                "group": group,
                "seeds": of_group["seed"].tolist(),
                "accuracy": accuracy,
                "chosen": of_group["chosen"].astype(bool).tolist(),
                "offset": stacked(accuracy),
            }
        )
    return found


def stacked(values: Sequence[float]) -> list[float]:
    """For each value an offset: equal values, in their order, lie evenly around 0; one alone lies at 0."""
    equal: dict[float, list[int]] = {}
    for index, value in enumerate(values):
        equal.setdefault(value, []).append(index)
    offsets = [0.0] * len(values)
    for indices in equal.values():
        step = min(STACK_STEP, STACK_HEIGHT / max(1, len(indices) - 1))
        for place, index in enumerate(indices):
            offsets[index] = round(step * (place - (len(indices) - 1) / 2), 4)
    return offsets


def confusions(predictions: pd.DataFrame, members: pd.DataFrame, emotions: tuple[str, ...]) -> list[dict[str, Any]]:
    """Per group how many answers to recordings of each emotion (rows) were which: chosen members, and all seeds."""
    name_of_chosen = "chosen model" if members["fold"].nunique() == 1 else "chosen models"
    of_chosen = chosen_rows(predictions, members)
    found = []
    for group, of_group in predictions.groupby("group"):
        for name, part in ((name_of_chosen, of_chosen[of_chosen["group"] == group]), ("all seeds", of_group)):
            counts = pd.crosstab(part["truth"], part["predicted"]).reindex(
                index=list(emotions), columns=list(emotions), fill_value=0
            )
            found.append({"group": group, "models": name, "counts": np.asarray(counts).tolist()})
    return found
