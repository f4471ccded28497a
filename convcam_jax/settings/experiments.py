"""Configs of single experiments, whose rooms stand further down."""

import dataclasses
from typing import Literal

from convcam_jax.networks import NETWORKS
from convcam_jax.representations import REPRESENTATIONS
from convcam_jax.system.validation import require, require_choice


@dataclasses.dataclass(frozen=True)
class GivenMapsConfig:
    """What the maps of the experiment `analyse_maps` are.

    Attributes:
      free_from_colours: whether maps that show the error of having been read from a picture of 256 colours are freed
        from most of it.
    """

    free_from_colours: bool = True


@dataclasses.dataclass(frozen=True)
class BenchmarkConfig:
    """What the experiment `benchmark` measures; "short" has fewer repeats, members and recordings.

    Attributes:
      size: how many repeats, members and recordings there are.
      tasks: what is measured; `methods` is what every method of attribution costs, alone.
      networks: keys of `NETWORKS` that are measured one after another; none: the config's network alone.
      members: trained or explained at once, the first with the peers beside it, of the others 20 at most where they are
        trained; none: what the size has.
    """

    size: Literal["full", "short"] = "full"
    tasks: tuple[Literal["training_step", "training_step_full_length", "explaining", "features", "methods"], ...] = (
        "training_step",
        "training_step_full_length",
        "explaining",
        "features",
    )
    networks: tuple[str, ...] = ()
    members: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        require(len(set(self.networks)) == len(self.networks), "benchmark.networks", "has one of them twice")
        for name in self.networks:
            require_choice(name, NETWORKS, "benchmark.networks")
        require(all(number >= 1 for number in self.members), "benchmark.members", "must be positive")
        measured = ("training_step", "explaining", "methods") if self.size == "short" else self.tasks
        require(bool(set(self.tasks) & set(measured)), "benchmark.tasks", f"size {self.size} measures none of them")


@dataclasses.dataclass(frozen=True)
class NetworksConfig:
    """What the experiment `networks` compares.

    Attributes:
      networks: keys of `NETWORKS`; each is run with each of `representations`.
      representations: keys of `REPRESENTATIONS`; each is run with each of `networks`.
      evidence: whether planted evidence, in the embedded voices and its small size, is asked of each as well.
    """

    networks: tuple[str, ...] = ("simplenet", "mobilenet", "resnet_small")
    representations: tuple[str, ...] = ("cqt",)
    evidence: bool = False

    def __post_init__(self) -> None:
        for field, names, known in (
            ("networks", self.networks, NETWORKS),
            ("representations", self.representations, REPRESENTATIONS),
        ):
            require(bool(names), f"networks.{field}", "needs at least one")
            require(len(set(names)) == len(names), f"networks.{field}", "has one of them twice")
            for name in names:
                require_choice(name, known, f"networks.{field}")
