"""Masks of equal area: exactly equal, circular, of the right spectrum, below the ceiling, and calibrated."""

import dataclasses
import functools

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from convcam_jax.checks.chance.config import ControlsConfig
from convcam_jax.checks.chance.control_verdicts import control_verdicts
from convcam_jax.checks.chance.controls import UNTESTED, control_table
from convcam_jax.checks.chance.mask_controls import (
    NO_EMOTION,
    MaskDraws,
    draw_masks,
    energy_ratios,
    exchanged_emotions,
    exchanged_labels,
    gains_at_equal_area,
    mask_controls,
)
from convcam_jax.checks.chance.permutation import permutation_test
from convcam_jax.checks.chance.random_masks import largest_cells, random_fields
from convcam_jax.data.arrays import AnalysisArrays
from convcam_jax.measures.config import AnalysisConfig
from convcam_jax.measures.metrics import energy_ratio

F, T, P, C = 12, 20, 60, 3
S = 70
CONTROLS = ControlsConfig(permutations=P, shifts=S)
ANALYSIS = dataclasses.replace(AnalysisConfig(), mask_threshold=0.5)


def smooth(generator, n, shape=(F, T)):
    noise = generator.normal(size=(n, *shape))
    return np.maximum(sum(np.roll(noise, (i, j), (1, 2)) for i in range(3) for j in range(3)), 0).astype(np.float32)


def make_arrays(generator, n=9, frames=None):
    n_frames = np.full(n, T) if frames is None else np.asarray(frames)
    inside = np.arange(T) < n_frames[:, None]
    return AnalysisArrays(
        magnitude=(generator.random((n, F, T)) * inside[:, None]).astype(np.float32),
        energy=np.ones((n, T), np.float32),
        f0_hz=np.full((n, T), 200.0, np.float32),
        voiced=inside,
        n_frames=n_frames,
        emotion=np.arange(n) % C,
    )


def masks_of(maps, emotion):
    return np.stack([maps[emotion == c].sum(0) for c in range(C)])


def test_largest_cells_by_hand():
    values = np.array([[3.0, 1.0, 2.0, 5.0], [0.0, -1.0, -2.0, -3.0]])
    chosen = largest_cells(values, 2, np.random.default_rng(0))
    np.testing.assert_array_equal(chosen, [[True, False, False, True], [True, True, False, False]])


@pytest.mark.parametrize("n_cells", [0, 1, 7, 239, 240])
def test_area_is_equal_to_the_cell_with_ties_too(n_cells):
    generator = np.random.default_rng(1)
    values = generator.integers(4, size=(30, 240)).astype(float)
    chosen = largest_cells(values, n_cells, generator)
    assert (chosen.sum(1) == n_cells).all()
    lowest_in = np.where(chosen, values, np.inf).min(1)
    assert (lowest_in >= np.where(chosen, -np.inf, values).max(1)).all()


def test_ties_are_broken_at_random():
    chosen = largest_cells(np.zeros((400, 8)), 2, np.random.default_rng(2))
    np.testing.assert_allclose(chosen.mean(0), 0.25, atol=0.07)


def test_random_fields_have_the_spectrum_and_nothing_else_of_the_mask():
    generator = np.random.default_rng(3)
    values = smooth(generator, 1)[0]
    fields = random_fields(values, 20, generator)
    wanted = np.abs(np.fft.fft2(values - values.mean()))
    found = np.abs(np.fft.fft2(fields))
    # Where a frequency is its own mirror image, the phase is 0 or pi, which leaves the amplitude as it is.
    np.testing.assert_allclose(found, np.broadcast_to(wanted, found.shape), atol=1e-3 * wanted.max())
    assert np.abs(np.corrcoef(fields.reshape(20, -1))[np.triu_indices(20, 1)]).max() < 0.8
    assert abs(np.mean([np.corrcoef(field.ravel(), values.ravel())[0, 1] for field in fields])) < 0.15


