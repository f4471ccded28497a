"""Recordings that are one channel of a file, as of a dialogue with a microphone for each speaker."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from corpus_folders import make_folder

from convcam_jax.corpora.left_out import equal_sounds, overlapping
from convcam_jax.corpora.listed import find_listed
from convcam_jax.corpora.natural.planted import NaturalSpeech, PlantedRecording, Reading
from convcam_jax.corpora.natural.resynthesis import F0Range
from convcam_jax.corpora.sounds.audio import read_recording
from convcam_jax.corpora.utterances import Source, Utterance
from convcam_jax.corpora.words.channel_words import channels_meant
from convcam_jax.system.errors import RecordingError, UserError

RATE_HZ = 16000
LEFT, RIGHT = (np.random.default_rng(seed).uniform(-0.5, 0.5, 2 * RATE_HZ).round(3) for seed in range(2))


@pytest.fixture
def folder(tmp_path) -> Path:
    soundfile.write(tmp_path / "d.wav", np.stack([LEFT, RIGHT], 1), RATE_HZ, subtype="DOUBLE")
    soundfile.write(tmp_path / "mono.wav", LEFT, RATE_HZ, subtype="DOUBLE")
    return tmp_path


def listed_in(folder: Path, *rows: str, column: str = "channel", on_error: str = "stop") -> list[Utterance]:
    table = "\n".join([f"file,speaker,emotion,start,end,{column}", *rows])
    return find_listed(make_folder(folder, [], table), on_error).utterances


def samples_of(utterance: Utterance, channels: str = "mix") -> np.ndarray:
    return read_recording(utterance.source, RATE_HZ, 0.05, channels).samples


@pytest.mark.parametrize("channels", ["mix", "refuse"])
@pytest.mark.parametrize(
    "words",
    [
        *(("1", "2"), ("0", "1"), ("left", "Right"), ("L", "R"), ("01", "02"), ("1.0", "2.0"), ("0.0", "1.0")),
        *(("ch1", "ch2"), ("CH_0", "CH_1"), ("Channel 1", "channel 2"), ("A", "B")),
    ],
    ids=str,
)
def test_the_channel_that_a_row_names_is_what_is_read(words, channels, folder):
    first, second = listed_in(folder, f"d,ann,joy,,,{words[0]}", f"d,bob,fear,,,{words[1]}")
    np.testing.assert_array_equal(samples_of(first, channels), LEFT)
    np.testing.assert_array_equal(samples_of(second, channels), RIGHT)
    assert [first.recording, second.recording] == ["d_channel1", "d_channel2"]
    assert [u.value("channel") for u in (first, second)] == list(words)
    facts = read_recording(first.source, RATE_HZ, 0.05, "mix").facts
    assert facts == read_recording(Source(folder / "mono.wav"), RATE_HZ, 0.05).facts


def test_parts_of_channels_are_recordings_of_their_own(folder):
    found = listed_in(folder, "d,ann,joy,0,1,1", "d,bob,fear,0,1,2", "d,bob,joy,1,2,2", "mono,ann,joy,,,1", "d,x,y,,,")
    assert {u.recording: (u.start_s, u.end_s, u.channel) for u in found} == {
        "d": (0.0, None, None),
        "d_channel1_0.000-1.000": (0.0, 1.0, 0),
        "d_channel2_0.000-1.000": (0.0, 1.0, 1),
        "d_channel2_1.000-2.000": (1.0, 2.0, 1),
        "mono": (0.0, None, None),
    }
    np.testing.assert_array_equal(samples_of(found[3]), RIGHT[RATE_HZ:])
    np.testing.assert_array_equal(samples_of(found[0]), (LEFT + RIGHT) / 2)


@pytest.mark.parametrize("words", [("1", "2", "3"), ("0", "1", "2"), ("left", "right", "3"), ("1", "2", "32")], ids=str)
def test_a_channel_that_the_file_has_not_is_a_problem(words, folder):
    rows = listed_in(folder, f"d,ann,joy,,,{words[0]}", f"d,ann,fear,,,{words[1]}", f"d,ann,joy,,1,{words[2]}")
    [utterance] = [u for u in rows if u.end_s == 1]
    channel = max(3, int(words[2]))
    with pytest.raises(RecordingError, match=rf"of these channel {channel} is asked for, counted from 1") as caught:
        samples_of(utterance)
    assert caught.value.kind == "of a channel that their file has not"


@pytest.mark.parametrize("channel", [-1, -2, 2, 5])
@pytest.mark.parametrize("channels", ["refuse", "mix"])
def test_a_source_of_a_channel_that_the_file_has_not_is_a_problem(channel, channels, folder):
    with pytest.raises(
        RecordingError, match=rf"has 2 channels, .* \(of a Source from 0: {channel}\); mend the channel"
    ):
        read_recording(Source(folder / "d.wav", channel=channel), RATE_HZ, 0.05, channels)


@pytest.mark.parametrize("words", [("A", "B"), ("1", "2"), ("0", "1"), ("2", "2"), ("left", "")], ids=str)
def test_a_file_of_one_channel_is_read_as_it_is(words, folder, capsys):
    """As in tables of dialogues, which name the side of a speaker whatever was kept of the file."""
    rows = [f"mono,ann,joy,0,1,{words[0]}", f"mono,bob,fear,1,2,{words[1]}"]
    found = listed_in(folder, *rows, "d,ann,joy,,,1", "d,bob,fear,,,2")
    assert {u.recording: u.channel for u in found} == {
        **{"mono_0.000-1.000": None, "mono_1.000-2.000": None},
        **{"d_channel1": 0, "d_channel2": 1},
    }
    np.testing.assert_array_equal(samples_of(found[-1], "refuse"), LEFT[RATE_HZ:])
    assert "2 recordings of one channel of a file, by the column 'channel'" in capsys.readouterr().err
    # Of such files alone no column tells channels.
    assert [u.channel for u in listed_in(folder, *rows)] == [None, None]
    assert [u.channel for u in listed_in(folder, *rows, "d,ann,joy,,,1")] == [None] * 3
    assert capsys.readouterr().err.count("no file of several has rows of two") == 2


def test_numbers_are_from_0_where_a_file_of_several_channels_has_0(folder):
    """What counts from 1 in another file is then of a channel that it has not, and told where the file is read."""
    soundfile.write(folder / "e.wav", np.stack([LEFT, RIGHT, LEFT], 1), RATE_HZ, subtype="DOUBLE")
    rows = ("e,ann,joy,,,0", "e,bob,fear,,,2", "d,ann,joy,,,1", "d,bob,fear,,,2", "mono,ann,joy,,,0")
    assert [u.channel for u in listed_in(folder, *rows)] == [1, 2, 0, 2, None]


def test_a_file_that_cannot_be_read_is_told_where_it_is_read(folder):
    (folder / "broken.wav").write_bytes(b"RIFF")
    found = listed_in(folder, "broken,ann,joy,,,1", "broken,bob,joy,,,2", "d,ann,joy,,,1")
    assert {u.recording: u.channel for u in found} == {"broken_channel1": 0, "broken_channel2": 1, "d": 0}


@pytest.mark.parametrize("word", ["", "NA", "n/a", "both", "mix", "Mono", "all", "nan"])
def test_where_no_channel_is_named_all_are_read(word, folder, capsys):
    found = listed_in(
        folder, "d,ann,joy,0,1,1.0", "d,bob,fear,0,1,2.0", f"d,cy,joy,1,2,{word}", f"mono,cy,joy,,,{word}"
    )
    assert [u.channel for u in found] == [None, 0, 1, None]
    np.testing.assert_array_equal(samples_of(found[0]), (LEFT + RIGHT)[RATE_HZ:] / 2)
    assert "utterances.csv: 2 recordings of one channel of a file, by the column 'channel'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        *(("phone", "lapel"), ("1", "1"), ("2", "2"), ("1", "2"), ("0", "1"), ("left", "right"), ("A", "B")),
        *(("TED", "24"), ("24", "BBC"), ("2", ""), ("9" * 5000, "1"), ("-1", "1"), ("1.5", "1")),
    ],
    ids=lambda words: words[0][:9],
)
def test_a_column_of_which_no_file_has_two_channels_is_one_of_its_own(words, folder, capsys):
    """As of microphones or stations, of files of one channel or two."""
    found = listed_in(folder, f"d,ann,joy,,,{words[0]}", f"mono,ann,joy,,,{words[1]}")
    assert [(u.channel, u.value("channel")) for u in found] == [(None, word) for word in words]
    np.testing.assert_array_equal(samples_of(found[0]), (LEFT + RIGHT) / 2)
    np.testing.assert_array_equal(samples_of(found[1]), LEFT)
    assert "kept 'channel' as a column of its own" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["phone", "33", "9" * 5000, "-1", "1.5"], ids=len)
def test_a_column_with_a_word_that_is_no_channel_is_one_of_its_own(word, folder, capsys):
    found = listed_in(folder, "d,ann,joy,0,1,1", "d,bob,fear,1,2,2", f"mono,ann,joy,,,{word}")
    assert [u.channel for u in found] == [None] * 3
    assert "kept 'channel' as a column of its own" in capsys.readouterr().err


def test_other_columns_and_empty_ones_tell_no_channels(folder, capsys):
    assert [u.channel for u in listed_in(folder, "d,ann,joy,0,1,1", "d,ann,joy,1,2,2", column="channels")] == [None] * 2
    assert [u.channel for u in listed_in(folder, "d,ann,joy,0,1,", "d,ann,joy,1,2,")] == [None] * 2
    assert capsys.readouterr().err == ""


def test_one_channel_that_is_listed_twice_is_told(folder):
    with pytest.raises(RecordingError, match="listed twice, first in line 2 with another label or speaker"):
        listed_in(folder, "d,ann,joy,,,1", "d,ann,fear,,,1", "d,ann,joy,,,2")
    with pytest.raises(UserError, match="listed twice"):
        listed_in(folder, "d,ann,joy,,,left", "d,ann,joy,,,left", "d,ann,joy,,,right")


def test_equal_sounds_are_those_of_what_is_read(folder):
    soundfile.write(folder / "d.wav", np.stack([LEFT, LEFT], 1), RATE_HZ, subtype="DOUBLE")
    found = listed_in(folder, "d,ann,joy,,,1", "d,ann,joy,,,2", "mono,bob,joy,1,2,1")
    hashes = {u.recording: read_recording(u.source, RATE_HZ, 0.05, "mix").facts.sha256 for u in found}
    assert [p.recording for p in equal_sounds(found, hashes)] == ["d_channel2"]


@pytest.mark.parametrize(("channels", "overlap"), [((0, 1), False), ((0, 0), True), ((None, 1), True)])
def test_parts_of_two_channels_do_not_overlap(channels, overlap):
    first, second = (
        Utterance(emotion, "ann", "", emotion, "", Path("d.wav"), start_s=0.0, end_s=1.0, channel=channel)
        for emotion, channel in zip(("joy", "fear"), channels, strict=True)
    )
    assert bool(overlapping([first, second])[0]) == overlap


@pytest.mark.parametrize("words", [[], ["", ""], ["phone"], ["-1", "1"], ["1.5", "2"], ["A", "right"], ["a", "2"]])
def test_other_words_are_no_channels(words):
    assert channels_meant({Path("d.wav"): words}) == {}


def test_a_cue_in_one_channel_is_a_file_of_one(folder):
    source = Utterance("d", "ann", "", "neutral", "", folder / "d.wav", start_s=0.5, end_s=1.0, channel=1)
    speech = NaturalSpeech((source,), Reading(RATE_HZ, 0.05, "mix", F0Range(75.0, 600.0)), {source.path: "0"})
    one = PlantedRecording(source, "high", "f0", 1)
    assert speech.utterance(one, "high", Path("p.wav")).source == Source(Path("p.wav"))
    assert speech.file(one) != speech.file(one._replace(source=source._replace(channel=0)))
