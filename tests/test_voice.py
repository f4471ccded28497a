"""The synthesiser against closed forms, its own settings, and Praat's analysis."""

import numpy as np
import parselmouth
import pytest
from scipy.signal import welch

from convcam_jax.corpora.synthetic import voice

RATE_HZ = 16000
M = 201  # Control instants of one second.
FORMANTS_HZ = (600.0, 1500.0, 2500.0, 3500.0, 4500.0, 5500.0, 6500.0, 7500.0)
BANDWIDTHS_HZ = (60.0, 80.0, 120.0, 180.0, 250.0, 350.0, 450.0, 550.0)


def steady(**changes: object) -> voice.Controls:
    ones = np.ones(M)
    controls = voice.Controls(
        f0_hz=120.0 * ones,
        level_db=-20.0 * ones,
        voicing=ones,
        tilt_db=6.0 * ones,
        aspiration=0.0 * ones,
        frication=0.0 * ones,
        frication_hz=5000.0 * ones,
        frication_width_hz=1500.0 * ones,
        formant_hz=np.tile(FORMANTS_HZ, (M, 1)),
        bandwidth_hz=np.tile(BANDWIDTHS_HZ, (M, 1)),
        jitter=0.003,
        shimmer_db=0.2,
        floor_db=-90.0,
    )
    return controls._replace(**changes)


def make(**changes: object) -> voice.Sound:
    return voice.synthesise(np.random.default_rng(5), steady(**changes), RATE_HZ)


def praat_f0(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pitch = parselmouth.Sound(samples, RATE_HZ).to_pitch_ac(time_step=0.01, pitch_floor=75.0, pitch_ceiling=600.0)
    return pitch.xs(), pitch.selected_array["frequency"]


def test_glottal_spectrum_is_the_pulse_integrated_numerically():
    frequency_hz, open_s = np.array([0.0, 100.0, 1000.0, 5000.0]), 0.005
    u = (np.arange(200_000) + 0.5) / 200_000
    pulse = 2 * u - 3 * u**2
    expected = [np.mean(pulse * np.exp(-2j * np.pi * f * open_s * u)) * open_s for f in frequency_hz]
    spectrum = voice.glottal_spectrum(frequency_hz, np.array([open_s]))
    np.testing.assert_allclose(spectrum[0], expected, rtol=1e-5, atol=1e-12)
    assert spectrum[0, 0] == 0


def test_tilt_takes_its_decibels_at_3_khz_and_nothing_at_0_hz():
    tilt_db = np.array([0.0, 3.0, 20.0])
    gain = np.abs(voice.tilt_response(np.array([0.0, 3000.0, 8000.0]), tilt_db))
    np.testing.assert_allclose(gain[:, 0], 1.0)
    np.testing.assert_allclose(20 * np.log10(gain[:, 1]), -tilt_db, atol=1e-9)
    assert np.all(np.diff(gain[1:], axis=1) < 0)


def test_one_formant_has_gain_frequency_over_bandwidth_at_its_centre():
    response = voice.tract_response(np.array([0.0, 500.0, 1000.0]), np.array([[500.0]]), np.array([[50.0]]))
    # 1 / (1 - r^2 + j r w / F) at r = 0, 1, 2.
    np.testing.assert_allclose(response[0], [1.0, 10.0 / 1j, 1 / (-3 + 0.2j)], rtol=1e-12)


def test_cascade_is_the_product_of_its_formants():
    frequency_hz = np.linspace(0, 8000, 513)
    formant_hz, bandwidth_hz = np.array([FORMANTS_HZ]), np.array([BANDWIDTHS_HZ])
    product = np.ones(513, dtype=complex)
    for k in range(8):
        product *= voice.tract_response(frequency_hz, formant_hz[:, k : k + 1], bandwidth_hz[:, k : k + 1])[0]
    np.testing.assert_allclose(voice.tract_response(frequency_hz, formant_hz, bandwidth_hz)[0], product, rtol=1e-8)


def test_band_response_keeps_the_rms_of_white_noise():
    frequency_hz = np.linspace(0, 8000, 4001)
    response = voice.band_response(frequency_hz, np.array([4000.0]), np.array([400.0]), RATE_HZ)
    assert np.sqrt(np.mean(np.abs(response) ** 2)) == pytest.approx(1.0, rel=0.05)
    assert frequency_hz[np.argmax(np.abs(response[0]))] == 4000.0


def test_pulses_come_once_a_period_and_only_while_voiced():
    f0_hz, voiced = np.full(RATE_HZ, 100.0), np.arange(RATE_HZ) < 8000
    pulse_s = voice.pulse_instants(np.random.default_rng(0), f0_hz, voiced, np.zeros_like(f0_hz), RATE_HZ)
    np.testing.assert_allclose(np.diff(pulse_s), 0.01, rtol=1e-9)
    assert len(pulse_s) in (49, 50)
    assert pulse_s.max() < 0.5


def test_jitter_is_the_deviation_of_the_pulses_in_periods():
    f0_hz, voiced = np.full(20 * RATE_HZ, 100.0), np.ones(20 * RATE_HZ, dtype=bool)
    regular, irregular = (
        voice.pulse_instants(np.random.default_rng(0), f0_hz, voiced, np.full_like(f0_hz, jitter), RATE_HZ)
        for jitter in (0.0, 0.02)
    )
    assert np.std(irregular - regular) == pytest.approx(0.02 * 0.01, rel=0.06)


def test_a_pulse_opens_at_its_instant_and_closes_after_the_open_phase():
    far_hz = np.full((M, 1), 1e6)  # Formants so high that the pulse itself is heard.
    sound = make(formant_hz=far_hz, bandwidth_hz=far_hz, tilt_db=np.zeros(M), f0_hz=np.full(M, 100.0), floor_db=-200.0)
    for pulse_s in sound.pulse_s[5:10]:
        cycle = sound.samples[round(pulse_s * RATE_HZ) : round((pulse_s + 0.01) * RATE_HZ)]
        assert np.argmin(cycle) / RATE_HZ == pytest.approx(0.006, abs=1.5 / RATE_HZ)
        assert np.argmax(cycle) / RATE_HZ == pytest.approx(0.002, abs=2 / RATE_HZ)  # 2u - 3u^2 is largest at u = 1/3.
        assert np.abs(cycle[round(0.008 * RATE_HZ) :]).max() < 0.03 * np.abs(cycle).max()


def test_overlap_add_by_hand():
    grains = np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0], [100.0, 200.0, 300.0]])
    total = voice.overlap_add(grains, np.array([-1, 1, 3]), 4)
    np.testing.assert_array_equal(total, [2.0, 13.0, 20.0, 130.0])


