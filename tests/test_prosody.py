"""F0 and voicing at the frames of the CQT."""

import numpy as np
import parselmouth
import pytest
from skimage.transform import resize

from convcam_jax.representations import frame_f0
from convcam_jax.representations.features import Features
from convcam_jax.settings.config import PUBLISHED_ANALYSIS, AnalysisConfig


def voicing(text):
    return np.array([letter == "v" for letter in text])


def test_resized_with_zeros_by_hand():
    # Positions (j + 1/2) * 6 / 3 - 1/2 = 0.5, 2.5, 4.5.
    np.testing.assert_allclose(frame_f0.resized_with_zeros(np.array([0, 200.0, 210, 220, 0, 0]), 3), [100, 215, 0])


def test_resized_with_zeros_equals_resizing_a_picture():
    track = np.random.default_rng(0).uniform(75, 600, 317)
    expected = resize(track[None, :], (1, 103), order=1, mode="edge", anti_aliasing=False)[0]
    np.testing.assert_allclose(frame_f0.resized_with_zeros(track, 103), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("..v...", "..vv.."),
        ("..vv..", "..vv.."),
        # The frame made voiced joins the next one: that is no longer isolated.
        ("..v.v..", "..vvv.."),
        ("..v..v...", "..vv.vv.."),
        # The ends have one neighbour only.
        ("v...", "v..."),
        ("...v", "...v"),
        ("..v.", "..vv"),
        ("v", "v"),
        (".....", "....."),
    ],
)
def test_extend_isolated_voiced(before, after):
    voiced = voicing(before)
    np.testing.assert_array_equal(frame_f0.extend_isolated_voiced(voiced), voicing(after))
    np.testing.assert_array_equal(voiced, voicing(before))


def test_voiced_frames_only_by_hand():
    praat_hz = np.array([0, 0, 200.0, 210, 220, 0])
    praat_s = 0.02 + 0.01 * np.arange(6)
    # Nearest unvoiced; nearest voiced, other one not; between two voiced; the same; nearest unvoiced; beyond the track.
    times_s = np.array([0.034, 0.037, 0.0425, 0.058, 0.0651, 0.09])
    np.testing.assert_allclose(
        frame_f0.voiced_frames_only(praat_hz, praat_s, times_s), [0, 200, 202.5, 218, 0, 0], atol=1e-9
    )


def test_voiced_frames_only_ends_half_a_step_beyond_the_track():
    praat_hz, praat_s = np.array([100.0, 110, 120]), np.array([0.02, 0.03, 0.04])
    times_s = np.array([0.0, 0.0149, 0.0151, 0.0449, 0.0451])
    np.testing.assert_array_equal(frame_f0.voiced_frames_only(praat_hz, praat_s, times_s), [0, 0, 100, 120, 0])


def test_voiced_frames_only_equals_praats_own_reading():
    """Oracle: Praat's "Get value at time" on a gliding tone with pauses."""
    time_s = np.arange(16000) / 16000
    phase = 2 * np.pi * np.cumsum(150 + 80 * np.sin(7 * time_s)) / 16000
    samples = sum(np.sin(k * phase) / k for k in range(1, 8)) * (np.sin(25 * time_s) > -0.3)
    pitch = parselmouth.Sound(samples, sampling_frequency=16000).to_pitch_ac(time_step=0.01)
    frame_time_s = np.arange(40) * 512 / 16600
    expected = np.nan_to_num([pitch.get_value_at_time(t) for t in frame_time_s])
    assert 10 < np.count_nonzero(expected) < 35
    result = frame_f0.voiced_frames_only(pitch.selected_array["frequency"], pitch.xs(), frame_time_s)
    np.testing.assert_allclose(result, expected, rtol=1e-9)


def test_a_steady_voice_is_read_at_its_frequency_or_as_unvoiced():
    praat_hz = np.where(np.sin(np.arange(300)) > -0.5, 180.0, 0.0)
    result = frame_f0.voiced_frames_only(praat_hz, 0.02 + 0.01 * np.arange(300), np.arange(97) * 512 / 16600)
    assert set(np.round(result, 9)) == {0.0, 180.0}


def test_frame_f0_picks_by_the_config():
    praat_hz = np.array([0, 0, 0, 150.0, 150, 0, 0, 0, 0, 0, 0, 0])
    features = Features(np.zeros((1, 4), np.float32), praat_hz, 0.02 + 0.01 * np.arange(12), np.zeros(4))
    frame_time_s = np.arange(4) * 512 / 16600
    published = frame_f0.frame_f0(features, frame_time_s, PUBLISHED_ANALYSIS)
    # Positions 1, 4, 7, 10 of the track; frame 1 is isolated and makes frame 2, at 0 Hz, voiced.
    np.testing.assert_array_equal(published.f0_hz, [0, 150, 0, 0])
    np.testing.assert_array_equal(published.voiced, [False, True, True, False])
    corrected = frame_f0.frame_f0(features, frame_time_s, AnalysisConfig())
    # Frames lie at 0, 31, 62, 93 ms, the voiced Praat frames at 50 and 60 ms.
    np.testing.assert_array_equal(corrected.f0_hz, [0, 0, 150, 0])
    np.testing.assert_array_equal(corrected.voiced, [False, False, True, False])
