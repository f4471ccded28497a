"""Reading wav files: good ones, other formats, and every kind of bad one."""

import librosa
import numpy as np
import pytest
import soundfile

from convcam_jax.corpora.sounds.audio import clipped_share, read_recording, wav_bytes
from convcam_jax.corpora.sounds.resampling import resample
from convcam_jax.corpora.sounds.sound_files import told_samples
from convcam_jax.corpora.sounds.sound_remarks import sound_remarks
from convcam_jax.corpora.utterances import Source
from convcam_jax.system.errors import RecordingError

RATE_HZ = 16000
SHORTEST_S = 0.04


def tone(n_samples: int, rate_hz: int = RATE_HZ, frequency_hz: float = 440.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * frequency_hz * np.arange(n_samples) / rate_hz)


def test_16_bit_samples_are_read_exactly(tmp_path):
    integers = np.random.default_rng(0).integers(-(2**15), 2**15, 2000, dtype=np.int16)
    soundfile.write(tmp_path / "a.wav", integers, RATE_HZ, subtype="PCM_16")
    recording = read_recording(Source(tmp_path / "a.wav"), RATE_HZ, SHORTEST_S)
    assert recording.samples.dtype == np.float64
    np.testing.assert_array_equal(recording.samples, integers / 2**15)
    assert recording.facts.file_rate_hz == RATE_HZ


@pytest.mark.parametrize("rate_hz", [8000, 22050, 44100, 48000])
def test_other_rates_are_resampled_and_told(rate_hz, tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(rate_hz, rate_hz), rate_hz, subtype="DOUBLE")
    recording = read_recording(Source(tmp_path / "a.wav"), RATE_HZ, SHORTEST_S)
    assert recording.facts.file_rate_hz == rate_hz
    assert recording.samples.shape == (RATE_HZ,)
    middle = slice(2000, -2000)
    np.testing.assert_allclose(recording.samples[middle], tone(RATE_HZ)[middle], atol=1e-4)


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 24414, 44100, 48000])
def test_resampling_is_librosas_to_the_bit(rate_hz, tmp_path):
    samples = np.random.default_rng(rate_hz).uniform(-1, 1, 12345)
    soundfile.write(tmp_path / "a.wav", samples, rate_hz, subtype="DOUBLE")
    recording = read_recording(Source(tmp_path / "a.wav"), RATE_HZ, SHORTEST_S)
    expected = librosa.resample(samples, orig_sr=rate_hz, target_sr=RATE_HZ)
    np.testing.assert_array_equal(recording.samples, expected)
    assert recording.samples.dtype == expected.dtype == np.float64


def test_resampled_signals_are_cut_or_end_in_silence():
    signals = np.random.default_rng(0).uniform(-1, 1, (2, 3, 800))
    whole = resample(signals, 8000, 16000, 1600)
    np.testing.assert_array_equal(whole[1, 2], librosa.resample(signals[1, 2], orig_sr=8000, target_sr=16000))
    np.testing.assert_array_equal(resample(signals, 8000, 16000, 1500), whole[..., :1500])
    longer = resample(signals, 8000, 16000, 1700)
    np.testing.assert_array_equal(longer[..., :1600], whole)
    assert longer.shape == (2, 3, 1700)
    assert not longer[..., 1600:].any()
    np.testing.assert_array_equal(resample(signals, 8000, 8000, 800), signals)


def test_several_channels_are_mixed_where_that_is_asked_for(tmp_path):
    left, right = np.random.default_rng(0).integers(-(2**15), 2**15, (2, 2000), dtype=np.int16)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), RATE_HZ, subtype="PCM_16")
    recording = read_recording(Source(tmp_path / "a.wav"), RATE_HZ, SHORTEST_S, channels="mix")
    np.testing.assert_array_equal(recording.samples, (left / 2**15 + right / 2**15) / 2)
    assert recording.facts.n_channels == 2
    message = r"2 channels; mix it down to one \(mono\), or begin the run with corpus\.channels=mix$"
    with pytest.raises(RecordingError, match=message):
        read_recording(Source(tmp_path / "a.wav"), RATE_HZ, SHORTEST_S)