def instead(generator, values=None, time_share=(0.0,), bin_shift=(0,)):
    fields = smooth(generator, P) if values is None else values
    return MaskDraws(fields, fields[: C - 1], np.array(time_share), np.array(bin_shift))


def test_shifts_are_circular_inside_the_recording():
    """Energy in one cell each; the mask has one cell, so the ratio says where it came to lie."""
    magnitude = np.sqrt(np.arange(1.0, F * 5 + 1).reshape(F, 5))
    mask = np.zeros((F, T), bool)
    mask[2, 3] = mask[7, 9] = True  # The second lies behind the recording and does not count.
    draws = instead(np.random.default_rng(0), time_share=(0.0, 0.2, 0.4, 0.99), bin_shift=(0, 1, F - 2, F - 3))
    ratios = energy_ratios(magnitude, mask, draws, np.random.default_rng(0))
    total = (magnitude**2).sum()
    in_time = [magnitude[2, 3], magnitude[2, 4], magnitude[2, 0], magnitude[2, 2]]
    np.testing.assert_allclose(ratios.time_shift, np.square(in_time) / total)
    np.testing.assert_allclose(ratios.frequency_shift, np.square(magnitude[[2, 3, 0, F - 1], 3]) / total)
    np.testing.assert_allclose(ratios.observed, [magnitude[2, 3] ** 2 / total])


def test_observed_is_the_metric_and_nothing_is_above_the_ceiling():
    generator = np.random.default_rng(4)
    arrays, maps = make_arrays(generator, frames=[20, 13, 17] * 3), smooth(generator, 9)
    masks = masks_of(maps, arrays.emotion)
    draws = mask_controls(maps, masks, np.ones(9, bool), arrays, ANALYSIS, CONTROLS, generator)
    [ceiling] = [draw.draws[:, :1] for draw in draws if draw.control == "top_energy"]
    mask = masks[1]
    expected = energy_ratio(
        jnp.asarray(arrays.magnitude[4]), jnp.asarray(mask >= 0.5 * mask.max()), jnp.asarray(arrays.n_frames[4])
    )
    n_draws = {"another_emotion": C - 1, "time_shift": S, "frequency_shift": S, "top_energy": ceiling.shape[1]}
    for draw in draws:
        assert draw.draws.shape == (9, n_draws.get(draw.control, P))
        assert draw.gain is not None or (draw.draws <= ceiling + 1e-9).all()
        assert draw.tested == (draw.control not in UNTESTED)
        assert draw.observed[4] == pytest.approx(float(expected), rel=1e-5)


def test_other_emotions_come_in_turn_and_those_without_mask_are_missing():
    generator = np.random.default_rng(5)
    maps, emotion = smooth(generator, 9), np.arange(9) % C
    counted = emotion != 2
    masks = masks_of(maps * counted[:, None, None], emotion)
    drawn = draw_masks(1, masks, CONTROLS, generator)
    np.testing.assert_array_equal(drawn.another_emotion, [masks[2], masks[0]])
    own = energy_ratios(generator.random((F, T)), masks[1] > 2, drawn, generator)
    np.testing.assert_array_equal(np.isnan(own.another_emotion), [True, False])


def test_shifts_are_drawn_from_all_that_there_are():
    generator = np.random.default_rng(9)
    maps, emotion = smooth(generator, 9), np.arange(9) % C
    controls = ControlsConfig(permutations=2)
    drawn = draw_masks(1, masks_of(maps, emotion), controls, generator)
    counts = np.bincount(drawn.bin_shift, minlength=F)
    assert (len(counts), len(drawn.time_share)) == (F, controls.shifts)
    assert stats.chisquare(counts).pvalue > 0.01
    assert stats.kstest(drawn.time_share, "uniform").pvalue > 0.01


