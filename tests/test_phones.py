"""Timelines and tracks of articulation by hand."""

import numpy as np
import pytest

from convcam_jax.corpora.synthetic import phones


def timeline(sentence: str, tempo: float = 1.0, pause_s: float = 0.1, lengthening: float = 1.0) -> phones.Timeline:
    return phones.make_timeline(np.random.default_rng(0), sentence, tempo, pause_s, lengthening)


def by_hand(*segments: tuple[float, phones.Segment]) -> phones.Timeline:
    duration_s, parts = zip(*segments, strict=True)
    return phones.Timeline(parts, np.cumsum(duration_s), (False,) * len(parts))


def durations_s(line: phones.Timeline) -> np.ndarray:
    return np.diff(line.end_s, prepend=0.0)


def test_a_sentence_becomes_its_segments_between_silences():
    line = timeline("p 'a | m")
    expected = (*phones.CONSONANTS["p"], phones.VOWELS["a"], phones.SILENCE, *phones.CONSONANTS["m"])
    assert line.segments == (phones.SILENCE, *expected, phones.SILENCE)
    assert line.stressed == (False, False, False, False, True, False, False, False)


def test_durations_are_inherent_within_their_deviation():
    inherent_s = np.array([0.04, phones.VOWELS["a"].duration_s, phones.CONSONANTS["m"][0].duration_s, 0.06])
    ratio = durations_s(timeline("a m")) / inherent_s
    assert ratio[0] == pytest.approx(1.0)
    assert ratio[-1] == pytest.approx(1.0)
    assert np.all(np.abs(np.log(ratio)) <= 0.16 + 1e-12)
    assert np.all(ratio[1:-1] != 1)


def test_tempo_shortens_phones_but_not_pauses():
    slow, fast = durations_s(timeline("m 'a | n i")), durations_s(timeline("m 'a | n i", tempo=2.0))
    np.testing.assert_allclose(slow / fast, [1, 2, 2, 1, 2, 2, 1])


def test_stressed_and_last_vowels_are_lengthened():
    plain, long = durations_s(timeline("m 'a n e l i")), durations_s(timeline("m 'a n e l i", lengthening=1.5))
    np.testing.assert_allclose(long / plain, [1, 1, 1.5, 1, 1, 1, 1.5, 1])


def test_segment_track_reads_each_segment_at_its_time():
    line = by_hand((0.01, phones.SILENCE), (0.02, phones.VOWELS["a"]), (0.01, phones.SILENCE))
    np.testing.assert_allclose(phones.control_times(line), np.arange(9) * 0.005)
    np.testing.assert_array_equal(phones.segment_track(line, [1.0, 2.0, 3.0]), [1, 1, 2, 2, 2, 2, 3, 3, 3])


def test_smooth_keeps_constants_and_is_a_hann_average():
    np.testing.assert_allclose(phones.smooth(np.full((20, 3), 7.0), 0.06), 7.0)
    impulse = np.zeros(9)
    impulse[4] = 1.0
    np.testing.assert_allclose(phones.smooth(impulse, 0.01), [0, 0, 0, 0.25, 0.5, 0.25, 0, 0, 0])


def test_formants_reach_their_targets_scaled_by_precision_and_tract():
    line = by_hand((0.1, phones.SILENCE), (0.3, phones.VOWELS["i"]), (0.1, phones.SILENCE))
    formant_hz, bandwidth_hz = phones.formant_tracks(line, 0.5, 1.2)
    assert formant_hz.shape == bandwidth_hz.shape == (101, 8)
    # Half-way from the neutral tract's 480, 1450, 2450 Hz to 280, 2200, 2900 Hz, in a tract shorter by 1.2.
    np.testing.assert_allclose(formant_hz[50, :4], 1.2 * np.array([380.0, 1825.0, 2675.0, 3500.0]))
    np.testing.assert_allclose(bandwidth_hz[50], phones.BANDWIDTHS_HZ)
    assert np.abs(np.diff(formant_hz[:, 1])).max() < 1.2 * 0.5 * 750 / 5  # No jump: the way takes 60 ms.


def test_gain_is_zero_outside_its_segments_and_full_inside():
    line = by_hand((0.048, phones.SILENCE), (0.1, phones.VOWELS["a"]), (0.052, phones.SILENCE))
    gain = phones.gain_track(line, [segment.voicing_db for segment in line.segments])
    np.testing.assert_array_equal(gain > 0, (np.arange(41) >= 10) & (np.arange(41) < 30))
    assert gain[20] == pytest.approx(1.0)
    assert 0 < gain[10] < 0.8
