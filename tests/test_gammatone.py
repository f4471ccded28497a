"""The gammatone filter bank against scipy's filters, the ERB scale, closed forms and hand values."""

import numpy as np
import pytest
from plain_sounds import noise
from scipy import signal

from convcam_jax.representations.gammatone import Gammatone, erb_hz, erbs_of_hz, hz_of_erbs

GAMMATONE = Gammatone()
OTHER = Gammatone(n_bins=5, window_samples=301, hop_samples=200, lowest_hz=300.0, highest_hz=4000.0)


def test_erb_scale_by_hand():
    # Glasberg and Moore 1990: 24.7 (4.37 f / 1000 + 1) Hz, and 21.4 log10(4.37 f / 1000 + 1) of them below f.
    hz = np.array([0.0, 100, 1000, 7000])
    np.testing.assert_allclose(erb_hz(hz), 24.7 * (4.37 * hz / 1000 + 1), rtol=1e-3)
    np.testing.assert_allclose(erbs_of_hz(hz), 21.4 * np.log10(4.37 * hz / 1000 + 1), rtol=5e-3)
    np.testing.assert_allclose(hz_of_erbs(erbs_of_hz(hz)), hz, rtol=1e-12)
    # By definition: a step on the scale is one bandwidth.
    step_hz = hz_of_erbs(erbs_of_hz(hz) + 1e-6) - hz
    np.testing.assert_allclose(step_hz, 1e-6 * erb_hz(hz), rtol=1e-4)


def test_filters_are_evenly_spaced_on_the_erb_scale():
    erbs = erbs_of_hz(OTHER.frequencies_hz()), erbs_of_hz(OTHER.edges_hz())
    lowest, highest = erbs_of_hz(np.array([300.0, 4000]))
    np.testing.assert_allclose(erbs[1], np.linspace(lowest, highest, 6), rtol=1e-12)
    np.testing.assert_allclose(erbs[0], (erbs[1][:-1] + erbs[1][1:]) / 2, rtol=1e-12)
    np.testing.assert_allclose(GAMMATONE.edges_hz()[[0, -1]], [50, 7000], rtol=1e-12)


def test_magnitude_is_that_of_scipys_filters_sample_by_sample():
    samples, n_samples = noise(3000), 3000
    magnitude = OTHER.magnitude(samples)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(301) / 301)
    for row, centre_hz in enumerate(OTHER.frequencies_hz()):
        # Long enough for the filter to be silent at its end, whatever length the representation takes.
        response, one = signal.gammatone(centre_hz, "fir", numtaps=1600, fs=16000)
        answer = signal.lfilter(response, one, np.append(samples, np.zeros(3000)))
        # Loudest after a click at (n - 1) / (2 pi b), b = 1.019 ERB, n = 4.
        delay = round(16000 * 3 / (2 * np.pi * 1.019 * erb_hz(OTHER.frequencies_hz())[row]))
        for frame in range(OTHER.n_frames(n_samples)):
            places = frame * 200 + delay - 150 + np.arange(301)
            heard = np.where(places >= 0, answer[np.maximum(places, 0)] ** 2, 0.0)
            expected = np.sqrt((heard * hann).sum() / hann.sum())
            np.testing.assert_allclose(magnitude[row, frame], expected, rtol=2e-3)


@pytest.mark.parametrize("row", [0, 1, 20, 50, 80, 95])
def test_a_tone_on_a_centre_has_the_closed_form_magnitude(row):
    """Scipy's filters leave a tone at their centre as loud as it is: A / sqrt 2 of a tone of amplitude A."""
    samples = 0.5 * np.sin(2 * np.pi * GAMMATONE.frequencies_hz()[row] * np.arange(32000) / 16000)
    np.testing.assert_allclose(GAMMATONE.magnitude(samples)[row, 8:-8], 0.5 / np.sqrt(2), rtol=0.01)


def test_a_tone_is_strongest_in_the_filter_of_its_frequency_up_to_the_highest():
    for own in (GAMMATONE, Gammatone(n_bins=192, highest_hz=7198.0)):
        for row in range(own.n_bins - 12, own.n_bins):
            samples = np.sin(2 * np.pi * own.frequencies_hz()[row] * np.arange(8000) / 16000)
            assert own.magnitude(samples)[:, 6:-6].mean(axis=1).argmax() == row


def test_a_click_is_in_the_same_frame_of_all_filters():
    samples = np.zeros(16000)
    samples[8192] = 1.0
    assert (GAMMATONE.magnitude(samples).argmax(axis=1) == 16).all()


def test_silence_surrounds_a_short_recording():
    longer = np.append(noise(600), np.zeros(5000))
    np.testing.assert_allclose(GAMMATONE.magnitude(noise(600)), GAMMATONE.magnitude(longer)[:, :2], rtol=1e-9)
