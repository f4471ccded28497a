"""CREMA-D as it is downloaded: its table of actors, the damaged recording, and pointers in the place of sound."""

from pathlib import Path

import pytest
from corpus_folders import check_wrong_name, find, touch

from convcam_jax.corpora.crema_d import CremaDConfig
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.system.errors import RecordingError, UserError

TABLE = '"ActorID","Age","Sex","Race","Ethnicity"\n1001,51,"Male","Caucasian","Not Hispanic"\n1002,21,"Female","",""\n'


def make(folder: Path, names: list[str], table: str | None = TABLE) -> list[Path]:
    if table is not None:
        (folder / "VideoDemographics.csv").write_text(table)
    return touch(folder, [f"AudioWAV/{name}.wav" for name in names])


def test_emotions_are_the_six_of_the_corpus():
    assert CremaDConfig().emotions == ("anger", "disgust", "fear", "happiness", "neutral", "sadness")


@pytest.mark.parametrize(
    ("name", "told", "intensity", "age"),
    [
        ("1001_IEO_ANG_HI", ("1001", "male", "anger", "IEO"), "high", "51"),
        ("1001_IEO_DIS_MD", ("1001", "male", "disgust", "IEO"), "medium", "51"),
        ("1001_IEO_FEA_LO", ("1001", "male", "fear", "IEO"), "low", "51"),
        ("1002_DFA_HAP_XX", ("1002", "female", "happiness", "DFA"), "unspecified", "21"),
        ("1002_WSI_NEU_XX", ("1002", "female", "neutral", "WSI"), "unspecified", "21"),
        # As 1040_ITH_SAD_X of the corpus.
        ("1002_ITH_SAD_X", ("1002", "female", "sadness", "ITH"), "unspecified", "21"),
    ],
)
def test_names_and_the_table_tell_all_that_is_known(name, told, intensity, age, tmp_path):
    """`told` are speaker, gender, emotion and text."""
    [path] = make(tmp_path, [name])
    attributes = (("intensity", intensity), ("age", age))
    assert find("crema_d", tmp_path).utterances == [Utterance(name, *told, path, attributes)]


@pytest.mark.parametrize("on_error", ["stop", "skip"])
def test_the_recording_without_sound_is_left_out_and_listed(on_error, tmp_path):
    make(tmp_path, ["1001_IEO_ANG_HI", "1076_MTI_SAD_XX"])
    found = find("crema_d", tmp_path, on_error=on_error)
    assert [u.recording for u in found.utterances] == ["1001_IEO_ANG_HI"]
    assert [(p.recording, p.problem.split("1076_MTI_SAD_XX.wav ")[1]) for p in found.problems] == [
        ("1076_MTI_SAD_XX", "is without sound in the corpus")
    ]


@pytest.mark.parametrize("name", ["1001_ABC_ANG_HI", "1001_IEO_JOY_HI", "1001_IEO_ANG_XL", "101_IEO_ANG_HI", "note"])
def test_wrong_name_stops_or_is_left_out(name, tmp_path):
    make(tmp_path, [name, "1001_IEO_ANG_HI"])
    check_wrong_name("crema_d", tmp_path, name, "1001_IEO_ANG_HI", "not a name of CREMA-D: .* as in 1001_IEO_ANG_HI")


def test_an_actor_who_is_not_in_the_table_is_named(tmp_path):
    make(tmp_path, ["1003_IEO_ANG_HI"])
    with pytest.raises(RecordingError, match=r"1003_IEO_ANG_HI: actor 1003 is not in VideoDemographics\.csv"):
        find("crema_d", tmp_path)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            None,
            r"VideoDemographics\.csv: missing, which tells the actors' gender; clone github\.com/Cheyney.*ODbL 1\.0",
        ),
        ("ActorID,Age\n1001,51\n", r"VideoDemographics\.csv: cannot be read \('Sex'\)"),
        ("ActorID,Age,Sex\n1001,51,M\n", r"actor 1001 has no age, or is neither Female nor Male"),
        ("ActorID,Age,Sex\n1001,,Male\n", r"actor 1001 has no age, or is neither Female nor Male"),
    ],
)
def test_a_table_that_cannot_be_used_is_named(table, message, tmp_path):
    make(tmp_path, ["1001_IEO_ANG_HI"], table)
    with pytest.raises(UserError, match=message):
        find("crema_d", tmp_path, on_error="skip")


def test_pointers_of_git_in_the_place_of_recordings_are_said_to_be_so(tmp_path):
    paths = make(tmp_path, ["1001_IEO_ANG_HI", "1001_IEO_ANG_LO"])
    paths[1].write_text("version https://git-lfs.github.com/spec/v1\noid sha256:2759bb80\nsize 82260\n")
    with pytest.raises(UserError, match=r"ANG_LO\.wav: is a pointer of Git LFS.*; install Git LFS, and call git lfs"):
        find("crema_d", tmp_path, on_error="skip")


def test_without_recordings_it_says_how_to_get_them(tmp_path):
    make(tmp_path, [])
    with pytest.raises(UserError, match=r"AudioWAV: there are no wav files; clone github\.com/CheyneyComputerScience"):
        find("crema_d", tmp_path)


def test_one_folder_too_deep_is_said_to_be_so(tmp_path):
    make(tmp_path, ["1001_IEO_ANG_HI"])
    with pytest.raises(UserError, match="AudioWAV: is the folder of the recordings; give the folder that it lies in"):
        find("crema_d", tmp_path / "AudioWAV")
