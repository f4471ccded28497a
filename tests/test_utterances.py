"""Names, tables and the subset of a corpus folder."""

import os
from collections import Counter
from pathlib import Path

import pytest
import soundfile

from convcam_jax.corpora.utterances import (
    EMODB_SPEAKER_GENDERS,
    Utterance,
    find_listed_utterances,
    find_utterances,
    parse_emodb_name,
    select,
    without_longer_than,
)
from convcam_jax.representations.features import n_cqt_frames
from convcam_jax.settings.config import CorpusConfig, FeatureConfig
from convcam_jax.settings.presets import make_config
from convcam_jax.system.errors import RecordingError, UserError

# Table 1 of the paper, rows by speaker.
TABLE1_EMOTIONS = ("sadness", "fear", "happiness", "neutral", "boredom", "anger")
TABLE1 = {
    "08": (6, 6, 11, 10, 10, 12),
    "03": (7, 4, 7, 11, 5, 14),
    "14": (10, 12, 8, 7, 8, 16),
    "11": (7, 10, 8, 9, 8, 11),
    "10": (3, 8, 4, 4, 8, 10),
    "13": (5, 7, 10, 9, 10, 12),
    "16": (8, 7, 11, 5, 14, 14),
    "15": (4, 8, 6, 11, 9, 13),
}
HEADER = "recording,speaker,gender,emotion,text\n"


def make_folder(folder: Path, names: list[str], table: str | None = None) -> Path:
    (folder / "wav").mkdir()
    for name in names:
        (folder / "wav" / name).touch()
    if table is not None:
        (folder / "utterances.csv").write_text(table, encoding="utf-8")
    return folder


def an_utterance(recording: str = "a", speaker: str = "1", emotion: str = "anger") -> Utterance:
    return Utterance(recording, speaker, "female", emotion, "t", Path(f"{recording}.wav"))


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("03a01Fa", ("03", "a01", "happiness", "a")),
        ("16b10Wb", ("16", "b10", "anger", "b")),
        ("08a02Lc", ("08", "a02", "boredom", "c")),
        ("10b03Ea", ("10", "b03", "disgust", "a")),
        ("11a05Ad", ("11", "a05", "fear", "d")),
        ("14b02Tc", ("14", "b02", "sadness", "c")),
        ("15a07Na", ("15", "a07", "neutral", "a")),
    ],
)
def test_name_gives_speaker_text_emotion_and_version(name, parts):
    assert parse_emodb_name(name) == parts


@pytest.mark.parametrize("name", ["3a01Fa", "03a01Xa", "03a1Fa", "03a01F", "03a01Fa ", "03a01fa", "03a01Faa", "", "Fa"])
def test_wrong_name_is_an_error_that_names_file_and_pattern(name):
    with pytest.raises(RecordingError, match=r"two digits \(speaker\).*WLEAFTN.*03a01Fa") as caught:
        parse_emodb_name(name)
    assert caught.value.recording == name


def test_recordings_are_found_by_their_names_and_sorted(tmp_path):
    folder = make_folder(tmp_path, ["08a01Wa.wav", "03a01Fa.WAV", "notes.txt", "._03a01Fa.wav"])
    utterances, problems = find_utterances(folder, EMODB_SPEAKER_GENDERS, "stop")
    assert utterances == [
        Utterance("03a01Fa", "03", "male", "happiness", "a01", tmp_path / "wav" / "03a01Fa.WAV"),
        Utterance("08a01Wa", "08", "female", "anger", "a01", tmp_path / "wav" / "08a01Wa.wav"),
    ]
    assert problems == []


def test_genders_are_the_callers(tmp_path):
    folder = make_folder(tmp_path, ["21a01Fa.wav"])
    assert find_utterances(folder, {"21": "male"}, "stop")[0][0].gender == "male"
    with pytest.raises(RecordingError, match=r"21a01Fa: speaker 21 is not one of 03, 08, 09"):
        find_utterances(folder, EMODB_SPEAKER_GENDERS, "stop")


def test_wrongly_named_recordings_stop_or_are_left_out(tmp_path):
    folder = make_folder(tmp_path, ["03a01Fa.wav", "take1.wav", "99a01Fa.wav"])
    with pytest.raises(RecordingError, match=r"99a01Fa: speaker 99"):
        find_utterances(folder, EMODB_SPEAKER_GENDERS, "stop")
    utterances, problems = find_utterances(folder, EMODB_SPEAKER_GENDERS, "skip")
    assert [u.recording for u in utterances] == ["03a01Fa"]
    assert [p.recording for p in problems] == ["99a01Fa", "take1"]


