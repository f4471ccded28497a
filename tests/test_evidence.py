import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

from convcam_jax.checks.evidence.relevance_scores import SCORES
from convcam_jax.checks.evidence.scoring import (
    EVIDENCE_COLUMNS,
    JUDGED_BY,
    SOURCES,
    HeldOut,
    MemberMaps,
    evidence_summary,
    evidence_verdicts,
    member_means,
    method_ranking,
    network_accuracies,
    score_table,
    verdict_of,
)
from convcam_jax.data.members import Cohort
from convcam_jax.figures.checks import evidence as figures

SEEDS = (4, 7, 9)
N_CLASSES = 3


def make_test_set(n_recordings: int = 3) -> HeldOut:
    """Recordings of different length; the truth is two bins of ten, in half of the frames."""
    generator = np.random.default_rng(0)
    truth = []
    for n in range(n_recordings):
        own = np.zeros((10, 6 + 2 * n), bool)
        own[4:6, : 3 + n] = True
        truth.append(own)
    magnitude = [generator.exponential(size=own.shape) for own in truth]
    classes = ["low" if n % 2 == 0 else "high" for n in range(n_recordings)]
    return HeldOut([f"r{n}" for n in range(n_recordings)], classes, magnitude, truth)


def make_maps(test: HeldOut, share: float) -> np.ndarray:
    """Maps `[S, N, F, T]`, noise but for `share` of the mass in the truth, give or take a little for every member."""
    generator = np.random.default_rng(1)
    maps = np.zeros((len(SEEDS), len(test.truth), 10, 12))
    for s in range(len(SEEDS)):
        for n, truth in enumerate(test.truth):
            noise = generator.uniform(0.1, 1.9, truth.shape)
            inside = noise * truth / (noise * truth).sum()
            outside = noise * ~truth / (noise * ~truth).sum()
            own_share = share + 0.01 * s
            maps[s, n, :, : truth.shape[1]] = own_share * inside + (1 - own_share) * outside
    # What lies behind the recording does not count.
    maps[:, 0, :, 7:] = 100
    return maps


def make_table(variant: str = "burst", correct: np.ndarray | None = None) -> pd.DataFrame:
    test = make_test_set()
    maps = [
        MemberMaps("gradcam", "stretched", make_maps(test, 0.05), make_maps(test, 0.1)),
        MemberMaps("gradcam", "receptive_field", make_maps(test, 0.6), make_maps(test, 0.1)),
        MemberMaps("gradient_x_input", "none", make_maps(test, 0.4), make_maps(test, 0.5)),
    ]
    correct = np.ones((len(SEEDS), 3), bool) if correct is None else correct
    return score_table(variant, Cohort("female", "all"), SEEDS, correct, test, maps)


def test_table_has_every_source_beside_every_member_and_recording():
    table = make_table()
    assert list(table.columns) == EVIDENCE_COLUMNS
    assert len(table) == len(SEEDS) * 3 * (3 * 2 + 2)
    keys = ["seed", "recording", "method", "placement", "source"]
    assert not table.duplicated(keys).any()
    by = table.set_index(keys)
    assert by.loc[(7, "r0", "gradcam", "receptive_field", "network"), "relevance_mass"] == pytest.approx(0.61)
    assert by.loc[(7, "r0", "gradcam", "receptive_field", "random_weights"), "relevance_mass"] == pytest.approx(0.11)
    test = make_test_set()
    energy = test.magnitude[1] ** 2
    own = by.loc[(4, "r1", "none", "none", "energy")]
    assert own["relevance_mass"] == pytest.approx(energy[test.truth[1]].sum() / energy.sum())
    assert own["class"] == "high"
    assert own["truth_share"] == pytest.approx(8 / 80)
    assert by.loc[(4, "r1", "none", "none", "chance"), "relevance_mass"] == pytest.approx(8 / 80)
    assert not table["map_is_zero"].any()


def test_means_leave_out_what_the_member_got_wrong():
    correct = np.ones((len(SEEDS), 3), bool)
    correct[0] = [True, False, False]
    correct[2] = False
    table = make_table(correct=correct)
    means = member_means(table).query("score == 'relevance_mass' and placement == 'receptive_field'")
    assert means["seed"].tolist() == [4, 7]
    assert means["network"].tolist() == pytest.approx([0.6, 0.61])
    truth = make_test_set().truth
    assert means["chance"].tolist() == pytest.approx([truth[0].mean(), np.mean([own.mean() for own in truth])])


