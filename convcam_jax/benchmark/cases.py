"""What is measured: the cases of each size of the benchmark."""

from collections.abc import Collection
from typing import NamedTuple

from convcam_jax.settings.experiments import BenchmarkConfig

OURS = "convcam_jax"
# What one unit of a task is: the seconds of `benchmark.csv` are those of one unit.
UNITS = {
    "training_step": "step and member",
    "training_step_full_length": "step and member",
    "explaining": "map",
    "features": "recording",
}
# Programs by the module of `convcam_jax.benchmark` that holds them; a module is run in a process of its own.
MODULES = {
    OURS: "ours",
    "keras_tensorflow": "keras_tensorflow",
    "pytorch": "pytorch",
    "pytorch_hooks": "pytorch",
    "pytorch_grad_cam": "pytorch",
    "librosa_loop": "librosa_loop",
}
_TRAINING_PEERS = ("keras_tensorflow", "pytorch")
# The package grad-cam turns activations into NumPy arrays, which have no bfloat16.
_EXPLAINING_PEERS = {
    "float32": ("keras_tensorflow", "pytorch_hooks", "pytorch_grad_cam"),
    "bfloat16": ("keras_tensorflow", "pytorch_hooks"),
}
_PRECISIONS = ("float32", "bfloat16")
# More members of full length need more memory than many machines have.
_FULL_LENGTH_MEMBERS = 2


class Case(NamedTuple):
    """One measurement: a task of a network by a program, at a precision, for a number of members and recordings."""

    network: str
    task: str
    program: str
    precision: str
    members: int
    recordings: int

    def units(self) -> int:
        """How many units of `UNITS` one run of the case does."""
        return {"features": self.recordings, "explaining": self.members * self.recordings}.get(self.task, self.members)


class BenchmarkSize(NamedTuple):
    """How much is measured.

    Attributes:
      repeats: of every case, after one that is not counted.
      members: for which the training step and the explaining are measured, the first with the peers beside it.
      explained: test recordings, in the same way.
      features: recordings whose features are computed, in the same way.
      precisions: at which the other tasks are measured.
    """

    repeats: int
    members: tuple[int, ...]
    explained: tuple[int, ...]
    features: tuple[int, ...]
    precisions: dict[str, tuple[str, ...]]


def make_size(config: BenchmarkConfig, n_tested: int, n_recordings: int, bfloat16_units: bool) -> BenchmarkSize:
    """The size of a config's name, at most the recordings that there are.

    Without `bfloat16_units` in the processor the peers take ten times as long in bfloat16: a short one leaves it out.
    """
    if config.size == "short":
        trained: tuple[str, ...] = _PRECISIONS if bfloat16_units else ("float32",)
        precisions = {"training_step": trained, "training_step_full_length": (), "explaining": ("float32",)}
        return BenchmarkSize(2, config.members or (2,), (min(4, n_tested),), (), precisions)
    explained = tuple(sorted({min(n, n_tested) for n in (24, 12, 6)}, reverse=True))
    features = tuple(sorted({min(n, n_recordings) for n in (192, 96, 48)}, reverse=True))
    precisions = dict.fromkeys(("training_step", "training_step_full_length", "explaining"), _PRECISIONS)
    return BenchmarkSize(3, config.members or (10, 1, 2, 5, 20, 40), explained, features, precisions)


def turns(tasks: Collection[str], size: BenchmarkSize, batch_size: int, network: str) -> list[list[Case]]:
    """The cases of these tasks of a network in groups; those of a group are measured in turns."""
    groups = []
    for task, n in (("training_step", size.members[0]), ("training_step_full_length", _FULL_LENGTH_MEMBERS)):
        for precision in size.precisions[task]:
            peers = [Case(network, task, program, precision, 1, batch_size) for program in _TRAINING_PEERS]
            groups.append([Case(network, task, OURS, precision, n, batch_size), *peers])
    for precision in size.precisions["explaining"]:
        n = size.explained[0]
        peers = [Case(network, "explaining", program, precision, 1, n) for program in _EXPLAINING_PEERS[precision]]
        groups.append([Case(network, "explaining", OURS, precision, size.members[0], n), *peers])
    groups += [
        [Case(network, "features", program, "float64", 1, n) for program in (OURS, "librosa_loop")]
        for n in size.features
    ]
    groups += [[case] for case in _growth(size, batch_size, network)]
    return [group for group in groups if group[0].task in tasks]


def _growth(size: BenchmarkSize, batch_size: int, network: str) -> list[Case]:
    """Ours alone for other numbers of members and recordings; the peers do one after another, so theirs is known."""
    training = [
        Case(network, "training_step", OURS, precision, n, batch_size)
        for precision in size.precisions["training_step"]
        for n in size.members[1:]
        if n <= 20
    ]
    members = [Case(network, "explaining", OURS, "float32", n, size.explained[0]) for n in size.members[1:]]
    recordings = [Case(network, "explaining", OURS, "float32", size.members[0], n) for n in size.explained[1:]]
    return [*training, *members, *recordings]
