"""What the programs that are measured beside this one have in common."""

from convcam_jax.networks.simplenet import SimpleNetConfig
from convcam_jax.settings.config import Config


def simplenet_config(config: Config) -> SimpleNetConfig:
    """The network that they make.

    Raises:
      ImportError: the config has another one, which leaves them out.
    """
    if not isinstance(config.network, SimpleNetConfig):
        raise ImportError(f"it makes the network simplenet, not {config.network.name}")
    return config.network
