import numpy as np
import pandas as pd
import pytest

from convcam_jax.checks.evidence.psychometric import (
    ABOVE,
    AT_MOST,
    MEASURED,
    networks_table,
    psychometric_table,
    threshold,
    threshold_table,
)
from convcam_jax.checks.evidence.scoring import WAY, learned_accuracy
from convcam_jax.corpora.synthetic import variants
from convcam_jax.figures.checks.psychometric import psychometric_curves

LEVELS = variants.with_strengths("f0")
N_CLASSES = 3
# Of the four seeds, how many learn the cue at each strength, and in how many of them each method finds it.
N_LEARNED = (0, 2, 4, 4)
N_FOUND = {"good": (0, 2, 4, 4), "blind": (0, 0, 0, 0), "late": (0, 0, 1, 3)}


def rows(level: str, seed: int, method: str, finds: bool, n_right: int) -> list[tuple]:
    """Ten recordings, of which the last are wrong and do not count, with relevance mass 0.5 or less than the energy."""
    generator = np.random.default_rng(seed)
    table = []
    for n in range(10):
        noise = generator.uniform(-0.01, 0.01)
        mass = {"network": (0.5 if finds else 0.2) + noise, "random_weights": 0.1, "energy": 0.25, "chance": 0.05}
        for source, value in mass.items():
            way = ("none", "none") if source in ("energy", "chance") else (method, "stretched")
            own = value if n < n_right else 0.0
            table.append((level, "female", "all", seed, f"r{n}", n < n_right, *way, source, own, own))
    return table


def scores() -> pd.DataFrame:
    columns = ["variant", "group", "fold", "seed", "recording", "correct", "method", "placement", "source"]
    every = [
        row
        for number, level in enumerate(LEVELS)
        for seed in range(4)
        for method, n_found in N_FOUND.items()
        for row in rows(level, seed, method, seed < n_found[number], 9 if seed < N_LEARNED[number] else 6)
    ]
    table = pd.DataFrame(every, columns=[*columns, "relevance_mass", "average_precision"])
    return table.drop_duplicates().assign(truth_share=0.05)


# Each recording is drawn for itself.
ORIGINALS = {f"r{n}": f"r{n}" for n in range(10)}
NETWORKS = networks_table(scores(), N_CLASSES, ORIGINALS)


def test_a_cue_is_found_where_it_is_learned_and_every_control_is_beaten():
    by = NETWORKS.set_index(["variant", "method", "seed"]).sort_index()
    # Two thirds is halfway between chance and 1.
    assert by.loc[("f0@1", "good"), "learned"].tolist() == [True, True, False, False]
    assert by.loc[("f0@1", "good"), "found"].tolist() == [True, True, False, False]
    assert by.loc[("f0", "late"), "found"].tolist() == [True, True, True, False]
    # Above chance and random weights, but not above the energy.
    assert not by.loc[("f0", "blind"), "found"].any()
    assert by.loc[("f0", "good", 0), "average_precision"] == pytest.approx(0.5, abs=0.01)


def test_a_cue_is_found_by_both_scores_or_not_at_all():
    """A map to a power has more of its mass in the truth, and the average precision that it had."""
    own = scores().query("variant == 'f0' and method in ('good', 'none')")
    for score in ("relevance_mass", "average_precision"):
        table = own.assign(**{score: own[score].where(own["source"] != "network", 0.2)})
        assert not networks_table(table, N_CLASSES, ORIGINALS)["found"].any()
    assert networks_table(own, N_CLASSES, ORIGINALS)["found"].all()


def test_a_cue_is_not_found_without_a_control_by_random_weights():
    """Maps that are the same everywhere have the share of true cells by every score."""
    own = scores().query("variant == 'f0' and method in ('good', 'none')")
    constant = own[["relevance_mass", "average_precision"]].mask(own["source"] == "random_weights", 0.05)
    assert not networks_table(own.assign(**constant), N_CLASSES, ORIGINALS)["found"].any()


