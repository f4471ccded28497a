"""Means, verdicts and figures of the sanity checks from tables with known values."""

import numpy as np
import pandas as pd
import pytest

from convcam_jax.checks.sanity.sanity_tables import (
    ANOTHER_SEED,
    LIKENESS,
    SHUFFLED_LABELS,
    TRAINED,
    conditions_of,
    example_recording,
    randomised_layers,
    sanity_summary,
    sanity_verdicts,
)
from convcam_jax.figures.checks import sanity as figures
from convcam_jax.measures.config import AnalysisConfig
from convcam_jax.measures.metric_table import METRICS

LAYERS = ("output", "dense", "convolution_3", "convolution_2", "convolution_1")
CONDITIONS = (TRAINED, *LAYERS, SHUFFLED_LABELS, ANOTHER_SEED)

CORRELATIONS = dict(zip(CONDITIONS, (1.0, 0.9, 0.5, 0.5, 0.1, 0.0, 0.2, 0.5), strict=True))
DEPTHS = {name: depth for depth, name in enumerate(CONDITIONS[:6])}


def make_table(seeds=3):
    """Three recordings per group; the correlation is the condition's, +-0.03 by seed and +-0.2 by recording, or 1."""
    rows = []
    for group in ("female", "male"):
        for seed in range(seeds):
            for number in range(3):
                for condition in CONDITIONS:
                    own = dict.fromkeys(METRICS, 0.3 + 0.01 * seed + 0.1 * number)
                    own["q_rmse"] += 0.5 * (condition == "convolution_1")
                    noise = 0.03 * (seed - 1) + 0.2 * (number - 1)
                    correlation = CORRELATIONS[condition] + noise * (condition != TRAINED)
                    own |= dict.fromkeys(LIKENESS, correlation)
                    fixed = {"recording": f"{group}{number}", "group": group, "seed": seed, "correct": number > 0}
                    rows.append({**fixed, "condition": condition, **own, "map_is_zero": False})
    table = pd.DataFrame(rows)
    others = table["seed"].add(1).mod(seeds).where(table["condition"] == ANOTHER_SEED)
    others = others.mask(table["condition"] == SHUFFLED_LABELS, 10)
    return table.assign(depth=table["condition"].map(DEPTHS).astype("Int64"), other_seed=others.astype("Int64"))


TABLE = make_table()


def test_layers_are_those_of_the_table_whatever_the_network():
    names = {"output": "head", "dense": "block_2", "convolution_3": "block_1"}
    other = TABLE[TABLE["condition"].isin([*names, TRAINED, ANOTHER_SEED])].replace({"condition": names})
    # In whatever order the rows stand.
    other = other.sample(frac=1, random_state=0)
    assert randomised_layers(other) == ["head", "block_2", "block_1"]
    assert conditions_of(other) == [TRAINED, "head", "block_2", "block_1", ANOTHER_SEED]
    rows = sanity_verdicts(other, AnalysisConfig()).query("group == 'male'").set_index(["measure", "condition"])
    assert "After all layers down to block 2 are randomised" in rows.loc[("rank_correlation", "block_2"), "sentence"]
    assert "After all layers are randomised" in rows.loc[("rank_correlation", "block_1"), "sentence"]
    of_metric = rows.loc[("q_rmse", "block_1"), "sentence"]
    assert of_metric.startswith(
        "The metric of Table 3, q_rmse (male), is 0.460 for the maps of the trained networks and differs for a network"
    )


def test_a_condition_that_one_group_lacks_is_empty_there():
    table = TABLE[(TABLE["group"] == "female") | (TABLE["condition"] != ANOTHER_SEED)]
    cells = sanity_summary(table).set_index(["group", "condition", "measure"])
    assert cells.loc[("male", ANOTHER_SEED, "ssim"), ["seeds", "n_maps"]].tolist() == [0, 0]
    assert set(sanity_verdicts(table, AnalysisConfig()).query("group == 'male'")["verdict"]) == {"undecided", "differs"}


