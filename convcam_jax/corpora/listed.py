"""A corpus of one's own: recordings in a folder, and a table `utterances.csv` in it that tells what is spoken."""

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from convcam_jax.corpora.config import CorpusConfig
from convcam_jax.corpora.corpus import Corpus
from convcam_jax.corpora.folders.column_words import (
    NEEDED,
    OPTIONAL,
    column_meant,
    durations,
    half_of_times,
    is_known,
    program_names,
)
from convcam_jax.corpora.folders.contradictions import without_contradictions
from convcam_jax.corpora.folders.file_index import FileIndex, index_files, matching, recording_names, sound_files
from convcam_jax.corpora.folders.rows_inside import lines_with_rows_inside
from convcam_jax.corpora.folders.table_text import (
    COMMENT,
    LINE_BREAK,
    ROW_INSIDE,
    Table,
    TableRow,
    parse_table,
    row_with_others,
)
from convcam_jax.corpora.folders.wav_files import file_problem, given_folder
from convcam_jax.corpora.sounds.sound_files import told_channels
from convcam_jax.corpora.utterances import Found, Source, Utterance
from convcam_jax.corpora.words.channel_words import channels_meant
from convcam_jax.corpora.words.gender_words import genders_meant, on_genders
from convcam_jax.system.errors import RecordingError, UserError, named
from convcam_jax.system.progress import counted, say
from convcam_jax.system.spelling import nearest
from convcam_jax.system.text import number_in, one_form, without_hidden
from convcam_jax.system.validation import ALIKE

TABLE = "utterances.csv"
# A line break in one of these comes from a quotation mark out of place, with which the cell has taken the next row in.
_IN_ONE_LINE = (*NEEDED, "gender", "split", "fold")
# Of the channel that is read, where it tells one; a further column as well.
_CHANNEL = "channel"
# What keeps a row from being read: what such rows are counted as, and what to do about it.
_Wrong = tuple[str, str]
HOW_TO_LIST = (
    f"put your recordings into a folder, list them there in {TABLE} with the columns {', '.join(NEEDED)}, and give the "
    "folder as --data_dir; --corpus=synthetic needs none"
)


@dataclasses.dataclass(frozen=True)
class ListedConfig(CorpusConfig):
    """Which recordings of a corpus of one's own are used; several channels are mixed down."""

    name: str = "listed"
    channels: Literal["refuse", "mix"] = "mix"


class ListedRecording(NamedTuple):
    """A row of the table, and its file or the part of it that it speaks of."""

    line: int
    cells: Mapping[str, str]
    source: Source


def find_listed(data_dir: Path, on_error: str) -> Found:
    """Recordings listed in `data_dir`/utterances.csv, sorted by name.

    For `on_error` see `Corpus`; files without a row are among the problems with "skip" and do not stop. Raises
    UserError if the table or folder is missing, the table cannot be read, lacks a column, or has no row that can be
    used.
    """
    path = _table_path(data_dir)
    files = sound_files(data_dir)
    index = index_files(data_dir, files)
    table = _without_comments(_read_table(path), data_dir, index)
    broken = lines_with_rows_inside(table, data_dir, index)
    if table.header.line in broken:
        raise UserError(f"{path}: line {table.header.line}: the header {ROW_INSIDE}")
    table = table._replace(
        rows=[row for row in table.rows if row.line not in broken],
        bad_rows=[*table.bad_rows, *map(row_with_others, broken)],
    )
    if not table.rows and not table.bad_rows:
        raise UserError(f"{path}: has no row below its header; list each recording there")
    problems = [RecordingError(f"line {r.line}", f"{path} line {r.line}: {r.problem}", r.kind) for r in table.bad_rows]
    genders = genders_meant(_in_one_form(row.cells).get("gender", "") for row in table.rows)
    entries = []
    for row in table.rows:
        entry, wrong = _read_row(row, data_dir, index, path, genders)
        problems += wrong
        entries += [entry] if entry else []
    named_entries, repeated = _with_names(_with_channels(entries, path), path)
    utterances = [_utterance(name, entry, genders) for name, entry in named_entries.items()]
    found = without_contradictions(path, utterances, [*problems, *repeated], on_error)
    for remark in (*table.remarks, *on_genders(genders)):
        say(f"{path}: {remark}")
    return found._replace(problems=[*found.problems, *_not_listed(files, table.rows, data_dir, index)])


