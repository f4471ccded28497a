"""Reading wav files: good ones, other formats, and every kind of bad one."""

import numpy as np
import pytest
import soundfile

from convcam_jax.corpora.audio import read_recording
from convcam_jax.system.errors import RecordingError

RATE_HZ = 16000
SHORTEST_S = 0.04


def tone(n_samples: int, rate_hz: int = RATE_HZ, frequency_hz: float = 440.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * frequency_hz * np.arange(n_samples) / rate_hz)


def test_16_bit_samples_are_read_exactly(tmp_path):
    integers = np.random.default_rng(0).integers(-(2**15), 2**15, 2000, dtype=np.int16)
    soundfile.write(tmp_path / "a.wav", integers, RATE_HZ, subtype="PCM_16")
    recording = read_recording(tmp_path / "a.wav", RATE_HZ, SHORTEST_S)
    assert recording.samples.dtype == np.float64
    np.testing.assert_array_equal(recording.samples, integers / 2**15)
    assert recording.file_rate_hz == RATE_HZ


@pytest.mark.parametrize("rate_hz", [8000, 22050, 44100, 48000])
def test_other_rates_are_resampled_and_told(rate_hz, tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(rate_hz, rate_hz), rate_hz, subtype="DOUBLE")
    recording = read_recording(tmp_path / "a.wav", RATE_HZ, SHORTEST_S)
    assert recording.file_rate_hz == rate_hz
    assert recording.samples.shape == (RATE_HZ,)
    middle = slice(2000, -2000)
    np.testing.assert_allclose(recording.samples[middle], tone(RATE_HZ)[middle], atol=1e-4)


def test_shortest_length_is_accepted(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(640), RATE_HZ)
    assert len(read_recording(tmp_path / "a.wav", RATE_HZ, SHORTEST_S).samples) == 640


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (tone(639), r"too short \(39\.9 ms; pitch analysis needs 40\.0 ms\)"),
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
        read_recording(path, RATE_HZ, SHORTEST_S)
    assert caught.value.recording == "03a01Fa"
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_too_short_is_by_duration_not_by_samples(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(1000, 48000), 48000)
    with pytest.raises(RecordingError, match=r"too short \(20\.8 ms"):
        read_recording(tmp_path / "a.wav", RATE_HZ, SHORTEST_S)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"this is no sound at all" * 10])
def test_files_that_are_not_audio_are_named(content, tmp_path):
    (tmp_path / "03a01Fa.wav").write_bytes(content)
    with pytest.raises(RecordingError, match=r"03a01Fa\.wav cannot be read as audio \(.+\); replace it"):
        read_recording(tmp_path / "03a01Fa.wav", RATE_HZ, SHORTEST_S)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(RecordingError, match=r"03a01Fa\.wav is missing"):
        read_recording(tmp_path / "03a01Fa.wav", RATE_HZ, SHORTEST_S)
