import numpy as np
import pytest

from convcam_jax.checks.listening.resynthesis import (
    consensus_map,
    consensus_maps,
    marked_cells,
    probes,
    random_cells,
    round_trip_snr_db,
    split,
    transform_weights,
)
from convcam_jax.representations.cqt import Cqt
from convcam_jax.representations.mel import Mel

RATE_HZ = 16000
N_SAMPLES = 8000

every = pytest.mark.parametrize("representation", [Cqt(), Mel()], ids=lambda own: own.title)


def two_tones() -> np.ndarray:
    time_s = np.arange(N_SAMPLES) / RATE_HZ
    return 0.3 * np.sin(2 * np.pi * 440 * time_s) + 0.2 * np.sin(2 * np.pi * 3000 * time_s)


def cells_above(hz: float, representation) -> np.ndarray:
    rows = representation.frequencies_hz() > hz
    return np.repeat(rows[:, None], representation.n_frames(N_SAMPLES), axis=1)


def level_db(samples: np.ndarray, hz: float) -> float:
    """Of the middle half, by the discrete Fourier transform at one frequency."""
    middle = samples[N_SAMPLES // 4 : 3 * N_SAMPLES // 4] * np.hanning(N_SAMPLES // 2)
    return 20 * np.log10(abs(middle @ np.exp(-2j * np.pi * hz / RATE_HZ * np.arange(len(middle)))))


@every
def test_with_all_cells_marked_the_recording_comes_back(representation):
    noise = np.random.default_rng(0).normal(0, 0.1, N_SAMPLES + 37)
    assert round_trip_snr_db(noise, representation) > 200


@every
def test_the_two_sounds_add_up_to_the_recording(representation):
    samples = two_tones()
    cells = np.random.default_rng(1).random((96, representation.n_frames(N_SAMPLES))) > 0.5
    parts = split(samples, cells, representation)
    np.testing.assert_allclose(parts.only + parts.without, samples, atol=1e-12)


@every
@pytest.mark.parametrize("n_samples", [480, 511, 512])
def test_recordings_of_half_a_window_and_less_are_divided_too(representation, n_samples):
    samples = two_tones()[:n_samples]
    cells = np.random.default_rng(1).random((96, representation.n_frames(n_samples))) > 0.5
    parts = split(samples, cells, representation)
    np.testing.assert_allclose(parts.only + parts.without, samples, atol=1e-12)


@every
def test_a_mask_of_high_bins_keeps_the_high_tone_alone(representation):
    only, without = split(two_tones(), cells_above(1200, representation), representation)
    assert level_db(only, 3000) - level_db(only, 440) > 60
    assert level_db(without, 440) - level_db(without, 3000) > 60
    assert level_db(only, 3000) == pytest.approx(level_db(two_tones(), 3000), abs=0.01)


@every
def test_a_mask_of_the_first_half_keeps_the_first_half(representation):
    cells = np.ones((96, representation.n_frames(N_SAMPLES)))
    cells[:, cells.shape[1] // 2 :] = 0
    only = split(two_tones(), cells, representation).only
    np.testing.assert_allclose(only[:2500], two_tones()[:2500], atol=1e-9)
    assert np.abs(only[-2500:]).max() < 1e-9


def test_weights_lie_between_the_cells_of_their_place():
    representation = Cqt()
    ramp = np.repeat(np.arange(96.0)[:, None], representation.n_frames(N_SAMPLES), axis=1)
    weights = transform_weights(ramp, N_SAMPLES, representation)
    # 437.5 Hz, row 28 of 15.625 Hz: 12 log2(437.5 / 32.703) bins above the lowest.
    np.testing.assert_allclose(weights[28], 12 * np.log2(437.5 / representation.lowest_bin_hz), atol=1e-9)
    assert weights[0].max() == 0
    assert weights[-1].min() == 95


def test_weights_of_mel_lie_between_the_cells_of_their_place():
    representation = Mel()
    ramp = np.repeat(np.arange(96.0)[:, None], representation.n_frames(N_SAMPLES), axis=1)
    weights = transform_weights(ramp, N_SAMPLES, representation)
    # Below 1 kHz the centres are evenly spaced in Hz: row 28, 437.5 Hz, lies between the bins 13 and 14.
    centres_hz = representation.frequencies_hz()
    assert centres_hz[13] < 437.5 < centres_hz[14]
    expected = 13 + np.log(437.5 / centres_hz[13]) / np.log(centres_hz[14] / centres_hz[13])
    np.testing.assert_allclose(weights[28], expected, atol=1e-9)
    assert weights[0].max() == 0
    assert weights[-1].min() == 95


def test_marked_cells_reach_the_threshold():
    own_map = np.array([[0.0, 0.2], [0.4, 0.8]])
    assert marked_cells(own_map, 0.5).tolist() == [[False, False], [True, True]]
    assert not marked_cells(np.zeros((2, 2)), 0.5).any()


def test_random_cells_are_as_many_elsewhere_and_seeded():
    rows, columns = np.mgrid[:96, :40]
    blob = np.exp(-((rows - 40) ** 2) / 100 - (columns - 20) ** 2 / 30)
    drawn = [random_cells(blob, 300, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert [cells.sum() for cells in drawn] == [300] * 3
    assert (drawn[0] == drawn[1]).all()
    assert (drawn[0] != drawn[2]).any()
    # In blobs: most neighbours of a chosen cell are chosen, where 8 % would be by chance.
    neighbours = drawn[0] & np.roll(drawn[0], 1, axis=0)
    assert neighbours.sum() > 0.7 * 300


def test_the_consensus_is_the_mean_by_its_maximum():
    maps = np.array([[[1.0, 0.0]], [[0.0, 0.5]]])
    np.testing.assert_allclose(consensus_map(maps), [[1.0, 0.5]])
    assert not consensus_map(np.zeros((2, 3, 4))).any()


def test_consensus_maps_are_as_long_as_the_recordings():
    maps = np.arange(24.0).reshape(2, 2, 2, 3)
    first, second = consensus_maps(maps, np.array([2, 3]))
    np.testing.assert_allclose(first, np.array([[6.0, 7.0], [9.0, 10.0]]) / 10)
    np.testing.assert_allclose(second, np.array([[12.0, 13.0, 14.0], [15.0, 16.0, 17.0]]) / 17)


@every
def test_probes_are_the_features_of_their_sounds(representation):
    samples = two_tones()
    own_map = np.where(cells_above(1200, representation), 1.0, 0.3)
    found, spectrograms = probes(samples, own_map, (0.5,), 1, np.random.default_rng(0), representation)
    assert [(p.cells, p.sound) for p in found] == [
        *(("all", "original"), ("map", "only"), ("map", "without"), ("random", "only"), ("random", "without")),
    ]
    parts = split(samples, cells_above(1200, representation), representation)
    for index, sound in ((0, samples), (1, parts.only), (2, parts.without)):
        np.testing.assert_array_equal(spectrograms[index], representation.magnitude(sound).astype(np.float32))
    assert found[1].energy_ratio == pytest.approx(0.2**2 / (0.2**2 + 0.3**2), rel=0.01)
    assert found[1].area == found[3].area == cells_above(1200, representation).mean()