def _table_path(data_dir: Path) -> Path:
    try:
        tables = sorted(path for path in data_dir.iterdir() if path.name.casefold() == TABLE)
        others = sorted(p.name for p in data_dir.iterdir() if p.suffix.lower() in (".csv", ".tsv", ".txt", ".xlsx"))
    except OSError as error:
        raise UserError(f"{data_dir}: cannot be read ({error.strerror}); change its permissions") from error
    if len(tables) > 1:
        raise UserError(f"{data_dir}: has the tables {named([path.name for path in tables])}; keep one of them")
    if tables:
        return tables[0]
    hint = f" (found: {named(others)}; rename it or save it as {TABLE})" if others else ""
    raise UserError(f"{data_dir / TABLE}: missing{hint}; {HOW_TO_LIST}")


def _read_table(path: Path) -> Table:
    """The table with the program's names of columns."""
    try:
        table = parse_table(path.read_bytes(), is_known)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); replace it") from error
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    names = program_names(table.columns)
    missing = [column for column in NEEDED if column not in names.values()]
    if missing:
        raise UserError(
            f"{path}: the column{'s' * (len(missing) > 1)} {', '.join(missing)} {'are' if len(missing) > 1 else 'is'} "
            f"missing; it needs {', '.join(NEEDED)}, may have {', '.join(OPTIONAL)} and others, and has "
            f"{', '.join(map(repr, table.columns))}{_meant(missing, table)}"
        )
    if problem := half_of_times(names, [row.cells for row in table.rows]):
        raise UserError(f"{path}: {problem}")
    taken = [f"{theirs} as {ours}" for theirs, ours in names.items() if theirs != ours and theirs != "recording"]
    remarks = [f"took the columns {', '.join(taken)}"] if taken else []
    remarks += [
        f"kept {column!r} as a column of its own; if {meant} was meant, call it so"
        for column in names.values()
        if (meant := column_meant(column, names.values()))
    ]
    rows = [row._replace(cells={names[c]: cell for c, cell in row.cells.items()}) for row in table.rows]
    return table._replace(columns=tuple(names.values()), rows=rows, remarks=[*table.remarks, *remarks])


def _without_comments(table: Table, data_dir: Path, index: FileIndex) -> Table:
    """The table without the rows that begin with # and whose file is not there, and what is to be said of all such."""
    begun = [row for row in table.rows if row.cells[table.columns[0]].startswith(COMMENT)]
    comments = {row.line for row in begun if not matching(row.cells["file"], data_dir, index)}
    counts = {
        "were taken for comments": table.n_comments + len(comments),
        "were taken for rows, as their files are there": len(begun) - len(comments),
    }
    remarks = [f"{count} of the lines that begin with {COMMENT} {what}" for what, count in counts.items() if count]
    rows = [row for row in table.rows if row.line not in comments]
    return table._replace(rows=rows, remarks=[*table.remarks, *remarks])


def _in_one_form(cells: Mapping[str, str]) -> dict[str, str]:
    # A file is found by its name as it is on the disk.
    return {column: cell if column == "file" else one_form(without_hidden(cell)) for column, cell in cells.items()}


def _meant(missing: Sequence[str], table: Table) -> str:
    """What may be the columns that are missing, and what may be the header, "" if nothing may."""
    pairs = [(column, nearest(column, table.columns, ALIKE)) for column in missing]
    hints = [f"{meant!r} for {column}" for column, meant in pairs if meant]
    told = f" (did you mean {', '.join(hints)}?)" if hints else ""
    if table.comment_above:
        # A recording's cells may be like a column, too, as speaker1 is.
        told += (
            f"; line {table.comment_above} begins with {COMMENT} and was taken for a comment: if it is the header, "
            f"take the {COMMENT} away"
        )
    return told