def test_summary_pairs_the_network_with_its_controls():
    row = evidence_summary(make_table()).query("score == 'relevance_mass' and placement == 'receptive_field'").iloc[0]
    assert row["network"] == pytest.approx(0.61)
    assert row["over_random_weights"] == pytest.approx(0.5)
    # Every member exceeds its own random weights by the same amount.
    assert row["over_random_weights_low"] == pytest.approx(0.5)
    # Student's t with 2 degrees of freedom: 4.3027 * 0.01 / sqrt(3).
    assert row["network_high"] - row["network"] == pytest.approx(0.024841, abs=1e-6)
    assert row["members"] == len(SEEDS)


def test_the_interval_of_a_score_ends_where_scores_do():
    one_right = make_table().assign(average_precision=lambda table: table["seed"] == SEEDS[0])
    row = evidence_summary(one_right).query("score == 'average_precision'").iloc[0]
    # 1/3 and 4.3027 * 1/3.
    assert row[["network_low", "network_high"]].tolist() == [0, 1]
    assert row[["over_chance_low", "over_chance_high"]].tolist() == [0, 0]


def answers_of(group: str, fold: str, n_right: int, n: int) -> pd.DataFrame:
    """A row for each of two seeds and `n` recordings."""
    rows = [("burst", group, fold, seed, f"{fold}{i}", i < n_right) for seed in (0, 1) for i in range(n)]
    return pd.DataFrame(rows, columns=["variant", "group", "fold", "seed", "recording", "correct"])


def test_folds_of_a_network_are_one_test_of_all_their_recordings():
    """Of 4 recordings all are right, of 36 half: 22 of 40, less than the two thirds that count as learned."""
    folds = pd.concat([answers_of("female", "1", n_right=4, n=4), answers_of("female", "2", n_right=18, n=36)])
    # The answers stand beside the maps of every method and placement.
    found = network_accuracies(pd.concat([folds] * 2), N_CLASSES)
    assert found["accuracy"].tolist() == pytest.approx([22 / 40] * 2)
    assert not found["learned"].any()


def test_verdicts_in_words():
    one_of_three = np.eye(3, dtype=bool)
    table = pd.concat([make_table(), make_table("none", one_of_three), make_table("pause", one_of_three)])
    found = evidence_verdicts(table, N_CLASSES)
    verdict = found.set_index(["variant", "placement"])["verdict"].to_dict()
    assert verdict == {
        ("burst", "stretched"): "does not find",
        ("burst", "receptive_field"): "finds",
        ("burst", "none"): "no better than random weights",
        **{("none", placement): "no evidence planted" for placement in ("stretched", "receptive_field", "none")},
        **{("pause", placement): "not learnt" for placement in ("stretched", "receptive_field", "none")},
    }
    sentences = found.set_index(["variant", "placement"])["sentence"]
    sentence = sentences["burst", "receptive_field"]
    placed = "gradcam, placed at the receptive fields, finds the noise burst"
    assert sentence.startswith(f"{placed}: relevance mass 0.61 (0.59")
    assert "and 0.11 with random weights; average precision 0." in sentence
    assert sentence.endswith("with random weights (3 networks of accuracy 1.00)")
    stretched = (
        "gradcam, stretched over the input, does not find the noise burst, by relevance mass and average precision:"
    )
    assert sentences["burst", "stretched"].startswith(stretched)
    assert sentences["pause", "none"].endswith(
        "was not tested on the pause, which too few networks have learnt: 0 of 3 (mean accuracy 0.33)"
    )
    assert sentences["none", "none"].endswith("(3 networks of accuracy 0.33)")


def test_verdicts_are_by_the_networks_that_have_learned_the_cue():
    """The third of them is right once in three; without it the excess over chance is 0.5 to 0.51 of the mass."""
    correct = np.ones((len(SEEDS), 3), bool)
    correct[2, 1:] = False
    own = make_table(correct=correct)
    third = (own["seed"] == SEEDS[2]) & (own["source"] == "network")
    table = pd.concat([own.assign(relevance_mass=own["relevance_mass"].mask(third, 0.0)), make_table("f0")])
    found = evidence_verdicts(table, N_CLASSES).set_index(["variant", "placement"])
    assert found.loc[("burst", "receptive_field"), ["networks", "networks_learned"]].tolist() == [3, 2]
    sentence = found.loc[("burst", "receptive_field"), "sentence"]
    assert "relevance mass 0.60 (" in sentence
    assert sentence.endswith("(2 of 3 networks, of accuracy 1.00)")
    # Where all have learned, nothing is another one.
    alone = evidence_verdicts(make_table("f0"), N_CLASSES).set_index(["variant", "placement"])
    pd.testing.assert_frame_equal(found.loc[["f0"]], alone)


