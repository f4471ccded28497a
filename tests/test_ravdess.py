"""RAVDESS as it is downloaded: names, folders within folders, songs and videos, and the real recordings."""

from collections import Counter
from pathlib import Path

import pytest
import soundfile
from corpus_folders import check_wrong_name

from convcam_jax.corpora.ravdess import RAVDESS, RAVDESS_EMOTIONS, RavdessConfig, find_ravdess
from convcam_jax.corpora.sounds.audio import read_recording
from convcam_jax.corpora.utterances import Found, Utterance, group_of, select
from convcam_jax.system.errors import RecordingError, UserError

FEARFUL = "03-01-06-01-02-01-12"
NEUTRAL = "03-01-01-01-01-02-01"


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def find(folder: Path, on_error: str = "stop") -> Found:
    return RAVDESS.find(RavdessConfig(data_dir=str(folder), on_error=on_error), folder / "no cache", 16000)


def test_emotions_are_those_of_the_codes():
    emotions = ("neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise")
    assert RavdessConfig().emotions == RAVDESS_EMOTIONS == emotions


def test_names_tell_all_that_is_known(tmp_path):
    files = [tmp_path / "Actor_12" / f"{FEARFUL}.wav", tmp_path / "Actor_01" / f"{NEUTRAL}.WAV"]
    touch(*files, tmp_path / "Actor_12" / f"._{FEARFUL}.wav", tmp_path / "Actor_12" / "notes.txt")
    strong = tmp_path / "Actor_12" / "03-01-08-02-01-02-12.wav"
    touch(strong)
    assert find(tmp_path).utterances == [
        Utterance(NEUTRAL, "01", "male", "neutral", "kids", files[1], (("intensity", "normal"), ("repetition", "2"))),
        Utterance(FEARFUL, "12", "female", "fear", "dogs", files[0], (("intensity", "normal"), ("repetition", "1"))),
        Utterance(
            strong.stem, "12", "female", "surprise", "kids", strong, (("intensity", "strong"), ("repetition", "2"))
        ),
    ]
    assert find(tmp_path).problems == []


@pytest.mark.parametrize("nested", ["", "audio_speech_actors_01-24", "a/audio_speech_actors_01-24", "Actor_12"])
def test_actors_may_lie_in_other_folders(nested, tmp_path):
    path = tmp_path / nested / "Actor_12" / f"{FEARFUL}.wav"
    touch(path)
    assert [u.path for u in find(tmp_path).utterances] == [path]


def test_a_second_copy_in_the_archive_is_passed_over(tmp_path, capsys):
    names = {FEARFUL: "Actor_12", NEUTRAL: "Actor_01"}
    copies = [tmp_path / "audio_speech_actors_01-24" / actor / f"{name}.wav" for name, actor in names.items()]
    touch(*(tmp_path / actor / f"{name}.wav" for name, actor in names.items()), *copies)
    only_copied = tmp_path / "audio_speech_actors_01-24" / "Actor_13" / "03-01-02-01-01-01-13.wav"
    touch(only_copied)
    found = find(tmp_path)
    assert [str(u.path.relative_to(tmp_path)) for u in found.utterances] == [
        f"Actor_01/{NEUTRAL}.wav",
        str(only_copied.relative_to(tmp_path)),
        f"Actor_12/{FEARFUL}.wav",
    ]
    assert found.problems == []
    assert capsys.readouterr() == ("", "")


def test_songs_and_videos_are_left_out_by_name(tmp_path):
    actor = tmp_path / "Actor_12"
    others = ["03-02-06-01-02-01-12.wav", "01-01-06-01-02-01-12.mp4", "02-01-06-01-02-01-12.mp4"]
    extracted = "01-01-06-01-02-01-12.wav"
    touch(actor / f"{FEARFUL}.wav", *(actor / name for name in others), tmp_path / "copy" / "Actor_12" / others[0])
    for added in ([], [extracted]):
        touch(*(actor / name for name in added))
        found = find(tmp_path)
        assert [u.recording for u in found.utterances] == [FEARFUL]
        assert sorted(p.recording for p in found.problems) == sorted(Path(n).stem for n in (*others, *added))
        assert {p.kind for p in found.problems} == {"songs or videos"}


