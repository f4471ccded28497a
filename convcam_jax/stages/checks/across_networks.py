"""Finished runs of several networks and representations, compared from their files."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from convcam_jax.attribution.explaining import explained_geometry
from convcam_jax.checks.across_networks.run_rows import TABLES, FinishedRun, network_agreement, run_rows, sentences
from convcam_jax.figures.checks import across_networks as figures
from convcam_jax.settings.config import Config
from convcam_jax.stages.finished_run import restored_config
from convcam_jax.stages.record import read_record
from convcam_jax.system.formats import read_arrays, read_csv, read_csv_if_there, write_figure, write_table, write_text
from convcam_jax.system.namespaces import MAP

# What `present` writes; of one network there is no agreement.
WRITTEN = ("tables/networks.*", "tables/network_agreement.*", "tables/network_verdicts.md", "figures/networks.png")


def present(names: Iterable[str], workdir: Path, folder: str, evidence: Mapping[str, Path]) -> None:
    """Write `tables/networks.*`, `tables/network_agreement.*`, `tables/network_verdicts.md` and a figure.

    Args:
      names: of the finished runs.
      workdir: where the runs lie in `folder`, and where it is written.
      folder: of the runs, below `workdir`.
      evidence: where planted evidence was run with the network of a run, its folder.
    """
    # As they were run, with what the corpus has decided.
    runs = {name: restored_config(own, read_record(own)) for name in names for own in [workdir / folder / name]}
    method = next(iter(runs.values())).attribution.method
    finished = [_read(name, config, workdir / folder / name, evidence.get(name)) for name, config in runs.items()]
    rows = pd.concat([run_rows(run, method) for run in finished], ignore_index=True)
    write_table(workdir, "networks", rows)
    write_text(workdir / "tables" / "network_verdicts.md", "".join(f"- {text}\n" for text in sentences(finished, rows)))
    agreement = _agreement(runs, workdir / folder)
    if len(agreement):
        write_table(workdir, "network_agreement", agreement)
    write_figure(workdir / "figures" / "networks.png", figures.networks, rows)


def _read(name: str, config: Config, folder: Path, evidence: Path | None) -> FinishedRun:
    network = config.make_network(config.attribution.precision)
    return FinishedRun(
        name,
        explained_geometry(network, config.attribution, config.grid).shape,
        read_csv(folder / "tables" / "accuracy.csv"),
        read_csv(folder / "metrics.csv"),
        {table: read_csv(folder / "tables" / f"controls_{table}.csv") for table in TABLES},
        read_csv_if_there(folder / "stability.csv"),
        read_csv_if_there(folder / "tables" / "faithfulness_verdicts.csv"),
        read_csv_if_there(evidence / "tables" / "evidence_methods.csv") if evidence else pd.DataFrame(),
    )


def _agreement(runs: Mapping[str, Config], folder: Path) -> pd.DataFrame:
    """Of the runs of each representation, whose maps are on one grid."""
    parts = []
    for representation in dict.fromkeys(config.representation for config in runs.values()):
        names = [name for name, config in runs.items() if config.representation == representation]
        maps = {name: _maps(folder / name) for name in names}
        parts.append(network_agreement(maps, read_csv(folder / names[0] / "utterances.csv")))
    return pd.concat(parts, ignore_index=True)


def _maps(folder: Path) -> dict[str, np.ndarray]:
    arrays = read_arrays(folder / "maps.npz")
    return {name.removeprefix(MAP): array for name, array in arrays.items() if name.startswith(MAP)}
