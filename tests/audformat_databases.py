"""Small made databases in audformat, for tests of how they are read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import audformat
import pandas as pd
from corpus_folders import touch

FILES = ("audio/x.wav", "audio/y.wav")
SPEAKERS = {"s1": {"gender": "female", "age": 31}, "s2": {"gender": "male", "age": 40}}


def parts(*rows: tuple[str, str, Any]) -> pd.Index:
    files, starts, ends = zip(*rows, strict=True)
    return audformat.segmented_index(list(files), list(starts), list(ends))


PARTS = parts(("audio/x.wav", "0s", "1.5s"), ("audio/x.wav", "1.5s", "2s"), ("audio/y.wav", "0.25s", pd.NaT))


def a_database(**tables: tuple[pd.Index, Mapping[str, Sequence[Any]]]) -> audformat.Database:
    """A database with schemes of emotions and speakers, and tables of which columns have the schemes of their names."""
    database = audformat.Database("made")
    database.schemes["emotion"] = audformat.Scheme(labels=["anger", "happiness"])
    database.schemes["speaker"] = audformat.Scheme("str", labels=SPEAKERS)
    database.schemes["transcription"] = audformat.Scheme("str", labels={"a": "Hello.", "b": "Bye."})
    database.schemes["duration"] = audformat.Scheme("time")
    return with_tables(database, tables)


def without_schemes(**tables: tuple[pd.Index, Mapping[str, Sequence[Any]]]) -> audformat.Database:
    """A database of tables whose cells pandas takes for what they look like."""
    return with_tables(audformat.Database("made"), tables)


def with_tables(
    database: audformat.Database, tables: Mapping[str, tuple[pd.Index, Mapping[str, Sequence[Any]]]]
) -> audformat.Database:
    for name, (index, columns) in tables.items():
        database[name] = audformat.Table(index)
        for column, labels in columns.items():
            scheme = column if column in database.schemes else None
            database[name][column] = audformat.Column(scheme_id=scheme)
            database[name][column].set(labels)
    return database


def of_files(columns: Mapping[str, Sequence[Any]]) -> tuple[pd.Index, Mapping[str, Sequence[Any]]]:
    return audformat.filewise_index(list(FILES)), columns


WHO = of_files({"speaker": ["s1", "s2"], "transcription": ["a", "b"]})
LABELLED = of_files({"emotion": ["anger", "happiness"]})


def save(database: audformat.Database, folder: Path, storage: str = "csv", files: Sequence[str] = FILES) -> Path:
    database.save(str(folder), storage_format=storage)
    touch(folder, files)
    return folder
