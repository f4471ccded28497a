"""What cells of databases in audformat mean, and of which recording they tell."""

import audformat
import pandas as pd
import pytest
from audformat_databases import FILES, LABELLED, PARTS, WHO, a_database, of_files, parts, save, without_schemes
from corpus_folders import find

from convcam_jax.system.errors import RecordingError, UserError

# The package calls pandas as releases before 3.1 had it.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

NUMBERED = [f"{number}.wav" for number in range(4)]


@pytest.mark.parametrize("storage", ["csv", "parquet"])
def test_whole_numbers_are_the_same_labels_beside_missing_ones(storage, tmp_path):
    """Columns of the first table are integers to pandas, and those of the second floats."""
    whole = {"emotion": [0, 1], "speaker": [1, 2], "transcription": [7, 8], "fold": [3, 4], "level": [2, 0.5]}
    missing = {"emotion": [1, None], "speaker": [1, None], "transcription": [7, None], "fold": [3, None]}
    database = without_schemes(
        a=(audformat.filewise_index(NUMBERED[:2]), whole), b=(audformat.filewise_index(NUMBERED[2:]), missing)
    )
    found = find("audformat", save(database, tmp_path, storage, NUMBERED))
    assert [(u.recording, u.speaker, u.emotion, u.text, u.attributes) for u in found.utterances] == [
        ("0", "1", "0", "7", (("fold", "3"), ("level", "2"))),
        ("1", "2", "1", "8", (("fold", "4"), ("level", "0.5"))),
        ("2", "1", "1", "7", (("fold", "3"), ("level", ""))),
    ]


def test_numbers_of_speakers_lead_to_the_genders_of_their_scheme(tmp_path):
    """The number of one recording is missing."""
    database = audformat.Database("made")
    database.schemes["speaker"] = audformat.Scheme("int", labels={1: {"gender": "Frau"}, 2: {"gender": "Mann"}})
    database["emotion"] = audformat.Table(audformat.filewise_index(NUMBERED[:3]))
    for column, cells in {"emotion": ["anger"] * 3, "speaker": [1, 2, None]}.items():
        database["emotion"][column] = audformat.Column(scheme_id="speaker" if column == "speaker" else None)
        database["emotion"][column].set(cells)
    found = find("audformat", save(database, tmp_path, files=NUMBERED[:3]), on_error="skip")
    assert [(u.speaker, u.gender) for u in found.utterances] == [("1", "female"), ("2", "male")]
    assert [(p.recording, p.kind) for p in found.problems] == [("2", "without speaker")]


def test_speakers_that_are_written_in_two_ways_are_told(tmp_path, capsys):
    database = without_schemes(emotion=of_files({"emotion": ["anger", "happiness"], "speaker": ["1", "1.0"]}))
    utterances = find("audformat", save(database, tmp_path, "parquet")).utterances
    assert [u.speaker for u in utterances] == ["1", "1.0"]
    assert (
        f"{tmp_path}: speakers 1 and 1.0 count as different; if they are not, mend the table" in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("word", "gender"),
    [
        *(("Frau", "female"), ("F", "female"), ("W", "female"), ("femme", "female"), ("femminile", "female")),
        *(("Mann", "male"), ("männlich", "male"), ("maennlich", "male"), ("homme", "male"), ("", "")),
    ],
)
def test_genders_in_the_words_that_lists_may_have(word, gender, tmp_path):
    columns = {"emotion": ["anger"] * 2, "speaker": ["a", "b"], "gender": [word, "female"]}
    utterances = find("audformat", save(without_schemes(emotion=of_files(columns)), tmp_path, "parquet")).utterances
    assert [u.gender for u in utterances] == [gender, "female"]


def test_a_letter_means_what_it_does_beside_the_others_of_its_column(tmp_path, capsys):
    columns = {"emotion": ["anger"] * 2, "speaker": ["a", "b"], "gender": ["H", "M"]}
    utterances = find("audformat", save(without_schemes(emotion=of_files(columns)), tmp_path, "parquet")).utterances
    assert [u.gender for u in utterances] == ["male", "female"]
    said = f"{tmp_path}: of the genders, h was taken for male (hombre) and m for female (mujer)\n"
    assert capsys.readouterr().err.count(said) == 1


