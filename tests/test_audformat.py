"""Databases in audformat: tables of files and of parts of files, speakers from schemes, what is wrong with them."""

import sys
from collections.abc import Sequence
from pathlib import Path

import audformat
import numpy as np
import pandas as pd
import pytest
from audformat_databases import FILES, LABELLED, PARTS, WHO, a_database, of_files, parts, save
from corpus_folders import find, touch

from convcam_jax.corpora.emodb import EMODB_SPEAKER_GENDERS
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.data.dataset import Dataset, utterance_table
from convcam_jax.representations.features import Features
from convcam_jax.splits.protocol import Fold
from convcam_jax.system.errors import RecordingError, UserError

# The package calls pandas as releases before 3.1 had it.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.mark.parametrize("storage", ["csv", "parquet"])
def test_a_table_of_files_with_speakers_of_another_table(storage, tmp_path):
    folder = save(a_database(emotion=LABELLED, files=WHO), tmp_path, storage)
    found = find("audformat", folder)
    assert found.problems == []
    assert found.utterances == [
        Utterance("x", "s1", "female", "anger", "a", tmp_path / "audio/x.wav"),
        Utterance("y", "s2", "male", "happiness", "b", tmp_path / "audio/y.wav"),
    ]


def test_a_table_of_parts_gives_their_bounds_and_names(tmp_path):
    labels = ["anger", "happiness", "anger"]
    folder = save(a_database(emotion=(PARTS, {"emotion": labels}), files=WHO), tmp_path)
    utterances = find("audformat", folder).utterances
    assert [(u.recording, u.start_s, u.end_s) for u in utterances] == [
        ("x_0.000-1.500", 0.0, 1.5),
        ("x_1.500-2.000", 1.5, 2.0),
        ("y_0.250-end", 0.25, None),
    ]
    assert [(u.speaker, u.gender, u.text, u.path.name) for u in utterances] == [
        ("s1", "female", "a", "x.wav"),
        ("s1", "female", "a", "x.wav"),
        ("s2", "male", "b", "y.wav"),
    ]


def test_parts_have_the_facts_of_their_files_in_whatever_order_they_stand(tmp_path):
    """Two speakers take turns, and the second's file is named first."""
    turns = [("audio/y.wav", "0s", "1s"), ("audio/x.wav", "0s", "1s"), ("audio/y.wav", "1s", "2s")]
    database = a_database(
        emotion=(parts(*turns, ("audio/x.wav", "1s", "2s")), {"emotion": ["anger", "happiness"] * 2}), files=WHO
    )
    utterances = find("audformat", save(database, tmp_path)).utterances
    assert {(u.path.name, u.speaker, u.gender, u.text) for u in utterances} == {
        ("x.wav", "s1", "female", "a"),
        ("y.wav", "s2", "male", "b"),
    }


def run_table(utterances: list[Utterance]) -> pd.DataFrame:
    nothing = Features(np.zeros((1, 1), np.float32), np.zeros(1), np.zeros(1), np.zeros(1))
    n = len(utterances)
    return utterance_table(Dataset(tuple(utterances), (nothing,) * n, ("g",) * n, (Fold("all", ("train",) * n),)))


def test_the_table_of_a_run_has_the_bounds_where_there_are_parts(tmp_path):
    labels = ["anger", "happiness", "anger"]
    with_parts = save(a_database(emotion=(PARTS, {"emotion": labels}), files=WHO), tmp_path / "parts")
    table = run_table(find("audformat", with_parts).utterances)
    assert table["start_s"].tolist() == [0.0, 1.5, 0.25]
    assert table["end_s"].tolist()[:2] == [1.5, 2.0]
    assert np.isnan(table["end_s"][2])
    whole = save(a_database(emotion=LABELLED, files=WHO), tmp_path / "whole")
    assert not {"start_s", "end_s"} & set(run_table(find("audformat", whole).utterances).columns)


def test_a_part_from_beginning_to_end_is_the_whole_file(tmp_path):
    database = a_database(emotion=(parts(("audio/x.wav", "0s", pd.NaT)), {"emotion": ["anger"]}), files=WHO)
    [utterance] = find("audformat", save(database, tmp_path)).utterances
    assert (utterance.recording, utterance.start_s, utterance.end_s) == ("x", 0.0, None)


