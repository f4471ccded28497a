"""Neutral recordings of people with planted cues.

Every recording is there once for each class. The recording without the cue has been through all that the one with it
has been through: where F0 or timing are changed, it is made anew from its pitch periods as it is.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import parselmouth
from jaxtyping import Float64

from convcam_jax.corpora.natural.cues import LEVEL_DB, NATURAL_CUES, ToPlant
from convcam_jax.corpora.natural.resynthesis import (
    F0Range,
    as_speech,
    nothing_changed,
    resynthesised,
    with_level_and_sound,
)
from convcam_jax.corpora.neutral_speech import VERSIONS, shuffled_of_each
from convcam_jax.corpora.sounds.audio import read_source, wav_bytes
from convcam_jax.corpora.synthetic import variants
from convcam_jax.corpora.synthetic.cues.cue import draw_places
from convcam_jax.corpora.synthetic.planted import HEADROOM
from convcam_jax.corpora.synthetic.variants import NEUTRAL, VARIANTS
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.system.files import file_hash

# To be raised whenever the same recording gives other sound.
NATURAL_VERSION = 1
# A neutral recording that was made anew from its pitch periods.
_RESYNTHESISED = "resynthesised"


class Reading(NamedTuple):
    """How recordings are read and changed; `shortest_s`: what a recording needs at least."""

    rate_hz: int
    shortest_s: float
    channels: Literal["refuse", "mix"]
    f0_range: F0Range


class Planted(NamedTuple):
    """One recording to be made: its source, version, variant, and the class (0..2) whose cues it carries."""

    source: Utterance
    version: str
    variant: str
    label: int

    @property
    def recording(self) -> str:
        """Its name; what has no cue is the same in all versions."""
        return "_".join(part for part in (self.variant, self.source.recording, self.version) if part)


@dataclasses.dataclass(frozen=True)
class NaturalSpeech:
    """Neutral recordings of people, see `NeutralSpeech`."""

    sources: tuple[Utterance, ...]
    reading: Reading

    def recordings(self, variant: str) -> list[Planted]:
        """Three of every source, one for each class; those of `none` are those of `mixed`."""
        sound = "mixed" if variant == "none" else variant
        return [
            Planted(source, version, sound, label) for source in self.sources for label, version in enumerate(VERSIONS)
        ]

    def labels(self, variant: str, own: Sequence[Planted]) -> list[int]:
        """The classes; in `none` those of each speaker's recordings are shuffled."""
        labels = [one.label for one in own]
        if variant != "none":
            return labels
        speakers = [one.source.speaker for one in own]
        return shuffled_of_each(speakers, labels, {speaker: _key(speaker) for speaker in speakers})

    def without_cues(self, one: Planted) -> Planted:
        """The neutral recording, made anew if the one with the cue is."""
        return Planted(one.source, "", _RESYNTHESISED if is_resynthesised(one.variant) else NEUTRAL, 0)

    def utterance(self, one: Planted, emotion: str, path: Path) -> Utterance:
        """All but the emotion and the sound is that of the source."""
        return one.source._replace(recording=one.recording, emotion=emotion, path=path, start_s=0.0, end_s=None)

    def file(self, one: Planted) -> str:
        """A hash of the source's file and of all that is done to it."""
        source, praat = one.source, parselmouth.PRAAT_VERSION
        done = [NATURAL_VERSION, praat, *self.reading, source.start_s, source.end_s, *one[1:], source.recording]
        content = json.dumps([file_hash(source.path), *done]).encode()
        return f"natural-{NATURAL_VERSION}/{hashlib.sha256(content).hexdigest()}.wav"

    @property
    def render(self) -> Callable[[Planted], bytes]:
        """See `wav`."""
        return partial(wav, self.reading)


def variants_of(cues: Sequence[str]) -> tuple[str, ...]:
    """The variants, of those at the largest strength, that have no other cues."""
    return tuple(v for v in VARIANTS if {level.cue for level in variants.levels(v)} <= set(cues))


def is_resynthesised(variant: str) -> bool:
    """Whether a variant's recordings are made anew from their pitch periods."""
    return variant == _RESYNTHESISED or any(
        NATURAL_CUES[level.cue].is_resynthesised for level in variants.levels(variant)
    )


def render(reading: Reading, planted: Planted) -> Float64[np.ndarray, "N"]:
    """Samples of a recording, as long as its source, full scale being 1; what is beyond is cut off.

    Raises:
      RecordingError: the source cannot be read.
    """
    source = read_source(planted.source.source, reading.rate_hz, reading.shortest_s, reading.channels)
    speech = as_speech(source.samples, reading.rate_hz, LEVEL_DB)
    place_rng, noise_rng = _rng(planted).spawn(2)
    given = ToPlant(speech, draw_places(place_rng), noise_rng)
    changes = nothing_changed(speech)
    for level in variants.levels(planted.variant):
        changes = NATURAL_CUES[level.cue].plant(changes, given, planted.label, level.strength)
    remade = is_resynthesised(planted.variant)
    samples = resynthesised(speech, changes, reading.f0_range) if remade else speech.samples
    return np.clip(HEADROOM * with_level_and_sound(samples, speech, changes), -1, 1)


def wav(reading: Reading, planted: Planted) -> bytes:
    """The content of a recording's wav file: 16 bits, mono."""
    return wav_bytes(render(reading, planted), reading.rate_hz)


def _rng(planted: Planted) -> np.random.Generator:
    """What is drawn depends on the source's name and the version alone."""
    return np.random.default_rng(np.random.SeedSequence(_key(f"{planted.source.recording}\n{planted.version}")))


def _key(name: str) -> tuple[int, ...]:
    return tuple(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest())