def test_one_channel_is_the_same_however_channels_are_read(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(4000, 48000), 48000, subtype="DOUBLE")
    plain, mixed = (
        read_recording(Source(tmp_path / "a.wav"), RATE_HZ, SHORTEST_S, channels) for channels in ("refuse", "mix")
    )
    np.testing.assert_array_equal(plain.samples, mixed.samples)
    assert plain.facts == mixed.facts
    assert (plain.facts.file_rate_hz, plain.facts.n_channels) == (48000, 1)


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        (tone(1000), -tone(1000), "channels that cancel each other out"),
        (tone(1000), -0.9 * tone(1000), "channels that cancel each other out"),
        (tone(1000) + 0.05, 0.05 - 0.95 * tone(1000), "channels that cancel each other out"),
        (tone(1000) + 0.5, 0.5 - tone(1000), "channels that cancel each other out"),
        (np.full(1000, 0.1), np.full(1000, -0.3), "is silent"),
        (tone(0), tone(0), "is empty"),
        (tone(1000), np.full(1000, np.nan), "not finite"),
        (np.full(1000, np.inf), np.full(1000, -np.inf), "not finite"),
    ],
    ids=[
        "opposite",
        "nearly opposite",
        "with an offset",
        "with a large one",
        "offsets alone",
        "empty",
        "nan",
        "infinite",
    ],
)
def test_mixed_channels_are_checked_as_they_are_used(left, right, message, tmp_path):
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), RATE_HZ, subtype="DOUBLE")
    with pytest.raises(RecordingError, match=message):
        read_recording(Source(tmp_path / "a.wav"), RATE_HZ, SHORTEST_S, channels="mix")


@pytest.mark.parametrize("n_channels", [2, 32])
def test_one_of_many_channels_is_not_cancelled_by_silence(n_channels, tmp_path):
    channels = np.zeros((1000, n_channels))
    channels[:, 0] = tone(1000)
    soundfile.write(tmp_path / "a.wav", channels, RATE_HZ, subtype="DOUBLE")
    recording = read_recording(Source(tmp_path / "a.wav"), RATE_HZ, SHORTEST_S, channels="mix")
    np.testing.assert_allclose(recording.samples, tone(1000) / n_channels)


def test_opposite_offsets_are_no_channels_that_cancel_each_other_out(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.stack([tone(1000) + 8, tone(1000) - 8], axis=1), RATE_HZ, subtype="DOUBLE")
    recording = read_recording(Source(tmp_path / "a.wav"), RATE_HZ, SHORTEST_S, channels="mix")
    np.testing.assert_allclose(recording.samples, tone(1000), atol=1e-12)


def test_a_made_file_is_read_as_it_was_to_half_a_step(tmp_path):
    samples = np.random.default_rng(0).uniform(-1, 1, 2000)
    (tmp_path / "a.wav").write_bytes(wav_bytes(samples, RATE_HZ))
    pcm, rate_hz = soundfile.read(tmp_path / "a.wav", dtype="int16")
    assert rate_hz == RATE_HZ
    np.testing.assert_allclose(pcm / 32767, samples, atol=0.5001 / 32767)


def test_shortest_length_is_accepted(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(640), RATE_HZ)
    assert len(read_recording(Source(tmp_path / "a.wav"), RATE_HZ, SHORTEST_S).samples) == 640


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (tone(639), r"too short \(639 samples; pitch analysis needs 640, which is 40\.0 ms\)"),
        (np.zeros(0), r"empty \(0 samples\)"),
        (np.zeros(16000), "silent"),
        (np.full(16000, 0.25), "silent"),
        (np.stack([tone(16000)] * 2, axis=1), r"has 2 channels; mix it down to one"),
        (np.where(np.arange(16000) == 5, np.nan, tone(16000)), "not finite"),
        (np.where(np.arange(16000) == 5, np.inf, tone(16000)), "not finite"),
    ],
)
def test_unusable_samples_are_named(samples, message, tmp_path):
    path = tmp_path / "03a01Fa.wav"
    soundfile.write(path, samples, RATE_HZ, subtype="FLOAT")
    with pytest.raises(RecordingError, match=message) as caught:
        read_recording(Source(path), RATE_HZ, SHORTEST_S)
    assert caught.value.recording == "03a01Fa"
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_too_short_is_by_duration_not_by_samples(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(1919, 48000), 48000)
    with pytest.raises(RecordingError, match=r"too short \(1919 samples; pitch analysis needs 1920, "):
        read_recording(Source(tmp_path / "a.wav"), RATE_HZ, SHORTEST_S)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"this is no sound at all" * 10])
def test_files_that_are_not_audio_are_named(content, tmp_path):
    (tmp_path / "03a01Fa.wav").write_bytes(content)
    with pytest.raises(RecordingError, match=r"03a01Fa\.wav cannot be read as audio \(.+\); replace it"):
        read_recording(Source(tmp_path / "03a01Fa.wav"), RATE_HZ, SHORTEST_S)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(RecordingError, match=r"03a01Fa\.wav is missing"):
        read_recording(Source(tmp_path / "03a01Fa.wav"), RATE_HZ, SHORTEST_S)


