"""What people call the columns of a list of recordings."""

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from convcam_jax.system.spelling import nearest
from convcam_jax.system.text import number_in

NEEDED = ("file", "speaker", "emotion")
OPTIONAL = ("gender", "text", "start", "end", "recording")
# Other words for columns, taken where the column itself is not there.
_WORDS = {
    "file": ("filename", "file_name", "filepath", "file_path", "path", "recording", "name", "datei", "dateiname"),
    "speaker": ("speaker_id", "actor", "sprecher"),
    "emotion": ("label",),
    "gender": ("sex", "geschlecht"),
    "text": ("sentence", "utterance", "satz"),
    "start": ("start", "start_time", "starttime", "time_start", "begin", "begin_time", "begintime", "onset", "tmin"),
    "end": ("end", "end_time", "endtime", "time_end", "stop", "tmax"),
}
# Instead of an end, where there is a start.
_DURATIONS = ("duration", "dur")
# Which may have a unit behind them.
_TIMES = frozenset({*_WORDS["start"], *_WORDS["end"], *_DURATIONS})
_KNOWN = _TIMES.union(NEEDED, OPTIONAL, *_WORDS.values())
_SECONDS = "(?:in_)?(?:s|sec|seconds)"
_UNIT = re.compile(rf"(?:_{_SECONDS}|_?\({_SECONDS}\)|_?\[{_SECONDS}\])$")
# Less alike than this, a column is not taken for a misspelled one that is not needed.
_ALIKE_OPTIONAL = 0.75
_START, _END = "start (in seconds)", "end (in seconds)"
# How a column begins that seems to hold times, and what it would have to be called to be taken for them.
_STARTS = ("start", "starttime", "begin", "begintime", "onset", "from", "tmin", "xmin", "t0", "beginn", "anfang", "von")
_ENDS = (
    *("end", "endtime", "stop", "offset", "to", "tmax", "xmax", "t1"),
    *("finish", "until", "till", "ende", "bis", "fin"),
)
_TIME_WORDS = {
    **dict.fromkeys(_STARTS, _START),
    **dict.fromkeys(_ENDS, _END),
    **dict.fromkeys(("duration", "dur", "length", "dauer"), "duration (in seconds)"),
}
# What the times may be of, one of these words, and what stands behind it.
_TIME_NAME = re.compile(
    r"(?:(?:time|t|segment|seg|part|clip|audio|speech|utterance)_)?"
    rf"({'|'.join(_TIME_WORDS)})(?![a-z]|(?<=\d)\d)(.*)"
)
# What else the name of a column of times may have in it: of seconds, and of other units.
_OF_SECONDS = frozenset({"", "s", "sec", "secs", "second", "seconds", "in", "time", "point", "position", "pos"})
_MILLISECONDS = ("ms", "msec", "msecs", "millisecond", "milliseconds")
_OF_OTHERS = frozenset({*_MILLISECONDS, "us", "ns", "min", "minutes", "sample", "samples", "frame", "frames"})
_CLOCK = re.compile(r"[0-9]+(?::[0-9]{1,2}){1,2}(?:[.,][0-9]+)?")


def _bare(column: str) -> str:
    """A column's name, without the unit behind a word for times."""
    bare = _UNIT.sub("", column)
    return bare if bare in _TIMES else column


def is_known(column: str) -> bool:
    """Whether a column has a name that the program understands.

    >>> is_known("start(sec)"), is_known("start_ms"), is_known("speaker_s")
    (True, False, False)
    """
    return _bare(column) in _KNOWN


def _called(words: Sequence[str], columns: Iterable[str]) -> list[str]:
    """The columns that are called by one of the words, in the order of these, each without a unit first."""
    found = [(words.index(bare), bare != column, column) for column in columns if (bare := _bare(column)) in words]
    return [column for *_, column in sorted(found)]


def durations(columns: Iterable[str]) -> list[str]:
    """The columns that tell durations, of which the first that is filled in counts."""
    return _called(_DURATIONS, columns)


