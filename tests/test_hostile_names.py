"""Users' words are text in every table, array, file name and page, and meet no name of the program's own."""

import json
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from fake_results import Results, make_results
from hostile import HOSTILE, LIKE_OURS, LIKE_VALUES
from markdown_it import MarkdownIt

from convcam_jax.checks.chance.controls import ControlDraws, control_table, readable_cells
from convcam_jax.checks.seeds.stability import map_agreement as agreement_of_maps
from convcam_jax.checks.seeds.stability import metric_agreement, recording_agreement, table_cells
from convcam_jax.corpora.config import EMOTIONS
from convcam_jax.data.members import Cohort
from convcam_jax.figures.checks.controls import against_chance
from convcam_jax.measures.accuracy import accuracy_summary
from convcam_jax.measures.config import AnalysisConfig
from convcam_jax.measures.result_tables import MemberScores, member_table
from convcam_jax.measures.statistics import chosen_rows
from convcam_jax.paper import tables
from convcam_jax.paper.claim_verdicts import share_cells
from convcam_jax.report.encode import as_json
from convcam_jax.report.recordings import Sounds
from convcam_jax.report.shown_tables import as_table, heading, with_headings
from convcam_jax.settings.overrides import parse
from convcam_jax.stages.checks.listening_sounds import write_sounds
from convcam_jax.system.errors import RecordingError, UserError
from convcam_jax.system.files import file_stem
from convcam_jax.system.formats import read_arrays, read_csv, to_markdown, write_arrays, write_csv
from convcam_jax.system.namespaces import EMOTION, MAP, PREDICTED, own_word
from convcam_jax.system.text import in_one_line, one_form, visible

WORDS = ("recording", "speaker", "gender", "emotion", "text", "group", "fold", "test_fold", "truth", "predicted")
RESULTS = make_results(seeds=2)
# As many as the results have emotions; the last ones are filled up.
LABELS = (*LIKE_OURS, *LIKE_VALUES)
SIXES = [(*LABELS[start : start + 6], *EMOTIONS)[:6] for start in range(0, len(LABELS), 6)]


def test_words_come_back_from_a_table_as_they_were(tmp_path):
    table = pd.DataFrame(dict.fromkeys((*WORDS, "attribute/size"), HOSTILE))
    table = table.assign(value=[np.nan, *range(1, len(table))], chosen=True)
    write_csv(tmp_path / "table.csv", table)
    pd.testing.assert_frame_equal(read_csv(tmp_path / "table.csv"), table)


def test_a_table_of_words_only_and_one_of_none_come_back(tmp_path):
    for table in (pd.DataFrame({"group": ["NA", ""], "fold": ["1", "2"]}), pd.DataFrame({"a": [1.0, np.nan]})):
        write_csv(tmp_path / "table.csv", table)
        pd.testing.assert_frame_equal(read_csv(tmp_path / "table.csv"), table)


def test_arrays_of_any_names_come_back(tmp_path):
    arrays = {name: np.full(3, place) for place, name in enumerate(HOSTILE)} | {"x": np.zeros(2), "x.npy": np.ones(2)}
    write_arrays(tmp_path / "arrays.npz", arrays)
    back = read_arrays(tmp_path / "arrays.npz")
    assert list(back) == list(arrays)
    assert all((back[name] == array).all() for name, array in arrays.items())
    with np.load(tmp_path / "arrays.npz") as loaded:
        assert all((loaded[name] == arrays[name]).all() for name in HOSTILE)


def named_anew(emotions: tuple[str, ...], groups: tuple[str, str], tmp_path) -> Results:
    """The results with other emotions and groups, and speakers called as these, as they are read from files."""
    words = dict(zip(EMOTIONS, emotions, strict=True))
    of_columns = {f"probability/{own}": f"probability/{new}" for own, new in words.items()}
    names = list(dict.fromkeys(("all", "total", *emotions, "03", "08")))[:8]
    speakers = dict(zip(sorted(RESULTS.utterances["speaker"].unique()), names, strict=True))
    meaning = dict.fromkeys(("emotion", "truth", "predicted"), words) | {"speaker": speakers}
    meaning["group"] = dict(zip(("female", "male"), groups, strict=True))
    read = []
    for name, table in RESULTS._asdict().items():
        own = {column: table[column].map(to) for column, to in meaning.items() if column in table}
        write_csv(tmp_path / f"{name}.csv", table.assign(**own).rename(columns=of_columns))
        read.append(read_csv(tmp_path / f"{name}.csv"))
    return Results(*read)