@pytest.mark.parametrize("f0_hz", [90.0, 120.0, 210.0, 330.0])
def test_praat_finds_the_known_f0_of_a_steady_vowel(f0_hz: float):
    sound = make(f0_hz=np.full(M, f0_hz))
    np.testing.assert_allclose(sound.f0_hz, f0_hz, rtol=1e-12)
    _, found_hz = praat_f0(sound.samples)
    assert np.mean(found_hz > 0) > 0.95
    error = np.abs(found_hz[found_hz > 0] / f0_hz - 1)
    assert np.median(error) < 0.005
    assert np.mean(error > 0.2) < 0.02


def test_praat_follows_a_gliding_f0_and_sees_voicing_end():
    time_s = np.arange(M) * voice.CONTROL_STEP_S
    glide_hz = 150.0 * 2 ** (time_s - 0.5)
    sound = make(f0_hz=glide_hz, voicing=((time_s > 0.1) & (time_s < 0.7)).astype(float))
    found_s, found_hz = praat_f0(sound.samples)
    known_hz = sound.f0_hz[np.round(found_s * RATE_HZ).astype(int)]
    assert np.mean((known_hz > 0) == (found_hz > 0)) > 0.95
    both = (known_hz > 0) & (found_hz > 0)
    assert np.median(np.abs(found_hz[both] / known_hz[both] - 1)) < 0.01
    np.testing.assert_allclose(known_hz[both], 150.0 * 2 ** (found_s[both] - 0.5), rtol=1e-3)


