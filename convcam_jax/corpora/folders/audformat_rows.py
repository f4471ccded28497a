"""What a database in audformat tells of each labelled recording, which may be a part of a file."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from convcam_jax.corpora.folders.audformat_database import (
    as_user_error,
    chosen_tables,
    facts,
    further_columns,
    labels,
    load_database,
)
from convcam_jax.corpora.folders.wav_files import read_names
from convcam_jax.corpora.utterances import Found, Utterance, part_name
from convcam_jax.system.errors import RecordingError, UserError
from convcam_jax.system.spelling import common_form
from convcam_jax.system.text import one_form, without_hidden

_GENDERS: Mapping[str, str] = {
    **dict.fromkeys(("female", "f", "w", "woman", "weiblich"), "female"),
    **dict.fromkeys(("male", "m", "man", "mannlich", "maennlich"), "male"),
}
# Which every table of utterances has already.
_OWN_COLUMNS = ("recording", "start_s", "end_s")


class Part(NamedTuple):
    """A file from `start_s` to `end_s` (None: its end), and cells of tables by their columns."""

    path: Path
    start_s: float
    end_s: float | None
    cells: dict[str, str]


def find_labelled(
    folder: Path, emotion_column: str, patterns: Sequence[str], columns: Mapping[str, Sequence[str]], on_error: str
) -> Found:
    """The labelled recordings of a database, sorted by name, with all other columns of its tables as attributes.

    `columns` maps speaker, gender and text to the columns or schemes that may tell them, of which the first with values
    counts; where nothing is told they are "". For `patterns` of tables see `chosen_tables`, for `on_error` `Corpus`.
    Recordings without a label are among the problems and do not stop. Raises UserError if there is no label, or no
    speaker is told.
    """
    with as_user_error(folder):
        database = load_database(folder)
        rows = _rows(database, emotion_column, chosen_tables(database, emotion_column, patterns), columns)
        labelled, unlabelled = (
            [_part(folder, row) for row in own.to_dict("records")]
            for own in (rows[rows["emotion"].notna()], rows[rows["emotion"].isna()])
        )
    names = _names(folder, labelled)
    _check_unique(folder, names)
    known = dict(sorted(zip(names, labelled, strict=True)))
    left_out = [
        RecordingError(name, f"the database has no label of it in a column {emotion_column}", "without a label")
        for name in sorted(_names(folder, unlabelled))
    ]
    found = read_names({n: own.path for n, own in known.items()}, lambda n, _: _utterance(n, known[n]), on_error)
    return found._replace(problems=[*found.problems, *left_out])


def _rows(database: Any, column: str, tables: Sequence[str], columns: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """A row per recording: file, start and end (missing: the whole file), its label, and what else is known."""
    emotion = labels(database, column, tables)
    if emotion.isna().all():
        raise UserError(
            f"config field corpus.tables: no recording has a label in a column {column} of {', '.join(tables)}"
        )
    known = {"emotion": emotion}
    for cell, names in columns.items():
        known[cell] = _first_with_values(database, column, tables, names, emotion.index)
    if known["speaker"].isna().all():
        raise UserError(
            f"config field corpus.speaker_columns: no table and no scheme tells the speaker as "
            f"{' or '.join(columns['speaker'])}; there are the schemes {', '.join(database.schemes) or '(none)'}"
        )
    further = further_columns(database, column, tables)
    used = {*known, *(name for names in columns.values() for name in names), "file", "start", "end"}
    known |= {name: further[name].reindex(emotion.index) for name in further.columns if name not in used}
    # Categories cannot be compared with what is missing.
    return pd.DataFrame({name: own.astype(object) for name, own in known.items()}).reset_index()


def _first_with_values(
    database: Any, column: str, tables: Sequence[str], names: Sequence[str], index: pd.Index
) -> pd.Series:
    told = (facts(database, column, tables, name) for name in names)
    return next((own for own in told if own.notna().any()), pd.Series(index=index, dtype=object))


def _part(folder: Path, row: Mapping[Hashable, Any]) -> Part:
    start, end = row.get("start"), row.get("end")
    return Part(
        folder / row["file"],
        0.0 if pd.isna(start) or start is None else start.total_seconds(),
        None if pd.isna(end) or end is None else end.total_seconds(),
        {str(name): _text(value) for name, value in row.items() if name not in ("file", "start", "end")},
    )


def _names(folder: Path, parts: Sequence[Part]) -> list[str]:
    """Names of recordings: those of their files, with their folders where several files are called so."""
    files = {part.path for part in parts}
    counts = Counter(file.stem for file in files)
    names = {file: file.stem if counts[file.stem] == 1 else _with_folders(file, folder) for file in files}
    return [
        names[part.path]
        if (part.start_s, part.end_s) == (0.0, None)
        else part_name(names[part.path], part.start_s, part.end_s)
        for part in parts
    ]


def _with_folders(file: Path, folder: Path) -> str:
    below = file.relative_to(folder) if file.is_relative_to(folder) else file.relative_to(file.anchor)
    return "_".join(below.with_suffix("").parts)


def _check_unique(folder: Path, names: Sequence[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise UserError(
                f"{folder}: {count} recordings of the database would be called {name}; choose tables that have one of "
                "them (corpus.tables), or rename files"
            )


def _utterance(name: str, part: Part) -> Utterance:
    cells = dict(part.cells)
    speaker, gender, emotion, text = (cells.pop(cell) for cell in ("speaker", "gender", "emotion", "text"))
    if not speaker:
        raise RecordingError(name, "the database does not tell who speaks; leave it out by corpus.on_error=skip")
    return Utterance(
        name,
        speaker,
        _GENDERS.get(common_form(gender), gender),
        emotion,
        text,
        part.path,
        tuple((column, cell) for column, cell in cells.items() if column not in _OWN_COLUMNS),
        part.start_s,
        part.end_s,
    )


def _text(value: object) -> str:
    """A cell, without what is not seen; durations are in seconds, and what is missing is ""."""
    if isinstance(value, pd.Timedelta):
        return f"{value.total_seconds():g}"
    return "" if pd.isna(value) else without_hidden(one_form(str(value)))
