"""The program as a user starts it, with a small network on a small embedded corpus."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from run_checks import MEMBER
from small_run import (
    FIGURES,
    PROJECT_DIR,
    SMALL_RUN,
    assert_refused,
    call,
    command,
    environment,
    finish,
    hashes,
    refusal,
    start,
    table,
    times,
)

from convcam_jax.corpora.config import EMOTIONS
from experiments import command as program

SMALL = (
    *SMALL_RUN,
    "--set=train.epochs=4",
    "--set=train.checkpoint_interval_s=0",
    "--set=sanity.seeds=1",
    "--set=sanity.shuffled_label_seeds=1",
    "--set=faithfulness.seeds=1",
    "--set=controls.permutations=5",
    # Of those whose recordings for the test are as long in both groups, so that these share their programs.
    "--set=corpus.seed=4",
)
PROBABILITIES = [f"probability/{emotion}" for emotion in EMOTIONS]
COLUMNS = {
    "utterances.csv": ["recording", "speaker", "gender", "emotion", "text", "group", "n_frames", "split"],
    "folds.csv": ["recording", "group", "fold", "split"],
    "members.csv": [
        *(*MEMBER, "epochs", "train_accuracy", "validation_accuracy", "test_accuracy", "uar", "chosen"),
    ],
    "predictions.csv": ["recording", *MEMBER, "truth", "predicted", *PROBABILITIES],
    "metrics.csv": [
        *("recording", "group", "fold", "speaker", "emotion", "seed", "correct", "n_frames", "q_mse", "q_rmse"),
        *("f0_segment_rmse_hz", "f0_frame_rmse_hz", "energy_ratio"),
    ],
    "history.csv": [
        *(*MEMBER, "epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy"),
    ],
}
# Files whose columns or arrays a page has, and what of them this run cannot have.
DOCUMENTED = re.findall(
    r"^## `([\w./]+)`$", (PROJECT_DIR / "docs" / "files.md").read_text(encoding="utf-8"), re.MULTILINE
)
OF_OTHER_RUNS = {
    *("attribute/NAME", "start_s", "end_s", "test_fold", "published", "published_within_prediction"),
    # Of chosen models among those that are checked: which are chosen may depend on the processor.
    *("NUMBER_conditions", "NUMBER_maps"),
}
PLACEHOLDERS = {"EMOTION": ".+", "RECORDING": ".+", "NAME": ".+", "NUMBER": r"\d+"}
SOUNDS = ("original", "only_50", "without_50")


@pytest.fixture(scope="module")
def finished(run_cache_dir) -> Path:
    """The workdir of an undisturbed run, which the tests of one state of the program make once."""
    workdir = run_cache_dir.parent / "undisturbed"
    if not (workdir / "report.html").exists():
        finish(workdir, run_cache_dir, *SMALL)
    return workdir


@pytest.mark.parametrize("name", COLUMNS)
def test_tables_have_their_columns(finished, name):
    found = [column for column in table(finished, name).columns if column in COLUMNS[name]]
    assert found == COLUMNS[name]


def documented_names(file: str) -> set[str]:
    """The columns or arrays that the page has of a file."""
    page = (PROJECT_DIR / "docs" / "files.md").read_text(encoding="utf-8")
    section = page.partition(f"\n## `{file}`\n")[2].partition("\n## ")[0]
    first_cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {name for cell in first_cells for name in re.findall(r"`([^`]+)`", cell)}


@pytest.mark.parametrize("file", DOCUMENTED)
def test_the_page_of_files_has_the_columns_and_arrays_that_a_run_writes(finished, file):
    if file.endswith(".npz"):
        with np.load(finished / file) as arrays:
            found = set(arrays)
    else:
        found = set(table(finished, file).columns)
    of_found = {}
    for name in documented_names(file):
        pattern = re.sub("|".join(PLACEHOLDERS), lambda match: PLACEHOLDERS[match[0]], name)
        of_found[name] = {own for own in found if re.fullmatch(pattern, own)}
    assert set().union(*of_found.values()) == found
    assert {name for name, own in of_found.items() if not own} <= OF_OTHER_RUNS


def test_the_page_of_files_has_the_files_that_are_most_looked_at():
    others = {
        "contours.csv",
        "sounds.csv",
        "maps.npz",
        "masks.npz",
        "explanations.npz",
        "sanity_examples.npz",
        "tables/table3.csv",
    }
    assert {*COLUMNS, *others} == set(DOCUMENTED)


def test_tables_of_cells_say_their_unit(finished):
    errors = "q_rmse, error between envelope and map (RMSE, Q and q): "
    shares = "energy_ratio, energy inside the mask (share of the energy, %): "
    for name, described in (("table3", errors), ("table5", shares), ("controls_table5", shares)):
        assert (finished / "tables" / f"{name}.md").read_text(encoding="utf-8").startswith(described)
    for number in (4, 5):
        assert list(table(finished, f"tables/table{number}.csv")) == list(table(finished, "tables/table3.csv"))


def test_tables_fit_together(finished):
    utterances = table(finished, "utterances.csv")
    tested = utterances[utterances["split"] == "test"]
    assert len(utterances) == 2 * 6 * 4
    assert set(utterances["split"]) == {"train", "validation", "test"}
    members, predictions = table(finished, "members.csv"), table(finished, "predictions.csv")
    assert len(members) == 4
    assert members.groupby("group")["chosen"].sum().tolist() == [1, 1]
    for rows in (predictions, table(finished, "metrics.csv")):
        keys = rows[["recording", "group", "seed"]].apply(tuple, axis=1)
        assert set(keys) == {(r, g, s) for r, g in tested[["recording", "group"]].to_numpy() for s in (0, 1)}
        assert keys.is_unique
    np.testing.assert_allclose(predictions[PROBABILITIES].sum(axis=1), 1.0, rtol=1e-6)
    right = predictions.assign(right=predictions["truth"] == predictions["predicted"])
    accuracy = right.groupby(["group", "seed"])["right"].mean()
    np.testing.assert_allclose(members.set_index(["group", "seed"])["test_accuracy"].sort_index(), accuracy)
    history = table(finished, "history.csv")
    assert history.groupby(["group", "seed"])["epoch"].max().tolist() == members["epochs"].tolist()
    kept = members.merge(history, left_on=["group", "seed", "best_epoch"], right_on=["group", "seed", "epoch"])
    for name in ("train_accuracy", "validation_accuracy"):
        assert kept[f"{name}_x"].tolist() == kept[f"{name}_y"].tolist()
    assert len(kept) == len(members)


def test_maps_belong_to_the_test_recordings(finished):
    utterances = table(finished, "utterances.csv").query("split == 'test'").set_index("recording")
    with np.load(finished / "maps.npz") as maps:
        assert set(maps) == {*(f"map/{name}" for name in utterances.index), "frequency_hz", "time_s"}
        assert maps["frequency_hz"].shape == (96,)
        assert maps["time_s"].shape == (202,)
        for recording, n_frames in utterances["n_frames"].items():
            own_map = maps[f"map/{recording}"]
            assert own_map.shape == (96, n_frames)
            assert 0 <= own_map.min() <= own_map.max() <= 1


def test_figures_and_printed_tables_are_there(finished):
    for name in FIGURES:
        data = (finished / "figures" / name).read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        assert len(data) > 5000, name
    for number in (1, 2, 3, 4, 5):
        assert len(pd.read_csv(finished / "tables" / f"table{number}.csv")) > 0
        assert "\n| --- |" in (finished / "tables" / f"table{number}.md").read_text()


def test_claims_on_synthetic_voices_begin_with_a_warning(finished):
    for name in ("claims", "claims_over_seeds", "stability_verdicts"):
        assert (finished / "tables" / f"{name}.md").read_text().startswith("Synthetic voices and")
    assert "The paper's statements. Synthetic voices and" in (finished / "report.html").read_text()


def test_the_networks_answer_the_recordings_made_anew_as_before(finished):
    answers = table(finished, "resynthesis.csv").query("cells == 'all'").set_index(["recording", "seed"])
    predictions = table(finished, "predictions.csv").set_index(["recording", "seed"])
    before = pd.Series({key: row["probability/" + row["truth"]] for key, row in predictions.iterrows()})
    assert len(answers) > 0
    np.testing.assert_allclose(answers["p_explained"], before.loc[answers.index], atol=1e-5)
    assert (answers["predicted"] == predictions.loc[answers.index, "predicted"]).all()


def test_sounds_are_written_and_add_up(finished):
    names = table(finished, "utterances.csv").query("split == 'test'")["recording"]
    assert len(list((finished / "listening").glob("*.wav"))) == 7 * len(names)
    sounds = [soundfile.read(finished / "listening" / f"{names.iloc[0]}_{kind}.wav")[0] for kind in SOUNDS]
    # Each is rounded to 16 bits.
    np.testing.assert_allclose(sounds[1] + sounds[2], sounds[0], atol=2 / 32768)


@pytest.mark.slow
def test_the_report_is_made_again_and_is_the_same(finished, run_cache_dir):
    before = hashes(finished)
    again = command(finished, run_cache_dir, "--experiment=report")
    (finished / "report.html").unlink()
    result = call(again)
    assert result.returncode == 0, result.stderr
    assert hashes(finished) == before
    assert_refused(call([*again, "--seeds=3"]), "--seeds", "leave the flag out")


def test_config_says_what_was_done_and_with_what(finished):
    record = json.loads((finished / "config.json").read_text())
    assert record["config"]["network.filters"] == [3, 4, 5]
    assert record["config"]["train.seeds"] == 2
    assert len(record["corpus_sha256"]) == 64
    assert record["begun"].endswith("+00:00")
    assert {"jax", "flax", "librosa", "numpy"} <= set(record["packages"])
    assert "cpu" in record["devices"]


def test_nothing_half_written_is_left(finished):
    temporary = [path for folder in (".", "tables", "figures") for path in (finished / folder).glob(".*")]
    assert temporary == []
    assert list(finished.rglob("*_in_progress")) == []


def networks_in(workdir: Path) -> set[str]:
    """The folders of trained networks, within `training/`."""
    return {path.parent.relative_to(workdir / "training").as_posix() for path in workdir.glob("training/**/round_*/0")}


def test_networks_on_shuffled_labels_are_removed_once_they_are_explained(finished):
    assert "shuffled_labels" in set(table(finished, "sanity.csv")["condition"])
    assert networks_in(finished) == {"round_00"}


@pytest.mark.slow
def test_networks_on_shuffled_labels_are_trained_again_for_another_attribution(finished, run_cache_dir, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(finished, workdir)
    of_shuffled = table(workdir, "tables/sanity_shuffled_training.csv")
    # As a run leaves it that is killed while it removes the networks: the rest must not be taken for whole.
    half_removed = workdir / "training" / "shuffled_labels_1" / "round_00"
    shutil.copytree(workdir / "training" / "round_00", half_removed)
    shutil.rmtree(next(half_removed.glob("0/default/tree.*kernel*")))
    said = finish(workdir, run_cache_dir, *SMALL, "--set=attribution.method=hirescam")
    assert "training on shuffled labels" in said
    assert networks_in(workdir) == {"round_00"}
    # The same networks, since the same seeds, by another method.
    assert table(workdir, "tables/sanity_shuffled_training.csv").equals(of_shuffled)
    assert "shuffled_labels" in set(table(workdir, "sanity.csv")["condition"])
    finish(workdir, run_cache_dir, *SMALL, "--set=sanity.shuffled_label_seeds=0")
    assert not list(workdir.glob("training/shuffled_labels_*"))


def test_a_second_run_trains_nothing_and_changes_nothing(finished, run_cache_dir):
    before, written = hashes(finished), times(finished)
    said = finish(finished, run_cache_dir, *SMALL)
    assert "nothing has to be made again" in said
    assert "training round" not in said
    assert "stage " not in said
    assert hashes(finished) == before
    # What is known before anything is made is noted again.
    rewritten = {name for name, at in times(finished).items() if at != written[name]}
    assert rewritten <= {"utterances.csv", "folds.csv", "sounds.csv", "history.csv"}


def test_another_training_is_refused(finished, run_cache_dir):
    before = hashes(finished)
    result = start(finished, run_cache_dir, *SMALL, "--set=train.epochs=5")
    assert_refused(result, "error: ", str(finished), "train.epochs (4 there, 5 now)")
    assert hashes(finished) == before


def killed_in_training(workdir: Path, cache_dir: Path) -> bool:
    """Kill a run when it has a checkpoint; whether that was before its training had come to its end."""
    process = subprocess.Popen(
        command(workdir, cache_dir, *SMALL),
        cwd=PROJECT_DIR,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 300
        while not list(workdir.glob("training/round_00_in_progress/[0-9]/commit_success.txt")):
            assert process.poll() is None, "the run ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return not (workdir / "training" / "round_00").exists()


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_like_an_undisturbed_one(finished, run_cache_dir, tmp_path):
    # On a busy machine the few epochs may be over before the signal comes. A checkpoint that is still being written has
    # a longer name than its epoch.
    attempts = (tmp_path / str(number) for number in range(5))
    workdir = next(attempt for attempt in attempts if killed_in_training(attempt, run_cache_dir))
    assert not (workdir / "members.csv").exists()
    assert "going on after epoch " in finish(workdir, run_cache_dir, *SMALL)
    undisturbed = hashes(finished)
    after = hashes(workdir)
    assert set(after) == set(undisturbed)
    csv = [name for name in after if name.endswith(".csv")]
    assert {"history.csv", "members.csv", "predictions.csv", "metrics.csv", "tables/table3.csv"} <= set(csv)
    assert [name for name in csv if after[name] != undisturbed[name]] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set=train.epoch=3"], ["--set=train.epoch", "the nearest is train.epochs"]),
        (["--set=train.epochs=few"], ["train.epochs=few", "whole number"]),
        (["--set=representation.n_bins=200"], ["representation.n_bins: must be at most 96"]),
        (["papers"], ["papers: not understood; write flags as --name=value"]),
        (["--experiment=papers"], ["must be one of paper, evidence, ", "the nearest is paper"]),
        (["--experiment=report"], ["--workdir: missing", "a finished run"]),
        (["--experiment=report", "--workdir=no/such/run"], ["--workdir=no/such/run: there is no such folder"]),
        (["--workdir=w", "--num_processes=2"], ["given together"]),
        (
            ["--workdir=w", "--coordinator=localhost:1", "--num_processes=2", "--process_id=2"],
            ["--process_id=2: must be below"],
        ),
        (["--workdir=w", "--coordinator=localhost", "--num_processes=2", "--process_id=1"], ["HOST:PORT"]),
    ],
)
def test_wrong_flags_are_refused(arguments, words):
    message = refusal(*arguments)
    assert all(word in message for word in words), message
    assert "\n" not in message


@pytest.fixture
def jax_alone(monkeypatch):
    """The program in this process leaves JAX as it is, and starts no processes before it knows what it has to do."""
    for name in ("fix_settings", "prepare_jax", "start"):
        monkeypatch.setattr(program, name, lambda *_: None)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--corpus=emodb", "--data_dir=no/such/folder"], ["no/such/folder", "emodb.bilderbar.info", "audb"]),
        (["--corpus=emodb"], ["--data_dir: missing", "emodb.bilderbar.info", "--corpus=synthetic needs none"]),
    ],
)
def test_a_corpus_that_is_not_there_is_told_in_one_line_and_nothing_is_written(tmp_path, jax_alone, arguments, words):
    workdir, cache_dir = tmp_path / "w", tmp_path / "cache"
    message = refusal(f"--workdir={workdir}", f"--cache_dir={cache_dir}", *arguments)
    assert all(word in message for word in words), message
    assert "\n" not in message
    assert not workdir.exists()


def test_a_word_that_is_no_flag_is_told_without_the_help(tmp_path, run_cache_dir):
    result = start(tmp_path / "w", run_cache_dir, *SMALL, "paper")
    assert (result.stdout, result.stderr) == ("", "error: paper: not understood; write --experiment=paper\n")


def test_a_report_of_no_run_is_refused(tmp_path, jax_alone):
    message = refusal("--experiment=report", f"--cache_dir={tmp_path}", "--workdir=tests")
    assert message.startswith("--workdir=tests: config.json is missing")
    assert "a finished run" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("arguments", "end"),
    [
        (["--experiment=explain", "--recordings=a.wav"], "explain and export need), or give --models"),
        (["--experiment=export"], "explain and export need)"),
        (["--experiment=report"], "explain and export need)"),
    ],
)
def test_a_run_that_one_may_only_read_is_to_be_copied(tmp_path, jax_alone, monkeypatch, arguments, end):
    (workdir := tmp_path / "w").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: path != workdir)
    message = refusal(*arguments, f"--cache_dir={tmp_path / 'cache'}", f"--workdir={workdir}")
    assert message.startswith(f"--workdir={workdir}: cannot be written, ")
    assert message.endswith(end)


def test_a_folder_of_other_files_is_refused(tmp_path, run_cache_dir, jax_alone):
    (tmp_path / "thesis.tex").write_text("")
    message = refusal(f"--workdir={tmp_path}", f"--cache_dir={run_cache_dir}", *SMALL)
    assert str(tmp_path) in message
    assert "config.json" in message
    assert "\n" not in message
    assert os.listdir(tmp_path) == ["thesis.tex"]
