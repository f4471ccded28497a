"""Planted evidence: the embedded corpus's sentences, in which one known cue alone tells the classes apart.

Every recording begins as a neutral one of `speech`, whose random draws depend on speaker, text
and version, not on the class. A cue changes one of its control tracks, or adds a noise burst, and leaves all else,
random draws included, as it is. So the neutral recording is what is left when only the cue is taken away.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from convcam_jax.corpora.neutral_speech import VERSIONS, shuffled_of_each
from convcam_jax.corpora.sounds.audio import wav_bytes
from convcam_jax.corpora.synthetic import speech, variants
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.corpora.synthetic.cues import CUES
from convcam_jax.corpora.synthetic.cues.cue import Draws, Sounding, draw_places
from convcam_jax.corpora.synthetic.speech import Stream, UtteranceSpec
from convcam_jax.corpora.synthetic.variants import NEUTRAL, SHUFFLED_LABELS
from convcam_jax.corpora.synthetic.voice import synthesise
from convcam_jax.corpora.utterances import Utterance

# To be raised whenever the same config gives other sound.
PLANTED_VERSION = 1
# Leaves room for the loudest end of an envelope.
HEADROOM = 0.5
# Apart from the streams of `speech.Stream`.
_CUE_STREAM, _LABEL_STREAM = 100, 101


class PlantedSentence(NamedTuple):
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
    return draw_places(np.random.default_rng(np.random.SeedSequence(key)))


def render(config: SyntheticConfig, planted: PlantedSentence, rate: int) -> Float64[np.ndarray, "N"]:
    """Samples of a recording; those of one sentence's variants and classes are all of the same length."""
    spec, draws = planted.spec, draw(config, planted.spec)
    neutral = speech.draw_controls(config, spec)
    rng = speech.stream_rng(config, spec, Stream.SOUND)
    cue_rng = rng.spawn(1)[0]
    [beside_rng] = cue_rng.spawn(1)
    cues = [(CUES[level.cue], level.strength) for level in variants.levels(planted.variant)]
    controls = neutral
    for cue, strength in cues:
        controls = cue.plant(controls, planted.label, strength, draws)
    samples = synthesise(rng, controls, rate).samples
    for cue, strength in cues:
        samples = cue.sound(cue_rng, Sounding(samples, neutral, draws, rate), planted.label, strength)
    for cue in variants.beside(planted.variant):
        samples = cue.beside(beside_rng, Sounding(samples, neutral, draws, rate))
    return HEADROOM * samples


def specs(config: SyntheticConfig, genders: Iterable[str]) -> list[UtteranceSpec]:
    """All sentences in all versions by the speakers of some genders who are not excluded."""
    wanted = set(genders)
    return [
        UtteranceSpec(speaker, text, NEUTRAL, version)
        for speaker, gender in speech.speaker_genders(config).items()
        if gender in wanted and speaker not in config.excluded_speakers
        for text in speech.texts(config)
        for version in VERSIONS
    ]


def wav(planted: PlantedSentence, config: SyntheticConfig, rate: int) -> bytes:
    """The content of a recording's wav file: 16 bits, mono."""
    return wav_bytes(render(config, planted, rate), rate)


@dataclasses.dataclass(frozen=True)
class SyntheticSpeech:
    """Sentences of the embedded corpus's voices of some genders at a rate, see `NeutralSpeech`."""

    config: SyntheticConfig
    genders: tuple[str, ...]
    rate_hz: int

    def recordings(self, variant: str) -> list[PlantedSentence]:
        """Version a carries the cues of class 0, b of class 1, c of class 2; those of `none` are those of `mixed`."""
        sound, own = variants.sound_of(variant), specs(self.config, self.genders)
        return [PlantedSentence(spec, sound, VERSIONS.index(spec.version)) for spec in own]

    def labels(self, variant: str, planted: Sequence[PlantedSentence]) -> list[int]:
        """The classes; in `none` those of each speaker's recordings are shuffled."""
        labels = [one.label for one in planted]
        if variant != SHUFFLED_LABELS:
            return labels
        speakers = [one.spec.speaker for one in planted]
        keys = {speaker: (self.config.seed, _LABEL_STREAM, int(speaker)) for speaker in speakers}
        return shuffled_of_each(speakers, labels, keys)

    def without_cues(self, one: PlantedSentence) -> PlantedSentence:
        """The same sentence by the same speaker with the same draws: the neutral recording, or what is beside."""
        return PlantedSentence(one.spec, variants.without_cues(one.variant), 0)

    def original(self, one: PlantedSentence) -> str:
        """Itself: voice, timing and intonation are drawn anew for every version of a sentence."""
        return one.recording

    def utterance(self, one: PlantedSentence, emotion: str, path: Path) -> Utterance:
        """With the sentence's speaker and text."""
        spec, genders = one.spec, speech.speaker_genders(self.config)
        return Utterance(one.recording, spec.speaker, genders[spec.speaker], emotion, spec.text, path)

    def file(self, one: PlantedSentence) -> str:
        """In a folder for all that sounds depend on besides their names."""
        versions = f"{PLANTED_VERSION}-{speech.CORPUS_VERSION}"
        return f"evidence-{versions}-seed-{self.config.seed}-{self.rate_hz}-hz/wav/{one.recording}.wav"

    @property
    def render(self) -> Callable[[PlantedSentence], bytes]:
        """See `wav`."""
        return partial(wav, config=self.config, rate=self.rate_hz)
