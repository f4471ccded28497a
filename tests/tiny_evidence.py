"""A config of planted evidence that is computed at once."""

import dataclasses

from convcam_jax.checks.evidence.config import EvidenceConfig
from convcam_jax.networks.simplenet import SimpleNetConfig
from convcam_jax.settings.presets import Choices, make_config, with_evidence_size
from convcam_jax.splits.per_cell import PerCell


def tiny_config():
    """One speaker, three sentences, two networks that hardly learn."""
    config = with_evidence_size(make_config(Choices(experiment="evidence")), seeds=2)
    return dataclasses.replace(
        config,
        corpus=dataclasses.replace(config.corpus, speakers_per_gender=1, texts=3),
        split=PerCell(parts=3),
        network=SimpleNetConfig(filters=(2, 2, 2), dense_units=4),
        train=dataclasses.replace(config.train, epochs=1, precision="float32"),
        evidence=EvidenceConfig(
            variants=("burst", "none"),
            genders=("female",),
            methods=("gradient_x_input",),
            explanation_metrics=True,
        ),
    )