def test_a_gender_that_is_none_is_told(tmp_path):
    columns = {"emotion": ["anger"] * 2, "speaker": ["a", "b"], "gender": ["other", "female"]}
    folder = save(without_schemes(emotion=of_files(columns)), tmp_path)
    with pytest.raises(RecordingError) as caught:
        find("audformat", folder)
    assert str(caught.value) == (
        "x: gender 'other' is unknown; leave it out by corpus.on_error=skip, or take no gender by "
        "--set=corpus.gender_columns= --set=corpus.models_per=all"
    )
    found = find("audformat", folder, on_error="skip")
    assert [u.recording for u in found.utterances] == ["y"]
    assert [(p.recording, p.kind) for p in found.problems] == [("x", "of an unknown gender")]
    assert [u.gender for u in find("audformat", folder, gender_columns=()).utterances] == ["", ""]


def test_a_speaker_of_two_genders_is_told_and_that_of_most_recordings_taken(tmp_path):
    columns = {"emotion": ["anger"] * 4, "speaker": ["a", "a", "a", "b"], "gender": ["female", "male", "W", None]}
    database = without_schemes(emotion=(audformat.filewise_index(NUMBERED), columns))
    folder = save(database, tmp_path, files=NUMBERED)
    with pytest.raises(RecordingError) as caught:
        find("audformat", folder)
    assert str(caught.value) == f"1: {folder}: speaker a is female in 0, 2 and male in 1; give each speaker one gender"
    found = find("audformat", folder, on_error="skip")
    assert [(u.recording, u.gender) for u in found.utterances] == [("0", "female"), ("2", "female"), ("3", "")]
    assert [(p.recording, p.kind) for p in found.problems] == [("1", "of speakers with two genders")]


def test_a_gender_that_is_not_told_is_that_of_the_speakers_other_recordings(tmp_path):
    columns = {"emotion": ["anger"] * 2, "speaker": ["a"] * 2, "gender": ["female", None]}
    utterances = find("audformat", save(without_schemes(emotion=of_files(columns)), tmp_path)).utterances
    assert [u.gender for u in utterances] == ["female", "female"]


def test_files_have_the_facts_of_their_parts(tmp_path):
    """The emotion is told of files in another order than the speakers of their parts."""
    files = audformat.filewise_index([*reversed(FILES)])
    who = (PARTS, {"speaker": ["s1", "s1", "s2"], "transcription": ["a", "b", "b"]})
    database = a_database(emotion=(files, {"emotion": ["anger", "happiness"]}), turns=who)
    found = find("audformat", save(database, tmp_path))
    assert found.problems == []
    assert [(u.recording, u.emotion, u.speaker, u.gender, u.text) for u in found.utterances] == [
        ("x", "happiness", "s1", "female", ""),
        ("y", "anger", "s2", "male", "b"),
    ]


def test_a_file_in_whose_parts_two_speak_has_no_speaker(tmp_path):
    database = a_database(emotion=LABELLED, turns=(PARTS, {"speaker": ["s1", "s2", "s2"]}))
    folder = save(database, tmp_path)
    with pytest.raises(
        RecordingError, match=r"^x: the database does not tell who speaks, or tells of several; leave it out"
    ):
        find("audformat", folder)
    found = find("audformat", folder, on_error="skip")
    assert [(u.recording, u.speaker) for u in found.utterances] == [("y", "s2")]
    assert [(p.recording, p.kind) for p in found.problems] == [("x", "without speaker")]


def test_columns_of_chosen_tables_of_parts_are_those_of_files(tmp_path):
    turns = (PARTS, {"speaker": ["s1", "s1", "s2"], "room": ["hall", "hall", "studio"]})
    folder = save(a_database(emotion=LABELLED, turns=turns), tmp_path)
    utterances = find("audformat", folder, tables=("emotion", "turns")).utterances
    assert [(u.recording, u.attributes) for u in utterances] == [
        ("x", (("room", "hall"),)),
        ("y", (("room", "studio"),)),
    ]