def tables_of(results: Results, emotions: tuple[str, ...]) -> dict[str, pd.DataFrame]:
    """Tables of the results whose numbers have nothing to do with what emotions, speakers and groups are called."""
    utterances, members, predictions, metrics, _ = results
    matrices = tables.confusion_matrices(members, predictions, emotions)
    chosen, limits = chosen_rows(metrics, members), ["low", "high"]
    statistics = tables.statistics_table(4, metrics, members, AnalysisConfig(), emotions)
    shares = share_cells(chosen)
    return {
        "table1": tables.table1(utterances, emotions),
        "table4": statistics,
        "table4_as_printed": tables.as_printed(statistics).iloc[:, 2:].replace("–", "nan"),  # noqa: RUF001
        "accuracy": accuracy_summary(members, predictions, utterances),
        "confusion": pd.concat([m.add_prefix(PREDICTED).reset_index() for m in matrices.values()]),
        "table_cells": table_cells(chosen, ["q_rmse"], emotions).drop(columns=limits),
        "metric_agreement": metric_agreement(metrics),
        "over_all_emotions": shares[shares["emotion"] == "all"],
    }


def numbers(table: pd.DataFrame) -> np.ndarray:
    """The rows' numbers, in an order that no word has an influence on."""
    found = table.apply(pd.to_numeric, errors="coerce").dropna(axis="columns", how="all").to_numpy(float)
    return found[np.lexsort(found.T)]


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> dict[str, pd.DataFrame]:
    return tables_of(named_anew(EMOTIONS, ("female", "male"), tmp_path_factory.mktemp("plain")), EMOTIONS)


@pytest.mark.parametrize("emotions", SIXES, ids=lambda six: six[0])
def test_numbers_of_tables_do_not_depend_on_what_emotions_speakers_and_groups_are_called(emotions, expected, tmp_path):
    found = tables_of(named_anew(emotions, ("NA" if "all" in emotions else "all", emotions[1]), tmp_path), emotions)
    for name, table in found.items():
        words = [c for c in table if not pd.api.types.is_numeric_dtype(table[c])] if name != "table4_as_printed" else []
        kept = expected[name].drop(columns=[c for c in words if c in expected[name]])
        # Where rows stand in another order, sums are rounded otherwise.
        np.testing.assert_allclose(numbers(table.drop(columns=words)), numbers(kept), rtol=1e-12, err_msg=name)


def test_columns_of_emotions_are_in_a_namespace():
    emotions = ("speaker", "total", "truth")
    utterances = pd.DataFrame({"speaker": ["total", "x", "x"], "emotion": ["total", "speaker", "truth"]})
    table = tables.table1(utterances, emotions)
    assert list(table) == ["speaker", "emotion/speaker", "emotion/total", "emotion/truth", "total"]
    assert table.to_numpy().tolist() == [["total", 0, 1, 0, 1], ["x", 1, 0, 1, 2], ["total", 1, 1, 1, 3]]
    assert list(with_headings(table)) == ["speaker", "speaker", "total", "truth", "total"]


@pytest.mark.parametrize("emotion", ["group", "statistic", "source", "very_sad", "emotion/x"])
def test_pages_have_tables_whose_headings_are_the_emotions(emotion):
    emotions = (emotion, *EMOTIONS[1:])
    metrics = RESULTS.metrics.replace({"emotion": {"anger": emotion}})
    printed = tables.as_printed(tables.statistics_table(3, metrics, RESULTS.members, AnalysisConfig(), emotions))
    shown = as_table("Table 3", printed)
    assert shown["columns"] == ["group", "statistic", *emotions]
    plain = tables.as_printed(tables.statistics_table(3, RESULTS.metrics, RESULTS.members, AnalysisConfig(), EMOTIONS))
    assert shown["rows"] == plain.to_numpy().tolist()