@pytest.mark.parametrize(
    ("start_s", "end_s"),
    [
        *((-0.5, None), (-0.5, 0.5), (0.6, 0.2), (0.5, 0.5), (0.0, 0), (0.0, -1)),
        *((np.nan, None), (0.0, np.nan), (np.inf, None), (0.0, np.inf)),
    ],
)
@pytest.mark.parametrize("ending", [".wav", ".mp3"])
def test_a_part_that_is_none_of_any_file_is_told(ending, start_s, end_s, tmp_path):
    path = tmp_path / f"a{ending}"
    soundfile.write(path, tone(16000), RATE_HZ)
    with pytest.raises(RecordingError, match=r"is asked for from start .* s to .*, which is no part of a file"):
        read_recording(Source(path, start_s, end_s), RATE_HZ, SHORTEST_S)
    assert told_samples(Source(path, start_s, end_s), RATE_HZ) == 0


def test_the_clipped_share_is_what_the_extremes_have_more_than_the_values_next_to_them():
    ramp = np.arange(-10, 11) / 16
    assert clipped_share(ramp) == 0
    # Three more at the highest value than at the next one, and one less at the lowest.
    assert clipped_share(np.concatenate([ramp, [10 / 16] * 3, [-9 / 16]])) == 3 / 25
    assert clipped_share(np.concatenate([ramp, [10 / 16] * 3, [-10 / 16] * 2])) == 5 / 26
    # A step of a sixteenth of the range, and one above it.
    assert clipped_share(np.array([*range(17), 16, 16]) / 32) == 2 / 19
    assert clipped_share(np.array([*range(16), 15, 15]) / 32) == 0
    assert clipped_share(np.full(5, 0.25)) == 0


@pytest.mark.parametrize(("gain", "share"), [(1, 0.0), (3, 0.0104), (40, 0.4322)])
def test_a_recording_amplified_beyond_full_scale_is_clipped(gain, share, emodb_dir, tmp_path):
    samples, rate_hz = soundfile.read(emodb_dir / "wav" / "03a01Fa.wav", dtype="int16")
    soundfile.write(tmp_path / "a.wav", np.clip(gain * samples.astype(int), -(2**15), 2**15 - 1).astype("i2"), rate_hz)
    facts = read_recording(Source(tmp_path / "a.wav"), RATE_HZ, SHORTEST_S).facts
    assert facts.clipped_share == pytest.approx(share, abs=1e-4)
    clipped = "have more than 0.2 % of their samples piled up at the highest or lowest value (clipped?)"
    assert sound_remarks({"a": facts}, RATE_HZ) == ([f"1 of 1 recordings {clipped}: a"] if gain > 1 else [])


@pytest.mark.parametrize("n_bits", [8, 16])
@pytest.mark.parametrize("peak", [1, 2, 3, 6, 12])
def test_coarse_steps_of_a_quiet_recording_are_no_clipping(n_bits, peak, tmp_path):
    """Pulses of one sign above a noise of less than a step: most samples are at an extreme or near it."""
    random = np.random.default_rng(0)
    loudness = np.maximum(np.sin(2 * np.pi * 3 * np.arange(2 * RATE_HZ) / RATE_HZ), 0)
    pulses = loudness * np.abs(random.standard_normal(2 * RATE_HZ))
    steps = np.round(peak * pulses / pulses.max() + 0.1 * random.standard_normal(2 * RATE_HZ))
    subtype = {8: "PCM_U8", 16: "PCM_16"}[n_bits]
    soundfile.write(tmp_path / "a.wav", steps / 2 ** (n_bits - 1), RATE_HZ, subtype=subtype)
    facts = read_recording(Source(tmp_path / "a.wav"), RATE_HZ, SHORTEST_S).facts
    assert not any("clipped" in remark for remark in sound_remarks({"a": facts}, RATE_HZ))


@pytest.mark.parametrize("other", [0.0, 0.01])
def test_a_channel_without_sound_is_not_clipped(other, tmp_path):
    soundfile.write(tmp_path / "a.wav", np.stack([tone(RATE_HZ), np.full(RATE_HZ, other)], axis=1), RATE_HZ)
    facts = read_recording(Source(tmp_path / "a.wav"), RATE_HZ, SHORTEST_S, "mix").facts
    assert facts.clipped_share == clipped_share(np.round(tone(RATE_HZ) * 2**15) / 2**15) < 0.002