def test_a_map_to_a_power_finds_nothing_more():
    """That of the energy has more of its mass in the loud cells of the truth, and all of them in the same order."""
    test = make_test_set()
    loud = test._replace(magnitude=[own + 2 * cells for own, cells in zip(test.magnitude, test.truth, strict=True)])
    maps = np.zeros((len(SEEDS), len(test.truth), 10, 12))
    for n, magnitude in enumerate(loud.magnitude):
        maps[:, n, :, : magnitude.shape[1]] = magnitude**8
    random = make_maps(test, 0.1)
    ways = [
        MemberMaps("power", "none", maps, random),
        MemberMaps("finder", "none", make_maps(test, 1.0 - 0.02), random),
    ]
    scores = score_table("burst", Cohort("female", "all"), SEEDS, np.ones((len(SEEDS), 3), bool), loud, ways)
    mass = evidence_summary(scores).query("score == 'relevance_mass'")
    # The mass alone would say that both find it.
    assert (mass[[f"over_{control}_low" for control in ("chance", "energy", "random_weights")]] > 0).all(axis=None)
    found = evidence_verdicts(scores, N_CLASSES).set_index("method")
    assert found["verdict"].to_dict() == {"finder": "finds", "power": "no better than energy"}
    expected = (
        "power finds the noise burst no better than the input's energy does, by average precision: relevance mass"
    )
    assert found.loc["power", "sentence"].startswith(expected)


@pytest.mark.parametrize("others", [(), ("f0",)], ids=["alone", "beside another"])
def test_a_variant_of_which_nothing_was_classified_correctly_stays_in_all_tables(others):
    wrong = make_table(correct=np.zeros((len(SEEDS), 3), bool))
    scores = pd.concat([wrong, *(make_table(other) for other in others)])
    summarised = evidence_summary(scores)
    own = summarised[summarised["variant"] == "burst"]
    assert len(own) == 3 * len(SCORES)
    assert (own["members"] == 0).all()
    assert own[["network", "energy", "over_chance_low", "share_significant"]].isna().all(axis=None)
    ranking = method_ranking(summarised, "average_precision")
    assert ranking["burst"].isna().all()
    assert (ranking["planted_mean"].notna() == bool(others)).all()
    verdicts = evidence_verdicts(scores, N_CLASSES)
    assert list(verdicts.loc[verdicts["variant"] == "burst", "sentence"]) == [
        f"{way} was not tested on the noise burst, which too few networks have learnt: 0 of 3 (mean accuracy 0.00)"
        for way in (
            "gradcam, placed at the receptive fields,",
            "gradcam, stretched over the input,",
            "gradient_x_input",
        )
    ]
    assert set(ranking["source"]) == set(SOURCES)
    names = [*(others and ("f0",)), "burst"]
    scores_axes, methods_axes = (
        figures.scores(summarised, "gradcam").axes[2],
        figures.methods(ranking, "average_precision").axes[0],
    )
    assert [label.get_text() for label in scores_axes.get_xticklabels()] == names
    # Cells without a value have no number.
    n_known = np.isfinite(methods_axes.images[0].get_array().filled(np.nan)).sum()
    assert len(methods_axes.texts) == n_known


def test_a_single_member_has_no_interval_and_no_finding():
    table = make_table()
    found = evidence_verdicts(table[table["seed"] == 4], N_CLASSES).set_index("placement")
    assert found.loc["receptive_field", "verdict"] == "does not find"
    assert "relevance mass 0.60 against" in found.loc["receptive_field", "sentence"]
    assert not found["sentence"].str.contains("nan").any()


def test_one_of_two_networks_that_has_learned_is_too_few():
    correct = np.ones((len(SEEDS), 3), bool)
    correct[1] = False
    table = make_table(correct=correct)
    found = evidence_verdicts(table[table["seed"].isin(SEEDS[:2])], N_CLASSES)
    assert set(found["verdict"]) == {"not learnt"}
    assert found["sentence"].str.endswith("which too few networks have learnt: 1 of 2 (mean accuracy 0.50)").all()


