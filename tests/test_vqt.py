"""The variable-Q transform against librosa, closed forms and hand values."""

from dataclasses import replace

import librosa
import numpy as np
import pytest
from plain_sounds import noise

from convcam_jax.representations.cqt import Cqt
from convcam_jax.representations.vqt import Vqt
from convcam_jax.system.errors import UserError

VQT = Vqt()


@pytest.mark.parametrize(
    "vqt",
    [VQT, replace(VQT, n_bins=84), replace(VQT, n_bins=190, bins_per_octave=24), replace(VQT, hop_samples=500)],
)
def test_magnitude_is_librosas(vqt):
    resampled = librosa.resample(noise(24001), orig_sr=16000, target_sr=16600)
    expected = librosa.vqt(
        resampled,
        sr=16600,
        hop_length=vqt.hop_samples,
        fmin=vqt.lowest_bin_hz,
        n_bins=vqt.n_bins,
        bins_per_octave=vqt.bins_per_octave,
        gamma=None,
    )
    np.testing.assert_allclose(vqt.magnitude(noise(24001)), np.abs(expected), rtol=0, atol=1e-12)


@pytest.mark.parametrize("bins_per_octave", [12, 24])
def test_librosa_takes_as_many_bins_as_are_allowed_and_no_more(bins_per_octave):
    with pytest.raises(UserError, match="n_bins: must be at most ") as raised:
        Vqt(n_bins=10**6, bins_per_octave=bins_per_octave)
    n_fitting = int(str(raised.value).split("at most ")[1].split(",")[0])
    given = {"sr": 16600, "fmin": VQT.lowest_bin_hz, "bins_per_octave": bins_per_octave}
    librosa.vqt(noise(4000), n_bins=n_fitting, **given)
    with pytest.raises(librosa.ParameterError, match="Nyquist"):
        librosa.vqt(noise(4000), n_bins=n_fitting + 1, **given)


def test_bandwidths_are_the_same_share_of_hearings():
    # A share of 0.0577 / 0.108 of 0.108 f + 24.7 Hz.
    bandwidths_hz = VQT.relative_bandwidth * VQT.frequencies_hz() + VQT.bandwidth_offset_hz
    hearing_hz = 0.108 * VQT.frequencies_hz() + 24.7
    np.testing.assert_allclose(bandwidths_hz / hearing_hz, np.tanh(np.log(2) / 12) / 0.108, rtol=1e-12)


@pytest.mark.parametrize("index", [0, 12, 45, 78, 90])
def test_a_tone_on_a_bin_has_the_closed_form_magnitude(index):
    """A tone of amplitude A at f gives A / 2 * sqrt(L), L being the samples of a filter: the rate by its bandwidth."""
    frequency_hz = VQT.frequencies_hz()[index]
    samples = 0.5 * np.sin(2 * np.pi * frequency_hz * np.arange(48000) / 16000)
    n_samples = 16600 / (VQT.relative_bandwidth * frequency_hz + VQT.bandwidth_offset_hz)
    # The lowest filters, half a period wide at C1, also hear the tone's mirror image at negative frequencies.
    tolerance = 0.15 if index < 12 else 0.02
    middle = VQT.magnitude(samples)[index, 40:-40]
    np.testing.assert_allclose(middle, 0.5 / 2 * np.sqrt(n_samples), rtol=tolerance)


@pytest.mark.skipif(not librosa.__version__.startswith("0.11"), reason="releases of librosa differ in this")
@pytest.mark.parametrize(("index", "loudest"), [(23, 24), (59, 60), (71, 71), (83, 83)])
def test_a_tone_on_the_highest_bin_of_an_octave_may_be_loudest_a_bin_higher(index, loudest):
    own, below = (
        VQT.magnitude(np.sin(2 * np.pi * VQT.frequencies_hz()[number] * np.arange(32000) / 16000))[:, 20:-20].mean(1)
        for number in (index, index - 1)
    )
    assert own.argmax() == loudest
    assert below.argmax() == index - 1
    assert 0.6 < own[index] / below[index - 1] < 0.8


def test_low_bins_are_shorter_in_time_than_those_of_the_cqt():
    samples = np.zeros(32000)
    samples[16000] = 1.0
    # In frames of 31 ms: half of a Hann window of 66 ms, and of one of half a second.
    lowest = [own.magnitude(samples)[0] for own in (VQT, Cqt())]
    lasts = [(row > row.max() / 2).sum() for row in lowest]
    assert lasts[0] <= 2
    assert lasts[1] >= 8


def test_silence_surrounds_a_signal_shorter_than_its_filters():
    # Without a jump at its end, around which resampling rings.
    short = noise(700) * np.hanning(700)
    longer = np.append(short, np.zeros(4000))
    np.testing.assert_allclose(
        VQT.magnitude(short), VQT.magnitude(longer)[:, :2], atol=1e-3 * VQT.magnitude(short).max()
    )
