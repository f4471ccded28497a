"""The embedded corpus: invented sentences, said by synthetic speakers in six emotions, in the layout of EMO-DB.

A recording is put together from separable parts (`Prosody`: pitch, loudness, timing, quality, articulation). Each part
is drawn from its own random stream, so that one can be exchanged (`prosody._replace(pitch=...)`) with all else alike.

How the emotions differ follows the acoustic patterns of the literature in direction; the sizes are our choice, so large
that a small network learns them from a few recordings:
Murray & Arnott (1993), JASA 93; Banse & Scherer (1996), J. Pers. Soc. Psychol. 70; Burkhardt & Sendlmeier (2000), ISCA
Workshop on Speech and Emotion; Scherer (2003), Speech Communication 40. Anger, fear and happiness: F0 raised, faster,
more energy at high frequencies; anger and happiness also a wide F0 range and high intensity. Sadness and boredom: F0
low and in a narrow range, slow, weak; sadness with the least energy at high frequencies, breathy, with pauses. Fear:
irregular voicing.
"""

from enum import IntEnum
from string import ascii_lowercase
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from convcam_jax.corpora.config import EMOTIONS
from convcam_jax.corpora.emodb import EMODB_EMOTIONS
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.corpora.synthetic.phones import (
    Timeline,
    control_times,
    formant_tracks,
    gain_track,
    make_timeline,
    segment_track,
    smooth,
)
from convcam_jax.corpora.synthetic.voice import Controls, Sound, synthesise

# To be raised whenever the same config gives other sound.
CORPUS_VERSION = 2
EMOTION_LETTERS = {emotion: letter for letter, emotion in EMODB_EMOTIONS.items()}
TRUTH_STEP_S = 0.01
PEAK_LIMIT = 0.98
F0_LIMITS_HZ = (80.0, 500.0)
# RMS of a stressed neutral vowel, dB re full scale: leaves room for the loudest of anger.
BASE_LEVEL_DB = -27.0
SHIMMER_DB, FLOOR_DB = 0.3, -75.0
# Sentences of invented words, in SAMPA: ' before a stressed vowel, | where a pause may fall.
SENTENCES = (
    "d a l 'a p @ n | z u l 'i g @ t o",
    "m i n 'o s @ | v a d 'u l e n a f",
    "f e g 'o t l a S | j o n k 'i l a",
    "h a t s 'u n d i x | p o n v 'e s i",
    "l o m 'a n @ d u | k i b 'e l @ m",
    "n y d 'a r 'o m | s e f 'i t a l @",
    "v i l 'e m o | b a g 'u n @ S a l",
    "t a m 'o l i | z e n 'a p u d @",
    "j e l 'u n @ k | m o h 'a b i l o",
    "g a d 'i m u | l e f 'o n a t @ s",
    "s o l 'E n a | d i p 'u m @ l a n",
    "b e n 'i z o | h u l 'a m E k @",
    "k a v 'o n @ | t i m 'E l u d a",
    "z a n 'u b i | f o l 'e m @ g a n",
    "p i l 'a d o | n e x 'O m u l @",
    "m E l 'i t u | v o s 'a n @ d i",
    "d u n 'e k a | l i h 'O b @ m a",
    "n a m 'y l e | S o d 'a v i n @",
    "l e b 'a g u | m i z 'o t @ l a n",
    "h o n 'E l i | k u d 'a m e f @",
)


class Pitch(NamedTuple):
    """F0 in semitones: level re the speaker's mean, fall over the utterance, rise on stressed vowels, last movement."""

    level_st: float
    declination_st: float
    accent_st: float
    final_st: float


class Loudness(NamedTuple):
    """Energy envelope in dB: level re neutral, rise on stressed vowels, fall over the utterance."""

    level_db: float
    accent_db: float
    declination_db: float


class Timing(NamedTuple):
    """Speech rate re neutral, the pause between the two phrases, lengthening of stressed and of last vowels."""

    tempo: float
    pause_s: float
    stress_lengthening: float


class Quality(NamedTuple):
    """Phonation: what the source loses at 3 kHz, breath noise re the pulses, irregularity of the periods."""

    tilt_db: float
    breath_db: float
    jitter: float