def test_the_metrics_of_one_network_on_shuffled_labels_are_those_of_one():
    """Beside every member it has the same maps: three times the same is no sample of three."""
    table = TABLE.copy()
    shuffled = table["condition"] == SHUFFLED_LABELS
    table.loc[shuffled, "q_rmse"] = 0.25
    cells = sanity_summary(table).set_index(["group", "condition", "measure"])
    own = cells.loc[("male", SHUFFLED_LABELS, "q_rmse")]
    assert own[["mean", "seeds", "n_maps"]].tolist() == [0.25, 1, 3]
    assert own[["low", "high"]].isna().all()
    likeness = cells.loc[("male", SHUFFLED_LABELS, "ssim")]
    assert likeness[["seeds", "n_maps"]].tolist() == [3, 9]


def test_no_interval_of_a_share_or_an_error_leaves_what_it_can_be():
    table = TABLE.copy()
    table["map_is_zero"] = (table["recording"] == "male0") & (table["seed"] == 0)
    table.loc[table["seed"] == 1, "q_rmse"] = 9.0
    cells = sanity_summary(table).set_index(["group", "condition", "measure"])
    assert cells.loc[("male", "dense", "map_is_zero"), ["low", "high"]].tolist() == pytest.approx(
        [0, 0.58919], abs=1e-5
    )
    assert cells.loc[("male", "dense", "q_rmse"), "low"] == 0


def test_means_are_taken_over_recordings_then_over_seeds():
    table = TABLE.copy()
    gone = (table["recording"] == "male2") & (table["seed"] == 2) & (table["condition"] == "dense")
    table.loc[gone, "rank_correlation"] = np.nan
    cells = sanity_summary(table).set_index(["group", "condition", "measure"])
    female = cells.loc[("female", "dense", "rank_correlation")]
    # Seeds 0.47, 0.5 and 0.53, in Fisher's z 0.510070, 0.549306 and 0.590145: mean 0.549840, standard deviation
    # 0.040040, half width 4.302653 * 0.040040 / sqrt(3) = 0.099466.
    assert female[["mean", "low", "high"]].tolist() == pytest.approx(np.tanh([0.549840, 0.450374, 0.649306]), abs=2e-6)
    assert (female["depth"], female["seeds"], female["n_maps"]) == (2, 3, 9)
    male = cells.loc[("male", "dense", "rank_correlation")]
    assert male["mean"] == pytest.approx(np.tanh(np.arctanh([0.47, 0.5, 0.43]).mean()))
    assert male["n_maps"] == 8
    assert cells.loc[("male", "dense", "q_rmse"), "mean"] == pytest.approx(0.41)
    assert len(cells) == 2 * len(CONDITIONS) * (len(LIKENESS) + len(METRICS) + 1)


def test_no_interval_of_likeness_leaves_what_a_correlation_can_be():
    cells = (
        sanity_summary(make_table(seeds=2)).query("measure in @LIKENESS").set_index(["group", "condition", "measure"])
    )
    assert cells[["mean", "low", "high"]].abs().max(axis=None) <= 1
    # Two seeds: t(1, 0.975) = 12.7062. The maps of the trained networks are themselves.
    first = cells.loc[("female", "output", "rank_correlation")]
    z = np.arctanh([0.87, 0.9])
    half_width = 12.7062 * (z[1] - z[0]) / 2
    assert first["high"] == pytest.approx(np.tanh(z.mean() + half_width), rel=1e-5)
    assert cells.loc[("female", TRAINED, "rank_correlation"), ["low", "high"]].tolist() == pytest.approx(
        [1, 1], abs=2e-6
    )


