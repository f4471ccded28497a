"""SAVEE as it is downloaded: the same names in every speaker's folder, and letters that begin alike."""

import pytest
from corpus_folders import check_wrong_name, find, touch

from convcam_jax.corpora.savee import SAVEE_EMOTIONS, SaveeConfig
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.splits.dividing import divide
from convcam_jax.splits.leave_one_text_out import LeaveOneTextOut
from convcam_jax.system.errors import UserError


def test_emotions_are_the_seven_of_the_corpus():
    emotions = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
    assert SaveeConfig().emotions == emotions


@pytest.mark.parametrize(
    ("name", "emotion"),
    [
        ("a01", "anger"),
        ("d15", "disgust"),
        ("f03", "fear"),
        ("h04", "happiness"),
        ("n30", "neutral"),
        ("sa05", "sadness"),
        ("su06", "surprise"),
    ],
)
@pytest.mark.parametrize("file", ["DC/{}.wav", "AudioData/DC/{}.wav", "ALL/DC_{}.wav"])
def test_names_tell_all_that_is_known(name, emotion, file, tmp_path):
    [path] = touch(tmp_path, [file.format(name)])
    assert find("savee", tmp_path).utterances == [Utterance(f"DC_{name}", "DC", "male", emotion, "", path)]


def test_names_that_are_the_same_for_all_speakers_stay_apart(tmp_path):
    speakers = ("DC", "JE", "JK", "KL")
    touch(tmp_path, [f"AudioData/{speaker}/{name}.wav" for speaker in speakers for name in ("a01", "sa01")])
    touch(tmp_path, ["AudioData/AudioData/DC/a01.wav", "AudioData/DC/Thumbs.db"])
    found = find("savee", tmp_path)
    assert [u.recording for u in found.utterances] == [f"{s}_{n}" for s in speakers for n in ("a01", "sa01")]
    assert [u.speaker for u in found.utterances] == [s for s in speakers for _ in range(2)]
    assert found.problems == []


def test_sentences_that_names_do_not_tell_are_not_left_out_one_by_one(tmp_path):
    touch(tmp_path, [f"{s}/{e}0{k}.wav" for s in ("DC", "JE") for e in SAVEE_EMOTIONS for k in range(1, 5)])
    utterances = find("savee", tmp_path).utterances
    with pytest.raises(UserError, match="it needs the text of each recording, and the corpus tells none"):
        divide(LeaveOneTextOut(), utterances, ["all"] * len(utterances))


@pytest.mark.parametrize("name", ["s01", "a1", "b01", "a001", "sad01", "A01"])
def test_wrong_name_stops_or_is_left_out(name, tmp_path):
    touch(tmp_path, [f"KL/{name}.wav", "KL/a02.wav"])
    check_wrong_name("savee", tmp_path, f"KL_{name}", "KL_a02", "has no name of SAVEE: .* as in a01")


def test_without_recordings_it_says_how_to_get_them(tmp_path):
    touch(tmp_path, ["AudioData/XX/a01.wav"])
    with pytest.raises(UserError, match=r"no recordings in folders DC, JE, JK, KL; register at kahlan\.eps\.surrey"):
        find("savee", tmp_path)


@pytest.mark.parametrize("folder", ["KL", "ALL"])
def test_one_folder_too_deep_is_said_to_be_so(folder, tmp_path):
    touch(tmp_path, [f"{folder}/a01.wav"])
    with pytest.raises(UserError, match=rf"{folder}: is the folder of one speaker, or of all; give the folder that it"):
        find("savee", tmp_path / folder)
