import base64
import dataclasses
import datetime
import io
import json
import math
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import soundfile
from fake_report import CONFIG, HOSTILE, NAMES, make_report, make_shown, make_sounds
from fake_results import in_two_folds, make_results
from fake_views import EDGES_HZ, MEL_EDGES_HZ, make_masks
from PIL import Image

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.data.members import Cohort, Member
from convcam_jax.measures.metric_table import METRICS
from convcam_jax.measures.segments import Label
from convcam_jax.networks.applications.mobilenet import MobileNetConfig
from convcam_jax.report import overview
from convcam_jax.report.encode import as_json, as_mp3, as_png, envelope, quantised
from convcam_jax.report.labels import labels_within, parse_phones, parse_syllables
from convcam_jax.report.page import spread_over
from convcam_jax.report.recordings import recording
from convcam_jax.report.shown_tables import as_table
from convcam_jax.representations.mel import Mel
from convcam_jax.settings.presets import Choices, make_config, with_device_defaults
from convcam_jax.stages.report import explained_at, read_labels
from convcam_jax.stages.run import EXPLANATIONS
from convcam_jax.stages.stage import STAGES_FILE
from convcam_jax.system.formats import write_json
from convcam_jax.training.config import TrainConfig

PHONES = """signal wochenAO
separator ;
nfields 1
#
    0.080109   -1 _t
    0.144370   -1 E6
    0.244223   -1 l\t+asp
    0.300000   -1 \t+hoe
    0.348031   -1 a\t\t2
    0.427091   -1 .
"""


def test_json_cannot_end_its_element_and_comes_back():
    value = {"name": "</script><b>&\u2028", "missing": float("nan"), "values": np.array([1.5, np.inf])}
    text = as_json(value)
    assert not re.search("[<>&\u2028]", text)
    assert json.loads(text) == {"name": "</script><b>&\u2028", "missing": None, "values": [1.5, None]}


def test_pictures_come_back():
    pixels = quantised(np.array([[0.0, 0.5, 1.0], [2.0, -1.0, 0.25]]), top=1.0)
    assert pixels.tolist() == [[0, 128, 255], [255, 0, 64]]
    with Image.open(io.BytesIO(base64.b64decode(as_png(pixels)))) as image:
        assert np.asarray(image).tolist() == pixels.tolist()


@pytest.mark.parametrize("rate_hz", [16000, 10000])
def test_sounds_come_back_in_place_and_small(rate_hz):
    samples = np.zeros(2 * rate_hz)
    start = rate_hz // 2
    samples[start : start + rate_hz] = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate_hz) / rate_hz)
    data = base64.b64decode(as_mp3(samples, rate_hz))
    assert len(data) < 20000
    decoded, found_hz = soundfile.read(io.BytesIO(data))
    assert found_hz == 16000
    loud_s = np.flatnonzero(np.abs(decoded) > 0.2) / found_hz
    assert loud_s[[0, -1]] == pytest.approx([0.5, 1.5], abs=0.01)
    assert decoded[found_hz].item() == pytest.approx(0.5 * np.sin(2 * np.pi * 440 * 0.5), abs=0.05)


def test_envelope_holds_the_extremes_of_every_part():
    assert envelope(np.array([0.1, -0.2, 0.3, 0.0]), 2) == ([-0.2, 0.0], [0.1, 0.3])
    assert envelope(np.array([0.5]), 800) == ([0.5], [0.5])


def test_labels_last_until_the_next_one():
    assert parse_phones(PHONES) == [
        Label(0.080109, 0.14437, "_t"),
        Label(0.14437, 0.244223, "E6"),
        Label(0.244223, 0.348031, "l"),
        Label(0.348031, 0.427091, "a"),
    ]
    assert parse_syllables("0.08\tder\n0.24\tla\n0.43\t.\n") == [Label(0.08, 0.24, "der"), Label(0.24, 0.43, "la")]
    assert parse_syllables("no time\nat all\n") == parse_phones("") == []
    assert parse_syllables("0_1\tder\n2_4\tla\n") == []


