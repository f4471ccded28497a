"""The defaults of an experiment, of what the flags choose, and of the device."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

from convcam_jax.checks.evidence.config import EVIDENCE_CLASSES
from convcam_jax.checks.faithfulness.config import FaithfulnessConfig
from convcam_jax.checks.sanity.config import SanityConfig
from convcam_jax.corpora.config import GENDERS
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.kernels.precision import fastest_precision
from convcam_jax.networks.simplenet import SimpleNetConfig
from convcam_jax.paper import published
from convcam_jax.paper.protocols import PROTOCOLS, Protocol
from convcam_jax.settings.config import DOORS, Config
from convcam_jax.splits.per_cell import PerCell
from convcam_jax.system.validation import require_choice
from convcam_jax.training.config import TrainConfig

# Fewer checks, as the network is its small one, so that a first look at the embedded corpus takes minutes on a CPU.
SYNTHETIC_SANITY = SanityConfig(seeds=2, shuffled_label_seeds=0)
SYNTHETIC_FAITHFULNESS = FaithfulnessConfig(seeds=1)
# What a small network learns the embedded voices' emotions with in a minute, chosen by the accuracy on validation. No
# recording has more than 72 frames.
FIRST_LOOK_CORPUS: Mapping[str, Any] = {"texts": 10, "max_frames": 80}
FIRST_LOOK_INPUT: Mapping[str, Any] = {"scale": "decibel", "standardisation": "global"}
FIRST_LOOK_TRAINING: Mapping[str, Any] = {"epochs": 12, "patience_epochs": 12, "learning_rate": 0.002}
# Speakers of EMO-DB who have too few recordings of some emotions to be split within an emotion (section 3.1).
EXCLUDED_SPEAKERS = ("09", "12")
SMALL_EVIDENCE_METHODS = ("gradcam", "gradcam++", "hirescam", "gradient_x_input")


class Choices(NamedTuple):
    """What the flags choose."""

    experiment: str = "paper"
    protocol: Protocol = "corrected"
    corpus: str = "synthetic"
    representation: str = "cqt"
    split: str = "per_cell"
    network: str = "simplenet"
    data_dir: str = ""
    seeds: int = TrainConfig.seeds


def make_config(choices: Choices) -> Config:
    """The defaults of what was chosen: those of `full_config`, others on the synthetic corpus.

    Raises:
      UserError: a door has no such choice.
    """
    config = full_config(choices)
    if not isinstance(config.corpus, SyntheticConfig):
        return config
    config = dataclasses.replace(config, sanity=SYNTHETIC_SANITY, faithfulness=SYNTHETIC_FAITHFULNESS)
    # Times are those of the network in full size, whatever the recordings.
    if choices.experiment == "benchmark":
        return config
    config = dataclasses.replace(config, network=config.network.small())
    # Planted cues are learned from other recordings, see `with_evidence_size`.
    if choices.experiment == "evidence":
        return config
    return dataclasses.replace(
        config,
        corpus=dataclasses.replace(config.corpus, **FIRST_LOOK_CORPUS),
        representation=dataclasses.replace(config.representation, **FIRST_LOOK_INPUT),
        train=dataclasses.replace(config.train, **FIRST_LOOK_TRAINING),
    )


def full_config(choices: Choices) -> Config:
    """The defaults with the network in its full size, whatever the corpus.

    Raises:
      UserError: a door has no such choice.
    """
    chosen = {door: _choice(door, getattr(choices, door)) for door in DOORS}
    corpus = chosen["corpus"](data_dir=choices.data_dir)
    split = chosen["split"]()
    if isinstance(split, PerCell) and choices.corpus == "emodb":
        corpus = dataclasses.replace(corpus, excluded_speakers=EXCLUDED_SPEAKERS)
        if choices.protocol == "published":
            split = dataclasses.replace(split, pinned_test=published.recording_names())
    return Config(
        experiment=choices.experiment,
        protocol=choices.protocol,
        corpus=corpus,
        representation=chosen["representation"](),
        split=split,
        network=chosen["network"](),
        train=TrainConfig(seeds=choices.seeds),
        analysis=PROTOCOLS[choices.protocol],
    )


def _choice(door: str, name: str) -> type:
    require_choice(name, DOORS[door], f"--{door}")
    return DOORS[door][name]


def default_config(config: Config) -> Config:
    """The defaults, in full size, of what a config was made with."""
    doors = {door: getattr(config, door).name for door in DOORS}
    choices = Choices(config.experiment, config.protocol, data_dir=config.corpus.data_dir, **doors)
    return with_device_defaults(full_config(choices))


def with_device_defaults(config: Config) -> Config:
    """The config with what depends on the device spelled out; to be called when JAX is set up."""
    if config.train.precision != "fastest":
        return config
    return dataclasses.replace(config, train=dataclasses.replace(config.train, precision=fastest_precision()))


def with_evidence_size(config: Config, seeds: int | None) -> Config:
    """The defaults of the experiment `evidence` at the size that the config names, with `seeds` members if given.

    Networks, recordings and epochs are as few as let the networks learn the cues.
    """
    small = config.evidence.size == "small"
    evidence = dataclasses.replace(
        config.evidence,
        genders=("female",) if small else GENDERS,
        methods=SMALL_EVIDENCE_METHODS if small else config.evidence.methods,
    )
    sizes: dict[str, Any] = {"speakers_per_gender": 2 if small else 3, "texts": 20}
    corpus = dataclasses.replace(config.corpus, emotions=EVIDENCE_CLASSES, max_frames=64, **sizes)
    network = SimpleNetConfig(filters=(8, 16, 32), dense_units=64)
    return dataclasses.replace(
        config,
        corpus=corpus,
        network=network if isinstance(config.network, SimpleNetConfig) else config.network,
        train=dataclasses.replace(config.train, seeds=seeds or 4, epochs=12, patience_epochs=12),
        evidence=evidence,
    )
