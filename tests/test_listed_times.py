"""Parts of files in a list of one's own: starts, ends and durations as people call and write them."""

import pytest
from corpus_folders import make_folder
from test_listed import listed_in

from convcam_jax.corpora.listed import find_listed
from convcam_jax.system.errors import UserError


def test_parts_of_one_file_are_recordings_of_their_own(tmp_path):
    table = "file;speaker;emotion;start;end\nd.wav;ann;joy;;1,5\nd.wav;bob;joy;1.5;3\nd.wav;bob;fear;3;\n"
    table += "d.wav;ann;joy;-0;0,5\n"
    found = listed_in(make_folder(tmp_path, ["d.wav"], table))
    assert [(u.recording, u.start_s, u.end_s, u.attributes) for u in found] == [
        ("d_0.000-0.500", 0.0, 0.5, ()),
        ("d_0.000-1.500", 0.0, 1.5, ()),
        ("d_1.500-3.000", 1.5, 3.0, ()),
        ("d_3.000-end", 3.0, None, ()),
    ]


@pytest.mark.parametrize(
    ("header", "cells", "start_s", "end_s"),
    [
        ("start,duration", "0.25,0.5", 0.25, 0.75),
        ("Start(sec),End [seconds]", "0.25,0.5", 0.25, 0.5),
        ("start_time,end_time", "0.25,0.5", 0.25, 0.5),
        ("begin,stop", "0.25,0.5", 0.25, 0.5),
        ("onset,duration_s", "0.25,0.5", 0.25, 0.75),
        # Of the whole file, as many tables tell.
        ("duration,size", "0.5,12", 0.0, None),
        # An end goes before a duration.
        ("start,end,duration", "0.25,0.5,9", 0.25, 0.5),
        ("start,end,duration", "0.25,,0.5", 0.25, 0.75),
    ],
)
def test_times_go_by_the_names_that_people_use(header, cells, start_s, end_s, tmp_path):
    folder = make_folder(tmp_path, ["a.wav"], f"file,speaker,emotion,{header}\na.wav,ann,joy,{cells}\n")
    [utterance] = listed_in(folder)
    assert (utterance.start_s, utterance.end_s) == (start_s, end_s)


@pytest.mark.parametrize(
    ("taken", "column", "lacking", "meant"),
    [
        *(("start", "end_ms", "end", "end"), ("onset (s)", "offset", "end", "end"), ("begin", "to", "end", "end")),
        *(("start", "duration_ms", "end", "duration"), ("start_s", "Dur. (samples)", "end", "duration")),
        *(("end", "start_ms", "start", "start"), ("stop", "from", "start", "start"), ("end", "t0", "start", "start")),
        *(("start", "Dauer", "end", "duration"), ("start", "length", "end", "duration")),
        *(("start", word, "end", "end") for word in ("finish", "until", "till", "fin", "xmax", "t1", "bis")),
        *(("start", word, "end", "end") for word in ("segment_end", "time_end_ms")),
    ],
)
def test_a_bound_that_is_not_understood_beside_one_that_is_is_refused(taken, column, lacking, meant, tmp_path):
    cells = "2,1" if lacking == "start" else "1,2"
    folder = make_folder(tmp_path, ["a.wav"], f"file,speaker,emotion,{taken},{column}\na.wav,ann,joy,{cells}\n")
    message = rf"seems to tell the {lacking} of each part, and is not understood; call it {meant} \(in seconds"
    with pytest.raises(UserError, match=message):
        find_listed(folder, "skip")


@pytest.mark.parametrize(
    ("taken", "column", "cells"),
    [
        *(("start", "stop_reason", ["noise", ""]), ("start", "stop_reason", ["1", "2"])),
        *(("start", "offset_db", ["-3", "2"]), ("start", "offset_hz", ["3", "2"]), ("start", "offset", ["-3", "2"])),
        *(("start", "offset", ["0.2", "2"]), ("start", "to", ["Bob", "3"]), ("start", "to", ["", ""])),
        *(("start", "duration_class", ["2", "3"]), ("start", "dur.", ["0", "0"]), ("start", "offset", ["inf", "3"])),
        *(("end", "from", ["Berlin", "Ulm"]), ("end", "from", ["2", "9"]), ("end", "start_date", ["0", "0"])),
        *(("end", "onset-type", ["1", "1"]), ("end", "begin_ms_text", ["1", "1"])),
    ],
    ids=str,
)
def test_columns_that_are_only_called_like_a_bound_are_kept(taken, column, cells, tmp_path, capsys):
    rows = "".join(f"{name},ann,joy,1,{cell}\n" for name, cell in zip("ab", cells, strict=True))
    table = f"file,speaker,emotion,{taken},{column}\n{rows}"
    found = listed_in(make_folder(tmp_path, ["a.wav", "b.wav"], table))
    assert {(u.start_s, u.end_s) for u in found} == ({(1.0, None)} if taken == "start" else {(0.0, 1.0)})
    assert "as a column of its own; if" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("taken", "column", "cells"),
    [
        *(("start", "to", ["1", "2,5"]), ("start", "offset", ["0:01.5", "00:00:03"]), ("start", "end_ms", ["1", "0"])),
        *(("end", "from", ["", "0.5"]), ("end", "Start (samples)", ["16000", "0"]), ("start", "Dur.", ["0,2", ""])),
    ],
    ids=str,
)
def test_numbers_and_times_that_can_be_the_other_bound_are_refused(taken, column, cells, tmp_path):
    rows = "".join(f"{name};ann;joy;1;{cell}\n" for name, cell in zip("ab", cells, strict=True))
    with pytest.raises(UserError, match="of each part, and is not understood"):
        find_listed(make_folder(tmp_path, ["a.wav", "b.wav"], f"file;speaker;emotion;{taken};{column}\n{rows}"), "skip")


def test_times_that_are_not_understood_beside_both_bounds_are_told(tmp_path, capsys):
    table = "file,speaker,emotion,start,end,offset\na.wav,ann,joy,0.25,0.5,9\n"
    [utterance] = listed_in(make_folder(tmp_path, ["a.wav"], table))
    assert (utterance.start_s, utterance.end_s) == (0.25, 0.5)
    assert "kept 'offset' as a column of its own" in capsys.readouterr().err
