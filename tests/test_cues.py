"""Every cue by itself: its physical size as Praat measures it in a steady vowel, and that nothing else changes."""

from collections.abc import Callable

import numpy as np
import parselmouth
import pytest
from parselmouth.praat import call

from convcam_jax.corpora.synthetic import planted, variants
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.corpora.synthetic.cues import CUES, burst, gap, lengthening, suppressor
from convcam_jax.corpora.synthetic.cues.cue import (
    STRETCH_PLACES,
    Draws,
    Sounding,
    contour_shape,
    inside_stretch,
    speech_place,
    stretch_centre_s,
)
from convcam_jax.corpora.synthetic.phones import BANDWIDTHS_HZ, UPPER_FORMANTS_HZ
from convcam_jax.corpora.synthetic.planted import PlantedSentence, SyntheticSpeech
from convcam_jax.corpora.synthetic.speech import BASE_LEVEL_DB, draw_controls
from convcam_jax.corpora.synthetic.voice import CONTROL_STEP_S, GRAIN_S, Controls, synthesise
from convcam_jax.representations.cqt import Cqt

RATE_HZ = 16000
N_CONTROLS = 241
ONES = np.ones(N_CONTROLS)
TIME_S = np.arange(N_CONTROLS) * CONTROL_STEP_S
FORMANTS_HZ = (500.0, 1500.0, 2500.0, *UPPER_FORMANTS_HZ)
DRAWS = Draws(event_place=0.4, stretch_shift=0.02, stretch_s=0.3, other_place=0.6, first_of_two=1)
# 1.2 s of a steady vowel at 120 Hz, without noise or irregularity.
VOWEL = Controls(
    f0_hz=120 * ONES,
    level_db=BASE_LEVEL_DB * ONES,
    voicing=ONES,
    tilt_db=2 * ONES,
    aspiration=0 * ONES,
    frication=0 * ONES,
    frication_hz=3000 * ONES,
    frication_width_hz=1000 * ONES,
    formant_hz=np.tile(FORMANTS_HZ, (N_CONTROLS, 1)),
    bandwidth_hz=np.tile(BANDWIDTHS_HZ, (N_CONTROLS, 1)),
    jitter=0.0,
    shimmer_db=0.0,
    floor_db=-100.0,
)


def rendered(controls: Controls) -> np.ndarray:
    return synthesise(np.random.default_rng(0), controls, RATE_HZ).samples


VOWEL_SOUND = rendered(VOWEL)


def planted_vowel(cue: str, strength: float, label: int, controls: Controls = VOWEL, draws: Draws = DRAWS):
    return rendered(CUES[cue].plant(controls, label, strength, draws))


def added(cue: str, samples: np.ndarray, strength: float, label: int, seed: int = 1) -> np.ndarray:
    return CUES[cue].sound(np.random.default_rng(seed), Sounding(samples, VOWEL, DRAWS, RATE_HZ), label, strength)


def sound_of(samples: np.ndarray, from_s: float = 0.0, to_s: float | None = None) -> parselmouth.Sound:
    cut = samples[round(from_s * RATE_HZ) : None if to_s is None else round(to_s * RATE_HZ)]
    return parselmouth.Sound(np.ascontiguousarray(cut), RATE_HZ)


