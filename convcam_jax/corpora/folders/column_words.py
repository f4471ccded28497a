"""What people call the columns of a list of recordings."""

import re
from collections.abc import Mapping, Sequence

NEEDED = ("file", "speaker", "emotion")
OPTIONAL = ("gender", "text", "start", "end", "recording")
_UNITS = (
    *("", "_s", "_(s)", "(s)", "_[s]", "[s]", "_sec", "_(sec)", "_[sec]", "_seconds", "_(seconds)", "_[seconds]"),
    *("_in_s", "_in_sec", "_in_seconds"),
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
    "start": _in_seconds("start", "start_time", "begin", "onset"),
    "end": _in_seconds("end", "end_time", "stop"),
}
# Instead of an end, where there is a start.
DURATIONS = _in_seconds("duration", "dur")
KNOWN = frozenset({*NEEDED, *OPTIONAL, *(word for words in _WORDS.values() for word in words), *DURATIONS})
# How a column begins that seems to hold times, and what it would have to be called to be taken for them.
_TIME_WORDS = {
    **dict.fromkeys(("start", "begin", "onset", "from"), "start (in seconds)"),
    **dict.fromkeys(("end", "stop", "offset", "to"), "end (in seconds)"),
    **dict.fromkeys(("duration", "dur"), "duration (in seconds, with a start)"),
}


def program_names(columns: Sequence[str]) -> dict[str, str]:
    """The names of columns in the program by those in the table."""
    names = {column: column for column in columns}
    for ours, words in _WORDS.items():
        theirs = next((word for word in words if word in columns), None)
        if ours not in columns and theirs is not None:
            names[theirs] = ours
    return names


def time_meant(column: str) -> str:
    """What a column that seems to hold times should be called, "" for any other and for those that are understood."""
    first, *_ = re.split(r"[^a-z]+", column)
    return "" if column in KNOWN else _TIME_WORDS.get(first, "")


def half_of_times(names: Mapping[str, str]) -> str:
    """What is wrong where one bound of parts is understood and the other seems to be there, "" if nothing is.

    `names` are those of `program_names`. Without the other bound parts would be read from the file's start, or to its
    end.
    """
    lacking = _lacking_bound(set(names.values()))
    for column in names if lacking else ():
        meant = time_meant(column)
        if meant and meant.startswith("start") == (lacking == "start"):
            return (
                f"the column {column!r} seems to tell the {lacking} of each part, and is not understood; call it "
                f"{meant}, or give it a name that is not of a time"
            )
    return ""


def _lacking_bound(columns: set[str]) -> str:
    """The one of start and end without which the other is there, "" if there is none."""
    if "start" in columns:
        return "end" if columns.isdisjoint(("end", *DURATIONS)) else ""
    return "start" if "end" in columns else ""
