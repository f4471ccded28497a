"""What is told of the sounds of a corpus: rates, channels, offsets and odd levels."""

import numpy as np
import pytest
from sound_bytes import RATE_HZ, speech_like
from test_sound_files import recording_of

from convcam_jax.corpora.sounds.sound_remarks import highest_file_rate_hz, remark_on_band, sound_remarks


def test_muted_and_clipped_recordings_are_told(tmp_path):
    speech = speech_like() / np.abs(speech_like()).max()
    sounds = {
        "plain": recording_of(speech, tmp_path).facts,
        "quiet": recording_of(0.0011 * speech, tmp_path).facts,
        # Clipped, too, which nobody hears.
        "muted": recording_of(0.0009 * np.clip(speech, *np.quantile(speech, [0.01, 0.99])) + 0.1, tmp_path).facts,
        # A hundredth at each end, which is at one value then.
        "clipped": recording_of(np.clip(speech, *np.quantile(speech, [0.01, 0.99])), tmp_path).facts,
    }
    assert sounds["clipped"].clipped_share == pytest.approx(0.02, abs=4 / len(speech))
    assert sounds["plain"].clipped_share <= 2 / len(speech)
    on_offset, muted, clipped = sound_remarks(sounds, RATE_HZ)
    assert on_offset.endswith("it was taken away: muted")
    assert muted == (
        "1 of 4 recordings are hardly to be heard (a peak below 0.001 of full scale), as when a microphone is muted: "
        "muted"
    )
    assert clipped == (
        "1 of 4 recordings have more than 0.2 % of their samples piled up at the highest or lowest value (clipped?): "
        "clipped"
    )


def test_what_is_told_of_sounds_is_a_line_for_each_kind_with_counts(tmp_path):
    plain = recording_of(speech_like(), tmp_path).facts
    assert sound_remarks({"a": plain, "b": plain}, RATE_HZ) == []
    sounds = {
        "a": plain,
        "b": plain._replace(file_rate_hz=8000, n_channels=2),
        "c": plain._replace(file_rate_hz=48000, removed_offset=0.5, peak=4.0),
        "d": plain._replace(file_rate_hz=8000),
    }
    assert sound_remarks(sounds, RATE_HZ) == [
        "3 of 4 recordings are not at 16000 Hz and were resampled: 2 of 8000 Hz, 1 of 48000 Hz; those below 16000 Hz "
        "are empty from half their rate on (4000 Hz), by which a network can tell them from the others",
        "1 of 4 recordings have several channels and were mixed down to one: b",
        "1 of 4 recordings have a constant offset beside which the sound is small; it was taken away: c",
        "1 of 4 recordings go beyond full scale (floating-point samples above 1) and are used as they are: c",
    ]
    [only_low] = sound_remarks({"b": plain._replace(file_rate_hz=8000)}, RATE_HZ)
    assert only_low.endswith("are empty from half their rate on (4000 Hz)")
    [only_high] = sound_remarks({"c": plain._replace(file_rate_hz=48000)}, RATE_HZ)
    assert only_high == "1 of 1 recordings are not at 16000 Hz and were resampled: 1 of 48000 Hz"
    rates_hz = {"8k": 8000, "11k": 11025, "16k": 16000, "48k": 48000}
    of_rates = {name: plain._replace(file_rate_hz=rate_hz) for name, rate_hz in rates_hz.items()}
    assert [highest_file_rate_hz([sound], RATE_HZ) for sound in of_rates.values()] == [8000, 11025, 16000, 16000]
    assert highest_file_rate_hz(of_rates.values(), RATE_HZ) == 16000
    assert remark_on_band(of_rates, RATE_HZ, 11025).startswith(
        "2 of 4 recordings may have sound above 5512.5 Hz, where"
    )
    assert remark_on_band(of_rates, RATE_HZ, 11025).endswith(": 16k, 48k")
    assert remark_on_band(of_rates, RATE_HZ, 16000) == ""