class Articulation(NamedTuple):
    """Distance of formants from the neutral tract's; factor on all of them (a smile shortens the tract)."""

    precision: float
    spread: float


class Prosody(NamedTuple):
    """The parts in which emotions differ."""

    pitch: Pitch
    loudness: Loudness
    timing: Timing
    quality: Quality
    articulation: Articulation

    @classmethod
    def of(cls, *parts: tuple[float, ...]) -> "Prosody":
        """The five parts from plain numbers, in the order of their fields."""
        pitch, loudness, timing, quality, articulation = parts
        return cls(Pitch(*pitch), Loudness(*loudness), Timing(*timing), Quality(*quality), Articulation(*articulation))


PROSODY = {
    "anger": Prosody.of((5.0, 3.0, 7.0, -5.0), (5, 5, 2), (1.25, 0.00, 1.25), (0, -34, 0.006), (1.15, 1.00)),
    "boredom": Prosody.of((-3.5, 1.0, 1.0, -1.0), (-3, 1, 4), (0.72, 0.02, 1.60), (10.5, -26, 0.003), (0.75, 0.99)),
    "fear": Prosody.of((8.0, 0.5, 2.5, 2.0), (1, 2, 0), (1.35, 0.06, 1.05), (6, -17, 0.011), (0.85, 1.03)),
    "happiness": Prosody.of((5.5, 2.0, 7.0, 4.0), (3, 6, 1), (1.08, 0.00, 1.25), (4.5, -26, 0.003), (1.05, 1.10)),
    "neutral": Prosody.of((0.0, 3.0, 3.0, -2.0), (0, 4, 3), (1.00, 0.01, 1.25), (7.5, -28, 0.003), (1.00, 1.00)),
    "sadness": Prosody.of((-1.5, 3.0, 1.0, -1.5), (-7, 1.5, 5), (0.78, 0.16, 1.15), (16, -15, 0.006), (0.70, 0.97)),
}
# Standard deviation between recordings of one speaker and emotion.
SPREAD = Prosody.of((1.4, 0.8, 1.0, 1.2), (1.5, 1.0, 1.5), (0.06, 0.03, 0.10), (1.5, 3.0, 0.001), (0.08, 0.012))


class Speaker(NamedTuple):
    """What stays alike over a speaker's recordings; expressiveness scales how far emotions lie from neutral."""

    f0_hz: float
    tract_factor: float
    level_db: float
    tempo: float
    tilt_db: float
    breath_db: float
    expressiveness: float


class UtteranceSpec(NamedTuple):
    """One recording to be made: speaker (two digits), text (`a01`...), emotion (of EMOTIONS), version (`a`...)."""

    speaker: str
    text: str
    emotion: str
    version: str

    @property
    def recording(self) -> str:
        """File name without its ending, as in EMO-DB: speaker, text, the emotion's German letter, version."""
        return f"{self.speaker}{self.text}{EMOTION_LETTERS[self.emotion]}{self.version}"


class Stream(IntEnum):
    """One random stream per separable part: exchanging a part leaves the draws of all others alone."""

    SPEAKER = 0
    PITCH = 1
    LOUDNESS = 2
    TIMING = 3
    QUALITY = 4
    ARTICULATION = 5
    SOUND = 6


def speaker_genders(config: SyntheticConfig) -> dict[str, str]:
    """Gender of every speaker; numbers from 21, odd male and even female (EMO-DB has 03 and 08 to 16)."""
    numbers = range(21, 21 + 2 * config.speakers_per_gender)
    return {f"{number:02d}": "male" if number % 2 else "female" for number in numbers}


def texts(config: SyntheticConfig) -> dict[str, str]:
    """Sentences by code, `a01` to `a10` and `b01` to `b10`."""
    codes = [f"{letter}{number:02d}" for letter in "ab" for number in range(1, 11)]
    return dict(zip(codes[: config.texts], SENTENCES, strict=False))


def utterance_specs(config: SyntheticConfig) -> tuple[UtteranceSpec, ...]:
    """All recordings of the corpus, in the order of their names' parts."""
    return tuple(
        UtteranceSpec(speaker, text, emotion, version)
        for speaker in speaker_genders(config)
        for text in texts(config)
        for emotion in EMOTIONS
        for version in ascii_lowercase[: config.versions]
    )


