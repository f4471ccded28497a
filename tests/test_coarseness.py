"""How coarse a map is said to be."""

import numpy as np
from fake_results import make_results

from convcam_jax.networks.crnn import CRNNConfig
from convcam_jax.networks.geometry import Geometry, ReceptiveField
from convcam_jax.networks.spectrogram_transformer import SpectrogramTransformerConfig
from convcam_jax.report.coarseness import coarseness
from convcam_jax.report.overview import facts
from convcam_jax.representations.cqt import Cqt
from convcam_jax.settings.config import Config

# 12 bins to the octave, so a bin is a semitone; the middle four lie around 110 Hz.
SEMITONES_HZ = 110 * 2.0 ** (np.arange(-12, 13) / 12)


def test_distances_are_those_around_the_middle():
    geometry = Geometry((3, 7), ReceptiveField(9, 4, 0.0), ReceptiveField(5, 2, 0.0))
    low, high = 110 * 2 ** (-2 / 12), 110 * 2 ** (2 / 12)
    said = coarseness(geometry, SEMITONES_HZ, 0.03, 100, are_tokens=False)
    assert said.startswith(
        f"3 x 7 nodes, one every 4 bins (4.0 semitones, {high - low:.0f} Hz) and every 2 frames (60 ms)"
    )
    assert "; each sees 9 bins (9.0 semitones, " in said
    assert said.endswith(" by 5 frames (150 ms)")


def test_a_field_is_no_larger_than_the_input():
    geometry = Geometry((1, 4), ReceptiveField(1311, 32, 0.0), ReceptiveField(1311, 32, 0.0))
    said = coarseness(geometry, SEMITONES_HZ, 0.01, 40, are_tokens=False)
    assert "each sees all 25 bins by 40 frames (400 ms)" in said


def test_from_a_bin_at_0_hz_there_is_no_interval_in_semitones():
    geometry = Geometry((2, 2), ReceptiveField(2, 1, 0.0), ReceptiveField(1, 1, 0.0))
    assert "one every 1 bin (20.0" not in coarseness(geometry, np.arange(3) * 20.0, 1.0, 2, are_tokens=False)
    assert "each sees 2 bins (40 Hz) by 1 frame" in coarseness(geometry, np.arange(3) * 20.0, 1.0, 2, are_tokens=False)


def size_of_map(config: Config) -> str:
    results = make_results()
    return facts(config, {}, results.utterances, results.members, results.metrics)["size of the map"]


def test_a_report_says_it_of_the_explained_layer():
    # 16 bins of 24 to the octave are 8 semitones.
    bins = 12 * 16 / Cqt().bins_per_octave
    said = size_of_map(Config(network=SpectrogramTransformerConfig()))
    assert said.startswith(f"6 x 26 nodes, one every 16 bins ({bins:.1f} semitones")
    # The patch, though with the convolutions in front of it the first block sees 22 bins of 14 frames.
    assert f"; each stands for 16 bins ({bins:.1f} semitones" in said
    assert " by 8 frames (" in said
    assert said.endswith("and has seen all that sounds")
    said = size_of_map(Config(network=CRNNConfig()))
    assert said.startswith("12 x 51 nodes, one every 8 bins")
    assert "; each sees 38 bins" in said