@pytest.mark.parametrize(
    ("share", "verdicts"),
    [
        (0.0, ["no better than random weights", "finds"]),
        (0.1, ["no better than random weights", "finds"]),
        (0.3, ["no better than random weights", "finds"]),
        (0.5, ["no better than random weights", "finds"]),
        (0.6, ["no control"] * 2),
        (0.97, ["no control"] * 2),
    ],
)
def test_a_map_of_random_weights_that_is_zero_is_no_control(share, verdicts):
    """A map that knows nothing of the network is none better than its own, wherever that one is left out."""
    n_recordings = 30
    test = make_test_set(n_recordings)
    loud = test._replace(magnitude=[own + cells for own, cells in zip(test.magnitude, test.truth, strict=True)])
    followed = np.zeros((len(SEEDS), n_recordings, 10, loud.truth[-1].shape[1]))
    for n, magnitude in enumerate(loud.magnitude):
        followed[:, n, :, : magnitude.shape[1]] = gaussian_filter(magnitude**2, 1) ** 4
    found = followed.copy()
    for n, truth in enumerate(loud.truth):
        found[:, n, :, : truth.shape[1]] *= 1 + 99 * truth
    random = followed.copy()
    random[:, np.random.default_rng(2).permutation(n_recordings) < round(share * n_recordings)] = 0
    ways = [MemberMaps("follower", "none", followed, random), MemberMaps("finder", "none", found, random)]
    correct = np.ones((len(SEEDS), n_recordings), bool)
    scores = score_table("burst", Cohort("female", "all"), SEEDS, correct, loud, ways)
    by_method = evidence_verdicts(scores, N_CLASSES).set_index("method")["verdict"]
    assert by_method[["follower", "finder"]].tolist() == verdicts
    mass = evidence_summary(scores).query("score == 'relevance_mass' and method == 'follower'").iloc[0]
    # What stands beside the network is a mean of maps that say something.
    own = scores.query("source == 'random_weights' and method == 'follower' and not map_is_zero")
    assert mass["random_weights"] == pytest.approx(own["relevance_mass"].mean())
    assert mass["over_random_weights"] == 0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_map_that_is_not_finite_scores_as_one_of_zeros(value):
    """It ends no run in which networks were trained."""
    test = make_test_set()
    maps, random = make_maps(test, 0.6), make_maps(test, 0.1)
    tables = []
    for broken in (value, 0.0):
        maps[1, 2] = broken
        ways = [MemberMaps("gradcam", "stretched", maps.copy(), random)]
        tables.append(score_table("burst", Cohort("female", "all"), SEEDS, np.ones((3, 3), bool), test, ways))
    pd.testing.assert_frame_equal(*tables)
    own = tables[0].query("seed == 7 and recording == 'r2' and source == 'network'").iloc[0]
    assert own["map_is_zero"]
    assert own["relevance_mass"] == own["truth_share"]


@pytest.mark.parametrize(
    ("below", "words", "by"),
    [
        ([], "finds", ()),
        ([("relevance_mass", "energy")], "no better than energy", ("relevance_mass",)),
        ([("average_precision", "energy")], "no better than energy", ("average_precision",)),
        ([("average_precision", "random_weights")], "no better than random weights", ("average_precision",)),
        (
            [("relevance_mass", "random_weights"), ("average_precision", "chance")],
            "does not find",
            ("average_precision",),
        ),
        ([(score, "chance") for score in ("relevance_mass", "average_precision")], "does not find", JUDGED_BY),
    ],
)
def test_a_finding_is_above_every_control_by_both_scores(below, words, by):
    columns = [f"over_{control}_low" for control in ("chance", "energy", "random_weights")]
    by_score = pd.DataFrame(0.1, list(JUDGED_BY), columns)
    for score, control in below:
        by_score.loc[score, f"over_{control}_low"] = -0.1
    assert verdict_of("f0", by_score, np.array([True, True])) == (words, by)
    assert verdict_of("f0", by_score, np.array([True, True, False, False, False])).words == "not learnt"


def test_without_an_interval_over_networks_random_weights_are_no_control():
    """As where only one of two networks has maps of random weights that are not the same everywhere."""
    columns = [f"over_{control}_low" for control in ("chance", "energy", "random_weights")]
    by_score = pd.DataFrame(0.1, list(JUDGED_BY), columns).assign(over_random_weights_low=np.nan)
    assert verdict_of("f0", by_score, np.array([True, True])).words == "no control"
    assert verdict_of("f0", by_score.assign(over_chance_low=-0.1), np.array([True, True])).words == "does not find"


