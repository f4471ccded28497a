"""Measuring in turns: starts the programs' processes, gives them the cases, collects the seconds."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from convcam_jax.benchmark.cases import MODULES, OURS, Case
from convcam_jax.system.errors import UserError
from convcam_jax.system.process.allocator import users_environment

PROJECT_DIR = Path(__file__).resolve().parent.parent.parent
# Between two turns, so that the threads of the program before have gone to sleep.
_PAUSE_S = 0.1


class Files(NamedTuple):
    """What the programs' processes are given: `save_inputs`, the config's fields, and where compiled programs are."""

    inputs: Path
    config: Path
    cache_dir: Path


class MissingError(Exception):
    """A program that cannot be measured here; the text says why."""


class Worker:
    """The process of a module of programs (see `convcam_jax.benchmark.worker`)."""

    def __init__(self, module: str, files: Files, messages: IO[str]) -> None:
        command = [sys.executable, "-m", "convcam_jax.benchmark.worker", module, *map(str, files)]
        self._messages = messages
        # Peers are measured as their users start them, without the settings that `run.py` makes for itself.
        environment = os.environ if module == MODULES[OURS] else users_environment()
        self._process = subprocess.Popen(
            command,
            cwd=PROJECT_DIR,
            # With PYTHONSAFEPATH Python would not look for the worker in this folder.
            env={**environment, "PYTHONSAFEPATH": ""},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=messages,
            text=True,
        )
        self.module = module
        self.versions: dict[str, str] = {}

    def wait_until_ready(self) -> None:
        """Wait for the first answer, which comes unasked."""
        self.versions = self._answer()["versions"]

    def ask(self, verb: str, case: Case) -> dict[str, Any]:
        """The answer to an order for a case."""
        assert self._process.stdin is not None
        # A process that has ended is told from its answer, which is none.
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps({verb: case._asdict()}) + "\n")
            self._process.stdin.flush()
        return self._answer()

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        with suppress(BrokenPipeError), self._process:
            pass

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"error": f"its process ended:\n{self._last_messages()}"}
        if "missing" in answer:
            raise MissingError(answer["missing"].strip().splitlines()[0])
        if "error" in answer:
            raise UserError(f"benchmark: the program {self.module} failed: {answer['error'].strip()}")
        return answer

    def _last_messages(self) -> str:
        self._messages.seek(0)
        return self._messages.read()[-2000:]


@contextmanager
def start_workers(
    cases: Sequence[Case], files: Files, folder: Path
) -> Iterator[tuple[dict[str, Worker], dict[str, str]]]:
    """The processes that the cases need, by module, and the modules that are missing here, each with the reason.

    What the processes print goes to files in `folder`.
    """
    workers: dict[str, Worker] = {}
    missing = {}
    with ExitStack() as stack:
        for module in dict.fromkeys(MODULES[case.program] for case in cases):
            messages = stack.enter_context((folder / f"{module}.txt").open("w+"))
            workers[module] = Worker(module, files, messages)
            stack.callback(workers[module].end)
        for module in tuple(workers):
            try:
                workers[module].wait_until_ready()
            except MissingError as error:
                missing[module] = str(error)
                del workers[module]
        yield workers, missing


def measure_in_turns(
    cases: Sequence[Case], workers: dict[str, Worker], repeats: int
) -> tuple[dict[Case, list[float]], dict[str, str]]:
    """Seconds of every repeat of every case, and the programs that are missing here, each with the reason."""
    ready, missing = [], {}
    for case in cases:
        try:
            workers[MODULES[case.program]].ask("prepare", case)
            ready.append(case)
        except MissingError as error:
            missing[case.program] = str(error)
    seconds: dict[Case, list[float]] = {case: [] for case in ready}
    for turn in range(repeats):
        # Every other time in reverse, so that none always follows the same one.
        for case in ready if turn % 2 == 0 else ready[::-1]:
            time.sleep(_PAUSE_S)
            seconds[case].append(workers[MODULES[case.program]].ask("run", case)["seconds"])
    for case in ready:
        workers[MODULES[case.program]].ask("release", case)
    return seconds, missing
