"""CQT, F0 and energy against hand values, closed forms, librosa and the published pictures."""

import csv
from dataclasses import replace
from importlib.metadata import version

import librosa
import numpy as np
import pytest
import soundfile

from convcam_jax.representations.features import (
    bin_frequencies_hz,
    compute_features,
    cqt_magnitude,
    frame_energy,
    frame_times_s,
    n_cqt_frames,
    n_cqt_samples,
    praat_f0,
    scale_cqt,
    shortest_s,
)
from convcam_jax.settings.config import FeatureConfig

CONFIG = FeatureConfig()
RATE_HZ = CONFIG.sample_rate_hz


def sine(frequency_hz: float, duration_s: float, amplitude: float = 0.5) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * frequency_hz * np.arange(round(duration_s * RATE_HZ)) / RATE_HZ)


def noise(n_samples: int) -> np.ndarray:
    return 0.1 * np.random.default_rng(0).normal(size=n_samples)


@pytest.mark.parametrize(
    # 79 * 1.0375 = 81.96; 80 * 1.0375 is 83 exactly; 16000 becomes 16600 = 32 * 512 + 216.
    ("n_samples", "n_resampled", "n_frames"),
    [(79, 82, 1), (80, 83, 1), (81, 85, 1), (493, 512, 2), (492, 511, 1), (16000, 16600, 33), (99, 103, 1)],
)
def test_frames_by_hand(n_samples, n_resampled, n_frames):
    assert n_cqt_samples(n_samples, CONFIG) == n_resampled
    assert n_cqt_frames(n_samples, CONFIG) == n_frames


