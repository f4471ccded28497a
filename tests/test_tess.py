"""TESS as it is downloaded: spellings of folders, the name that lacks a letter, and the real recordings."""

from collections import Counter

import pytest
import soundfile
from corpus_folders import check_wrong_name, find, touch

from convcam_jax.corpora.sounds.audio import read_recording
from convcam_jax.corpora.tess import TESS_EMOTIONS, TessConfig
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.system.errors import UserError

EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


def test_emotions_are_the_seven_of_the_corpus():
    assert TessConfig().emotions == EMOTIONS


@pytest.mark.parametrize(
    ("file", "speaker", "emotion", "text", "age"),
    [
        ("OAF_Pleasant_surprise/OAF_back_ps.wav", "OAF", "surprise", "back", "64"),
        ("YAF_pleasant_surprised/YAF_back_ps.wav", "YAF", "surprise", "back", "26"),
        ("OAF_Fear/OAF_love_fear.wav", "OAF", "fear", "love", "64"),
        ("YAF_fear/YAF_love_fear.WAV", "YAF", "fear", "love", "26"),
        ("OAF_Sad/OAF_rose_sad.wav", "OAF", "sadness", "rose", "64"),
        ("oaf_sad/oaf_rose_sad.wav", "OAF", "sadness", "rose", "64"),
        ("YAF_happy/YAF_gin_happy.wav", "YAF", "happiness", "gin", "26"),
        ("a/b/YAF_angry/YAF_gin_angry.wav", "YAF", "anger", "gin", "26"),
    ],
)
def test_names_tell_all_that_is_known(file, speaker, emotion, text, age, tmp_path):
    [path] = touch(tmp_path, [file])
    touch(tmp_path, [f"{path.parent.name}/._{path.name}", f"{path.parent.name}/notes.txt"])
    assert find("tess", tmp_path).utterances == [
        Utterance(path.stem, speaker, "female", emotion, text, path, (("age", age),))
    ]


def test_the_name_that_lacks_a_letter_is_said_once(tmp_path, capsys):
    names = ["OA_bite_neutral.wav", "OAF_bar_neutral.wav"]
    touch(tmp_path, [f"OAF_neutral/{name}" for name in names])
    found = find("tess", tmp_path)
    assert [(u.recording, u.speaker) for u in found.utterances] == [
        ("OAF_bar_neutral", "OAF"),
        ("OA_bite_neutral", "OAF"),
    ]
    assert (found.problems, capsys.readouterr().err) == ([], "OA_bite_neutral is taken as a recording of OAF\n")


def test_a_copy_of_all_folders_in_another_is_passed_over(tmp_path):
    paths = touch(tmp_path, ["OAF_angry/OAF_back_angry.wav", "copy/OAF_angry/OAF_back_angry.wav"])
    assert [u.path for u in find("tess", tmp_path).utterances] == [paths[0]]


@pytest.mark.parametrize("name", ["OAF_back_joy", "XAF_back_angry", "OAF_angry", "OAF_back_angry_2", "back_angry"])
def test_wrong_name_stops_or_is_left_out(name, tmp_path):
    touch(tmp_path, [f"OAF_angry/{name}.wav", "OAF_angry/OAF_back_angry.wav"])
    check_wrong_name("tess", tmp_path, name, "OAF_back_angry", "not a name of TESS: .* as in OAF_back_angry")


def test_without_recordings_it_says_how_to_get_them(tmp_path):
    touch(tmp_path, ["angry/OAF_back_angry.wav"])
    with pytest.raises(UserError, match=r"no recordings in folders OAF_EMOTION.*10\.5683/SP2/E8H2MF.*CC BY-NC-ND 4\.0"):
        find("tess", tmp_path)


def test_one_folder_too_deep_is_said_to_be_so(tmp_path):
    touch(tmp_path, ["OAF_angry/OAF_back_angry.wav"])
    with pytest.raises(UserError, match="OAF_angry: is the folder of one speaker and emotion; give the folder that it"):
        find("tess", tmp_path / "OAF_angry")


def test_the_real_recordings_are_found_each_once(tess_dir, capsys):
    found = find("tess", tess_dir)
    assert found.problems == []
    words = {u.text for u in found.utterances}
    assert len(words) >= 20
    cells = Counter((u.speaker, u.emotion) for u in found.utterances)
    assert cells == {(s, e): len(words) for s in ("OAF", "YAF") for e in TESS_EMOTIONS.values()}
    assert {u.gender for u in found.utterances} == {"female"}
    if len(words) == 20:
        assert capsys.readouterr().err == ""


def test_the_real_recordings_can_be_read(tess_dir):
    utterances = find("tess", tess_dir).utterances
    for utterance in (utterances[0], utterances[-1]):
        recording = read_recording(utterance.source, 16000, 0.04)
        info = soundfile.info(utterance.path)
        assert info.samplerate == 24414
        assert abs(len(recording.samples) - info.frames * 16000 / 24414) < 1
