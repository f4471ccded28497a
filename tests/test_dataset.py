from pathlib import Path

import numpy as np

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.data.dataset import Dataset, analysis_arrays, emotion_indices, network_inputs, utterance_table
from convcam_jax.representations.features import Features
from convcam_jax.settings.config import Config
from convcam_jax.settings.overrides import apply_overrides

CONFIG = apply_overrides(Config(), ["corpus.emotions=sadness,anger", "corpus.max_frames=22", "features.cqt_bins=8"])


def make_features(n_frames: int, seed: int) -> Features:
    generator = np.random.default_rng(seed)
    time_s = np.arange(0.01, n_frames * 512 / 16600, 0.01)
    return Features(
        cqt=generator.random((8, n_frames)).astype(np.float32),
        praat_f0_hz=np.where(time_s < 0.2, 150.0, 0.0),
        praat_time_s=time_s,
        energy=generator.random(n_frames),
    )


def utterance(recording: str, gender: str, emotion: str) -> Utterance:
    return Utterance(recording, recording[:2], gender, emotion, "a01", Path(f"{recording}.wav"))


DATASET = Dataset(
    utterances=(
        utterance("03a01Wa", "male", "anger"),
        utterance("08a01Ta", "female", "sadness"),
        utterance("08a01Wa", "female", "anger"),
        utterance("08a02Wa", "female", "anger"),
    ),
    splits=("test", "train", "test", "train"),
    features=tuple(make_features(n, seed) for seed, n in enumerate((20, 18, 19, 18))),
)


def test_indices_and_genders():
    assert DATASET.genders() == ("female", "male")
    assert DATASET.indices("female", "train").tolist() == [1, 3]
    assert DATASET.indices("male", "test").tolist() == [0]
    assert DATASET.indices("male", "train").tolist() == []


def test_emotions_are_counted_in_the_order_of_the_config():
    assert emotion_indices(DATASET.utterances, CONFIG.corpus.emotions).tolist() == [1, 0, 1, 1]


def test_network_inputs_are_filled_up_with_zeros():
    inputs = network_inputs(DATASET, CONFIG)
    assert inputs.spectrograms.shape == (4, 8, 22)
    assert inputs.spectrograms.dtype == np.float32
    assert np.asarray(inputs.n_frames).tolist() == [20, 18, 19, 18]
    np.testing.assert_array_equal(inputs.spectrograms[1, :, :18], DATASET.features[1].cqt)
    assert (inputs.spectrograms[1, :, 18:] == 0).all()


def test_network_inputs_have_the_scale_of_the_config_and_the_analysis_has_magnitudes():
    config = apply_overrides(CONFIG, ["features.scale=power"])
    np.testing.assert_allclose(
        network_inputs(DATASET, config).spectrograms, np.square(network_inputs(DATASET, CONFIG).spectrograms), rtol=1e-6
    )
    arrays = analysis_arrays(DATASET.utterances, DATASET.features, config)
    np.testing.assert_array_equal(arrays.cqt[0, :, :20], DATASET.features[0].cqt)


def test_analysis_arrays():
    arrays = analysis_arrays(DATASET.utterances, DATASET.features, CONFIG)
    assert arrays.energy.shape == arrays.f0_hz.shape == arrays.voiced.shape == (4, 22)
    assert arrays.voiced.dtype == bool
    # Praat's frames are voiced up to 0.2 s and begin after the first frame, at 0; frames are 31 ms apart.
    assert np.flatnonzero(arrays.voiced[0]).tolist() == [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose(arrays.f0_hz[arrays.voiced], 150.0, rtol=1e-5)
    assert not arrays.voiced[1, 18:].any()
    np.testing.assert_allclose(arrays.energy[2, :19], DATASET.features[2].energy, rtol=1e-6)


def test_utterance_table():
    table = utterance_table(DATASET)
    assert list(table.columns) == ["recording", "speaker", "gender", "emotion", "text", "n_frames", "split"]
    assert table["speaker"].tolist() == ["03", "08", "08", "08"]
    assert table["n_frames"].tolist() == [20, 18, 19, 18]
    assert table["split"].tolist() == list(DATASET.splits)
