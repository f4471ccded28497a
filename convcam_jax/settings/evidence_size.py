"""What the size of the experiment `evidence` means for the rest of the config."""

import dataclasses

from convcam_jax.settings.config import EVIDENCE_CLASSES, GENDERS, CamMethod, Config, ModelConfig

SMALL_EVIDENCE_METHODS: tuple[CamMethod, ...] = ("gradcam", "gradcam++", "hirescam", "gradient_x_input")


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
    return dataclasses.replace(
        config,
        corpus=dataclasses.replace(config.corpus, emotions=EVIDENCE_CLASSES, max_frames=64),
        synthetic=dataclasses.replace(config.synthetic, speakers_per_gender=2 if small else 3, texts=20),
        model=ModelConfig(filters=(8, 16, 32), dense_units=64),
        train=dataclasses.replace(config.train, seeds=seeds or 4, epochs=12, patience_epochs=12),
        evidence=evidence,
    )
