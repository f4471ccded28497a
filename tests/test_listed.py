"""A corpus of one's own: tables as people write them, files wherever they lie, and all that is wrong at once."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from corpus_folders import make_folder

from convcam_jax.corpora.config import CorpusConfig
from convcam_jax.corpora.left_out import not_selected, overlapping
from convcam_jax.corpora.listed import ListedConfig, find_listed
from convcam_jax.corpora.utterances import Utterance, group_of
from convcam_jax.data.dataset import Dataset, utterance_table
from convcam_jax.representations.features import Features
from convcam_jax.splits.protocol import Fold
from convcam_jax.system.errors import RecordingError, UserError
from convcam_jax.system.formats import read_csv

HEADER = "recording,speaker,gender,emotion,text\n"


def listed_in(folder: Path, on_error: str = "stop") -> list[Utterance]:
    return find_listed(folder, on_error).utterances


def test_the_table_is_read_sorted_and_as_text(tmp_path):
    table = "text,recording,speaker,age,gender,emotion\nhello, b ,ann,31,female,NA\n\nbye,a,01,32,male,1\n"
    folder = make_folder(tmp_path, ["wav/a.wav", "wav/b.wav"], "\ufeff" + table)
    assert listed_in(folder) == [
        Utterance("a", "01", "male", "1", "bye", tmp_path / "wav" / "a.wav", (("age", "32"),)),
        Utterance("b", "ann", "female", "NA", "hello", tmp_path / "wav" / "b.wav", (("age", "31"),)),
    ]


@pytest.mark.parametrize(
    "header",
    [
        *("file,speaker,emotion", "File, Speaker ,EMOTION", "recording,speaker,emotion", "filename,speaker_id,label"),
        *("path,speaker,emotion", "File Path,Speaker ID,Emotion", "name,actor,Label"),
    ],
)
def test_columns_go_by_the_names_that_people_use(header, tmp_path, capsys):
    [utterance] = listed_in(make_folder(tmp_path, ["a.wav"], f"{header}\na.wav,ann,joy\n"))
    assert utterance == Utterance("a", "ann", "", "joy", "", tmp_path / "a.wav")
    assert ("took the columns" in capsys.readouterr().err) == (
        "label" in header.lower() or "path" in header.lower() or "name" in header
    )


def test_missing_columns_are_named_beside_those_that_are_there(tmp_path):
    folder = make_folder(tmp_path, ["a.wav"], "fiel,speakr,emotion\na,ann,joy\n")
    with pytest.raises(UserError) as caught:
        find_listed(folder, "skip")
    assert str(caught.value) == (
        f"{folder}/utterances.csv: the columns file, speaker are missing; it needs file, speaker, emotion, may have "
        "gender, text, start, end, recording and others, and has 'fiel', 'speakr', 'emotion' "
        "(did you mean 'fiel' for file, 'speakr' for speaker?)"
    )


@pytest.mark.parametrize(
    ("files", "cell", "expected"),
    [
        (["wav/a.wav"], "a", "wav/a.wav"),
        (["wav/a.WAV"], "a.wav", "wav/a.WAV"),
        (["wav/a.wav"], "wav/a.wav", "wav/a.wav"),
        (["wav/a.wav"], r"wav\a.wav", "wav/a.wav"),
        (["wav/a.wav"], "./wav/../wav/a", "wav/a.wav"),
        (["WAV/A.wav"], "wav/a.wav", "WAV/A.wav"),
        (["wav/s1/a.flac", "wav/s2/a.flac"], "s2/a", "wav/s2/a.flac"),
        (["a.wav", "old/a.wav"], "a.wav", "a.wav"),
        (["wav/a.wav", "old/a.wav"], "a", "wav/a.wav"),
        (["x/a.wav", "x/A.wav"], "A", "x/A.wav"),
        (["a.mp3", "a.ogg"], "a.ogg", "a.ogg"),
        # What looks the same.
        *((["an\u00a0a.wav"], "an a", "an\u00a0a.wav"), (["an  a.wav"], "an a.wav", "an  a.wav")),
        *((["an a.wav"], "an\u00a0 a", "an a.wav"), (["an a.wav"], "\u200ban a", "an a.wav")),
        *((["an  a.wav", "an a.wav"], name, f"{name}.wav") for name in ("an a", "an  a")),
        *((["an\u200d.wav"], "an.wav", "an\u200d.wav"), (["n\u200d/a.wav"], "n/a", "n\u200d/a.wav")),
        *(
            (["x/A\ufe0f.wav", "y/A.wav"], name, path)
            for name, path in (("a\ufe0f", "x/A\ufe0f.wav"), ("a", "y/A.wav"))
        ),
        (["take.1.wav"], "take.1", "take.1.wav"),
        ([unicodedata.normalize("NFD", "wav/für.wav")], "für", unicodedata.normalize("NFD", "wav/für.wav")),
        ([unicodedata.normalize("NFC", "für.wav")], unicodedata.normalize("NFD", "für"), "für.wav"),
        (["a.m4a"], "a.m4a", "a.m4a"),
    ],
)
def test_files_are_found_wherever_they_lie(files, cell, expected, tmp_path):
    folder = make_folder(tmp_path, files, f"file,speaker,emotion\n{cell},ann,joy\n")
    assert [u.path for u in listed_in(folder)] == [folder / expected]


def test_files_may_be_absolute_and_outside(tmp_path):
    outside = make_folder(tmp_path / "elsewhere", ["a.wav"], None)
    table = f"file,speaker,emotion\n{outside}/a.wav,ann,joy\n{tmp_path}/own/b,ann,joy\n"
    folder = make_folder(tmp_path / "own", ["b.flac"], table)
    assert [u.path for u in listed_in(folder)] == [outside / "a.wav", folder / "b.flac"]


def test_names_may_repeat_in_different_folders(tmp_path):
    files = ["s1/x/1.wav", "s1/y/1.wav", "s2/y/1.wav", "s2/y/2.wav", "c.wav"]
    rows = "".join(f"{name},ann,joy\n" for name in files)
    found = listed_in(make_folder(tmp_path, files, f"file,speaker,emotion\n{rows}"))
    assert {u.recording: str(u.path.relative_to(tmp_path)) for u in found} == {
        "x_1": "s1/x/1.wav",
        "s1_y_1": "s1/y/1.wav",
        "s2_y_1": "s2/y/1.wav",
        "2": "s2/y/2.wav",
        "c": "c.wav",
    }


def test_a_column_recording_beside_file_gives_the_name(tmp_path):
    table = "file,recording,speaker,emotion\nwav/a.wav,first,ann,joy\nwav/b.wav,second,ann,joy\n"
    found = listed_in(make_folder(tmp_path, ["wav/a.wav", "wav/b.wav"], table))
    assert [u.recording for u in found] == ["first", "second"]


def test_characters_that_nobody_sees_make_no_word_of_their_own(tmp_path):
    rows = ["a,ann,joy", "b,an\u200bn,jo\u00ady", "c,\ufeffann,joy\u200e", 'd,ann,"joy\u2060"', "e,ann,\u00a0joy"]
    marks = "\u061c\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    marks += "\u034f\u180e\u2061\u2064\u206f\ufe0e\ufe0f\u200c\u200d\u2800\U000e0041"
    rows += [f"f{number},{mark}ann,joy{mark}" for number, mark in enumerate(marks)]
    files = [f"{row.partition(',')[0]}.wav" for row in rows]
    utterances = listed_in(make_folder(tmp_path, files, "file,speaker,emotion\n" + "\n".join(rows) + "\n"))
    assert {(u.speaker, u.emotion) for u in utterances} == {("ann", "joy")}


def test_two_tables_are_refused(tmp_path):
    folder = make_folder(tmp_path, ["a.wav"], "file,speaker,emotion\na.wav,ann,joy\n")
    (folder / "Utterances.CSV").write_text("file,speaker,emotion\na.wav,ann,fear\n")
    with pytest.raises(UserError, match=r"has the tables Utterances\.CSV, utterances\.csv; keep one of them$"):
        listed_in(folder)


def overlapping_parts(*parts: tuple[str, str, float, float | None]) -> list[Utterance]:
    """Parts of one file: speaker, emotion, start and end, named in their order."""
    return [
        Utterance(f"p{number}", speaker, "", emotion, "", Path("a.wav"), (), start_s, end_s)
        for number, (speaker, emotion, start_s, end_s) in enumerate(parts)
    ]


def test_parts_that_overlap_with_two_labels_are_left_out():
    whole, inside, behind = ("ann", "joy", 0.0, None), ("ann", "fear", 1.0, 2.0), ("ann", "joy", 5.0, 6.0)
    problems, remark = overlapping(overlapping_parts(whole, inside, behind))
    assert [(own.recording, own.kind) for own in problems] == [
        ("p0", "overlapping a part with another emotion"),
        ("p1", "overlapping a part with another emotion"),
    ]
    assert "p0 (joy) and p1 (fear) overlap in a.wav" in problems[0].problem
    # What the third overlapped is not used.
    assert remark == ""


@pytest.mark.parametrize("second", [("ann", "joy", 1.5, 3.0), ("bob", "fear", 1.5, 3.0)], ids=["the same", "two speak"])
def test_other_parts_that_overlap_are_told(second):
    problems, remark = overlapping(overlapping_parts(("ann", "joy", 1.0, 2.0), second, ("ann", "joy", 4.0, 5.0)))
    assert problems == []
    assert remark == "2 recordings overlap others of their file, and have parts of their sound: p0, p1"


def test_ends_that_were_rounded_do_not_overlap():
    parts = overlapping_parts(("ann", "joy", 0.0, 1.05), ("ann", "fear", 1.0, 2.0), ("ann", "joy", 2.0, None))
    assert overlapping(parts) == ([], "")


def test_all_other_columns_are_kept_and_group_recordings(tmp_path):
    table = "file,speaker,emotion,Language,split,fold,group,Home Town\na,ann,joy,de,train,1,x,Ulm\n"
    [utterance] = listed_in(make_folder(tmp_path, ["a.wav"], table))
    assert utterance.attributes == (
        *(("language", "de"), ("split", "train"), ("fold", "1"), ("group", "x"), ("home_town", "Ulm")),
    )
    assert group_of(utterance, "home_town") == "Ulm"
    with pytest.raises(UserError, match=r"gender of a is not known; .*corpus\.models_per=all"):
        group_of(utterance, "gender")


OURS = ("group", "n_frames", "split", "test_fold", "start_s", "end_s", "path", "attributes", "channel", "fold", "all")


@pytest.mark.parametrize("folds", [("all",), ("one", "two")], ids=str)
def test_columns_called_as_those_of_a_run_meet_none_of_its_tables(folds, tmp_path):
    rows = "".join(f"a,ann,joy,{bounds},{','.join(OURS)}\n" for bounds in ("0,1", "1,2"))
    found = listed_in(make_folder(tmp_path, ["a.wav"], f"file,speaker,emotion,start,end,{','.join(OURS)}\n{rows}"))
    assert [u.attributes for u in found] == [tuple((word, word) for word in OURS)] * 2
    features = Features(np.zeros((96, 4), np.float32), *[np.zeros(4)] * (len(Features._fields) - 1))
    of_folds = tuple(Fold(name, ("test", "train")) for name in folds)
    dataset = Dataset(tuple(found), (features,) * 2, tuple(group_of(u, "group") for u in found), of_folds)
    (tmp_path / "utterances.csv").write_text(utterance_table(dataset).to_csv(index=False))
    table = read_csv(tmp_path / "utterances.csv")
    assert {word: set(table[f"attribute/{word}"]) for word in OURS} == {word: {word} for word in OURS}
    own = {"group": "group", "n_frames": 4, "start_s": 1, "end_s": 2}
    own |= {"split": "train"} if len(folds) == 1 else {"test_fold": ""}
    assert table.loc[1, list(own)].to_dict() == own
    assert group_of(found[0], "all") == "all"


def test_a_part_without_a_start_may_not_end_where_it_starts(tmp_path):
    table = "file,speaker,emotion,start,end\na,ann,joy,,0\n"
    with pytest.raises(RecordingError, match="line 2: start 0 s is not before end 0 s; mend them"):
        listed_in(make_folder(tmp_path, ["a.wav"], table))


def test_a_table_of_comments_alone_has_no_rows(tmp_path):
    with pytest.raises(UserError, match="has no row below its header; list each recording there"):
        listed_in(make_folder(tmp_path, [], f"{HEADER}#a,ann,female,joy,t\n"))


WRONG = [
    ("a,ann,female,joy,t\nc,ann,female,joy,t\n", "c", "missing", "line 3: there is no sound file c in"),
    ("a,ann,female,joy,t\na,ann,female,joy,t\n", "a", "listed twice", "line 3: the recording is listed twice"),
    ("a,ann,diverse,joy,t\n", "a", "of an unknown gender", "line 2: gender 'diverse' is unknown; write female or male"),
    ("a,,female,joy,t\n", "a", "without speaker", "line 2: speaker is empty"),
    ("a,ann,female,,t\n", "a", "without emotion", "line 2: emotion is empty"),
    ("a,ann,female,joy\n", "line 2", "in rows of too few cells", "line 2: 4 cells for 5 columns"),
    ("a,ann,female,joy,t,u\n", "line 2", "in rows of too many cells", "line 2: 6 cells for 5 columns"),
    (",ann,female,joy,t\n", "line 2", "without file", "line 2: file is empty"),
]


@pytest.mark.parametrize(("rows", "recording", "kind", "message"), WRONG)
def test_a_bad_row_names_file_and_line(rows, recording, kind, message, tmp_path):
    folder = make_folder(tmp_path, ["wav/a.wav", "wav/b.wav"], f"{HEADER}{rows}b,bob,male,joy,t\n")
    with pytest.raises(RecordingError, match=rf"utterances\.csv {message}") as caught:
        find_listed(folder, "stop")
    assert (caught.value.recording, caught.value.kind) == (recording, kind)
    found = find_listed(folder, "skip")
    assert (recording, kind) in [(p.recording, p.kind) for p in found.problems]
    assert "b" in [u.recording for u in found.utterances]


def test_all_that_is_wrong_is_told_in_one_go(tmp_path):
    rows = "".join(own for own, *_ in WRONG[2:])
    folder = make_folder(tmp_path, ["wav/a.wav", "wav/b.wav"], f"{HEADER}{rows}x,,,,t\nb,bob,male,joy,t\n")
    with pytest.raises(UserError) as caught:
        find_listed(folder, "stop")
    message = str(caught.value)
    assert message.startswith("9 problems of recordings: ")
    for count, kind in (
        *((2, "without speaker (a, x)"), (2, "without emotion (a, x)"), (1, "missing (x)")),
        *((1, "without file (line 7)"), (1, "of an unknown gender (a)")),
        *((1, "in rows of too few cells (line 5)"), (1, "in rows of too many cells (line 6)")),
    ):
        assert f"{count} {kind}: {folder}/utterances.csv line " in message
    assert message.endswith("mend them, or leave these recordings out by --set=corpus.on_error=skip")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("start", "end", "kind"),
    [
        ("2", "1", "of a part that ends before it starts"),
        ("1", "1", "of a part that ends before it starts"),
        ("-1", "1", "of a wrong time"),
        ("nan", "1", "of a wrong time"),
        ("0:01", "", "of a wrong time"),
        *(("0_1", "", "of a wrong time"), ("", "1_5", "of a wrong time")),
        ("", "inf", "of a wrong time"),
        ("0.1", "1e308", "of a wrong time"),
    ],
)
def test_times_that_are_none_are_told(start, end, kind, tmp_path):
    folder = make_folder(tmp_path, ["d.wav"], f"file,speaker,emotion,start,end\nd,ann,joy,{start},{end}\n")
    with pytest.raises(RecordingError, match="d: ") as caught:
        find_listed(folder, "stop")
    assert caught.value.kind == kind


def test_a_recording_of_two_labels_is_left_out_with_both_rows(tmp_path):
    table = "file,speaker,emotion\na,ann,joy\na,ann,fear\nb,ann,joy\nb,ann,joy\n"
    found = find_listed(make_folder(tmp_path, ["a.wav", "b.wav"], table), "skip")
    assert [u.recording for u in found.utterances] == ["b"]
    assert [(p.recording, p.kind) for p in found.problems] == [("a", "listed twice"), ("b", "listed twice")]
    contradicting, repeating = (p.problem for p in found.problems)
    assert contradicting.endswith(
        "twice, first in line 2 with another label or speaker, so neither is used; remove one of the rows"
    )
    assert repeating.endswith("twice, first in line 4; remove one of the rows")


def test_files_without_a_row_do_not_stop_and_are_named(tmp_path):
    folder = make_folder(tmp_path, ["wav/a.wav", "wav/b.wav", ".hidden.wav", "notes.txt"], f"{HEADER}a,ann,f,joy,t\n")
    found = find_listed(folder, "stop")
    assert [u.recording for u in found.utterances] == ["a"]
    assert [(p.recording, p.kind) for p in found.problems] == [("wav/b.wav", "not listed")]


@pytest.mark.parametrize("cell", ["\u200d", "\ufe0f", "\u034f\u2062", "\U000e0041", "\u2800", "\u3164", "\U000e0100"])
def test_a_cell_in_which_nothing_is_seen_is_empty(cell, tmp_path):
    folder = make_folder(tmp_path, ["a.wav", "b.wav"], f"file,speaker,emotion\na,ann,{cell}\nb,ann,joy\n")
    [problem] = find_listed(folder, "skip").problems
    assert problem.kind == "without emotion"


def test_speakers_that_differ_in_what_is_not_seen_are_told_with_it(tmp_path, capsys):
    """A joiner, with which some words are written; and what scripts and emoji have of it is kept."""
    words = ["an\u200dna", "anna", "\u0646\u0645\u06cc\u200c\u062f\u0627\u0646\u0645", "\U0001f3f4\U000e0067\U000e007f"]
    # At the end of a word in Malayalam, and a separator of Mongolian.
    words += ["\u0d05\u0d35\u0d28\u0d4d\u200d", "\u182c\u1820\u1837\u180e\u1820"]
    rows = "".join(f"{file},{word},joy\n" for file, word in zip("abcdef", words, strict=True))
    found = listed_in(make_folder(tmp_path, [f"{file}.wav" for file in "abcdef"], f"file,speaker,emotion\n{rows}"))
    assert [u.speaker for u in found] == words
    assert "speakers anna and an[U+200D]na count as different" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("one", "other"),
    [("3", "03"), ("Ann", "ann"), ("1", "1.0"), ("0", "0.0"), ("-1", "-1.0"), ("s_1", "s 1"), ("A.B.", "ab")],
)
def test_speakers_that_may_be_one_are_told(one, other, tmp_path, capsys):
    listed_in(make_folder(tmp_path, ["a.wav", "b.wav"], f"file,speaker,emotion\na,{one},joy\nb,{other},joy\n"))
    assert f"speakers {' and '.join(sorted((one, other)))} count as different" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (None, r"utterances\.csv: missing; put your recordings into a folder"),
        ("", r"utterances\.csv: is empty"),
        (HEADER, r"utterances\.csv: has no row below its header"),
        (
            f"{HEADER}x,ann,female,joy,t\n",
            r"utterances\.csv: has no recording that can be used; x: .*there is no sound file",
        ),
        (b"PK\x03\x04", r"utterances\.csv: is a spreadsheet"),
        (
            "# of 2024\n# file,speaker,emotion\nx,ann,joy\n",
            r"has 'x', 'ann', 'joy'; line 2 begins with # and was taken",
        ),
        (
            "# file,speaker,emotion\nx,speaker1,joy\n",
            r"\(did you mean 'speaker1' for speaker\?\); line 1 begins with #",
        ),
        ("# of 2024\nfile,speaker,emtion\nx,ann,joy\n", r"has .*, 'emtion' \(did you mean 'emtion' for emotion\?\)"),
    ],
)
def test_an_unusable_table_is_an_error_even_when_skipping(table, message, tmp_path):
    folder = make_folder(tmp_path, ["a.wav"], table)
    with pytest.raises(UserError, match=message):
        find_listed(folder, "skip")


def test_another_table_that_is_there_is_named(tmp_path):
    (tmp_path / "labels.csv").touch()
    with pytest.raises(UserError, match=r"missing \(found: labels\.csv; rename it"):
        find_listed(tmp_path, "stop")
    (tmp_path / "labels.csv").rename(tmp_path / "Utterances.CSV")
    with pytest.raises(UserError, match=r"Utterances\.CSV: is empty"):
        find_listed(tmp_path, "stop")


def test_links_that_lead_round_end(tmp_path):
    folder = make_folder(tmp_path, ["s/a.wav"], "file,speaker,emotion\na,ann,joy\n")
    (folder / "s" / "up").symlink_to(folder)
    assert [u.path for u in listed_in(folder)] == [folder / "s" / "a.wav"]


def test_what_the_config_does_not_name_is_left_out_by_label_and_named():
    config = CorpusConfig("any", emotions=("anger", "joy"), excluded_speakers=("2",))
    rows = [("a", "1", "anger"), ("b", "1", "Anger"), ("c", "1", "angry"), ("d", "2", "joy"), ("e", "1", "zzz")]
    utterances = [Utterance(r, speaker, "", emotion, "", Path(r)) for r, speaker, emotion in rows]
    assert [(p.recording, p.kind, p.problem) for p in not_selected(utterances, config)] == [
        ("b", "labelled Anger", "its emotion Anger is none of corpus.emotions (the nearest is anger)"),
        ("c", "labelled angry", "its emotion angry is none of corpus.emotions (the nearest is anger)"),
        ("d", "of excluded speakers", "its speaker 2 is one of corpus.excluded_speakers"),
        ("e", "labelled zzz", "its emotion zzz is none of corpus.emotions"),
    ]


def test_stereo_is_mixed_down_by_default():
    assert ListedConfig().channels == "mix"