def test_labels_of_the_berlin_corpus(emodb_dir):
    own = Utterance("03a01Fa", "03", "male", "happiness", "a01", emodb_dir / "wav" / "03a01Fa.wav")
    phones, syllables = read_labels(own)
    assert [label.text for label in syllables] == ["der", "la", "pen", "liegt", "auf", "dem", "eis", "schrank"]
    assert phones[2] == Label(0.14437, 0.244223, "E6")
    assert phones[-1].end_s == syllables[-1].end_s == 1.84139
    assert read_labels(own._replace(path=emodb_dir / "wav" / "none.wav")) == ([], [])
    phones_of_part, _ = read_labels(own._replace(start_s=0.2, end_s=0.3))
    assert phones_of_part[0] == Label(0.0, pytest.approx(0.244223 - 0.2), "E6")
    assert phones_of_part[-1].end_s == pytest.approx(0.1)


def test_labels_of_a_part_are_in_its_own_time_and_end_with_it():
    of_file = [Label(0.0, 1.0, "a"), Label(1.0, 2.0, "b"), Label(2.0, 4.0, "c")]
    assert labels_within(of_file, 0.0, math.inf) == of_file
    assert labels_within(of_file, 1.5, 3.0) == [Label(0.0, 0.5, "b"), Label(0.5, 1.5, "c")]
    assert labels_within(of_file, 1.0, 2.0) == [Label(0.0, 1.0, "b")]


def test_a_recording_has_its_layers_and_metrics():
    shown = make_shown(place=1)
    made = recording(shown, make_sounds(shown))
    assert made["summary"]["correct"] is False
    assert made["summary"]["seeds_correct"] == 1
    details = made["details"]
    with Image.open(io.BytesIO(base64.b64decode(details["layers"]["png"]))) as image:
        layers = np.asarray(image).reshape(3 + 3, 96, 40)
    np.testing.assert_allclose(layers[1] / 255, shown.consensus, atol=0.5 / 255 + 1e-6)
    np.testing.assert_allclose(layers[2] / 255 * 0.5, shown.maps.std(axis=0), atol=0.5 / 255)
    np.testing.assert_allclose(layers[3:] / 255, shown.maps, atol=0.5 / 255 + 1e-6)
    assert details["f0_hz"][0] != details["f0_hz"][0], "unvoiced frames have no F0"
    values = shown.metrics["q_rmse"]
    q_rmse = next(row for row in details["metrics"] if row["metric"] == "q_rmse")
    assert q_rmse["chosen"] == pytest.approx(values[0], abs=1e-4)
    assert q_rmse["highest"] == pytest.approx(values.max(), abs=1e-4)
    assert details["controls"] == {"columns": ["metric", "control", "p"], "rows": [["q_rmse", "time_shift", 0.01]]}
    assert details["answers"][2] == {"seed": 4, "predicted": "neutral", "p_truth": 0.25}


def test_bins_are_drawn_between_their_edges_none_of_them_at_0():
    for place, edges_hz in ((0, EDGES_HZ), (1, np.append(MEL_EDGES_HZ[1] / 2, MEL_EDGES_HZ[1:]))):
        shown = make_shown(place=place)
        details = recording(shown, make_sounds(shown))["details"]
        np.testing.assert_allclose(details["edges_hz"], edges_hz, atol=0.005)
        assert min(details["edges_hz"]) > 0
        assert len(details["bin_hz"]) + 1 == len(details["edges_hz"])


def test_metrics_stand_in_the_order_of_the_tables():
    made = recording(make_shown(), make_sounds(make_shown()))
    assert list(made["summary"]["metrics"]) == [row["metric"] for row in made["details"]["metrics"]] == list(METRICS)


def test_values_of_metrics_that_are_not_known_are_null_on_the_page():
    """Seed 0 is the chosen one."""
    shown = make_shown()
    shown = shown._replace(metrics=shown.metrics.assign(q_rmse=[np.nan, 0.25, np.inf], q_mse=np.nan))
    made = json.loads(as_json(recording(shown, make_sounds(shown))))
    assert (made["summary"]["metrics"]["q_rmse"], made["summary"]["metrics"]["q_mse"]) == (None, None)
    rows = {row.pop("metric"): row for row in made["details"]["metrics"]}
    assert rows["q_rmse"] == {"chosen": None, "mean": None, "lowest": 0.25, "highest": None}
    assert set(rows["q_mse"].values()) == {None}


