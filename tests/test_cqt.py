"""The constant-Q transform against hand values, closed forms, librosa and the published pictures."""

import csv
from dataclasses import replace
from importlib.metadata import version

import librosa
import numpy as np
import pytest
from plain_sounds import noise, sine

from convcam_jax.representations.cqt import Cqt

CQT = Cqt()


@pytest.mark.parametrize(
    # 79 * 1.0375 = 81.96; 80 * 1.0375 is 83 exactly; 16000 becomes 16600 = 32 * 512 + 216.
    ("n_samples", "n_resampled", "n_frames"),
    [(79, 82, 1), (80, 83, 1), (81, 85, 1), (493, 512, 2), (492, 511, 1), (16000, 16600, 33), (99, 103, 1)],
)
def test_frames_by_hand(n_samples, n_resampled, n_frames):
    assert CQT.n_resampled(n_samples) == n_resampled
    assert CQT.n_frames(n_samples) == n_frames


def test_frames_of_the_published_recordings(reference_dir):
    with (reference_dir / "published_recordings.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 58
    assert [CQT.n_frames(int(r["n_samples_16k"])) for r in rows] == [int(r["n_frames"]) for r in rows]


def test_rounding_of_the_ratio_adds_no_frame():
    # 80 k samples become exactly 83 k, which a floating-point ratio may make 83 k + 1.
    multiples = [80 * k for k in range(1, 4000) if (83 * k) % 512 == 511]
    assert multiples
    n_samples = next(n for n in multiples if int(np.ceil(n * (16600 / 16000))) == 83 * n // 80 + 1)
    n_frames = (83 * n_samples // 80 + 1) // 512
    assert CQT.magnitude(noise(n_samples)).shape[1] == CQT.n_frames(n_samples) == n_frames


def test_bins_are_semitones_from_c1():
    frequencies_hz = CQT.frequencies_hz()
    assert frequencies_hz.shape == (96,)
    # C1, A1, A4, B8.
    np.testing.assert_allclose(frequencies_hz[[0, 9, 45, 95]], [32.70319566, 55.0, 440.0, 7902.13282], rtol=1e-9)


def test_edges_are_quarter_tones():
    edges_hz = CQT.edges_hz()
    # Half a semitone below C1, above it, and above B8.
    expected = 32.70319566 * 2 ** (np.array([-1, 1, 191]) / 24)
    np.testing.assert_allclose(edges_hz[[0, 1, 96]], expected, rtol=1e-9)


def test_frame_times():
    np.testing.assert_allclose(CQT.frame_times_s(3), [0.0, 512 / 16600, 1024 / 16600], rtol=1e-15)


@pytest.mark.parametrize("index", [12, 30, 45, 60, 78, 90])
def test_tone_on_a_bin_has_the_closed_form_magnitude(index):
    """A tone of amplitude A at f gives A / 2 * sqrt(L), L being the samples in the Q periods of f of a filter."""
    frequency_hz = CQT.frequencies_hz()[index]
    magnitude = CQT.magnitude(sine(frequency_hz, 3.0))
    middle = magnitude[:, 40:-40]
    assert (middle.argmax(axis=0) == index).all()
    ratio = 2 ** (2 / 12)
    quality = (ratio + 1) / (ratio - 1)
    expected = 0.5 / 2 * np.sqrt(quality * CQT.cqt_sample_rate_hz / frequency_hz)
    np.testing.assert_allclose(middle[index], expected, rtol=0.02)


def test_highest_bin_of_a_lower_octave_is_weakened_as_in_the_published_processing():
    frequency_hz = CQT.frequencies_hz()[83]
    middle = CQT.magnitude(sine(frequency_hz, 3.0))[83, 40:-40]
    full = replace(CQT, n_bins=84).magnitude(sine(frequency_hz, 3.0))[83, 40:-40]
    np.testing.assert_allclose(middle / full, 0.65, atol=0.02)


def test_click_is_in_the_frame_of_its_time():
    samples = np.zeros(16000)
    samples[8000] = 1.0
    frame = CQT.magnitude(samples)[60:].sum(axis=0).argmax()
    assert abs(CQT.frame_times_s(33)[frame] - 0.5) <= 0.5 * 512 / 16600


def test_magnitude_is_proportional_to_the_signal():
    samples = noise(9000)
    np.testing.assert_allclose(CQT.magnitude(4 * samples), 4 * CQT.magnitude(samples), rtol=1e-12)


@pytest.mark.filterwarnings("ignore:n_fft=")
@pytest.mark.skipif(version("librosa") != "0.11.0", reason="librosa 1.0 halves the rate at other octaves")
@pytest.mark.parametrize(
    "cqt",
    [
        CQT,
        replace(CQT, n_bins=84),
        replace(CQT, n_bins=90),
        replace(CQT, n_bins=120, bins_per_octave=15),
        replace(CQT, n_bins=192, bins_per_octave=24, cqt_sample_rate_hz=16700),
        replace(CQT, hop_samples=500),
    ],
)
def test_octaves_together_are_librosas_cqt(cqt):
    samples = noise(24001)
    rate_hz = cqt.cqt_sample_rate_hz
    resampled = librosa.resample(samples, orig_sr=16000, target_sr=rate_hz)
    expected = librosa.cqt(
        resampled,
        sr=rate_hz,
        hop_length=cqt.hop_samples,
        fmin=cqt.lowest_bin_hz,
        n_bins=cqt.n_bins,
        bins_per_octave=cqt.bins_per_octave,
    )
    np.testing.assert_allclose(cqt.magnitude(samples), np.abs(expected), rtol=0, atol=1e-12)


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
    octave_means = CQT.magnitude(noise(24000)).reshape(8, 12, -1).mean(axis=(1, 2))
    np.testing.assert_allclose(octave_means, expected, rtol=1e-9)


@pytest.mark.parametrize("bins", [48, 60, 72])
def test_bins_far_below_the_nyquist_frequency_have_the_closed_form_magnitude(bins):
    """Librosa halves the rate before the first octave of such a transform."""
    cqt = replace(CQT, n_bins=bins)
    index = bins - 3
    frequency_hz = cqt.frequencies_hz()[index]
    middle = cqt.magnitude(sine(frequency_hz, 3.0))[:, 40:-40]
    length = CQT.cqt_sample_rate_hz / (np.tanh(np.log(2) / 12) * frequency_hz)
    np.testing.assert_allclose(middle[index], 0.5 / 2 * np.sqrt(length), rtol=0.01)


def test_silence_surrounds_a_signal_shorter_than_its_filters():
    cqt = replace(CQT, lowest_bin_hz=2.0, n_bins=8, hop_samples=1024)
    short = cqt.magnitude(noise(800))
    longer = cqt.magnitude(np.append(noise(800), np.zeros(3200)))
    assert short.shape == (8, 1)
    np.testing.assert_allclose(short[:, 0], longer[:, 0], rtol=1e-3)