def test_emotions_are_exchanged_among_the_recordings_that_count():
    generator = np.random.default_rng(6)
    arrays, maps = make_arrays(generator, 8), smooth(generator, 8)
    counted = np.arange(8) != 3
    labels = exchanged_labels(arrays.emotion, ["a"] * 8, counted, 400, generator)
    drawn = exchanged_emotions(maps, labels, arrays, np.full(8, 0.5), 0.5, generator)
    assert (drawn.labels[3] == NO_EMOTION).all()
    for emotion in range(C):
        n_own = (arrays.emotion[counted] == emotion).sum()
        assert ((drawn.labels == emotion).sum(0) == n_own).all()
        np.testing.assert_allclose((drawn.labels[counted] == emotion).mean(1), n_own / 7, atol=0.08)
    np.testing.assert_array_equal(np.isfinite(drawn.draws), drawn.labels != NO_EMOTION)
    # A draw is what was observed where all that have the recording's emotion have it really.
    own = arrays.emotion[:, None]
    for row, draw in np.argwhere(drawn.unchanged):
        label = drawn.labels[row, draw]
        np.testing.assert_array_equal(drawn.labels[:, draw] == label, (own[:, 0] == label) & counted)
        assert drawn.draws[row, draw] == drawn.gain[row]
    assert 0 < drawn.unchanged.mean() < 0.2


def test_emotions_are_exchanged_within_each_speaker():
    emotion, speakers = np.array([0, 0, 1, 1, 2, 0, 2, 2]), list("aaabbbcc")
    counted = np.arange(8) != 1
    labels = exchanged_labels(emotion, speakers, counted, 400, np.random.default_rng(13))
    np.testing.assert_array_equal(labels[:, 0], [0, NO_EMOTION, 1, 1, 2, 0, 2, 2])
    for own, emotions in (([0, 2], [0, 1]), ([3, 4, 5], [0, 1, 2]), ([6, 7], [2, 2])):
        assert (np.sort(labels[own], axis=0) == np.array(emotions)[:, None]).all()
    # Each emotion is as often any of its speaker's recordings, whatever the other speakers draw.
    np.testing.assert_allclose((labels[3:6, 1:] == 2).mean(1), 1 / 3, atol=0.08)
    assert np.mean((labels[0, 1:] == 0) & (labels[3, 1:] == 1)) == pytest.approx(1 / 6, abs=0.06)


def test_gains_are_over_masks_of_equal_area_by_hand():
    """Of 3 cells with 0.5, 0.3 and 0.2 of the energy: the average mask has 0.4 in one cell and 0.75 in two."""
    values = np.array([[3.0, 2.0, 1.0], [1.0, 3.0, 2.0]])
    inside = np.array([[True, False, False], [False, True, True]])
    gains = gains_at_equal_area(values, inside, np.array([0.5, 0.3, 0.2]), np.random.default_rng(0))
    # The largest of either are 0.5 and 0.3; the two largest 0.8 and 0.5, 0.65 on average.
    np.testing.assert_allclose(gains, [0.5 - 0.4, 0.5 - 0.65])


def blobs_of_energy(generator, effect):
    """12 recordings, 4 of each emotion, whose maps are their loud places, which emotions share as far as `effect`."""
    n, (bins, frames) = 12, np.mgrid[:F, :T]
    emotion, n_frames = generator.permutation(np.arange(n) % C), generator.integers(12, T + 1, n)
    middle = (1 - effect) * generator.uniform(0, F, n) + effect * (2 + 4 * emotion)
    at = generator.uniform(0, n_frames)
    blobs = np.exp(-(np.square(bins - middle[:, None, None]) + np.square(frames - at[:, None, None])) / 8)
    blobs *= frames < n_frames[:, None, None]
    arrays = make_arrays(generator, n, n_frames)._replace(emotion=emotion)
    magnitude = np.sqrt(blobs) + 0.3 * arrays.magnitude
    maps = np.where(blobs > 0.05, blobs, 0).astype(np.float32)
    return arrays._replace(magnitude=magnitude.astype(np.float32)), maps


def exchanged_p(n_sets, effect):
    """P of every level, of that many sets of recordings: as a table of the controls has them."""
    generator, tables = np.random.default_rng(11), []
    for _ in range(n_sets):
        arrays, maps = blobs_of_energy(generator, effect)
        tables.append(exchanged_table([(arrays, maps)], ["a"] * 12, 39, generator))
    return {level: own["p"].to_numpy() for level, own in pd.concat(tables).groupby("level")}


