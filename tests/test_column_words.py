"""Columns of times: what they are called, and what is said of names that are not understood."""

import re
from pathlib import Path

import pytest
from corpus_folders import make_folder

from convcam_jax.corpora.folders.column_words import KNOWN, time_meant
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
    "column", ["start_ms", "begin_date", "onset_ms", "from", "end_ms", "stop_reason", "to", "Dur."]
)
def test_a_column_that_is_called_as_a_remark_says_is_understood(column, tmp_path, capsys):
    listed_in(make_folder(tmp_path, ["a.wav"], table(column, "1")))
    [meant] = re.findall(r"as a column of its own; if (.+) was meant", capsys.readouterr().err)
    listed_in(make_folder(tmp_path, [], table(meant, "1")))
    assert "kept" not in capsys.readouterr().err


def test_every_name_that_is_proposed_for_times_is_understood():
    words = ("start", "begin", "onset", "from", "begintime", "end", "stop", "offset", "to", "duration", "dur")
    proposed = {time_meant(f"{word}_ms") for word in words}
    assert {name.split()[0] for name in proposed} == {"start", "end", "duration"}
    assert {column_name(name) for name in proposed} <= KNOWN
