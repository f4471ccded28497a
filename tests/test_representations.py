"""What every representation promises, scales, and rows of frequencies."""

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from plain_sounds import noise

from convcam_jax.representations import REPRESENTATIONS, representation
from convcam_jax.representations.cqt import Cqt
from convcam_jax.representations.gammatone import Gammatone
from convcam_jax.representations.mel import Mel
from convcam_jax.representations.rows import rows_of_hz
from convcam_jax.representations.scale import Scale, Standardisation, decibels, scaled
from convcam_jax.representations.stft import Stft
from convcam_jax.representations.vqt import Vqt
from convcam_jax.system.errors import UserError

OTHERS = [
    Cqt(n_bins=48, bins_per_octave=24, lowest_bin_hz=110.0, cqt_sample_rate_hz=12000, hop_samples=300),
    Vqt(n_bins=48, bins_per_octave=24, lowest_bin_hz=110.0, vqt_sample_rate_hz=12000, hop_samples=300),
    Mel(n_bins=8, sample_rate_hz=8000, highest_hz=3000.0, lowest_hz=200.0, window_samples=255, hop_samples=77),
    Stft(n_bins=30, sample_rate_hz=8000, window_samples=255, hop_samples=77),
    Gammatone(n_bins=12, sample_rate_hz=8000, highest_hz=3000.0, lowest_hz=200.0, window_samples=255, hop_samples=77),
]
VARIANTS = [*(kind() for kind in REPRESENTATIONS.values()), *OTHERS]
every = pytest.mark.parametrize("own", VARIANTS, ids=lambda own: own.title)


def test_representations_have_their_keys_as_names():
    assert {kind().name: kind for kind in REPRESENTATIONS.values()} == REPRESENTATIONS


@every
@pytest.mark.parametrize("n_samples", [1, 79, 80, 299, 492, 493, 511, 512, 640, 3000, 8000, 16000, 26648, 26649])
def test_frames_are_as_many_as_told(own, n_samples):
    magnitude = own.magnitude(noise(n_samples))
    assert magnitude.shape == (own.n_bins, own.n_frames(n_samples))
    assert magnitude.dtype == np.float64
    assert (magnitude >= 0).all()
    times_s = own.frame_times_s(magnitude.shape[1])
    assert times_s.shape == magnitude.shape[1:]
    # The last frame is centred in the recording, or at its end.
    assert times_s[0] == 0
    assert times_s[-1] <= (n_samples + 1) / own.sample_rate_hz


@every
@pytest.mark.parametrize("frame", [5, 17])
def test_a_click_is_in_the_frame_of_its_time(own, frame):
    # The highest filters of the CQT are shorter than the time between two frames and do not see all clicks there.
    samples = np.zeros(16001)
    samples[round(own.frame_times_s(frame + 1)[-1] * own.sample_rate_hz)] = 1.0
    assert own.magnitude(samples)[-4:].sum(axis=0).argmax() == frame


@every
def test_stacked_recordings_are_each_by_itself(own):
    samples = noise(2, 3, 5000)
    together = own.magnitude(samples)
    assert together.shape == (2, 3, own.n_bins, own.n_frames(5000))
    np.testing.assert_allclose(together[1, 2], own.magnitude(samples[1, 2]), rtol=1e-10)


@every
def test_edges_enclose_the_centres(own):
    centres_hz, edges_hz = own.frequencies_hz(), own.edges_hz()
    assert centres_hz.shape == (own.n_bins,)
    assert edges_hz.shape == (own.n_bins + 1,)
    assert (edges_hz[:-1] < centres_hz).all()
    assert (centres_hz < edges_hz[1:]).all()
    assert edges_hz[0] >= 0
    assert edges_hz[-1] <= own.sample_rate_hz / 2 * 1.05


