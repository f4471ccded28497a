"""Sanity checks: maps of networks whose weights or labels have no meaning beside those of the trained ones."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import pandas as pd
from jax import Array

from convcam_jax.attribution.placement import Placement, place
from convcam_jax.checks.sanity.randomisation import LAYERS, compare_maps, fresh_params, randomise_from_top
from convcam_jax.checks.sanity.sanity_tables import (
    ANOTHER_SEED,
    SHUFFLED_LABELS,
    TRAINED,
    example_recording,
    summary,
    verdicts,
)
from convcam_jax.data.dataset import Dataset, network_inputs
from convcam_jax.figures import sanity as figures
from convcam_jax.measures.analysis import analyse, placed_maps, simplenet_placement
from convcam_jax.measures.result_tables import metrics_table
from convcam_jax.networks.simplenet import SimpleNet
from convcam_jax.representations.features import bin_frequencies_hz, frame_times_s
from convcam_jax.settings.config import Config
from convcam_jax.stages.attribution import explain_members, load_explanations
from convcam_jax.stages.measures import GenderMaps
from convcam_jax.stages.shuffled_labels import train_on_shuffled_labels
from convcam_jax.stages.trained import members_of, trained_members
from convcam_jax.stages.training import Group, make_model
from convcam_jax.stages.workdir import read_arrays, read_csv, write_arrays, write_csv, write_figure, write_table
from convcam_jax.system.progress import say
from convcam_jax.training.ensemble import Member, member_keys
from convcam_jax.training.member import QUICKLY_COMPILED, Params, Recordings

_TABLE, _EXAMPLES = "sanity.csv", "sanity_examples.npz"


class Condition(NamedTuple):
    """Networks whose maps are compared with trained members'; their depth counts the randomised layers."""

    name: str
    depth: int | None


class Compared(NamedTuple):
    """Members of one gender, rows `members` of its arrays, and the signed maps `[S, N, H, W]` of other networks.

    `other_seeds [S]` are those of the other networks where they are not the members' own.
    """

    members: list[int]
    condition: Condition
    other_seeds: list[int | None]
    signed_maps: np.ndarray


def check_sanity(
    config: Config, dataset: Dataset, groups: Sequence[Group], genders: Sequence[GenderMaps], workdir: Path
) -> None:
    """Write `sanity.csv` and `sanity_examples.npz`, unless an earlier run has done so or the config leaves them out.

    `sanity_examples.npz` holds one recording of the chosen member per gender: `GENDER_recording`, `GENDER_conditions`
    and `GENDER_maps [conditions, F, n]`.
    """
    if config.sanity.seeds == 0 or all((workdir / name).exists() for name in (_TABLE, _EXAMPLES)):
        return
    shuffled = train_on_shuffled_labels(config, dataset, workdir)
    tables: list[pd.DataFrame] = []
    examples: dict[str, np.ndarray] = {}
    for own in genders:
        say(f"sanity checks ({own.gender})")
        compared = list(_all_compared(config, dataset, groups, shuffled, own, workdir))
        table, chosen_maps = _measure(config, own, compared, load_explanations(workdir))
        tables.append(table)
        recording = example_recording(table[table["seed"] == own.seeds[own.chosen]])
        index = [u.recording for u in own.utterances].index(recording)
        maps = [maps[index, :, : own.arrays.n_frames[index]] for maps in chosen_maps.values()]
        examples[f"{own.gender}_recording"] = np.array(recording)
        examples[f"{own.gender}_conditions"] = np.array(list(chosen_maps))
        examples[f"{own.gender}_maps"] = np.stack(maps)
    write_arrays(workdir / _EXAMPLES, examples)
    write_csv(workdir / _TABLE, pd.concat(tables, ignore_index=True))


def present(config: Config, genders: Sequence[GenderMaps], workdir: Path) -> None:
    """Tables and figures of `sanity.csv`, if there is one."""
    if config.sanity.seeds == 0:
        return
    table, examples = read_csv(workdir / _TABLE), read_arrays(workdir / _EXAMPLES)
    write_table(workdir, "sanity", summary(table))
    write_table(workdir, "sanity_verdicts", verdicts(table, config.analysis))
    write_figure(workdir / "figures" / "sanity_maps.png", figures.likeness, table)
    write_figure(workdir / "figures" / "sanity_metrics.png", figures.metrics_by_depth, table)
    for own in genders:
        recording = str(examples[f"{own.gender}_recording"])
        index = [u.recording for u in own.utterances].index(recording)
        n_frames = int(own.arrays.n_frames[index])
        cqt = own.arrays.cqt[index, :, :n_frames]
        maps = dict(zip(examples[f"{own.gender}_conditions"], examples[f"{own.gender}_maps"], strict=True))
        time_s, bin_hz = frame_times_s(n_frames, config.features), bin_frequencies_hz(config.features)
        path = workdir / "figures" / f"sanity_example_{own.gender}.png"
        write_figure(path, figures.example, recording, cqt, maps, time_s, bin_hz)