def test_verdicts_compare_with_trained_networks_and_with_zero():
    rows = sanity_verdicts(TABLE, AnalysisConfig()).query("group == 'female'")
    likeness = rows[rows["measure"] == "rank_correlation"].set_index("condition")
    assert likeness["reference"].tolist() == pytest.approx([np.tanh(0.549840)] * 6, abs=1e-6)
    assert likeness["verdict"].to_dict() == {
        "output": "more",
        "dense": "undecided",
        "convolution_3": "undecided",
        "convolution_2": "less",
        "convolution_1": "less",
        SHUFFLED_LABELS: "less",
    }
    metrics = rows[rows["measure"] != "rank_correlation"].set_index(["measure", "condition"])
    assert metrics["verdict"].to_dict() == {
        ("q_rmse", "convolution_1"): "differs",
        ("q_rmse", SHUFFLED_LABELS): "undecided",
        ("f0_frame_rmse_hz", "convolution_1"): "undecided",
        ("f0_frame_rmse_hz", SHUFFLED_LABELS): "undecided",
        ("energy_ratio", "convolution_1"): "undecided",
        ("energy_ratio", SHUFFLED_LABELS): "undecided",
    }
    changed = metrics.loc[("q_rmse", "convolution_1")]
    # Of the two correct recordings. Every seed differs by the same, though the seeds' means do not: 0.45, 0.46, 0.47.
    assert changed[["value", "reference", "difference"]].tolist() == pytest.approx([0.96, 0.46, 0.5])
    assert changed[["difference_low", "difference_high"]].tolist() == pytest.approx([0.5, 0.5])
    assert changed["high"] - changed["value"] == pytest.approx(4.302653 * 0.01 / np.sqrt(3), rel=1e-5)
    assert "is 0.460 for the maps" in changed["sentence"]
    assert "by 0.500 (0.500 to 0.500 over 3 seeds), paired" in changed["sentence"]
    of_shares = metrics.loc[("energy_ratio", "convolution_1"), "sentence"]
    assert "is 46 % for the maps" in of_shares
    assert "by 0 percentage points (0 to 0 over 3 seeds), paired" in of_shares
    undecided = metrics.loc[("q_rmse", SHUFFLED_LABELS), "sentence"]
    assert undecided.endswith("undecided, as two networks or more are needed.")
    undecided = metrics.loc[("energy_ratio", "convolution_1"), "sentence"]
    assert undecided.endswith("undecided, as 3 seeds show neither a difference nor that there is none.")
    sentence = likeness.loc["convolution_1", "sentence"]
    assert sentence.startswith("After all layers are randomised the maps of female recordings have a rank")
    assert likeness.loc["dense", "sentence"].startswith("After all layers down to dense are randomised the maps of")
    assert likeness.loc[SHUFFLED_LABELS, "sentence"].startswith(
        "After training on shuffled labels (1 network for all seeds) the maps of female"
    )
    # Without one of three seeds one pair is left: 0.590145, 0.549306 or 0.510070 in Fisher's z. Half width 4.302653
    # times sqrt(2 / 3 * 2) * 0.040040, which is 0.198931, twice that of three values that share no network.
    assert "those of another seed 0.5 (0.337 to 0.634 over 3 pairs)" in sentence
    assert "have a rank correlation of 0 (-0.0744 to 0.0744 over 3 seeds)" in sentence
    assert "over 3 pairs): less alike than" in sentence
    undecided = likeness.loc["dense", "sentence"]
    assert undecided.endswith("undecided, as 3 pairs show neither a difference nor that there is none.")


def test_metrics_are_told_in_their_unit_and_within_what_they_can_be():
    """Two seeds: t(1, 0.975) = 12.7062; the differences may lie anywhere."""
    table = make_table(seeds=2)
    changed = table["condition"] == "convolution_1"
    for metric, trained, values in (("f0_frame_rmse_hz", 1301.2, (1750, 1900)), ("energy_ratio", 0.8, (0.6, 0.7))):
        table[metric] = table["seed"].map(dict(enumerate(values))).astype(float).where(changed, trained)
    rows = sanity_verdicts(table, AnalysisConfig()).query("group == 'male' and condition == 'convolution_1'")
    of_f0, share = rows.set_index("measure").loc["f0_frame_rmse_hz"], rows.set_index("measure").loc["energy_ratio"]
    # 1825 -+ 12.7062 * 75, and 0.65 -+ 12.7062 * 0.05 cut to 0..1; of the differences 523.8 and -0.15.
    assert of_f0[["low", "high"]].tolist() == pytest.approx([872.035, 2777.965], abs=1e-2)
    assert share[["low", "high"]].tolist() == pytest.approx([0.01469, 1.0], abs=1e-5)
    assert share["difference_low"] == pytest.approx(-0.78531, abs=1e-5)
    assert "is 1301 Hz for the maps" in of_f0["sentence"]
    assert "by 524 Hz (-429 to 1477 over 2 seeds), paired" in of_f0["sentence"]
    assert "is 80 % for the maps" in share["sentence"]
    assert "by -15 percentage points (-79 to 49 over 2 seeds), paired" in share["sentence"]
    # 6.4 -+ 12.7062 * 0.5.
    table["f0_frame_rmse_hz"] = 1301 + changed * (5.9 + table["seed"])
    rows = sanity_verdicts(table, AnalysisConfig()).query("group == 'male' and condition == 'convolution_1'")
    told_apart = "by 6 Hz (0.05 to 13 over 2 seeds), paired by seed: the number tells the two apart."
    assert told_apart in rows.set_index("measure").loc["f0_frame_rmse_hz", "sentence"]


