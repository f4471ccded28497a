"""EMOVO as it is downloaded."""

import numpy as np
import pytest
import soundfile
from corpus_folders import check_wrong_name, find, touch

from convcam_jax.corpora.emovo import EmovoConfig
from convcam_jax.corpora.sounds.audio import read_recording
from convcam_jax.corpora.utterances import Source, Utterance
from convcam_jax.system.errors import UserError


def test_emotions_are_the_seven_of_the_corpus():
    emotions = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
    assert EmovoConfig().emotions == emotions


@pytest.mark.parametrize(
    ("name", "speaker", "gender", "emotion", "text"),
    [
        ("dis-f1-b1", "f1", "female", "disgust", "b1"),
        ("gio-f2-b3", "f2", "female", "happiness", "b3"),
        ("neu-f3-l4", "f3", "female", "neutral", "l4"),
        ("pau-m1-n5", "m1", "male", "fear", "n5"),
        ("rab-m2-d2", "m2", "male", "anger", "d2"),
        ("sor-m3-d1", "m3", "male", "surprise", "d1"),
        ("tri-m3-l1", "m3", "male", "sadness", "l1"),
    ],
)
@pytest.mark.parametrize("above", ["", "EMOVO/"])
def test_names_tell_all_that_is_known(name, speaker, gender, emotion, text, above, tmp_path):
    [path, *_] = touch(tmp_path, [f"{above}{speaker}/{name}.wav", f"{above}documents/LA STRUTTURA DI EMOVO.pdf"])
    assert find("emovo", tmp_path).utterances == [Utterance(name, speaker, gender, emotion, text, path)]


@pytest.mark.parametrize("name", ["rab-f4-b1", "ang-f1-b1", "rab-f1-b4", "rab-f1-n6", "f1-rab-b1", "rab-f1"])
def test_wrong_name_stops_or_is_left_out(name, tmp_path):
    touch(tmp_path, [f"f1/{name}.wav", "f1/rab-f1-b1.wav"])
    check_wrong_name("emovo", tmp_path, name, "rab-f1-b1", "not a name of EMOVO: .* as in rab-f1-b1")


def test_stereo_is_mixed_down(tmp_path):
    [path] = touch(tmp_path, ["m1/neu-m1-b1.wav"])
    left = np.sin(np.arange(48000) / 30)
    soundfile.write(path, np.stack([left, np.zeros(48000)], axis=1) / 2, 48000)
    recording = read_recording(Source(path), 48000, 0.04, EmovoConfig().channels)
    np.testing.assert_allclose(recording.samples, left / 4, atol=1e-4)


def test_without_recordings_it_says_how_to_get_them(tmp_path):
    touch(tmp_path, ["rab-f1-b1.wav"])
    with pytest.raises(UserError, match=r"no recordings in folders f1 to m3; get EMOVO from voice\.fub\.it"):
        find("emovo", tmp_path)


def test_one_folder_too_deep_is_said_to_be_so(tmp_path):
    touch(tmp_path, ["f1/rab-f1-b1.wav"])
    with pytest.raises(UserError, match="f1: is the folder of one actor; give the folder that it lies in"):
        find("emovo", tmp_path / "f1")