@pytest.mark.parametrize(
    ("time", "written"),
    [
        *(("02:46:40.0000625", "10000.0000625"), ("01:00:00.123", "3600.123"), ("00:00:12.3456789", "12.3456789")),
        *(("00:00:00.000000125", "0.000000125"), ("11:06:40", "40000")),
    ],
)
def test_times_are_kept_to_the_sample(time, written, tmp_path):
    """At 16 kHz a sample is 62.5 microseconds; three hours have more of them than six digits can tell."""
    index = parts(("audio/x.wav", time, pd.NaT), ("audio/y.wav", "0s", time))
    columns = {"emotion": ["anger"] * 2, "speaker": ["s1"] * 2, "duration": pd.to_timedelta([time] * 2)}
    x, y = find("audformat", save(a_database(emotion=(index, columns)), tmp_path)).utterances
    assert x.attributes == (("duration", written),)
    assert (x.start_s, y.end_s) == (float(written), float(written))


def test_files_that_differ_in_their_ending_alone_are_one_recording(tmp_path):
    files = ["x/1.wav", "x/1.flac", "y/2.wav"]
    columns = {"emotion": ["anger"] * 3, "speaker": ["s1"] * 3}
    database = a_database(emotion=(audformat.filewise_index(files), columns))
    found = find("audformat", save(database, tmp_path, files=files), on_error="skip")
    assert [u.recording for u in found.utterances] == ["1.flac", "2"]
    assert [(p.recording, p.kind) for p in found.problems] == [
        ("1.wav", "of files that differ from others in their ending alone")
    ]


def test_a_labelled_and_an_unlabelled_file_of_one_name_are_told_apart(tmp_path):
    files = ["a/x.wav", "b/x.wav"]
    columns = {"emotion": ["anger", None], "speaker": ["s1"] * 2}
    database = a_database(emotion=(audformat.filewise_index(files), columns))
    found = find("audformat", save(database, tmp_path, files=files))
    assert ([u.recording for u in found.utterances], [p.recording for p in found.problems]) == (["a_x"], ["b_x"])


def test_parts_of_nearly_the_same_times_are_told_apart(tmp_path):
    x, y = FILES
    index = parts((x, "0s", "1.0001s"), (x, "0s", "1.0002s"), (y, "0s", "1s"))
    columns = {"emotion": ["anger"] * 3, "speaker": ["s1"] * 3}
    found = find("audformat", save(a_database(emotion=(index, columns)), tmp_path))
    ends_s = {u.recording: u.end_s for u in found.utterances}
    assert ends_s == {"x_0.000-1.000": 1.0001, "x_0.000-1.000~2": 1.0002, "y_0.000-1.000": 1.0}


def test_rows_of_one_file_are_one_recording_or_none(tmp_path):
    x, y = FILES

    def found(emotions, speakers):
        files = [x, f"./{x}", y]
        columns = {"emotion": emotions, "speaker": speakers}
        folder = save(a_database(emotion=(audformat.filewise_index(files), columns)), tmp_path, files=FILES)
        own = find("audformat", folder, on_error="skip")
        return [u.recording for u in own.utterances], [(p.recording, p.kind) for p in own.problems]

    assert found(["anger"] * 3, ["s1"] * 3) == (["x", "y"], [("x", "listed twice")])
    assert found(["anger", "happiness", "anger"], ["s1"] * 3) == (["y"], [("x", "listed twice")] * 2)
    assert found(["anger", None, "anger"], ["s1"] * 3) == (["x", "y"], [])


def test_a_database_of_which_nothing_is_left_is_refused(tmp_path):
    folder = save(a_database(emotion=LABELLED, files=WHO), tmp_path, files=[])
    with pytest.raises(UserError, match=r": has no recording that can be used; 2 problems of recordings: "):
        find("audformat", folder, on_error="skip")