def test_networks_on_shuffled_labels_are_compared_over_these_networks():
    """Two of them, which are 0.2 and 0.3 above the trained ones beside every member."""
    shuffled = TABLE[TABLE["condition"] == SHUFFLED_LABELS]
    two = [
        shuffled.assign(other_seed=pd.array([seed] * len(shuffled), "Int64"), q_rmse=shuffled["q_rmse"] + more)
        for seed, more in ((10, 0.2), (11, 0.3))
    ]
    table = pd.concat([TABLE[TABLE["condition"] != SHUFFLED_LABELS], *two], ignore_index=True)
    rows = sanity_verdicts(table, AnalysisConfig()).set_index(["group", "measure", "condition"])
    own = rows.loc[("male", "q_rmse", SHUFFLED_LABELS)]
    # Of the two correct recordings, the trained networks' mean is 0.46; t = 12.7062 with one degree of freedom.
    assert own[["value", "reference", "difference"]].tolist() == pytest.approx([0.71, 0.46, 0.25])
    assert own["difference_high"] == pytest.approx(0.25 + 12.7062 * 0.05, abs=1e-5)
    assert "over 2 networks" in own["sentence"]


def with_likeness(condition, values):
    """`TABLE`, in which the seeds' rank correlations of a condition are `values`."""
    of_seed = TABLE["seed"].map(dict(enumerate(values)))
    return TABLE.assign(rank_correlation=TABLE["rank_correlation"].mask(TABLE["condition"] == condition, of_seed))


@pytest.mark.parametrize("measure", ["q_rmse", "rank_correlation"])
def test_conditions_are_compared_over_recordings_that_have_a_value_in_both(measure):
    """Three recordings of 0.1, 0.1 and 0.3 in all conditions, but in one the last has no value: no difference."""
    table = TABLE.assign(correct=True).set_index("recording")
    table[measure] = 0.1 + 0.2 * table.index.str.endswith("2")
    alone = (table["condition"] == "convolution_1") & table.index.str.endswith("2")
    table = table.assign(**{measure: table[measure].mask(alone)}).reset_index()
    rows = sanity_verdicts(table, AnalysisConfig()).query("group == 'male'").set_index(["measure", "condition"])
    row = rows.loc[(measure, "convolution_1")]
    assert row[["value", "reference", "difference"]].tolist() == pytest.approx([0.1, 0.1, 0.0])
    whole = rows.loc[(measure, SHUFFLED_LABELS)]
    assert whole["reference"] == pytest.approx((0.1 + 0.1 + 0.3) / 3, abs=0.003)


def test_the_reference_is_paired_by_seed():
    # All below the reference's mean, yet seeds whose other network is as unlike are no evidence.
    table = with_likeness(ANOTHER_SEED, (0.2, 0.5, 0.8))
    table.loc[table["condition"] == "dense", "rank_correlation"] = table["seed"].map({0: 0.30, 1: 0.32, 2: 0.31})
    row = sanity_verdicts(table, AnalysisConfig()).query("group == 'male' and condition == 'dense'").iloc[0]
    assert row["high"] < row["reference"]
    # Fisher's z: 0.309520, 0.331647, 0.320545 minus 0.202733, 0.549306, 1.098612.
    assert row["difference"] == pytest.approx(-0.296313, abs=1e-5)
    assert row["difference_low"] < 0 < row["difference_high"]
    assert row["verdict"] == "undecided"


def test_maps_that_do_not_change_at_all_are_more_alike():
    row = (
        sanity_verdicts(with_likeness("output", (1.0, 1.0, 1.0)), AnalysisConfig())
        .query("condition == 'output'")
        .iloc[0]
    )
    assert row["verdict"] == "more"
    assert row[["value", "low", "high"]].tolist() == pytest.approx([1, 1, 1], abs=2e-6)


