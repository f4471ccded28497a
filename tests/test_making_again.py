"""A finished run whose folder is given again with other settings: what depends on them is made again, all else kept."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from small_run import (
    PROJECT_DIR,
    QUICK,
    SMALL_RUN,
    assert_refused,
    call,
    command,
    environment,
    finish,
    hashes,
    start,
    table,
    times,
)

from convcam_jax.system.formats import read_json, write_json

pytestmark = pytest.mark.slow

SMALL = (
    *(*SMALL_RUN, *QUICK, "--set=corpus.emotions=anger,sadness", "--set=sanity.seeds=1"),
    *("--set=sanity.shuffled_label_seeds=1", "--set=faithfulness.seeds=1"),
)
OTHER_MASKS = "--set=analysis.mask_threshold=0.2"
OF_OTHER_MASKS = ("metrics", "tables", "chance", "seeds", "sanity", "sanity tables", "report")
KEPT_STAGES = ("explanations", "members", "faithfulness", "faithfulness tables", "listening")
KEPT_FILES = ("explanations.npz", "predictions.csv", "members.csv", "faithfulness.csv", "resynthesis.csv")
WRITTEN_ANEW = (
    *("metrics.csv", "masks.npz", "controls.csv", "stability.csv", "sanity.csv", "report.html"),
    *("tables/table5.csv", "tables/verdicts.csv", "tables/sanity.csv", "figures/figure03.png"),
)
# Noted again at every start, before anything is made.
ALWAYS_WRITTEN = {"config.json", "utterances.csv", "folds.csv", "sounds.csv", "skipped.csv", "history.csv"}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, run_cache_dir) -> Path:
    """The folder of a finished run."""
    workdir = tmp_path_factory.mktemp("undisturbed") / "run"
    finish(workdir, run_cache_dir, *SMALL)
    return workdir


@pytest.fixture
def finished(tmp_path, undisturbed) -> Path:
    """A copy of it, with the times of its files."""
    return shutil.copytree(undisturbed, tmp_path / "run")


def readable(workdir: Path) -> dict[str, str]:
    """What all tables and arrays of a run hold; other files have times in them."""
    return {name: content for name, content in hashes(workdir).items() if name.endswith((".csv", ".md", ".npz"))}


def said_stages(said: str) -> list[str]:
    """The stages that were made."""
    return re.findall(r"^stage (.+) \(\d+ of \d+\)$", said, re.MULTILINE)


def test_what_depends_on_a_changed_field_is_made_again_and_nothing_else(finished, run_cache_dir):
    before = times(finished)
    said = finish(finished, run_cache_dir, *SMALL, OTHER_MASKS)
    assert f"kept: {', '.join(KEPT_STAGES)}" in said
    assert "to be made: metrics (analysis.mask_threshold 0.1 → 0.2)" in said
    assert "to be made: tables (builds on metrics)" in said
    assert said_stages(said) == list(OF_OTHER_MASKS)
    # Nor are the networks on shuffled labels trained again, whose maps are kept.
    assert "training on" not in said
    after = times(finished)
    assert [name for name in KEPT_FILES if after[name] != before[name]] == []
    assert [name for name in after if name.startswith("training/") and after[name] != before[name]] == []
    assert [name for name in WRITTEN_ANEW if after[name] == before[name]] == []

    said = finish(finished, run_cache_dir, *SMALL, OTHER_MASKS)
    assert "nothing has to be made again" in said
    assert said_stages(said) == []
    assert {name for name, at in times(finished).items() if at != after[name]} <= ALWAYS_WRITTEN

    contents = hashes(finished)
    refused = start(finished, run_cache_dir, *SMALL, OTHER_MASKS, "--set=train.batch_size=8")
    assert_refused(refused, "error: ", "train.batch_size (12 there, 8 now)")
    assert "mask_threshold" not in refused.stderr
    assert hashes(finished) == contents


def test_a_report_shows_nothing_of_a_stage_that_it_goes_without(finished, run_cache_dir):
    page, of_chance = finished / "report.html", "than chance at a false discovery rate"
    assert of_chance in page.read_text()
    made = read_json(finished / "stages.json")
    write_json(finished / "stages.json", {name: own for name, own in made.items() if name not in ("chance", "report")})
    result = call(command(finished, run_cache_dir, "--experiment=report"))
    assert "the run was stopped before chance, which the report goes without" in result.stderr
    assert (finished / "tables" / "verdicts.csv").exists()
    assert of_chance not in page.read_text()


def kill_in_stage(workdir: Path, cache_dir: Path, stage: str, *flags: str) -> None:
    """Start a run in a finished one's folder, and kill it while the stage is made."""
    line = command(workdir, cache_dir, *flags)
    process = subprocess.Popen(
        line, cwd=PROJECT_DIR, env=environment(), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stderr is not None
    try:
        for said in process.stderr:
            if said.startswith(f"stage {stage}"):
                time.sleep(0.2)
                break
        assert process.poll() is None, "the run ended before it could be killed"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_killed_while_it_was_made_again_a_run_is_completed_like_a_new_one(finished, tmp_path, run_cache_dir):
    old_masks = table(finished, "metrics.csv")["mask_area"]
    kill_in_stage(finished, run_cache_dir, "chance", *SMALL, OTHER_MASKS)
    done = set(read_json(finished / "stages.json"))
    assert {*KEPT_STAGES, "metrics"} <= done
    assert "chance" not in done
    said = finish(finished, run_cache_dir, *SMALL, OTHER_MASKS)
    assert said_stages(said)[-1] == "report"
    assert not {"metrics", *KEPT_STAGES} & set(said_stages(said))
    finish(tmp_path / "new", run_cache_dir, *SMALL, OTHER_MASKS)
    assert not old_masks.equals(table(finished, "metrics.csv")["mask_area"])
    assert readable(finished) == readable(tmp_path / "new")
    assert set(hashes(finished)) == set(hashes(tmp_path / "new"))
