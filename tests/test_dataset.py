"""The recordings of a run: members and their keys, cohorts, sets, and the arrays and tables made of them."""

import zlib
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.data.arrays import analysis_arrays, emotion_indices, n_frames, stack
from convcam_jax.data.dataset import Dataset, as_recordings, fold_table, network_inputs, utterance_table
from convcam_jax.data.members import Cohort, Member, key_numbers, list_members
from convcam_jax.data.recordings import ABSENT, Recordings, take
from convcam_jax.representations.cqt import Cqt
from convcam_jax.representations.features import Features
from convcam_jax.representations.frame_f0 import frame_f0
from convcam_jax.splits.protocol import ONLY_FOLD, UNUSED, Fold

EMOTIONS, MAX_FRAMES = ("sadness", "anger"), 22
REPRESENTATION = Cqt(n_bins=8)


def make_features(n_frames: int, seed: int) -> Features:
    generator = np.random.default_rng(seed)
    time_s = np.arange(0.01, n_frames * 512 / 16600, 0.01)
    return Features(
        magnitude=generator.random((8, n_frames)).astype(np.float32),
        praat_f0_hz=np.where(time_s < 0.2, 150.0, 0.0),
        praat_time_s=time_s,
        energy=generator.random(n_frames),
    )


def utterance(recording: str, gender: str, emotion: str) -> Utterance:
    return Utterance(recording, recording[:2], gender, emotion, "a01", Path(f"{recording}.wav"))


UTTERANCES = (
    utterance("03a01Wa", "male", "anger"),
    utterance("08a01Ta", "female", "sadness"),
    utterance("08a01Wa", "female", "anger"),
    utterance("09a02Wa", "female", "anger"),
)
SPLIT = ("test", "train", "test", "train")
DATASET = Dataset(
    utterances=UTTERANCES,
    features=tuple(make_features(n, seed) for seed, n in enumerate((20, 18, 19, 18))),
    groups=tuple(u.gender for u in UTTERANCES),
    folds=(Fold(ONLY_FOLD, SPLIT),),
)
# By speaker: the male one is tested in a fold that has nothing to train on, a female one is left out of the other's.
IN_FOLDS = DATASET._replace(
    folds=(
        Fold("03", ("test", UNUSED, UNUSED, UNUSED)),
        Fold("08", (UNUSED, "test", "test", "train")),
        Fold("09", (UNUSED, "train", "validation", "test")),
    )
)


def test_indices_of_a_cohort():
    female, male = Cohort("female", ONLY_FOLD), Cohort("male", ONLY_FOLD)
    assert DATASET.cohorts() == (female, male)
    assert DATASET.indices(female, "train").tolist() == [1, 3]
    assert DATASET.indices(male, "test").tolist() == [0]
    assert DATASET.indices(male, "train").tolist() == []
    assert {cohort: own.tolist() for cohort, own in DATASET.sets("test").items()} == {female: [2], male: [0]}


def test_cohorts_are_groups_in_the_folds_that_test_them():
    assert IN_FOLDS.cohorts() == (Cohort("female", "08"), Cohort("female", "09"), Cohort("male", "03"))
    assert IN_FOLDS.indices(Cohort("female", "09"), "validation").tolist() == [2]
    assert IN_FOLDS.indices(Cohort("female", "03"), "test").tolist() == []
    tested = {str(cohort): own.tolist() for cohort, own in IN_FOLDS.sets("test").items()}
    assert tested == {"female, fold 08": [1, 2], "female, fold 09": [3], "male, fold 03": [0]}
    assert {str(c): own.tolist() for c, own in IN_FOLDS.sets("train").items()} == {
        "female, fold 08": [3],
        "female, fold 09": [1],
        "male, fold 03": [],
    }


