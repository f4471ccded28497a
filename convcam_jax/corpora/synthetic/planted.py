"""Planted evidence: the embedded corpus's sentences, in which one known cue alone tells the classes apart.

Every recording begins as a neutral one of `speech`, whose random draws depend on speaker, text
and version, not on the class. A cue changes one of its control tracks, or adds a noise burst, and leaves all else,
random draws included, as it is. So the neutral recording is what is left when only the cue is taken away.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from convcam_jax.corpora.sounds.audio import wav_bytes
from convcam_jax.corpora.synthetic import speech, variants
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.corpora.synthetic.cues import CUES
from convcam_jax.corpora.synthetic.cues.cue import Draws, Sounding
from convcam_jax.corpora.synthetic.speech import Stream, UtteranceSpec
from convcam_jax.corpora.synthetic.variants import NEUTRAL
from convcam_jax.corpora.synthetic.voice import synthesise

# To be raised whenever the same config gives other sound.
PLANTED_VERSION = 1
# One version of every sentence per class.
VERSIONS = ("a", "b", "c")
# Leaves room for the loudest end of an envelope.
HEADROOM = 0.5
# Apart from the streams of `speech.Stream`.
_CUE_STREAM, _LABEL_STREAM = 100, 101


class Planted(NamedTuple):
    """One recording to be made: the sentence, the variant and the class (0..2) whose cues it carries."""

    spec: UtteranceSpec
    variant: str
    label: int

    @property
    def recording(self) -> str:
        """File name without its ending; that of the neutral recording has no class."""
        return f"{self.variant}_{self.spec.speaker}{self.spec.text}{self.spec.version}"


def draw(config: SyntheticConfig, spec: UtteranceSpec) -> Draws:
    """The draws of a recording, which do not depend on its class."""
    key = (config.seed, _CUE_STREAM, int(spec.speaker), ord(spec.text[0]), int(spec.text[1:]), ord(spec.version))
    rng = np.random.default_rng(np.random.SeedSequence(key))
    return Draws(
        event_place=rng.uniform(0.15, 0.85),
        stretch_shift=rng.uniform(-0.05, 0.05),
        stretch_s=rng.uniform(0.2, 0.3),
        other_place=rng.uniform(0.15, 0.85),
        first_of_two=int(rng.integers(len(VERSIONS))),
    )


def render(config: SyntheticConfig, planted: Planted, rate: int) -> Float64[np.ndarray, "N"]:
    """Samples of a recording; those of one sentence's variants and classes are all of the same length."""
    spec, draws = planted.spec, draw(config, planted.spec)
    neutral = speech.draw_controls(config, spec)
    rng = speech.stream_rng(config, spec, Stream.SOUND)
    cue_rng = rng.spawn(1)[0]
    [beside_rng] = cue_rng.spawn(1)
    own = [(CUES[level.cue], level.strength) for level in variants.levels(planted.variant)]
    controls = neutral
    for cue, strength in own:
        controls = cue.plant(controls, planted.label, strength, draws)
    samples = synthesise(rng, controls, rate).samples
    for cue, strength in own:
        samples = cue.sound(cue_rng, Sounding(samples, neutral, draws, rate), planted.label, strength)
    for cue in variants.beside(planted.variant):
        samples = cue.beside(beside_rng, Sounding(samples, neutral, draws, rate))
    return HEADROOM * samples


def specs(config: SyntheticConfig, genders: Iterable[str]) -> list[UtteranceSpec]:
    """All sentences in all versions by the speakers of some genders."""
    wanted = set(genders)
    return [
        UtteranceSpec(speaker, text, NEUTRAL, version)
        for speaker, gender in speech.speaker_genders(config).items()
        if gender in wanted
        for text in speech.texts(config)
        for version in VERSIONS
    ]


def recordings(config: SyntheticConfig, variant: str, genders: Iterable[str]) -> list[Planted]:
    """The recordings of a variant; version a carries the cues of class 0, b of class 1, c of class 2.

    The recordings of `none` are those of `mixed`: only their labels differ, see `labels`.
    """
    sound = "mixed" if variant == "none" else variant
    return [Planted(spec, sound, VERSIONS.index(spec.version)) for spec in specs(config, genders)]


def labels(config: SyntheticConfig, variant: str, planted: list[Planted]) -> list[int]:
    """Class of every recording; in `none` the labels of each speaker's recordings are shuffled."""
    own = np.array([one.label for one in planted])
    if variant == "none":
        speakers = np.array([one.spec.speaker for one in planted])
        for speaker in np.unique(speakers):
            rng = np.random.default_rng(np.random.SeedSequence((config.seed, _LABEL_STREAM, int(speaker))))
            rows = np.flatnonzero(speakers == speaker)
            own[rows] = rng.permutation(own[rows])
    return own.tolist()


def without_cues(planted: Planted) -> Planted:
    """The recording of the same sentence, speaker and draws without the cues: the neutral one, or what is beside."""
    return Planted(planted.spec, variants.without_cues(planted.variant), 0)


def folder_name(config: SyntheticConfig, rate: int) -> str:
    """A name that depends on all that the sound of a recording depends on, besides its own name."""
    return f"evidence-{PLANTED_VERSION}-{speech.CORPUS_VERSION}-seed-{config.seed}-{rate}-hz"


def wav(planted: Planted, config: SyntheticConfig, rate: int) -> bytes:
    """The content of a recording's wav file: 16 bits, mono."""
    return wav_bytes(render(config, planted, rate), rate)
