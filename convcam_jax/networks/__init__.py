"""The networks. To add one: a file with its config and its `network.Network`, and a line here.

A network may import kernels, geometry and what a batch is; it knows nothing of training, attribution or files.
"""

from collections.abc import Mapping

from convcam_jax.networks.mobilenet import MobileNetConfig
from convcam_jax.networks.network import NetworkConfig
from convcam_jax.networks.simplenet import SimpleNetConfig

NETWORKS: Mapping[str, type[NetworkConfig]] = {
    "simplenet": SimpleNetConfig,
    "mobilenet": MobileNetConfig,
}