def test_one_seed_decides_nothing():
    alone = TABLE[(TABLE["seed"] == 1) & (TABLE["condition"] != ANOTHER_SEED)]
    rows = sanity_verdicts(alone, AnalysisConfig())
    assert set(rows["verdict"]) == {"undecided"}
    is_likeness = rows["measure"] == "rank_correlation"
    needed = "undecided, as three pairs of seeds, and so three seeds or more, are needed."
    assert (rows["sentence"].str.endswith(needed) == is_likeness).all()
    of_metrics = rows.loc[~is_likeness, "sentence"]
    assert of_metrics.str.contains("undecided, as two (?:seeds|networks) or more are needed.$").all()
    assert rows["sentence"].str.contains("those of another seed unknown").sum() == 2 * 6
    assert len(sanity_summary(alone)) == 2 * 7 * (len(LIKENESS) + len(METRICS) + 1)


def test_two_seeds_are_told_that_likeness_needs_three():
    two = make_table(seeds=2)
    # The one pair that there is counts once.
    two = two[(two["condition"] != ANOTHER_SEED) | (two["seed"] == 0)]
    rows = sanity_verdicts(two, AnalysisConfig()).set_index("measure")
    needed = "undecided, as three pairs of seeds, and so three seeds or more, are needed."
    assert rows.loc["rank_correlation", "sentence"].str.endswith(needed).all()
    # Metrics need no other seed: there are two differences.
    assert not rows.query("condition == 'convolution_1'").loc["q_rmse", "sentence"].str.contains("needed").any()
    of_three = sanity_verdicts(TABLE, AnalysisConfig()).set_index("measure").loc["rank_correlation"]
    assert not of_three["sentence"].str.contains("needed").any()
    assert (of_three["verdict"] != "undecided").any()


def test_the_example_is_the_correct_recording_in_the_middle():
    own = TABLE[(TABLE["group"] == "male") & (TABLE["seed"] == 0)]
    # male0 is the lowest and was not classified correctly.
    assert example_recording(own) == "male1"
    assert example_recording(own.assign(correct=False)) == "male1"
    assert example_recording(own.assign(correct=own["recording"] == "male2")) == "male2"
    assert example_recording(own.assign(rank_correlation=np.nan)) == "male1"


def test_figures_show_the_means():
    figure = figures.likeness(TABLE)
    panel = figure.axes[0]
    labels = [label.get_text() for label in panel.get_xticklabels()]
    assert labels == [name.replace("_", " ") for name in CONDITIONS[1:]]
    (cascade,) = [line for line in panel.lines if line.get_linestyle() == "-" and len(line.get_xdata()) == 5][:1]
    of_seeds = np.array([CORRELATIONS[name] for name in CONDITIONS[1:6]])[:, None] + [-0.03, 0, 0.03]
    np.testing.assert_allclose(cascade.get_ydata(), np.tanh(np.arctanh(of_seeds).mean(axis=1)), atol=1e-12)
    assert len(figures.metrics_by_depth(TABLE).axes) == len(METRICS)
    # Without shuffled labels, other seeds or values at all, there is still something to see.
    few = TABLE[TABLE["condition"].isin([TRAINED, "output"])].assign(f0_frame_rmse_hz=np.nan)
    figures.metrics_by_depth(few).canvas.draw()


def test_an_example_names_its_maps_and_marks_zero_ones():
    maps = {"trained": np.eye(12), "output": np.zeros((12, 12)), "dense": np.ones((12, 12))}
    time_s, edges_hz = 0.25 * np.arange(12), 55 * 2.0 ** np.arange(-0.25, 6, 0.5)
    figure = figures.example("03a01Fa", np.ones((12, 12)), maps, time_s, edges_hz, "CQT-12")
    shown = [axes.get_title(loc="left") for axes in figure.axes if axes.get_visible()]
    assert shown == ["(a) CQT-12 (dB)", "(b) trained", "(c) output", "(d) dense"]
    assert [len(axes.texts) for axes in figure.axes] == [0, 0, 1, 0]
    figure.canvas.draw()
    assert (figure.get_supxlabel(), figure.get_supylabel()) == ("time in 03a01Fa (s)", "frequency (Hz)")
    panel = figure.axes[0]
    # From the first frame's centre to the last one's end; from half a step below the lowest bin to half a step above.
    np.testing.assert_allclose(panel.get_xlim(), (0, 11.5 * 0.25))
    np.testing.assert_allclose(panel.get_ylim(), (55 * 2**-0.25, 55 * 2**5.75))
    assert [label.get_text() for label in panel.get_yticklabels()][:2] == ["50", "100"]
