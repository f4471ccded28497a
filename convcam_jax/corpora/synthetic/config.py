"""Config of the embedded corpus."""

import dataclasses

from convcam_jax.corpora.config import CorpusConfig
from convcam_jax.system.validation import require, require_seed


@dataclasses.dataclass(frozen=True)
class SyntheticConfig(CorpusConfig):
    """Size and seed of the embedded corpus, and which of its recordings are used.

    Attributes:
      seed: of all that is drawn for the voices.
      speakers_per_gender: how many voices.
      texts: how many sentences each says with every emotion.
      versions: how many times.
    """

    name: str = "synthetic"
    max_frames: int = 202
    seed: int = 0
    speakers_per_gender: int = 3
    texts: int = 4
    versions: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        require_seed(self.seed, "corpus.seed")
        # Names have two digits, from 21 on.
        require(1 <= self.speakers_per_gender <= 39, "corpus.speakers_per_gender", "must lie in 1..39")
        require(1 <= self.texts <= 20, "corpus.texts", "must lie in 1..20")
        # Of a sentence in an emotion by a speaker; each has a letter.
        require(1 <= self.versions <= 26, "corpus.versions", "must lie in 1..26")
