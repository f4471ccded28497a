"""A recording of a person with its F0, timing and level changed, and sound added.

F0 and timing by overlap-add at the pitch periods (Moulines and Charpentier, Speech Communication 9, 1990) as Praat does
it; level and added sound in the samples themselves. Axes: N sample; M instant, every `STEP_S`.
"""

from typing import NamedTuple

import numpy as np
import parselmouth
from jaxtyping import Float64
from parselmouth.praat import call, run

STEP_S = 0.005
# Of Praat's analysis of the pitch periods.
_ANALYSIS_STEP_S = 0.01
# Beside a time, so that a tier, which is linear between its points, has a step there.
_STEP_WIDTH_S = 1e-4
# In which a recording goes over into another one.
FADE_S = 0.02
# Levels are measured in frames of this length.
FRAME_S = 0.02
# The level that a change of F0 must not change is that under a Hann window of this length: several pitch periods.
LEVEL_WINDOW_S = 0.1
_LEAST_LEVEL = 1e-6
_LOUD_PERCENTILE = 90
# Frames are spoken that are at most so much quieter than the loudest one.
_QUIETEST_DB = -30.0


class F0Range(NamedTuple):
    """Where F0 is looked for, in Hz."""

    floor_hz: float
    ceiling_hz: float


class Speech(NamedTuple):
    """A recording, and where in it there is speech.

    Attributes:
      samples: `[N]`.
      rate_hz: of the samples.
      start_s: where speech begins.
      end_s: where it ends.
    """

    samples: Float64[np.ndarray, "N"]
    rate_hz: int
    start_s: float
    end_s: float

    def instants_s(self) -> Float64[np.ndarray, "M"]:
        """The instants of the tracks of `Changes`, from 0 to the end."""
        return np.arange(0, len(self.samples) / self.rate_hz + STEP_S, STEP_S)

    def at_s(self, place: float) -> float:
        """The time of a place in the speech, 0 its beginning and 1 its end."""
        return self.start_s + place * (self.end_s - self.start_s)

    def places(self) -> Float64[np.ndarray, "M"]:
        """The places (0..1) in the speech of all instants."""
        return np.clip((self.instants_s() - self.start_s) / (self.end_s - self.start_s), 0, 1)


class DurationChange(NamedTuple):
    """A part of a recording that lasts `factor` times as long."""

    start_s: float
    end_s: float
    factor: float


class Changes(NamedTuple):
    """What is done to a recording.

    Attributes:
      semitones: `[M]`, added to F0, at instants of the recording as it is.
      stretches: in the order of time, that do not overlap.
      gain_db: `[M]`, at instants of the result, as all that follows.
      added: `[N]` samples.
    """

    semitones: Float64[np.ndarray, "M"]
    stretches: tuple[DurationChange, ...]
    gain_db: Float64[np.ndarray, "M"]
    added: Float64[np.ndarray, "N"]


def nothing_changed(speech: Speech) -> Changes:
    """Changes that leave a recording as it is, to begin with."""
    track = np.zeros(len(speech.instants_s()))
    return Changes(track, (), track, np.zeros(len(speech.samples)))


def as_speech(samples: Float64[np.ndarray, "N"], rate_hz: int, level_db: float) -> Speech:
    """A recording brought to a level: that of its loud frames, the 90th percentile of the RMS in 20 ms that are spoken.

    Those are spoken that are at most 30 dB below the loudest; speech lies between the first and the last of them.
    `level_db` is re full scale; `samples` are not all zero.
    """
    rms = frame_rms(samples, rate_hz)
    spoken = np.flatnonzero(rms >= rms.max() * 10 ** (_QUIETEST_DB / 20))
    length_s = len(samples) / rate_hz / len(rms)
    scaled = samples * 10 ** (level_db / 20) / np.percentile(rms[spoken], _LOUD_PERCENTILE)
    return Speech(scaled, rate_hz, float(spoken[0] * length_s), float((spoken[-1] + 1) * length_s))


def frame_rms(samples: Float64[np.ndarray, "N"], rate_hz: int) -> Float64[np.ndarray, "n"]:
    """The RMS in parts of about 20 ms."""
    parts = np.array_split(samples, max(1, round(len(samples) / rate_hz / FRAME_S)))
    return np.array([np.sqrt(np.mean(part**2)) for part in parts])


def resynthesised(speech: Speech, changes: Changes, f0_range: F0Range) -> Float64[np.ndarray, "N"]:
    """The recording with F0 and timing changed, as long as before, and as loud where F0 alone changes.

    Made anew from its pitch periods even where nothing changes, which alters it a little. Behind stretches its periods
    would come to lie elsewhere than without them, for good: so there it goes over, in `FADE_S`, into what it is without
    them, in the last stretch and where the two are most alike.
    """
    made = _at_kept_level(speech, changes, f0_range)
    if not changes.stretches:
        return made
    without, last = _at_kept_level(speech, changes._replace(stretches=()), f0_range), changes.stretches[-1]
    n_fade, end = round(FADE_S * speech.rate_hz), round(last.end_s * speech.rate_hz)
    begin = end - round((last.end_s - last.start_s) * last.factor * speech.rate_hz)
    differing = np.convolve((made - without)[begin:end] ** 2, np.ones(n_fade), "valid")
    behind = np.arange(len(made)) - (begin + np.argmin(differing))
    return without + np.clip(1 - behind / n_fade, 0, 1) * (made - without)


