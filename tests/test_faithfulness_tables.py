"""Areas, verdicts and the figure of the faithfulness curves from tables with known values."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_rel

from convcam_jax.checks.faithfulness.curve_tables import area_summary, area_verdicts, areas, curve_table
from convcam_jax.checks.faithfulness.curves import CURVES, FILLS, ORDERS, shares
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.data.members import Cohort
from convcam_jax.figures.checks import faithfulness as figures
from convcam_jax.measures.cohort_maps import CohortMaps

STEPS = shares(4)
N_RECORDINGS = 12
# Of deletion; the map is better than random order, worse than energy's, and like the moved map.
LEVELS = {"map": 0.4, "shifted_map": 0.4, "random": 0.6, "energy": 0.2}


def make_table(seeds=2, zero=()):
    """Flat curves, a little different in every recording; insertion is 1 - deletion."""
    generator = np.random.default_rng(0)
    rows = []
    for seed in range(seeds):
        for number in range(N_RECORDINGS):
            fixed = {"recording": f"r{number:02d}", "group": "female", "speaker": "08", "emotion": "anger"}
            fixed |= {"seed": seed, "correct": True, "map_is_zero": number in zero}
            for curve in CURVES:
                for fill in FILLS:
                    for order in ORDERS:
                        noise = 0.02 * generator.normal() + (0.05 if number % 2 else -0.05) * (order == "shifted_map")
                        level = LEVELS[order] + noise
                        value = level if curve == "deletion" else 1 - level
                        own = {**fixed, "curve": curve, "fill": fill, "order": order}
                        rows += [{**own, "share": share, "probability": value} for share in STEPS]
    return pd.DataFrame(rows)


TABLE = make_table()
AREAS = areas(TABLE)


def test_the_table_of_a_member_has_a_row_for_every_point_of_every_curve():
    utterances = [Utterance(f"r{i}", "08", "female", "anger", "x", Path()) for i in range(2)]
    maps = np.zeros((2, 2, 3, 4), np.float32)
    maps[1, 0] = 1
    correct = np.array([[True, True], [False, True]])
    logits = np.zeros((2, 2, 3))
    own = CohortMaps(Cohort("female", "08"), [4, 9], 0, utterances, None, maps, [None] * 2, correct, logits)
    probability = np.random.default_rng(0).random((2, len(CURVES), len(FILLS), len(ORDERS), 5))
    table = curve_table(own, 1, probability)
    assert table[["group", "fold", "seed", "speaker"]].drop_duplicates().to_numpy().tolist() == [
        ["female", "08", 9, "08"]
    ]
    by = table.set_index(["recording", "curve", "fill", "order", "share"])["probability"]
    assert len(by) == probability.size
    assert by["r1", "insertion", "zeros", "energy", 0.75] == probability[1, 1, 0, 3, 3]
    assert table.groupby("recording")[["correct", "map_is_zero"]].first().to_numpy().tolist() == [
        [False, False],
        [True, True],
    ]
    np.testing.assert_allclose(areas(table)["area"], np.trapezoid(probability, STEPS).ravel())


def test_areas_are_those_of_each_curve():
    assert len(AREAS) == 2 * N_RECORDINGS * 2 * 2 * 4
    keys = ["recording", "seed", "curve", "fill", "order"]
    flat = TABLE.groupby(keys)["probability"].mean()
    np.testing.assert_allclose(AREAS.set_index(keys)["area"], flat.loc[pd.MultiIndex.from_frame(AREAS[keys])])
    rising = TABLE.assign(probability=TABLE["share"] ** 2)
    # The trapezoidal rule on four intervals: 1/3 + (1/4)^2 / 6.
    np.testing.assert_allclose(areas(rising)["area"], 1 / 3 + 1 / 96)


def test_summary_leaves_out_zero_maps():
    cells = area_summary(areas(make_table(zero=(0, 5)))).set_index(["curve", "fill", "order"])
    assert (cells["n_curves"] == 2 * (N_RECORDINGS - 2)).all()
    shown = AREAS[~AREAS["recording"].isin(["r00", "r05"])].query("curve == 'deletion' and fill == 'zeros'")
    by_seed = shown[shown["order"] == "map"].groupby("seed")["area"].mean()
    own = cells.loc[("deletion", "zeros", "map")]
    assert own["mean"] == pytest.approx(by_seed.mean())
    assert own["seeds"] == 2
    assert own["low"] < by_seed.min() < by_seed.max() < own["high"]
    # By Student's t of two seeds these would lie beyond what an area can be.
    apart = area_summary(AREAS.assign(area=AREAS["seed"] % 2))
    assert apart[["low", "high"]].drop_duplicates().to_numpy().tolist() == [[0, 1]]
    # Two recordings, of two seeds each.
    assert (cells["n_zero_maps"] == 4).all()


def test_verdicts_are_those_of_the_curves():
    rows = area_verdicts(AREAS, 0.05).set_index(["curve", "fill", "order"])
    assert len(rows) == 2 * 2 * 3
    assert (rows.xs("random", level="order")["verdict"] == "better").all()
    assert (rows.xs("energy", level="order")["verdict"] == "worse").all()
    assert (rows.xs("shifted_map", level="order")["verdict"] == "undecided").all()
    own = rows.loc[("insertion", "blurred", "random")]
    wide = AREAS.query("curve == 'insertion' and fill == 'blurred'").pivot(
        index="recording", columns=["order", "seed"], values="area"
    )
    of_map, of_random = wide["map"].mean(axis=1), wide["random"].mean(axis=1)
    assert own["gain"] == pytest.approx((of_map - of_random).mean())
    assert own["p"] == pytest.approx(ttest_rel(of_map, of_random).pvalue)
    assert own["p"] <= own["p_adjusted"] <= 12 * own["p"]
    assert (own["better_in"], own["n_recordings"], own["seeds_better"], own["seeds"]) == (12, 12, 2, 2)
    assert "faster than random order in 12 of 12 female recordings, in the mean of 2 of 2 seeds" in own["sentence"]
    assert rows.loc[("deletion", "zeros", "energy"), "better_in"] == 0


def areas_with_gains(gains):
    """Areas of one seed: the map's are 0.5, the others' larger (deletion) or smaller (insertion) by `gains`."""
    keys = [(n, c, f, o) for n in range(len(gains)) for c in CURVES for f in FILLS for o in ORDERS]
    frame = pd.DataFrame(keys, columns=["recording", "curve", "fill", "order"])
    sign = frame["curve"].map({"deletion": 1, "insertion": -1}) * (frame["order"] != "map")
    area = 0.5 + sign * frame["recording"].map(dict(enumerate(gains)))
    return frame.assign(area=area, group="male", seed=3, map_is_zero=False)


def test_p_and_interval_are_of_one_test_by_hand():
    rows = area_verdicts(areas_with_gains([0.1, 0.2, 0.3]), 0.05)
    # t = 0.2 / (0.1 / sqrt(3)) = 3.4641 with 2 degrees of freedom: p = 1 - t / sqrt(t^2 + 2).
    np.testing.assert_allclose(rows["p"], 1 - 3.4641016 / np.sqrt(14), rtol=1e-6)
    np.testing.assert_allclose(rows[["gain", "low", "high"]], [[0.2, 0.2 - 0.2484138, 0.2 + 0.2484138]] * 12, atol=1e-7)
    # Of equal p none is adjusted.
    np.testing.assert_allclose(rows["p_adjusted"], rows["p"])
    assert set(rows["verdict"]) == {"undecided"}
    assert (
        rows["sentence"]
        .str.contains(r"gain in area 0.200 \(-0.048 to 0.448\), 0.500 against 0\.[37]00", regex=True)
        .all()
    )
    assert rows["sentence"].str.endswith("adjusted p = 0.074: undecided.").all()


def test_a_limit_that_decides_is_not_rounded_to_zero():
    """Of the mean 0.0004 and the deviation 0.0001: 4.3027 * 0.0001 / sqrt(3) on both sides."""
    rows = area_verdicts(areas_with_gains([0.0003, 0.0004, 0.0005]), 0.05)
    assert set(rows["verdict"]) == {"better"}
    assert rows["sentence"].str.contains("gain in area 0.0004 (0.0002 to 0.0006), 0.500 against", regex=False).all()


def test_the_interval_leaves_out_zero_where_p_is_below_5_per_cent():
    for mean in (0.1, 0.2, 0.25, 0.3, -0.3):
        rows = area_verdicts(areas_with_gains([mean - 0.1, mean, mean + 0.1]), 0.05)
        leaves_out_0 = (rows["low"] > 0) | (rows["high"] < 0)
        assert ((rows["p"] < 0.05) == leaves_out_0).all()
        assert leaves_out_0.all() == (abs(mean) > 0.2484138)


def test_the_rate_decides():
    areas_ = areas_with_gains([0.1, 0.2, 0.3])
    assert set(area_verdicts(areas_, 0.0742)["verdict"]) == {"better"}
    assert set(area_verdicts(areas_, 0.0741)["verdict"]) == {"undecided"}


def test_each_recording_counts_once_whatever_the_number_of_its_seeds():
    # A seed whose map is zero is left out: recording 0 then has one seed, recordings 1 and 2 have two.
    first, second = areas_with_gains([0.1, 0.2, 0.3]), areas_with_gains([0.9, 0.4, 0.3]).assign(seed=4)
    second.loc[second["recording"] == 0, "map_is_zero"] = True
    rows = area_verdicts(pd.concat([first, second]), 0.05)
    # Gains 0.1, 0.3 and 0.3; of the seeds' means, both are positive.
    np.testing.assert_allclose(rows["gain"], 0.7 / 3)
    deletion = rows[rows["curve"] == "deletion"]
    np.testing.assert_allclose(deletion["order_area"] - deletion["map_area"], 0.7 / 3)
    assert (rows[["n_recordings", "seeds_better", "seeds"]] == [3, 2, 2]).all(axis=None)


def test_one_recording_is_not_tested():
    rows = area_verdicts(areas_with_gains([0.1]), 0.05)
    assert rows[["p", "p_adjusted", "low", "high"]].isna().all(axis=None)
    assert set(rows["verdict"]) == {"undecided"}
    assert rows["sentence"].str.contains(r"gain in area 0.100, 0.500 against 0.[46]00: undecided.$", regex=True).all()


def test_equal_orders_are_undecided_and_one_seed_has_no_interval():
    table = make_table(seeds=1).assign(probability=0.5)
    rows = area_verdicts(areas(table), 0.05)
    assert (rows["p"] == 1).all()
    assert set(rows["verdict"]) == {"undecided"}
    assert area_summary(areas(table))["low"].isna().all()
    assert not rows["sentence"].str.contains("seeds").any()


def in_two_groups(zero):
    """Women with two maps of zeros per seed, and men with such maps alone."""
    women, men = make_table(zero=zero), make_table(zero=range(N_RECORDINGS))
    return pd.concat([women, men.assign(group="male", recording="m" + men["recording"])], ignore_index=True)


def test_a_group_whose_maps_are_all_zero_has_rows_that_say_so():
    by_recording = areas(in_two_groups(zero=(0, 5)))
    summary = area_summary(by_recording).set_index("group")
    assert len(summary.loc["male"]) == len(summary.loc["female"]) == 2 * 2 * 4
    assert (summary.loc["male", ["seeds", "n_curves", "n_zero_maps"]] == [0, 0, 2 * N_RECORDINGS]).all(axis=None)
    assert summary.loc["male", ["mean", "low", "high"]].isna().all(axis=None)
    rows = area_verdicts(by_recording, 0.05).set_index("group")
    men, women = rows.loc["male"], rows.loc["female"]
    assert (men[["better_in", "n_recordings", "n_zero_maps", "seeds"]] == [0, 0, 2 * N_RECORDINGS, 0]).all(axis=None)
    assert men[["gain", "low", "high", "map_area", "order_area", "p", "p_adjusted"]].isna().all(axis=None)
    assert set(men["verdict"]) == {"undecided"}
    assert men["sentence"].iloc[1] == (
        "The map's order is not compared with random order (deletion, zeros, male recordings): all maps are zero (24)."
    )
    assert (women[["n_recordings", "n_zero_maps"]] == [N_RECORDINGS - 2, 4]).all(axis=None)
    assert women["sentence"].str.endswith(" Left out: 4 maps of zeros.").all()
    # The others' values are those that there are without this group.
    alone = area_verdicts(by_recording[by_recording["group"] == "female"], 0.05).set_index("group")
    pd.testing.assert_frame_equal(women, alone)


def test_tables_of_zero_maps_alone_say_so():
    by_recording = areas(make_table(zero=range(N_RECORDINGS)))
    assert (area_summary(by_recording)["n_zero_maps"] == 2 * N_RECORDINGS).all()
    assert area_verdicts(by_recording, 0.05)["sentence"].str.endswith(": all maps are zero (24).").all()
    assert [axes.texts[0].get_text() for axes in figures.mean_curves(make_table(zero=range(N_RECORDINGS))).axes] == [
        "all maps are zero (24)"
    ] * 4


def test_figure_says_of_which_group_all_maps_are_zero():
    figure = figures.mean_curves(in_two_groups(zero=()))
    women, men = figure.axes[:4], figure.axes[4:]
    assert all(len(axes.lines) == 4 for axes in women)
    assert [[text.get_text() for text in axes.texts] for axes in men] == [["all maps are zero (24)"]] * 4
    assert len(figure.legends[0].get_texts()) == len(ORDERS)


def test_figure_shows_the_means_and_their_band():
    figure = figures.mean_curves(TABLE)
    assert len(figure.axes) == 4
    for axes, (curve, fill) in zip(figure.axes, [(c, f) for c in CURVES for f in FILLS], strict=True):
        lines = {line.get_label(): line for line in axes.lines}
        own = TABLE[(TABLE["curve"] == curve) & (TABLE["fill"] == fill) & (TABLE["order"] == "energy")]
        np.testing.assert_allclose(lines["order: energy"].get_ydata(), own.groupby("share")["probability"].mean())
        np.testing.assert_allclose(lines["order: energy"].get_xdata(), 100 * STEPS)
        assert len(axes.collections) == 4
    assert [len(axes.collections) for axes in figures.mean_curves(make_table(seeds=1)).axes] == [0] * 4