def test_changed_fields_are_those_that_the_user_changed():
    published = with_device_defaults(make_config(Choices(corpus="emodb", data_dir="corpus", protocol="published")))
    assert overview.non_default_fields(published) == []
    changed = dataclasses.replace(CONFIG, train=TrainConfig(seeds=3, epochs=20, precision="bfloat16"))
    assert [row for row in overview.non_default_fields(changed) if row["field"] != "train.precision"] == [
        {"field": "train.seeds", "value": "3", "default": "10"},
        {"field": "train.epochs", "value": "20", "default": "5"},
    ]


def test_what_is_other_on_the_synthetic_corpus_counts_as_changed():
    changed = overview.non_default_fields(with_device_defaults(make_config(Choices(corpus="synthetic"))))
    assert [(row["field"], row["value"], row["default"]) for row in changed] == [
        ("corpus.max_frames", "108", "202"),
        ("corpus.texts", "11", "4"),
        ("representation.scale", "decibel", "magnitude"),
        ("representation.standardisation", "global", "none"),
        ("network.filters", "(12, 16, 24)", "(32, 48, 64)"),
        ("network.dropout_rate", "0.0", "0.3"),
        ("train.epochs", "16", "5"),
        ("train.patience_epochs", "16", "3"),
        ("train.batch_size", "12", "16"),
        ("train.learning_rate", "0.006", "0.001"),
        ("train.schedule", "cosine", "constant"),
        ("train.shift_bins", "2", "0"),
        ("train.shift_frames", "6", "0"),
        ("sanity.seeds", "2", "5"),
        ("sanity.shuffled_label_seeds", "0", "1"),
        ("faithfulness.seeds", "1", "3"),
    ]


def test_facts_tell_the_networks_and_how_many_maps_are_zero():
    results = make_results(seeds=2)
    members = results.members.assign(epochs=[3, 5, 5, 4])
    is_zero = (results.metrics["group"] == "male") & (results.metrics["emotion"] == "anger")
    n_zero, n_male = is_zero.sum(), (results.metrics["group"] == "male").sum()
    metrics = results.metrics.assign(map_is_zero=is_zero)
    facts = overview.facts(CONFIG, {}, results.utterances, members, metrics)
    assert facts["network"] == "simplenet (filters 64, 128, 256, dense units 128, dropout rate 0.5)"
    assert facts["epochs"] == "3 to 5 (at most 5)"
    assert facts["maps that are zero everywhere"] == f"female 0 of {len(metrics) - n_male}, male {n_zero} of {n_male}"
    assert n_zero > 0
    same = overview.facts(CONFIG, {}, results.utterances, members.assign(epochs=4), metrics)
    assert same["epochs"] == "4 (at most 5)"
    unknown = overview.facts(CONFIG, {}, results.utterances, members.assign(epochs=np.nan), metrics)
    assert not {"network", "epochs", "precision of training"} & set(unknown)


def test_facts_tell_what_was_chosen():
    results = make_results(seeds=2)
    facts = overview.facts(CONFIG, {}, results.utterances, results.members, results.metrics)
    told = ("models per", "recordings", "split", "representation", "map")
    assert [facts[name] for name in told] == [
        *("gender", "58 (58 test)", "per cell, 1 fold", "CQT-96"),
        "gradcam, of the class truth, placement receptive field",
    ]
    config = dataclasses.replace(
        CONFIG,
        corpus=dataclasses.replace(CONFIG.corpus, models_per="all"),
        representation=Mel(),
        network=MobileNetConfig(width=0.5),
    )
    # As it is read from a file, an empty text is a gap.
    # A corpus may have a column of its own called split.
    utterances = results.utterances.assign(split="dev", test_fold=["one", "two", ""] + ["one"] * 55)
    facts = overview.facts(config, {}, utterances, in_two_folds(results).members, results.metrics)
    assert [facts[name] for name in (*told[:-1], "network")] == [
        *("all", "58 (57 tested)", "per cell, 2 folds", "mel-96"),
        "mobilenet (width 0.5, dropout rate 0.001)",
    ]