def exchanged_table(folds, speakers, n_draws, generator):
    """The table of the controls of a group whose folds are given by arrays and maps, all recordings being right."""
    recordings, draws = [], []
    for fold, (arrays, maps) in enumerate(folds):
        n = len(maps)
        labels = exchanged_labels(arrays.emotion, speakers, np.ones(n, bool), n_draws, generator)
        draws.append([exchanged_emotions(maps, labels, arrays, np.full(n, 0.5), 0.1, generator)])
        known = {"recording": [f"{fold}_{i}" for i in range(n)], "emotion": np.array(list("abc"))[arrays.emotion]}
        place = {"group": "all", "correct": True, "mask_area": 0.1, "map_is_zero": False}
        recordings.append(pd.DataFrame(known).assign(speaker=speakers, **place))
    return control_table(recordings, draws, "abc", 0.05)


def test_emotions_that_mean_nothing_are_found_as_often_as_p_says():
    """Though each map is where its own recording is loud, and so in the mask of whichever emotion this has."""
    for level, p in exchanged_p(100, 0.0).items():
        # P of a set's emotions and recordings depend on one another.
        n_independent = 100 if level == "group" else 200
        assert np.mean(p <= 0.1) == pytest.approx(0.1, abs=3 * np.sqrt(0.09 / n_independent)), level
        assert np.mean(p) == pytest.approx(0.51, abs=3 * np.sqrt(1 / 12 / n_independent)), level


def speakers_with_places(generator):
    """4 speakers of 6 recordings, whose maps and loud places are the speaker's own, as are the shares of emotions."""
    speaker, (bins, frames) = np.repeat(np.arange(4), 6), np.mgrid[:F, :T]
    emotion = np.concatenate([generator.choice(C, 6, p=generator.dirichlet([1] * C)) for _ in range(4)])
    middle, at = (generator.integers(2, size - 2, 4)[speaker] + generator.integers(-1, 2, 24) for size in (F, T))
    blobs = np.exp(-(np.square(bins - middle[:, None, None]) + np.square(frames - at[:, None, None])) / 6)
    arrays = make_arrays(generator, 24)._replace(emotion=emotion)
    arrays = arrays._replace(magnitude=(np.sqrt(blobs) + 0.3 * arrays.magnitude).astype(np.float32))
    return (arrays, np.where(blobs > 0.05, blobs, 0).astype(np.float32)), [f"s{own}" for own in speaker]


def test_p_is_right_where_speakers_have_their_own_places_and_shares_of_emotions():
    """Their emotions mean nothing to a speaker's maps, but who has which emotion says who is in a mask."""
    generator, p = np.random.default_rng(14), []
    for _ in range(80):
        fold, speakers = speakers_with_places(generator)
        table = exchanged_table([fold], speakers, 39, generator)
        p.append(table.loc[table["level"] == "group", "p"].item())
    assert np.mean(np.array(p) <= 0.1) == pytest.approx(0.1, abs=3 * np.sqrt(0.09 / 80))
    assert np.mean(p) == pytest.approx(0.51, abs=3 * np.sqrt(1 / 12 / 80))


def folds_of(generator, emotions, n_folds):
    """That many folds of loud places whose recordings have these emotions."""
    n = len(emotions)
    for _ in range(n_folds):
        arrays, maps = blobs_of_energy(generator, 0.0)
        arrays = type(arrays)(*(values[:n] for values in arrays))
        yield arrays._replace(emotion=np.array(emotions)), maps[:n]