@pytest.mark.parametrize("n_flat", [1, 4, 5, 8])
def test_a_map_of_random_weights_that_is_the_same_everywhere_is_no_control(n_flat):
    """Of nine recordings: a map that is also that of random weights is not found, wherever that one is left out."""
    own = scores().query("variant == 'f0' and method in ('good', 'none')").sort_values(["seed", "recording"])
    of_scores, is_random = ["relevance_mass", "average_precision"], own["source"] == "random_weights"
    flat = is_random & (own["recording"] < f"r{n_flat}")
    finder = own.assign(**own[of_scores].mask(flat, 0.05))
    assert networks_table(finder, N_CLASSES, ORIGINALS)["found"].tolist() == [n_flat < 5] * 4
    follower = own.copy()
    follower.loc[is_random, of_scores] = own.loc[own["source"] == "network", of_scores].to_numpy()
    follower = follower.assign(**follower[of_scores].mask(flat, 0.05))
    assert not networks_table(follower, N_CLASSES, ORIGINALS)["found"].any()


def test_a_network_has_one_row_whatever_its_folds():
    own = scores().query("variant == 'f0' and method in ('good', 'none') and recording == 'r0'")
    folds = pd.concat([own.assign(fold="1"), own.assign(fold="2", recording="r1")])
    assert len(networks_table(folds, N_CLASSES, ORIGINALS)) == 4