def stream_rng(config: SyntheticConfig, spec: UtteranceSpec, stream: Stream) -> np.random.Generator:
    """Random stream of one part of one recording, the same however many others there are."""
    text_key = (ord(spec.text[0]), int(spec.text[1:]))
    key = (config.seed, stream, int(spec.speaker), *text_key, ord(EMOTION_LETTERS[spec.emotion]), ord(spec.version))
    return np.random.default_rng(np.random.SeedSequence(key))


def draw_speaker(config: SyntheticConfig, speaker: str) -> Speaker:
    """Traits of a speaker by number; female tracts are about 1/1.17 as long as male ones."""
    rng = np.random.default_rng(np.random.SeedSequence((config.seed, Stream.SPEAKER, int(speaker))))
    f0_hz, tract_factor = (122.0, 1.0) if int(speaker) % 2 else (208.0, 1.17)
    f0_st, tract, level_db, tempo, tilt_db, breath_db, expressiveness = np.clip(rng.standard_normal(7), -1.7, 1.7)
    return Speaker(
        f0_hz=f0_hz * 2 ** (1.2 * f0_st / 12),
        tract_factor=tract_factor * np.exp(0.03 * tract),
        level_db=1.5 * level_db,
        tempo=np.exp(0.05 * tempo),
        tilt_db=1.5 * tilt_db,
        breath_db=2.0 * breath_db,
        expressiveness=1.0 + 0.12 * expressiveness,
    )


def _draw_part(
    rng: np.random.Generator, expressiveness: float, neutral: tuple, mean: tuple, spread: tuple
) -> tuple[float, ...]:
    deviation = np.array(spread) * np.clip(rng.standard_normal(len(neutral)), -2, 2)
    part = np.array(neutral) + expressiveness * (np.array(mean) - np.array(neutral)) + deviation
    return tuple(part.tolist())


def draw_prosody(rngs: dict[Stream, np.random.Generator], speaker: Speaker, emotion: str) -> Prosody:
    """Prosody of one recording: as far from neutral as the speaker goes, plus the recording's own deviation."""
    streams = (Stream.PITCH, Stream.LOUDNESS, Stream.TIMING, Stream.QUALITY, Stream.ARTICULATION)
    parts = zip(streams, PROSODY["neutral"], PROSODY[emotion], SPREAD, strict=True)
    return Prosody.of(*(_draw_part(rngs[stream], speaker.expressiveness, *part) for stream, *part in parts))


def _wander(rng: np.random.Generator, n_controls: int) -> Float64[np.ndarray, "{n_controls}"]:
    """Slow random deviation of about unit RMS."""
    return smooth(rng.standard_normal(n_controls), 0.16) / 0.21  # Smoothing leaves 0.21 of the white noise's RMS.


def _intonation(rng: np.random.Generator, timeline: Timeline, fall: float, accent: float) -> Float64[np.ndarray, "M"]:
    """A line falling by `fall` from the first to the last segment, with a bump of `accent` on stressed vowels."""
    time_s = control_times(timeline)
    start_s = np.concatenate([[0.0], timeline.end_s[:-1]])
    track = fall * (0.5 - np.clip((time_s - start_s[1]) / (start_s[-1] - start_s[1]), 0, 1))
    for i in np.flatnonzero(timeline.stressed):
        distance = np.abs(time_s - (start_s[i] + timeline.end_s[i]) / 2) / 0.14
        height = accent * (1 + 0.2 * np.clip(rng.standard_normal(), -2, 2))
        track += height * np.where(distance < 1, np.cos(np.pi * distance / 2) ** 2, 0.0)
    return track


def f0_track(rng: np.random.Generator, timeline: Timeline, pitch: Pitch, speaker: Speaker) -> Float64[np.ndarray, "M"]:
    """F0 contour in Hz, within `F0_LIMITS_HZ`."""
    time_s, speech_end_s = control_times(timeline), timeline.end_s[-2]
    semitones = pitch.level_st + _intonation(rng, timeline, pitch.declination_st, pitch.accent_st)
    semitones += pitch.final_st * np.clip((time_s - (speech_end_s - 0.2)) / 0.2, 0, 1)
    semitones += 0.3 * _wander(rng, len(time_s))
    return np.clip(speaker.f0_hz * 2 ** (semitones / 12), *F0_LIMITS_HZ)


