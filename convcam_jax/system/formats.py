"""The kinds of files that a run writes and reads, each whole or not at all."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np
import pandas as pd

from convcam_jax.system.files import write_whole
from convcam_jax.system.worker_processes import meanwhile

if TYPE_CHECKING:
    # Loading it takes long, and what reads and writes other formats does not need it.
    from matplotlib.figure import Figure

P = ParamSpec("P")
EMPTY = "–"  # noqa: RUF001
# Labels and names that look like numbers stay text.
_TEXT = ("recording", "speaker", "gender", "emotion", "text", "group", "fold", "truth", "predicted", "class")


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
    """Read a table; labels and names are text, whatever they look like ("01", "NA"), an empty one is ""."""
    columns = pd.read_csv(path, nrows=0).columns
    text = [name for name in _TEXT if name in columns]
    return pd.read_csv(path, converters=dict.fromkeys(text, str))


def write_table(
    workdir: Path, name: str, table: pd.DataFrame, readable: pd.DataFrame | None = None, note: str = ""
) -> None:
    """Write `tables/NAME.csv`, and as Markdown `tables/NAME.md`, of `readable` where that is another frame.

    A `note` stands above the Markdown.
    """
    markdown = to_markdown(table if readable is None else readable)
    write_csv(workdir / "tables" / f"{name}.csv", table)
    write_text(workdir / "tables" / f"{name}.md", f"{note}\n\n{markdown}" if note else markdown)


def to_markdown(frame: pd.DataFrame) -> str:
    """The frame as a Markdown table (no index); floats with 4 significant digits, missing values as an en dash."""
    rows = [list(frame.columns), ["---"] * len(frame.columns)]
    rows += [[_cell_text(value) for value in row] for row in frame.itertuples(index=False)]
    return "".join(f"| {' | '.join(str(cell) for cell in row)} |\n" for row in rows)


def _cell_text(value: object) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return EMPTY
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


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


def write_figure(path: Path, draw: "Callable[P, Figure]", *args: P.args, **kwargs: P.kwargs) -> None:
    """Draw a figure and write it as an image of 200 dots per inch, see `worker_processes.meanwhile`."""
    meanwhile(_draw_and_write, path, partial(draw, *args, **kwargs))


def _draw_and_write(path: Path, draw: "Callable[[], Figure]") -> None:
    figure = draw()
    write_whole(path, lambda temporary: figure.savefig(temporary, dpi=200))
