"""Which file a row of a list means, by whatever name and way."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from corpus_folders import make_folder

from convcam_jax.corpora.folders.file_index import index_files, matching, sound_files
from convcam_jax.corpora.listed import find_listed
from convcam_jax.system.errors import RecordingError, UserError


@pytest.mark.parametrize("way", ["relative", "link"])
def test_absolute_paths_are_those_of_the_folders_files(way, tmp_path, monkeypatch):
    folder = make_folder(tmp_path / "own", ["wav/a.wav", "b.wav"], "")
    rows = "".join(f"{folder.absolute() / name},ann,joy\n" for name in ("wav/a.wav", "b.wav"))
    (folder / "utterances.csv").write_text(f"file,speaker,emotion\n{rows}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    if way == "link":
        Path("linked").symlink_to(folder, target_is_directory=True)
    given = Path("own" if way == "relative" else "linked")
    found = find_listed(given, "stop")
    assert found.problems == []
    assert [u.path for u in found.utterances] == [given / "wav/a.wav", given / "b.wav"]


@pytest.mark.parametrize(
    ("files", "cell", "expected"),
    [
        (["a.wav", "a/x.wav"], "a", ["a.wav"]),
        (["s/a.WAV", "a.flac"], "s/a", ["s/a.WAV"]),
        (["a.wav", "A.wav"], "A", ["A.wav"]),
        (["a.b.wav", "a.wav"], "a.b", ["a.b.wav"]),
        (["a.wav", "a.flac"], "a", ["a.flac", "a.wav"]),
        (["a.wav", "a.WAV"], "a", ["a.WAV", "a.wav"]),
        (["a.wav", "a.flac"], "a.flac", ["a.flac"]),
        (["s/a.wav"], "a", []),
    ],
)
def test_absolute_paths_without_their_ending_mean_the_files_that_are_called_so(files, cell, expected, tmp_path):
    folder = make_folder(tmp_path, files, None)
    index = index_files(folder, sound_files(folder))
    assert matching(str(folder / cell), folder, index) == [folder / name for name in expected]


def test_a_folder_below_that_cannot_be_read_is_told(tmp_path, monkeypatch):
    make_folder(tmp_path, ["a.wav", "closed/b.wav"], None)
    list_folder = os.scandir

    def refuse(path):
        if Path(path).name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return list_folder(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UserError, match=rf"^{tmp_path / 'closed'}: cannot be read \(Permission denied\); change its"):
        sound_files(tmp_path)


@pytest.mark.parametrize("is_turned", [False, True])
@pytest.mark.parametrize("listed", ["wav/a.wav", "copy/a.wav", "z/b.wav", "wav/further/b.wav"])
def test_links_to_folders_are_no_further_files_in_whatever_order_a_disk_has_them(
    listed, is_turned, tmp_path, monkeypatch
):
    table = f"file,speaker,emotion\n{listed},ann,joy\n"
    folder = make_folder(tmp_path, [f"{'wav' if 'a.' in listed else 'z'}/{Path(listed).name}"], table)
    (folder / "wav").mkdir(exist_ok=True)
    (folder / "copy").symlink_to("wav", target_is_directory=True)
    if "b." in listed:
        (folder / "wav/further").symlink_to("../z", target_is_directory=True)
    walk = os.walk

    def in_order(*given, **ways):
        for here, folders, files in walk(*given, **ways):
            folders.sort(reverse=is_turned)
            yield here, folders, files

    monkeypatch.setattr(os, "walk", in_order)
    found = find_listed(folder, "stop")
    assert found.problems == []
    assert [u.path.resolve() for u in found.utterances] == [(folder / listed).resolve()]


def test_what_a_disk_has_for_repairs_of_its_system_is_no_part_of_a_corpus(tmp_path):
    folder = make_folder(tmp_path, ["a.wav", "lost+found/b.wav"], None)
    assert sound_files(folder) == [folder / "a.wav"]


def test_absolute_paths_to_files_elsewhere_are_told_where_they_fit_several(tmp_path):
    elsewhere = make_folder(tmp_path / "elsewhere", ["a.wav", "a/x.wav", "b.wav", "b.flac"], None)
    rows = "".join(f"{elsewhere / name},ann,joy\n" for name in "ab")
    (tmp_path / "own").mkdir()
    found = find_listed(make_folder(tmp_path / "own", [], f"file,speaker,emotion\n{rows}"), "skip")
    assert [u.path for u in found.utterances] == [elsewhere / "a.wav"]
    [problem] = found.problems
    assert problem.kind == "of which the name fits several files"
    several = f"{elsewhere / 'b'} may be {elsewhere / 'b.wav'}, {elsewhere / 'b.flac'}; write more of the path"
    assert problem.problem.endswith(several)


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ("a,ann,joy,1,,,\nb,bob,fear,1,,,\n", "file"),
        ("a,ann,joy,1,0,1,\na,ann,fear,1,1,2,\n", "part of this file"),
        ("d,ann,joy,1,,,1\nd,bob,fear,1,,,2\n", "part of this file"),
    ],
    ids=["speakers", "sessions", "channels"],
)
def test_recordings_of_one_name_are_told_apart_from_a_row_that_is_there_twice(rows, what, tmp_path):
    """Names that count anew for each speaker, or are those of sessions."""
    folder = make_folder(tmp_path, ["a.wav", "b.wav"], f"file,speaker,emotion,recording,start,end,channel\n{rows}")
    soundfile.write(folder / "d.wav", np.zeros((16000, 2)), 16000)
    message = (
        f"line 3: another {what} has the name 1, in line 2; give each recording its own name, or rename the column "
        "recording"
    )
    with pytest.raises(RecordingError, match=message) as caught:
        find_listed(folder, "stop")
    assert caught.value.kind == "called like another recording"
    assert [u.recording for u in find_listed(folder, "skip").utterances] == ["1"]


@pytest.mark.parametrize("endings", [["flac", "wav"], ["ogg", "wav"], ["MP3", "aiff", "ogg"], ["WAV", "wav"]], ids=str)
@pytest.mark.parametrize("part", [",", "0,1"])
def test_files_that_differ_in_their_ending_alone_are_one_recording(part, endings, tmp_path):
    """As a corpus that was encoded for another program beside the files that it was made from."""
    files = [f"s/{name}.{ending}" for name in "ab" for ending in endings]
    rows = "".join(f"{file},ann,joy,{part}\n" for file in [*files, "t/a.wav"])
    folder = make_folder(tmp_path, [*files, "t/a.wav"], f"file,speaker,emotion,start,end\n{rows}")
    kind = "of files that differ from others in their ending alone"
    with pytest.raises(UserError, match=rf"^{2 * len(endings) - 2} problems .*{kind}.*list one of them, or rename"):
        find_listed(folder, "stop")
    found = find_listed(folder, "skip")
    kept = min(endings) if "MP3" not in endings else "aiff"
    kept = "wav" if "ogg" in endings and "wav" in endings else kept
    assert sorted(u.path for u in found.utterances) == [
        *(folder / f"s/a.{kept}", folder / f"s/b.{kept}", folder / "t/a.wav")
    ]
    assert {(p.kind) for p in found.problems} == {kind}
    assert len(found.problems) == 2 * len(endings) - 2


@pytest.mark.parametrize("other", ["bob,joy", "ann,fear"])
def test_of_files_that_differ_in_ending_and_label_none_is_used(other, tmp_path):
    table = f"file,speaker,emotion\na.wav,ann,joy\na.ogg,{other}\nb.wav,ann,joy\n"
    found = find_listed(make_folder(tmp_path, ["a.wav", "a.ogg", "b.wav"], table), "skip")
    assert [u.path.name for u in found.utterances] == ["b.wav"]
    assert [p.recording for p in found.problems] == ["a.wav", "a.ogg"]


@pytest.mark.parametrize(
    ("first", "second", "used"),
    [
        (("ann,joy", "0,1"), ("bob,fear", "1,2"), ["s.mp3", "s.wav"]),
        (("ann,joy", "0,1"), ("ann,joy", "0.95,2"), ["s.mp3", "s.wav"]),
        (("ann,joy", "0,1"), ("ann,joy", "0.5,2"), ["s.wav"]),
        (("ann,joy", ","), ("ann,joy", "1,2"), ["s.wav"]),
        (("ann,joy", ","), ("ann,fear", "0,1.5"), []),
        (("ann,joy", "1,"), ("bob,joy", "0,1.5"), []),
        (("ann,joy", "1,"), ("bob,fear", ",1"), ["s.mp3", "s.wav"]),
    ],
    ids=str,
)
def test_parts_of_files_that_differ_in_ending_are_compared_where_they_overlap(first, second, used, tmp_path):
    rows = f"s.mp3,{','.join(second)}\ns.wav,{','.join(first)}\ns.wav,cy,joy,8,9\ns.mp3,cy,fear,7,8\n"
    if first[1].endswith(","):
        rows = "".join(row + "\n" for row in rows.split("\n")[:2]) + "t.wav,cy,joy,,\n"
    folder = make_folder(tmp_path, ["s.wav", "s.mp3", "t.wav"], f"file,speaker,emotion,start,end\n{rows}")
    found = find_listed(folder, "skip")
    assert sorted(u.path.name for u in found.utterances if u.speaker != "cy") == used
    assert sum(u.speaker == "cy" for u in found.utterances) == (1 if first[1].endswith(",") else 2)
    said = [p.problem for p in found.problems if p.kind == "of files that differ from others in their ending alone"]
    assert [("another label or speaker" in own) for own in said] == [not used] * (2 - len(used))


def test_names_whose_last_part_is_no_ending_are_different(tmp_path):
    table = "file,speaker,emotion\ntake.1,ann,joy\ntake.2,ann,joy\n"
    assert len(find_listed(make_folder(tmp_path, ["take.1", "take.2"], table), "stop").utterances) == 2


def test_a_line_that_begins_with_a_hash_is_a_row_where_its_file_is_there(tmp_path, capsys):
    """As a text in the first column may, and a file; other rows may have been taken out by hand."""
    above, below = "# my corpus\ntext,file,speaker,emotion\n", "bye,d,ann,joy\n# checked\n#hello,gone,ann,joy\n"
    rows = "#happy,a,ann,joy\n#1,b,ann,joy\n#empty,c,,joy\n"
    folder = make_folder(tmp_path, [f"{name}.wav" for name in "abcd"], above + rows + below)
    found = find_listed(folder, "skip")
    assert [(u.recording, u.text) for u in found.utterances] == [("a", "#happy"), ("b", "#1"), ("d", "bye")]
    assert [(p.recording, p.kind) for p in found.problems] == [("c", "without speaker")]
    assert capsys.readouterr().err.splitlines() == [
        f"{folder}/utterances.csv: 3 of the lines that begin with # were taken for comments",
        f"{folder}/utterances.csv: 3 of the lines that begin with # were taken for rows, as their files are there",
    ]


TWO_LINES = [
    ("speaker", 'a.wav,"ann,joy,f,train,0,t\nb.wav,bob",joy,f,train,0,t'),
    ("emotion", 'a.wav,ann,"joy,f,train,0,t\nb.wav,bob,joy",f,train,0,t'),
    ("gender", 'a.wav,ann,joy,"f,train,0,t\r\nb.wav,bob,joy,f",train,0,t'),
    ("split", 'a.wav,ann,joy,f,"train,0,t\rb.wav,bob,joy,f,train",0,t'),
    ("fold", 'a.wav,ann,joy,f,train,"0,t\nb.wav,bob,joy,f,train,0",t'),
    ("text", 'a.wav,ann,joy,f,train,0,"Come here\nb.wav,bob,joy,f,train,0,right now"'),
    ("three rows", 'a.wav,ann,joy,f,train,0,"Come, now\nb.wav,bob,joy,f,train,0,I said\nd,,,,,,no"'),
    ("too many cells", 'a.wav,ann,joy,f,train,0,"Come here\nb.wav,bob,joy,f,train,0,right, right now"'),
    ("too few cells", 'a.wav,ann,joy,f,train,0,"Come here\nb.wav,bob,joy"'),
    ("no such file", 'a.wav,ann,joy,f,train,0,"Come here\nmissing.wav,bob,joy,f,train,0,right now"'),
]


def table_of(rows: list[list[str]], order: list[int], separator: str) -> str:
    """Rows without quotation marks, with their columns in another order."""
    return "".join(separator.join(row[place] for place in order) + "\n" for row in rows)


@pytest.mark.parametrize("rows", [rows for _, rows in TWO_LINES], ids=[what for what, _ in TWO_LINES])
def test_a_row_that_a_pair_of_quotation_marks_takes_in_is_told(rows, tmp_path):
    table = f"file,speaker,emotion,gender,split,fold,text\n{rows}\nc.wav,eve,joy,f,train,0,t\n"
    folder = make_folder(tmp_path, ["a.wav", "b.wav", "c.wav"], table.encode())
    found = find_listed(folder, "skip")
    assert [(u.recording, u.speaker) for u in found.utterances] == [("c", "eve")]
    line = 4 if "I said" in rows else 3
    told = "the row that ends here has other rows inside of a cell (is a quotation mark out of place?); mend it"
    assert [(p.recording, p.kind, p.problem) for p in found.problems] == [
        (f"line {line}", "with other rows inside of a cell", f"{folder}/utterances.csv line {line}: {told}"),
        *((f"{name}.wav", "not listed", "utterances.csv has no row for it") for name in "ab"),
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 0, 1, 2], [1, 3, 0, 2], [2, 1, 0, 3]], ids=str)
@pytest.mark.parametrize("n_taken", [1, 2, 3])
def test_no_row_is_lost_to_stray_quotation_marks_wherever_the_text_stands(n_taken, order, separator, tmp_path):
    rows = [["file", "speaker", "emotion", "text"], *([f"{name}.wav", "ann", "joy", "so"] for name in "abcde")]
    rows[1][3], rows[1 + n_taken][3] = '"so', 'so"'
    folder = make_folder(tmp_path, [f"{name}.wav" for name in "abcde"], table_of(rows, order, separator))
    found = find_listed(folder, "skip")
    assert [u.recording for u in found.utterances] == list("abcde")[1 + n_taken :]
    assert [p.kind for p in found.problems] == ["with other rows inside of a cell", *["not listed"] * (1 + n_taken)]


def test_a_row_in_the_header_is_told(tmp_path):
    table = 'file,speaker,emotion,"text\na,ann,joy,so\nb,ann,joy,so"\nc,ann,joy,so\n'
    with pytest.raises(UserError, match=r"line 3: the header has other rows inside of a cell"):
        find_listed(make_folder(tmp_path, ["a.wav", "b.wav", "c.wav"], table), "skip")


@pytest.mark.parametrize(
    "text", ["Yes.\nNo, thank you", "tags:\nloud, clear, near, mic2", "as\nb, ann, fun, more", "b, ann\nb, joy"]
)
@pytest.mark.parametrize("ending", ["", ".wav"])
@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 0, 1, 2], [1, 3, 0, 2]], ids=str)
def test_texts_whose_lines_could_be_rows_but_for_the_file_are_read(order, ending, text, tmp_path):
    """Beside files that are called as words of them."""
    names = ["no", "a", "b"]
    rows = [["file", "speaker", "emotion", "text"], *([f"{name}{ending}", "ann", "joy", "so"] for name in names)]
    rows[2][3] = f'"{text}"'
    found = find_listed(make_folder(tmp_path, [f"{name}.wav" for name in names], table_of(rows, order, ",")), "stop")
    assert {u.recording: u.text for u in found.utterances} == dict.fromkeys(names, "so") | {"a": " ".join(text.split())}


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 0, 1, 2], [1, 3, 0, 2]], ids=str)
def test_rows_inside_whose_files_have_no_ending_are_told_where_the_others_have_none(order, tmp_path):
    rows = [["file", "speaker", "emotion", "text"], *([name, "ann", "joy", "so"] for name in "abcd")]
    rows[1][3], rows[2][3] = '"so', 'so"'
    found = find_listed(make_folder(tmp_path, [f"{name}.wav" for name in "abcd"], table_of(rows, order, ",")), "skip")
    assert [u.recording for u in found.utterances] == ["c", "d"]
    assert [p.kind for p in found.problems] == ["with other rows inside of a cell", *["not listed"] * 2]


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0]], ids=str)
def test_parts_inside_whose_file_has_other_rows_are_told(order, tmp_path):
    rows = [["file", "speaker", "emotion", "start", "end", "text"]]
    rows += [["d", "ann", "joy", str(start), str(start + 1), "so"] for start in range(5)]
    rows[2][5], rows[4][5] = '"so', 'so"'
    found = find_listed(make_folder(tmp_path, ["d.wav"], table_of(rows, order, ",")), "skip")
    assert [u.start_s for u in found.utterances] == [0, 4]
    assert [p.kind for p in found.problems] == ["with other rows inside of a cell"]


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [0, 2, 1, 3], [1, 0, 2, 3]], ids=str)
@pytest.mark.parametrize(
    "note",
    [
        *(
            "kept the first take\nb_take2.wav, too loud",
            "see\nb.wav, bob, loud",
            "or\nb.wav, loud, and long, and far, so",
        ),
        *("b.wav, too loud\nc.wav, too", "of ann\nb.wav, ann", "of joy, too\nb.wav, , , , joy"),
    ],
)
def test_notes_that_name_files_that_are_not_listed_are_read(note, order, tmp_path, capsys):
    rows = [["file", "speaker", "emotion", "note"], *([f"{name}.wav", "ann", "joy", "so"] for name in "ad")]
    rows[1][3] = f'"{note}"'
    files = [f"{name}.wav" for name in ("a", "b", "b_take2", "c", "d")]
    found = find_listed(make_folder(tmp_path, files, table_of(rows, order, ",")), "skip")
    assert {u.recording: u.value("note") for u in found.utterances} == {"a": " ".join(note.split()), "d": "so"}
    assert {p.kind for p in found.problems} == {"not listed"}


@pytest.mark.parametrize("line", ["b.wav,ann,joy", "b.wav,bob,joy", "b.wav,bob,joy,f,so,so,so", "b.wav,f,ann,joy"])
def test_a_row_of_too_few_or_too_many_cells_inside_is_told_by_its_speaker_and_emotion(line, tmp_path):
    table = f'file,speaker,emotion,gender,text\na.wav,ann,joy,f,"so\n{line}"\nd.wav,ann,joy,f,so\n'
    found = find_listed(make_folder(tmp_path, ["a.wav", "b.wav", "d.wav"], table), "skip")
    assert [u.recording for u in found.utterances] == ["d"]
    assert [p.kind for p in found.problems] == ["with other rows inside of a cell", *["not listed"] * 2]


def test_a_header_of_several_lines_is_none_with_rows_inside(tmp_path):
    table = 'file,speaker,emotion,"notes\n(free, short, clear, true)"\na.wav,ann,joy,so\n'
    [utterance] = find_listed(make_folder(tmp_path, ["a.wav"], table), "stop").utterances
    assert utterance.attributes == (("notes_(free,_short,_clear,_true)", "so"),)


def test_a_line_break_in_the_name_of_a_file_is_told_unless_a_file_is_called_so(tmp_path):
    table = 'file,speaker,emotion\n"a.wav\nb.wav",ann,joy\n"c\nd.wav",ann,joy\n'
    found = find_listed(make_folder(tmp_path, ["a.wav", "b.wav", "c\nd.wav"], table), "skip")
    assert [u.path.name for u in found.utterances] == ["c\nd.wav"]
    assert [(p.recording, p.kind) for p in found.problems] == [
        ("line 3", "with a line break in a cell"),
        *(("a.wav", "not listed"), ("b.wav", "not listed")),
    ]


@pytest.mark.parametrize("column", ["speaker", "emotion", "gender", "split", "fold"])
def test_a_line_break_in_a_word_is_told(column, tmp_path):
    columns = ["file", "speaker", "emotion", "gender", "split", "fold"]
    cells = ["a.wav", "ann", "joy", "f", "train", "0"]
    cells[columns.index(column)] = f'"{cells[columns.index(column)]}\nx"'
    table = f"{','.join(columns)}\n{','.join(cells)}\nb.wav,ann,joy,f,train,0\n"
    found = find_listed(make_folder(tmp_path, ["a.wav", "b.wav"], table), "skip")
    [problem] = [own for own in found.problems if own.kind != "not listed"]
    assert (problem.recording, problem.kind) == ("a.wav", "with a line break in a cell")
    assert problem.problem.endswith(f"3: {column} has a line break in it (is a quotation mark out of place?); mend it")


TEXTS_OF_LINES = ["one\ntwo", "Hello, you\nand, you", "a\n\nb", "b.wav\nb", "so, so, so\nno", "no\nso, so, so, so, so"]


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [3, 4, 0, 1, 2], [1, 3, 0, 4, 2]], ids=str)
@pytest.mark.parametrize("text", TEXTS_OF_LINES)
def test_texts_and_other_columns_may_go_over_several_lines(text, order, tmp_path):
    rows = [["file", "speaker", "emotion", "text", "notes"], ["a", "ann", "joy", f'"{text}"', '"three\r\nfour"']]
    found = find_listed(make_folder(tmp_path, ["a.wav", "b.wav"], table_of(rows, order, ",")), "skip")
    assert [(u.text, u.attributes) for u in found.utterances] == [(" ".join(text.split()), (("notes", "three four"),))]


@pytest.mark.parametrize("before", ["", "s/", "/", "../", "{folder}/"])
@pytest.mark.parametrize("name", ["x" * 300, "ä" * 130, f"{'y' * 300}/a.wav", f"{'z' * 252}", "p/" * 3000], ids=len)
def test_a_name_that_no_file_can_have_is_that_of_a_missing_file(name, before, tmp_path):
    file = f"{before.format(folder=tmp_path)}{name}"
    folder = make_folder(tmp_path, ["a.wav"], f"file,speaker,emotion\n{file},ann,joy\na.wav,ann,joy\n")
    found = find_listed(folder, "skip")
    assert [u.recording for u in found.utterances] == ["a"]
    assert [(p.recording, p.kind) for p in found.problems] == [(file, "missing")]
    with pytest.raises(RecordingError, match="there is no sound file"):
        find_listed(folder, "stop")


def test_a_name_that_fits_several_files_is_told(tmp_path):
    folder = make_folder(tmp_path, ["s1/a.wav", "s2/a.wav"], "file,speaker,emotion\na,ann,joy\n")
    with pytest.raises(RecordingError, match=r"a may be s1/a\.wav, s2/a\.wav; write more of the path"):
        find_listed(folder, "stop")


@pytest.mark.parametrize(
    ("columns", "moved", "kind"),
    [
        ("text,start", "no, no,", "of a wrong time"),
        ("text,start,end", "see, 1 o'clock,,", "of a wrong time"),
        ("text,gender", "well, no,", "of an unknown gender"),
    ],
)
def test_a_separator_in_a_text_that_moves_a_word_into_another_column_is_told(columns, moved, kind, tmp_path):
    """The last column of the row was empty, and is an empty cell too many."""
    others = "".join(f"{name},ann,joy,so{',' * columns.count(',')}\n" for name in "ac")
    table = f"file,speaker,emotion,{columns}\n{others}b,ann,joy,{moved}\n"
    found = find_listed(make_folder(tmp_path, ["a.wav", "b.wav", "c.wav"], table), "skip")
    assert [u.recording for u in found.utterances] == ["a", "c"]
    assert [(p.recording, p.kind) for p in found.problems] == [("b", kind)]
