"""The process of one program: python -m convcam_jax.benchmark.worker MODULE INPUTS CONFIG CACHE_DIR.

It reads one JSON object per line from stdin and answers each with one on stdout:

{"prepare": CASE}  makes the case ready and runs it uncounted; {} or {"missing": REASON}
{"run": CASE}      runs it; {"seconds": SECONDS}, the least of four means of as many runs as fill half a second
{"release": CASE}  forgets it; {}

The first answer, {"versions": {PACKAGE: VERSION}} or {"missing": REASON}, comes unasked. A failure is answered by
{"error": TRACEBACK}.
"""

import gc
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

# One run of a case.
Job = Callable[[], object]
# What takes less is run several times over: a single step on a GPU is over before its clock has risen.
_SHORTEST_RUN_S = 0.5
# Of a turn, the fastest of which counts. In training one step follows another. The first ones of a turn pay for what
# the others' turns took of the caches, and in a virtual machine for memory that its host took back.
_N_MEANS = 4


def main(module_name: str, inputs_file: str, config_file: str, cache_dir: str) -> None:
    """Answer until stdin ends."""
    # What the frameworks print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    # Imported here, and so below: the processes that compute features import this file too.
    from convcam_jax.system.jax_setup import prepare_jax

    prepare_jax(Path(cache_dir))
    try:
        program = _import(module_name)
        _answer(answers, {"versions": program.versions()})
    except ImportError as error:
        _answer(answers, {"missing": str(error)})
        return
    from convcam_jax.benchmark.inputs import load_inputs
    from convcam_jax.settings.overrides import restore

    inputs = load_inputs(Path(inputs_file))
    config = restore(json.loads(Path(config_file).read_text(encoding="utf-8")))
    ready: dict[str, Job] = {}
    for line in sys.stdin:
        try:
            _answer(answers, _obey(json.loads(line), ready, lambda case: program.prepare(case, inputs, config)))
        except Exception:
            _answer(answers, {"error": traceback.format_exc()})


def _import(module_name: str) -> Any:
    return importlib.import_module(f"convcam_jax.benchmark.{module_name}")


def _obey(order: dict[str, Any], ready: dict[str, Job], prepare: Callable[[Any], Job]) -> dict[str, Any]:
    from convcam_jax.benchmark.cases import Case

    [(verb, fields)] = order.items()
    case = Case(**fields)
    if verb == "prepare":
        try:
            ready[str(case)] = prepare(case)
        except ImportError as error:
            return {"missing": str(error)}
        ready[str(case)]()
        return {}
    if verb == "run":
        return {"seconds": min(_mean_seconds(ready[str(case)]) for _ in range(_N_MEANS))}
    del ready[str(case)]
    gc.collect()
    return {}


def _mean_seconds(job: Job) -> float:
    start, runs = time.perf_counter(), 0
    while runs == 0 or time.perf_counter() - start < _SHORTEST_RUN_S:
        job()
        runs += 1
    return (time.perf_counter() - start) / runs


def _answer(answers: TextIO, value: dict[str, Any]) -> None:
    answers.write(json.dumps(value) + "\n")
    answers.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
