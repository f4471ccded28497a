"""The defaults of an experiment, of what the flags choose, and of the device."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from convcam_jax.checks.evidence.config import EVIDENCE_CLASSES
from convcam_jax.checks.faithfulness.config import FaithfulnessConfig
from convcam_jax.checks.sanity.config import SanityConfig
from convcam_jax.corpora.config import GENDERS, CorpusConfig
from convcam_jax.corpora.natural.changes import NATURAL_CUES
from convcam_jax.corpora.natural.planted import variants_of
from convcam_jax.corpora.several import SeveralConfig
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.corpora.synthetic.variants import VARIANTS
from convcam_jax.kernels.precision import fastest_precision
from convcam_jax.networks.resnet_small import ResNetSmallConfig
from convcam_jax.networks.simplenet import SimpleNetConfig
from convcam_jax.paper import published
from convcam_jax.paper.protocols import Protocol
from convcam_jax.settings.config import DOORS, Config
from convcam_jax.settings.protocols import PRESETS
from convcam_jax.splits.per_cell import PerCell
from convcam_jax.system.validation import require_choice
from convcam_jax.training.config import TrainConfig

# Fewer checks, as the network is its small one, so that a first look at the embedded corpus takes minutes on a CPU.
SYNTHETIC_SANITY = SanityConfig(seeds=2, shuffled_label_seeds=0)
SYNTHETIC_FAITHFULNESS = FaithfulnessConfig(seeds=1)
# What the embedded voices' emotions are learned with in a minute, chosen by the accuracy on validation, and so is how
# far recordings are moved in pitch and time. No recording has more than 72 frames, and no network needs more than 107.
FIRST_LOOK_NETWORK = ResNetSmallConfig(filters=(12, 16, 24), dropout_rate=0.0)
FIRST_LOOK_CORPUS: Mapping[str, Any] = {"texts": 11, "max_frames": 108}
FIRST_LOOK_INPUT: Mapping[str, Any] = {"scale": "decibel", "standardisation": "global"}
FIRST_LOOK_TRAINING: Mapping[str, Any] = {
    "epochs": 16,
    "patience_epochs": 16,
    "batch_size": 12,
    "learning_rate": 0.006,
    "schedule": "cosine",
    "shift_bins": 2,
    "shift_frames": 6,
}
# Times are those of the paper's network in full size, and planted cues are learned from other recordings.
_NO_FIRST_LOOK = ("benchmark", "evidence", "evidence_export")
# Speakers of EMO-DB who have too few recordings of some emotions to be split within an emotion (section 3.1).
EXCLUDED_SPEAKERS = ("09", "12")
# In the recordings of people, cues are learned more slowly: the pause from the 15th epoch on, in EMO-DB's validation.
EVIDENCE_EPOCHS, MANY_EVIDENCE_EPOCHS = 12, 40
# SimpleNet learns the cues in a few steps; other networks learn few of them so, as their validation recordings say.
EVIDENCE_TRAINING_OF_OTHERS: Mapping[str, Any] = {"batch_size": 8, "learning_rate": 0.002, "schedule": "cosine"}
EVIDENCE_INPUT_OF_OTHERS: Mapping[str, Any] = {"scale": "decibel", "standardisation": "per_bin"}
SMALL_EVIDENCE_METHODS = ("gradcam", "gradcam++", "hirescam", "gradient_x_input")


class Choices(NamedTuple):
    """What the flags choose; an empty representation or network is that of the protocol, or of a first look."""

    experiment: str = "paper"
    protocol: Protocol = "corrected"
    corpus: str = "synthetic"
    representation: str = ""
    split: str = "per_cell"
    network: str = ""
    data_dir: str = ""
    seeds: int = TrainConfig.seeds


def make_config(choices: Choices) -> Config:
    """The defaults of what was chosen: those of `full_config`, others on the synthetic corpus.

    Raises:
      UserError: a door has no such choice.
    """
    if choices.corpus != "synthetic":
        return full_config(choices)
    is_first_look = choices.experiment not in _NO_FIRST_LOOK and choices.protocol != "modern"
    if is_first_look and not choices.network:
        choices = choices._replace(network=FIRST_LOOK_NETWORK.name)
        config = dataclasses.replace(full_config(choices), network=FIRST_LOOK_NETWORK)
    else:
        config = full_config(choices)
        network = config.network if choices.experiment == "benchmark" else config.network.small()
        config = dataclasses.replace(config, network=network)
    config = dataclasses.replace(config, sanity=SYNTHETIC_SANITY, faithfulness=SYNTHETIC_FAITHFULNESS)
    return _with_first_look(config) if is_first_look else config


def _with_first_look(config: Config) -> Config:
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
    preset = PRESETS[choices.protocol]
    chosen = {
        door: _choice(door, getattr(choices, door) or getattr(preset, door, "")) for door in DOORS if door != "corpus"
    }
    corpus = _corpus(choices.corpus.split(","), choices.data_dir)
    split = chosen["split"]()
    # Maps from elsewhere are not divided, so that no speaker has too few.
    is_divided = choices.experiment != "analyse_maps"
    if is_divided and isinstance(split, PerCell) and choices.corpus == "emodb":
        corpus = dataclasses.replace(corpus, excluded_speakers=EXCLUDED_SPEAKERS)
        if choices.protocol == "published":
            split = dataclasses.replace(split, pinned_test=published.published_names())
    return Config(
        experiment=choices.experiment,
        protocol=choices.protocol,
        corpus=corpus,
        representation=chosen["representation"](**preset.input),
        split=split,
        network=chosen["network"](),
        train=TrainConfig(seeds=choices.seeds, **preset.train),
        analysis=preset.analysis,
    )


def _corpus(names: Sequence[str], data_dir: str) -> CorpusConfig:
    kinds = [_choice("corpus", name) for name in names]
    return kinds[0](data_dir=data_dir) if len(names) == 1 else SeveralConfig(corpora=tuple(names), data_dir=data_dir)


def _choice(door: str, name: str) -> type:
    require_choice(name, DOORS[door], f"--{door}")
    return DOORS[door][name]


def default_config(config: Config) -> Config:
    """The defaults, in full size, of what a config was made with."""
    doors = {door: getattr(config, door).name for door in DOORS}
    if isinstance(config.corpus, SeveralConfig):
        doors["corpus"] = ",".join(config.corpus.corpora)
    choices = Choices(config.experiment, config.protocol, data_dir=config.corpus.data_dir, **doors)
    return with_device_defaults(full_config(choices))


def with_device_defaults(config: Config) -> Config:
    """The config with what depends on the device spelled out; to be called when JAX is set up."""
    if config.train.precision != "fastest":
        return config
    return dataclasses.replace(config, train=dataclasses.replace(config.train, precision=fastest_precision()))


def with_evidence_size(config: Config, seeds: int | None) -> Config:
    """The defaults of the experiment `evidence` at the size that the config names, with `seeds` members if given.

    Networks, recordings and epochs are as few as let the networks learn the cues; SimpleNet sees magnitudes.
    """
    small, full = (config.evidence.size == size for size in ("small", "full"))
    is_synthetic = isinstance(config.corpus, SyntheticConfig)
    all_variants = VARIANTS if is_synthetic else variants_of(tuple(NATURAL_CUES))
    evidence = dataclasses.replace(
        config.evidence,
        genders=("female",) if small else GENDERS,
        methods=SMALL_EVIDENCE_METHODS if small else config.evidence.methods,
        variants=all_variants if full else config.evidence.variants,
        strengths="all" if full else config.evidence.strengths,
    )
    max_frames = max(64, config.make_network("float32").smallest_input()[1])
    sizes: dict[str, Any] = {"speakers_per_gender": 2 if small else 3, "texts": 20, "max_frames": max_frames}
    corpus = dataclasses.replace(config.corpus, emotions=EVIDENCE_CLASSES, **(sizes if is_synthetic else {}))
    is_simplenet = isinstance(config.network, SimpleNetConfig)
    epochs = EVIDENCE_EPOCHS if is_synthetic and is_simplenet else MANY_EVIDENCE_EPOCHS
    training, inputs = ({}, {}) if is_simplenet else (EVIDENCE_TRAINING_OF_OTHERS, EVIDENCE_INPUT_OF_OTHERS)
    return dataclasses.replace(
        config,
        corpus=corpus,
        representation=dataclasses.replace(config.representation, **inputs),
        network=SimpleNetConfig(filters=(8, 16, 32), dense_units=64) if is_simplenet else config.network,
        train=dataclasses.replace(config.train, seeds=seeds or 4, epochs=epochs, patience_epochs=epochs, **training),
        evidence=evidence,
    )