def intensity_db(samples: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    own = sound_of(samples).to_intensity(minimum_pitch=100)
    return np.array([own.get_value(t) for t in time_s])


def band_db(samples: np.ndarray, low_hz: float, high_hz: float) -> float:
    own = sound_of(samples * np.hanning(len(samples)))
    return 10 * np.log10(call(own.to_spectrum(), "Get band energy", low_hz, high_hz))


INNER_S = np.linspace(0.1, 1.05, 20)


def shape_at(label: int, time_s: np.ndarray) -> np.ndarray:
    return contour_shape(label, np.interp(time_s, TIME_S, speech_place(N_CONTROLS)))


def f0(strength: float, label: int) -> None:
    pitch = sound_of(planted_vowel("f0", strength, label)).to_pitch_ac(0.01, 60.0, pitch_ceiling=300.0)
    measured = 12 * np.log2([pitch.get_value_at_time(t) / 120 for t in INNER_S])
    np.testing.assert_allclose(measured, strength * shape_at(label, INNER_S), atol=0.25)


def envelope(strength: float, label: int) -> None:
    change = intensity_db(planted_vowel("envelope", strength, label), INNER_S) - intensity_db(VOWEL_SOUND, INNER_S)
    np.testing.assert_allclose(change, strength * shape_at(label, INNER_S), atol=0.3)


def pause(strength: float, label: int) -> None:
    """Also devoicing: a vowel without noise has pulses alone."""
    centre_s = np.array([stretch_centre_s(label, N_CONTROLS, DRAWS)])
    for cue in ("pause", "devoicing"):
        change = intensity_db(planted_vowel(cue, strength, label), centre_s) - intensity_db(VOWEL_SOUND, centre_s)
        assert change[0] == pytest.approx(-strength, abs=1.5)


def burst_level(strength: float, label: int) -> None:
    every = [added("burst", np.zeros_like(VOWEL_SOUND), strength, label, seed) for seed in range(20)]
    own = every[0]
    centre_s = np.interp(DRAWS.event_place, speech_place(N_CONTROLS), TIME_S)
    power = [sound_of(own, centre_s - 0.02, centre_s + 0.02).get_power() for own in every]
    # 20 times 40 ms of noise in a band of 120 Hz or more: the mean power deviates by about 0.5 dB.
    assert 10 * np.log10(np.mean(power)) == pytest.approx(BASE_LEVEL_DB + strength, abs=1.5)
    # Of the squared power: the slopes of the resonance reach far.
    centre_hz = call(sound_of(own).to_spectrum(), "Get centre of gravity", 4)
    assert centre_hz == pytest.approx(burst.BURST_HZ[label], rel=0.1)


def tilt(strength: float, label: int) -> None:
    """At 3 kHz, in the tenth of the speech where the contour is highest."""
    centre = (1.0, 0.0, 0.5)[label]
    inside = np.abs(speech_place(N_CONTROLS) - np.clip(centre, 0.1, 0.9)) < 0.05
    cut = slice(round(TIME_S[inside][0] * RATE_HZ), round(TIME_S[inside][-1] * RATE_HZ))
    change_db = band_db(planted_vowel("tilt", strength, label)[cut], 2900, 3100) - band_db(VOWEL_SOUND[cut], 2900, 3100)
    highest = (1 + shape_at(label, TIME_S[inside]).mean()) / 2
    assert change_db == pytest.approx(-strength * highest, abs=1)


def breathiness(strength: float, label: int) -> None:
    noise = planted_vowel("breathiness", strength, label) - VOWEL_SOUND
    reference = rendered(VOWEL._replace(voicing=0 * ONES, aspiration=ONES))
    at_most = np.clip(shape_at(label, TIME_S).argmax(), 40, N_CONTROLS - 41)
    cut = slice(round((TIME_S[at_most] - 0.1) * RATE_HZ), round((TIME_S[at_most] + 0.1) * RATE_HZ))
    share = np.mean(((1 + shape_at(label, TIME_S[at_most - 20 : at_most + 21])) / 2) ** 2) ** 0.5
    ratio_db = 20 * np.log10(noise[cut].std() / (reference[cut].std() * share))
    assert ratio_db == pytest.approx(strength, abs=0.5)
    hnr_db = [
        call(sound_of(own).to_harmonicity_cc(), "Get mean", 0, 0)
        for own in (VOWEL_SOUND, planted_vowel("breathiness", strength, label))
    ]
    assert hnr_db[1] < hnr_db[0] - 3


def formant(strength: float, label: int) -> None:
    found = []
    # Harmonics draw a peak to themselves: the closer they lie, the less.
    creaky = VOWEL._replace(f0_hz=60 * ONES)
    for own in (rendered(creaky), planted_vowel("formant", strength, label, creaky)):
        formants = sound_of(own).to_formant_burg(max_number_of_formants=5, maximum_formant=5000)
        found.append([np.median([formants.get_value_at_time(k, t) for t in INNER_S]) for k in (1, 2, 3)])
    cents = 1200 * np.log2(np.divide(found[1], found[0]))
    expected = np.where(np.arange(3) == label, strength, 0)
    np.testing.assert_allclose(cents, expected, atol=40)


def jitter(strength: float, label: int) -> None:
    wide = DRAWS._replace(stretch_s=0.5)
    fast = VOWEL._replace(f0_hz=250 * ONES)
    own = synthesise(np.random.default_rng(0), CUES["jitter"].plant(fast, label, strength, wide), RATE_HZ)
    centre_s = stretch_centre_s(label, N_CONTROLS, wide)
    limits = (max(centre_s - 0.22, 0), centre_s + 0.22, 0.0001, 0.02, 1.3)
    pulses = call("Create empty PointProcess", "pulses", 0, TIME_S[-1])
    for time_s in own.pulse_s:
        call(pulses, "Add point", time_s)
    # The mean of |e1 - 2 e2 + e3| of normal e, over 110 periods.
    expected = np.sqrt(12 / np.pi) * strength / 100
    assert call(pulses, "Get jitter (local)", *limits) == pytest.approx(expected, rel=0.2)
    heard = call(sound_of(own.samples), "To PointProcess (periodic, cc)", 150, 400)
    assert call(heard, "Get jitter (local)", *limits) == pytest.approx(0.57 * strength / 100, rel=0.15)


def lengthened(strength: float, label: int) -> None:
    """A hiss that begins at the instant begins later by the strength."""
    centre_s = stretch_centre_s(label, N_CONTROLS, DRAWS)
    hiss = VOWEL._replace(voicing=0 * ONES, frication=np.where(centre_s <= TIME_S, 1.0, 0.0))
    onset_s = []
    for own in (rendered(hiss), planted_vowel("lengthening", strength, label, hiss)):
        intensity = sound_of(own).to_intensity(minimum_pitch=400, time_step=0.001)
        values = intensity.values[0]
        onset_s.append(intensity.xs()[np.argmax(values > values.max() - 12)])
    assert 1000 * (onset_s[1] - onset_s[0]) == pytest.approx(strength, abs=8)


def band_gap(strength: float, label: int) -> None:
    own, centre_hz = added("gap", VOWEL_SOUND, strength, label), gap.GAP_HZ[label]
    limits = centre_hz * 2**-0.3, centre_hz * 2**0.3
    change_db = band_db(own, *limits) - band_db(VOWEL_SOUND, *limits)
    assert change_db == pytest.approx(-strength, abs=0.1)


def two_bursts(strength: float, label: int) -> None:
    own = added("xor", np.zeros_like(VOWEL_SOUND), strength, label)
    middle_s = float(np.interp(0.5, speech_place(N_CONTROLS), TIME_S))
    bands = []
    for limits in ((0.0, middle_s), (middle_s, None)):
        centre_hz = call(sound_of(own, *limits).to_spectrum(), "Get centre of gravity", 2)
        bands.append(int(np.argmin(np.abs(np.log(np.divide(burst.BURST_HZ, centre_hz))))))
    assert bands[0] == DRAWS.first_of_two
    assert sum(bands) % 3 == label


def beside_a_louder_one(strength: float, label: int) -> None:
    beside = CUES["suppressor"].beside(
        np.random.default_rng(2), Sounding(np.zeros_like(VOWEL_SOUND), VOWEL, DRAWS, RATE_HZ)
    )
    spectrum = sound_of(beside).to_spectrum()
    assert call(spectrum, "Get centre of gravity", 2) == pytest.approx(suppressor.LOUD_HZ, rel=0.1)
    own = added("suppressor", np.zeros_like(VOWEL_SOUND), strength, label)
    louder_db = 20 * np.log10(beside.std() / own.std())
    assert louder_db == pytest.approx(suppressor.LOUD_DB - strength, abs=3)


MEASURES: dict[str, Callable[[float, int], None]] = {
    "f0": f0,
    "envelope": envelope,
    "burst": burst_level,
    "pause": pause,
    "tilt": tilt,
    "breathiness": breathiness,
    "formant": formant,
    "jitter": jitter,
    "lengthening": lengthened,
    "devoicing": pause,
    "gap": band_gap,
    "xor": two_bursts,
    "suppressor": beside_a_louder_one,
}


def test_every_cue_is_measured_and_has_four_strengths():
    assert set(MEASURES) == set(CUES), "each cue needs its line in MEASURES, with what Praat measures of it"
    for cue in CUES.values():
        assert len(cue.strengths) >= 4
        assert list(cue.strengths) == sorted(set(cue.strengths))
        assert len(set(cue.classes)) == 3


@pytest.mark.parametrize("label", range(3))
@pytest.mark.parametrize("cue", MEASURES)
def test_a_cue_is_as_strong_as_it_says(cue, label):
    # Praat leaves out periods that differ by more than a factor of 1.3.
    strengths = CUES[cue].strengths[:2] if cue == "jitter" else CUES[cue].strengths[1:3]
    for strength in strengths:
        MEASURES[cue](strength, label)


CONFIG = SyntheticConfig(speakers_per_gender=1, texts=2)
SPEECH = SyntheticSpeech(CONFIG, ("female",), RATE_HZ)
SPEC = planted.specs(CONFIG, ["female"])[0]
OWN_DRAWS = planted.draw(CONFIG, SPEC)
OWN_CONTROLS = draw_controls(CONFIG, SPEC)
TRACKS = {
    "f0": {"f0_hz"},
    "envelope": {"level_db"},
    "pause": {"level_db"},
    "tilt": {"tilt_db"},
    "breathiness": {"aspiration"},
    "formant": {"formant_hz"},
    "jitter": {"jitter"},
    "lengthening": {"voicing", "aspiration", "frication", "frication_hz", "frication_width_hz", "formant_hz"}
    | {"bandwidth_hz"},
    "devoicing": {"pulse_level_db"},
}


@pytest.mark.parametrize("cue", CUES)
def test_a_cue_changes_its_own_tracks_only(cue):
    with_cue = CUES[cue].plant(OWN_CONTROLS, 1, CUES[cue].strengths[-1], OWN_DRAWS)
    changed = {n for n, a in OWN_CONTROLS._asdict().items() if not np.array_equal(a, getattr(with_cue, n))}
    assert changed == TRACKS.get(cue, set()), f"TRACKS says which tracks {cue} changes"


def versions(cue: str, label: int) -> tuple[np.ndarray, np.ndarray]:
    one = PlantedSentence(SPEC, cue, label)
    return tuple(planted.render(CONFIG, own, RATE_HZ) for own in (one, SPEECH.without_cues(one)))


def where_in_time(cue: str, label: int) -> np.ndarray:
    """Whether a cue may change what lies at each of the control instants."""
    n = len(OWN_CONTROLS.f0_hz)
    time_s, place = np.arange(n) * CONTROL_STEP_S, speech_place(n)
    if cue in ("pause", "jitter", "devoicing"):
        return inside_stretch(label, n, OWN_DRAWS) > 0
    if cue == "lengthening":
        return np.abs(time_s - stretch_centre_s(label, n, OWN_DRAWS)) <= lengthening.REACH_S
    places = {
        "burst": (OWN_DRAWS.event_place,),
        "suppressor": (OWN_DRAWS.event_place,),
        "xor": (OWN_DRAWS.event_place / 2, (1 + OWN_DRAWS.other_place) / 2),
    }[cue]
    return np.any([np.abs(time_s - np.interp(own, place, time_s)) <= burst.BURST_S / 2 for own in places], axis=0)


# Behind a lengthening the shimmer of pulses is drawn anew where their number changed: up to 3 times 0.3 dB each.
TOLERANCE = {"lengthening": 0.11}


@pytest.mark.parametrize("label", range(3))
@pytest.mark.parametrize("cue", ["burst", "pause", "jitter", "lengthening", "devoicing", "xor", "suppressor"])
def test_sound_and_spectrogram_are_the_same_at_all_other_times(cue, label):
    own, without = versions(cue, label)
    inside = np.flatnonzero(where_in_time(cue, label)) * CONTROL_STEP_S
    time_s = np.arange(len(own)) / RATE_HZ
    # A grain rings on behind its instant; a pulse placed between samples rings before it.
    near = np.interp(time_s, *_widened(inside, 0.01, GRAIN_S + 0.03)) > 0
    change = np.abs(own - without)
    scale = np.abs(without).max() if cue in TOLERANCE else 1.0
    assert change[near].max() > 1e-3
    assert change[~near].max() <= TOLERANCE.get(cue, 1e-9) * scale
    if cue not in TOLERANCE:
        cqt = Cqt()
        cells = np.abs(cqt.magnitude(own) - cqt.magnitude(without))[36:]
        frames_s = cqt.frame_times_s(cells.shape[1])
        # From 260 Hz on filters are shorter than 0.14 s.
        far = np.interp(frames_s, *_widened(inside, 0.08, GRAIN_S + 0.1)) == 0
        assert cells[:, far].max() < 0.01 * cells.max()


def _widened(inside_s: np.ndarray, before_s: float, behind_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Time and whether it lies in or near `inside_s`."""
    time_s = np.arange(0, 3, 0.001)
    near = np.any((time_s[:, None] >= inside_s - before_s) & (time_s[:, None] <= inside_s + behind_s), axis=1)
    return time_s, near.astype(float)


@pytest.mark.parametrize("label", range(3))
def test_frequencies_outside_of_a_gap_stay_as_they_are(label):
    own, without = (np.abs(np.fft.rfft(samples)) for samples in versions("gap", label))
    frequency_hz = np.fft.rfftfreq(2 * (len(own) - 1), 1 / RATE_HZ)
    outside = np.abs(np.log2(np.maximum(frequency_hz, 1) / gap.GAP_HZ[label])) > gap.GAP_OCTAVES / 2 + 0.01
    np.testing.assert_allclose(own[outside], without[outside], atol=1e-9)
    assert (own[~outside] < without[~outside] + 1e-9).all()


@pytest.mark.parametrize("cue", ["envelope", "tilt", "breathiness", "formant", "f0"])
def test_cues_of_the_whole_speech_leave_the_background_and_the_noise_as_they_are(cue):
    """The same streams: what a cue changes is a product of its tracks with what is drawn for the neutral recording."""
    silent = OWN_CONTROLS._replace(voicing=0 * OWN_CONTROLS.voicing, aspiration=0 * OWN_CONTROLS.voicing)
    silent = silent._replace(frication=0 * OWN_CONTROLS.voicing)
    background, again = rendered(silent), rendered(CUES[cue].plant(silent, 0, CUES[cue].strengths[-1], OWN_DRAWS))
    np.testing.assert_array_equal(background, again)


def test_the_louder_burst_is_in_both_versions():
    own, without = versions("suppressor", 0)
    alone, neutral = versions("burst", 0)
    np.testing.assert_allclose(own - without, alone - neutral, atol=1e-12)
    assert np.abs(without - neutral).max() > 2 * np.abs(alone - neutral).max()
    assert variants.without_cues("suppressor@-3") == "without_suppressor"
    assert variants.without_cues("burst") == variants.without_cues("mixed") == "neutral"


def test_neither_of_the_two_bursts_tells_the_class_alone():
    config = SyntheticConfig(speakers_per_gender=10, texts=20)
    own = SyntheticSpeech(config, ("female", "male"), RATE_HZ).recordings("xor")
    first = np.array([planted.draw(config, one.spec).first_of_two for one in own])
    labels = np.array([one.label for one in own])
    for bands in (first, (labels - first) % 3):
        counts = np.array([[np.sum((bands == band) & (labels == label)) for label in range(3)] for band in range(3)])
        # 1200 recordings: 133 are expected in each cell, with a standard deviation of 11.
        assert np.abs(counts - 133).max() < 45


def test_variants_are_named_by_cue_and_strength():
    assert variants.with_strengths("f0") == ("f0@0.5", "f0@1", "f0@2", "f0")
    assert variants.with_strengths("mixed") == ("mixed",)
    assert variants.levels("burst@-15") == (variants.CueLevel("burst", -15.0),)
    assert variants.levels("f0") == (variants.CueLevel("f0", 5.0),)
    assert [own.cue for own in variants.levels("none")] == list(variants.MIXED_CUES)
    assert variants.levels("neutral") == variants.levels("without_suppressor") == ()
    assert variants.in_order(["tilt", "none", "f0", "burst@-3", "f0@2", "burst@-15"]) == [
        *("f0@2", "f0", "burst@-15", "burst@-3", "none", "tilt")
    ]
    assert variants.in_words("f0@2") == "the F0 contour (2 semitones)"
    assert variants.in_words("mixed") == "the four cues together"
    assert (variants.class_name("f0@2", 1), variants.class_name("none", 0)) == ("falling", "shuffled")


def test_a_stretch_that_moves_stays_within_the_speech():
    config = SyntheticConfig(speakers_per_gender=3, texts=20)
    for spec in planted.specs(config, ["female", "male"])[::9]:
        n, draws = len(draw_controls(config, spec).f0_hz), planted.draw(config, spec)
        for label in range(len(STRETCH_PLACES)):
            centre_s = stretch_centre_s(label, n, draws)
            assert lengthening.REACH_S < centre_s < (n - 1) * CONTROL_STEP_S - lengthening.REACH_S