def _read_row(
    row: TableRow, data_dir: Path, index: FileIndex, table: Path, genders: Mapping[str, str | None]
) -> tuple[ListedRecording | None, list[RecordingError]]:
    """The entry of a row, None if there is something wrong with it, and all that is."""
    cells = _in_one_form(row.cells)
    files = matching(cells["file"], data_dir, index) if cells["file"] else []
    # Files may be called so.
    in_one_line = [column for column in _IN_ONE_LINE if column != "file" or not files]
    broken = [column for column in in_one_line if LINE_BREAK.search(row.cells.get(column, ""))]
    wrong = list(_line_breaks(broken)) or [
        *_wrong_words(cells, genders),
        *_wrong_file(cells["file"], files, data_dir),
        *_wrong_times(cells),
    ]
    if wrong:
        name = cells["file"] if cells["file"] and "file" not in broken else f"line {row.line}"
        return None, [RecordingError(name, f"{table} line {row.line}: {problem}", kind) for kind, problem in wrong]
    return ListedRecording(row.line, cells, Source(files[0], *_bounds(cells))), []


def _line_breaks(columns: Iterable[str]) -> Iterator[_Wrong]:
    for column in columns:
        problem = f"{column} has a line break in it (is a quotation mark out of place?); mend it"
        yield "with a line break in a cell", problem


def _wrong_words(cells: Mapping[str, str], genders: Mapping[str, str | None]) -> Iterator[_Wrong]:
    for column in NEEDED:
        if not cells[column]:
            yield f"without {column}", f"{column} is empty; fill it in"
    if genders[cells.get("gender", "")] is None:
        yield (
            "of an unknown gender",
            f"gender {cells['gender']!r} is unknown; write female or male (f, w, m and others are understood), or give "
            "the column another name, by which recordings can be grouped as well",
        )


def _wrong_file(name: str, files: Sequence[Path], data_dir: Path) -> Iterator[_Wrong]:
    """What keeps the `files` that fit a name from being one that can be read; nothing of no name."""
    if name and not files:
        yield "missing", f"there is no sound file {name} in {data_dir}; add the file or remove the row"
    elif len(files) > 1:
        several = named([str(path.relative_to(data_dir) if data_dir in path.parents else path) for path in files])
        yield "of which the name fits several files", f"{name} may be {several}; write more of the path"
    elif files and (wrong := file_problem(files[0])):
        yield wrong


def _wrong_times(cells: Mapping[str, str]) -> Iterator[_Wrong]:
    for column in ("start", "end", *_durations_read(cells)):
        if cells.get(column) and math.isnan(_seconds(cells[column])):
            yield "of a wrong time", f"{column} {cells[column]!r} is no time in seconds; mend it"
    start_s, end_s = _bounds(cells)
    if end_s is not None and start_s >= end_s:
        problem = f"start {start_s:g} s is not before end {end_s:g} s; mend them"
        yield "of a part that ends before it starts", problem


def _with_channels(entries: Sequence[ListedRecording], table: Path) -> list[ListedRecording]:
    """Entries that are read by the channel that their column tells, if it does, and say what was taken."""
    words: dict[Path, list[str]] = {}
    for entry in entries:
        words.setdefault(entry.source.path, []).append(entry.cells.get(_CHANNEL, ""))
    if not any(map(any, words.values())):
        return list(entries)
    channels = channels_meant(words, {path for path in words if told_channels(path) == 1})
    own_of = {path: channels.get(path, {}) for path in words}
    read = [e._replace(source=e.source._replace(channel=own_of[e.source.path].get(e.cells[_CHANNEL]))) for e in entries]
    n_of_one = sum(own.source.channel is not None for own in read)
    say(
        f"{table}: {counted(n_of_one, 'recording')} of one channel of a file, by the column '{_CHANNEL}'"
        if channels
        else f"{table}: kept '{_CHANNEL}' as a column of its own, as some of its words are no channels, or no file of "
        "several has rows of two"
    )
    return read


