"""What the networks are asked about recordings: each has random cells of its own."""

import numpy as np

from convcam_jax.checks.listening.config import ReportConfig
from convcam_jax.checks.listening.resynthesis import random_cells, split
from convcam_jax.corpora.sounds.audio import read_recording, wav_bytes
from convcam_jax.corpora.utterances import Source
from convcam_jax.representations.prosody import shortest_s
from convcam_jax.settings.config import Config
from convcam_jax.stages.checks.listening_sounds import ToProbe, probe

FEATURES = Config().features
RATE_HZ = FEATURES.representation.sample_rate_hz
REPORT = ReportConfig(thresholds=(0.5,), random_masks=2, seed=3)


def test_recordings_of_equal_length_and_map_have_random_cells_of_their_own(tmp_path):
    samples = np.random.default_rng(0).normal(0, 0.1, RATE_HZ // 2)
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(samples, RATE_HZ))
    n_frames = FEATURES.representation.n_frames(len(samples))
    rows, columns = np.mgrid[: FEATURES.representation.n_bins, :n_frames]
    own_map = np.exp(-((rows - 40) ** 2) / 100 - (columns - n_frames // 2) ** 2 / 30)

    def found(number, report=REPORT):
        described, magnitudes = probe(ToProbe(Source(path), own_map, number), FEATURES, report)
        return {(one.cells, one.draw, one.sound): own for one, own in zip(described, magnitudes, strict=True)}

    first, again, second, of_another_seed = found(5), found(5), found(6), found(5, ReportConfig((0.5,), 2, 4))
    for key, own in first.items():
        np.testing.assert_array_equal(own, again[key])
        for other in (second, of_another_seed):
            assert np.array_equal(own, other[key]) == (key[0] != "random")
    # The cells are those of a generator that is made of the seed and the recording's number.
    cells = random_cells(own_map, int((own_map >= 0.5 * own_map.max()).sum()), np.random.default_rng([3, 5]))
    # As they stand in the file, of 16 bits.
    heard = read_recording(Source(path), RATE_HZ, shortest_s(FEATURES.prosody), FEATURES.channels).samples
    expected = FEATURES.representation.magnitude(split(heard, cells, FEATURES.representation).only)
    np.testing.assert_allclose(first["random", 0, "only"], expected, rtol=1e-5, atol=1e-7)
