"""A database in the format audformat, read by the package of that name, which is loaded only where one is read.

The package raises anything where a database is not as it should be: all is to be called within `as_user_error`.
"""

import contextlib
import fnmatch
import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from convcam_jax.system.errors import UserError
from convcam_jax.system.spelling import nearest

HEADER = "db.yaml"


def load_database(folder: Path) -> Any:
    """The `audformat.Database` in a folder, whose tables are read when they are looked at; see `as_user_error`.

    Raises UserError if the folder holds none, or the package is missing.
    """
    header = folder / HEADER
    if not header.is_file():
        raise UserError(f"{header}: missing; give the folder of a database in audformat, which has this file in it")
    try:
        audformat = importlib.import_module("audformat")
    except ImportError as error:
        raise UserError(f"{header}: is read by the Python package audformat; call pip install audformat") from error
    return audformat.Database.load(str(folder), load_data=False)


def chosen_tables(database: Any, column: str, patterns: Sequence[str]) -> list[str]:
    """Tables of recordings whose names match one of the patterns, such as "emotion.*".

    Without patterns it is the table that is called as the column, or else all that have the column. Raises UserError
    if there is none, or a pattern matches none.
    """
    tables = list(database.tables)
    for pattern in patterns:
        if not fnmatch.filter(tables, pattern):
            near = nearest(pattern, tables)
            raise UserError(
                f"config field corpus.tables: there is no table {pattern}"
                + (f"; the nearest is {near} of {', '.join(tables)}" if near else "")
            )
    if patterns:
        return [table for table in tables if any(fnmatch.fnmatch(table, pattern) for pattern in patterns)]
    with_column = [table for table in tables if _has(database, table, column)]
    if not with_column:
        described = "; ".join(f"{table}: {', '.join(database[table].columns)}" for table in tables)
        raise UserError(
            f"config field corpus.emotion_column: no table has a column {column}; there are {described or 'no tables'}"
        )
    return [column] if column in with_column else with_column


def _has(database: Any, table: str, column: str) -> bool:
    """Whether a table has a column of this name or scheme."""
    return any(column in (name, own.scheme_id) for name, own in database[table].columns.items())


def labels(database: Any, column: str, tables: Sequence[str]) -> pd.Series:
    """The labels in a column or of a scheme in some tables, by file, or by file, start and end.

    They are in the words that the scheme has for them. Raises UserError if a recording has two.
    """
    with _one_value(column, tables):
        return database.get(column, tables=list(tables))[column]


def facts(database: Any, column: str, tables: Sequence[str], name: str) -> pd.Series:
    """What all tables and schemes tell by a `name`, such as the gender of speakers, of the recordings of `labels`.

    Of a part its file may tell, and of a file its parts, where they agree. Values are empty where nothing is told.
    Raises UserError if a recording has two.
    """
    with _one_value(name, list(database.tables)):
        return at_recordings(database.get(name, map=False)[name], labels(database, column, tables).index)


def at_recordings(told: pd.Series, index: pd.Index) -> pd.Series:
    """What is told of files or parts of files, at the recordings of an `index` of either kind; see `facts`."""
    if told.index.nlevels < index.nlevels:
        return told.reindex(index.get_level_values("file")).set_axis(index)
    if told.index.nlevels > index.nlevels:
        known = told.dropna().astype(object)
        # As text: lists, which a cell may hold, cannot be counted.
        n_different = known.map(str).groupby(level="file").nunique()
        told = known.groupby(level="file").first().where(n_different == 1)
    return told.reindex(index)


def further_columns(database: Any, column: str, tables: Sequence[str]) -> pd.DataFrame:
    """The other columns of some tables, by file, or by file, start and end; of several values of one the first.

    Where a table is for training, development or the test, the column `split` says so.
    """
    frames = []
    for table in tables:
        columns, split = database[table].columns, database[table].split_id
        others = [name for name in columns if column not in (name, columns[name].scheme_id)]
        frame = database[table].get()[others]
        frames.append(frame if split is None or "split" in others else frame.assign(split=database.splits[split].type))
    if len({frame.index.nlevels for frame in frames}) > 1:
        # A file beside parts of files is a part from its beginning to its end, as in `labels`.
        frames = [importlib.import_module("audformat").utils.to_segmented_index(frame) for frame in frames]
    joined = pd.concat(frames)
    # Not the first row: of a recording in two tables each has its own columns. NaT is an end like any other.
    return joined.groupby(level=list(range(joined.index.nlevels)), sort=False, dropna=False).first()


@contextlib.contextmanager
def _one_value(name: str, tables: Sequence[str]) -> Iterator[None]:
    """What audformat raises of two values for a recording as a line about the field that chooses tables."""
    try:
        yield
    except ValueError as error:
        if "overlapping" not in str(error):
            raise
        raise UserError(
            f"config field corpus.tables: a recording has two values of {name} in the tables {', '.join(tables)}; "
            "say which to take, as in --set=corpus.tables=TABLE or TABLE.*"
        ) from error


@contextlib.contextmanager
def as_user_error(folder: Path) -> Iterator[None]:
    """What is raised while a database that is not as it should be is read, which is anything, in one line."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{folder}: the database cannot be read by audformat ({first_line}); get it again") from error