def _bounds(cells: Mapping[str, str]) -> tuple[float, float | None]:
    """Where the part of a file that a row speaks of starts and ends, in seconds, None for the file's end.

    NaN for what is no time.
    """
    start_s = _seconds(cells["start"]) if cells.get("start") else 0.0
    if cells.get("end"):
        return start_s, _seconds(cells["end"])
    return start_s, next((start_s + _seconds(cells[column]) for column in _durations_read(cells)), None)


def _durations_read(cells: Mapping[str, str]) -> list[str]:
    """The columns that tell durations where these are read: beside a start, where no end is told."""
    return [c for c in durations(cells) if cells[c]] if "start" in cells and not cells.get("end") else []


# Three years: what is beyond is no time in a recording.
_MOST_SECONDS = 1e8


def _seconds(cell: str) -> float:
    """The time in a cell, NaN if it is none; a comma may stand for the point."""
    try:
        seconds = number_in(cell.replace(",", "."))
    except ValueError:
        return math.nan
    # Of -0 as well.
    return abs(seconds) if 0 <= seconds <= _MOST_SECONDS else math.nan


def _with_names(
    entries: Sequence[ListedRecording], table: Path
) -> tuple[dict[str, ListedRecording], list[RecordingError]]:
    """Entries by recording, and the problems of rows that speak of what another row speaks of, or call theirs so."""
    names = recording_names([entry.source for entry in entries], table.parent)
    named_entries: dict[str, ListedRecording] = {}
    problems: list[RecordingError] = []
    disputed: set[str] = set()
    for default, entry in zip(names, entries, strict=True):
        name = entry.cells.get("recording") or default
        first = named_entries.setdefault(name, entry)
        if first is entry:
            continue
        if entry.source != first.source:
            what = "part of this file" if entry.source.path == first.source.path else "file"
            problem = (
                f"another {what} has the name {name}, in line {first.line}; give each recording its own name, or "
                "rename the column recording"
            )
            kind = "called like another recording"
        else:
            if _contradicts(entry, first):
                disputed.add(name)
            otherwise = " with another label or speaker, so neither is used" if name in disputed else ""
            problem = f"the recording is listed twice, first in line {first.line}{otherwise}; remove one of the rows"
            kind = "listed twice"
        problems.append(RecordingError(name, f"{table} line {entry.line}: {problem}", kind))
    # Of rows that contradict one another any may be wrong.
    return {name: entry for name, entry in named_entries.items() if name not in disputed}, problems


def _contradicts(entry: ListedRecording, other: ListedRecording) -> bool:
    return any(entry.cells[column] != other.cells[column] for column in ("speaker", "emotion"))


def _utterance(recording: str, entry: ListedRecording, genders: Mapping[str, str | None]) -> Utterance:
    attributes = tuple((c, cell) for c, cell in entry.cells.items() if c not in (*NEEDED, *OPTIONAL))
    return Utterance(
        recording,
        speaker=entry.cells["speaker"],
        gender=genders[entry.cells.get("gender", "")] or "",
        emotion=entry.cells["emotion"],
        text=entry.cells.get("text", ""),
        attributes=attributes,
        **entry.source._asdict(),
    )


def _not_listed(
    files: Sequence[Path], rows: Sequence[TableRow], data_dir: Path, index: FileIndex
) -> list[RecordingError]:
    """The files that no row speaks of, named by their paths: they have no other name."""
    spoken_of = {path for row in rows for path in matching(row.cells["file"], data_dir, index)}
    return [
        RecordingError(str(path.relative_to(data_dir)), f"{TABLE} has no row for it", "not listed")
        for path in files
        if path not in spoken_of
    ]


def _find(config: ListedConfig, cache_dir: Path, sample_rate_hz: int) -> Found:
    return find_listed(given_folder(config, HOW_TO_LIST), config.on_error)


LISTED = Corpus(
    description=f"a corpus of your own: a folder with {TABLE}, of the columns {', '.join(NEEDED)} and any others",
    how_to_get=HOW_TO_LIST,
    config=ListedConfig,
    find=_find,
)
