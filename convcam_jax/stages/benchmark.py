"""The benchmark's files: inputs for the programs' processes, the table, the figures."""

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd

from convcam_jax.attribution.baseline import evenly_spread
from convcam_jax.benchmark.cases import MODULES, OURS, Case, make_size, turns
from convcam_jax.benchmark.inputs import Inputs, make_inputs, save_inputs, write_wavs
from convcam_jax.benchmark.measure import Files, Worker, measure_in_turns, start_workers
from convcam_jax.benchmark.method_costs import MOST_EXPLAINED, Cost, measure_method, methods_for
from convcam_jax.benchmark.summary import benchmark_table, in_words
from convcam_jax.data.batches import fixed_strata
from convcam_jax.data.members import Member
from convcam_jax.figures import benchmark as figures
from convcam_jax.settings.compared import benchmarked_configs
from convcam_jax.settings.config import Config
from convcam_jax.settings.overrides import flatten
from convcam_jax.stages.record import surroundings
from convcam_jax.stages.run import Run
from convcam_jax.system.errors import UserError
from convcam_jax.system.formats import write_csv, write_figure, write_json
from convcam_jax.system.processor import multiplies_bfloat16, processor_name
from convcam_jax.system.progress import counted, say
from convcam_jax.training.ensemble import init_round

_TABLE, _COSTS = "benchmark.csv", "methods.csv"


def check_unmeasured(workdir: Path) -> None:
    """See to it that no measurement takes the place of an earlier one, which is never the same.

    Raises:
      UserError: the folder holds one, finished or not.
    """
    for name in (_TABLE, _COSTS):
        if (workdir / name).exists():
            raise UserError(f"{workdir}: holds a measurement, {name}; choose another --workdir")


def measure(run: Run) -> pd.DataFrame:
    """Measure all cases; write `benchmark.json` after every network and `benchmark.csv` after every group of cases.

    Also `methods.csv`, a row after another, if the methods' costs are asked for.
    """
    seconds: dict[Case, list[float]] = {}
    about: dict[str, Any] = {}
    costs: list[Cost] = []
    for number, (network, config) in enumerate(benchmarked_configs(run.config).items()):
        # Features have no network: they are measured once.
        once = () if number == 0 else ("features",)
        tasks = tuple(task for task in config.benchmark.tasks if task not in (*once, "methods"))
        if tasks:
            about[network] = _measure_network(run, config, tasks, seconds)
        shared = {**surroundings(), "cpu": processor_name(), "networks": about, "config": flatten(run.config)}
        write_json(run.workdir / "benchmark.json", shared)
        if "methods" in config.benchmark.tasks:
            _measure_methods(run, config, costs)
    return benchmark_table(seconds)


def _measure_network(
    run: Run, config: Config, tasks: tuple[str, ...], seconds: dict[Case, list[float]]
) -> dict[str, Any]:
    """Measure the config's network, whose seconds come to those that there are; what it was measured on."""
    dataset = run.dataset
    n_tested = len(dataset.indices(dataset.cohorts()[0], "test"))
    size = make_size(config.benchmark, n_tested, len(dataset.utterances), multiplies_bfloat16())
    with tempfile.TemporaryDirectory() as name:
        n_wavs = max(size.features, default=0) if "features" in tasks else 0
        inputs = make_inputs(dataset, config, write_wavs(dataset, config, n_wavs, Path(name)))
        groups = turns(tasks, size, len(inputs.batch), config.network.name)
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
                write_csv(run.workdir / _TABLE, benchmark_table(seconds))
            return _about(inputs, size._asdict(), workers, left_out)


def present(table: pd.DataFrame, workdir: Path) -> None:
    """Draw the table and say how this project compares, if it was compared."""
    if table.empty:
        return
    write_figure(workdir / "figures" / "benchmark.png", figures.comparison, table, OURS)
    write_figure(workdir / "figures" / "benchmark_growth.png", figures.growth, table, OURS)
    for line in in_words(table):
        say(line)


def _measure_methods(run: Run, config: Config, costs: list[Cost]) -> None:
    """Measure all methods that the config's network has, whose costs come to those that there are."""
    network, recordings = config.make_network("float32"), run.recordings
    cohort = run.dataset.cohorts()[0]
    tested = run.dataset.indices(cohort, "test")
    some = tested[evenly_spread(len(tested), MOST_EXPLAINED)]
    strata, layout = fixed_strata(np.asarray(recordings.n_frames), some, MOST_EXPLAINED, network.layout)
    # A process can be asked for as many as it has devices, each of which is busy then.
    members = tuple(Member(*cohort, seed) for seed in range(jax.local_device_count()))
    variables = init_round(members, network, config.train, config.grid).variables
    for method in methods_for(config):
        attribution = dataclasses.replace(config.attribution, method=method)
        cost = measure_method(config.network.name, variables, recordings, strata[:, 0], network, layout, attribution)
        costs.append(cost)
        say(f"{cost.network}, {method}: {cost.seconds_median:.4f} s per map, {cost.program_bytes / 1e6:.0f} MB")
        write_csv(run.workdir / _COSTS, pd.DataFrame(costs))


def _about(
    inputs: Inputs, size: dict[str, Any], workers: dict[str, Worker], left_out: dict[str, str]
) -> dict[str, Any]:
    filled = inputs.batch_frames.mean() / inputs.batch.shape[2]
    return {
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
    }


def _say_missing(programs: dict[str, str]) -> None:
    for program, reason in programs.items():
        say(f"{program} is left out: {reason}")


def _say_measured(measured: dict[Case, list[float]]) -> None:
    for row in benchmark_table(measured).itertuples():
        say(
            f"{row.network}, {row.task}, {row.program}, {row.precision}, {counted(row.members, 'member')}, "
            f"{counted(row.recordings, 'recording')}: {row.seconds_median:.4f} s per {row.unit} "
            f"({row.seconds_min:.4f} to {row.seconds_max:.4f})"
        )
