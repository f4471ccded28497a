"""A voice by source and filter: glottal pulses and noise through formants, set by control tracks (pure functions).

A sound is made from separable parts, in the manner of the parameter frames of Klatt (1980), "Software for a
cascade/parallel formant synthesizer", JASA 67: F0, level, formants, tilt and noise are tracks of their own, so one of
them can be replaced (`controls._replace(f0_hz=...)`) while all others, random draws included, stay as they are.

Each glottal pulse is the KLGLOTT88 pulse of Klatt & Klatt (1990), JASA 87: its spectrum is known in closed form, so
pulses are filtered in the frequency domain, placed between samples without aliasing, and added where they overlap.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Complex128, Float64, Int

CONTROL_STEP_S = 0.005
# The glottis counts as vibrating above this gain (-30 dB); no pulse is made below it.
VOICED_GAIN = 0.03
# Share of the period in which the glottis is open.
OPEN_QUOTIENT = 0.6
# Long enough for a formant 50 Hz wide to ring down by 87 dB.
GRAIN_S = 0.064
# A pulse placed between samples rings a little before its start; this many samples of a grain lie before it.
GRAIN_LEAD_SAMPLES = 16
# Brings a neutral open vowel with `level_db` 0 to an RMS of about 1 at 100 Hz.
PULSE_GAIN = 1.4
ASPIRATION_GAIN = 0.4


class Controls(NamedTuple):
    """What is to be heard, at every `CONTROL_STEP_S`; M control instants, K formants.

    f0_hz is positive throughout, and heard where `voicing` (linear gain of the glottal pulses, 0..1) lets it. level_db
    is the energy envelope: 0 dB is about full scale (RMS 1), and applies to pulses and noise alike. tilt_db: what the
    source loses at 3 kHz, 0 or more (Klatt's TL). aspiration: linear gain of the noise that passes the formants.
    frication: that of the noise that does not, in one band (frication_hz, frication_width_hz). jitter: standard
    deviation of the pulse instants in periods, a number or a track; shimmer_db: that of the pulses' level; floor_db:
    RMS of the recording's background noise. pulse_level_db: level of the pulses alone, a number or a track, which
    unlike `voicing` decides nothing about where there are pulses.
    """

    f0_hz: Float64[np.ndarray, "M"]
    level_db: Float64[np.ndarray, "M"]
    voicing: Float64[np.ndarray, "M"]
    tilt_db: Float64[np.ndarray, "M"]
    aspiration: Float64[np.ndarray, "M"]
    frication: Float64[np.ndarray, "M"]
    frication_hz: Float64[np.ndarray, "M"]
    frication_width_hz: Float64[np.ndarray, "M"]
    formant_hz: Float64[np.ndarray, "M K"]
    bandwidth_hz: Float64[np.ndarray, "M K"]
    jitter: float | Float64[np.ndarray, "M"]
    shimmer_db: float
    floor_db: float
    pulse_level_db: float | Float64[np.ndarray, "M"] = 0.0


class Sound(NamedTuple):
    """A synthetic recording and its truth: samples (full scale is 1), F0 (0 = unvoiced), instants of the pulses."""

    samples: Float64[np.ndarray, "n"]
    f0_hz: Float64[np.ndarray, "n"]
    pulse_s: Float64[np.ndarray, "p"]


def glottal_spectrum(
    frequency_hz: Float64[np.ndarray, "B"], open_s: Float64[np.ndarray, "P"]
) -> Complex128[np.ndarray, "P B"]:
    """Fourier transform of the KLGLOTT88 flow derivative 2u - 3u^2, u = t / open_s in 0..1 (Klatt & Klatt 1990).

    The first frequency is 0; open_s is the open phase. In seconds.
    """
    s = 2j * np.pi * open_s[:, None] * frequency_hz[None, 1:]
    spectrum = open_s[:, None] * (2 * s - 6 + np.exp(-s) * (s * s + 4 * s + 6)) / (s * s * s)
    return np.pad(spectrum, ((0, 0), (1, 0)))  # The flow is 0 before and after the pulse: no component at 0 Hz.


def tilt_response(
    frequency_hz: Float64[np.ndarray, "B"], tilt_db: Float64[np.ndarray, "P"]
) -> Complex128[np.ndarray, "P B"]:
    """First-order low-pass that takes tilt_db (0 or more) at 3 kHz."""
    slope = np.sqrt(10 ** (np.maximum(tilt_db, 0.0) / 10) - 1) / 3000.0
    return 1 / (1 + 1j * slope[:, None] * frequency_hz[None, :])


def tract_response(
    frequency_hz: Float64[np.ndarray, "B"],
    formant_hz: Float64[np.ndarray, "P K"],
    bandwidth_hz: Float64[np.ndarray, "P K"],
) -> Complex128[np.ndarray, "P B"]:
    """Cascade of K two-pole resonators, gain 1 at 0 Hz.

    The denominators 1 + s w / F^2 + s^2 / F^2 (s = j f, w the bandwidth) are multiplied into one polynomial of s first.
    """
    coefficients = np.ones((len(formant_hz), 1))
    for square, width in zip((formant_hz.T / 1000) ** 2, bandwidth_hz.T / 1000, strict=True):
        linear, quadratic = coefficients * (width / square)[:, None], coefficients / square[:, None]
        coefficients = np.pad(coefficients, ((0, 0), (0, 2)))
        coefficients[:, 1:-1] += linear
        coefficients[:, 2:] += quadratic
    f = frequency_hz / 1000
    powers = (-(f**2)) ** np.arange(formant_hz.shape[1] + 1)[:, None]
    # einsum, not a matrix product: its sums do not depend on the number of threads.
    even = np.einsum("pk,kb->pb", coefficients[:, 0::2], powers)
    odd = np.einsum("pk,kb->pb", coefficients[:, 1::2], powers[:-1])
    return 1 / (even + 1j * f * odd)


def band_response(
    frequency_hz: Float64[np.ndarray, "B"],
    centre_hz: Float64[np.ndarray, "P"],
    width_hz: Float64[np.ndarray, "P"],
    sample_rate_hz: int,
) -> Complex128[np.ndarray, "P B"]:
    """Band-pass resonator scaled so that white noise of RMS 1 leaves it with an RMS of about 1."""
    f, centre, width = frequency_hz[None, :], centre_hz[:, None], width_hz[:, None]
    passed_share = np.pi * width / sample_rate_hz
    return 1j * f * width / (centre**2 - f**2 + 1j * f * width) / np.sqrt(passed_share)


def pulse_instants(
    rng: np.random.Generator,
    f0_hz: Float64[np.ndarray, "n"],
    voiced: Bool[np.ndarray, "n"],
    jitter: Float64[np.ndarray, "n"],
    rate: int,
) -> Float64[np.ndarray, "p"]:
    """Instants in s at which the integral of f0_hz passes whole numbers while voiced; shifted by the jitter."""
    phase = np.cumsum(f0_hz) / rate
    at_sample = np.interp(np.arange(np.ceil(phase[0]), phase[-1]), phase, np.arange(len(phase)))
    nearest = np.round(at_sample).astype(int)
    shift_samples = np.clip(rng.standard_normal(len(at_sample)), -3, 3) * jitter[nearest] * rate / f0_hz[nearest]
    return np.maximum(at_sample + shift_samples, 0.0)[voiced[nearest]] / rate


def overlap_add(
    grains: Float64[np.ndarray, "P L"], first_sample: Int[np.ndarray, "P"], n_samples: int
) -> Float64[np.ndarray, "{n_samples}"]:
    """Sum of the grains, each beginning at its first_sample (-L..n_samples), cut to n_samples."""
    length = grains.shape[1]
    padded = np.zeros(n_samples + 2 * length)
    for start, grain in zip(first_sample + length, grains, strict=True):
        padded[start : start + length] += grain
    return padded[length : length + n_samples]


def _at(track: Float64[np.ndarray, "M *K"], time_s: Float64[np.ndarray, "P"]) -> Float64[np.ndarray, "P *K"]:
    """A control track, read linearly at some times."""
    position = np.clip(time_s / CONTROL_STEP_S, 0, len(track) - 1)
    below = np.minimum(position.astype(int), len(track) - 2)
    weight = (position - below).reshape((-1,) + (1,) * (track.ndim - 1))
    return (1 - weight) * track[below] + weight * track[below + 1]


def _amplitude(level_db: Float64[np.ndarray, "M"]) -> Float64[np.ndarray, "M"]:
    return 10 ** (level_db / 20)


def _grain_length(sample_rate_hz: int) -> int:
    return 2 ** int(np.ceil(np.log2(GRAIN_S * sample_rate_hz)))


def filter_responses(controls: Controls, rate: int) -> Complex128[np.ndarray, "M B"]:
    """Tilt and formants at every control instant, for the B frequencies of a grain."""
    frequency_hz = np.fft.rfftfreq(_grain_length(rate), 1 / rate)
    tract = tract_response(frequency_hz, controls.formant_hz, controls.bandwidth_hz)
    return tract * tilt_response(frequency_hz, controls.tilt_db)


def voiced_part(
    rng: np.random.Generator,
    controls: Controls,
    responses: Complex128[np.ndarray, "M B"],
    pulse_s: Float64[np.ndarray, "p"],
    n_samples: int,
    rate: int,
) -> Float64[np.ndarray, "{n_samples}"]:
    """Samples of glottal pulses at pulse_s, each through the filters of the nearest control instant."""
    length = _grain_length(rate)
    frequency_hz = np.fft.rfftfreq(length, 1 / rate)
    f0_hz = _at(controls.f0_hz, pulse_s)
    spectrum = glottal_spectrum(frequency_hz, OPEN_QUOTIENT / f0_hz)
    spectrum *= responses[np.round(pulse_s / CONTROL_STEP_S).astype(int)]
    whole = np.floor(pulse_s * rate)
    delay_s = (pulse_s * rate - whole + GRAIN_LEAD_SAMPLES) / rate
    spectrum *= np.exp(-2j * np.pi * delay_s[:, None] * frequency_hz[None, :])
    shimmer_db = controls.shimmer_db * np.clip(rng.standard_normal(len(pulse_s)), -3, 3)
    level_db = controls.level_db + controls.pulse_level_db
    gain = _amplitude(_at(level_db, pulse_s) + shimmer_db) * _at(controls.voicing, pulse_s)
    # Pulses of one height would make a vowel louder by 1.5 dB per octave of F0 (measured); energy is a part of its own.
    gain *= PULSE_GAIN * (100.0 / f0_hz) ** 0.25
    grains = np.fft.irfft(spectrum, length, axis=1) * (rate * gain)[:, None]
    return overlap_add(grains, whole.astype(np.int64) - GRAIN_LEAD_SAMPLES, n_samples)


def noise_part(
    rng: np.random.Generator, controls: Controls, responses: Complex128[np.ndarray, "M B"], n_samples: int, rate: int
) -> Float64[np.ndarray, "{n_samples}"]:
    """Samples of aspiration and frication: white noise in Hann windows, each through the filters of its instant."""
    step, length = round(CONTROL_STEP_S * rate), _grain_length(rate)
    frequency_hz = np.fft.rfftfreq(length, 1 / rate)
    white = rng.standard_normal((len(controls.f0_hz) + 1) * step)
    window = np.sin(np.pi * (np.arange(2 * step) + 0.5) / (2 * step)) ** 2
    frames = np.lib.stride_tricks.sliding_window_view(white, 2 * step)[::step] * window
    response = responses * (ASPIRATION_GAIN * controls.aspiration)[:, None]
    hiss = controls.frication > 0
    band = band_response(frequency_hz, controls.frication_hz[hiss], controls.frication_width_hz[hiss], rate)
    response[hiss] += band * controls.frication[hiss, None]
    spectrum = np.fft.rfft(frames, length, axis=1) * response
    grains = np.fft.irfft(spectrum, length, axis=1) * _amplitude(controls.level_db)[:, None]
    return overlap_add(grains, (np.arange(len(grains), dtype=np.int64) - 1) * step, n_samples)


def synthesise(rng: np.random.Generator, controls: Controls, sample_rate_hz: int) -> Sound:
    """The sound of `controls`, (M - 1) * 5 ms long; deterministic in the state of rng.

    Jitter, shimmer, noise and background have streams of their own. Samples are not limited: the caller sets levels so
    that they stay below 1. The true F0 is the control track, from which the single periods deviate by the jitter; it is
    0 where the glottis does not vibrate.
    """
    n_samples = round((len(controls.f0_hz) - 1) * CONTROL_STEP_S * sample_rate_hz)
    time_s = np.arange(n_samples) / sample_rate_hz
    jitter_rng, shimmer_rng, noise_rng, floor_rng = rng.spawn(4)
    f0_hz = _at(controls.f0_hz, time_s)
    voiced = _at(controls.voicing, time_s) > VOICED_GAIN
    # Between equal values `np.interp` gives exactly these, which a weighted mean does not.
    control_s = np.arange(len(controls.f0_hz)) * CONTROL_STEP_S
    jitter = np.interp(time_s, control_s, np.broadcast_to(controls.jitter, control_s.shape))
    pulse_s = pulse_instants(jitter_rng, f0_hz, voiced, jitter, sample_rate_hz)
    responses = filter_responses(controls, sample_rate_hz)
    samples = voiced_part(shimmer_rng, controls, responses, pulse_s, n_samples, sample_rate_hz)
    samples += noise_part(noise_rng, controls, responses, n_samples, sample_rate_hz)
    samples += 10 ** (controls.floor_db / 20) * floor_rng.standard_normal(n_samples)
    return Sound(samples, np.where(voiced, f0_hz, 0.0), pulse_s)