def test_versions_of_one_original_count_as_one_recording():
    """Excesses of 0.3, 0.2 and 0.05, three versions each: 0.18 +- 0.08 over nine recordings, +- 0.31 over three."""
    columns = ["variant", "group", "fold", "seed", "recording", "correct", "method", "placement", "source"]
    table = pd.DataFrame(
        [
            ("f0", "female", "all", 0, f"r{n}", True, *way, source, *[0.1 + (source == "network") * excess] * 2)
            for n, excess in enumerate(np.repeat([0.3, 0.2, 0.05], 3).tolist())
            for source in ("network", "random_weights", "energy", "chance")
            for way in [("none", "none") if source in ("energy", "chance") else ("good", "stretched")]
        ],
        columns=[*columns, "relevance_mass", "average_precision"],
    ).assign(truth_share=0.05)
    of_threes = {name: str(n // 3) for n, name in enumerate(ORIGINALS)}
    found = [networks_table(table, N_CLASSES, own)["found"].tolist() for own in (ORIGINALS, of_threes)]
    assert found == [[True], [False]]
    # Of five times as many sentences it is enough.
    many = pd.concat([table.assign(recording=table["recording"] + letter) for letter in "vwxyz"])
    names = {name + letter: of_threes[name] + letter for name in ORIGINALS for letter in "vwxyz"}
    assert networks_table(many, N_CLASSES, names)["found"].tolist() == [True]


def test_a_network_that_learned_nothing_finds_nothing():
    six_right = scores().assign(correct=lambda table: table["recording"] < "r6")
    assert not networks_table(six_right, N_CLASSES, ORIGINALS)["found"].any()
    none_right = networks_table(scores().assign(correct=False), N_CLASSES, ORIGINALS)
    assert not none_right["found"].any()
    assert len(none_right) == len(NETWORKS)


def test_a_method_without_maps_of_a_cue_has_no_row_of_it():
    """It was not asked, which is not the same as that it finds nothing."""
    other = scores().query("method in ('late', 'none')").replace(dict.fromkeys(LEVELS, "burst"))
    beside = networks_table(
        pd.concat([scores(), other.replace({"method": {"late": "elsewhere"}})]).drop_duplicates(),
        N_CLASSES,
        ORIGINALS,
    )
    assert set(beside.loc[beside["variant"] == "burst", "method"]) == {"elsewhere"}
    of_f0 = beside[beside["variant"] != "burst"].reset_index(drop=True)
    pd.testing.assert_frame_equal(of_f0, NETWORKS.reset_index(drop=True))


def test_what_is_learned_is_that_of_all_networks_whatever_methods_they_have():
    """Of two groups with a method of its own each, one learns nothing: half of all networks learn at the highest."""
    female = networks_table(scores().query("method in ('good', 'none')"), N_CLASSES, ORIGINALS)
    male = female.assign(group="male", method="other", learned=False, found=False)
    own = threshold_table(pd.concat([female, male])).set_index("what").loc["learned"]
    # Shares 0, 1/4, 1/2 and 1/2 of eight networks.
    assert own["threshold"] == variants.levels(LEVELS[2])[0].strength


def test_networks_that_lack_a_strength_have_no_threshold():
    with pytest.raises(ValueError, match="all of its strengths"):
        threshold_table(NETWORKS[~((NETWORKS["variant"] == LEVELS[0]) & (NETWORKS["seed"] == 3))])


def test_shares_stand_by_strength_with_their_intervals():
    table = psychometric_table(NETWORKS)
    own = table[table["method"] == "late"]
    assert own["strength"].tolist() == [0.5, 1, 2, 5]
    assert own["found"].tolist() == [0, 0, 0.25, 0.75]
    assert own["learned"].tolist() == [0, 0.5, 1, 1]
    # Wilson's interval of 3 of 4: (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n).
    assert own[["found_low", "found_high"]].iloc[-1].tolist() == pytest.approx([0.3006, 0.9544], abs=1e-4)
    assert set(table["unit"]) == {"semitones"}
    # Two and two networks of 0.5 and 0.2 by Student's t: 0.35 -+ 3.182 * 0.173 / 2; of 1 and 0 it would be beyond both.
    own = table[(table["method"] == "good") & (table["strength"] == 1)].iloc[0]
    assert own[["average_precision_low", "average_precision_high"]].tolist() == pytest.approx([0.07, 0.63], abs=0.02)
    apart = NETWORKS.assign(average_precision=NETWORKS["found"].astype(float))
    own = psychometric_table(apart).query("method == 'good' and strength == 1").iloc[0]
    assert own[["average_precision_low", "average_precision_high"]].tolist() == [0, 1]


def test_thresholds_lie_where_half_of_the_networks_pass():
    table = threshold_table(NETWORKS).set_index(["what", "method"]).sort_index()
    assert table.loc[("learned", "none"), "threshold"] == pytest.approx(1)
    assert table.loc[("found", "good"), "threshold"] == pytest.approx(1)
    # From 0.25 at 2 to 0.75 at 5 semitones.
    assert table.loc[("found", "late"), "threshold"] == pytest.approx(3.5)
    assert table.loc[("found", "blind"), ["threshold", "threshold_is"]].tolist() == [np.inf, ABOVE]
    assert table.loc[("found", "late"), "threshold_is"] == MEASURED
    for _, row in table.iterrows():
        assert row["threshold_low"] <= row["threshold"] <= row["threshold_high"]
    # Of four networks, one in which nothing is found before 5 semitones may be drawn four times.
    assert table.loc[("found", "late"), "threshold_high"] == np.inf


def test_the_threshold_of_one_network_has_no_limits():
    one = NETWORKS[NETWORKS["seed"] == 0]
    table = threshold_table(one).set_index(["what", "method"]).sort_index()
    assert table.loc[("learned", "none"), ["threshold", "threshold_is"]].tolist() == [0.75, MEASURED]
    assert table[["threshold_low", "threshold_high"]].isna().all(axis=None)
    psychometric_curves(psychometric_table(one), table.reset_index())


@pytest.mark.parametrize(
    ("n_passed", "expected"),
    [
        ((0, 0, 2), 4.0),
        ((0, 2, 4), 2.0),
        ((0, 1, 3), 3.0),
        ((4, 4, 4), 1.0),
        ((0, 1, 1), np.inf),
        # Not monotonic: 3 and 0 count as 1.5 each.
        ((3, 0, 4), 2 + 2 * (2 - 1.5) / (4 - 1.5)),
    ],
)
def test_the_threshold_of_a_curve(n_passed, expected):
    """Of four networks at the strengths 1, 2 and 4."""
    passed = np.array([[n < most for n in range(4)] for most in n_passed])
    assert threshold(np.array([1.0, 2.0, 4.0]), passed) == pytest.approx(expected)


@pytest.mark.parametrize(("n_passed", "expected"), [((4, 4, 2, 2), 1.0), ((2, 4, 3, 2), 2.0), ((1, 2, 4, 3), 10 / 3)])
def test_a_half_counts_though_it_is_a_mean_of_rounded_shares(n_passed, expected):
    """Of six networks; by exact fractions."""
    passed = np.array([[n < most for n in range(6)] for most in n_passed])
    assert threshold(np.array([1.0, 2.0, 4.0, 9.0]), passed) == pytest.approx(expected)


@pytest.mark.parametrize(("n_right", "learned"), [((20,) * 7 + (19,), False), ((20,) * 8, True)])
def test_two_thirds_are_enough_of_three_classes(n_right, learned):
    assert (np.mean(np.array(n_right) / 30) >= learned_accuracy(3)) == learned


def test_two_thirds_are_enough_whose_mean_is_rounded_down():
    accuracy = np.mean(np.array([19, 23, 17, 22, 19, 21, 18, 21]) / 30)
    assert accuracy < (1 + 1 / 3) / 2
    assert accuracy >= learned_accuracy(3)


def test_a_threshold_at_the_lowest_strength_is_at_most_that():
    always = NETWORKS.assign(learned=True)
    own = threshold_table(always).query("what == 'learned'").iloc[0]
    assert (own["threshold"], own["threshold_low"], own["threshold_high"]) == (0.5, 0.5, 0.5)
    assert own["threshold_is"] == AT_MOST


@pytest.mark.parametrize(("learned", "mark"), [(True, "<"), (False, ">"), (None, "|")])
def test_thresholds_beyond_what_was_planted_are_arrows(learned, mark):
    networks = NETWORKS if learned is None else NETWORKS.assign(learned=learned)
    figure = psychometric_curves(psychometric_table(networks), threshold_table(networks))
    marks = [line.get_marker() for line in figure.axes[0].lines if line.get_color() == "black"]
    # Of the curve, of the interval, and of the threshold of what networks learn.
    assert marks == ["o", "None", mark]


def test_cues_of_one_strength_and_several_cues_have_no_threshold():
    alone = NETWORKS[NETWORKS["variant"] == "f0"]
    assert threshold_table(alone).empty
    mixed = pd.concat([alone, alone.assign(variant="mixed")])
    assert set(psychometric_table(mixed)["variant"]) == {"f0"}


def test_the_figure_has_a_panel_per_cue_and_the_best_methods():
    figure = psychometric_curves(psychometric_table(NETWORKS), threshold_table(NETWORKS))
    [panel] = [axes for axes in figure.axes if axes.axison]
    assert panel.get_xlabel() == "semitones"
    _, labels = panel.get_legend_handles_labels()
    ways = [f"{method}, stretched, finds it" for method in ("good", "late", "blind")]
    assert labels == ["networks that learn it", *ways]


def test_a_method_of_the_easy_cues_alone_is_not_the_best():
    """It finds its cue in every network, and was asked for no other."""
    rows = [(cue, 1.0, "all", "receptive_field", 0.6) for cue in ("f0", "envelope")]
    table = pd.DataFrame([*rows, ("f0", 1.0, "easy", "none", 1.0)], columns=["variant", "strength", *WAY, "found"])
    curves = table.assign(learned=1.0, unit="dB")
    figure = psychometric_curves(curves, threshold_table(NETWORKS).iloc[:0])
    _, labels = figure.axes[0].get_legend_handles_labels()
    assert labels[1:] == ["all, receptive field, finds it", "easy finds it"]


def test_a_method_without_maps_of_a_cue_has_no_curve_in_its_panel():
    """An entry may have other methods for other cues; the legend, which is the first panel's, names all."""
    for_gap = dict(zip(LEVELS, variants.with_strengths("gap"), strict=True))
    given = scores().query("method in ('good', 'none')")
    networks = networks_table(
        pd.concat([given, given.replace(for_gap).replace({"method": {"good": "other"}})]),
        N_CLASSES,
        ORIGINALS,
    )
    figure = psychometric_curves(psychometric_table(networks), threshold_table(networks))
    lines = [{line.get_label(): line.get_ydata() for line in axes.get_lines()} for axes in figure.axes if axes.axison]
    assert [len(own) > 0 for own in lines] == [True, True]
    for own, there, missing in zip(lines, ("good", "other"), ("other", "good"), strict=True):
        assert np.isfinite(own[f"{there}, stretched, finds it"]).all()
        assert np.isnan(own[f"{missing}, stretched, finds it"]).all()


def test_a_cue_is_not_found_by_less_than_chance():
    """As of a pause, where there is next to no energy."""
    own = scores().query("variant == 'f0' and method in ('good', 'none')")
    both = ["relevance_mass", "average_precision"]
    own[both] = own[both].mask(own["source"] == "energy", 0.01).mask(own["source"] == "chance", 0.6)
    assert not networks_table(own, N_CLASSES, ORIGINALS)["found"].any()
