"""Which metric of explanations ranks methods as planted truth does, in tables whose answer is known."""

import numpy as np
import pandas as pd
import pytest
from figure_checks import assert_no_overlapping_text

from convcam_jax.checks.evidence.scoring import KEYS, HeldOut
from convcam_jax.checks.explanation_metrics import truth_agreement
from convcam_jax.checks.explanation_metrics.metric_list import EXPLANATION_METRICS
from convcam_jax.checks.explanation_metrics.truth_agreement import (
    agreement_by_cue,
    agreement_table,
    metric_rows,
)
from convcam_jax.data.members import Cohort
from convcam_jax.figures.checks.explanation_metrics import agreement

METHODS = ("best", "middle", "worst")
CONTROLS = (("none", "energy"), ("none", "random"))


@pytest.fixture
def few_metrics(monkeypatch):
    """One metric of which more is better, one of which less is, and one with capitals; each is ranked by itself."""
    few = {name: EXPLANATION_METRICS[name] for name in ("sparseness", "complexity", "road")}
    monkeypatch.setattr(truth_agreement, "EXPLANATION_METRICS", few)


def make_metrics() -> pd.DataFrame:
    """Two cues, two seeds, two recordings, of which the second is not classified correctly.

    Every metric is 3, 2 and 1 of the methods, 2.5 of random weights, 0 of shifted maps, and 1.5 of energy and random.
    """
    rows = []
    for variant in ("burst", "pause", "none"):
        for seed in (0, 1):
            for recording, correct in (("a", True), ("b", False)):
                start = (variant, "female", "all", seed, recording, "low", correct)
                for method, value in zip(METHODS, (3, 2, 1), strict=True):
                    sources = {"network": value if correct else 100 - value, "random_weights": 2.5, "shifted": 0}
                    rows += [(*start, method, "none", source, own) for source, own in sources.items()]
                rows += [(*start, method, "none", source, 1.5) for method, source in CONTROLS]
    table = pd.DataFrame(rows, columns=[*KEYS, "value"])
    return table.assign(**dict.fromkeys(EXPLANATION_METRICS, table["value"])).drop(columns="value")


def make_networks(learned=True) -> pd.DataFrame:
    """The average precision ranks the methods in their order, but in one network it is the other way around."""
    rows = []
    for variant in ("burst", "pause", "none"):
        for seed in (0, 1):
            precision = (0.1, 0.2, 0.3) if (variant, seed) == ("pause", 1) else (0.3, 0.2, 0.1)
            rows += [
                (variant, "female", seed, method, "none", learned, own)
                for method, own in zip(METHODS, precision, strict=True)
            ]
    columns = ["variant", "group", "seed", "method", "placement", "learned", "average_precision"]
    return pd.DataFrame(rows, columns=columns)


def test_correlation_is_that_of_learned_cues_and_of_correct_answers():
    table = agreement_table(make_metrics(), make_networks()).set_index("metric")
    assert list(table.index) == list(EXPLANATION_METRICS)
    higher, lower = table.loc["sparseness"], table.loc["complexity"]
    # Three networks agree and one does not; `none` has no truth. The cues' means are 1 and 0.
    assert higher[["spearman", "n_networks", "n_methods", "n_cues"]].tolist() == [0.5, 4, 3, 2]
    assert lower["spearman"] == -0.5
    assert higher["ranking"] == "best; middle; worst"
    assert lower["ranking"] == "worst; middle; best"
    # Student's interval of two values is 0.5 +- 12.7 * 0.5, and a correlation lies in -1..1.
    assert (higher["low"], higher["high"]) == (-1, 1)


@pytest.mark.usefixtures("few_metrics")
def test_the_interval_is_over_cues_whatever_the_number_of_networks():
    """Three cues of means 1, 1 and 0: two thirds and 4.302653 * 0.577350 / sqrt(3) on both sides."""
    metrics, networks = (
        pd.concat([own, own[own["variant"] == "burst"].assign(variant="tilt")])
        for own in (make_metrics(), make_networks())
    )
    for again in range(1, 4):
        metrics, networks = (
            pd.concat([own, own[own["seed"] < 2].assign(seed=lambda rows: rows["seed"] + 2 * again)])  # noqa: B023
            for own in (metrics, networks)
        )
        row = agreement_table(metrics, networks).set_index("metric").loc["sparseness"]
        assert (row["n_networks"], row["n_cues"]) == (6 * (again + 1), 3)
        assert row["spearman"] == pytest.approx(2 / 3)
        assert row["low"] == pytest.approx(2 / 3 - 4.302653 * 0.577350 / 3**0.5, abs=1e-5)
        assert row["high"] == 1


def test_each_cue_has_the_mean_of_its_networks():
    table = agreement_by_cue(make_metrics(), make_networks())
    assert list(table["metric"].drop_duplicates()) == list(EXPLANATION_METRICS)
    found = table.set_index(["metric", "cue"])
    ranking = "best; middle; worst"
    assert list(found.loc["sparseness"].itertuples(name=None)) == [("burst", 1, 2, ranking), ("pause", 0, 2, ranking)]
    ranking = "worst; middle; best"
    assert list(found.loc["complexity"].itertuples(name=None)) == [("burst", -1, 2, ranking), ("pause", 0, 2, ranking)]
    turned = make_metrics()
    turned.loc[turned["variant"] == "pause", "sparseness"] *= -1
    found = agreement_by_cue(turned, make_networks()).set_index(["metric", "cue"])["ranking"]["sparseness"]
    assert found.to_dict() == {"burst": "best; middle; worst", "pause": "worst; middle; best"}
    metrics = make_metrics().assign(road=np.nan)
    some = agreement_by_cue(metrics, make_networks())
    assert (some["spearman"].dtype, set(EXPLANATION_METRICS) - set(some["metric"])) == (float, {"road"})
    assert agreement_table(metrics, make_networks()).set_index("metric").loc["road", "n_networks"] == 0
    nothing = agreement_by_cue(make_metrics(), make_networks(learned=False))
    assert (len(nothing), list(nothing.columns)) == (0, list(table.columns))