def test_frames_of_the_published_recordings(reference_dir):
    with (reference_dir / "published_recordings.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 58
    assert [n_cqt_frames(int(r["n_samples_16k"]), CONFIG) for r in rows] == [int(r["n_frames"]) for r in rows]


# 493 * 1.0375 = 511.5 gives 512 samples, a second frame; 492 gives 511 samples, one frame; so do their kin at 54 * 512.
@pytest.mark.parametrize("n_samples", [640, 700, 3000, 8000, 16000, 26648, 26649])
def test_number_of_frames_is_the_formulas(n_samples):
    assert cqt_magnitude(noise(n_samples), CONFIG).shape == (96, n_cqt_frames(n_samples, CONFIG))


def test_rounding_of_the_ratio_adds_no_frame():
    # 80 k samples become exactly 83 k, which a floating-point ratio may make 83 k + 1.
    multiples = [80 * k for k in range(1, 4000) if (83 * k) % 512 == 511]
    assert multiples
    n_samples = next(n for n in multiples if int(np.ceil(n * (16600 / 16000))) == 83 * n // 80 + 1)
    assert (
        cqt_magnitude(noise(n_samples), CONFIG).shape[1]
        == n_cqt_frames(n_samples, CONFIG)
        == (83 * n_samples // 80 + 1) // 512
    )


def test_bins_are_semitones_from_c1():
    frequencies_hz = bin_frequencies_hz(CONFIG)
    assert frequencies_hz.shape == (96,)
    # C1, A1, A4, B8.
    np.testing.assert_allclose(frequencies_hz[[0, 9, 45, 95]], [32.70319566, 55.0, 440.0, 7902.13282], rtol=1e-9)


def test_frame_times():
    np.testing.assert_allclose(frame_times_s(3, CONFIG), [0.0, 512 / 16600, 1024 / 16600], rtol=1e-15)


@pytest.mark.parametrize("index", [12, 30, 45, 60, 78, 90])
def test_tone_on_a_bin_has_the_closed_form_magnitude(index):
    """A tone of amplitude A at f gives A / 2 * sqrt(L), L being the samples in the Q periods of f of a filter."""
    frequency_hz = bin_frequencies_hz(CONFIG)[index]
    magnitude = cqt_magnitude(sine(frequency_hz, 3.0), CONFIG)
    middle = magnitude[:, 40:-40]
    assert (middle.argmax(axis=0) == index).all()
    ratio = 2 ** (2 / 12)
    quality = (ratio + 1) / (ratio - 1)
    expected = 0.5 / 2 * np.sqrt(quality * CONFIG.cqt_sample_rate_hz / frequency_hz)
    np.testing.assert_allclose(middle[index], expected, rtol=0.02)


def test_highest_bin_of_a_lower_octave_is_weakened_as_in_the_published_processing():
    frequency_hz = bin_frequencies_hz(CONFIG)[83]
    middle = cqt_magnitude(sine(frequency_hz, 3.0), CONFIG)[83, 40:-40]
    full = cqt_magnitude(sine(frequency_hz, 3.0), replace(CONFIG, cqt_bins=84))[83, 40:-40]
    np.testing.assert_allclose(middle / full, 0.65, atol=0.02)


def test_click_is_in_the_frame_of_its_time():
    samples = np.zeros(16000)
    samples[8000] = 1.0
    frame = cqt_magnitude(samples, CONFIG)[60:].sum(axis=0).argmax()
    assert abs(frame_times_s(33, CONFIG)[frame] - 0.5) <= 0.5 * 512 / 16600


def test_magnitude_is_proportional_to_the_signal():
    samples = noise(9000)
    np.testing.assert_allclose(cqt_magnitude(4 * samples, CONFIG), 4 * cqt_magnitude(samples, CONFIG), rtol=1e-12)


@pytest.mark.filterwarnings("ignore:n_fft=")
@pytest.mark.skipif(version("librosa") != "0.11.0", reason="librosa 1.0 halves the rate at other octaves")
@pytest.mark.parametrize(
    "config",
    [
        CONFIG,
        replace(CONFIG, cqt_bins=90),
        replace(CONFIG, bins_per_octave=24, cqt_bins=190),
        replace(CONFIG, hop_samples=500),
    ],
)
def test_octaves_together_are_librosas_cqt(config):
    samples = noise(24001)
    resampled = librosa.resample(samples, orig_sr=16000, target_sr=16600)
    expected = librosa.cqt(
        resampled,
        sr=16600,
        hop_length=config.hop_samples,
        fmin=config.lowest_bin_hz,
        n_bins=config.cqt_bins,
        bins_per_octave=config.bins_per_octave,
    )
    np.testing.assert_allclose(cqt_magnitude(samples, config), np.abs(expected), rtol=0, atol=1e-12)


def test_values_of_noise():
    expected = [
        0.11398460894240713,
        0.11162449225851549,
        0.11002106699057478,
        0.0972591878515083,
        0.10794183019350044,
        0.10891372090866722,
        0.10375549441538832,
        0.10215578501189496,
    ]
    octave_means = cqt_magnitude(noise(24000), CONFIG).reshape(8, 12, -1).mean(axis=(1, 2))
    np.testing.assert_allclose(octave_means, expected, rtol=1e-9)


@pytest.mark.parametrize("bins", [48, 60, 72])
def test_bins_far_below_the_nyquist_frequency_have_the_closed_form_magnitude(bins):
    """Librosa halves the rate before the first octave of such a transform."""
    config = replace(CONFIG, cqt_bins=bins)
    index = bins - 3
    frequency_hz = bin_frequencies_hz(config)[index]
    middle = cqt_magnitude(sine(frequency_hz, 3.0), config)[:, 40:-40]
    length = CONFIG.cqt_sample_rate_hz / (np.tanh(np.log(2) / 12) * frequency_hz)
    np.testing.assert_allclose(middle[index], 0.5 / 2 * np.sqrt(length), rtol=0.01)


def test_silence_surrounds_a_signal_shorter_than_its_filters():
    config = replace(CONFIG, lowest_bin_hz=2.0, cqt_bins=8, hop_samples=1024)
    short = cqt_magnitude(noise(800), config)
    longer = cqt_magnitude(np.append(noise(800), np.zeros(3200)), config)
    assert short.shape == (8, 1)
    np.testing.assert_allclose(short[:, 0], longer[:, 0], rtol=1e-3)


def test_scales_by_hand():
    magnitude = np.array([[0.0, 1e-5], [0.1, 10.0]])
    np.testing.assert_array_equal(scale_cqt(magnitude, "magnitude"), magnitude)
    np.testing.assert_allclose(scale_cqt(magnitude, "power"), [[0.0, 1e-10], [0.01, 100.0]], rtol=1e-15)
    np.testing.assert_allclose(scale_cqt(magnitude, "decibel"), [[0.0, 0.0], [40.0, 80.0]], atol=1e-12)
    np.testing.assert_array_equal(scale_cqt(np.zeros((2, 2)), "decibel"), np.zeros((2, 2)))


def test_praats_frames_by_hand():
    # One second, window 3 / 75 Hz = 40 ms: 1 + floor(0.96 / 0.01) frames, laid out around the middle.
    f0_hz, time_s = praat_f0(sine(200.0, 1.0), CONFIG)
    assert f0_hz.shape == (97,)
    np.testing.assert_allclose(time_s, 0.5 + 0.01 * (np.arange(97) - 48), atol=1e-12)


@pytest.mark.parametrize("frequency_hz", [80.0, 123.4, 200.0, 590.0])
def test_f0_of_a_tone(frequency_hz):
    f0_hz, _ = praat_f0(sine(frequency_hz, 0.5), CONFIG)
    np.testing.assert_allclose(f0_hz, frequency_hz, rtol=1e-3)


def test_f0_follows_a_glide():
    time_s = np.arange(RATE_HZ) / RATE_HZ
    f0_hz, frame_s = praat_f0(np.sin(2 * np.pi * (100 * time_s + 50 * time_s**2)), CONFIG)
    np.testing.assert_allclose(f0_hz, 100 + 100 * frame_s, rtol=2e-3)


def test_silence_is_unvoiced_and_so_is_noise():
    samples = np.concatenate([sine(200.0, 0.5), np.zeros(8000)])
    f0_hz, time_s = praat_f0(samples, CONFIG)
    assert (f0_hz[time_s < 0.45] > 0).all()
    assert (f0_hz[time_s > 0.55] == 0).all()
    assert (praat_f0(noise(16000), CONFIG)[0] == 0).mean() > 0.9


def test_f0_stays_within_its_limits():
    f0_hz, _ = praat_f0(sine(400.0, 0.5), replace(CONFIG, f0_ceiling_hz=300.0))
    np.testing.assert_allclose(f0_hz, 200.0, rtol=1e-3)


def test_energy_by_hand():
    # 7 samples in 3 parts: the first, 7 mod 3, is one sample longer.
    energy = frame_energy(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]), 3)
    np.testing.assert_array_equal(energy, [1 + 4 + 9, 16 + 25, 36 + 49])


def test_energy_is_all_of_the_signals():
    samples = noise(12345)
    assert frame_energy(samples, 26).sum() == pytest.approx((samples**2).sum(), rel=1e-13)


@pytest.mark.parametrize("n_samples", [640, 5000, 16001])
def test_features_fit_together(n_samples, recwarn):
    features = compute_features(noise(n_samples), CONFIG)
    n_frames = n_cqt_frames(n_samples, CONFIG)
    assert (features.cqt.shape, features.cqt.dtype) == ((96, n_frames), np.float32)
    assert (features.energy.shape, features.energy.dtype) == ((n_frames,), np.float64)
    assert features.praat_f0_hz.shape == features.praat_time_s.shape
    assert features.praat_f0_hz.dtype == features.praat_time_s.dtype == np.float64
    assert np.isfinite(features.cqt).all()
    assert list(recwarn) == []


@pytest.mark.parametrize("scale", ["magnitude", "power", "decibel"])
def test_features_are_magnitudes_in_every_scale(scale):
    samples = noise(4000)
    expected = cqt_magnitude(samples, CONFIG)
    np.testing.assert_allclose(compute_features(samples, replace(CONFIG, scale=scale)).cqt, expected, rtol=1e-6)


@pytest.mark.parametrize("floor_hz", [75.0, 100.0])
def test_shortest_recording_has_one_pitch_frame(floor_hz):
    config = replace(CONFIG, f0_floor_hz=floor_hz)
    n_samples = round(shortest_s(config) * RATE_HZ)
    assert len(compute_features(noise(n_samples), config).praat_f0_hz) == 1


def test_energy_is_the_published_envelope(emodb_dir, reference_dir):
    published: dict[str, list[float]] = {}
    with (reference_dir / "published_curves.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            published.setdefault(row["recording"], []).append(float(row["Q"]))
    assert len(published) == 33
    rms = []
    for recording, envelope in published.items():
        samples, _ = soundfile.read(emodb_dir / "wav" / f"{recording}.wav")
        energy = frame_energy(samples, n_cqt_frames(len(samples), CONFIG))
        rms.append(np.sqrt(np.mean((energy / energy.max() - envelope) ** 2)))
    # The pictures give Q to about 5e-5; in three of them single frames were read less well.
    assert np.median(rms) < 6e-5
    assert max(rms) < 5e-4
