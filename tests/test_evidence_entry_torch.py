"""The example of docs/evidence_benchmark.md, run as it stands there; needs PyTorch and captum."""

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


@pytest.mark.slow
def test_the_example_makes_maps_that_can_be_scored(tmp_path, run_cache_dir):
    if missing := [name for name in ("torch", "captum") if importlib.util.find_spec(name) is None]:
        pytest.skip(f"needs {missing[0]}: pip install torch captum")
    config = tiny_config()
    evidence = dataclasses.replace(config.evidence, variants=("burst",))
    config = dataclasses.replace(config, experiment="evidence_export", evidence=evidence)
    benchmark, maps, scores = (tmp_path / name for name in ("benchmark", "maps.npz", "scores"))
    evidence_export.run(RunSettings(config, benchmark, run_cache_dir))
    [example] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "example.py").write_text(example, encoding="utf-8")
    line = [sys.executable, str(tmp_path / "example.py"), str(benchmark), str(maps), "2"]
    subprocess.run(line, check=True, capture_output=True)
    evidence_score.run(RunSettings(config, scores, run_cache_dir, maps, benchmark))
    table = read_csv(scores / "evidence.csv")
    assert set(table["method"]) == {"captum_ig", "none"}
    assert set(table["seed"]) == {0, 1}
    assert not table.loc[table["source"] == "network", "map_is_zero"].any()
