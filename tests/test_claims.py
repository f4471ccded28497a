"""Each claim's truth on a table in which it holds, on one in which it fails, and on the paper's own printed tables."""

import pandas as pd
import pytest
from fake_results import in_groups, make_results, without_correct

from convcam_jax.corpora.config import EMOTIONS, GENDERS, CorpusConfig
from convcam_jax.measures.config import AnalysisConfig
from convcam_jax.paper import published
from convcam_jax.paper.claim_terms import (
    CLOSER_THAN_A_CONSTANT,
    HIGHER_WHERE_VOICED,
    TABLE_5_SET_ASIDE,
    Claim,
    Row,
    above,
    all_between,
    below,
    between,
    highest_between,
    highest_in,
    lowest_between,
    lowest_in,
)
from convcam_jax.paper.claim_verdicts import (
    corpus_note,
    evaluate_claims,
    holds,
    member_cells,
    printed_cells,
    row_values,
    share_cells,
    without_set_aside,
)
from convcam_jax.paper.claims import CLAIMS
from convcam_jax.paper.protocols import PUBLISHED_ANALYSIS, protocol_name

FACTS = published.load()
BY_ID = {claim.id: claim for claim in CLAIMS}
FLAT = dict.fromkeys(EMOTIONS, 50.0)

# Per claim: the emotions' values (all others 50) with which it holds, and with which it fails; truth in print (None
# where the numbers that it is about were not printed).
CASES: dict[str, tuple[dict[str, float], dict[str, float], bool | None]] = {
    "envelope-female-lowest-sadness": ({"sadness": 1}, {"sadness": 1, "fear": 0.5}, True),
    "envelope-male-lowest-neutral": ({"neutral": 1}, {"neutral": 51}, True),
    "envelope-female-highest-anger": ({"anger": 51}, {"anger": 51, "fear": 52}, True),
    "envelope-male-highest-sadness": ({"sadness": 51}, {"neutral": 51}, False),
    "envelope-male-highest-neutral": ({"neutral": 51}, {"sadness": 51}, True),
    "envelope-female-lowest-value": ({"fear": 0.069}, {"fear": 0.071}, True),
    "envelope-male-lowest-value": ({"fear": 0.081}, {"fear": 0.08, "anger": 0.079}, True),
    "envelope-female-highest-value": (dict.fromkeys(EMOTIONS, 0.341), {}, True),
    "envelope-male-highest-value": (dict.fromkeys(EMOTIONS, 0.339), dict.fromkeys(EMOTIONS, 0.341), True),
    "envelope-female-sadness-boredom": ({"sadness": 1, "boredom": 2}, {"sadness": 1, "neutral": 2}, True),
    "envelope-male-sadness-boredom": ({"sadness": 2, "boredom": 1}, {"sadness": 51, "boredom": 1}, False),
    "envelope-boredom-sadness-conform": ({"sadness": 2, "boredom": 1}, {"sadness": 2, "anger": 1}, False),
    "envelope-closer-than-a-constant": ({"boredom": 51, "sadness": 100}, {"boredom": 51}, None),
    "voiced-parts": ({"all": 51}, {"all": 50, "anger": 100}, None),
    "f0-boredom-best-coincides": ({"boredom": 9.9}, {"boredom": 10.1}, True),
    "f0-boredom-low": ({"boredom": 49}, {"boredom": 49, "sadness": 48}, True),
    "f0-sadness-neutral-smaller": ({"sadness": 1, "neutral": 2}, {"sadness": 1, "neutral": 2, "fear": 1.5}, True),
    "f0-sadness-neutral-low": ({"sadness": 1, "neutral": 2}, {"sadness": 1, "neutral": 60}, True),
    "f0-happiness-best": ({"happiness": 120}, {"happiness": 99}, True),
    "f0-happiness-spread": ({"happiness": 51, "anger": 99}, {"happiness": 51, "boredom": 52}, True),
    "f0-female-fear-spread": ({"fear": 51, "happiness": 99}, {"fear": 51, "neutral": 52}, True),
    "f0-anger-best-is-worst": ({"anger": 51}, {"anger": 51, "fear": 52}, True),
    "f0-anger-best-range": ({"anger": 439}, {"anger": 440}, True),
    "f0-anger-varied": ({"anger": 51}, {"anger": 49}, True),
    "f0-anger-700": ({"anger": 700}, {"anger": 699}, True),
    "f0-poor-source-for-anger": ({"anger": 51}, {"anger": 51, "happiness": 51.5}, True),
    "energy-around-90": ({emotion: 88 + k for k, emotion in enumerate(EMOTIONS)}, {"anger": 90}, True),
    "energy-female-lowest-sadness": ({"sadness": 49}, {"sadness": 49, "boredom": 48}, True),
    "energy-male-lowest-boredom": ({"boredom": 49}, {"boredom": 49, "sadness": 48}, True),
    "energy-female-highest-anger": ({"anger": 51}, {"fear": 51}, True),
    "energy-male-highest-happiness": ({"happiness": 51}, {"anger": 51}, True),
    "energy-female-steady-neutral": ({"neutral": 49}, {"neutral": 49, "happiness": 48}, True),
    "energy-male-steady-happiness": ({"happiness": 49}, {"happiness": 51}, True),
    "energy-boredom-varies": ({"boredom": 51}, {"boredom": 51, "sadness": 52}, True),
    "energy-female-anger-without-16": ({"anger": 4.0}, {"anger": 4.1}, None),
    "energy-female-boredom-without-08": ({"boredom": 5.3}, {"boredom": 5.4}, None),
    "energy-male-boredom-without-10": ({"boredom": 2.2}, {"boredom": 2.3}, None),
    "energy-male-neutral-without-15": ({"neutral": 2.5}, {"neutral": 2.6}, None),
    "energy-female-steady-anger": ({"anger": 49}, {"anger": 49, "neutral": 48}, None),
    "energy-male-steady-boredom": ({"boredom": 49}, {"happiness": 49}, None),
    "energy-mostly-inside": ({}, {"sadness": 49}, True),
}


