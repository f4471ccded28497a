"""The defaults of an experiment, a corpus and a protocol."""

import dataclasses
from typing import get_args

from convcam_jax.settings.config import (
    PROTOCOLS,
    Config,
    CorpusConfig,
    CorpusName,
    FaithfulnessConfig,
    ModelConfig,
    Protocol,
    SanityConfig,
    SplitConfig,
    TrainConfig,
)
from convcam_jax.system.errors import UserError

# An eighth of the filters, a quarter of the units and fewer checks, so that a first look at the embedded corpus takes
# minutes on a CPU; the maps keep the paper's size. So few channels are multiplied faster in float32.
SYNTHETIC_MODEL = ModelConfig(filters=(8, 16, 32), dense_units=32)
SYNTHETIC_SANITY = SanityConfig(seeds=2, shuffled_label_seeds=0)
SYNTHETIC_FAITHFULNESS = FaithfulnessConfig(seeds=1)


def make_config(
    experiment: str, corpus: CorpusName, data_dir: str, protocol: Protocol, seeds: int, pinned_test: tuple[str, ...]
) -> Config:
    """The defaults of an experiment, a corpus and a protocol: those of `full_config`, less on the synthetic corpus.

    `pinned_test` are the recordings that the protocol `published` puts into the test set on EMO-DB.
    """
    config = full_config(experiment, corpus, data_dir, protocol, seeds, pinned_test)
    if corpus != "synthetic":
        return config
    return dataclasses.replace(
        config,
        # Times are those of the paper's network, whatever the recordings.
        model=config.model if experiment == "benchmark" else SYNTHETIC_MODEL,
        train=dataclasses.replace(config.train, precision="float32"),
        sanity=SYNTHETIC_SANITY,
        faithfulness=SYNTHETIC_FAITHFULNESS,
    )


def full_config(
    experiment: str, corpus: CorpusName, data_dir: str, protocol: Protocol, seeds: int, pinned_test: tuple[str, ...]
) -> Config:
    """The defaults with the paper's network, whatever the corpus; arguments as those of `make_config`."""
    if corpus not in get_args(CorpusName):
        raise UserError(f"config field corpus.name: must be one of {', '.join(get_args(CorpusName))}")
    # Speakers 09 and 12 have too few recordings of some emotions (section 3.1).
    excluded = ("09", "12") if corpus == "emodb" else ()
    return Config(
        experiment=experiment,
        protocol=protocol,
        corpus=CorpusConfig(name=corpus, data_dir=data_dir, excluded_speakers=excluded),
        split=SplitConfig(pinned_test=pinned_test if protocol == "published" and corpus == "emodb" else ()),
        train=TrainConfig(seeds=seeds),
        analysis=PROTOCOLS[protocol],
    )
