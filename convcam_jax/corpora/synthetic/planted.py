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
from convcam_jax.corpora.synthetic import speech
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.corpora.synthetic.phones import SILENCE_AFTER_S, SILENCE_BEFORE_S
from convcam_jax.corpora.synthetic.speech import Stream, UtteranceSpec
from convcam_jax.corpora.synthetic.voice import (
    CONTROL_STEP_S,
    Controls,
    filter_responses,
    noise_part,
    synthesise,
)

# To be raised whenever the same config gives other sound.
PLANTED_VERSION = 1
NEUTRAL = "neutral"
CUES = ("f0", "envelope", "burst", "pause")
VARIANT_CUES: dict[str, tuple[str, ...]] = {**{cue: (cue,) for cue in CUES}, "mixed": CUES, "none": CUES, NEUTRAL: ()}
# What the classes are, by variant, in the order of their labels 0 to 2.
CLASS_CUES = {
    "f0": ("rising", "falling", "arched"),
    "envelope": ("swelling", "fading", "bulging"),
    "burst": ("low", "middle", "high"),
    "pause": ("early", "central", "late"),
    "mixed": ("all first", "all second", "all third"),
    "none": ("shuffled", "shuffled", "shuffled"),
}
# One version of every sentence per class.
VERSIONS = ("a", "b", "c")

F0_DEPTH_ST = 5.0
ENVELOPE_DEPTH_DB = 9.0
BURST_HZ = (1000.0, 2200.0, 4800.0)
# Of the resonance, relative to its centre.
BURST_WIDTH = 0.12
BURST_S = 0.2
BURST_LEVEL_DB = -18.0
PAUSE_PLACES = (0.25, 0.5, 0.75)
PAUSE_DEPTH_DB = 50.0
PAUSE_EDGE_S = 0.02
# Leaves room for the loudest end of an envelope.
HEADROOM = 0.5
# Apart from the streams of `speech.Stream`.
_CUE_STREAM, _LABEL_STREAM = 100, 101


class Draws(NamedTuple):
    """What is drawn for every recording alike, whatever its class."""

    burst_place: float  # centre of the burst, 0..1 of the speech
    pause_shift: float  # of the pause's centre, in shares of the speech
    pause_s: float


class Planted(NamedTuple):
    """One recording to be made: the sentence, the variant and the class (0..2) whose cues it carries."""

    spec: UtteranceSpec
    variant: str
    label: int

    @property
    def recording(self) -> str:
        """File name without its ending; that of the neutral recording has no class."""
        return f"{self.variant}_{self.spec.speaker}{self.spec.text}{self.spec.version}"


def contour_shape(label: int, place: Float64[np.ndarray, "M"]) -> Float64[np.ndarray, "M"]:
    """Rising, falling or arched (0, 1, 2), in -1..1 with mean 0 over `place` in 0..1."""
    rise = 2 * place - 1
    return (rise, -rise, 1 - 2 * np.abs(rise))[label]


def speech_place(n_controls: int) -> Float64[np.ndarray, "{n_controls}"]:
    """Where the control instants lie between the beginning (0) and the end (1) of the speech, silence left out."""
    time_s = np.arange(n_controls) * CONTROL_STEP_S
    return np.clip((time_s - SILENCE_BEFORE_S) / (time_s[-1] - SILENCE_AFTER_S - SILENCE_BEFORE_S), 0, 1)


def draw(config: SyntheticConfig, spec: UtteranceSpec) -> Draws:
    """The draws of a recording, which do not depend on its class."""
    key = (config.seed, _CUE_STREAM, int(spec.speaker), ord(spec.text[0]), int(spec.text[1:]), ord(spec.version))
    rng = np.random.default_rng(np.random.SeedSequence(key))
    return Draws(rng.uniform(0.15, 0.85), rng.uniform(-0.05, 0.05), rng.uniform(0.2, 0.3))


def plant_tracks(controls: Controls, cues: Iterable[str], label: int, draws: Draws) -> Controls:
    """The control tracks with the cues of a class that are no sound of their own."""
    place = speech_place(len(controls.f0_hz))
    if "f0" in cues:
        f0_hz = controls.f0_hz * 2 ** (F0_DEPTH_ST * contour_shape(label, place) / 12)
        controls = controls._replace(f0_hz=np.clip(f0_hz, *speech.F0_LIMITS_HZ))
    if "envelope" in cues:
        controls = controls._replace(level_db=controls.level_db + ENVELOPE_DEPTH_DB * contour_shape(label, place))
    if "pause" in cues:
        time_s = np.arange(len(place)) * CONTROL_STEP_S
        centre_s = np.interp(PAUSE_PLACES[label] + draws.pause_shift, place, time_s)
        inside = np.clip((draws.pause_s / 2 - np.abs(time_s - centre_s)) / PAUSE_EDGE_S, 0, 1)
        controls = controls._replace(level_db=controls.level_db - PAUSE_DEPTH_DB * inside)
    return controls


def noise_burst(
    rng: np.random.Generator, controls: Controls, label: int, draws: Draws, rate: int
) -> Float64[np.ndarray, "N"]:
    """Samples of band-limited noise in the band of a class, as long as the sound of `controls`."""
    n_controls = len(controls.f0_hz)
    time_s = np.arange(n_controls) * CONTROL_STEP_S
    centre_s = np.interp(draws.burst_place, speech_place(n_controls), time_s)
    distance = np.abs(time_s - centre_s) / (BURST_S / 2)
    track = np.zeros(n_controls)
    alone = controls._replace(
        level_db=track + BURST_LEVEL_DB,
        aspiration=track,
        frication=np.where(distance < 1, np.cos(np.pi * distance / 2), 0.0),
        frication_hz=track + BURST_HZ[label],
        frication_width_hz=track + BURST_WIDTH * BURST_HZ[label],
    )
    n_samples = round((n_controls - 1) * CONTROL_STEP_S * rate)
    return noise_part(rng, alone, filter_responses(alone, rate), n_samples, rate)


def render(config: SyntheticConfig, planted: Planted, rate: int) -> Float64[np.ndarray, "N"]:
    """Samples of a recording; those of one sentence's variants and classes are all of the same length."""
    spec, cues = planted.spec, VARIANT_CUES[planted.variant]
    draws = draw(config, spec)
    neutral = speech.draw_controls(config, spec)
    rng = speech.stream_rng(config, spec, Stream.SOUND)
    burst_rng = rng.spawn(1)[0]
    samples = synthesise(rng, plant_tracks(neutral, cues, planted.label, draws), rate).samples
    if "burst" in cues:
        samples = samples + noise_burst(burst_rng, neutral, planted.label, draws, rate)
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
    """The neutral recording of the same sentence, speaker and draws."""
    return Planted(planted.spec, NEUTRAL, 0)


def class_name(variant: str, label: int) -> str:
    """What a class is in a variant, such as `rising`."""
    return CLASS_CUES[variant][label]


def folder_name(config: SyntheticConfig, rate: int) -> str:
    """A name that depends on all that the sound of a recording depends on, besides its own name."""
    return f"evidence-{PLANTED_VERSION}-{speech.CORPUS_VERSION}-seed-{config.seed}-{rate}-hz"


def wav(planted: Planted, config: SyntheticConfig, rate: int) -> bytes:
    """The content of a recording's wav file: 16 bits, mono."""
    return wav_bytes(render(config, planted, rate), rate)
