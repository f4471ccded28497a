"""What each protocol has by default: the paper's two differ in the analysis, the third in input, network and training.

What a flag chooses or `--set` changes goes before.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from convcam_jax.measures.config import AnalysisConfig
from convcam_jax.paper.protocols import PROTOCOLS, Protocol


@dataclasses.dataclass(frozen=True)
class Preset:
    """The defaults of a protocol.

    Attributes:
      description: what it does, in a line.
      analysis: how maps are placed and measured.
      representation: the key in `REPRESENTATIONS`.
      network: the key in `NETWORKS`.
      input: fields of any representation that are not at its own defaults.
      train: fields of `TrainConfig` that are not at its defaults.
    """

    description: str
    analysis: AnalysisConfig
    representation: str = "cqt"
    network: str = "simplenet"
    input: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    train: Mapping[str, Any] = dataclasses.field(default_factory=dict)


# Chosen on training and validation recordings, but for two of the test by mistake; docs/training.md says how.
MODERN = Preset(
    "as corrected, of the network, representation, scale and training that docs/training.md chose",
    PROTOCOLS["corrected"],
    representation="cqt",
    network="resnet_small",
    input={"scale": "decibel", "standardisation": "per_bin"},
    train={
        "epochs": 40,
        "patience_epochs": 40,
        "batch_size": 8,
        "learning_rate": 0.002,
        "warmup_epochs": 2,
        "schedule": "cosine",
        "weight_decay": 0.01,
        "average_decay": 0.97,
        "label_smoothing": 0.05,
        "shift_bins": 2,
        "shift_frames": 100,
        "mixup": 0.2,
    },
)
PRESETS: Mapping[Protocol, Preset] = {
    "corrected": Preset(
        "maps at the receptive fields of their cells, F0 from voiced frames only, errors as the text has them",
        PROTOCOLS["corrected"],
    ),
    "published": Preset("as the published numbers show to have been computed", PROTOCOLS["published"]),
    "modern": MODERN,
}