def _at_kept_level(speech: Speech, changes: Changes, f0_range: F0Range) -> Float64[np.ndarray, "N"]:
    """What is made of the pitch periods, with its voiced parts at the level that they have with F0 as it is.

    Periods that lie closer together overlap more, so that level would rise and fall with F0. What is voiceless has no
    periods, and is left as it is.
    """
    made = _overlap_added(speech, changes, f0_range)
    if not changes.semitones.any():
        return made
    voicing = _voicing(speech, f0_range)
    unchanged = _overlap_added(speech, changes._replace(semitones=np.zeros_like(changes.semitones)), f0_range)
    kept, changed = (smoothed_level(voicing * samples, speech.rate_hz) for samples in (unchanged, made))
    return made * (kept / changed) ** voicing


def smoothed_level(samples: Float64[np.ndarray, "N"], rate_hz: int) -> Float64[np.ndarray, "N"]:
    """The RMS around every sample under a window of `LEVEL_WINDOW_S`, at least -120 dB re full scale."""
    window = np.hanning(round(LEVEL_WINDOW_S * rate_hz))
    return np.maximum(np.sqrt(np.convolve(samples**2, window / window.sum(), "same")), _LEAST_LEVEL)


def _voicing(speech: Speech, f0_range: F0Range) -> Float64[np.ndarray, "N"]:
    """1 where Praat finds an F0 and a step of its analysis around, fading to 0 within another step."""
    sound = parselmouth.Sound(speech.samples, sampling_frequency=speech.rate_hz)
    pitch = sound.to_pitch_ac(_ANALYSIS_STEP_S, f0_range.floor_hz, pitch_ceiling=f0_range.ceiling_hz)
    near_voice = np.convolve(pitch.selected_array["frequency"] > 0, np.ones(3), "same") > 0
    return np.interp(np.arange(len(speech.samples)) / speech.rate_hz, pitch.xs(), near_voice.astype(float))


def _overlap_added(speech: Speech, changes: Changes, f0_range: F0Range) -> Float64[np.ndarray, "N"]:
    """What Praat makes of the pitch periods, as long as the recording.

    There is always a tier of durations, for without one Praat puts the periods elsewhere. What is voiceless Praat takes
    from places that it draws: here the same ones each time.
    """
    sound = parselmouth.Sound(speech.samples, sampling_frequency=speech.rate_hz)
    manipulation = call(sound, "To Manipulation", _ANALYSIS_STEP_S, *f0_range)
    call([_pitch_tier(manipulation, speech, changes), manipulation], "Replace pitch tier")
    call([_duration_tier(speech, changes.stretches), manipulation], "Replace duration tier")
    run("random_initializeWithSeedUnsafelyButPredictably (1)")
    made = np.asarray(call(manipulation, "Get resynthesis (overlap-add)").values[0], dtype=np.float64)
    run("random_initializeSafelyAndUnpredictably ()")
    n_samples = len(speech.samples)
    return np.pad(made[:n_samples], (0, max(0, n_samples - len(made))))


def _pitch_tier(manipulation: parselmouth.Data, speech: Speech, changes: Changes) -> parselmouth.Data:
    pitch_tier = call(manipulation, "Extract pitch tier")
    changed = call("Create PitchTier", "changed", 0.0, len(speech.samples) / speech.rate_hz)
    for number in range(1, call(pitch_tier, "Get number of points") + 1):
        time_s, f0_hz = call(pitch_tier, "Get time from index", number), call(pitch_tier, "Get value at index", number)
        semitones = np.interp(time_s, speech.instants_s(), changes.semitones)
        call(changed, "Add point", time_s, f0_hz * 2 ** (semitones / 12))
    return changed


def _duration_tier(speech: Speech, stretches: tuple[DurationChange, ...]) -> parselmouth.Data:
    end_s = len(speech.samples) / speech.rate_hz
    tier = call("Create DurationTier", "changed", 0.0, end_s)
    beside = [t for own in stretches for t in (own.start_s - _STEP_WIDTH_S, own.end_s + _STEP_WIDTH_S)]
    for time_s in (0.0, end_s, *beside):
        if not any(own.start_s <= time_s <= own.end_s for own in stretches):
            call(tier, "Add point", time_s, 1.0)
    for start_s, end_s, factor in stretches:
        call(tier, "Add point", start_s + _STEP_WIDTH_S, factor)
        call(tier, "Add point", end_s - _STEP_WIDTH_S, factor)
    return tier


def with_level_and_sound(
    samples: Float64[np.ndarray, "N"], speech: Speech, changes: Changes
) -> Float64[np.ndarray, "N"]:
    """The samples with the gain, linear in dB between instants, and with what is added."""
    time_s = np.arange(len(samples)) / speech.rate_hz
    gain_db = np.interp(time_s, speech.instants_s(), changes.gain_db)
    return samples * 10 ** (gain_db / 20) + changes.added