def test_groups_may_be_named_as_anything():
    dataset = DATASET._replace(groups=("all",) * 4)
    assert dataset.cohorts() == (Cohort("all", ONLY_FOLD),)
    assert dataset.indices(Cohort("all", ONLY_FOLD), "test").tolist() == [0, 2]


def test_members_stand_by_cohort_then_seed():
    cohorts = [Cohort("female", "08"), Cohort("male", "03")]
    members = list_members(cohorts, range(5, 7))
    assert members == (
        Member("female", "08", 5),
        Member("female", "08", 6),
        Member("male", "03", 5),
        Member("male", "03", 6),
    )
    assert [member.cohort for member in members[1:3]] == cohorts


def test_the_only_fold_is_not_shown():
    assert str(Member("female", ONLY_FOLD, 3)) == "female 3"
    assert str(Member("female", "08", 3)) == "female, fold 08 3"
    assert str(Cohort("all", ONLY_FOLD)) == "all"


def test_members_of_the_papers_groups_are_numbered_and_others_have_checksums():
    assert key_numbers(Member("female", ONLY_FOLD, 3)) == (0,)
    assert key_numbers(Member("male", ONLY_FOLD, 3)) == (1,)
    assert key_numbers(Member("03", ONLY_FOLD, 3)) == (zlib.crc32(b"03"),)
    assert key_numbers(Member("female", "08", 3)) == (0, zlib.crc32(b"08"))
    assert key_numbers(Member("all", "08", 0)) == (zlib.crc32(b"all"), zlib.crc32(b"08"))


def test_emotions_are_counted_in_their_order():
    assert emotion_indices(DATASET.utterances, EMOTIONS).tolist() == [1, 0, 1, 1]


def test_network_inputs_are_filled_up_with_zeros():
    inputs = network_inputs(DATASET, EMOTIONS, REPRESENTATION, MAX_FRAMES)
    assert inputs.spectrograms.shape == (4, 8, 22)
    assert inputs.spectrograms.dtype == np.float32
    assert np.asarray(inputs.n_frames).tolist() == n_frames(DATASET.features).tolist() == [20, 18, 19, 18]
    assert np.asarray(inputs.emotion).tolist() == [1, 0, 1, 1]
    np.testing.assert_array_equal(inputs.spectrograms[1, :, :18], DATASET.features[1].magnitude)
    assert (inputs.spectrograms[1, :, 18:] == 0).all()


def test_network_inputs_have_the_scale_of_the_representation_and_the_analysis_has_magnitudes():
    power, plain = (
        network_inputs(DATASET, EMOTIONS, Cqt(n_bins=8, scale=scale), MAX_FRAMES).spectrograms
        for scale in ("power", "magnitude")
    )
    np.testing.assert_allclose(power, np.square(plain), rtol=1e-6)
    np.testing.assert_array_equal(arrays_of(DATASET).magnitude[0, :, :20], DATASET.features[0].magnitude)


def test_recordings_may_be_made_of_magnitudes_alone():
    magnitudes = [own.magnitude for own in DATASET.features]
    expected = network_inputs(DATASET, EMOTIONS, REPRESENTATION, MAX_FRAMES)
    found = as_recordings(magnitudes, np.array([1, 0, 1, 1]), REPRESENTATION, MAX_FRAMES)
    for left, right in zip(found, expected, strict=True):
        np.testing.assert_array_equal(left, right)


def arrays_of(dataset: Dataset):
    times_s = [REPRESENTATION.frame_times_s(own.magnitude.shape[1]) for own in dataset.features]
    f0 = [
        frame_f0(own, times, "voiced_frames_only", "kept") for own, times in zip(dataset.features, times_s, strict=True)
    ]
    return analysis_arrays(dataset.features, f0, emotion_indices(dataset.utterances, EMOTIONS), MAX_FRAMES)


