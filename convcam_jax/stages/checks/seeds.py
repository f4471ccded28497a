"""What depends on the seed: maps, metrics, the cells of the tables, masks and the paper's claims."""

import pandas as pd

from convcam_jax.checks.seeds.seed_verdicts import seed_verdicts
from convcam_jax.checks.seeds.stability import (
    map_agreement,
    mask_profiles,
    metric_agreement,
    recording_agreement,
    surviving_claims,
    table_cells,
)
from convcam_jax.figures.checks import stability as figures
from convcam_jax.measures.cohort_maps import CohortMaps
from convcam_jax.measures.config import table_metric
from convcam_jax.measures.folds import group_masks
from convcam_jax.measures.metric_table import STATISTICS_TABLES
from convcam_jax.measures.statistics import chosen_rows
from convcam_jax.paper.claim_verdicts import corpus_note
from convcam_jax.stages.run import Run
from convcam_jax.system.formats import read_csv, write_csv, write_figure, write_table

_KINDS = {"value": "float", "n": "Int64", "n_speakers": "Int64", "n_zero_maps": "Int64"}


def compare_seeds(run: Run) -> None:
    """Write `stability.csv`, tables and figures of it, and its sentences; nothing where all cohorts have one member.

    Reads `tables/claims.csv`.
    """
    if max(len(own.seeds) for own in run.cohort_maps) < 2:
        return
    emotions = run.config.corpus.emotions
    table = _stability(run)
    write_csv(run.workdir / "stability.csv", table)
    means = table[table["kind"].isin(["map_mean", "icc"])].drop(columns=["recording"])
    cells = table[table["kind"] == "table_cell"].drop(columns=["recording", "spread", "n_zero_maps"])
    write_table(run.workdir, "stability", means)
    write_table(run.workdir, "table_cells", cells)
    note = corpus_note(run.config.corpus)
    claims = surviving_claims(read_csv(run.workdir / "tables" / "claims.csv"))
    write_table(run.workdir, "claims_over_seeds", claims, note=note)
    write_table(run.workdir, "stability_verdicts", seed_verdicts(table, claims), note=note)
    profiles = mask_profiles(group_masks(run.analysed.member_masks), emotions, run.axes.bin_hz, run.axes.time_s)
    write_csv(run.workdir / "mask_profiles.csv", profiles)
    write_figure(run.workdir / "figures" / "stability_maps.png", figures.map_agreement, table, emotions)
    write_figure(run.workdir / "figures" / "stability_masks.png", figures.mask_bands, profiles)


def _stability(run: Run) -> pd.DataFrame:
    """The table of `stability.csv`."""
    config, metrics = run.config, run.analysed.metrics
    columns = [table_metric(number, config.analysis).name for number in STATISTICS_TABLES]
    agreement = [recording_agreement(own.maps, own.arrays.n_frames, _recordings(own)) for own in run.cohort_maps]
    parts = (
        map_agreement(agreement),
        metric_agreement(metrics),
        table_cells(chosen_rows(metrics, run.members), columns, config.corpus.emotions),
    )
    return pd.concat([part.astype(_KINDS) for part in parts], ignore_index=True)


def _recordings(of_cohort: CohortMaps) -> pd.DataFrame:
    table = pd.DataFrame(of_cohort.utterances)[["emotion", "speaker", "recording"]]
    return table.assign(group=of_cohort.cohort.group)
