"""Agreement over seeds: intraclass correlations of the published example, correlations and bands by hand."""

import numpy as np
import pandas as pd
import pytest
from fake_results import make_results
from figure_checks import line_data
from scipy.stats import spearmanr
from skimage.metrics import structural_similarity

from convcam_jax.checks.seeds.seed_verdicts import seed_verdicts
from convcam_jax.checks.seeds.stability import (
    STABILITY_COLUMNS,
    intraclass_correlations,
    map_agreement,
    mask_profiles,
    metric_agreement,
    recording_agreement,
    surviving_claims,
    table_cells,
)
from convcam_jax.corpora.config import EMOTIONS
from convcam_jax.figures.checks import stability as figures
from convcam_jax.measures.statistics import cell_statistics, chosen_rows, mean_over_speakers


def test_icc_of_the_published_example():
    """Shrout and Fleiss (1979), Tables 2 and 4: four judges, six targets; printed .29 and .62."""
    ratings = np.array([[9.0, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])
    found = intraclass_correlations(ratings)
    assert found.single == pytest.approx(0.2898, abs=5e-5)
    assert found.average == pytest.approx(0.6201, abs=5e-5)


def test_icc_at_its_ends():
    same = np.repeat(np.arange(5.0)[:, None], 3, axis=1)
    assert intraclass_correlations(same) == (1.0, 1.0)
    noise = intraclass_correlations(np.random.default_rng(0).normal(size=(2000, 5)))
    assert abs(noise.single) < 0.03
    for values in (np.ones((4, 3)), np.arange(4.0)[:, None], np.arange(4.0)[None]):
        assert np.isnan(intraclass_correlations(values)).all()


@pytest.mark.parametrize(
    "values",
    [
        # Mean squares 0 of targets and judges: -0.01 / (0 + 0.01 - 0.01) and -0.01 / (0 - 0.005), which is 2.
        [[0.1, 0.2], [0.2, 0.1]],
        # 0, 0.04 of judges and 0.04 of errors: -1, the least that two can correlate by, and -0.04 / 0.
        [[0.3, -0.1], [0.1, 0.1]],
        # 0, 1/6 and 2/3: -2 and 4.
        [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]],
    ],
)
def test_icc_is_unknown_where_the_estimate_can_be_none(values):
    assert np.isnan(intraclass_correlations(np.array(values))).all()


def test_icc_is_never_above_one_and_the_average_is_that_of_the_single_one_by_spearman_and_brown():
    generator = np.random.default_rng(1)
    n_known = 0
    for n, k in [(2, 2), (2, 5), (3, 2), (4, 3)] * 100:
        found = intraclass_correlations(generator.normal(size=(n, k)))
        if np.isnan(found.single):
            assert np.isnan(found.average)
            continue
        n_known += 1
        assert -1 / (k - 1) < found.single <= 1
        assert found.average == pytest.approx(k * found.single / (1 + (k - 1) * found.single))
        assert found.average <= 1
    assert 200 < n_known < 400


def test_agreement_of_maps_leaves_out_zero_maps_and_frames_behind_the_recording():
    generator = np.random.default_rng(3)
    maps = np.repeat(generator.random((1, 3, 10, 20)), 4, axis=0).astype(np.float32)
    n_frames = np.array([20, 12, 9])
    maps[1:, 1, :, 12:] = 0  # Differs behind the recording only.
    maps[3, 0] = 0
    maps[:3, 2] = 0  # One map is left, so there is no pair.
    recordings = pd.DataFrame(
        {"group": "male", "emotion": ["fear", "fear", "anger"], "speaker": ["a", "b", "a"], "recording": list("xyz")}
    )
    table = map_agreement([recording_agreement(maps, n_frames, recordings)])
    assert list(table.columns) == list(STABILITY_COLUMNS)
    pairs = table[(table["kind"] == "map_pairs") & (table["name"] == "ssim")]
    assert pairs["n"].tolist() == [3, 6, 0]
    assert pairs["n_zero_maps"].tolist() == [1, 0, 3]
    np.testing.assert_allclose(pairs["value"], [1, 1, np.nan])
    means = table[(table["kind"] == "map_mean") & (table["name"] == "rank_correlation")].set_index("emotion")
    assert set(means.index) == {"fear", "all"}
    np.testing.assert_allclose(means["value"].astype(float), 1)
    assert means.loc["fear", ["n", "n_speakers", "n_zero_maps"]].tolist() == [2, 2, 1]
    assert means.loc["all", ["n", "n_speakers", "n_zero_maps"]].tolist() == [2, 2, 4]
    ranks = figures.map_agreement(table, ["anger", "fear"]).axes[0]
    points = [line.get_xydata() for line in ranks.lines if line.get_marker() == "o"]
    # At the place of fear, which is 1: the two recordings with pairs.
    np.testing.assert_allclose(np.concatenate(points), [[0.88, 1], [1, 1]])