def made_up_cells(claim: Claim, values: dict[str, float], n_recordings: int = 5) -> pd.DataFrame:
    """Cells of the claim's rows and of no other."""
    rows = [(*row, emotion, value, n_recordings) for row in claim.rows for emotion, value in (FLAT | values).items()]
    return pd.DataFrame(rows, columns=["table", "group", "statistic", "emotion", "value", "n_recordings"])


def test_every_claim_has_a_case_and_its_own_id():
    assert set(CASES) == set(BY_ID)
    assert len(BY_ID) == len(CLAIMS)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_claim_on_made_up_and_printed_tables(claim):
    holding, failing, in_print = CASES[claim.id]
    assert holds(claim, made_up_cells(claim, holding)) is True
    assert holds(claim, made_up_cells(claim, failing)) is False
    assert holds(claim, printed_cells(FACTS)) is in_print


@pytest.mark.parametrize("claim", [claim for claim in CLAIMS if len(claim.rows) == 2], ids=lambda claim: claim.id)
@pytest.mark.parametrize("failing_gender", GENDERS)
def test_a_claim_about_both_genders_fails_with_either(claim, failing_gender):
    holding, failing, _ = CASES[claim.id]
    cells = pd.concat(
        made_up_cells(claim, failing if gender == failing_gender else holding).query("group == @gender")
        for gender in GENDERS
    )
    assert holds(claim, cells) is False


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_claim_is_undecided_without_recordings(claim):
    assert holds(claim, made_up_cells(claim, CASES[claim.id][0], n_recordings=0)) is None


RANGES = [claim for claim in CLAIMS if {row.statistic for row in claim.rows} == {"range"}]


@pytest.mark.parametrize("claim", RANGES, ids=lambda claim: claim.id)
def test_one_recording_has_no_range(claim):
    assert holds(claim, made_up_cells(claim, CASES[claim.id][0], n_recordings=1)) is None
    assert holds(claim, made_up_cells(claim, CASES[claim.id][1], n_recordings=1)) is None


def test_predicates_by_hand():
    row = pd.Series({"a": 1.0, "b": 2.0, "c": 3.0})
    assert lowest_in("a")(row) is True
    assert lowest_in("b")(row) is False
    assert lowest_in("a", "b")(row) is True
    assert highest_in("c", "b")(row) is True
    assert highest_in("c", "a")(row) is False
    assert below(["a"], ["b", "c"])(row) is True
    assert below(["b"], ["a"])(row) is False
    assert between("b", 2.0, 2.0)(row) is True
    assert all_between(1.0, 2.9)(row) is False
    assert lowest_between(1.0, 1.5)(row) is True
    assert lowest_between(1.5, 2.0)(row) is False
    assert highest_between(2.5, 3.0)(row) is True
    assert highest_between(1.0, 2.5)(row) is False
    assert above(1.5, "b", "c")(row) is True
    assert above(2.0, "b", "c")(row) is False, "equal is not above"
    assert above(0.0, "b", "missing")(row) is None
    assert lowest_between(0, 1)(row[:0]) is None
    assert highest_between(0, 1)(row[:0]) is None
    assert lowest_in("missing")(row) is None
    assert below(["a"], ["missing"])(row) is None
    assert between("missing", 0, 1)(row) is None
    assert all_between(0, 1)(row[:0]) is None
    assert lowest_in("a")(row[["a"]]) is None, "nothing to compare with"
    assert lowest_in("a")(pd.Series({"a": 1.0, "b": 1.0})) is False, "a tie is not lower"


