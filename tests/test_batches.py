import jax
import numpy as np
import pytest

from convcam_jax.data.batches import (
    by_recording,
    draw_batches,
    fixed_strata,
    frames_of,
    recording_order,
    shared_strata,
    steps_per_epoch,
    stratify,
)
from convcam_jax.data.batches import (
    tested_strata as strata_to_explain,
)
from convcam_jax.data.recordings import ABSENT
from convcam_jax.kernels.packing import slot_columns
from convcam_jax.networks.simplenet import SimpleNetConfig

N_FRAMES = np.random.default_rng(0).integers(18, 203, size=60)
OWN = np.random.default_rng(1).permutation(60)[:45]
layout_of = SimpleNetConfig().make(n_classes=2).layout
draw = jax.jit(draw_batches)


def constant(frames: np.ndarray) -> int:
    """The layout of a network that computes on the whole grid."""
    return 0


def test_strata_by_hand():
    n_frames = np.array([10, 50, 30, 20, 40, 60])
    strata = stratify(n_frames, np.array([0, 1, 2, 3, 4]), n_steps=2, n_strata=3)
    assert strata.tolist() == [[1, 4], [2, 3], [0, ABSENT]]


def test_fixed_strata_need_as_few_batches_as_can_be_by_hand():
    n_frames = np.array([10, 50, 30, 20, 40, 60])
    strata, layout = fixed_strata(n_frames, np.array([0, 1, 2, 3, 4]), 4, layout_of)
    assert strata.tolist() == [[1, 4], [2, 3], [0, ABSENT]]
    # The longest of each stratum have 50, 30 and 10 frames, so 64, 40 and 24 columns: 128 on a multiple of 64.
    assert layout_of(frames_of(n_frames, strata)) == 128
    assert layout == 128
    assert fixed_strata(n_frames, np.array([0, 1, 2, 3, 5]), 4, layout_of)[1] == 192


def test_strata_are_the_same_for_a_network_without_a_layout():
    n_frames = np.array([10, 50, 30, 20, 40, 60])
    sets = {"first": np.array([0, 1, 2]), "second": np.array([5])}
    expected = fixed_strata(n_frames, np.arange(5), 4, layout_of)[0]
    strata, layout = fixed_strata(n_frames, np.arange(5), 4, constant)
    assert strata.tolist() == expected.tolist()
    assert layout == 0
    # Whatever the lengths, the shape of the largest set is shared: it costs nothing that could be seen in the layout.
    shared, layout = shared_strata(n_frames, sets, ["second"], 1, constant)
    assert shared["second"].tolist() == [[5], [ABSENT], [ABSENT]]
    assert layout == 0


def test_a_layout_is_asked_for_with_the_frames_of_the_strata():
    asked = []

    def note(frames: np.ndarray) -> int:
        asked.append(frames.tolist())
        return 70

    n_frames = np.array([10, 50, 30, 20, 40, 60])
    # Made a multiple of 64.
    assert fixed_strata(n_frames, np.array([0, 1, 2]), 2, note)[1] == 128
    assert asked == [[[50, 30], [10, 0]]]


def test_frames_of_strata_by_hand():
    strata = np.array([[2, 0], [1, ABSENT]])
    assert frames_of(np.array([10, 50, 30]), strata).tolist() == [[30, 10], [50, 0]]


def test_steps_per_epoch_are_those_of_the_largest_set():
    assert steps_per_epoch({"first": np.arange(33), "second": np.arange(10)}, 16) == 3
    assert steps_per_epoch({"first": np.arange(32)}, 16) == 2
    assert steps_per_epoch({"first": np.arange(3)}, 16) == 1


@pytest.mark.parametrize("n_devices", [1, 2, 4])
def test_tested_strata_can_be_divided_over_the_devices(monkeypatch, n_devices):
    monkeypatch.setattr(jax, "local_device_count", lambda: n_devices)
    sets = {"first": OWN, "second": np.arange(5)}
    strata, layout = strata_to_explain(N_FRAMES, sets, "first", 4, layout_of)
    assert strata.shape[1] % n_devices == 0
    assert len(strata) <= 4
    assert sorted(strata[strata != ABSENT]) == sorted(OWN)
    assert layout == layout_of(frames_of(N_FRAMES, strata))


def test_sets_of_similar_length_share_their_shape_by_hand():
    n_frames = np.array([10, 50, 30, 20, 40, 60, 50, 10])
    sets = {"first": np.array([0, 1, 2, 3]), "second": np.array([4, 5, 6]), "third": np.array([7])}
    pair = {name: sets[name] for name in ("first", "second")}
    # 50 and 20 frames are 64 and 40 columns; 60 and 40 frames 72 and 48, of which the shorter stratum has room for 48.
    first, layout = shared_strata(n_frames, pair, ["first"], 2, layout_of)
    assert first["first"].tolist() == [[1, 2], [3, 0]]
    assert layout == 72 + 48
    second, layout = shared_strata(n_frames, pair, ["second"], 2, layout_of)
    assert second["second"].tolist() == [[5, 6], [4, ABSENT]]
    assert layout == 72 + 48
    # One recording of 10 frames, and an absent one, need 24 columns.
    third, layout = shared_strata(n_frames, sets, ["third"], 2, layout_of)
    assert third["third"].tolist() == [[7, ABSENT]]
    assert layout == 24
    both, layout = shared_strata(n_frames, sets, ["first", "third"], 2, layout_of)
    assert both["third"].tolist() == [[7, ABSENT], [ABSENT, ABSENT]]
    assert layout == 72 + 48


def test_what_batches_give_in_the_order_of_the_recordings_by_hand():
    batches = np.array([[7, 2, 5], [3, 9, ABSENT]])
    found = by_recording(np.array([[[70, 20, 50], [30, 90, 0]], [[71, 21, 51], [31, 91, 1]]]), batches)
    assert found.tolist() == [[20, 30, 50, 70, 90], [21, 31, 51, 71, 91]]
    assert recording_order(batches).tolist() == [1, 3, 2, 0, 4]


def test_too_many_recordings_are_refused():
    with pytest.raises(ValueError, match="5 recordings do not fit in 2 batches of 2"):
        stratify(N_FRAMES, np.arange(5), 2, 2)


@pytest.mark.parametrize(("n_steps", "n_strata"), [(3, 15), (5, 9), (4, 12), (45, 1), (7, 9)])
def test_each_recording_is_seen_once_per_epoch_and_the_layout_suffices(n_steps, n_strata):
    strata = stratify(N_FRAMES, OWN, n_steps, n_strata)
    layout = layout_of(frames_of(N_FRAMES, strata))
    longest = 0
    for seed in range(100):
        batches = np.asarray(draw(jax.random.key(seed), strata))
        assert batches.shape == (n_steps, n_strata)
        assert sorted(batches[batches != ABSENT]) == sorted(OWN)
        longest = max(longest, slot_columns(frames_of(N_FRAMES, batches)).sum(1).max())
    assert 0.9 * layout <= longest <= layout


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