@pytest.mark.parametrize(
    ("find", "how"),
    [
        (
            lambda d: find_utterances(d, {}, "stop"),
            r"get EMO-DB from emodb\.bilderbar\.info.*audb.*--corpus=synthetic needs none$",
        ),
        (
            lambda d: find_listed_utterances(d, "skip"),
            r"put your recordings into wav/, list them in utterances\.csv .*--corpus=synthetic needs none$",
        ),
    ],
)
def test_without_recordings_it_says_where_to_get_them(find, how, tmp_path):
    with pytest.raises(UserError, match=f"nowhere: there is no such folder; {how}"):
        find(tmp_path / "nowhere")
    with pytest.raises(UserError, match=f"wav: there are no wav files; {how}"):
        find(tmp_path)
    with pytest.raises(UserError, match=f"wav: there are no wav files; {how}"):
        find(make_folder(tmp_path, ["readme.txt"]))


def make_unreadable(path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(path.parent / "nowhere")
    else:
        path.touch()
        access = os.access
        # Taking the permission away has no effect on the system's administrator.
        monkeypatch.setattr(os, "access", lambda p, mode: p != path and access(p, mode))


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("folder", r"08a01Wa\.wav is not a file; rename or remove it$"),
        ("link", r"08a01Wa\.wav is a link to a file that is not there; replace or remove it$"),
        ("forbidden", r"08a01Wa\.wav cannot be read; change its permissions or remove it$"),
    ],
)
@pytest.mark.parametrize(
    "find", [lambda d, e: find_utterances(d, EMODB_SPEAKER_GENDERS, e), find_listed_utterances], ids=["emodb", "listed"]
)
def test_what_cannot_be_read_stops_or_is_left_out(find, kind, message, tmp_path, monkeypatch):
    table = HEADER + "03a01Fa,03,male,joy,t\n08a01Wa,08,female,joy,t\n"
    folder = make_folder(tmp_path, ["03a01Fa.wav"], table)
    make_unreadable(folder / "wav" / "08a01Wa.wav", kind, monkeypatch)
    with pytest.raises(RecordingError, match=message) as caught:
        find(folder, "stop")
    assert caught.value.recording == "08a01Wa"
    utterances, problems = find(folder, "skip")
    assert [u.recording for u in utterances] == ["03a01Fa"]
    assert [p.recording for p in problems] == ["08a01Wa"]


def test_listed_corpus_is_read_from_its_table(tmp_path):
    table = "text,recording,speaker,age,gender,emotion\nhello, b ,ann,31,female,joy\n\nbye,a,bob,32,male,anger\n"
    folder = make_folder(tmp_path, ["a.wav", "b.wav"], "\ufeff" + table)
    utterances, problems = find_listed_utterances(folder, "stop")
    assert utterances == [
        Utterance("a", "bob", "male", "anger", "bye", tmp_path / "wav" / "a.wav"),
        Utterance("b", "ann", "female", "joy", "hello", tmp_path / "wav" / "b.wav"),
    ]
    assert problems == []


@pytest.mark.parametrize(
    ("rows", "recording", "message"),
    [
        ("a,ann,female,joy,t\nc,ann,female,joy,t\n", "c", r"utterances\.csv line 3: there is no wav/c\.wav"),
        ("a,ann,female,joy,t\na,ann,female,joy,t\n", "a", r"utterances\.csv line 3: the recording is listed twice"),
        ("a,ann,diverse,joy,t\n", "a", r"utterances\.csv line 2: gender 'diverse' is unknown; .*female, male"),
        ("a,,female,joy,t\n", "a", r"utterances\.csv line 2: speaker is empty"),
        ("a,ann,female,joy\n", "a", r"utterances\.csv line 2: text is empty"),
        (",ann,female,joy,t\na,ann,female,joy,t\n", "(no name)", r"utterances\.csv line 2: recording is empty"),
        ("../wav/a,ann,female,joy,t\na,ann,female,joy,t\n", "../wav/a", r"line 2: there is no wav/\.\./wav/a\.wav"),
    ],
)
def test_bad_row_names_file_and_line(rows, recording, message, tmp_path):
    folder = make_folder(tmp_path, ["a.wav"], HEADER + rows)
    with pytest.raises(RecordingError, match=message) as caught:
        find_listed_utterances(folder, "stop")
    assert caught.value.recording == recording
    assert [p.recording for p in find_listed_utterances(folder, "skip")[1]] == [recording]


@pytest.mark.parametrize("on_error", ["stop", "skip"])
def test_a_speaker_of_two_genders_is_refused_naming_file_and_rows(on_error, tmp_path):
    rows = ["a,bob,male,joy,t", "b,ann,female,joy,t", "c,ann,male,joy,t", *(f"{r},ann,female,joy,t" for r in "defg")]
    folder = make_folder(tmp_path, [f"{r}.wav" for r in "abcdefg"], HEADER + "\n".join(rows) + "\n")
    with pytest.raises(UserError) as caught:
        find_listed_utterances(folder, on_error)
    assert str(caught.value) == (
        f"{folder}/utterances.csv: speaker ann is female in lines 3, 5, 6 and 2 more and male in line 4; "
        "give each speaker one gender"
    )


