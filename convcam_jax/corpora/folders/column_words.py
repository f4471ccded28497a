"""What people call the columns of a list of recordings."""

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from convcam_jax.system.text import number_in

NEEDED = ("file", "speaker", "emotion")
OPTIONAL = ("gender", "text", "start", "end", "recording")
_UNITS = (
    *("", "_s", "_(s)", "(s)", "_[s]", "[s]", "_sec", "_(sec)", "_[sec]", "_seconds", "_(seconds)", "_[seconds]"),
    *("_in_s", "_in_sec", "_in_seconds", "_(in_s)", "(in_s)", "_(in_sec)", "(in_sec)", "_(in_seconds)", "(in_seconds)"),
    *("_[in_s]", "[in_s]", "_[in_sec]", "[in_sec]", "_[in_seconds]", "[in_seconds]"),
)


def _in_seconds(*words: str) -> tuple[str, ...]:
    return tuple(f"{word}{unit}" for word in words for unit in _UNITS)


# Other words for columns, taken where the column itself is not there.
_WORDS = {
    "file": ("filename", "file_name", "filepath", "file_path", "path", "recording", "name", "datei", "dateiname"),
    "speaker": ("speaker_id", "actor", "sprecher"),
    "emotion": ("label",),
    "gender": ("sex", "geschlecht"),
    "text": ("sentence", "utterance", "satz"),
    "start": _in_seconds("start", "start_time", "starttime", "begin", "begin_time", "begintime", "onset", "tmin"),
    "end": _in_seconds("end", "end_time", "endtime", "stop", "tmax"),
}
# Instead of an end, where there is a start.
DURATIONS = _in_seconds("duration", "dur")
KNOWN = frozenset({*NEEDED, *OPTIONAL, *(word for words in _WORDS.values() for word in words), *DURATIONS})
_START = "start (in seconds)"
# How a column begins that seems to hold times, and what it would have to be called to be taken for them.
_TIME_WORDS = {
    **dict.fromkeys(("start", "starttime", "begin", "begintime", "onset", "from", "tmin"), _START),
    **dict.fromkeys(("end", "endtime", "stop", "offset", "to", "tmax"), "end (in seconds)"),
    **dict.fromkeys(("duration", "dur"), "duration (in seconds)"),
}
# What else the name of a column of times may have in it: of seconds, and of other units.
_OF_SECONDS = frozenset({"", "s", "sec", "secs", "second", "seconds", "in", "time", "point", "position", "pos"})
_MILLISECONDS = ("ms", "msec", "msecs", "millisecond", "milliseconds")
_OF_OTHERS = frozenset({*_MILLISECONDS, "us", "ns", "min", "minutes", "sample", "samples", "frame", "frames"})
_CLOCK = re.compile(r"[0-9]+(?::[0-9]{1,2}){1,2}(?:[.,][0-9]+)?")


def program_names(columns: Sequence[str]) -> dict[str, str]:
    """The names of columns in the program by those in the table."""
    names = {column: column for column in columns}
    for ours, words in _WORDS.items():
        theirs = next((word for word in words if word in columns), None)
        if ours not in columns and theirs is not None:
            names[theirs] = ours
    return names


def time_meant(column: str, columns: Collection[str] = ()) -> str:
    """What a column that seems to hold times should be called, "" for any other and for those that are understood.

    `columns` are all, by the program's names. An offset is the end, but beside a duration without a start it is this.
    """
    first, *_ = re.split(r"[^a-z]+", column)
    if column in KNOWN:
        return ""
    return _START if first == "offset" and _has_only_durations(columns) else _TIME_WORDS.get(first, "")


def _has_only_durations(columns: Collection[str]) -> bool:
    return not {"start", "end"}.intersection(columns) and not set(DURATIONS).isdisjoint(columns)


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
    _, *others = re.split(r"[^a-z]+", column)
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
        return "end" if columns.isdisjoint(("end", *DURATIONS)) else ""
    return "start" if "end" in columns or _has_only_durations(columns) else ""
