"""Tables of text: what people vary is read alike, and what is wrong is said with its line."""

import csv
import io
import re

import pytest

from convcam_jax.corpora.folders.table_text import column_name, parse_table
from convcam_jax.system.errors import UserError

is_known = ("file", "speaker", "emotion", "text").__contains__
HEADER = ["file", "speaker", "emotion", "text"]
ROWS = [
    ["a.wav", "01", "NA", 'Hello, "dear" world; I\tam'],
    ["b/ü.wav", "Ann Ä", "1", "two\nlines"],
    ["c.wav", "Bob", "true", ""],
]
CELLS = [dict(zip(HEADER, row, strict=True)) for row in ROWS]


def text_of(rows: list[list[str]], **dialect) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, **{"lineterminator": "\n", **dialect}).writerows(rows)
    return buffer.getvalue()


def cells(content: bytes) -> list[dict[str, str]]:
    table = parse_table(content, is_known)
    assert table.bad_rows == []
    return [row.cells for row in table.rows]


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-mark", "latin-1", "cp1252"])
def test_every_way_of_writing_a_table_is_read_alike(encoding, delimiter, newline, quoting):
    text = text_of([HEADER, *ROWS], delimiter=delimiter, lineterminator=newline, quoting=quoting)
    content = b"\xff\xfe" + text.encode("utf-16-le") if encoding == "utf-16-le-mark" else text.encode(encoding)
    assert cells(content) == CELLS
    said = parse_table(content, is_known).remarks
    is_latin = encoding in ("latin-1", "cp1252")
    assert said == (["it is not in UTF-8 and was read as Latin-1 (Windows-1252): ü, Ä"] if is_latin else [])


@pytest.mark.parametrize(
    "above",
    ["sep=;\n", '"sep=;"\r\n', "SEP=;\n", "# my corpus, 2024\n", "\n\n", "#a\n\nsep=;\n#b\n", ";;;\n", "\ufeff"],
)
def test_what_stands_above_the_header_is_recognised(above):
    assert cells((above + text_of([HEADER, *ROWS], delimiter=";")).encode()) == CELLS


def test_lines_are_those_of_the_file():
    table = parse_table(b'# comment\nsep=,\nfile,speaker,emotion\n\na,1,x\n#b\n,,\n"c\nd",1,x\n', is_known)
    assert [(row.line, row.cells["file"]) for row in table.rows] == [(5, "a"), (9, "c\nd")]


def test_lines_that_begin_with_a_hash_are_comments_where_they_can_be_no_row():
    above, below = "#a\n # b,1,x\n", "#c,1,x\n#d\n#e,,\n#f,1\n#g,1,x,y\n#h,1,x\n,#i,x\n"
    table = parse_table(f"{above}file,speaker,emotion\n{below}".encode(), is_known)
    assert [list(row.cells.values()) for row in table.rows] == [["#c", "1", "x"], ["#h", "1", "x"], ["", "#i", "x"]]
    assert (table.bad_rows, table.remarks, table.n_comments) == ([], [], 6)


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("File", "file"),
        (" speaker", "speaker"),
        ("Speaker ID", "speaker_id"),
        ("speaker-id ", "speaker_id"),
        ("\u00a0EMOTION\u00a0", "emotion"),
        ("\ufefffile", "file"),
        ("\u202bspeaker\u200f\u202c", "speaker"),
        ("Re\u0301gion", "r\u00e9gion"),
        ("\u01f0", "\u01f0"),
    ],
)
def test_names_of_columns_without_what_people_vary(cell, name):
    assert column_name(cell) == name


def test_spaces_around_cells_do_not_count_and_quoted_cells_may_follow_them():
    content = 'file, speaker ,emotion, text\n a.wav,\u00a01 ,joy ,  "x, y"\n'.encode()
    assert cells(content) == [{"file": "a.wav", "speaker": "1", "emotion": "joy", "text": "x, y"}]


def test_rows_of_another_number_of_cells_are_told_and_the_others_kept():
    table = parse_table(b"file,speaker,emotion\na,1,x,y,z\nc,1\n\nd,1,x\ne\x07,1,x\n", is_known)
    assert [row.cells["file"] for row in table.rows] == ["d"]
    assert [(bad.line, bad.kind) for bad in table.bad_rows] == [
        (2, "in rows of too many cells"),
        (3, "in rows of too few cells"),
        (6, "in rows with control characters"),
    ]
    assert table.bad_rows[0].problem.startswith("5 cells for 3 columns")