def test_an_emotion_with_one_recording_in_each_fold_is_not_tested():
    """Its mask is its own map, whichever recording has it: no draw can differ, and none is better than chance."""
    generator = np.random.default_rng(15)
    folds = list(folds_of(generator, [0, 0, 0, 1, 1, 1, 2], 3))
    cells = exchanged_table(folds, ["s"] * 7, 99, generator)
    lone = cells[cells["emotion"] == "c"]
    assert len(lone) == 1 + 3
    assert lone[["p", "smallest_p", "q", "above_chance"]].isna().all(axis=None)
    assert (lone["n_draws"] == 0).all()
    tested = cells[cells["level"] == "emotion"].iloc[:2]
    assert (tested["n_draws"] == 99).all()
    # Of two tests, not of three.
    assert tested["q"].max() == tested["p"].max()
    assert tested["q"].min() == min(2 * tested["p"].min(), tested["p"].max())
    verdicts = control_verdicts(cells, 0.05)
    assert " of 2 cells are" in verdicts["sentence"][0]
    assert verdicts["sentence"][0].endswith("No draw can differ from what was observed of all c.")
    [of_lone] = verdicts.loc[verdicts["emotion"] == "c", "sentence"]
    assert of_lone == (
        "The energy inside the mask, all c (3 recordings): 50 % on 10 % of the area; masks of the same area made "
        "without regard to emotion: 50 % (no test: no draw can differ)."
    )


@pytest.mark.parametrize(
    ("emotions", "speakers"), [([0, 1, 2], "sss"), ([0, 0, 0], "sst"), ([0, 0, 1, 1], "sstt"), ([0, 1, 1], "stt")]
)
def test_where_all_exchanges_leave_the_masks_there_is_no_test(emotions, speakers):
    generator = np.random.default_rng(16)
    table = exchanged_table(list(folds_of(generator, emotions, 2)), list(speakers), 50, generator)
    assert table[["p", "smallest_p", "q", "above_chance"]].isna().all(axis=None)
    sentence = control_verdicts(table, 0.05)["sentence"][0]
    assert "nothing could be tested. No draw can differ from what was observed of all a" in sentence


@pytest.mark.parametrize(("control", "axis"), [("frequency_shift", 1), ("time_shift", 2)])
@pytest.mark.parametrize("n_alike", [9, 8])
def test_masks_that_shifts_leave_as_they_are_cannot_be_tested_by_these(control, axis, n_alike):
    """Maps without change along an axis; with one that has some, its emotion alone can be tested."""
    generator = np.random.default_rng(17)
    arrays, maps = make_arrays(generator), smooth(generator, 9)
    maps[:n_alike] = maps[:n_alike].max(axis, keepdims=True)
    draws = mask_controls(maps, masks_of(maps, arrays.emotion), np.ones(9, bool), arrays, ANALYSIS, CONTROLS, generator)
    [own] = [draw for draw in draws if draw.control == control]
    is_alike = arrays.emotion < 2 if n_alike == 8 else np.ones(9, bool)
    assert own.unchanged[is_alike].all()
    assert not own.unchanged[~is_alike].all(1).any()
    known = {"recording": np.arange(9).astype(str), "emotion": np.array(list("abc"))[arrays.emotion]}
    place = {"group": "all", "speaker": "s", "correct": True, "mask_area": 0.1, "map_is_zero": False}
    table = control_table([pd.DataFrame(known).assign(**place)], [[own]], "abc", 0.05)
    cells = table[table["level"] == "emotion"].set_index("emotion")
    is_tested = {"a": False, "b": False, "c": n_alike == 8}
    assert cells["p"].notna().to_dict() == cells["q"].notna().to_dict() == is_tested
    assert cells["smallest_p"].notna().to_dict() == is_tested