def test_analysis_arrays():
    arrays = arrays_of(DATASET)
    assert arrays.energy.shape == arrays.f0_hz.shape == arrays.voiced.shape == (4, 22)
    assert arrays.voiced.dtype == bool
    # Praat's frames are voiced up to 0.2 s and begin after the first frame, at 0; frames are 31 ms apart.
    assert np.flatnonzero(arrays.voiced[0]).tolist() == [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose(arrays.f0_hz[arrays.voiced], 150.0, rtol=1e-5)
    assert not arrays.voiced[1, 18:].any()
    np.testing.assert_allclose(arrays.energy[2, :19], DATASET.features[2].energy, rtol=1e-6)


def test_stacked_arrays_by_hand():
    stacked = stack([np.array([[1.0, 2.0]]), np.array([[3.0]])], 3)
    assert stacked.tolist() == [[[1, 2, 0]], [[3, 0, 0]]]
    assert stacked.dtype == np.float32
    assert stack([np.array([True])], 2).tolist() == [[True, False]]


def test_a_batch_takes_recordings_by_index_and_has_no_frames_where_there_is_none():
    spectrograms = jnp.arange(24.0).reshape(3, 2, 4)
    recordings = Recordings(spectrograms, jnp.array([4, 3, 2]), jnp.array([0, 1, 2]))
    batch = take(recordings, jnp.array([2, ABSENT, 0]))
    assert batch.n_frames.tolist() == [2, 0, 4]
    np.testing.assert_array_equal(batch.spectrograms[jnp.array([0, 2])], spectrograms[jnp.array([2, 0])])
    assert batch.grid == (2, 4)


COLUMNS = ["recording", "speaker", "gender", "emotion", "text", "group", "n_frames"]


def test_utterance_table_of_one_fold():
    table = utterance_table(DATASET)
    assert list(table.columns) == [*COLUMNS, "split"]
    assert table["speaker"].tolist() == ["03", "08", "08", "09"]
    assert table["n_frames"].tolist() == [20, 18, 19, 18]
    assert table["group"].tolist() == ["male", "female", "female", "female"]
    assert table["split"].tolist() == list(SPLIT)


def test_utterance_table_of_several_folds_says_where_a_recording_is_tested():
    untested = IN_FOLDS._replace(folds=IN_FOLDS.folds[:2])
    table = utterance_table(IN_FOLDS)
    assert list(table.columns) == [*COLUMNS, "test_fold"]
    assert table["test_fold"].tolist() == ["03", "08", "08", "09"]
    assert utterance_table(untested)["test_fold"].tolist() == ["03", "08", "08", ""]


def test_one_fold_of_another_name_is_named():
    one = DATASET._replace(folds=(Fold("08", SPLIT),))
    assert utterance_table(one)["test_fold"].tolist() == ["08", "", "08", ""]


def test_attributes_are_columns():
    first, *others = UTTERANCES
    utterances = (first._replace(attributes=(("intensity", "strong"),)), *others)
    table = utterance_table(DATASET._replace(utterances=utterances))
    assert table["attribute/intensity"].iloc[0] == "strong"
    assert table["attribute/intensity"].iloc[1:].isna().all()


def test_fold_table_has_every_recording_in_every_fold():
    table = fold_table(IN_FOLDS)
    assert list(table.columns) == ["recording", "group", "fold", "split"]
    assert len(table) == 12
    own = table[table["fold"] == "09"]
    assert own["recording"].tolist() == [u.recording for u in UTTERANCES]
    assert own["split"].tolist() == [UNUSED, "train", "validation", "test"]
    assert fold_table(DATASET)["fold"].tolist() == [ONLY_FOLD] * 4


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_sets_of_the_table_are_those_of_the_dataset(split):
    table = fold_table(IN_FOLDS)
    for cohort, own in IN_FOLDS.sets(split).items():
        rows = table[(table["group"] == cohort.group) & (table["fold"] == cohort.fold) & (table["split"] == split)]
        assert rows["recording"].tolist() == [UTTERANCES[i].recording for i in own]
