"""Training that starts from weights of Keras's applications, read from their file."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from convcam_jax.networks.chain import Chain
from convcam_jax.networks.network import Network, Variables
from convcam_jax.networks.standardised import Standardised
from convcam_jax.system.errors import UserError
from convcam_jax.training.member import MemberState

FIELD = "config field network.weights"


def check_weights(network: Network) -> None:
    """Raise UserError if the network's weights are in a file that is missing or does not fit."""
    chain = _chain(network)
    weights = read_weights(network)
    if chain is not None and weights is not None:
        # Its parts have the same shapes on any grid and for any number of classes, neither of which may be known yet.
        of_one_class, grid = dataclasses.replace(chain, n_classes=1), chain.smallest_input()
        _fill(jax.eval_shape(lambda key: of_one_class.init(key, grid), jax.random.key(0)), of_one_class, weights)


def start_from_weights(state: MemberState, network: Network) -> MemberState:
    """The state `[S]` before the first epoch with the convolutions of the network's file of weights, if it has one.

    Raises:
      UserError: the file is missing or does not fit.
    """
    chain = _chain(network)
    weights = read_weights(network)
    if chain is None or weights is None:
        return state
    filled = jax.vmap(lambda own: _fill(own, chain, weights))(state.variables)
    variables = jax.tree.map(lambda new, old: jax.device_put(new, old.sharding), filled, state.variables)
    return state._replace(variables=variables, best_variables=jax.tree.map(jnp.copy, variables))


def read_weights(network: Network) -> dict[str, list[np.ndarray]] | None:
    """The arrays of each of Keras's layers, in its order; None of a network that starts without a file.

    Raises:
      UserError: there is no such file, or it holds no weights of Keras; where to get it.
    """
    chain = _chain(network)
    if chain is None or not chain.config.weights:
        return None
    path = Path(chain.config.weights)
    if not os.path.isfile(path):
        raise UserError(f"{FIELD}: there is no file {path}; {_source(chain)}")
    try:
        import h5py
    except ImportError:
        raise UserError(f"{FIELD}: to read it needs a package more: pip install h5py") from None
    try:
        with h5py.File(path, "r") as file:
            # A model that is saved as a whole has its weights in a group.
            return _layers(file if "layer_names" in file.attrs else file["model_weights"])
    except (OSError, KeyError) as error:
        raise UserError(f"{FIELD}: {path} holds no weights of Keras ({error}); {_source(chain)}") from error


def _chain(network: Network) -> Chain | None:
    """The network that weights are for, also behind a standardisation of its inputs; None of one that takes none."""
    network_itself = network.network if isinstance(network, Standardised) else network
    return network_itself if isinstance(network_itself, Chain) else None


def _layers(group: Any) -> dict[str, list[np.ndarray]]:
    names: Mapping[str, Any] = {_text(name): group[_text(name)] for name in group.attrs["layer_names"]}
    return {
        name: [np.asarray(own[_text(array)]) for array in own.attrs["weight_names"]]
        for name, own in names.items()
        if len(own.attrs["weight_names"])
    }


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def _fill(variables: Variables, network: Chain, weights: Mapping[str, list[np.ndarray]]) -> Variables:
    try:
        return network.with_weights(variables, weights)
    except ValueError as error:
        raise UserError(f"{FIELD}: {network.config.weights} does not fit: {error}; {_source(network)}") from error


def _source(network: Chain) -> str:
    return f"the file for {network.config.name} is {network.config.weights_url}"
