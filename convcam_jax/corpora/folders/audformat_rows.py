"""What a database in audformat tells of each labelled recording, which may be a part of a file."""

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from convcam_jax.corpora.folders.audformat_database import (
    as_user_error,
    at_recordings,
    chosen_tables,
    facts,
    further_columns,
    labels,
    load_database,
)
from convcam_jax.corpora.folders.contradictions import without_contradictions
from convcam_jax.corpora.folders.file_index import recording_names
from convcam_jax.corpora.folders.wav_files import read_names
from convcam_jax.corpora.utterances import Found, Source, Utterance
from convcam_jax.corpora.words.gender_words import genders_meant, on_genders
from convcam_jax.system.errors import RecordingError, UserError
from convcam_jax.system.progress import say
from convcam_jax.system.text import one_form, without_hidden

# Below it floats hold every whole number.
_EXACT = 2**53


class RowPart(NamedTuple):
    """A file or a part of one, and cells of tables by their columns."""

    source: Source
    cells: dict[str, str]


def find_labelled(
    folder: Path, emotion_column: str, patterns: Sequence[str], columns: Mapping[str, Sequence[str]], on_error: str
) -> Found:
    """The labelled recordings of a database, sorted by name, with all other columns of its tables as attributes.

    `columns` maps speaker, gender and text to the columns or schemes that may tell them, of which the first with values
    counts; where nothing is told they are "". For `patterns` of tables see `chosen_tables`, for `on_error` `Corpus`.
    Recordings without a label are among the problems and do not stop. Raises UserError if there is no label, no speaker
    is told, or no recording can be used.
    """
    with as_user_error(folder):
        database = load_database(folder)
        rows = _rows(database, emotion_column, chosen_tables(database, emotion_column, patterns), columns)
        parts = [_part(folder, row) for row in rows.to_dict("records")]
    labelled: dict[str, list[RowPart]] = {}
    unlabelled = []
    names = recording_names([part.source for part in parts], folder)
    for name, part in sorted(zip(names, parts, strict=True), key=lambda own: own[0]):
        if part.cells["emotion"]:
            labelled.setdefault(name, []).append(part)
        else:
            unlabelled.append(name)
    found = _read(folder, labelled, on_error)
    problem = f"the database has no label of it in a column {emotion_column}"
    left_out = [RecordingError(name, problem, "without a label") for name in unlabelled if name not in labelled]
    return found._replace(problems=[*found.problems, *left_out])


def _read(folder: Path, labelled: Mapping[str, Sequence[RowPart]], on_error: str) -> Found:
    """The recordings of labelled parts by their names, and all that is wrong with them."""
    once, repeated = _listed_once(labelled)
    genders = genders_meant(part.cells["gender"] for part in once.values())
    for remark in on_genders(genders):
        say(f"{folder}: {remark}")
    files = {name: part.source.path for name, part in once.items()}
    read = read_names(files, lambda name, _: _utterance(name, once[name], genders), "skip")
    return without_contradictions(folder, read.utterances, [*read.problems, *repeated], on_error)


def _listed_once(labelled: Mapping[str, Sequence[RowPart]]) -> tuple[dict[str, RowPart], list[RecordingError]]:
    """Of parts that are there several times, by other spellings of a path, the first, or none if they contradict."""
    once: dict[str, RowPart] = {}
    problems = []
    for name, parts in labelled.items():
        agree = all(own.cells == parts[0].cells for own in parts)
        if agree:
            once[name] = parts[0]
        otherwise = "" if agree else " with other labels or facts, so that none is used"
        problem = f"the database has {len(parts)} rows of it{otherwise}; remove all but one"
        problems += [RecordingError(name, problem, "listed twice") for _ in parts[agree:]] if len(parts) > 1 else []
    return once, problems


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
    known |= {name: at_recordings(further[name], emotion.index) for name in further.columns if name not in used}
    # Categories cannot be compared with what is missing.
    return pd.DataFrame({name: own.astype(object) for name, own in known.items()}).reset_index()


def _first_with_values(
    database: Any, column: str, tables: Sequence[str], names: Sequence[str], index: pd.Index
) -> pd.Series:
    told = (facts(database, column, tables, name) for name in names)
    return next((own for own in told if own.notna().any()), pd.Series(index=index, dtype=object))


def _part(folder: Path, row: Mapping[Hashable, Any]) -> RowPart:
    start, end = row.get("start"), row.get("end")
    source = Source(
        folder / row["file"],
        0.0 if pd.isna(start) or start is None else _seconds(start),
        None if pd.isna(end) or end is None else _seconds(end),
    )
    return RowPart(source, {_text(n): _text(value) for n, value in row.items() if n not in ("file", "start", "end")})


def _utterance(name: str, part: RowPart, genders: Mapping[str, str | None]) -> Utterance:
    cells = dict(part.cells)
    speaker, gender, emotion, text = (cells.pop(cell) for cell in ("speaker", "gender", "emotion", "text"))
    if not speaker:
        problem = "the database does not tell who speaks, or tells of several; leave it out by corpus.on_error=skip"
        raise RecordingError(name, problem, "without speaker")
    if (told := genders[gender]) is None:
        problem = (
            f"gender {gender!r} is unknown; leave it out by corpus.on_error=skip, or take no gender by "
            "--set=corpus.gender_columns= --set=corpus.models_per=all"
        )
        raise RecordingError(name, problem, "of an unknown gender")
    return Utterance(name, speaker, told, emotion, text, attributes=tuple(cells.items()), **part.source._asdict())


def _seconds(time: pd.Timedelta) -> float:
    # To the nanosecond: `total_seconds` cuts at the microsecond, of which two can be one sample and the next.
    return time / pd.Timedelta(1, "s")


def _text(value: object) -> str:
    """A cell, without what is not seen; durations are in seconds, and what is missing is ""."""
    if isinstance(value, pd.Timedelta):
        return np.format_float_positional(_seconds(value), trim="-")
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        # pandas makes floats of a column's whole numbers where one of them is missing.
        value = int(value)
    if isinstance(value, np.ndarray):
        # A list, of whose items pandas would tell one by one whether they are missing.
        value = value.tolist()
    is_missing = pd.api.types.is_scalar(value) and pd.isna(value)
    return "" if is_missing else one_form(without_hidden(str(value)))
