"""The examples of docs/evidence_benchmark.md, run as they stand there."""

import dataclasses
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from test_evidence_experiment import tiny_config

from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.formats import read_csv
from experiments import evidence_export, evidence_score

PAGE = Path(__file__).resolve().parent.parent / "docs" / "evidence_benchmark.md"
# In the order of the page: what an example needs, the method that it scores, and whether maps may be zero: Grad-CAM's
# of a network that has learned nothing may.
EXAMPLES = [(("torch", "captum"), "captum_ig", False), (("keras", "tensorflow"), "keras_gradcam", True)]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(EXAMPLES)), ids=["torch", "keras"])
def test_an_example_makes_maps_that_can_be_scored(tmp_path, run_cache_dir, number):
    needed, method, may_be_zero = EXAMPLES[number]
    if missing := [name for name in needed if importlib.util.find_spec(name) is None]:
        pytest.skip(f"needs {missing[0]}: pip install {' '.join(needed)}")
    config = tiny_config()
    evidence = dataclasses.replace(config.evidence, variants=("burst",))
    config = dataclasses.replace(config, experiment="evidence_export", evidence=evidence)
    benchmark, maps, scores = (tmp_path / name for name in ("benchmark", "maps.npz", "scores"))
    evidence_export.run(RunSettings(config, benchmark, run_cache_dir))
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == len(EXAMPLES)
    (tmp_path / "example.py").write_text(examples[number], encoding="utf-8")
    line = [sys.executable, str(tmp_path / "example.py"), str(benchmark), str(maps), "2"]
    subprocess.run(line, check=True, capture_output=True)
    evidence_score.run(RunSettings(config, scores, run_cache_dir, maps, benchmark))
    table = read_csv(scores / "evidence.csv")
    assert set(table["method"]) == {method, "none"}
    assert set(table["seed"]) == {0, 1}
    is_zero = table.loc[table["source"] == "network", "map_is_zero"]
    assert not (is_zero.all() if may_be_zero else is_zero.any())