def test_agreement_of_maps_leaves_out_pairs_with_a_map_that_is_the_same_everywhere():
    maps = np.repeat(np.random.default_rng(4).random((1, 2, 8, 9)), 4, axis=0)
    maps[0, 0] = 0.5
    maps[1:, 1] = 0.5
    recordings = pd.DataFrame({"group": "male", "emotion": "fear", "speaker": ["a", "b"], "recording": ["x", "y"]})
    table = recording_agreement(maps, np.array([9, 9]), recordings)
    for name in ("rank_correlation", "ssim"):
        own = table[table["name"] == name]
        np.testing.assert_allclose(own[["value", "low", "high", "spread"]], [[1, 1, 1, 0], [np.nan] * 4], atol=1e-12)
        assert own[["n", "n_zero_maps"]].to_numpy().tolist() == [[3, 0], [0, 0]]


def test_seeds_are_matched_within_a_fold_and_the_recordings_of_all_folds_count():
    generator = np.random.default_rng(5)
    folds = []
    for number, n_seeds in enumerate((2, 3, 1)):
        maps = generator.random((n_seeds, 2, 8, 9)).astype(np.float32)
        names = [f"{number}{i}" for i in range(2)]
        known = {"group": "male", "emotion": ["fear", "anger"], "speaker": str(number), "recording": names}
        folds.append(recording_agreement(maps, np.array([9, 9]), pd.DataFrame(known)))
    table = map_agreement(folds)
    pairs = table[(table["kind"] == "map_pairs") & (table["name"] == "ssim")].set_index("recording")
    # A single member has no pairs.
    assert pairs["n"].to_dict() == {"00": 1, "01": 1, "10": 3, "11": 3, "20": 0, "21": 0}
    mean = table[(table["kind"] == "map_mean") & (table["name"] == "ssim")].set_index("emotion")
    assert mean.loc["all", "value"] == pytest.approx(pairs["value"].mean())
    assert mean.loc["all", ["n", "n_speakers"]].tolist() == [4, 2]
    assert mean.loc["fear", "value"] == pytest.approx(pairs.loc[["00", "10"], "value"].mean())


def test_agreement_of_metrics_counts_complete_recordings():
    metrics = make_results(seeds=3).metrics
    metrics.loc[0, "q_mse"] = np.nan
    table = metric_agreement(metrics)
    own = table[(table["group"] == metrics.loc[0, "group"]) & (table["statistic"] == "icc_2_1")].set_index("name")
    assert own.loc["q_rmse", "n"] == own.loc["q_mse", "n"] + 1
    wide = metrics[metrics["group"] == metrics.loc[0, "group"]].pivot(
        index="recording", columns="seed", values="q_rmse"
    )
    assert own.loc["q_rmse", "value"] == intraclass_correlations(wide.to_numpy()).single


