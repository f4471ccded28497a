"""The benchmark's files: inputs for the programs' processes, the table, the figures."""

import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from convcam_jax.benchmark.cases import MODULES, OURS, Case, make_size, turns
from convcam_jax.benchmark.inputs import Inputs, make_inputs, save_inputs
from convcam_jax.benchmark.measure import Files, Worker, measure_in_turns, start_workers
from convcam_jax.benchmark.summary import benchmark_table, in_words
from convcam_jax.figures import benchmark as figures
from convcam_jax.settings.config import Config
from convcam_jax.settings.overrides import flatten
from convcam_jax.stages.record import surroundings
from convcam_jax.stages.run import Run
from convcam_jax.system.formats import write_csv, write_figure, write_json
from convcam_jax.system.processor import multiplies_bfloat16, processor_name
from convcam_jax.system.progress import say


def measure(run: Run) -> pd.DataFrame:
    """Measure all cases; write `benchmark.json` and `benchmark.csv`, the latter after every group of cases."""
    config, workdir = run.config, run.workdir
    inputs = make_inputs(run.dataset, config)
    size = make_size(config.benchmark, len(inputs.tested), len(inputs.wavs), multiplies_bfloat16())
    groups = turns(config.benchmark, size, len(inputs.batch))
    seconds: dict[Case, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        files = Files(Path(name) / "inputs.npz", Path(name) / "config.json", run.cache_dir.absolute())
        save_inputs(files.inputs, inputs)
        write_json(files.config, flatten(config))
        cases = [case for group in groups for case in group]
        with start_workers(cases, files, Path(name)) as (workers, missing):
            left_out = {case.program: missing[m] for case in cases if (m := MODULES[case.program]) in missing}
            _say_missing(left_out)
            for group in groups:
                present = [case for case in group if case.program not in left_out]
                measured, absent = measure_in_turns(present, workers, size.repeats)
                _say_missing(absent)
                left_out |= absent
                seconds |= measured
                _say_measured(measured)
                write_csv(workdir / "benchmark.csv", benchmark_table(seconds))
            write_json(workdir / "benchmark.json", _about(config, inputs, size._asdict(), workers, left_out))
    return benchmark_table(seconds)


def present(table: pd.DataFrame, workdir: Path) -> None:
    """Draw the table and say how this project compares."""
    write_figure(workdir / "figures" / "benchmark.png", figures.comparison, table, OURS)
    write_figure(workdir / "figures" / "benchmark_growth.png", figures.growth, table, OURS)
    for line in in_words(table):
        say(line)


def _about(
    config: Config, inputs: Inputs, size: dict[str, Any], workers: dict[str, Worker], left_out: dict[str, str]
) -> dict[str, Any]:
    filled = inputs.batch_frames.mean() / inputs.batch.shape[2]
    return {
        **surroundings(),
        "cpu": processor_name(),
        "versions": {module: worker.versions for module, worker in workers.items()},
        "left_out": left_out,
        "size": size,
        "batch": {
            "recordings": len(inputs.batch),
            "bins": inputs.batch.shape[1],
            "frames": inputs.batch.shape[2],
            "filled_share": float(filled),
            "layout": int(inputs.batch_layout),
        },
        "config": flatten(config),
    }


def _say_missing(programs: dict[str, str]) -> None:
    for program, reason in programs.items():
        say(f"{program} is left out: {reason}")


def _say_measured(measured: dict[Case, list[float]]) -> None:
    for row in benchmark_table(measured).itertuples():
        say(
            f"{row.task}, {row.program}, {row.precision}, {row.members} members, {row.recordings} recordings: "
            f"{row.seconds_median:.4f} s per {row.unit} ({row.seconds_min:.4f} to {row.seconds_max:.4f})"
        )