def test_speakers_are_told_by_the_table_itself_by_a_misc_table_or_by_numbers(tmp_path):
    own = a_database(emotion=of_files({"emotion": ["anger", "happiness"], "speaker": ["s2", "s1"]}))
    assert [u.gender for u in find("audformat", save(own, tmp_path / "own")).utterances] == ["male", "female"]
    database = audformat.Database("numbers")
    database["speaker"] = audformat.MiscTable(pd.Index([3, 8], dtype="Int64", name="speaker"))
    database.schemes["sex"] = audformat.Scheme(labels=["F", "M"])
    database["speaker"]["sex"] = audformat.Column(scheme_id="sex")
    database["speaker"]["sex"].set(["M", "F"])
    database.schemes["speaker"] = audformat.Scheme("int", labels="speaker")
    database.schemes["emotion"] = audformat.Scheme(labels={"W": "anger", "F": "happiness"})
    database["emotion"] = audformat.Table(audformat.filewise_index(list(FILES)))
    database["emotion"]["emotion"] = audformat.Column(scheme_id="emotion")
    database["emotion"]["emotion"].set(["W", "F"])
    database["emotion"]["speaker"] = audformat.Column(scheme_id="speaker")
    database["emotion"]["speaker"].set([3, 8])
    utterances = find("audformat", save(database, tmp_path / "misc")).utterances
    assert [(u.speaker, u.gender, u.emotion, u.text) for u in utterances] == [
        ("3", "male", "anger", ""),
        ("8", "female", "happiness", ""),
    ]


def test_gender_that_nobody_tells_is_empty(tmp_path):
    database = a_database(emotion=of_files({"emotion": ["anger", "happiness"], "who": ["a", "b"]}))
    folder = save(database, tmp_path)
    utterances = find("audformat", folder, speaker_columns=("who",)).utterances
    assert [(u.speaker, u.gender) for u in utterances] == [("a", ""), ("b", "")]


def test_other_columns_of_the_table_are_kept(tmp_path):
    columns = {
        "emotion": ["anger", "happiness"],
        "speaker": ["s1", "s2"],
        "intensity": ["strong", None],
        "level": [1.5, 2.0],
        "duration": pd.to_timedelta([1.25, 2.5], unit="s"),
        "start_s": [1, 2],
    }
    [first, second] = find("audformat", save(a_database(emotion=of_files(columns)), tmp_path)).utterances
    assert dict(first.attributes) == {"intensity": "strong", "level": "1.5", "duration": "1.25", "start_s": "1"}
    assert dict(second.attributes) == {"intensity": "", "level": "2", "duration": "2.5", "start_s": "2"}


@pytest.mark.parametrize("storage", ["csv", "parquet"])
def test_a_column_may_hold_lists(storage, tmp_path):
    columns = {"emotion": ["anger", "happiness"], "speaker": ["s1", "s2"], "raters": [["a", "b"], None]}
    found = find("audformat", save(a_database(emotion=of_files(columns)), tmp_path, storage)).utterances
    assert [dict(u.attributes) for u in found] == [{"raters": "['a', 'b']"}, {"raters": ""}]


def test_lists_of_parts_are_those_of_a_file_where_they_agree(tmp_path):
    words = {"text": [["a", "b"], ["a", "b"], ["c"]]}
    labels = {"emotion": ["anger", "happiness"], "speaker": ["s1", "s2"]}
    for second, expected in ((["a", "b"], "['a', 'b']"), (["b"], "")):
        words["text"][1] = second
        database = a_database(emotion=of_files(labels), words=(PARTS, words))
        found = find("audformat", save(database, tmp_path / expected[:2], "parquet"), tables=("emotion",)).utterances
        assert [u.text for u in found] == [expected, "['c']"]


def test_cells_are_without_what_is_not_seen(tmp_path):
    cells = {
        "emotion": ["an\u200bger\u00a0", "joie\u0301"],
        "speaker": ["\ufeffs1", "s  2"],
        "transcription": ["", "a\nb"],
        "re\u0301gion": ["x", "\u202by\u202c"],
    }
    database = audformat.Database("made")
    index, _ = of_files(cells)
    database["emotion"] = audformat.Table(index)
    for column, own in cells.items():
        database["emotion"][column] = audformat.Column()
        database["emotion"][column].set(own)
    found = find("audformat", save(database, tmp_path, "parquet")).utterances
    assert [(u.emotion, u.speaker, u.text) for u in found] == [("anger", "s1", ""), ("joi\u00e9", "s 2", "a b")]
    assert [u.attributes for u in found] == [(("r\u00e9gion", "x"),), (("r\u00e9gion", "y"),)]


def test_files_of_one_name_in_two_folders_are_called_with_their_folders(tmp_path):
    files = ["a/x.wav", "b/x.wav", "x.wav", "b/y.wav"]
    index = audformat.filewise_index(files)
    database = a_database(emotion=(index, {"emotion": ["anger"] * 4, "speaker": ["s1"] * 4}))
    utterances = find("audformat", save(database, tmp_path, files=files)).utterances
    assert [(u.recording, str(u.path.relative_to(tmp_path))) for u in utterances] == [
        ("a_x", "a/x.wav"),
        ("b_x", "b/x.wav"),
        ("x", "x.wav"),
        ("y", "b/y.wav"),
    ]