def test_methods_are_ranked_among_energy_random_weights_and_chance():
    summarised = evidence_summary(pd.concat([make_table("burst"), make_table("envelope"), make_table("none")]))
    ranking = method_ranking(summarised, "relevance_mass")
    own = ranking[ranking["source"] == "network"]
    assert own["placement"].tolist() == ["receptive_field", "none", "stretched"]
    assert list(ranking.columns[:7]) == ["method", "placement", "source", "envelope", "burst", "none", "planted_mean"]
    # All variants have the same maps; of energy and chance there is one row, of random weights one per map.
    assert ranking["planted_mean"].tolist() == pytest.approx(ranking["burst"].tolist())
    assert ranking["planted_mean"].is_monotonic_decreasing
    means = ranking.set_index(["source", "method", "placement"])["planted_mean"]
    assert len(means) == 3 + 3 + 1 + 1
    assert means["network", "gradcam", "receptive_field"] == pytest.approx(0.61)
    assert means["random_weights", "gradcam", "receptive_field"] == pytest.approx(0.11)
    assert means["random_weights", "gradient_x_input", "none"] == pytest.approx(0.51)
    truth = make_test_set().truth
    assert means["chance", "none", "none"] == pytest.approx(np.mean([own.mean() for own in truth]))
    energy = [own**2 for own in make_test_set().magnitude]
    shares = [own[where].sum() / own.sum() for own, where in zip(energy, truth, strict=True)]
    assert means["energy", "none", "none"] == pytest.approx(np.mean(shares))


def test_a_method_that_lacks_a_variant_has_no_mean_and_comes_last():
    """The mean of the easy cues alone would put it before methods that were asked for all."""
    lacking = make_table("envelope").query("method != 'gradient_x_input'")
    summarised = evidence_summary(pd.concat([make_table("burst"), lacking]))
    ranking = method_ranking(summarised, "relevance_mass").set_index(["source", "method"])["planted_mean"]
    assert np.isnan(ranking["network", "gradient_x_input"])
    assert ranking["network", "gradcam"].notna().all()
    assert set(ranking.index[-2:]) == {("network", "gradient_x_input"), ("random_weights", "gradient_x_input")}


def test_the_ranking_counts_the_planted_variants_in_which_a_control_is_beaten():
    summarised = evidence_summary(pd.concat([make_table("burst"), make_table("envelope"), make_table("none")]))
    # An excess that may be 0 does not count.
    unsure = (summarised["variant"] == "burst") & (summarised["method"] == "gradient_x_input")
    summarised.loc[unsure, "over_energy_low"] = 0.0
    above = method_ranking(summarised, "relevance_mass").set_index(["source", "method", "placement"])
    columns = ["above_random_weights", "above_energy", "above_chance"]
    assert above.loc[("network", "gradcam", "receptive_field"), columns].tolist() == [2, 2, 2]
    assert above.loc[("network", "gradient_x_input", "none"), columns].tolist() == [0, 1, 2]
    assert above.loc[("network", "gradcam", "stretched"), columns].tolist() == [0, 0, 0]
    of_controls = above[above.index.get_level_values("source") != "network"]
    assert of_controls[columns].isna().all(axis=None)


def test_the_figure_of_methods_has_energy_and_chance_among_them():
    ranking = method_ranking(evidence_summary(make_table()), "relevance_mass")
    labels = [label.get_text() for label in figures.methods(ranking, "relevance_mass").axes[0].get_yticklabels()]
    # The energy of these recordings is noise, and a little less in the truth than by chance.
    assert labels == ["gradcam, receptive_field", "gradient_x_input", "(chance)", "(energy)", "gradcam, stretched"]


def test_the_folds_of_a_seed_are_one_member():
    test = make_test_set()
    maps = [MemberMaps("gradcam", "stretched", make_maps(test, 0.6), make_maps(test, 0.1))]
    correct = np.ones((len(SEEDS), 3), bool)
    folds = [score_table("burst", Cohort("all", fold), SEEDS, correct, test, maps) for fold in ("08", "09")]
    table = pd.concat([folds[0], folds[1].assign(recording=lambda own: "another_" + own["recording"])])
    assert table.groupby(["group", "fold"]).ngroups == 2
    row = evidence_summary(table).query("score == 'relevance_mass'").iloc[0]
    assert (row["members"], row["network"]) == (len(SEEDS), pytest.approx(0.61))
