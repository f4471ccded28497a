"""Columns of times: what they are called, and what is said of names that are not understood."""

import re
from pathlib import Path

import pytest
from corpus_folders import make_folder

from convcam_jax.corpora.folders.column_words import durations, is_known, program_names, time_meant
from convcam_jax.corpora.folders.table_text import column_name
from convcam_jax.corpora.listed import find_listed
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.system.errors import UserError


def listed_in(folder: Path) -> list[Utterance]:
    return find_listed(folder, "stop").utterances


def table(columns: str, *cells: str) -> str:
    rows = [f"{name}.wav,ann,joy,{own}" for name, own in zip("abc", cells, strict=False)]
    return "\n".join([f"file,speaker,emotion,{columns}", *rows, ""])


@pytest.mark.parametrize(
    ("columns", "cells", "bounds"),
    [
        *(("start,end_ms", "1,2", (1, 2)), ("onset,to", "1,2", (1, 2)), ("from,end", "1,2", (1, 2))),
        *(("begintime,dur.", "1,2", (1, 3)), ("start_ms,stop", "1,2", (1, 2)), ("begintime_ms,stop", "1,2", (1, 2))),
    ],
)
def test_a_column_that_is_called_as_a_refusal_says_is_understood(columns, cells, bounds, tmp_path):
    with pytest.raises(UserError) as caught:
        find_listed(make_folder(tmp_path, ["a.wav"], table(columns, cells)), "stop")
    found = re.search(r"the column '(.+)' seems .* call it (.+), or give it a name", str(caught.value))
    [utterance] = listed_in(make_folder(tmp_path, [], table(columns.replace(*found.groups()), cells)))
    assert (utterance.start_s, utterance.end_s) == bounds


@pytest.mark.parametrize(
    ("column", "meant"),
    [
        ("Start_ms", "start (in seconds)"),
        ("startms", "start (in seconds)"),
        ("offset", "end (in seconds)"),
        ("Dur.", "duration (in seconds)"),
    ],
)
def test_a_column_that_is_called_as_a_remark_says_is_understood(column, meant, tmp_path, capsys):
    listed_in(make_folder(tmp_path, ["a.wav"], table(column, "1")))
    assert f"as a column of its own; if {meant} was meant, call it so" in capsys.readouterr().err
    listed_in(make_folder(tmp_path, [], table(meant, "1")))
    assert "kept" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("column", "meant"),
    [
        *(("start_ms", "start"), ("begin_date", "start"), ("onset_ms", "start"), ("from", "start"), ("end_ms", "end")),
        *(("stop_reason", "end"), ("to", "end"), ("offset", "end"), ("dur.", "duration"), ("level", "")),
        *((word, "start") for word in ("xmin", "t0", "t0_ms", "segment_start", "von")),
        *((word, "end") for word in ("xmax", "t1", "segment_end_ms", "until", "fin")),
        *((word, "duration") for word in ("dauer", "length", "clip_length")),
        *((word, "") for word in ("t10", "t_test", "totals", "final")),
    ],
)
def test_columns_that_seem_to_hold_times_and_are_not_understood_have_a_name_to_be_called_by(column, meant):
    assert time_meant(column) == (f"{meant} (in seconds)" if meant else "")


def test_every_name_that_is_proposed_for_times_is_understood():
    starts = ("start", "begin", "onset", "from", "begintime", "starttime", "tmin", "xmin", "anfang")
    words = (*starts, "end", "stop", "offset", "to", "endtime", "tmax", "till", "bis", "duration", "dur", "dauer")
    proposed = {time_meant(f"{word}_ms", columns) for word in words for columns in ((), ("duration",))}
    assert {name.split()[0] for name in proposed} == {"start", "end", "duration"}
    assert all(is_known(column_name(name)) for name in proposed)


WORDS = ("s", "sec", "seconds", "in s", "in seconds")
IN_BRACKETS = [
    f"{before}{pair[0]}{word}{pair[1]}" for before in ("", "_", " ") for pair in ("()", "[]") for word in WORDS
]


@pytest.mark.parametrize("unit", ["", " (S)", *(f"{before}{word}" for before in "_ -" for word in WORDS), *IN_BRACKETS])
def test_units_behind_times_are_understood_alike(unit):
    def named(*words: str) -> list[str]:
        return [column_name(f"{word}{unit}") for word in words]

    others = ("begin", "begin_time", "BeginTime", "onset", "tmin")
    for start in ("start", "start time", "startTime", "time_start", *others):
        for end in ("end", "End Time", "endTime", "time_end", "stop", "tmax"):
            assert list(program_names(named(start, end)).values()) == ["start", "end"]
        columns = named(start, "duration", "Dur")
        assert durations(reversed(program_names(columns).values())) == columns[1:]
        assert all(map(is_known, columns))


@pytest.mark.parametrize(
    "column", ["start_ms", "start(ms)", "start(s", "start_(s]", "starts", "start_in_", "file_s", "text(s)"]
)
def test_other_units_and_other_columns_with_units_are_not(column):
    assert not is_known(column)
    assert program_names([column]) == {column: column}


def test_of_several_words_for_a_column_the_first_is_taken():
    assert program_names(["onset", "begin_s", "stop"]) == {"onset": "onset", "begin_s": "start", "stop": "end"}
    assert program_names(["start", "begin"]) == {"start": "start", "begin": "begin"}
    assert durations(["dur", "level", "duration_s", "duration"]) == ["duration", "duration_s", "dur"]


@pytest.mark.parametrize("columns", ["starttime_ms,endtime", "tmin,tmax_ms", "tmin,endtime_ms"])
def test_of_them_too_both_bounds_have_to_be_understood(columns, tmp_path):
    with pytest.raises(UserError, match=r"of each part, and is not understood; call it (start|end) \(in seconds\)"):
        listed_in(make_folder(tmp_path, ["a.wav"], table(columns, "1,2")))


@pytest.mark.parametrize("columns", ["offset,duration", "Offset (s),Dur", "start_ms,duration", "from,duration_s"])
@pytest.mark.parametrize("cells", [("0,1", "1.5,0.5"), ("3,1", "0,")], ids=str)
def test_a_start_beside_a_duration_that_is_not_understood_is_refused(columns, cells, tmp_path):
    """As in manifests of NeMo, where offset is the start."""
    column = columns.split(",")[0].casefold().replace(" ", "_")
    message = (
        rf"the column '{re.escape(column)}' seems to tell the start of each part, .* call it start \(in seconds\), or"
    )
    with pytest.raises(UserError, match=message):
        listed_in(make_folder(tmp_path, ["a.wav", "b.wav"], table(columns, *cells)))


@pytest.mark.parametrize(
    ("columns", "cells", "bounds", "meant"),
    [
        # Of levels, or of no numbers, beside the duration of a whole file.
        *(("offset,duration", "-0.1,2", (0, None), "start"), ("offset_db,duration", "3,2", (0, None), "start")),
        *(("from,duration", "Ulm,2", (0, None), "start"), ("start,duration,offset", "1,2,9", (1, 3), "end")),
        ("offset,end,duration", "0.1,2,2", (0, 2), "end"),
    ],
)
def test_other_columns_beside_a_duration_are_kept(columns, cells, bounds, meant, tmp_path, capsys):
    [utterance] = listed_in(make_folder(tmp_path, ["a.wav"], table(columns, cells)))
    assert (utterance.start_s, utterance.end_s) == bounds
    assert f"as a column of its own; if {meant} (in seconds) was meant" in capsys.readouterr().err