def test_files_elsewhere_may_be_listed_by_their_whole_paths(tmp_path):
    elsewhere = [str(path) for path in touch(tmp_path / "sounds", ["a/x.wav", "b/x.wav"])]
    columns = {"emotion": ["anger"] * 2, "speaker": ["s1"] * 2}
    folder = save(a_database(emotion=(audformat.filewise_index(elsewhere), columns)), tmp_path / "database", files=[])
    utterances = find("audformat", folder).utterances
    assert [str(u.path) for u in utterances] == elsewhere
    assert [u.recording.rpartition("sounds_")[2] for u in utterances] == ["a_x", "b_x"]


def test_what_a_table_is_for_is_a_column(tmp_path):
    database = split_database()
    for split, kind in {"train": "train", "test": "test"}.items():
        database.splits[split] = audformat.Split(kind)
        database[f"emotion.{split}"].split_id = split
    folder = save(database, tmp_path)
    utterances = find("audformat", folder, tables=("emotion.t*",)).utterances
    assert [u.value("split") for u in utterances] == ["train", "test"]
    [heard] = find("audformat", folder, tables=("emotion.heard",)).utterances
    assert "split" not in heard.columns()


def test_a_recording_in_two_tables_has_the_columns_of_both(tmp_path):
    index = audformat.filewise_index(FILES[:1])
    first = (index, {"emotion": ["anger"]})
    database = a_database(files=WHO, **{"emotion.all": first, "emotion.train": first})
    database.splits["train"] = audformat.Split("train")
    database["emotion.train"].split_id = "train"
    [utterance] = find("audformat", save(database, tmp_path), tables=("emotion.all", "emotion.train")).utterances
    assert utterance.value("split") == "train"


def test_columns_of_a_table_of_files_beside_one_of_parts_are_kept(tmp_path):
    files = audformat.filewise_index(FILES[:1])
    tables = {
        "emotion.files": (files, {"emotion": ["anger"], "room": ["hall"]}),
        "emotion.parts": (PARTS[2:], {"emotion": ["happiness"], "room": ["studio"]}),
    }
    database = a_database(files=WHO, **tables)
    x, y = find("audformat", save(database, tmp_path), tables=("emotion.files", "emotion.parts")).utterances
    assert [(own.emotion, own.value("room"), own.start_s) for own in (x, y)] == [
        ("anger", "hall", 0.0),
        ("happiness", "studio", 0.25),
    ]


def split_database() -> audformat.Database:
    """Two labels for the file y: that of the set and that of listeners."""
    first, second = (audformat.filewise_index([file]) for file in FILES)
    tables = {
        "emotion.train": (first, {"emotion": ["anger"]}),
        "emotion.test": (second, {"emotion": ["happiness"]}),
        "emotion.heard": (second, {"emotion": ["anger"]}),
    }
    return a_database(files=WHO, **tables)


@pytest.mark.parametrize(
    ("tables", "emotions"),
    [
        (("emotion.train", "emotion.test"), ["anger", "happiness"]),
        (("emotion.t*",), ["anger", "happiness"]),
        (("emotion.heard",), ["anger"]),
    ],
)
def test_tables_are_chosen_by_name_or_pattern(tables, emotions, tmp_path):
    folder = save(split_database(), tmp_path)
    assert [u.emotion for u in find("audformat", folder, tables=tables).utterances] == emotions


def test_two_labels_of_a_recording_are_refused_naming_the_tables(tmp_path):
    folder = save(split_database(), tmp_path)
    with pytest.raises(UserError) as caught:
        find("audformat", folder, on_error="skip")
    assert str(caught.value) == (
        "config field corpus.tables: a recording has two values of emotion in the tables "
        "emotion.heard, emotion.test, emotion.train; say which to take, as in --set=corpus.tables=TABLE or TABLE.*"
    )


def test_the_table_that_is_called_as_the_column_is_taken_alone(tmp_path):
    heard = of_files({"emotion": ["happiness", "anger"]})
    folder = save(a_database(heard=heard, emotion=LABELLED, files=WHO), tmp_path)
    assert [u.emotion for u in find("audformat", folder).utterances] == ["anger", "happiness"]


def test_recordings_without_a_label_are_left_out_by_name(tmp_path):
    folder = save(a_database(emotion=of_files({"emotion": ["anger", None]}), files=WHO), tmp_path)
    found = find("audformat", folder)
    assert [u.recording for u in found.utterances] == ["x"]
    assert [(p.recording, p.kind) for p in found.problems] == [("y", "without a label")]


