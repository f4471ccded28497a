"""The kinds of files that a run writes and reads, each whole or not at all."""

import csv
import json
import os
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np
import pandas as pd

from convcam_jax.system.digits import EMPTY
from convcam_jax.system.errors import UserError, is_of_the_system
from convcam_jax.system.files import write_whole
from convcam_jax.system.namespaces import ATTRIBUTE
from convcam_jax.system.process.worker_processes import meanwhile
from convcam_jax.system.text import in_markdown

if TYPE_CHECKING:
    # Loading it takes long, and what reads and writes other formats does not need it.
    from matplotlib.figure import Figure

P = ParamSpec("P")
# What to do about a file that is damaged.
MAKE_AGAIN = "remove it, and give the run's command again, which makes it anew"
# Columns of words: they stay text, whatever the words look like ("01", "NA", "true").
_WORDS = frozenset(
    (
        *("recording", "speaker", "gender", "emotion", "text", "group", "fold", "test_fold", "split", "map_source"),
        *("truth", "explained", "predicted", "class", "variant", "problem", "sentence", "claim", "id", "section"),
        *("architecture",),
    )
)
# The end of a zip file without a comment, and where it says how many members there are (APPNOTE.TXT, 4.3.16).
_END_BYTES, _N_MEMBERS_AT = 22, slice(10, 12)
# What stands there where there are more than fit.
_MANY_MEMBERS = 0xFFFF
# What reading a damaged file of arrays raises.
UNREADABLE = (ValueError, OSError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error)
# How a member of an .npz file is called behind the name of its array.
ARRAY_ENDING = ".npy"
# A cell may be as long as it likes: the library's own limit is 131072 characters.
csv.field_size_limit(2**31 - 1)


def write_text(path: Path, text: str) -> None:
    """Write a text file."""
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, as a record (see `write_whole`)."""
    text = json.dumps(value, indent=2) + "\n"
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"), is_record=True)


def read_json(path: Path) -> Any:
    """Read a JSON file; raises UserError if it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table without its index."""
    write_text(path, as_csv(table))


def as_csv(table: pd.DataFrame) -> str:
    """The text of the file that `write_csv` writes."""
    text = table.to_csv(index=False, lineterminator="\n")
    # Unquoted, which it is by default, this character would be read as the end of a line.
    return table.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC) if "\r" in text else text


def read_csv(path: Path) -> pd.DataFrame:
    """Read a table; words are text, whatever they look like ("01", "NA"), a missing one is "", a missing number NaN.

    Raises UserError if it is missing or damaged.
    """
    try:
        columns = pd.read_csv(path, nrows=0).columns
        words = {name: str for name in columns if _holds_words(name)}
        missing = {name: [""] for name in columns if name not in words}
        _require_whole_rows(path, len(columns))
        return pd.read_csv(path, dtype=words, keep_default_na=False, na_values=missing)
    except (OSError, ValueError, csv.Error) as error:
        raise _unreadable(path, error) from error


def read_csv_if_there(path: Path) -> pd.DataFrame:
    """Read a table, one without rows and columns where there is no such file."""
    return read_csv(path) if path.is_file() else pd.DataFrame()


def _require_whole_rows(path: Path, n_columns: int) -> None:
    """Raises ValueError if a row has another number of fields: pandas takes those that are not there for missing."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        for row in rows:
            # Lines of nothing but white space are no rows, for pandas either.
            if len(row) != n_columns and any(cell.strip() for cell in row):
                raise ValueError(f"line {rows.line_num} has {len(row)} of {n_columns} fields")


def _holds_words(column: str) -> bool:
    return column in _WORDS or column.startswith(ATTRIBUTE)


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
    rows = [[in_markdown(str(name)) for name in frame.columns], ["---"] * len(frame.columns)]
    rows += [[_cell_text(value) for value in row] for row in frame.itertuples(index=False)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _cell_text(value: object) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return EMPTY
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return f"{value:z.4g}" if isinstance(value, float) else in_markdown(str(value))


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays as a compressed .npz file and a record, which `numpy.load` reads, whatever their names are."""

    def write(temporary: Path) -> None:
        # numpy.savez takes names as arguments, of which it has some of its own.
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as file:
            for name, array in arrays.items():
                with file.open(f"{name}{ARRAY_ENDING}", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)

    write_whole(path, write, is_record=True)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays of an .npz file; raises UserError if it is missing or damaged."""
    try:
        with open_arrays(path) as file:
            if _n_members(path) not in (len(file.namelist()), _MANY_MEMBERS):
                raise ValueError("its table of contents is damaged")
            return {member.removesuffix(ARRAY_ENDING): read_array(file, member) for member in file.namelist()}
    except UNREADABLE as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> UserError:
    """The error that says what is wrong with a file, and to remove it unless the system did not read it."""
    # What parsers say may end in a new line.
    advice = "" if is_of_the_system(error) else f"; {MAKE_AGAIN}"
    return UserError(f"{path}: cannot be read ({str(error).strip()}){advice}")


def _n_members(path: Path) -> int:
    """How many members a file of `write_arrays` should have: `zipfile` does not look at what the end of it says."""
    with path.open("rb") as file:
        file.seek(-_END_BYTES, os.SEEK_END)
        return int.from_bytes(file.read(_END_BYTES)[_N_MEMBERS_AT], "little")


def open_arrays(path: Path) -> zipfile.ZipFile:
    """Open an .npz file; raises `UNREADABLE`, of which OSError where the system does not read it."""
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        # Else a disk that fails is told as a file that is no zip file.
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise


def read_array(file: zipfile.ZipFile, member: str) -> np.ndarray:
    """Read one array of an .npz file; raises `UNREADABLE`."""
    # numpy.load takes the array `x.npy` for the array `x` where both are there.
    with file.open(member) as content:
        array = np.lib.format.read_array(content, allow_pickle=False)
        # Its checksum is looked at when all of it has been read, which a damaged shape may keep from happening.
        if content.read(1):
            raise ValueError(f"{member} is longer than its array")
    return array


def write_figure(path: Path, draw: "Callable[P, Figure]", *args: P.args, **kwargs: P.kwargs) -> None:
    """Draw a figure and write it as an image of 200 dots per inch, see `worker_processes.meanwhile`."""
    meanwhile(_draw_and_write, path, partial(draw, *args, **kwargs))


def _draw_and_write(path: Path, draw: "Callable[[], Figure]") -> None:
    figure = draw()
    write_whole(path, lambda temporary: figure.savefig(temporary, dpi=200))
