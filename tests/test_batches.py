import jax
import numpy as np
import pytest

from convcam_jax.data.batches import (
    ABSENT,
    by_recording,
    draw_batches,
    fixed_strata,
    shared_strata,
    stratify,
    strip_columns,
)
from convcam_jax.kernels.packing import slot_columns

N_FRAMES = np.random.default_rng(0).integers(18, 203, size=60)
OWN = np.random.default_rng(1).permutation(60)[:45]
draw = jax.jit(draw_batches)


def test_strata_by_hand():
    n_frames = np.array([10, 50, 30, 20, 40, 60])
    strata = stratify(n_frames, np.array([0, 1, 2, 3, 4]), n_steps=2, n_strata=3)
    assert strata.tolist() == [[1, 4], [2, 3], [0, ABSENT]]


def test_fixed_strata_need_as_few_batches_as_can_be_by_hand():
    n_frames = np.array([10, 50, 30, 20, 40, 60])
    strata, n_columns = fixed_strata(n_frames, np.array([0, 1, 2, 3, 4]), batch_size=4)
    assert strata.tolist() == [[1, 4], [2, 3], [0, ABSENT]]
    # The longest of each stratum have 50, 30 and 10 frames, so 64, 40 and 24 columns: 128 on a multiple of 64.
    assert strip_columns(n_frames, strata) == 128
    assert n_columns == 128
    assert fixed_strata(n_frames, np.array([0, 1, 2, 3, 5]), batch_size=4)[1] == 192


def test_fixed_strata_are_a_multiple_of_the_devices_by_hand():
    n_frames = np.array([10, 50, 30, 20, 40, 60])
    strata, _ = fixed_strata(n_frames, np.arange(5), batch_size=2, multiple_of=4)
    assert strata.tolist() == [[1, 4, 2, 3], [0, ABSENT, ABSENT, ABSENT]]
    # Three batches of two would do; they are made four.
    assert fixed_strata(n_frames, np.arange(6), batch_size=2, multiple_of=2)[0].shape == (2, 4)


def test_sets_of_similar_length_share_their_shape_by_hand():
    n_frames = np.array([10, 50, 30, 20, 40, 60, 50, 10])
    sets = {"first": np.array([0, 1, 2, 3]), "second": np.array([4, 5, 6]), "third": np.array([7])}
    pair = {name: sets[name] for name in ("first", "second")}
    # 50 and 20 frames are 64 and 40 columns; 60 and 40 frames 72 and 48, of which the shorter stratum has room for 48.
    first, n_columns = shared_strata(n_frames, pair, ["first"], 2)
    assert first["first"].tolist() == [[1, 2], [3, 0]]
    assert n_columns == 72 + 48
    second, n_columns = shared_strata(n_frames, pair, ["second"], 2)
    assert second["second"].tolist() == [[5, 6], [4, ABSENT]]
    assert n_columns == 72 + 48
    # One recording of 10 frames, and an absent one, need 24 columns.
    third, n_columns = shared_strata(n_frames, sets, ["third"], 2)
    assert third["third"].tolist() == [[7, ABSENT]]
    assert n_columns == 24
    both, n_columns = shared_strata(n_frames, sets, ["first", "third"], 2)
    assert both["third"].tolist() == [[7, ABSENT], [ABSENT, ABSENT]]
    assert n_columns == 72 + 48


def test_what_batches_give_in_the_order_of_the_recordings_by_hand():
    batches = np.array([[7, 2, 5], [3, 9, ABSENT]])
    found = by_recording(np.array([[[70, 20, 50], [30, 90, 0]], [[71, 21, 51], [31, 91, 1]]]), batches)
    assert found.tolist() == [[20, 30, 50, 70, 90], [21, 31, 51, 71, 91]]


def test_too_many_recordings_are_refused():
    with pytest.raises(ValueError, match="5 recordings do not fit in 2 batches of 2"):
        stratify(N_FRAMES, np.arange(5), 2, 2)


def test_length_of_strip_by_hand():
    # 17 frames: 5 columns of the last convolution, 2 of gap, rounded up to an even number, 4 frames each: 32.
    assert slot_columns(np.array([17, 8, 0])).tolist() == [32, 16, 8]
    strata = np.array([[0, 1], [2, ABSENT]])
    assert strip_columns(np.array([8, 17, 8]), strata) == 32 + 16


@pytest.mark.parametrize(("n_steps", "n_strata"), [(3, 15), (5, 9), (4, 12), (45, 1), (7, 9)])
def test_each_recording_is_seen_once_per_epoch_and_strips_suffice(n_steps, n_strata):
    strata = stratify(N_FRAMES, OWN, n_steps, n_strata)
    columns = strip_columns(N_FRAMES, strata)
    longest = 0
    for seed in range(100):
        batches = np.asarray(draw(jax.random.key(seed), strata))
        assert batches.shape == (n_steps, n_strata)
        assert sorted(batches[batches != ABSENT]) == sorted(OWN)
        frames = np.where(batches == ABSENT, 0, N_FRAMES[batches])
        longest = max(longest, slot_columns(frames).sum(1).max())
    assert 0.9 * columns <= longest <= columns


@pytest.mark.parametrize(("n_steps", "n_recordings"), [(3, 45), (4, 45), (7, 45), (3, 40)])
def test_batches_of_an_epoch_are_of_equal_size_give_or_take_one(n_steps, n_recordings):
    strata = stratify(N_FRAMES, OWN[:n_recordings], n_steps, -(-n_recordings // n_steps))
    sizes = (np.asarray(draw(jax.random.key(3), strata)) != ABSENT).sum(1)
    assert sizes.max() - sizes.min() <= 1


def test_draws_depend_on_the_key_alone():
    strata = stratify(N_FRAMES, OWN, 5, 9)
    first, again, other = (np.asarray(draw(jax.random.key(seed), strata)) for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()


def test_recordings_of_a_batch_are_drawn_independently_in_each_stratum():
    strata = stratify(N_FRAMES, OWN, 5, 9)
    batches = np.asarray(draw(jax.random.key(0), strata))
    # A row of strata is a batch's worth of neighbours in length; the same permutation of all would keep its columns.
    columns = {tuple(batch) for batch in strata.T.tolist()}
    assert not any(tuple(batch) in columns for batch in batches.tolist())