def test_file_without_row_is_named(tmp_path):
    folder = make_folder(tmp_path, ["a.wav", "b.wav"], HEADER + "a,ann,female,joy,t\n")
    with pytest.raises(RecordingError, match=r"b: .*utterances\.csv has no row for .*b\.wav"):
        find_listed_utterances(folder, "stop")
    utterances, problems = find_listed_utterances(folder, "skip")
    assert [u.recording for u in utterances] == ["a"]
    assert [p.recording for p in problems] == ["b"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (None, r"utterances\.csv: missing; .*recording, speaker, gender, emotion, text"),
        ("recording,speaker,gender,text\na,b,female,t\n", r"utterances\.csv line 1: column emotion is missing"),
        ("", r"utterances\.csv line 1: column recording is missing"),
        (HEADER, r"utterances\.csv: has no row"),
    ],
)
def test_unusable_table_is_an_error_even_when_skipping(table, message, tmp_path):
    folder = make_folder(tmp_path, ["a.wav"], table)
    with pytest.raises(UserError, match=message):
        find_listed_utterances(folder, "skip")


def test_table_in_another_encoding_is_an_error(tmp_path):
    folder = make_folder(tmp_path, ["a.wav"])
    (folder / "utterances.csv").write_bytes((HEADER + "a,ann,female,joy,für\n").encode("latin-1"))
    with pytest.raises(UserError, match=r"utterances\.csv: cannot be read .*UTF-8"):
        find_listed_utterances(folder, "stop")


def test_subset_is_by_emotion_and_speaker():
    utterances = [
        an_utterance("a", "1", "anger"),
        an_utterance("b", "2", "anger"),
        an_utterance("c", "1", "fear"),
        an_utterance("d", "1", "disgust"),
    ]
    config = CorpusConfig(emotions=("anger", "fear"), excluded_speakers=("2", "7"))
    assert [u.recording for u in select(utterances, config)] == ["a", "c"]


def test_emotion_without_recordings_is_named():
    config = CorpusConfig(emotions=("anger", "joy"), excluded_speakers=("2",))
    utterances = [an_utterance("a", "1", "anger"), an_utterance("b", "2", "joy")]
    with pytest.raises(UserError, match=r"corpus\.emotions: there is no recording of joy; the corpus has anger$"):
        select(utterances, config)


def test_recordings_of_exactly_the_longest_length_are_kept():
    utterances = [an_utterance(r) for r in "abc"]
    kept = without_longer_than(utterances, {"a": 202, "b": 203, "c": 1}, 202)
    assert [u.recording for u in kept] == ["a", "c"]


def test_emodb_subset_is_table_1(emodb_dir):
    config = make_config("paper", "emodb", str(emodb_dir), "corrected", 10, ()).corpus
    found, problems = find_utterances(emodb_dir, EMODB_SPEAKER_GENDERS, "stop")
    assert (len(found), problems) == (535, [])
    chosen = select(found, config)
    n_frames = {u.recording: n_cqt_frames(soundfile.info(u.path).frames, FeatureConfig()) for u in chosen}
    utterances = without_longer_than(chosen, n_frames, config.max_frames)
    left_out = {u.recording for u in chosen} - {u.recording for u in utterances}
    assert left_out == {"08b03Tc", "08b02Tc", "16a05Tb", "08b09Tb"}
    assert max((n_frames[u.recording], u.recording) for u in utterances) == (202, "14b02Tc")
    expected = {(s, e): n for s, row in TABLE1.items() for e, n in zip(TABLE1_EMOTIONS, row, strict=True)}
    assert Counter((u.speaker, u.emotion) for u in utterances) == expected
    assert len(utterances) == 417


def test_wav_files_one_folder_too_high_are_said_to_be_so(tmp_path):
    (tmp_path / "03a01Fa.wav").touch()
    with pytest.raises(UserError, match="give the folder that has them in its folder wav"):
        find_utterances(tmp_path, EMODB_SPEAKER_GENDERS, "stop")


def test_a_listed_name_with_its_ending_and_a_table_with_semicolons_are_said_to_be_so(tmp_path):
    (tmp_path / "wav").mkdir()
    (tmp_path / "wav" / "anna_1.wav").touch()
    table = tmp_path / "utterances.csv"
    table.write_text("recording,speaker,gender,emotion,text\nanna_1.wav,anna,female,anger,s1\n")
    with pytest.raises(RecordingError, match=r"line 2: write anna_1\.wav without \.wav"):
        find_listed_utterances(tmp_path, "stop")
    table.write_text("recording;speaker;gender;emotion;text\nanna_1;anna;female;anger;s1\n")
    with pytest.raises(UserError, match="line 1: no commas"):
        find_listed_utterances(tmp_path, "stop")
