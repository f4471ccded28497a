"""The configs of the runs that the experiment `networks` compares, and of what `benchmark` measures."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence

from convcam_jax.networks import NETWORKS
from convcam_jax.networks.network import NetworkConfig
from convcam_jax.representations import REPRESENTATIONS
from convcam_jax.representations.representation import Representation
from convcam_jax.settings.config import Config, choices_having
from convcam_jax.settings.experiments import NetworksConfig
from convcam_jax.settings.presets import Choices, make_config, with_evidence_size
from convcam_jax.system.errors import UserError

# Of the config's representation, what the others that are compared have as well.
_SHARED_INPUT = ("scale", "standardisation")


def compared_configs(config: Config) -> dict[str, Config]:
    """The runs of the experiment `paper` by name, NETWORK-REPRESENTATION.

    They differ in nothing else. The network and the representation that the config has are as it has them; others are
    as they are by default, and small where the config's network is (on the embedded corpus).

    Raises:
      UserError: a network does not fit a representation, or the corpus's frames.
    """
    return {
        f"{network}-{representation}": dataclasses.replace(
            config,
            experiment="paper",
            networks=NetworksConfig(),
            network=_network(config, network),
            representation=_representation(config, representation),
        )
        for network in config.networks.networks
        for representation in config.networks.representations
    }


def require_compared(config: Config, given: Collection[str], changed: Collection[str]) -> None:
    """Refuse a network or representation that the user speaks of and the experiment's own list of them leaves out.

    given: names of the flags that were; changed: names of the fields that --set changes. Elsewhere the config may have
    what is not compared, by default.

    Raises:
      UserError: it names the flag, or the field and what it is of, and the list.
    """
    lists = {
        ("networks", "network"): config.networks.networks,
        ("networks", "representation"): config.networks.representations,
        ("benchmark", "network"): config.benchmark.networks or (config.network.name,),
    }
    for (experiment, flag), names in lists.items():
        name = getattr(config, flag).name
        if config.experiment != experiment or name in names:
            continue
        if flag in given:
            with_it = f"--set={experiment}.{flag}s={','.join((*names, name))}"
            raise UserError(f"--{flag}={name}: is not in {experiment}.{flag}s; add {with_it} or leave the flag out")
        shared = {f"{flag}.{field}" for field in _SHARED_INPUT}
        for field in changed:
            if field.startswith(f"{flag}.") and field not in shared:
                what = f"--set={field}: is of {name}, which is not in {experiment}.{flag}s"
                raise UserError(f"{what}; {_advice(flag, field, names)}")


def _advice(flag: str, field: str, names: Sequence[str]) -> str:
    """What to do about a changed field of a door, the flag's, of whose choices `names` are compared."""
    having = [name for name in names if name in choices_having(field)]
    return f"add --{flag}={having[0]}, the one that it then holds for" if having else "leave it out"


def compared_evidence(runs: Mapping[str, Config]) -> dict[str, Config]:
    """The small experiment `evidence` of each run's network, representation and way of explaining, by its name."""
    found = {}
    for name, config in runs.items():
        choices = Choices("evidence", representation=config.representation.name, network=config.network.name)
        made = make_config(choices)
        evidence = dataclasses.replace(made.evidence, size="small")
        made = dataclasses.replace(made, attribution=config.attribution, evidence=evidence)
        found[name] = with_evidence_size(made, seeds=None)
    return found


def benchmarked_configs(config: Config) -> dict[str, Config]:
    """A config for each of the networks that are measured; one that the config has not is in its full size.

    Raises:
      UserError: a network does not fit the representation, or the corpus's frames.
    """
    given, names = config.network, config.benchmark.networks or (config.network.name,)
    return {
        name: dataclasses.replace(config, network=given if name == given.name else NETWORKS[name]()) for name in names
    }


def _network(config: Config, name: str) -> NetworkConfig:
    if name == config.network.name:
        return config.network
    network = NETWORKS[name]()
    return network.small() if config.corpus.name == "synthetic" else network


def _representation(config: Config, name: str) -> Representation:
    given = config.representation
    if name == given.name:
        return given
    return REPRESENTATIONS[name](**{field: getattr(given, field) for field in _SHARED_INPUT})
