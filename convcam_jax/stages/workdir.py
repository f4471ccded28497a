"""The folder of a run: its files, and that a run goes on only under its own config."""

import json
import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from convcam_jax.paper.tables import to_markdown
from convcam_jax.system.errors import UserError
from convcam_jax.system.files import write_whole
from convcam_jax.system.worker_processes import meanwhile

P = ParamSpec("P")
CONFIG_FILE = "config.json"
# Where the corpus lies and how often a training is kept do not change a run's results.
_FREE_FIELDS = ("corpus.data_dir", "train.checkpoint_interval_s")


def write_text(path: Path, text: str) -> None:
    """Write a text file."""
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table without its index."""
    write_text(path, table.to_csv(index=False, lineterminator="\n"))


def read_csv(path: Path) -> pd.DataFrame:
    """Read a table; speakers keep their leading zeros."""
    return pd.read_csv(path, dtype={"speaker": str, "text": str, "recording": str})


def write_table(
    workdir: Path, name: str, table: pd.DataFrame, readable: pd.DataFrame | None = None, note: str = ""
) -> None:
    """Write `tables/NAME.csv`, and as Markdown `tables/NAME.md`, of `readable` where that is another frame.

    A `note` stands above the Markdown.
    """
    markdown = to_markdown(table if readable is None else readable)
    write_csv(workdir / "tables" / f"{name}.csv", table)
    write_text(workdir / "tables" / f"{name}.md", f"{note}\n\n{markdown}" if note else markdown)


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write named arrays as a compressed .npz file."""

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    write_whole(path, write)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays of an .npz file."""
    with np.load(path) as file:
        return dict(file)


def write_figure(path: Path, draw: Callable[P, Figure], *args: P.args, **kwargs: P.kwargs) -> None:
    """Draw a figure and write it as an image of 200 dots per inch, see `parallel.meanwhile`."""
    meanwhile(_draw_and_write, path, partial(draw, *args, **kwargs))


def _draw_and_write(path: Path, draw: Callable[[], Figure]) -> None:
    figure = draw()
    write_whole(path, lambda temporary: figure.savefig(temporary, dpi=200))


def check_workdir(workdir: Path, record: dict[str, Any]) -> None:
    """See to it that a run with the `record` of its `config.json` may begin or go on in `workdir`.

    `record` has `config` (the fields by name), `corpus_sha256`, and `maps_sha256` if maps were given; none must change.

    Raises:
      UserError: the folder holds a run of another config, or other files.
    """
    path = workdir / CONFIG_FILE
    if path.exists():
        _refuse_other_run(path, json.loads(json.dumps(record)))
    elif workdir.exists() and not workdir.is_dir():
        raise UserError(f"{workdir}: is a file; choose a folder as --workdir")
    elif workdir.is_dir() and any(not child.name.startswith(".") for child in workdir.iterdir()):
        raise UserError(f"{workdir}: holds files but no {CONFIG_FILE}; choose an empty or new folder as --workdir")


def _shortened(value: Any) -> str:
    """A value in a line that is to be read; lists of recordings are long."""
    return textwrap.shorten(str(value), width=60, placeholder=" …")


def _refuse_other_run(path: Path, record: dict[str, Any]) -> None:
    try:
        earlier = json.loads(path.read_text(encoding="utf-8"))
        earlier_fields, earlier_hash = earlier["config"], earlier["corpus_sha256"]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise UserError(f"{path}: cannot be read as the config of a run ({error}); choose another --workdir") from error
    differing = [
        f"{name} ({_shortened(earlier_fields.get(name))} there, {_shortened(record['config'].get(name))} now)"
        for name in sorted({*earlier_fields, *record["config"]} - set(_FREE_FIELDS))
        if earlier_fields.get(name) != record["config"].get(name)
    ]
    if earlier_hash != record["corpus_sha256"]:
        differing.append("the corpus's recordings")
    if earlier.get("maps_sha256") != record.get("maps_sha256"):
        differing.append("the file of maps")
    if differing:
        raise UserError(f"{path.parent}: holds a run of another config, differing in {', '.join(differing)}")
