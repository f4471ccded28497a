"""Which methods cannot explain which networks and layers, so that a run is refused before anything is computed."""

from collections.abc import Sequence

from convcam_jax.attribution import METHODS
from convcam_jax.networks import NETWORKS
from convcam_jax.networks.network import Network
from convcam_jax.system.validation import require


def require_explainable(name: str, network: Network, layer: str, field: str, methods: Sequence[str]) -> None:
    """Check that a layer of the network called `name` can be explained by all methods, those of a config's `field`.

    Raises:
      UserError: one cannot; says which, and what to take instead.
    """
    for method in methods:
        if METHODS[method].level == "tokens":
            _require_attention(name, network, layer, field, method)
        if METHODS[method].differentiates_twice:
            attention = network.attention()
            allowed = network.explained_layers()[:1] if attention is None else attention.layers
            rule = f"must be one of {', '.join(allowed)}, behind which there is no convolution, for {method}"
            require(layer in ("", *allowed), "attribution.layer", rule)


def _require_attention(name: str, network: Network, layer: str, field: str, method: str) -> None:
    attention = network.attention()
    if attention is None:
        having = [own for own, config in NETWORKS.items() if config().make(2, "float32").attention() is not None]
        others = ", ".join(own for own, other in METHODS.items() if other.level != "tokens")
        what = f"{method} explains by attention, which {name} does not have"
        require(False, field, f"{what}: take --network={' or '.join(having)}, or one of {others}")
    else:
        rule = f"must be one of {', '.join(attention.layers)}, whose nodes are the tokens that {method} explains"
        require(layer in ("", *attention.layers), "attribution.layer", rule)
