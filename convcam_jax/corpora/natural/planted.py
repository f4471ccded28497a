"""Neutral recordings of people with planted cues.

Every recording is there once for each class. The recording without the cue has been through all that the one with it
has been through: where F0 or timing are changed, it is made anew from its pitch periods as it is.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import parselmouth
from jaxtyping import Float64

from convcam_jax.corpora.natural.changes import LEAST_SPEECH_S, LEVEL_DB, NATURAL_CUES, ToPlant
from convcam_jax.corpora.natural.resynthesis import (
    F0Range,
    Speech,
    as_speech,
    frame_rms,
    nothing_changed,
    resynthesised,
    with_level_and_sound,
)
from convcam_jax.corpora.neutral_speech import VERSIONS, shuffled_of_each
from convcam_jax.corpora.sounds.audio import read_recording, wav_bytes
from convcam_jax.corpora.synthetic import variants
from convcam_jax.corpora.synthetic.cues.cue import draw_places
from convcam_jax.corpora.synthetic.planted import HEADROOM
from convcam_jax.corpora.synthetic.variants import NEUTRAL, SHUFFLED_LABELS, VARIANTS, sound_of
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.system.digits import rounded_down
from convcam_jax.system.errors import RecordingError

# To be raised whenever the same recording gives other sound.
NATURAL_VERSION = 4
# A recording needs as much voice to have an F0 contour.
LEAST_VOICED_S = 0.1
# Speech so far below its loud frames for so long leaves nothing to take away for a pause.
SILENCE_DB, LONGEST_SILENCE_S = -60.0, 0.15
# A neutral recording that was made anew from its pitch periods.
_RESYNTHESISED = "resynthesised"


class Reading(NamedTuple):
    """How recordings are read and changed; `shortest_s`: what a recording needs at least."""

    rate_hz: int
    shortest_s: float
    channels: Literal["refuse", "mix"]
    f0_range: F0Range


class PlantedRecording(NamedTuple):
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
    hashes: Mapping[Path, str]  # of the sources' files

    def recordings(self, variant: str) -> list[PlantedRecording]:
        """Three of every source, one for each class; those of `none` are those of `mixed`."""
        sound = sound_of(variant)
        return [
            PlantedRecording(source, version, sound, label)
            for source in self.sources
            for label, version in enumerate(VERSIONS)
        ]

    def labels(self, variant: str, planted: Sequence[PlantedRecording]) -> list[int]:
        """The classes; in `none` those of each source are shuffled, so that all splits have as many of each."""
        labels = [one.label for one in planted]
        if variant != SHUFFLED_LABELS:
            return labels
        names = [one.source.recording for one in planted]
        return shuffled_of_each(names, labels, {name: _key(name) for name in names})

    def without_cues(self, one: PlantedRecording) -> PlantedRecording:
        """The neutral recording, made anew if the one with the cue is."""
        return PlantedRecording(one.source, "", _RESYNTHESISED if is_resynthesised(one.variant) else NEUTRAL, 0)

    def original(self, one: PlantedRecording) -> str:
        """The person's recording, of which there is a version for each class."""
        return one.source.recording

    def utterance(self, one: PlantedRecording, emotion: str, path: Path) -> Utterance:
        """All but the emotion and the sound is that of the source."""
        return one.source._replace(
            recording=one.recording, emotion=emotion, path=path, start_s=0.0, end_s=None, channel=None
        )

    def file(self, one: PlantedRecording) -> str:
        """A hash of the source's file and of all that is done to it."""
        source, praat = one.source, parselmouth.PRAAT_VERSION
        done = [NATURAL_VERSION, praat, *self.reading, *source.source.part, *one[1:], source.recording]
        content = json.dumps([self.hashes[source.path], *done]).encode()
        return f"natural-{NATURAL_VERSION}/{hashlib.sha256(content).hexdigest()}.wav"

    @property
    def render(self) -> Callable[[PlantedRecording], bytes]:
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