def test_facts_name_each_of_several_corpora():
    config = make_config(Choices(corpus="emodb,ravdess", data_dir="a,b"))
    config = dataclasses.replace(config, corpus=dataclasses.replace(config.corpus, max_frames=202))
    results = make_results()
    facts = overview.facts(config, {}, results.utterances, results.members, results.metrics)
    assert facts["corpus"] == "several (emodb, ravdess)"
    of_new = overview.overview_of_new(config, {}, [Member("female", "all", seed) for seed in (0, 1)], 300.0, 0)
    assert of_new["facts"]["corpus of the run"] == "several (emodb, ravdess)"
    assert of_new["headline"] == "2 models of a run on the corpus several (emodb, ravdess)."


def test_maps_that_others_made_are_of_no_split():
    results = make_results()
    config = dataclasses.replace(CONFIG, experiment="analyse_maps")
    facts = overview.facts(config, {}, results.utterances, results.members, results.metrics)
    assert "split" not in facts
    assert facts["recordings"] == "58 (58 test)"


def test_the_duration_counts_from_the_beginning_that_the_run_noted():
    explained = datetime.datetime(2026, 3, 1, 13, 30, tzinfo=datetime.UTC)
    found = overview.duration({"begun": "2026-03-01T13:57:00+01:00"}, explained)
    assert found == {
        "begun": "2026-03-01 12:57 UTC",
        "until all maps were made": "33 minutes, by the date of explanations.npz",
    }
    assert list(overview.duration({"begun": "2026-03-01T12:57:00+00:00"}, None)) == ["begun"]
    assert overview.duration({}, explained) == {}


def test_maps_of_another_start_than_that_which_began_the_run_have_no_duration(tmp_path):
    record = {"begun": "2026-03-01T12:57:00+00:00"}
    made = datetime.datetime(2026, 3, 1, 13, 30, tzinfo=datetime.UTC)
    (tmp_path / EXPLANATIONS).write_bytes(b"")
    os.utime(tmp_path / EXPLANATIONS, (made.timestamp(), made.timestamp()))
    # Nothing is known of stages, as of given maps.
    assert explained_at(tmp_path, record) is None

    def note(start):
        own = {"fields": {}, "builds_on": {}, "files": {EXPLANATIONS: "0"}, "start": start}
        write_json(tmp_path / STAGES_FILE, {"explanations": own, "report": {**own, "files": {}, "start": "later"}})

    note(record["begun"])
    assert explained_at(tmp_path, record) == made
    # The run was given again days later, or stopped and gone on with.
    note("2026-03-08T13:29:00+00:00")
    assert explained_at(tmp_path, record) is None


def test_equal_values_are_set_apart_evenly_and_others_stay():
    assert overview.stacked([0.5, 0.7, 0.5, 0.5]) == [-0.2, 0.0, 0.0, 0.2]
    assert overview.stacked([0.5, 0.5]) == [-0.1, 0.1]
    # So many that they would reach into the next group's row are closer to one another.
    assert overview.stacked([0.5] * 11) == pytest.approx(np.linspace(-0.4, 0.4, 11).tolist())


def test_confusions_count_answers():
    results = make_results(seeds=2)
    found = overview.confusions(results.predictions, results.members, CONFIG.corpus.emotions)
    chosen = next(own for own in found if own["group"] == "male" and own["models"] == "chosen model")
    truth = results.utterances.query("gender == 'male'")["emotion"].value_counts()
    # Seed 0 is right everywhere.
    assert chosen["counts"] == np.diag([truth.get(e, 0) for e in CONFIG.corpus.emotions]).tolist()
    assert sum(map(sum, found[1]["counts"])) == len(results.predictions.query("group == 'female'"))


def test_with_several_folds_the_chosen_models_answer_for_every_recording_once():
    results = in_two_folds(make_results(seeds=2))
    found = overview.confusions(results.predictions, results.members, CONFIG.corpus.emotions)
    male = next(own["counts"] for own in found if own["group"] == "male" and own["models"] == "chosen models")
    truth = results.utterances.query("gender == 'male'")["emotion"].value_counts()
    assert [sum(row) for row in male] == [truth.get(emotion, 0) for emotion in CONFIG.corpus.emotions]
    answers = results.predictions.query("group == 'male'")
    chosen = answers[answers["seed"] == answers["fold"].map({"one": 0, "two": 1})]
    assert np.trace(male) == (chosen["truth"] == chosen["predicted"]).sum()


