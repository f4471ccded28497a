"""What an explanation costs: seconds per map, and the memory that a method's program takes beside what it is given."""

import time
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Int

from convcam_jax.attribution import METHODS
from convcam_jax.attribution.config import AttributionConfig
from convcam_jax.attribution.explaining import explaining_program, references_of
from convcam_jax.attribution.limits import require_explainable
from convcam_jax.data.recordings import Recordings
from convcam_jax.networks.network import Network, Variables
from convcam_jax.settings.config import Config
from convcam_jax.system.errors import UserError

# Runs that are counted, behind one that is not, and how long they may take together before there are so many.
_RUNS, _MOST_S = 3, 10.0
# Recordings of a batch.
MOST_EXPLAINED = 4


class Cost(NamedTuple):
    """A row of `methods.csv`; seconds are those of one map, bytes those of a member's program for all recordings."""

    network: str
    method: str
    members: int
    recordings: int
    seconds_median: float
    seconds_min: float
    seconds_max: float
    program_bytes: int


def methods_for(config: Config) -> list[str]:
    """The methods that can explain the config's network and layer."""
    network, layer = config.make_network("float32"), config.attribution.layer

    def fits(method: str) -> bool:
        try:
            require_explainable(config.network.name, network, layer, "attribution.method", [method])
        except UserError:
            return False
        return True

    return [method for method in METHODS if fits(method)]


def measure_method(
    name: str,
    variables: Variables,
    recordings: Recordings,
    batch: Int[np.ndarray, " N"],
    network: Network,
    layout: int,
    config: AttributionConfig,
) -> Cost:
    """The cost of one method on a batch of the recordings (indices), of members' variables `[S, ...]`.

    As many members as there are devices take one of them each. `name` is that of the network.
    """
    n_members = len(jax.tree.leaves(variables)[0])
    program = explaining_program(n_members, 1, network, layout, (config,))
    references = references_of(recordings) if config.compares else recordings.spectrograms[:1]
    arguments = variables, recordings, batch[None], references
    compiled = program.lower(*arguments).compile()
    seconds: list[float] = []
    jax.block_until_ready(compiled(*arguments))
    while len(seconds) < _RUNS and sum(seconds) < _MOST_S:
        begun_s = time.perf_counter()
        jax.block_until_ready(compiled(*arguments))
        seconds.append(time.perf_counter() - begun_s)
    per_map = np.array(seconds) / (n_members * len(batch))
    memory = compiled.memory_analysis().temp_size_in_bytes
    return Cost(
        name, config.method, n_members, len(batch), np.median(per_map), per_map.min(), per_map.max(), int(memory)
    )