def test_a_recording_without_speaker_or_file_stops_or_is_left_out(tmp_path):
    who = of_files({"speaker": ["s1", None]})
    folder = save(a_database(emotion=LABELLED, files=who), tmp_path / "speaker")
    with pytest.raises(RecordingError, match=r"^y: the database does not tell who speaks"):
        find("audformat", folder)
    assert [p.recording for p in find("audformat", folder, on_error="skip").problems] == ["y"]
    folder = save(a_database(emotion=LABELLED, files=WHO), tmp_path / "file", files=FILES[:1])
    with pytest.raises(RecordingError, match=r"^y: .*audio/y\.wav is missing; put it there or take it off the list$"):
        find("audformat", folder)
    found = find("audformat", folder, on_error="skip")
    assert [u.recording for u in found.utterances] == ["x"]
    assert [(p.recording, p.kind) for p in found.problems] == [("y", "missing")]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"tables": ("emotoin",)},
            r"corpus\.tables: there is no table emotoin; the nearest is emotion of emotion, files$",
        ),
        (
            {"emotion_column": "mood"},
            r"corpus\.emotion_column: no table has a column mood; there are emotion: emotion; ",
        ),
        (
            {"speaker_columns": ("who", "actor")},
            r"corpus\.speaker_columns: no table .* tells the speaker as who or actor; ",
        ),
        ({"emotion_column": ""}, r"corpus\.emotion_column: must not be empty"),
    ],
)
def test_what_is_not_in_the_database_is_named_with_what_is(fields, message, tmp_path):
    folder = save(a_database(emotion=LABELLED, files=WHO), tmp_path)
    with pytest.raises(UserError, match=message):
        find("audformat", folder, **fields)


def test_a_database_without_a_label_is_refused(tmp_path):
    folder = save(a_database(emotion=of_files({"emotion": [None, None]}), files=WHO), tmp_path)
    for tables in ((), ("files",)):
        with pytest.raises(
            UserError, match=rf"no recording has a label in a column emotion of {(*tables, 'emotion')[0]}$"
        ):
            find("audformat", folder, tables=tables)


@pytest.mark.parametrize("content", ["", "- a list\n", "name: [", "\0"])
def test_a_header_that_is_none_is_refused_in_one_line(content, tmp_path):
    (tmp_path / "db.yaml").write_text(content)
    with pytest.raises(UserError, match=r"^[^\n]*: the database cannot be read by audformat \([^\n]+\); get it again$"):
        find("audformat", tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"file,emotion\n\xff\xfe,\n", b"file\nx"])
def test_a_table_that_cannot_be_read_is_refused_in_one_line(content, tmp_path):
    folder = save(a_database(emotion=LABELLED, files=WHO), tmp_path)
    (folder / "db.emotion.csv").unlink()
    if content is not None:
        (folder / "db.emotion.csv").write_bytes(content)
    with pytest.raises(UserError, match=r"^[^\n]*: the database cannot be read by audformat \([^\n]+\); get it again$"):
        find("audformat", folder)


def test_a_folder_without_a_header_is_said_to_be_so(tmp_path):
    with pytest.raises(UserError, match=r"db\.yaml: missing; give the folder of a database in audformat"):
        find("audformat", tmp_path)


def test_without_the_package_one_line_says_so(tmp_path, monkeypatch):
    folder = save(a_database(emotion=LABELLED, files=WHO), tmp_path)
    monkeypatch.setitem(sys.modules, "audformat", None)
    with pytest.raises(UserError, match=r"is read by the Python package audformat; call pip install audformat$"):
        find("audformat", folder)


def berlin(folder: Path, names: Sequence[str], ambiguous: Sequence[str]) -> Path:
    """EMO-DB as version 2 of the package audb lays it down, where ambiguous recordings stand beside the others."""
    tables = {"emotion": names, "emotion.categories.ambiguous": ambiguous}
    database = audformat.Database("emodb")
    for table, own in tables.items():
        database[table] = audformat.Table(audformat.filewise_index([f"wav/{name}.wav" for name in own]))
        database[table]["emotion"] = audformat.Column()
        database[table]["emotion"].set(["anger"] * len(own))
    return save(database, folder, files=[f"{sub}/{name}.wav" for name in names for sub in ("wav", "laryngo")])


def test_emodb_of_audb_is_the_published_one(tmp_path):
    folder = berlin(tmp_path / "2", ["03a01Wa", "08a01Wb", "16b10Lc"], ["08a01Wb"])
    found = find("emodb", folder)
    assert [(u.recording, u.gender) for u in found.utterances] == [("03a01Wa", "male"), ("16b10Lc", "female")]
    assert [(p.recording, p.kind) for p in found.problems] == [("08a01Wb", "of a doubtful emotion")]
    folder = berlin(tmp_path / "1", ["03a01Wa", "08a01Wb"], [])
    (folder / "db.emotion.categories.ambiguous.csv").unlink()
    found = find("emodb", folder)
    assert ([u.recording for u in found.utterances], found.problems) == (["03a01Wa", "08a01Wb"], [])
    assert set(EMODB_SPEAKER_GENDERS) >= {"03", "08", "16"}
