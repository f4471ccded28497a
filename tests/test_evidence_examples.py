"""The examples of docs/evidence_benchmark.md, run as they stand there, and the entries of its leaderboard."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_evidence import tiny_config

from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.formats import read_csv
from experiments import evidence_export, evidence_score

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = DOCS / "evidence_benchmark.md"
# In the order of the page: what an example needs, the method that it scores, and whether maps may be zero: Grad-CAM's
# of a network that has learned nothing may.
EXAMPLES = [(("torch", "captum"), "captum_ig", False), (("keras", "tensorflow"), "keras_gradcam", True)]


def scores_of(script: Path, arguments: list[str], variants: tuple[str, ...], folder: Path, cache_dir: Path) -> Path:
    """What is scored of the maps that a script makes of a small benchmark: a folder."""
    config = tiny_config()
    evidence = dataclasses.replace(config.evidence, variants=variants)
    config = dataclasses.replace(config, experiment="evidence_export", evidence=evidence)
    benchmark, maps, scores = (folder / name for name in ("benchmark", "maps.npz", "scores"))
    evidence_export.run(RunSettings(config, benchmark, cache_dir))
    line = [sys.executable, str(script), str(benchmark), str(maps), *arguments]
    result = subprocess.run(line, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-4000:]
    evidence_score.run(RunSettings(config, scores, cache_dir, maps, benchmark))
    return scores


def skip_without(*needed: str) -> None:
    """Skip a test if a package is missing or cannot be loaded, which is tried in a process of its own."""
    tried = subprocess.run([sys.executable, "-c", f"import {', '.join(needed)}"], capture_output=True, text=True)
    if tried.returncode != 0:
        pytest.skip(f"needs {', '.join(needed)} ({tried.stderr.splitlines()[-1]}): see requirements-bench.txt")


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(EXAMPLES)), ids=["torch", "keras"])
def test_an_example_makes_maps_that_can_be_scored(tmp_path, run_cache_dir, number):
    needed, method, may_be_zero = EXAMPLES[number]
    skip_without(*needed)
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == len(EXAMPLES)
    script = tmp_path / "example.py"
    script.write_text(examples[number], encoding="utf-8")
    table = read_csv(scores_of(script, ["2"], ("burst",), tmp_path, run_cache_dir) / "evidence.csv")
    assert set(table["method"]) == {method, "none"}
    assert set(table["seed"]) == {0, 1}
    is_zero = table.loc[table["source"] == "network", "map_is_zero"]
    assert not (is_zero.all() if may_be_zero else is_zero.any())


@pytest.mark.slow
def test_the_entry_of_the_toolkits_for_pytorch_can_be_scored(tmp_path, run_cache_dir):
    """Its networks see three recordings, twice, and learn nothing; every method has all of its maps all the same."""
    skip_without("torch", "captum", "zennit", "pytorch_grad_cam")
    script = DOCS / "entries" / "torch_toolkits.py"
    scores = scores_of(script, ["--seeds=2", "--epochs=2"], ("burst", "pause"), tmp_path, run_cache_dir)
    table = read_csv(scores / "evidence.csv")
    # Of two variants, two networks and three recordings, trained and with random weights.
    counts = table[table["method"] != "none"].groupby("method").size()
    assert set(counts) == {2 * 2 * 3 * 2}
    assert set(counts.index) == set(
        re.findall(r'^    "(\w+_\S+)": by_', script.read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert {method.partition("_")[0] for method in counts.index} == {"captum", "gradcam", "zennit"}
    keys = ["method", "variant", "seed", "recording"]
    own, random = (
        table[table["source"] == source].set_index(keys)["average_precision"].sort_index()
        for source in ("network", "random_weights")
    )
    assert own.index.equals(random.index)
    assert (own != random).groupby("method").any().all()