@pytest.mark.parametrize(
    "name",
    [
        "take1",
        "3-01-06-01-02-01-12",
        "04-01-06-01-02-01-12",
        "03-03-06-01-02-01-12",
        "03-01-00-01-02-01-12",
        "03-01-09-01-02-01-12",
        "03-01-06-03-02-01-12",
        "03-01-06-01-00-01-12",
        "03-01-06-01-02-03-12",
        "03-01-06-01-02-01-00",
        "03-01-06-01-02-01-25",
        "03-01-06-01-02-01-12 ",
        "03-01-06-01-02-01-12-01",
        "03-01-06-01-02-01",
    ],
)
def test_wrong_name_stops_or_is_left_out(name, tmp_path):
    touch(tmp_path / "Actor_12" / f"{FEARFUL}.wav", tmp_path / "Actor_12" / f"{name}.wav")
    check_wrong_name("ravdess", tmp_path, name, FEARFUL, "not a name of RAVDESS: .*as in 03-01-06-01-02-01-12")


def test_a_wrong_name_found_twice_is_one_problem(tmp_path):
    touch(*(tmp_path / folder / "Actor_01" / "take1.wav" for folder in ("", "copy")))
    touch(tmp_path / "Actor_01" / f"{NEUTRAL}.wav")
    assert [p.recording for p in find(tmp_path, "skip").problems] == ["take1"]


def test_what_cannot_be_read_is_a_problem(tmp_path):
    (tmp_path / "Actor_12" / f"{FEARFUL}.wav").mkdir(parents=True)
    with pytest.raises(RecordingError, match=rf"{FEARFUL}\.wav is not a file; rename or remove it$"):
        find(tmp_path)
    assert [p.recording for p in find(tmp_path, "skip").problems] == [FEARFUL]


@pytest.mark.parametrize(
    "files", [[], [f"{FEARFUL}.wav"], [f"Actor_1/{FEARFUL}.wav"], [f"Actor_12/../actor_12/{FEARFUL}.wav"]]
)
def test_without_recordings_of_actors_it_says_how_to_get_them(files, tmp_path):
    touch(*(tmp_path / file for file in files))
    with pytest.raises(UserError) as caught:
        find(tmp_path, "skip")
    message = str(caught.value)
    assert message == f"{tmp_path}: there are no recordings of speech in folders Actor_NN; {RAVDESS.how_to_get}"
    for part in ("zenodo.org/records/1188976", "Audio_Speech_Actors_01-24.zip", "CC BY-NC-SA 4.0", "Actor_01"):
        assert part in message


def test_songs_alone_are_no_corpus(tmp_path):
    touch(tmp_path / "Actor_12" / "03-02-06-01-02-01-12.wav")
    with pytest.raises(UserError, match="there are no recordings of speech"):
        find(tmp_path)


def test_the_folder_of_one_actor_is_said_to_be_so(tmp_path):
    touch(tmp_path / "Actor_12" / f"{FEARFUL}.wav")
    with pytest.raises(UserError, match="Actor_12: is the folder of one actor; give the folder that it lies in"):
        find(tmp_path / "Actor_12")


def test_the_real_recordings_are_found_each_once(ravdess_dir, capsys):
    found = find_ravdess(ravdess_dir, "stop")
    assert (found.problems, capsys.readouterr().err) == ([], "")
    speakers = Counter(u.speaker for u in found.utterances)
    assert set(speakers.values()) == {60}
    assert len(speakers) >= 4
    assert speakers.keys() <= set(RAVDESS.speakers)
    for speaker in speakers:
        own = [u for u in found.utterances if u.speaker == speaker]
        # Neutral speech has one intensity, all else two.
        assert Counter(u.emotion for u in own) == {e: 4 if e == "neutral" else 8 for e in RAVDESS_EMOTIONS}
        assert Counter(u.text for u in own) == {"kids": 30, "dogs": 30}
        assert Counter(u.value("intensity") for u in own) == {"normal": 32, "strong": 28}
        assert Counter(u.value("repetition") for u in own) == {"1": 30, "2": 30}
        assert {group_of(u, "gender") for u in own} == {"male" if int(speaker) % 2 else "female"}
    config = RavdessConfig(emotions=("anger", "calm"), excluded_speakers=("02",))
    assert len(select(found.utterances, config)) == 16 * (len(speakers) - 1)


def test_the_real_recordings_can_be_read_the_stereo_ones_too(ravdess_dir):
    utterances = find_ravdess(ravdess_dir, "stop").utterances
    stereo = [u for u in utterances if soundfile.info(u.path).channels == 2]
    assert {"03-01-02-01-01-02-01", "03-01-08-01-02-02-01"} <= {u.recording for u in stereo}
    for utterance in (*stereo, utterances[0]):
        recording = read_recording(utterance.source, 16000, 0.04, RavdessConfig().channels)
        assert recording.facts.n_channels == (2 if utterance in stereo else 1)
        info = soundfile.info(utterance.path)
        assert (recording.facts.file_rate_hz, len(recording.samples)) == (48000, -(-info.frames // 3))
    with pytest.raises(RecordingError, match="2 channels"):
        read_recording(stereo[0].source, 16000, 0.04)