@pytest.mark.parametrize("n_behind", [1, 2, 3])
@pytest.mark.parametrize("others", ["", "#b,1,x\n", "#b,1,x,y,z\n", ",,,,,\n", "b,1\n"])
def test_separators_behind_the_last_column_count_for_nothing_where_all_rows_have_them(others, n_behind):
    table = parse_table(
        f"file,speaker,emotion\n{others}a,1,x{n_behind * ','}\nc,1,{n_behind * ','}\n".encode(), is_known
    )
    assert [tuple(row.cells.values()) for row in table.rows if row.cells["file"] in "ac"] == [
        *(("a", "1", "x"), ("c", "1", ""))
    ]
    assert [bad.kind for bad in table.bad_rows] == ["in rows of too few cells"] * (others == "b,1\n")


@pytest.mark.parametrize("n_without", range(6))
@pytest.mark.parametrize("behind", [",", " , ,"])
def test_separators_behind_the_last_column_that_only_some_rows_have_count_for_nothing(behind, n_without):
    """Said is which rows have more of them than half of the rows have: a text's separator may have moved them there."""
    ends = [*[""] * n_without, *[behind] * (6 - n_without)]
    rows = "".join(f"{name},1,x{end}\n" for name, end in zip("abcdef", ends, strict=True))
    table = parse_table(f"file,speaker,emotion\n{rows}".encode(), is_known)
    assert [tuple(row.cells.values()) for row in table.rows] == [(name, "1", "x") for name in "abcdef"]
    assert table.bad_rows == []
    said = [f"line {number}" for number in range(n_without + 2, 8)] if n_without > 3 else []
    assert [re.findall(r"line \d+", remark) for remark in table.remarks] == [said] * bool(said)


@pytest.mark.parametrize("end", ["", ","])
@pytest.mark.parametrize("moved", ["b,1,x,so,2,,3", "b,1,x,no, no,1", "b,1,x,,1,,y"])
def test_cells_behind_the_last_column_are_too_many(moved, end):
    rows = f"a,1,x,so,2{end}\n{moved}{end}\nc,1,x,,{end}\n"
    table = parse_table(f"file,speaker,emotion,text,start\n{rows}".encode(), is_known)
    assert [row.cells["file"] for row in table.rows] == ["a", "c"]
    assert [(bad.line, bad.kind) for bad in table.bad_rows] == [(3, "in rows of too many cells")]


@pytest.mark.parametrize("end", ["", ";", ";;", "; ;;"])
@pytest.mark.parametrize("header_end", [";", "; ", ";;", ';"";\u200b'])
def test_separators_at_the_end_of_the_header_are_no_columns(header_end, end):
    rows = f"a;1;x{end}\nb;1;x;y{end}\n"
    table = parse_table(f"file;;emotion{header_end}\n{rows}".encode(), is_known)
    assert [row.cells for row in table.rows] == [{"file": "a", "column_2": "1", "emotion": "x"}]
    assert [(bad.line, bad.kind) for bad in table.bad_rows] == [(3, "in rows of too many cells")]
    assert "name each column" in table.bad_rows[0].problem


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n \n# only this\n", "is empty"),
        (b"PK\x03\x04\x14\x00", "is a spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "is a spreadsheet"),
        (b"file,speaker\na\x00b,c\n", "bytes that are no text"),
        (b"file,speaker\n\x81\x8d,c\n", "neither in UTF-8 nor in Latin-1"),
        (b"\xff\xfef\x00i", "is no text in utf-16 (truncated data)"),
        (b"file,Speaker, speaker\n", "line 1: there are two columns speaker"),
        (b'file,speaker\na,"b\nc,d\n', "line 3: a quotation mark is missing or out of place"),
        (b'file,speaker\n"a"b,c\n', "line 2: a quotation mark is missing or out of place"),
    ],
)
def test_what_is_no_table_is_told_in_one_line(content, message):
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        parse_table(content, is_known)
    assert "\n" not in str(caught.value)