def test_cells_are_those_of_the_tables_with_limits_around_them():
    results = make_results(seeds=2)
    chosen = chosen_rows(results.metrics, results.members)
    table = table_cells(chosen, ["q_rmse"], EMOTIONS)
    expected = cell_statistics(chosen, "q_rmse", ["female", "male"], EMOTIONS)
    np.testing.assert_allclose(table["value"].astype(float), expected["value"])
    assert table["n"].tolist() == expected["n_recordings"].tolist()
    means = table[(table["n_speakers"] > 1) & (table["statistic"] == "mean")]
    assert (means["low"] < means["value"]).all()
    assert (means["value"] < means["high"]).all()
    assert (means["low"] >= 0).all()
    # Neither one speaker nor an extreme value has limits.
    assert table.drop(means.index)[["low", "high"]].isna().all(axis=None)
    first = means.iloc[0]
    own = chosen.query("correct and group == @first.group and emotion == @first.emotion")
    over_speakers = mean_over_speakers(own["q_rmse"].to_numpy(), own["speaker"].tolist())
    assert first[["low", "high"]].tolist() == [over_speakers.low, over_speakers.high]


def test_mask_profiles_by_hand():
    """Two seeds with a mask, one without; each mask is divided by its sum."""
    masks = np.zeros((3, 1, 2, 3))
    masks[0, 0] = [[1, 0, 0], [0, 0, 1]]
    masks[1, 0] = [[4, 0, 0], [0, 0, 0]]
    table = mask_profiles({"female": masks}, ["fear"], np.array([100.0, 200.0]), np.array([0.0, 0.1, 0.2]))
    frequency, time = table[table["axis"] == "frequency_hz"], table[table["axis"] == "time_s"]
    np.testing.assert_allclose(frequency["mean"], [0.75, 0.25])
    np.testing.assert_allclose(time["mean"], [0.75, 0, 0.25])
    np.testing.assert_allclose(time["lowest"], [0.5, 0, 0])
    # t of one degree of freedom, 12.706, times 1/4 is more than shares can differ by.
    assert frequency[["low", "high"]].to_numpy().tolist() == [[0, 1], [0, 1]]
    assert (table["seeds"] == 2).all()
    empty = mask_profiles({"female": 0 * masks}, ["fear"], np.array([100.0, 200.0]), np.array([0.0, 0.1, 0.2]))
    assert empty["mean"].isna().all()
    drawn = figures.mask_bands(pd.concat([table, empty.assign(emotion="anger")]))
    labels = {"mean of the seeds", "95 % interval of the mean", "lowest to highest seed"}
    assert {text.get_text() for text in drawn.legends[0].get_texts()} == labels
    fear, anger, *_ = drawn.axes
    np.testing.assert_allclose(line_data(fear, "mean of the seeds"), [[100, 75], [200, 25]])
    assert not fear.texts
    assert [text.get_text() for text in anger.texts] == ["no mask"]


def test_claims_over_seeds():
    counts = [(10, 0), (0, 0), (7, 3), (0, 4), (5, 3), (0, 10)]
    claims = pd.DataFrame(counts, columns=["seeds_holding", "seeds_undecided"])
    claims = claims.assign(seeds=10, id=list("abcdef"), section="", claim="")
    assert surviving_claims(claims)["answer"].tolist() == [
        "holds in every seed",
        "fails in every seed",
        "holds in every seed that decides",
        "fails in every seed that decides",
        "depends on the seed",
        "undecided in every seed",
    ]


def test_members_whose_maps_are_all_zero():
    recordings = pd.DataFrame({"group": "male", "emotion": ["fear"], "speaker": ["a"], "recording": ["x"]})
    agreement = recording_agreement(np.zeros((3, 1, 8, 9), np.float32), np.array([9]), recordings)
    table = map_agreement([agreement])
    assert table["value"].isna().all()
    assert (table["n_zero_maps"] == 3).all()
    for axes in figures.map_agreement(table, ["fear"]).axes:
        assert [len(line.get_xdata()) for line in axes.lines if line.get_marker() == "o"] == [0]