def test_with_several_folds_accuracies_are_those_over_all_recordings():
    plain = make_results(seeds=2)
    folded = in_two_folds(plain)
    for one_fold, all_folds in zip(
        overview.accuracies(plain.members, plain.predictions),
        overview.accuracies(folded.members, folded.predictions),
        strict=True,
    ):
        assert one_fold["accuracy"] == all_folds["accuracy"]
        assert one_fold["accuracy"][0] > one_fold["accuracy"][1] > 0
        assert (one_fold["chosen"], all_folds["chosen"]) == ([True, False], [False, False])
    unknown = plain.members.assign(test_accuracy=np.nan)
    assert overview.accuracies(unknown, pd.DataFrame()) == []


def test_masks_of_several_folds_are_their_sum():
    plain = make_masks()
    shares = {"one": 0.25, "two": 0.75}

    def divided(masks):
        return {Cohort(own.group, fold): share * mask for own, mask in masks.items() for fold, share in shares.items()}

    folded = plain._replace(best=divided(plain.best), summed=divided(plain.summed))
    assert overview.masks(folded) == overview.masks(plain) | {"of_several_folds": True}
    assert overview.masks(plain)["of_several_folds"] is False
    assert [(one["group"], one["kind"]) for one in overview.masks(plain)["pictures"]][::6] == [
        *(("female", "R"), ("female", "R̂")),
        *(("male", "R"), ("male", "R̂")),
    ]


@pytest.mark.parametrize(
    ("most", "shown"),
    [
        # a is at 0 and 1, b at 2, 4 and 8, c at 3, 5, 6, 7 and 9.
        (3, [0, 2, 3]),
        (5, [0, 1, 2, 3, 4]),
        (6, [0, 1, 2, 3, 4, 6]),
        (9, list(range(9))),
        (10, list(range(10))),
        (500, list(range(10))),
    ],
)
def test_of_each_kind_as_many_are_shown_as_of_the_others(most, shown):
    assert spread_over(list("aabcbcccbc"), most) == shown


def test_what_a_page_has_no_room_for_is_said():
    assert overview.in_tables_only(0) == ""
    assert overview.in_tables_only(1) == " 1 more recording is in the tables only."
    assert overview.in_tables_only(7) == " 7 more recordings are in the tables only."


def test_what_other_processes_load_has_no_jax():
    modules = ", ".join(f"convcam_jax.report.{name}" for name in ("encode", "explanation", "recordings"))
    code = f"import sys, {modules}; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_tables_keep_numbers_and_gaps():
    table = as_table("T", pd.DataFrame({"a": ["x", None], "b": [1.5, np.nan]}))
    assert table["rows"] == [["x", 1.5], [None, None]]
    assert not table["open"]


def test_verdicts_that_sum_up_stand_unfolded_before_all_of_them():
    verdicts = pd.DataFrame({"about": ["summary", "emotion"], "sentence": ["All.", "One."]})
    summary, whole = overview.verdict_tables("verdicts", verdicts)
    assert (summary["title"], summary["open"], summary["rows"]) == ("verdicts: summary", True, [["All."]])
    assert (whole["title"], whole["open"], len(whole["rows"])) == ("verdicts: all", False, 2)
    for without in (verdicts[verdicts["about"] == "emotion"], verdicts[["sentence"]]):
        (only,) = overview.verdict_tables("sanity verdicts", without)
        assert (only["title"], only["open"], len(only["rows"])) == ("sanity verdicts", True, len(without))


def test_the_page_holds_everything_and_no_name_as_markup():
    page = make_report()
    assert HOSTILE[:70] not in page
    assert "src=x onerror" in page, "the name is in the page's data, escaped"
    assert page.count('<script type="application/json"') == 2 + len(NAMES)
    for match in re.finditer(r'<script type="application/json" id="([\w-]+)">(.*?)</script>', page):
        json.loads(match[2])
    outside = page[: page.index("plotly.js v")]
    assert not re.search(r"(src|href)=\"(https?:)?//", outside)
    assert len(page) < 6e6