def program_names(columns: Sequence[str]) -> dict[str, str]:
    """The names of columns in the program by those in the table.

    >>> program_names(["path", "begin_(s)", "stop", "dur"])
    {'path': 'file', 'begin_(s)': 'start', 'stop': 'end', 'dur': 'dur'}
    """
    names = {column: column for column in columns}
    for ours, words in _WORDS.items():
        if ours not in columns and (theirs := _called(words, columns)):
            names[theirs[0]] = ours
    return names


def time_meant(column: str, columns: Collection[str] = ()) -> str:
    """What a column that seems to hold times should be called, "" for any other and for those that are understood.

    `columns` are all, by the program's names. An offset is the end, but beside a duration without a start it is this.
    """
    found = _TIME_NAME.fullmatch(column)
    if found is None or is_known(column):
        return ""
    return _START if found[1] == "offset" and _has_only_durations(columns) else _TIME_WORDS[found[1]]


def column_meant(column: str, columns: Collection[str] = ()) -> str:
    """What a column that is not needed and not understood should be called, "" if it seems to be one of its own.

    For `columns` see `time_meant`.

    >>> column_meant("start_ms"), column_meant("strat"), column_meant("gendre"), column_meant("level")
    ('start (in seconds)', 'start (in seconds)', 'gender', '')
    """
    if is_known(column):
        return ""
    meant = nearest(column, OPTIONAL, _ALIKE_OPTIONAL) or ""
    return time_meant(column, columns) or {"start": _START, "end": _END}.get(meant, meant)


def _has_only_durations(columns: Collection[str]) -> bool:
    return not {"start", "end"}.intersection(columns) and bool(durations(columns))


def half_of_times(names: Mapping[str, str], rows: Sequence[Mapping[str, str]]) -> str:
    """What is wrong where one bound of parts is understood and the other seems to be there, "" if nothing is.

    `names` are those of `program_names`, and rows have cells by the table's. Without the other bound parts would be
    read from the file's start, or to its end. A column is the other one if it is called as one, and by no other words
    than units; has times or numbers; and, where no other unit than seconds is named, if these can be: no end lies
    before its start, and all durations are above 0. A duration alone may be that of
    whole files, unless such a start is beside it.
    """
    columns = set(names.values())
    lacking = _lacking_bound(columns)
    there = next((own for own, ours in names.items() if lacking and ours == _OTHER_BOUND[lacking]), "")
    for column in names if lacking else ():
        meant = time_meant(column, columns)
        if meant and meant.startswith("start") == (lacking == "start") and _has_times(column, there, meant, rows):
            return (
                f"the column {column!r} seems to tell the {lacking} of each part, and is not understood; call it "
                f"{meant}, or give it a name that is not of a time"
            )
    return ""


_OTHER_BOUND = {"start": "end", "end": "start"}


def _has_times(column: str, there: str, meant: str, rows: Iterable[Mapping[str, str]]) -> bool:
    others = re.split(r"[^a-z]+", _TIME_NAME.sub(r"\2", column))
    pairs = [(_time(row[column]), _time(row.get(there) or "0")) for row in rows if row[column]]
    if not pairs or not all(0 <= own < math.inf for own, _ in pairs) or set(others) - _OF_SECONDS - _OF_OTHERS:
        return False
    if not _OF_OTHERS.isdisjoint(others):
        return True
    if meant.startswith("duration"):
        return all(own > 0 for own, _ in pairs)
    # What is no time in the other column is told where it is read.
    return not there or not any(other < own if meant.startswith("start") else own < other for own, other in pairs)


def _time(cell: str) -> float:
    """Seconds, of a number or of minutes and seconds with a colon, NaN for all else."""
    cell = cell.replace(",", ".")
    parts = cell.split(":") if _CLOCK.fullmatch(cell) else [cell]
    try:
        return sum(number_in(part) * 60**place for place, part in enumerate(reversed(parts)))
    except ValueError:
        return math.nan


def _lacking_bound(columns: set[str]) -> str:
    """The one of start and end without which the other, or a duration, is there, "" if there is none."""
    if "start" in columns:
        return "" if "end" in columns or durations(columns) else "end"
    return "start" if "end" in columns or _has_only_durations(columns) else ""