def test_an_emotion_called_all_is_not_all_of_them():
    recordings = pd.DataFrame({"recording": list("abcd"), "group": "g", "speaker": list("ssuu"), "correct": True})
    recordings = recordings.assign(mask_area=0.5, map_is_zero=False, emotion=["all", "all", "all", "other"])
    draws = [ControlDraws("energy_ratio", "random_blobs", np.array([0.1, 0.2, 0.3, 1.0]), np.zeros((4, 3)))]
    controls = control_table([recordings], [draws], ("all", "other"), 0.05)
    cells = controls[controls["level"] != "recording"]
    assert cells["observed"].tolist() == pytest.approx([0.2, 1.0, 0.4])
    assert readable_cells(cells)["observed"].tolist() == ["20.0", "100.0", "40.0"]
    panel = against_chance(controls, "energy_ratio").axes[0]
    assert [label.get_text().split("\n")[0] for label in panel.get_xticklabels()] == ["all", "other", "all"]
    maps = np.random.default_rng(0).random((2, 4, 8, 9)).astype(np.float32)
    maps[1, 3] = maps[0, 3]
    agreement = agreement_of_maps([recording_agreement(maps, np.full(4, 9), recordings)])
    means = agreement[(agreement["kind"] == "map_mean") & (agreement["name"] == "ssim")].set_index(["level", "emotion"])
    assert means["n"].to_dict() == {("emotion", "all"): 3, ("emotion", "other"): 1, ("group", "all"): 4}
    of_emotion, other = means.loc[("emotion", "all"), "value"], means.loc[("emotion", "other"), "value"]
    assert means.loc[("group", "all"), "value"] == pytest.approx((3 * of_emotion + other) / 4)


def test_members_of_any_groups_and_folds_are_scored(tmp_path):
    scores = [MemberScores(group, fold, 0, 1, 1, 1.0, 1.0, 0.0, 0) for group, fold in combinations(HOSTILE[:12], 2)]
    rows = [("r", s.group, s.fold, 0, "1", "1" if s.group == "nan" else "2") for s in scores]
    columns = ["recording", "group", "fold", "seed", "truth", "predicted"]
    write_csv(tmp_path / "predictions.csv", pd.DataFrame(rows, columns=columns))
    members = member_table(scores, read_csv(tmp_path / "predictions.csv"), AnalysisConfig())
    assert members["chosen"].all()
    assert members["test_accuracy"].tolist() == [float(s.group == "nan") for s in scores]


@pytest.mark.parametrize("name", HOSTILE)
def test_markdown_shows_words_as_they_are(name):
    text = to_markdown(pd.DataFrame({name: [name], "b": [f"in the middle {name} of words"]}))
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    cells = [token for token in tokens if token.type == "inline"]
    shown = [in_one_line(name).strip(), "b", in_one_line(name).strip(), f"in the middle {in_one_line(name)} of words"]
    assert ["".join(child.content for child in cell.children or []) for cell in cells] == shown
    assert {child.type for cell in cells for child in cell.children or []} <= {"text", "text_special"}
    assert "$" not in text.replace("\\$", "")


@pytest.mark.parametrize("name", HOSTILE)
def test_pages_hold_words_as_text(name):
    text = as_json({"name": name})
    assert not set("<>&\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") & set(text)
    assert json.loads(text) == {"name": visible(name)}
    assert heading(EMOTION + name) == own_word(EMOTION + name) == name


@pytest.mark.parametrize("name", HOSTILE)
def test_problems_are_told_in_one_line(name):
    for error in (UserError(f"{name}: wrong"), RecordingError(name, "wrong")):
        assert len(str(error).splitlines()) == 1
        assert str(error) == f"{in_one_line(name)}: wrong"


def test_files_made_of_names_are_short_and_different(tmp_path):
    names = [*HOSTILE, "ж" * 125, "ж" * 124 + "x", "x" * 251]
    stems = [file_stem(name) for name in names]
    assert len(set(stems)) == len(stems)
    # With what stands around them, and what stands in front while they are written.
    assert max(len(stem.encode()) for stem in stems) + len(".partial-01234567-" + "_without_33.3333.wav") <= 255
    assert not any(set(stem) & set("/\\\n\0") for stem in stems)
    tone = np.zeros(10)
    write_sounds("ж" * 125, Sounds(16000, tone, [tone], [tone]), (1 / 3,), tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_fields_take_words_of_any_kind():
    kind = tuple[str, ...]
    assert parse("1, NA,true", kind, "corpus.emotions") == ("1", "NA", "true")
    assert parse('"happy, or so",sad,5" tape', kind, "corpus.emotions") == ("happy, or so", "sad", '5" tape')
    assert parse("e\u0301", kind, "corpus.emotions") == ("é",)


def test_texts_have_one_form_and_maps_a_namespace():
    assert one_form("e\u0301") == one_form("é") == "é"
    assert own_word(MAP + "time_s") == "time_s"
    assert own_word("time_s") is None
    assert str(Cohort("two\nlines", "\u202e")) == "two lines, fold [U+202E]"
