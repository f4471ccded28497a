"""The printed facts are complete, and fit together as the reference says."""

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from itertools import pairwise

import pandas as pd
import pytest

from convcam_jax.corpora.config import EMOTIONS, CorpusConfig
from convcam_jax.measures.statistics import cell_statistics
from convcam_jax.paper import published
from convcam_jax.system.digits import printed

FACTS = published.load()
KEYS = ["group", "emotion", "statistic"]


def from_recordings(table: int, column: str) -> pd.DataFrame:
    """Cells computed from the 58 printed values, beside the table's."""
    recordings = FACTS.recordings.assign(correct=True)
    # The paper's range of one recording is 0.
    cells = cell_statistics(recordings, column, ["female", "male"], EMOTIONS).fillna({"value": 0.0})
    return cells.merge(FACTS.statistics.query("table == @table"), on=KEYS, validate="one_to_one")


def test_all_printed_tables_are_whole():
    assert len(FACTS.statistics) == 3 * 2 * 6 * 4
    assert not FACTS.statistics["published"].isna().any()
    assert set(FACTS.statistics["table"]) == {3, 4, 5}
    assert FACTS.recordings.groupby("group").size().to_dict() == {"female": 34, "male": 24}
    assert FACTS.recordings["recording"].is_unique


def test_totals_of_table1_are_the_sums_of_its_cells():
    cells = FACTS.table1.set_index("speaker")
    speakers = cells.drop(index="total")
    assert len(speakers) == 8
    assert (speakers.drop(columns="total").sum(axis=1) == speakers["total"]).all()
    assert (speakers.sum() == cells.loc["total"]).all()
    assert cells.loc["total", "total"] == 417


def test_gender_and_frames_of_recordings_follow_from_name_and_length():
    letters = dict(zip("WLAFNT", EMOTIONS, strict=True))
    recordings = FACTS.recordings
    assert (recordings["recording"].str[5].map(letters) == recordings["emotion"]).all()
    assert set(recordings.query("group == 'male'")["recording"].str[:2]) == {"03", "10", "11", "15"}
    samples_16600 = -(-recordings["n_samples_16k"] * 16600 // 16000)
    assert (1 + samples_16600 // 512 == recordings["n_frames"]).all()


def test_table4_is_the_truncated_statistics_of_the_recordings_but_for_one_cell():
    cells = from_recordings(4, "printed_f0_rmse_hz")
    ours = [float(printed(value, 2, "truncated")) for value in cells["value"]]
    different = cells[ours != cells["published"]]
    assert different[KEYS].to_numpy().tolist() == [["male", "happiness", "range"]]
    assert different["published"].item() == 232.67
    assert printed(different["value"].item(), 2, "truncated") == "232.68"
    # Rounding instead of truncating would miss many more.
    rounded = [float(printed(value, 2, "rounded")) for value in cells["value"]]
    assert (cells["published"] != rounded).sum() > 10


def possible_digits(low: Decimal, high: Decimal, rounding: str) -> set[Decimal]:
    return {bound.quantize(Decimal("0.001"), rounding=rounding) for bound in (low, high)}


@pytest.mark.parametrize(("rounding", "all_fit"), [(ROUND_DOWN, True), (ROUND_HALF_UP, False)])
def test_table3_can_be_truncated_but_not_rounded(rounding, all_fit):
    # A picture's value is rounded to 3 decimals, so the true one lies within half a unit; a range within a whole unit.
    unit = Decimal("0.001")
    fits = []
    for row in from_recordings(3, "printed_q_rmse").itertuples():
        if row.n_recordings == 1 and row.statistic == "range":
            continue
        half_width = unit * Decimal("0.99999") * (1 if row.statistic == "range" else Decimal("0.5"))
        exact = Decimal(repr(round(row.value, 9)))
        possible = possible_digits(exact - half_width, exact + half_width, rounding)
        fits.append(Decimal(repr(row.published)).quantize(unit) in possible)
    assert all(fits) == all_fit
    assert len(fits) == 47


@pytest.mark.parametrize(("digits", "n_missed"), [("rounded", 27), ("truncated", 21)])
def test_neither_digits_of_the_pictures_rounded_values_give_table3(digits, n_missed):
    cells = from_recordings(3, "printed_q_rmse")
    units_above = [1000 * float(printed(value, 3, digits)) for value in cells["value"]] - 1000 * cells["published"]
    assert units_above.round().value_counts().to_dict() == {0: 48 - n_missed, 1: n_missed}


def test_the_lowest_female_values_are_a_tie_in_the_pictures():
    lowest = FACTS.recordings.query("group == 'female'").groupby("emotion")["printed_q_rmse"].min()
    assert lowest["sadness"] == lowest["neutral"] == lowest.min() == 0.061
    rows = FACTS.statistics.query("table == 3 and group == 'female' and statistic == 'min'")
    assert rows.set_index("emotion")["published"][["sadness", "neutral"]].tolist() == [0.060, 0.061]


def test_ranges_are_those_of_the_printed_extremes():
    wide = FACTS.statistics.pivot(index=["table", "group", "emotion"], columns="statistic", values="published")
    unit = wide.index.get_level_values("table").map({3: 0.001, 4: 0.01, 5: 0.1}).to_numpy()
    assert ((wide["max"] - wide["min"] - wide["range"]).abs() <= unit * 1.001).all()
    assert ((wide["min"] <= wide["mean"]) & (wide["mean"] <= wide["max"])).all()


def test_table2_architectures_shrink_from_left_to_right():
    area = FACTS.table2["height"] * FACTS.table2["width"]
    assert FACTS.table2["architecture"].iloc[0] == "SimpleNet"
    assert all(left > right for left, right in pairwise(area))


@pytest.mark.parametrize(
    ("corpus", "there"),
    [
        (CorpusConfig(name="emodb"), True),
        (CorpusConfig(name="emodb", emotions=tuple(reversed(EMOTIONS))), True),
        (CorpusConfig(name="emodb", emotions=(*EMOTIONS, "disgust")), False),
        (CorpusConfig(name="emodb", models_per="all"), False),
        (CorpusConfig(name="emodb", models_per="speaker"), False),
        (CorpusConfig(name="synthetic"), False),
        (CorpusConfig(name="listed"), False),
    ],
)
def test_published_stands_only_beside_the_papers_corpus(corpus, there):
    assert (published.load_for(corpus, "per_cell", "cqt", "simplenet") is not None) == there


@pytest.mark.parametrize(
    "names",
    [
        ("leave_one_speaker_out", "cqt", "simplenet"),
        ("per_cell", "mel", "simplenet"),
        ("per_cell", "cqt", "mobilenet"),
    ],
)
def test_published_stands_only_beside_the_papers_split_representation_and_network(names):
    assert published.load_for(CorpusConfig(name="emodb"), *names) is None


def test_inferred_accuracy_rests_on_a_quarter_of_each_cell():
    cells = FACTS.table1.set_index("speaker").drop(columns="total").drop(index="total")
    quarters = (cells // 4).sum(axis=1)
    female = quarters[["08", "13", "14", "16"]].sum()
    assert (female, quarters.sum() - female) == (48, 39)
    assert published.inferred_accuracy(FACTS.recordings) == pytest.approx({"female": 34 / 48, "male": 24 / 39})


def test_recordings_equal_the_reference(reference_dir):
    reference = pd.read_csv(reference_dir / "published_recordings.csv").drop(columns="map_given")
    pd.testing.assert_frame_equal(FACTS.recordings, reference.rename(columns={"gender": "group"}))
