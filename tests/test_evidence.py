from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from toy_network import BANDS, GRID, TOY

from convcam_jax.checks.evidence.explanations import Pair, compared_methods, learned_table, placed_pairs
from convcam_jax.checks.evidence.planting import changed_cells, class_in_words, planted_utterances
from convcam_jax.checks.evidence.relevance_scores import SCORES
from convcam_jax.checks.evidence.scoring import (
    EVIDENCE_COLUMNS,
    SOURCES,
    HeldOut,
    MemberMaps,
    accuracy_by_method,
    evidence_summary,
    evidence_verdicts,
    member_means,
    method_ranking,
    score_table,
    verdict_of,
)
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.corpora.synthetic.planted import SyntheticSpeech, draw
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
    return HeldOut([f"r{n}" for n in range(n_recordings)], ["low", "high", "low"][:n_recordings], magnitude, truth)


def make_maps(test: HeldOut, share: float) -> np.ndarray:
    """Maps `[S, N, F, T]`, noise but for `share` of the mass in the truth, give or take a little for every member."""
    generator = np.random.default_rng(1)
    maps = np.zeros((len(SEEDS), len(test.truth), 10, 12))
    for s in range(len(SEEDS)):
        for n, truth in enumerate(test.truth):
            noise = generator.uniform(0.9, 1.1, truth.shape)
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


def test_changed_cells_are_those_near_the_largest_change():
    without = np.array([[1.0, 1.0, 1.0, 1.0]])
    with_cue = np.array([[3.0, 0.8, 0.81, 1.0]])
    np.testing.assert_array_equal(changed_cells(with_cue, without, 0.1 - 1e-9), [[True, True, False, False]])
    np.testing.assert_array_equal(changed_cells(with_cue, without, 1.0), [[True, False, False, False]])
    with pytest.raises(ValueError, match="the same"):
        changed_cells(without, without, 0.1)


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


def accuracies(**of_variants: float) -> dict[tuple[str, str], float]:
    """The same for both methods of `make_table`."""
    return {(name, method): own for name, own in of_variants.items() for method in ("gradcam", "gradient_x_input")}


def test_accuracy_is_that_of_the_networks_which_a_method_explains():
    """One method has maps of the women's networks alone, which are right; the men's are not."""
    answers = pd.concat(
        [answers_of("female", "all", n_right=5, n=5), answers_of("male", "all", n_right=2, n=10)], ignore_index=True
    )
    # A method may have maps in two placements.
    scores = pd.concat([answers.assign(method="both", source="network")] * 2)
    women = answers[answers["group"] == "female"].assign(method="women", source="network")
    controls = answers.assign(method="none", source="energy")
    found = accuracy_by_method(pd.concat([scores, women, controls]))
    assert found == {("burst", "both"): pytest.approx(0.6), ("burst", "women"): 1.0}


def answers_of(group: str, fold: str, n_right: int, n: int) -> pd.DataFrame:
    """A row for each of two seeds and `n` recordings."""
    rows = [("burst", group, fold, seed, f"{fold}{i}", i < n_right) for seed in (0, 1) for i in range(n)]
    return pd.DataFrame(rows, columns=["variant", "group", "fold", "seed", "recording", "correct"])


def test_folds_of_a_network_are_one_test_of_all_their_recordings():
    folds = pd.concat([answers_of("female", "1", n_right=4, n=4), answers_of("female", "2", n_right=18, n=36)])
    found = accuracy_by_method(folds.assign(method="gradcam", source="network"))
    assert found == {("burst", "gradcam"): pytest.approx(22 / 40)}