def test_formants_are_where_praat_finds_them():
    formants = parselmouth.Sound(make(f0_hz=np.full(M, 100.0)).samples, RATE_HZ).to_formant_burg(
        max_number_of_formants=5, maximum_formant=5000.0
    )
    times_s = np.arange(0.2, 0.8, 0.05)
    for number, expected_hz in enumerate(FORMANTS_HZ[:4], start=1):
        found_hz = np.median([formants.get_value_at_time(number, t) for t in times_s])
        assert found_hz == pytest.approx(expected_hz, rel=0.06)


def test_aspiration_has_spectral_peaks_at_the_formants():
    sound = make(voicing=np.zeros(M), aspiration=np.ones(M), tilt_db=np.zeros(M))
    frequency_hz, power = welch(sound.samples, RATE_HZ, nperseg=512)
    for centre_hz in FORMANTS_HZ[:3]:
        near = np.abs(frequency_hz - centre_hz) < 400
        assert frequency_hz[near][np.argmax(power[near])] == pytest.approx(centre_hz, abs=65)


def test_frication_lies_in_its_band():
    sound = make(voicing=np.zeros(M), frication=np.ones(M))
    frequency_hz, power = welch(sound.samples, RATE_HZ, nperseg=512)
    assert power[np.abs(frequency_hz - 5000) < 1500].sum() / power.sum() > 0.7
    assert np.std(sound.samples) == pytest.approx(0.1, rel=0.15)  # -20 dB re RMS 1.


def test_unvoiced_sound_has_no_pulse_and_f0_0():
    sound = make(voicing=np.zeros(M), aspiration=np.ones(M))
    assert len(sound.pulse_s) == 0
    assert not sound.f0_hz.any()
    assert sound.samples.std() > 0.01


def test_power_has_no_trend_with_f0():
    f0_hz = np.arange(100.0, 400.0, 13.0)
    level_db = [20 * np.log10(make(f0_hz=np.full(M, f0)).samples.std()) for f0 in f0_hz]
    # Harmonics fall beside or onto formants; pulses of one height would gain 1.5 dB per octave.
    assert abs(np.polyfit(np.log2(f0_hz), level_db, 1)[0]) < 0.5


def test_level_is_in_decibels():
    louder = make(level_db=np.full(M, -14.0), floor_db=-200.0).samples
    quieter = make(floor_db=-200.0).samples
    np.testing.assert_allclose(louder, quieter * 10 ** (6 / 20), atol=1e-9)


def test_tilt_changes_neither_pulses_nor_f0_but_the_balance_of_the_spectrum():
    tense, lax = make(tilt_db=np.full(M, 1.0)), make(tilt_db=np.full(M, 15.0))
    np.testing.assert_array_equal(tense.pulse_s, lax.pulse_s)
    balance_db = []
    for sound in (tense, lax):
        frequency_hz, power = welch(sound.samples, RATE_HZ, nperseg=512)
        balance_db.append(10 * np.log10(power[frequency_hz > 2000].sum() / power[frequency_hz < 1000].sum()))
    assert 5 < balance_db[0] - balance_db[1] < 15


def test_changing_f0_leaves_unvoiced_stretches_alone():
    voicing = np.where(np.arange(M) < 100, 1.0, 0.0)
    low, high = (make(f0_hz=np.full(M, f0), voicing=voicing, aspiration=1 - voicing) for f0 in (110.0, 220.0))
    after = RATE_HZ // 2 + round((voice.GRAIN_S + 0.02) * RATE_HZ)
    np.testing.assert_array_equal(low.samples[after:], high.samples[after:])
    assert np.abs(low.samples[:8000] - high.samples[:8000]).max() > 0.01


def test_same_stream_same_bytes_other_stream_other_noise():
    assert make(aspiration=np.ones(M)).samples.tobytes() == make(aspiration=np.ones(M)).samples.tobytes()
    other = voice.synthesise(np.random.default_rng(6), steady(aspiration=np.ones(M)), RATE_HZ)
    assert np.abs(other.samples - make(aspiration=np.ones(M)).samples).max() > 0.01
