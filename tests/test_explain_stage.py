"""How the test recordings are laid into batches to explain."""

from pathlib import Path

import jax
import numpy as np

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.data.batches import ABSENT
from convcam_jax.data.dataset import Dataset, network_inputs
from convcam_jax.kernels.packing import slot_columns
from convcam_jax.representations.features import Features
from convcam_jax.settings.config import Config
from convcam_jax.settings.overrides import apply_overrides
from convcam_jax.stages.attribution import strata_of_tested

CONFIG = apply_overrides(
    Config(), ["corpus.emotions=anger,sadness", "corpus.max_frames=60", "features.cqt_bins=8", "train.batch_size=4"]
)


def make_dataset(frames: dict[str, list[int]]) -> Dataset:
    """A test set of recordings of so many frames per gender."""
    lengths = [(gender, n) for gender, own in frames.items() for n in own]
    utterances = [
        Utterance(f"{i}", "s", gender, "anger", "a", Path(f"{i}.wav")) for i, (gender, _) in enumerate(lengths)
    ]
    features = [Features(np.ones((8, n), np.float32), np.zeros(3), np.zeros(3), np.ones(n)) for _, n in lengths]
    return Dataset(tuple(utterances), ("test",) * len(lengths), tuple(features))


def batches_of(gender: str, dataset: Dataset) -> tuple[np.ndarray, int]:
    """Its strata and their strip, which are checked to hold its recordings."""
    recordings = network_inputs(dataset, CONFIG)
    strata, n_columns = strata_of_tested(gender, CONFIG, dataset, recordings)
    assert sorted(strata[strata != ABSENT]) == dataset.indices(gender, "test").tolist()
    assert strata.shape[1] % jax.local_device_count() == 0
    assert len(strata) <= CONFIG.train.batch_size
    frames = np.where(strata == ABSENT, 0, np.asarray(recordings.n_frames)[strata])
    assert slot_columns(frames).sum(0).max() <= n_columns
    return strata, n_columns


def test_one_program_explains_both_genders_of_similar_length():
    dataset = make_dataset({"female": [50, 40, 30, 60, 50, 40, 30], "male": [55, 45, 35, 50, 40, 30, 25, 20]})
    female, male = (batches_of(gender, dataset) for gender in ("female", "male"))
    assert female[0].shape == male[0].shape
    assert female[1] == male[1]


def test_a_gender_with_few_recordings_does_not_pay_for_the_other():
    dataset = make_dataset({"female": [50, 40, 30, 60, 50, 40, 30, 20] * 8, "male": [20]})
    female, male = (batches_of(gender, dataset) for gender in ("female", "male"))
    assert len(male[0]) == 1
    assert male[1] == slot_columns(20)
    assert female[1] > male[1]


def test_one_gender_alone():
    assert batches_of("male", make_dataset({"male": [20, 30, 40]}))[1] >= slot_columns(40)
