"""Any network behind a standardisation of its inputs, whose mean and deviation are among the network's variables.

So they are saved with a model, and whatever asks it, with recordings in the scale of the representation, gets answers
to standardised ones. What lies beyond a recording is 0 behind the standardisation, too: the mean, for a network.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from convcam_jax.data.recordings import Batch
from convcam_jax.kernels.precision import Precision
from convcam_jax.networks.geometry import Geometry
from convcam_jax.networks.network import Attention, AttentionWeights, Network, Shortcut, Variables

# The collection of the variables that holds "mean" and "deviation", each [F].
STATISTICS = "input_statistics"


def standardise(batch: Batch, mean: Float[Array, " F"], deviation: Float[Array, " F"]) -> Batch:
    """The batch with (x - mean) / deviation in the frames of each recording and 0 beyond them."""
    sounding = jnp.arange(batch.grid[1])[None, :] < batch.n_frames[:, None]
    standard = (batch.spectrograms - mean[None, :, None]) / deviation[None, :, None]
    return batch._replace(spectrograms=jnp.where(sounding[:, None, :], standard, 0.0))


def with_statistics(variables: Variables, statistics: Mapping[str, np.ndarray]) -> Variables:
    """Members' variables with `mean` and `deviation` `[S, F]` in place of their own, laid over the devices as those."""
    placed = jax.tree.map(lambda own, like: jax.device_put(own, like.sharding), dict(statistics), variables[STATISTICS])
    return {**variables, STATISTICS: placed}


@dataclasses.dataclass(frozen=True)
class Standardised:
    """A `Network` whose inputs are standardised; but for that it is the one behind it."""

    network: Network

    @property
    def n_classes(self) -> int:
        """See `Network.n_classes`."""
        return self.network.n_classes

    @property
    def precision(self) -> Precision:
        """See `Network.precision`."""
        return self.network.precision

    def layers(self) -> Mapping[str, tuple[str, ...]]:
        """See `Network.layers`."""
        return self.network.layers()

    def explained_layers(self) -> tuple[str, ...]:
        """See `Network.explained_layers`."""
        return self.network.explained_layers()

    def smallest_input(self) -> tuple[int, int]:
        """See `Network.smallest_input`."""
        return self.network.smallest_input()

    def geometry(self, layer: str, grid: tuple[int, int]) -> Geometry:
        """See `Network.geometry`."""
        return self.network.geometry(layer, grid)

    def layout(self, n_frames: Int[np.ndarray, "n_strata n_steps"]) -> int:
        """See `Network.layout`."""
        return self.network.layout(n_frames)

    def init(self, key: Array, grid: tuple[int, int]) -> Variables:
        """See `Network.init`; until `with_statistics` gives them others, the inputs are left as they are."""
        return {
            **self.network.init(key, grid),
            STATISTICS: {"mean": jnp.zeros(grid[0]), "deviation": jnp.ones(grid[0])},
        }

    def logits(
        self, variables: Variables, batch: Batch, layout: int, key: Array | None = None
    ) -> tuple[Float[Array, "B C"], Variables]:
        """See `Network.logits`."""
        of_network, statistics = _parted(variables)
        logits, of_network = self.network.logits(of_network, standardise(batch, **statistics), layout, key)
        return logits, {**of_network, STATISTICS: statistics}

    def activations(self, variables: Variables, batch: Batch, layout: int, layer: str) -> Float[Array, "B H W K"]:
        """See `Network.activations`."""
        of_network, statistics = _parted(variables)
        return self.network.activations(of_network, standardise(batch, **statistics), layout, layer)

    def head(
        self, variables: Variables, activations: Float[Array, "H W K"], layer: str, n_frames: Int[Array, ""]
    ) -> Float[Array, " C"]:
        """See `Network.head`."""
        return self.network.head(_parted(variables)[0], activations, layer, n_frames)

    def shortcut(self, method: str, layer: str) -> Shortcut | None:
        """See `Network.shortcut`."""
        shortcut = self.network.shortcut(method, layer)
        if shortcut is None:
            return None
        prepare, explain = shortcut

        def explain_standardised(
            prepared: Any, variables: Variables, batch: Batch, layout: int, *ways: Callable[..., Array]
        ) -> tuple[Array, Array]:
            of_network, statistics = _parted(variables)
            return explain(prepared, of_network, standardise(batch, **statistics), layout, *ways)

        return Shortcut(lambda variables: prepare(_parted(variables)[0]), explain_standardised)

    def attention(self) -> Attention | None:
        """See `Network.attention`."""
        attention = self.network.attention()
        if attention is None:
            return None
        attend = attention.attend

        def attend_standardised(
            variables: Variables, batch: Batch, added: Array | None
        ) -> tuple[Array, AttentionWeights]:
            of_network, statistics = _parted(variables)
            return attend(of_network, standardise(batch, **statistics), added)

        return attention._replace(attend=attend_standardised)

    def compiles_quickly(self) -> bool:
        """See `Network.compiles_quickly`."""
        return self.network.compiles_quickly()


def _parted(variables: Variables) -> tuple[Variables, dict[str, Array]]:
    """The variables of the network itself, and the statistics."""
    of_network = {name: collection for name, collection in variables.items() if name != STATISTICS}
    return of_network, variables[STATISTICS]