def level_track(
    rng: np.random.Generator, timeline: Timeline, loudness: Loudness, speaker: Speaker
) -> Float64[np.ndarray, "M"]:
    """Energy envelope in dB re full scale, on top of which segments have their own gains."""
    track = _intonation(rng, timeline, loudness.declination_db, loudness.accent_db)
    return BASE_LEVEL_DB + speaker.level_db + loudness.level_db + track + _wander(rng, len(track))


def timeline_of(rng: np.random.Generator, sentence: str, timing: Timing, speaker: Speaker) -> Timeline:
    """The sentence at the speaker's own tempo."""
    return make_timeline(
        rng, sentence, timing.tempo * speaker.tempo, max(timing.pause_s, 0.0), timing.stress_lengthening
    )


def make_controls(
    rngs: dict[Stream, np.random.Generator], timeline: Timeline, prosody: Prosody, speaker: Speaker
) -> Controls:
    """All control tracks of a recording; every part of the prosody enters its own tracks only."""
    segments = timeline.segments
    voicing = gain_track(timeline, [segment.voicing_db for segment in segments])
    tilt_db = prosody.quality.tilt_db + speaker.tilt_db + _wander(rngs[Stream.QUALITY], len(voicing))
    breath = 10 ** ((prosody.quality.breath_db + speaker.breath_db) / 20)
    precision, spread = prosody.articulation
    formant_hz, bandwidth_hz = formant_tracks(timeline, precision, speaker.tract_factor * spread)
    return Controls(
        f0_hz=f0_track(rngs[Stream.PITCH], timeline, prosody.pitch, speaker),
        level_db=level_track(rngs[Stream.LOUDNESS], timeline, prosody.loudness, speaker),
        voicing=voicing,
        tilt_db=np.maximum(tilt_db, 0.0),
        aspiration=gain_track(timeline, [segment.aspiration_db for segment in segments]) + breath * voicing,
        frication=gain_track(timeline, [segment.frication_db for segment in segments]),
        frication_hz=segment_track(timeline, [segment.frication_hz for segment in segments]),
        frication_width_hz=segment_track(timeline, [segment.frication_width_hz for segment in segments]),
        formant_hz=formant_hz,
        bandwidth_hz=bandwidth_hz,
        jitter=max(prosody.quality.jitter, 0.0),
        shimmer_db=SHIMMER_DB,
        floor_db=FLOOR_DB,
    )


def draw_controls(config: SyntheticConfig, spec: UtteranceSpec) -> Controls:
    """What is to be heard in the recording of `spec`; depends on the config's seed, not on its sizes."""
    rngs = {stream: stream_rng(config, spec, stream) for stream in Stream}
    speaker = draw_speaker(config, spec.speaker)
    prosody = draw_prosody(rngs, speaker, spec.emotion)
    timeline = timeline_of(rngs[Stream.TIMING], texts(config)[spec.text], prosody.timing, speaker)
    return make_controls(rngs, timeline, prosody, speaker)


def render(config: SyntheticConfig, spec: UtteranceSpec, sample_rate_hz: int) -> Sound:
    """The recording of `spec`; only one that would exceed `PEAK_LIMIT`, which is rare, is scaled down to it."""
    sound = synthesise(stream_rng(config, spec, Stream.SOUND), draw_controls(config, spec), sample_rate_hz)
    peak = np.abs(sound.samples).max()
    return sound._replace(samples=sound.samples * min(1.0, PEAK_LIMIT / peak))


def truth_table(sound: Sound, sample_rate_hz: int) -> dict[str, np.ndarray]:
    """Known F0 at every 10 ms: time_s, f0_hz (0 = unvoiced), voiced, each [m]."""
    sample = np.arange(0, len(sound.f0_hz), round(TRUTH_STEP_S * sample_rate_hz))
    f0_hz = sound.f0_hz[sample]
    return {"time_s": sample / sample_rate_hz, "f0_hz": f0_hz, "voiced": f0_hz > 0}