def test_two_recordings_are_left_out_where_the_paper_leaves_them_out():
    # In print, the narrowest female range is that of happiness (3.4), which rests on two recordings.
    printed_row = Row(5, "female", "range")
    assert row_values(printed_cells(FACTS), printed_row)["happiness"] == 3.4
    assert "happiness" not in row_values(printed_cells(FACTS), printed_row, minimum_recordings=3)


def test_claims_of_a_run_that_repeats_the_paper():
    results = make_results()
    table = evaluate_claims(results.metrics, results.members, PUBLISHED_ANALYSIS, FACTS).set_index("id")
    of_tables_3_and_4 = [claim.id for claim in CLAIMS if claim.rows[0].table in (3, 4)]
    in_print = [CASES[name][2] for name in of_tables_3_and_4]
    assert table.loc[of_tables_3_and_4, "holds_for_chosen_member"].tolist() == [
        # The pictures give 0.061 for the lowest of sadness and of neutral: a tie that unrounded values would break.
        held if name != "envelope-female-lowest-sadness" else False
        for name, held in zip(of_tables_3_and_4, in_print, strict=True)
    ]
    assert table.loc[of_tables_3_and_4, "holds_in_printed_tables"].tolist() == in_print
    assert (table["seeds"] == 10).all()
    assert table["seeds_holding"].between(0, 10).all()
    assert (table["protocol"] == "published").all()


def test_seeds_are_counted_one_by_one():
    results = make_results(seeds=4)
    claim = BY_ID["f0-poor-source-for-anger"]
    table = evaluate_claims(results.metrics, results.members, PUBLISHED_ANALYSIS).set_index("id")
    cells = [member_cells(rows, PUBLISHED_ANALYSIS) for _, rows in results.metrics.groupby("seed")]
    spoiled = results.metrics.copy()
    of_boredom = (spoiled["emotion"] == "boredom") & (spoiled["seed"] == 2)
    spoiled.loc[of_boredom, "f0_segment_rmse_hz"] = 5000.0
    after = evaluate_claims(spoiled, results.members, PUBLISHED_ANALYSIS).set_index("id")
    assert table.loc[claim.id, "seeds_holding"] == sum(holds(claim, cell) is True for cell in cells) == 4
    assert after.loc[claim.id, "seeds_holding"] == 3
    assert after.loc[claim.id, "holds_for_chosen_member"]
    assert table["holds_in_printed_tables"].isna().all()


def test_sentence_says_outcome_seeds_protocol_and_numbers():
    results = make_results()
    table = evaluate_claims(results.metrics, results.members, PUBLISHED_ANALYSIS, FACTS).set_index("id")
    sentence = table.loc["envelope-male-highest-sadness", "sentence"]
    holding = table.loc["envelope-male-highest-sadness", "seeds_holding"]
    assert sentence.startswith("The highest male value is in sadness: this does not hold for the chosen models")
    undecided = table.loc["envelope-male-highest-sadness", "seeds_undecided"]
    assert undecided == 1
    assert f"in {holding} of 10 seeds, 1 undecided, under protocol published." in sentence
    assert "sadness 0.243" in sentence
    assert "neutral 0.334" in sentence


def test_empty_cells_are_undecided_not_an_error():
    results = without_correct(make_results(seeds=2), "male", "fear")
    table = evaluate_claims(results.metrics, results.members, AnalysisConfig(), FACTS).set_index("id")
    row = table.loc["f0-sadness-neutral-smaller"]
    assert pd.isna(row["holds_for_chosen_member"])
    assert row["seeds_undecided"] == 2
    assert "cannot be decided" in row["sentence"]
    assert row["holds_in_printed_tables"]
    # Where the paper's claim is not about fear, the emotion is simply not there.
    assert not pd.isna(table.loc["energy-male-lowest-boredom", "holds_for_chosen_member"])


def test_claims_in_hertz_are_not_judged_by_semitones():
    results = make_results(seeds=2)
    semitones = AnalysisConfig(table3_metric="q_mse", table4_metric="f0_frame_rmse_semitones")
    table = evaluate_claims(results.metrics, results.members, semitones).set_index("id")
    undecided = table.index[table["holds_for_chosen_member"].isna()]
    assert set(undecided) == {claim.id for claim in CLAIMS if claim.metrics and claim.rows[0].table == 4}
    assert len(undecided) == 4
    assert (table["protocol"] == "own").all()


def test_claims_with_figures_are_judged_by_the_metrics_that_were_printed_alone():
    results = make_results(seeds=2)
    table = evaluate_claims(results.metrics, results.members, AnalysisConfig()).set_index("id")
    undecided = table.index[table["holds_for_chosen_member"].isna()]
    assert set(undecided) == {claim.id for claim in CLAIMS if claim.metrics}
    assert [sum(claim.rows[0].table == number for claim in CLAIMS if claim.metrics) for number in (3, 4)] == [4, 4]