def test_recordings_of_folds_exchange_their_emotions_within_them_and_count_together():
    """A silent one is part of masks, one with a map of zeros or a wrong answer of nothing."""
    generator, recordings, draws = np.random.default_rng(12), [], []
    for fold in "vw":
        arrays, maps = blobs_of_energy(generator, 0.5)
        arrays.magnitude[0], maps[1] = 0, 0
        correct = np.arange(12) != 2
        observed = np.where(np.arange(12) == 0, np.nan, generator.random(12))
        labels = exchanged_labels(arrays.emotion, ["s"] * 12, correct & maps.any((1, 2)), 50, generator)
        drawn = exchanged_emotions(maps, labels, arrays, observed, 0.1, generator)
        assert np.isnan(drawn.draws[:3]).all()
        assert np.isfinite(drawn.draws[3:]).all()
        draws.append([drawn])
        known = {"recording": [f"{fold}{i}" for i in range(12)], "emotion": np.array(list("abc"))[arrays.emotion]}
        place = {"group": "all", "speaker": "s", "mask_area": 0.1, "map_is_zero": np.arange(12) == 1}
        recordings.append(pd.DataFrame(known).assign(correct=correct, **place))
    table = control_table(recordings, draws, "abc", 0.05)
    everything = table[table["level"] == "group"].iloc[0]
    assert everything[["n_recordings", "n_draws", "n_zero_maps"]].tolist() == [18, 50, 2]
    both = [np.concatenate([getattr(own, name)[3:] for [own] in draws]) for name in ("observed", "gain", "draws")]
    assert everything["control_mean"] == pytest.approx(np.mean(both[0]) - np.mean(both[1]) + np.mean(both[2]))
    assert everything["p"] == (1 + (both[2].mean(0) >= np.mean(both[1]) - 1e-5).sum()) / 51
    # Of an emotion are those that have it in the draw.
    own = table[(table["level"] == "emotion") & (table["emotion"] == "b")].iloc[0]
    labels = np.concatenate([own.labels[3:] for [own] in draws])
    gains = [both[2][labels[:, draw] == 1, draw].mean() for draw in range(50)]
    is_b = np.concatenate([part["emotion"][3:] for part in recordings]) == "b"
    assert own["excess"] == pytest.approx(both[1][is_b].mean() - np.mean(gains))


def test_emotions_that_share_a_place_are_found():
    p = exchanged_p(20, 0.95)
    assert np.mean(p["group"] <= 0.05) > 0.7
    assert np.mean(p["emotion"] <= 0.1) > 0.4


def test_recordings_that_do_not_count_are_missing():
    generator = np.random.default_rng(7)
    arrays, maps = make_arrays(generator), smooth(generator, 9)
    maps[arrays.emotion == 2] = 0
    correct = np.array([True, False, True] * 3)
    masks = masks_of(maps * correct[:, None, None], arrays.emotion)
    for draw in mask_controls(maps, masks, correct, arrays, ANALYSIS, CONTROLS, generator):
        np.testing.assert_array_equal(np.isfinite(draw.observed), arrays.emotion == 0)


@functools.cache
def unrelated_p() -> dict[str, list[float]]:
    """P by control of masks that are random fields of mean 0, as the blobs are, on random sound."""
    generator, p = np.random.default_rng(8), {}
    for _ in range(40):
        arrays, maps = make_arrays(generator), smooth(generator, 9)
        masks = np.maximum(random_fields(smooth(generator, 1)[0], C, generator), 0)
        for draw in mask_controls(maps, masks, np.ones(9, bool), arrays, ANALYSIS, CONTROLS, generator):
            tests = [permutation_test(draw.observed[i], draw.draws[i], "higher").p for i in range(C)]
            p.setdefault(draw.control, []).extend(tests)
    return p


@pytest.mark.parametrize("control", ["random_blobs", "time_shift", "frequency_shift"])
def test_p_is_calibrated_where_masks_and_sound_are_unrelated(control):
    """P is uniform. Shifts have F or T outcomes: the steps between them make p larger."""
    p = unrelated_p()[control]
    is_too_small, is_not_uniform = "greater", "two-sided"
    departure = is_too_small if control.endswith("shift") else is_not_uniform
    assert stats.kstest(p, "uniform", alternative=departure).pvalue > 0.01
    n_outcomes = {"time_shift": T, "frequency_shift": F}.get(control, P)
    three_errors = 3 * np.sqrt(1 / 12 / len(p))
    assert np.mean(p) == pytest.approx(0.5 + 0.5 / n_outcomes, abs=three_errors)
    assert np.mean(np.array(p) <= 0.1) <= 0.1 + 2.5 * np.sqrt(0.09 / len(p))