@every
def test_a_tone_on_a_centre_is_strongest_in_its_bin(own):
    for row in (own.n_bins // 2, own.n_bins - 2):
        samples = np.sin(2 * np.pi * own.frequencies_hz()[row] * np.arange(32000) / own.sample_rate_hz)
        n_frames = own.n_frames(32000)
        middle = own.magnitude(samples)[:, n_frames // 3 : -n_frames // 3]
        assert (middle.argmax(axis=0) == row).all()


# A value for every field that is allowed beside the defaults of the others.
OTHER_VALUES = {
    "name": "other",
    "sample_rate_hz": 16001,
    "n_bins": 95,
    "cqt_sample_rate_hz": 16700,
    "vqt_sample_rate_hz": 16700,
    "hop_samples": 256,
    "bins_per_octave": 13,
    "lowest_bin_hz": 32.0,
    "window_samples": 1000,
    "lowest_hz": 10.0,
    "highest_hz": 6999.0,
}
OF_THE_INPUT = ("scale", "standardisation")


@pytest.mark.parametrize("own", [kind() for kind in REPRESENTATIONS.values()], ids=lambda own: own.name)
def test_cache_key_follows_every_field_but_those_of_the_networks_input(own):
    names = [field.name for field in dataclasses.fields(own) if field.name not in OF_THE_INPUT]
    assert set(names) <= set(OTHER_VALUES)
    keys = [own.cache_key(), *(dataclasses.replace(own, **{name: OTHER_VALUES[name]}).cache_key() for name in names)]
    assert all(a != b for i, a in enumerate(keys) for b in keys[:i])
    for scale in get_args(Scale):
        assert dataclasses.replace(own, scale=scale).cache_key() == own.cache_key()
    for standardisation in get_args(Standardisation):
        assert dataclasses.replace(own, standardisation=standardisation).cache_key() == own.cache_key()


USED = {"cqt": {"soxr"}, "vqt": {"soxr", "librosa"}, "mel": {"librosa"}, "stft": {"librosa"}, "gammatone": {"scipy"}}


@pytest.mark.parametrize("name", list(REPRESENTATIONS))
def test_cache_key_follows_the_versions_of_the_packages_in_use(name, monkeypatch):
    own = REPRESENTATIONS[name]()
    before = own.cache_key()
    monkeypatch.setattr(representation, "version", lambda package: f"0 of {package}")
    assert own.cache_key() == before | {package: f"0 of {package}" for package in own.packages}
    assert set(own.packages) == USED.get(name, set(own.packages))


@pytest.mark.parametrize("name", list(REPRESENTATIONS))
@pytest.mark.parametrize(
    ("field", "value"), [("sample_rate_hz", 0), ("sample_rate_hz", 192001), ("hop_samples", 0), ("n_bins", 1)]
)
def test_what_no_representation_can_compute_with_is_named(name, field, value):
    with pytest.raises(UserError, match=rf"^config field representation\.{field}: must "):
        REPRESENTATIONS[name](**{field: value})


@pytest.mark.parametrize(
    ("kind", "fields", "field"),
    [
        (Cqt, {"cqt_sample_rate_hz": -16600}, "cqt_sample_rate_hz"),
        (Cqt, {"bins_per_octave": 0}, "bins_per_octave"),
        (Cqt, {"bins_per_octave": 100000}, "lowest_bin_hz"),
        (Cqt, {"lowest_bin_hz": 0.0}, "lowest_bin_hz"),
        (Cqt, {"lowest_bin_hz": 5e-324}, "lowest_bin_hz"),
        (Cqt, {"lowest_bin_hz": 20000.0}, "n_bins"),
        (Cqt, {"n_bins": 97}, "n_bins"),
        (Vqt, {"vqt_sample_rate_hz": -1}, "vqt_sample_rate_hz"),
        (Vqt, {"vqt_sample_rate_hz": 12}, "n_bins"),
        (Vqt, {"bins_per_octave": 0}, "bins_per_octave"),
        (Vqt, {"bins_per_octave": 100000}, "lowest_bin_hz"),
        (Vqt, {"lowest_bin_hz": 0.0}, "lowest_bin_hz"),
        (Vqt, {"lowest_bin_hz": 0.5, "n_bins": 90}, "lowest_bin_hz"),
        (Vqt, {"lowest_bin_hz": 8300.0}, "n_bins"),
        (Vqt, {"lowest_bin_hz": 9000.0}, "n_bins"),
        (Vqt, {"n_bins": 97}, "n_bins"),
        (Mel, {"sample_rate_hz": 15999}, "highest_hz"),
        (Mel, {"highest_hz": 8001.0}, "highest_hz"),
        (Mel, {"lowest_hz": -1.0}, "lowest_hz"),
        (Mel, {"lowest_hz": 8000.0}, "lowest_hz"),
        (Mel, {"window_samples": 1}, "window_samples"),
        (Mel, {"window_samples": 160001}, "window_samples"),
        (Mel, {"n_bins": 97, "window_samples": 256}, "n_bins"),
        (Mel, {"window_samples": 2}, "n_bins"),
        (Stft, {"window_samples": 1}, "window_samples"),
        (Stft, {"window_samples": 160001}, "window_samples"),
        (Stft, {"n_bins": 513}, "n_bins"),
        (Stft, {"window_samples": 511}, "n_bins"),
        (Gammatone, {"window_samples": 1}, "window_samples"),
        (Gammatone, {"window_samples": 160001}, "window_samples"),
        (Gammatone, {"highest_hz": 7199.0}, "highest_hz"),
        (Gammatone, {"sample_rate_hz": 8000}, "highest_hz"),
        (Gammatone, {"lowest_hz": -1.0}, "lowest_hz"),
        (Gammatone, {"lowest_hz": 7000.0}, "lowest_hz"),
    ],
)
def test_fields_that_do_not_work_are_named(kind, fields, field):
    with pytest.raises(UserError, match=rf"^config field representation\.{field}: must "):
        kind(**fields)


def test_they_are_called_by_their_numbers_of_bins():
    assert [own.title for own in (Cqt(), Vqt(), Mel(), Stft(), Gammatone(), *OTHERS)] == [
        *("CQT-96", "VQT-96", "mel-96", "STFT-256", "gammatone-96"),
        *("CQT-48", "VQT-48", "mel-8", "STFT-30", "gammatone-12"),
    ]
    assert all(str(own.n_bins) in own.title for own in VARIANTS)


def test_librosa_is_loaded_by_magnitudes_alone():
    code = """
import sys
from convcam_jax.representations import REPRESENTATIONS
for kind in REPRESENTATIONS.values():
    own = kind()
    own.edges_hz(), own.frequencies_hz(), own.n_frames(9), own.cache_key()
sys.exit("librosa" in sys.modules or "jax" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parent.parent).returncode == 0


def test_scales_by_hand():
    magnitude = np.array([[0.0, 1e-5], [0.1, 10.0]])
    np.testing.assert_array_equal(scaled(magnitude, "magnitude"), magnitude)
    np.testing.assert_allclose(scaled(magnitude, "square_root") ** 2, magnitude, rtol=1e-15)
    np.testing.assert_allclose(scaled(magnitude, "power"), [[0.0, 1e-10], [0.01, 100.0]], rtol=1e-15)
    np.testing.assert_allclose(scaled(magnitude, "decibel"), [[0.0, 0.0], [40.0, 80.0]], atol=1e-12)
    np.testing.assert_array_equal(scaled(np.zeros((2, 2)), "decibel"), np.zeros((2, 2)))


def test_decibels_count_from_their_range_below_the_peak():
    np.testing.assert_allclose(decibels(np.array([1.0, 0.1, 1e-3, 0.0]), 60.0), [60, 40, 0, 0], atol=1e-12)
    assert not decibels(np.zeros((2, 2)), 60.0).any()


def test_a_representation_has_its_own_scale():
    magnitude = noise(4, 5) ** 2
    np.testing.assert_array_equal(Cqt().scaled(magnitude), magnitude)
    np.testing.assert_array_equal(Cqt(scale="power").scaled(magnitude), magnitude**2)
    np.testing.assert_array_equal(Mel(scale="decibel").scaled(magnitude), scaled(magnitude, "decibel"))
    for kind in (Vqt, Mel, Stft, Gammatone):
        np.testing.assert_array_equal(kind().scaled(magnitude), np.sqrt(magnitude))
    for kind in REPRESENTATIONS.values():
        np.testing.assert_array_equal(kind().scaled(magnitude), scaled(magnitude, kind().scale))


@every
def test_rows_of_edges_lie_between_those_of_the_centres(own):
    rows = rows_of_hz(own.frequencies_hz(), own.frequencies_hz())
    np.testing.assert_allclose(rows, np.arange(own.n_bins), atol=1e-9)
    between = rows_of_hz(own.edges_hz(), own.frequencies_hz())
    assert (between[[0, -1]] == [0, own.n_bins - 1]).all()
    np.testing.assert_allclose(between[1:-1], np.arange(own.n_bins - 1) + 0.5, atol=0.1)


def test_rows_by_hand():
    bin_hz = np.array([100.0, 200, 800])
    hz = np.array([0.0, 50, 100, 100 * np.sqrt(2), 200, 400, 800, 8000])
    np.testing.assert_allclose(rows_of_hz(hz, bin_hz), [0, 0, 0, 0.5, 1, 1.5, 2, 2], atol=1e-12)


def test_rows_of_bins_that_begin_at_0_hz():
    # 0 Hz stands at 50 Hz, an octave below 100 Hz.
    bin_hz = np.array([0.0, 100, 200])
    hz = np.array([0.0, 100, 150, 200, 300])
    np.testing.assert_allclose(rows_of_hz(hz, bin_hz), [0, 1, 1 + np.log2(1.5), 2, 2], atol=1e-12)
    np.testing.assert_array_equal(rows_of_hz(bin_hz, bin_hz), [0, 1, 2])
