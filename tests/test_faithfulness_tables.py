"""Areas, verdicts and the figure of the faithfulness curves from tables with known values."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import wilcoxon

from convcam_jax.faithfulness import CURVES, FILLS, ORDERS, shares
from convcam_jax.faithfulness_tables import areas, summary, verdicts
from convcam_jax.figures import faithfulness as figures

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
            fixed = {"recording": f"r{number:02d}", "gender": "female", "speaker": "08", "emotion": "anger"}
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


def test_areas_are_those_of_each_curve():
    assert len(AREAS) == 2 * N_RECORDINGS * 2 * 2 * 4
    keys = ["recording", "seed", "curve", "fill", "order"]
    flat = TABLE.groupby(keys)["probability"].mean()
    np.testing.assert_allclose(AREAS.set_index(keys)["area"], flat.loc[pd.MultiIndex.from_frame(AREAS[keys])])
    rising = TABLE.assign(probability=TABLE["share"] ** 2)
    # The trapezoidal rule on four intervals: 1/3 + (1/4)^2 / 6.
    np.testing.assert_allclose(areas(rising)["area"], 1 / 3 + 1 / 96)


def test_summary_leaves_out_zero_maps():
    cells = summary(areas(make_table(zero=(0, 5)))).set_index(["curve", "fill", "order"])
    assert (cells["n_curves"] == 2 * (N_RECORDINGS - 2)).all()
    shown = AREAS[~AREAS["recording"].isin(["r00", "r05"])].query("curve == 'deletion' and fill == 'zeros'")
    by_seed = shown[shown["order"] == "map"].groupby("seed")["area"].mean()
    own = cells.loc[("deletion", "zeros", "map")]
    assert own["mean"] == pytest.approx(by_seed.mean())
    assert own["seeds"] == 2
    assert own["low"] < by_seed.min() < by_seed.max() < own["high"]


def test_verdicts_are_those_of_the_curves():
    rows = verdicts(AREAS).set_index(["curve", "fill", "order"])
    assert len(rows) == 2 * 2 * 3
    assert (rows.xs("random", level="order")["verdict"] == "better").all()
    assert (rows.xs("energy", level="order")["verdict"] == "worse").all()
    assert (rows.xs("shifted_map", level="order")["verdict"] == "undecided").all()
    own = rows.loc[("insertion", "blurred", "random")]
    wide = AREAS.query("curve == 'insertion' and fill == 'blurred'").pivot(
        index="recording", columns=["order", "seed"], values="area"
    )
    gain = wide["map"].mean(axis=1) - wide["random"].mean(axis=1)
    assert own["gain"] == pytest.approx(gain.mean())
    assert own["p"] == pytest.approx(wilcoxon(gain).pvalue)
    assert own["p"] <= own["p_adjusted"] <= 12 * own["p"]
    assert (own["better_in"], own["n_recordings"], own["seeds_better"], own["seeds"]) == (12, 12, 2, 2)
    assert "faster than random order in 12 of 12 female recordings, in the mean of 2 of 2 seeds" in own["sentence"]
    assert rows.loc[("deletion", "zeros", "energy"), "better_in"] == 0


def test_equal_orders_are_undecided_and_one_seed_has_no_interval():
    table = make_table(seeds=1).assign(probability=0.5)
    rows = verdicts(areas(table))
    assert (rows["p"] == 1).all()
    assert set(rows["verdict"]) == {"undecided"}
    assert summary(areas(table))["low"].isna().all()
    assert not rows["sentence"].str.contains("seeds").any()


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
