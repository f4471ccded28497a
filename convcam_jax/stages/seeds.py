"""What depends on the seed: maps, metrics, the cells of the tables, masks and the paper's claims."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from convcam_jax.checks.chance.verdicts import stability_verdicts
from convcam_jax.checks.seeds.stability import (
    map_agreement,
    mask_profiles,
    metric_agreement,
    surviving_claims,
    table_cells,
)
from convcam_jax.figures import stability as figures
from convcam_jax.measures.statistics import chosen_rows
from convcam_jax.paper.claim_verdicts import corpus_note
from convcam_jax.paper.published import STATISTICS_TABLES
from convcam_jax.paper.tables import table_metric
from convcam_jax.settings.config import Config
from convcam_jax.stages.measures import Analysed, GenderMaps
from convcam_jax.stages.workdir import read_arrays, read_csv, write_csv, write_figure, write_table

_KINDS = {"value": "float", "n": "Int64", "n_speakers": "Int64", "n_zero_maps": "Int64"}


def compare_seeds(
    config: Config, genders: Sequence[GenderMaps], analysed: Analysed, members: pd.DataFrame, workdir: Path
) -> None:
    """Write `stability.csv`, tables and figures of it, and its sentences; nothing where a gender has one member only.

    Reads `masks.npz` and `tables/claims.csv`, which must have been written.
    """
    if min(len(own.seeds) for own in genders) < 2:
        return
    emotions = config.corpus.emotions
    columns = [table_metric(number, config.analysis) for number in STATISTICS_TABLES]
    parts = [map_agreement(own.maps, own.arrays.n_frames, _recordings(own), config.controls) for own in genders]
    parts.append(metric_agreement(analysed.metrics))
    parts.append(table_cells(chosen_rows(analysed.metrics, members), columns, emotions, config.controls))
    table = pd.concat([part.astype(_KINDS) for part in parts], ignore_index=True)
    write_csv(workdir / "stability.csv", table)
    means = table[table["kind"].isin(["map_mean", "icc"])].drop(columns=["recording"])
    cells = table[table["kind"] == "table_cell"].drop(columns=["recording", "spread", "n_zero_maps"])
    claims = surviving_claims(read_csv(workdir / "tables" / "claims.csv"))
    verdicts = stability_verdicts(table, claims)
    arrays = read_arrays(workdir / "masks.npz")
    masks = {own.gender: arrays[f"{own.gender}_R"] for own in genders}
    profiles = mask_profiles(masks, emotions, arrays["frequency_hz"], arrays["time_s"])
    write_csv(workdir / "mask_profiles.csv", profiles)
    for name, tidy in {"stability": means, "table_cells": cells}.items():
        write_table(workdir, name, tidy)
    note = corpus_note(config.corpus)
    write_table(workdir, "claims_over_seeds", claims, note=note)
    write_table(workdir, "stability_verdicts", verdicts[["about", "gender", "metric", "sentence"]], note=note)
    write_figure(workdir / "figures" / "stability_maps.png", figures.map_agreement, table, emotions)
    write_figure(workdir / "figures" / "stability_masks.png", figures.mask_bands, profiles)


def _recordings(own: GenderMaps) -> pd.DataFrame:
    return pd.DataFrame(own.utterances)[["gender", "emotion", "speaker", "recording"]]
