"""How many members' training fits into the memory of a device."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from convcam_jax.data.recordings import Batch
from convcam_jax.networks.network import Network, Variables
from convcam_jax.system.memory import free_memory
from convcam_jax.training.config import TrainConfig

# Variables, two moments of Adam, the best variables and a gradient.
_COPIES = 5
# Besides, what a checkpoint holds in flight, and activations where they are small beside the variables.
_COPIES_IN_FLIGHT = 3
# What else runs on the machine, and this program itself, need the rest.
_SHARE_OF_MEMORY = 0.4
_BYTES = 4


def bytes_per_member(network: Network, grid: tuple[int, int], config: TrainConfig) -> int:
    """About the memory that one member takes while it trains on inputs of the grid (F, T).

    All that a forward pass makes is taken to be kept for the gradient, of recordings that fill half of the grid.
    """
    variables = jax.eval_shape(lambda key: network.init(key, grid), jax.random.key(0))
    of_variables = _BYTES * sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(variables))
    activations = _bytes_of_forward_pass(network, variables, grid, config.batch_size)
    # A running mean is one more of them.
    copies = _COPIES + (config.average_decay > 0)
    return copies * of_variables + max(_COPIES_IN_FLIGHT * of_variables, activations)


def bytes_for_members(grid: tuple[int, int], n_recordings: int) -> int:
    """The memory that members may take on one device of this process, beside all recordings on the grid (F, T)."""
    statistics = jax.local_devices()[0].memory_stats() or {}
    # The devices of a CPU share its memory, also those of the run's other processes, which may be on this machine.
    device = statistics.get("bytes_limit") or free_memory() // jax.device_count()
    return max(0, int(_SHARE_OF_MEMORY * device) - _BYTES * n_recordings * math.prod(grid))


def _bytes_of_forward_pass(network: Network, variables: Variables, grid: tuple[int, int], batch_size: int) -> int:
    layout = network.layout(np.full((batch_size, 1), max(grid[1] // 2, 1)))

    def forward(variables: Variables, spectrograms: Array, n_frames: Array) -> Array:
        return network.logits(variables, Batch(spectrograms, n_frames), layout, jax.random.key(0))[0]

    shapes = jax.ShapeDtypeStruct((batch_size, *grid), jnp.float32), jax.ShapeDtypeStruct((batch_size,), jnp.int32)
    program = jax.make_jaxpr(forward)(variables, *shapes)
    made = (variable.aval for equation in program.eqns for variable in equation.outvars)
    return _BYTES * sum(math.prod(getattr(array, "shape", ())) for array in made)