def made_up_recordings():
    """Ratios of a group's recordings, with voicing and envelope that two of each four speak for."""
    rows = [
        # group, emotion, speaker, correct, energy ratio, excess, q_mse
        ("female", "anger", "16", True, 0.80, 0.1, 0.04),
        ("female", "anger", "14", True, 0.90, 0.2, 0.06),
        ("female", "anger", "08", True, 0.93, -0.1, 0.05),
        ("female", "sadness", "16", True, 0.70, 0.0, 0.01),
        ("female", "sadness", "14", True, 0.75, float("nan"), float("nan")),
        ("female", "sadness", "14", False, 0.10, 1.0, 0.0),
    ]
    columns = ["group", "emotion", "speaker", "correct", "energy_ratio", "q_voiced_excess", "q_mse"]
    metrics = pd.DataFrame(rows, columns=columns)
    return metrics.assign(envelope_variance=0.05, f0_segment_rmse_hz=100.0)


def test_shares_by_hand():
    cells = share_cells(made_up_recordings())
    # Neither an excess of 0 nor an equal error counts; a missing value is no recording.
    voiced = row_values(cells, Row(HIGHER_WHERE_VOICED, "female", "share"))
    assert voiced.to_dict() == pytest.approx({"all": 50.0, "anger": 200 / 3, "sadness": 0.0})
    closer = row_values(cells, Row(CLOSER_THAN_A_CONSTANT, "female", "share"))
    assert closer.to_dict() == pytest.approx({"all": 50.0, "anger": 100 / 3, "sadness": 100.0})
    assert row_values(cells, Row(HIGHER_WHERE_VOICED, "female", "share"), 3).index.tolist() == ["all", "anger"]


def test_speakers_are_set_aside_in_their_emotion_only():
    metrics = made_up_recordings()
    assert without_set_aside(metrics).index.tolist() == [1, 2, 3, 4, 5]
    cells = member_cells(metrics, PUBLISHED_ANALYSIS)
    ranges = row_values(cells, Row(TABLE_5_SET_ASIDE, "female", "range"))
    assert ranges.to_dict() == pytest.approx({"anger": 3.0, "sadness": 5.0})
    assert row_values(cells, Row(5, "female", "range"))["anger"] == pytest.approx(13.0)


def test_sentence_of_a_share():
    results = make_results(seeds=2)
    table = evaluate_claims(results.metrics, results.members, PUBLISHED_ANALYSIS, FACTS).set_index("id")
    sentence = table.loc["voiced-parts", "sentence"]
    assert "Recordings with a higher q where voiced (in per cent), female share: all 100.0" in sentence
    assert table.loc["voiced-parts", "holds_for_chosen_member"]
    assert pd.isna(table.loc["voiced-parts", "holds_in_printed_tables"])


def test_other_emotions_leave_all_claims_but_the_general_ones_undecided():
    results = make_results(seeds=2)
    other = results.metrics.assign(emotion=results.metrics["emotion"].map({e: f"other {e}" for e in EMOTIONS}))
    table = evaluate_claims(other, results.members, AnalysisConfig()).set_index("id")
    decided = table.index[table["holds_for_chosen_member"].notna()]
    assert set(decided) == {"energy-around-90", "energy-mostly-inside", "voiced-parts"}


@pytest.mark.parametrize("names", [{"female": "all", "male": "all"}, {"female": "03", "male": "08"}])
def test_claims_about_genders_are_undecided_with_other_groups(names):
    results = in_groups(make_results(seeds=2), names)
    table = evaluate_claims(results.metrics, results.members, PUBLISHED_ANALYSIS)
    assert len(table) == len(CLAIMS)
    assert table["holds_for_chosen_member"].isna().all()
    assert (table["seeds_undecided"] == 2).all()
    assert (table["seeds_holding"] == 0).all()
    assert table["sentence"].str.contains("cannot be decided").all()


def test_a_note_warns_of_synthetic_voices_other_groups_and_other_corpora():
    assert "nothing about the paper follows" in corpus_note(CorpusConfig(name="synthetic"))
    assert corpus_note(CorpusConfig(name="emodb", data_dir="x")) == ""
    assert "claims are about EMO-DB" in corpus_note(CorpusConfig(name="listed", data_dir="x"))
    assert "this run has none" in corpus_note(CorpusConfig(name="emodb", data_dir="x", models_per="all"))


def test_protocol_names():
    assert protocol_name(AnalysisConfig()) == "corrected"
    assert protocol_name(PUBLISHED_ANALYSIS) == "published"
    assert protocol_name(AnalysisConfig(mask_threshold=0.2)) == "own"