def test_verdicts_in_words():
    table = pd.concat([make_table(), make_table("none"), make_table("pause")])
    found = evidence_verdicts(evidence_summary(table), accuracies(burst=0.9, none=0.9, pause=0.5), N_CLASSES)
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
    assert sentence.endswith("and 0.11 with random weights (3 networks of accuracy 0.90)")
    stretched = "gradcam, stretched over the input, does not find the noise burst"
    assert sentences["burst", "stretched"].startswith(stretched)


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
    verdicts = evidence_verdicts(summarised, accuracies(burst=0.0, f0=0.9), N_CLASSES)
    assert list(verdicts.loc[verdicts["variant"] == "burst", "sentence"]) == [
        f"{way} was not tested on the noise burst, which the networks have not learnt: "
        "no network classified a recording correctly"
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
    row = evidence_summary(table[table["seed"] == 4]).query(
        "score == 'relevance_mass' and placement == 'receptive_field'"
    )
    assert verdict_of(row.iloc[0], 0.9, N_CLASSES) == "does not find"


def test_more_than_the_energy_is_asked_for():
    row = {"variant": "f0", "over_chance_low": 0.1, "over_energy_low": -0.1, "over_random_weights_low": 0.1}
    assert verdict_of(pd.Series(row), 0.9, N_CLASSES) == "no better than energy"


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


def test_maps_of_nodes_are_placed_in_both_ways_and_maps_on_the_grid_in_none():
    geometry = TOY.geometry(BANDS, GRID)
    generator = np.random.default_rng(0)
    nodes, cells = (generator.normal(size=(4, 2, 3, *shape)).astype(np.float32) for shape in (geometry.shape, GRID))
    pairs = {"gradcam": Pair(nodes[0], nodes[1]), "gradient_x_input": Pair(cells[0], cells[1])}
    placed = placed_pairs(pairs, np.array([GRID[1], 12, 7]), geometry, GRID)
    assert [(own.method, own.placement) for own in placed] == [
        ("gradcam", "stretched"),
        ("gradcam", "receptive_field"),
        ("gradient_x_input", "none"),
    ]
    assert {own.trained.shape for own in placed} == {(2, 3, *GRID)}
    assert all((own.random[:, 2, :, 7:] == 0).all() and own.random[:, 2, :, :7].any() for own in placed)
    expected = np.maximum(cells[1, 0, 0], 0)
    np.testing.assert_allclose(placed[2].random[0, 0], expected / expected.max(), rtol=1e-6)


def test_methods_are_compared_once_and_the_runs_own_comes_first():
    assert compared_methods("layercam", ("gradcam", "layercam", "scorecam")) == ("layercam", "gradcam", "scorecam")


def test_what_was_learned_is_that_of_the_best_epoch():
    """The highest validation accuracy, then the lowest validation loss."""
    history = pd.DataFrame(
        {
            "group": "all",
            "fold": ["08"] * 3 + ["09"] * 3,
            "seed": 2,
            "epoch": [1, 2, 3] * 2,
            "train_accuracy": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
            "validation_accuracy": [0.5, 0.8, 0.8, 0.9, 0.4, 0.4],
            "validation_loss": [0.1, 0.4, 0.3, 1.0, 0.1, 0.1],
        }
    )
    learned = learned_table(history).set_index("fold")
    assert learned["best_epoch"].to_dict() == {"08": 3, "09": 1}
    assert learned["train_accuracy"].to_dict() == {"08": 0.3, "09": 0.4}


def test_planted_recordings_are_utterances_whose_emotions_are_the_classes():
    config = SyntheticConfig(speakers_per_gender=1, texts=2)
    speech = SyntheticSpeech(config, ("female",), 16000)
    own = speech.recordings("burst")
    paths = {one.recording: Path(f"{one.recording}.wav") for one in own}
    utterances = planted_utterances(speech, "burst", own, paths)
    assert [u.emotion for u in utterances] == ["first", "second", "third"] * 2
    assert {u.gender for u in utterances} == {"female"}
    assert utterances[1].path == Path(f"{utterances[1].recording}.wav")
    assert [class_in_words("burst", u.emotion) for u in utterances[:3]] == ["low", "middle", "high"]
    # Versions of a sentence are draws of their own.
    assert [speech.original(one) for one in own] == [one.recording for one in own]
    assert len({draw(config, one.spec) for one in own}) == len(own)
    # The same sound, other labels.
    shuffled = planted_utterances(speech, "none", own, paths)
    assert [u.recording for u in shuffled] == [u.recording for u in utterances]
    assert sorted(u.emotion for u in shuffled) == sorted(u.emotion for u in utterances)