def test_sentences_about_seeds():
    rows = [
        {"kind": "map_mean", "group": "male", "name": "rank_correlation", "value": 0.125, "n": 39},
        {"kind": "map_mean", "group": "male", "name": "ssim", "value": 0.3, "n": 39},
        {
            "kind": "icc",
            "group": "male",
            "name": "q_mse",
            "statistic": "icc_2_1",
            "value": 0.25,
            "n": 7,
        },
        {"kind": "icc", "group": "male", "name": "q_rmse", "statistic": "icc_2_1", "n": 0},
    ]
    of_group = pd.DataFrame(rows).assign(level="group", emotion="all")
    # An emotion may be called "all", too.
    of_emotion = of_group.assign(level="emotion", value=0.5)
    stability = pd.concat([of_emotion, of_group]).reindex(columns=STABILITY_COLUMNS)
    claims = pd.DataFrame({"answer": ["depends on the seed", "holds in every seed", "depends on the seed"]})
    assert seed_verdicts(stability, claims)["sentence"].tolist() == [
        "Maps of one recording by two seeds (male): rank correlation 0.12, SSIM 0.30, on average over 39 recordings.",
        "q_mse (male): the recording explains 25 % of the variance of one seed's values, ICC(2,1) = 0.25, over 7 "
        "recordings with a value in every seed.",
        "q_rmse (male): what share of the variance of one seed's values the recording explains cannot be told from 0 "
        "recordings with a value in every seed.",
        "The paper's 3 claims: depends on the seed (2), holds in every seed (1).",
    ]
    # Some recordings are shorter than the window of the structural similarity.
    of_some = stability.assign(n=stability["n"].mask(stability["name"] == "ssim", 31))
    assert seed_verdicts(of_some, claims)["sentence"].iloc[0] == (
        "Maps of one recording by two seeds (male): rank correlation 0.12, SSIM over 31 of them 0.30, on average over "
        "39 recordings."
    )
    of_one = stability.assign(n=1, value=-0.001)
    assert seed_verdicts(of_one, claims)["sentence"].iloc[0] == (
        "Maps of one recording by two seeds (male): rank correlation 0.00, SSIM 0.00, on average over 1 recording."
    )
    without_ssim = stability[stability["name"] != "ssim"]
    assert seed_verdicts(without_ssim, claims)["sentence"].iloc[0] == (
        "Maps of one recording by two seeds (male): rank correlation 0.12, on average over 39 recordings."
    )


def test_pairs_and_their_means_are_those_of_scipy_and_scikit_image():
    maps = np.random.default_rng(6).random((3, 2, 8, 9))
    maps /= maps.max((2, 3), keepdims=True)
    known = pd.DataFrame({"group": "male", "emotion": "fear", "speaker": ["a", "b"], "recording": ["x", "y"]})
    table = map_agreement([recording_agreement(maps, np.array([9, 9]), known)])
    measures = {
        "rank_correlation": lambda one, other: spearmanr(one.ravel(), other.ravel()).statistic,
        "ssim": lambda one, other: structural_similarity(one, other, win_size=7, data_range=1.0),
    }
    for name, measure in measures.items():
        pairs = np.array(
            [[measure(*own[[a, b]]) for a, b in ((0, 1), (0, 2), (1, 2))] for own in np.moveaxis(maps, 1, 0)]
        )
        of_recordings = table[(table["kind"] == "map_pairs") & (table["name"] == name)]
        expected = np.stack([pairs.mean(1), pairs.min(1), pairs.max(1), pairs.std(1, ddof=1)], 1)
        np.testing.assert_allclose(of_recordings[["value", "low", "high", "spread"]].astype(float), expected)
        mean = table[(table["kind"] == "map_mean") & (table["level"] == "group") & (table["name"] == name)].iloc[0]
        limits = mean_over_speakers(pairs.mean(1), ["a", "b"])[1:3]
        assert mean[["low", "high"]].tolist() == pytest.approx(np.clip(limits, -1, 1).tolist())
        assert mean["spread"] == pytest.approx(pairs.mean(1).std(ddof=1))