def _all_compared(
    config: Config,
    dataset: Dataset,
    groups: Sequence[Group],
    shuffled: Sequence[Group],
    own: GenderMaps,
    workdir: Path,
) -> Iterator[Compared]:
    """Every condition's networks beside the members that are checked."""
    recordings = network_inputs(dataset, config)
    trained = load_explanations(workdir)[f"{own.gender}_signed_maps"]
    wanted = own.first_members(config.sanity.seeds)
    seeds = list(own.seeds)
    rows = [seeds.index(member.seed) for member in wanted]
    no_others: list[int | None] = [None] * len(rows)
    yield Compared(rows, Condition(TRAINED, 0), no_others, trained[rows])
    for members, params in trained_members(groups, wanted):
        indices = [seeds.index(member.seed) for member in members]
        for condition, signed_maps in _cascade(config, dataset, recordings, members, params):
            yield Compared(indices, condition, no_others[: len(indices)], signed_maps)
    if len(seeds) > 1:
        others = [(row + 1) % len(seeds) for row in rows]
        yield Compared(rows, Condition(ANOTHER_SEED, None), [seeds[other] for other in others], trained[others])
    for members, params in trained_members(shuffled, members_of(shuffled, own.gender)):
        signed_maps, _ = explain_members(params, own.gender, config, dataset, recordings)
        for member, maps in zip(members, signed_maps, strict=True):
            everywhere = np.broadcast_to(maps, (len(rows), *maps.shape))
            yield Compared(rows, Condition(SHUFFLED_LABELS, None), [member.seed] * len(rows), everywhere)


def _cascade(
    config: Config, dataset: Dataset, recordings: Recordings, members: tuple[Member, ...], params: Params
) -> Iterator[tuple[Condition, np.ndarray]]:
    """Signed maps of the members with more and more of their layers randomised from the top."""
    model, shape = make_model(config, config.cam.precision), (config.features.cqt_bins, config.corpus.max_frames)
    fresh = _draw_program(model, shape)(member_keys(members))
    for depth, layer in enumerate(LAYERS, start=1):
        say(f"explaining {len(members)} members randomised down to {layer}")
        randomised = randomise_from_top(params, fresh, depth)
        yield (
            Condition(layer, depth),
            explain_members(randomised, members[0].gender, config, dataset, recordings)[0],
        )


@lru_cache(2)
def _draw_program(model: SimpleNet, shape: tuple[int, int]) -> Callable[[Array], Params]:
    """The program that draws the parameters of members from their keys `[S]`."""
    draw = partial(fresh_params, model=model, shape=shape)
    return jax.jit(jax.vmap(draw), compiler_options=QUICKLY_COMPILED)


def _measure(
    config: Config, own: GenderMaps, all_compared: Sequence[Compared], explanations: dict[str, np.ndarray]
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """One gender's part of `sanity.csv`, and the chosen member's maps `[N, F, T]` by the name of the condition.

    The masks are those of the recordings that the trained member classified correctly, in every condition.
    """
    bin_hz, placement = bin_frequencies_hz(config.features), simplenet_placement(config)
    trained = np.asarray(_on_grid(explanations[f"{own.gender}_signed_maps"], placement))
    tables: list[pd.DataFrame] = []
    chosen_maps: dict[str, np.ndarray] = {}
    for compared in all_compared:
        rows = compared.members
        maps = np.asarray(placed_maps(compared.signed_maps, own.arrays.n_frames, placement))
        signed = np.asarray(_on_grid(compared.signed_maps, placement))
        n_emotions, correct = len(config.corpus.emotions), own.correct[rows]
        metrics = analyse(maps, correct, own.arrays, bin_hz, n_emotions, config.analysis).metrics
        seeds = [own.seeds[row] for row in rows]
        table = metrics_table(own.gender, seeds, own.utterances, own.arrays, correct, metrics)
        likeness = [
            compare_maps((own.maps[row, i, :, :n], maps[s, i, :, :n]), (trained[row, i, :, :n], signed[s, i, :, :n]))
            for s, row in enumerate(rows)
            for i, n in enumerate(own.arrays.n_frames)
        ]
        table = _with_condition(table, compared).join(pd.DataFrame(likeness))
        tables.append(table)
        if own.chosen in rows:
            chosen_maps.setdefault(compared.condition.name, maps[rows.index(own.chosen)])
    return pd.concat(tables, ignore_index=True), chosen_maps


@jax.jit
def _on_grid(signed_maps: Array, placement: Placement) -> Array:
    """Signed maps `[S, N, F, T]` on the inputs' grid."""
    return jax.vmap(jax.vmap(place, (0, None)), (0, None))(signed_maps, placement)


def _with_condition(table: pd.DataFrame, compared: Compared) -> pd.DataFrame:
    """The rows of the metrics, of one member after the other, with what they were compared with."""
    other_seeds = np.repeat(np.array(compared.other_seeds, object), len(table) // len(compared.other_seeds))
    name, depth = compared.condition
    table = table.assign(condition=name, depth=depth, other_seed=other_seeds)
    return table.astype({"depth": "Int64", "other_seed": "Int64"})