@pytest.mark.usefixtures("few_metrics")
def test_controls_are_those_of_the_same_network():
    row = agreement_table(make_metrics(), make_networks()).set_index("metric").loc["sparseness"]
    assert row["over_random_weights"] == pytest.approx(1 / 3)
    assert row["over_shifted"] == 1
    assert row["over_energy"] == row["over_random"] == pytest.approx(2 / 3)
    metrics = make_metrics()
    # Of the best method the same, but for rounding.
    metrics.loc[(metrics["method"] == "best") & (metrics["source"] == "shifted"), "sparseness"] = 3 + 1e-6
    row = agreement_table(metrics, make_networks()).set_index("metric").loc["sparseness"]
    assert row["over_shifted"] == pytest.approx((0.5 + 1 + 1) / 3)


@pytest.mark.usefixtures("few_metrics")
def test_a_control_counts_where_the_method_has_a_value_too():
    """A second recording, of which the map has no value, and controls have a very good one."""
    metrics = make_metrics()
    second = metrics[metrics["correct"]].assign(recording="c")
    second["sparseness"] = np.where(second["source"] == "network", np.nan, 100.0)
    before, with_second = (
        agreement_table(own, make_networks()).set_index("metric").loc["sparseness"]
        for own in (metrics, pd.concat([metrics, second]))
    )
    pd.testing.assert_series_equal(with_second, before)


@pytest.mark.usefixtures("few_metrics")
def test_sentences_say_what_the_interval_says():
    agreeing = make_networks()
    agreeing = agreeing[~((agreeing["variant"] == "pause") & (agreeing["seed"] == 1))]
    table = agreement_table(make_metrics(), agreeing).set_index("metric")
    assert table.loc["sparseness", "sentence"] == (
        "sparseness ranks the methods as planted truth does: rank correlation 1.00 (1.00 to 1.00) over 3 methods "
        "and placements in 3 networks that learned one of 2 cues"
    )
    alone = agreement_table(make_metrics(), agreeing[agreeing["variant"] == "burst"]).set_index("metric")
    assert alone.loc["sparseness", "sentence"] == (
        "sparseness was not shown to rank the methods as planted truth does: rank correlation 1.00 over 3 methods "
        "and placements in 2 networks that learned one of 1 cue"
    )
    assert "complexity ranks the methods against planted truth" in table.loc["complexity", "sentence"]
    undecided = agreement_table(make_metrics(), make_networks()).set_index("metric").loc["road", "sentence"]
    assert "ROAD was not shown to rank" in undecided
    for metrics, networks in (
        (make_metrics(), make_networks(learned=False)),
        (make_metrics().assign(correct=False), make_networks()),
    ):
        nothing = agreement_table(metrics, networks)
        assert nothing["spearman"].isna().all()
        assert nothing["sentence"].str.contains("cannot be held against planted truth").all()


def test_a_limit_that_decides_is_not_rounded_to_zero():
    counts = {"metric": "road", "n_methods": 3, "n_networks": 4, "n_cues": 2}
    sentence = truth_agreement._sentence(pd.Series({**counts, "spearman": 0.2, "low": 0.004, "high": 0.396}))
    assert "planted truth does: rank correlation 0.20 (0.004 to 0.40) over" in sentence


@pytest.mark.usefixtures("few_metrics")
def test_what_is_not_finite_does_not_count():
    metrics = make_metrics()
    metrics.loc[metrics["method"] == "best", "sparseness"] = np.inf
    row = agreement_table(metrics, make_networks()).set_index("metric").loc["sparseness"]
    assert (row["n_methods"], row["n_networks"]) == (2, 0)
    assert row["ranking"] == "middle; worst"


def test_rows_are_named_by_recording_and_map():
    test = HeldOut(["a", "b"], ["low", "high"], [], [])
    names = [("gradcam", "stretched", "network"), ("none", "none", "energy")]
    values = {name: np.arange(4.0).reshape(2, 2) + i for i, name in enumerate(EXPLANATION_METRICS)}
    table = metric_rows("burst", Cohort("female", "all"), 3, np.array([True, False]), test, names, values)
    assert list(table.columns) == [*KEYS, *EXPLANATION_METRICS]
    assert table["recording"].tolist() == ["a", "a", "b", "b"]
    assert table["source"].tolist() == ["network", "energy"] * 2
    assert table["correct"].tolist() == [True, True, False, False]
    assert table["complexity"].tolist() == [1, 2, 3, 4]


def test_the_figure_has_every_metric_that_can_be_ranked_with_its_interval():
    table = agreement_table(make_metrics(), make_networks())
    table.loc[table["metric"] == "road", ["spearman", "low", "high"]] = np.nan
    figure = agreement(table)
    [panel] = figure.axes
    names = [label.get_text() for label in panel.get_yticklabels()]
    assert len(names) == len(EXPLANATION_METRICS) - 1
    assert "sparseness (higher is better)" in names
    [points] = [line for line in panel.lines if len(line.get_xdata()) == len(names)]
    shown = dict(zip(names, points.get_xdata(), strict=True))
    assert (shown["sparseness (higher is better)"], shown["complexity (lower is better)"]) == (0.5, -0.5)
    assert_no_overlapping_text(figure)