def source_problem(reading: Reading, source: Utterance) -> RecordingError | None:
    """Why cues cannot be planted into a recording; None if they can, or if it cannot be read: others tell that."""
    try:
        samples = read_recording(source.source, reading.rate_hz, reading.shortest_s, reading.channels).samples
    except RecordingError:
        return None
    speech = as_speech(samples, reading.rate_hz, LEVEL_DB)
    speech_s = speech.end_s - speech.start_s
    if speech_s < LEAST_SPEECH_S:
        problem = f"its speech lasts {rounded_down(speech_s, 2)} s; cues need {LEAST_SPEECH_S:g} s"
        return RecordingError(source.recording, problem, "with little speech")
    if (peak := HEADROOM * np.abs(speech.samples).max()) > 1:
        problem = f"its loudest sample is {peak:.1f} times full scale where its speech is as loud as others'; a click?"
        return RecordingError(source.recording, problem, "with peaks far above their speech")
    if (silent_s := longest_silence_s(speech)) > LONGEST_SILENCE_S:
        problem = f"it is silent for {silent_s:.2f} s within its speech, where a cue might change nothing"
        return RecordingError(source.recording, problem, "with silence inside")
    if (voiced_s := _voiced_s(speech, reading.f0_range)) < LEAST_VOICED_S:
        problem = f"it is voiced for {rounded_down(voiced_s, 2)} s; an F0 contour needs {LEAST_VOICED_S:g} s"
        return RecordingError(source.recording, problem, "hardly voiced")
    return None


def longest_silence_s(speech: Speech) -> float:
    """How long speech is at most further below `LEVEL_DB` than `SILENCE_DB`."""
    rms = frame_rms(speech.samples, speech.rate_hz)
    length_s = len(speech.samples) / speech.rate_hz / len(rms)
    first, last = round(speech.start_s / length_s), round(speech.end_s / length_s)
    is_silent = rms[first:last] < 10 ** ((LEVEL_DB + SILENCE_DB) / 20)
    return length_s * max((len(list(run)) for silent, run in groupby(is_silent) if silent), default=0)


def _voiced_s(speech: Speech, f0_range: F0Range) -> float:
    pitch = parselmouth.Sound(speech.samples, sampling_frequency=speech.rate_hz).to_pitch_ac(
        pitch_floor=f0_range.floor_hz, pitch_ceiling=f0_range.ceiling_hz
    )
    return float((pitch.selected_array["frequency"] > 0).sum() * pitch.time_step)


def render(reading: Reading, planted: PlantedRecording) -> Float64[np.ndarray, "N"]:
    """Samples of a recording, as long as its source, full scale being 1; what a cue brings beyond it is cut off.

    Raises:
      RecordingError: the source cannot be read.
    """
    source = read_recording(planted.source.source, reading.rate_hz, reading.shortest_s, reading.channels)
    speech = as_speech(source.samples, reading.rate_hz, LEVEL_DB)
    place_rng, noise_rng = _rng(planted).spawn(2)
    given = ToPlant(speech, draw_places(place_rng), noise_rng)
    changes = nothing_changed(speech)
    for level in variants.levels(planted.variant):
        changes = NATURAL_CUES[level.cue].plant(changes, given, planted.label, level.strength)
    remade = is_resynthesised(planted.variant)
    samples = resynthesised(speech, changes, reading.f0_range) if remade else speech.samples
    return np.clip(HEADROOM * with_level_and_sound(samples, speech, changes), -1, 1)


def wav(reading: Reading, planted: PlantedRecording) -> bytes:
    """The content of a recording's wav file: 16 bits, mono."""
    return wav_bytes(render(reading, planted), reading.rate_hz)


def _rng(planted: PlantedRecording) -> np.random.Generator:
    """What is drawn depends on the source's name and the version alone."""
    return np.random.default_rng(np.random.SeedSequence(_key(f"{planted.source.recording}\n{planted.version}")))


def _key(name: str) -> tuple[int, ...]:
    return tuple(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest())
