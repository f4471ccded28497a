"""Cues in recordings of people: their size as Praat measures it, that nothing else changes, and their split."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import parselmouth
import pytest
import soundfile
from scipy.signal import find_peaks

from convcam_jax.checks.evidence.config import EVIDENCE_CLASSES
from convcam_jax.checks.evidence.planting import changed_cells
from convcam_jax.corpora.natural import planted, resynthesis
from convcam_jax.corpora.natural.changes import LEVEL_DB, NATURAL_CUES
from convcam_jax.corpora.natural.planted import NaturalSpeech, PlantedRecording, Reading, source_problem, variants_of
from convcam_jax.corpora.natural.resynthesis import F0Range, as_speech
from convcam_jax.corpora.synthetic import speech
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.corpora.synthetic.cues.burst import BURST_HZ, BURST_S
from convcam_jax.corpora.synthetic.cues.cue import STRETCH_PLACES, contour_shape, draw_places
from convcam_jax.corpora.synthetic.cues.lengthening import REACH_S
from convcam_jax.corpora.synthetic.planted import HEADROOM
from convcam_jax.corpora.synthetic.variants import VARIANTS, with_strengths
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.representations.cqt import Cqt
from convcam_jax.settings import presets
from convcam_jax.settings.config import Config
from convcam_jax.settings.flags import read_flags
from convcam_jax.stages.planted_evidence import evidence
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.errors import UserError
from convcam_jax.system.formats import read_json, write_json
from experiments import command, descriptions

RATE_HZ = 16000
READING = Reading(RATE_HZ, 0.04, "refuse", F0Range(75.0, 600.0))
PLACES = np.linspace(0, 1, 7)[1:-1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Neutral sentences by two speakers, each said twice, as a listed corpus, and a hiss."""
    root = tmp_path_factory.mktemp("people")
    config = SyntheticConfig(speakers_per_gender=1, texts=4)
    rows = ["file,speaker,gender,emotion,text"]
    for spec in speech.utterance_specs(config):
        if spec.emotion == "neutral" or (spec.text == "a01" and spec.emotion == "anger"):
            said = speech.render(config, spec, RATE_HZ).samples
            soundfile.write(root / f"{spec.recording}.wav", np.concatenate([said, said]), RATE_HZ)
            gender = speech.speaker_genders(config)[spec.speaker]
            rows.append(f"{spec.recording}.wav,{spec.speaker},{gender},{spec.emotion.capitalize()},{spec.text}")
    soundfile.write(root / "hiss.wav", 0.01 * np.random.default_rng(0).standard_normal(RATE_HZ), RATE_HZ)
    rows.append(f"hiss.wav,{spec.speaker},{gender},neutral,h")
    (root / "utterances.csv").write_text("\n".join(rows))
    return root


@pytest.fixture(scope="module")
def source(folder) -> Utterance:
    path = min(folder.glob("*N*.wav"))
    return Utterance(path.stem, "03", "male", "neutral", "a01", path)


def made(source: Utterance, variant: str, label: int) -> tuple[np.ndarray, np.ndarray]:
    """The recording of a class with the cue, and the one without it."""
    one = PlantedRecording(source, "abc"[label], variant, label)
    neutral = NaturalSpeech((source,), READING, {source.path: "hash"}).without_cues(one)
    return rendered(source, variant, label), planted.render(READING, neutral)


def rendered(source: Utterance, variant: str, label: int) -> np.ndarray:
    """The recording of a class with the cue alone."""
    return planted.render(READING, PlantedRecording(source, "abc"[label], variant, label))


def f0_hz(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pitch = parselmouth.Sound(samples, RATE_HZ).to_pitch_ac(time_step=0.01, pitch_floor=75, pitch_ceiling=600)
    return pitch.xs(), pitch.selected_array["frequency"]


def draws_of(source: Utterance, label: int):
    return draw_places(planted._rng(PlantedRecording(source, "abc"[label], "burst", label)).spawn(2)[0])


def spoken(source: Utterance):
    return as_speech(soundfile.read(source.path)[0], RATE_HZ, LEVEL_DB)


def spoken_as(make: Callable[[np.ndarray], np.ndarray], source: Utterance, folder: Path) -> Utterance:
    samples = make(soundfile.read(source.path)[0])
    path = folder / "changed.wav"
    soundfile.write(path, samples, RATE_HZ, subtype="DOUBLE")
    return source._replace(path=path)


@pytest.mark.parametrize("label", range(3))
def test_f0_follows_the_contour_and_nothing_else_does(source, label):
    sound, neutral = made(source, "f0", label)
    time_s, own = f0_hz(sound)
    _, before = f0_hz(neutral)
    voiced = (own > 0) & (before > 0)
    assert voiced.mean() > 0.4
    own_speech = spoken(source)
    place = np.clip((time_s - own_speech.start_s) / (own_speech.end_s - own_speech.start_s), 0, 1)
    error = 12 * np.log2(own / np.where(before > 0, before, 1), where=voiced, out=np.zeros(len(own)))
    error -= 5 * contour_shape(label, place)
    assert np.median(np.abs(error[voiced])) < 0.25
    levels = [
        parselmouth.Sound(samples, RATE_HZ).to_intensity(75, 0.01).values[0][10:-10] for samples in (sound, neutral)
    ]
    loud = levels[1] > levels[1].max() - 15
    assert np.abs(np.median((levels[0] - levels[1])[loud])) < 0.2


def test_f0_leaves_the_level_of_every_quarter_of_the_speech(emodb_dir):
    """Periods that lie closer together overlap more: rising and falling F0 differed by -1.3 to 1.1 dB."""
    path = emodb_dir / "wav" / "03a01Nc.wav"
    source = Utterance(path.stem, "03", "male", "neutral", "a01", path)
    falling, arched = (rendered(source, "f0", label) for label in (1, 2))
    (rising, neutral), own = made(source, "f0", 0), spoken(source)
    edges = np.linspace(own.start_s * RATE_HZ, own.end_s * RATE_HZ, 5).astype(int)

    def level_db(samples: np.ndarray) -> np.ndarray:
        return np.array([10 * np.log10(np.mean(part**2)) for part in np.split(samples, edges)[1:-1]])

    for sound in (rising, falling, arched):
        np.testing.assert_allclose(level_db(sound), level_db(neutral), atol=0.2)
    assert np.abs(level_db(rising) - level_db(falling)).max() < 0.1


def test_the_level_is_kept_in_voice_and_nothing_else_is_changed_for_it(source, monkeypatch):
    """Further than 20 ms from an F0 all is as the pitch periods give it."""
    time_s, own = f0_hz(spoken(source).samples)
    kept = [rendered(source, "f0", label) for label in range(3)]
    near = np.abs(np.arange(len(kept[0]), dtype=np.float32)[:, None] / RATE_HZ - time_s[own > 0]).min(1) < 0.0201
    monkeypatch.setattr(resynthesis, "smoothed_level", lambda samples, rate_hz: np.ones(len(samples)))
    for label, sound in enumerate(kept):
        as_given = rendered(source, "f0", label)
        np.testing.assert_allclose(sound[~near], as_given[~near], rtol=1e-9)
        assert np.abs(sound - as_given).max() > 0.01


def test_sound_of_no_level_stays_so_where_f0_changes(source, tmp_path):
    padded = spoken_as(lambda samples: np.concatenate([np.zeros(32000), samples, np.zeros(32000)]), source, tmp_path)
    sound, neutral = made(padded, "f0", 0)
    assert np.isfinite(sound).all()
    assert np.abs(sound[:24000]).max() <= 2 * np.abs(neutral[:24000]).max()


@pytest.mark.parametrize("label", range(3))
def test_the_envelope_is_a_gain_of_the_samples(source, label):
    sound, neutral = made(source, "envelope", label)
    own = spoken(source)
    instants_s = own.instants_s()
    gain_db = np.interp(np.arange(len(sound)) / RATE_HZ, instants_s, 9 * contour_shape(label, own.places()))
    np.testing.assert_allclose(sound, neutral * 10 ** (gain_db / 20), rtol=1e-12)


@pytest.mark.parametrize("label", range(3))
def test_a_pause_is_quieter_inside_and_the_same_outside(source, label):
    sound, neutral = made(source, "pause", label)
    draws, own = draws_of(source, label), spoken(source)
    centre_s = own.at_s(STRETCH_PLACES[label] + draws.stretch_shift)
    distance_s = np.abs(np.arange(len(sound)) / RATE_HZ - centre_s)
    outside, inside = distance_s > draws.stretch_s / 2 + 0.005, distance_s < draws.stretch_s / 2 - 0.025
    np.testing.assert_array_equal(sound[outside], neutral[outside])
    np.testing.assert_allclose(sound[inside], neutral[inside] * 10 ** (-50 / 20), rtol=1e-9)
    assert 0.2 - 0.06 < inside.sum() / RATE_HZ < 0.3


@pytest.mark.parametrize("label", range(3))
def test_a_burst_is_noise_of_its_band_at_its_time_and_level(source, label):
    sound, neutral = made(source, "burst", label)
    centre_s = spoken(source).at_s(draws_of(source, label).event_place)
    distance_s = np.abs(np.arange(len(sound)) / RATE_HZ - centre_s)
    np.testing.assert_array_equal(sound[distance_s > BURST_S / 2], neutral[distance_s > BURST_S / 2])
    burst = (sound - neutral)[distance_s < BURST_S / 2]
    # Half a period of a cosine has half the power of its peak.
    level_db = 10 * np.log10(np.mean(burst**2)) + 10 * np.log10(2) - 20 * np.log10(HEADROOM)
    assert level_db == pytest.approx(LEVEL_DB + 9, abs=2)
    power = np.abs(np.fft.rfft(burst)) ** 2
    median_hz = np.fft.rfftfreq(len(burst), 1 / RATE_HZ)[np.searchsorted(np.cumsum(power), power.sum() / 2)]
    assert median_hz == pytest.approx(BURST_HZ[label], rel=0.06)


@pytest.mark.parametrize("label", range(3))
def test_what_lies_before_the_instant_lasts_longer_and_what_follows_catches_up(tmp_path, label):
    """In a steady vowel, dips of the level tell where its parts come to lie."""
    time_s = np.arange(2 * RATE_HZ) / RATE_HZ
    vowel = sum(np.sin(2 * np.pi * 125 * k * time_s + k) / k for k in range(1, 20))
    source = Utterance("vowel", "1", "", "neutral", "", tmp_path / "vowel.wav")
    centre_s = STRETCH_PLACES[label] * 2 + draws_of(source, label).stretch_shift * 2
    dips_s = centre_s + np.array([-0.3, -0.1, 0.0, 0.1, 0.3])
    for dip_s in dips_s:
        vowel *= 1 - 0.95 * np.exp(-(((time_s - dip_s) / 0.012) ** 2))
    soundfile.write(source.path, 0.05 * vowel, RATE_HZ, subtype="DOUBLE")
    sound, neutral = made(source, "lengthening", label)
    assert len(sound) == len(neutral) == len(vowel)
    np.testing.assert_allclose(dip_times_s(neutral), dips_s, atol=0.006)
    # 160 ms of it: the 0.2 s before the instant last 0.36 s, those behind it 0.04 s, in which a dip is a period long.
    moved_s = dips_s + np.array([0, 0.08, 0.16, 0.08, 0])
    found_s = dip_times_s(sound)
    for expected_s in moved_s[[0, 1, 2, 4]]:
        assert np.min(np.abs(found_s - expected_s)) < 0.01


def dip_times_s(samples: np.ndarray) -> np.ndarray:
    level = np.convolve(samples**2, np.hanning(321), "same")
    return find_peaks(-level / np.median(level), prominence=0.3)[0] / RATE_HZ


def test_the_strength_is_that_of_the_variant(source):
    sound, neutral = made(source, "pause@6", 1)
    quietest = np.min(np.abs(sound[neutral != 0] / neutral[neutral != 0]))
    assert quietest == pytest.approx(10 ** (-6 / 20), rel=1e-9)


def test_recordings_are_at_one_level_and_have_the_same_neutral_one(source):
    neutral = made(source, "burst", 0)[1] / HEADROOM
    rms = np.array([np.sqrt(np.mean(frame**2)) for frame in np.array_split(neutral, round(len(neutral) / 320))])
    assert 20 * np.log10(np.percentile(rms[rms >= rms.max() / 10**1.5], 90)) == pytest.approx(LEVEL_DB, abs=1e-6)
    speech_of_one = NaturalSpeech((source,), READING, {source.path: "hash"})
    own = speech_of_one.recordings("mixed")
    assert [one.label for one in own] == [0, 1, 2]
    assert len({speech_of_one.without_cues(one).recording for one in own}) == 1
    assert len({speech_of_one.file(one) for one in [*own, *map(speech_of_one.without_cues, own)]}) == 4
    assert speech_of_one.render(own[0]) == speech_of_one.render(own[0])


def test_what_can_be_planted():
    assert variants_of(tuple(NATURAL_CUES)) == tuple(v for v in VARIANTS if v in {*NATURAL_CUES, "mixed", "none"})


def chosen(name: str, *flags: str) -> Config:
    """What the flags of an experiment make."""
    return command.config_of(read_flags([f"--experiment={name}", *flags], descriptions()))


def prepared(folder: Path, workdir: Path, cache_dir: Path, *flags: str):
    config = chosen("evidence", "--corpus=listed", f"--data_dir={folder}", "--set=evidence.variants=burst,f0", *flags)
    return evidence.make(RunSettings(config, workdir, cache_dir))


def test_a_source_is_on_one_side_of_the_split_and_has_truth(folder, cache_dir, tmp_path):
    found = prepared(folder, tmp_path / "run", cache_dir)
    for variant, run in found.runs.items():
        dataset = run.dataset
        splits: dict[str, list[str]] = {}
        for u, split in zip(dataset.utterances, dataset.folds[0].split_of, strict=True):
            splits.setdefault(u.recording.rpartition("_")[0], []).append(split)
            assert u.emotion in EVIDENCE_CLASSES
            assert u.recording.startswith(f"{variant}_{found.originals[u.recording]}_")
        # Four sentences by each of two speakers; the hiss has no F0, and other emotions are none of this.
        assert len({found.originals[u.recording] for u in dataset.utterances}) == 8
        assert sorted(splits.values()) == [["test"] * 3] * 2 + [["train"] * 3] * 4 + [["validation"] * 3] * 2
        tested = [dataset.utterances[i] for own in dataset.sets("test").values() for i in own]
        assert {u.gender for u in tested} == {"female", "male"}
        assert all(0 < found.truth[u.recording].mean() < 0.2 for u in tested), variant
    assert "hiss" in (tmp_path / "run" / "skipped.csv").read_text()


def test_no_version_of_a_tested_recording_is_compared_with_it(folder, cache_dir, tmp_path):
    for run in prepared(folder, tmp_path / "run", cache_dir, "--set=evidence.methods=filling").runs.values():
        spectrograms = np.asarray(run.recordings.spectrograms)
        for cohort in run.dataset.cohorts():
            tested = run.dataset.indices(cohort, "test")
            references = evidence.references_for(run, cohort, run.recordings)
            expected = [own for i, own in enumerate(spectrograms) if i not in tested]
            np.testing.assert_array_equal(references, expected)
            assert len(expected) == 24 - 3
    [*runs] = prepared(folder, tmp_path / "nothing", cache_dir, "--set=evidence.methods=gradcam").runs.values()
    assert all(evidence.references_for(run, run.dataset.cohorts()[0], run.recordings) is None for run in runs)


def test_that_a_run_began_with_other_packages_is_told(folder, cache_dir, tmp_path, capsys):
    prepared(folder, tmp_path / "run", cache_dir)
    path = tmp_path / "run" / "config.json"
    record = read_json(path)
    write_json(path, {**record, "packages": {**record["packages"], "jax": "0.0.1"}})
    capsys.readouterr()
    prepared(folder, tmp_path / "run", cache_dir)
    told = f"may differ in its last digits from what is there: jax (0.0.1 there, {record['packages']['jax']} now)\n"
    assert told in capsys.readouterr().err


def test_evidence_goes_on_where_another_precision_is_the_fastest(folder, cache_dir, tmp_path, monkeypatch):
    for fastest in ("bfloat16", "float32"):
        monkeypatch.setattr(presets, "fastest_precision", lambda fastest=fastest: fastest)
        runs = prepared(folder, tmp_path / "run", cache_dir).runs.values()
        assert {run.config.train.precision for run in runs} == {"bfloat16"}


def test_a_missing_file_of_weights_is_told_before_anything_is_made(folder, tmp_path):
    weights = f"--set=network.weights={tmp_path}/weights.h5"
    with pytest.raises(UserError, match=r"network\.weights: there is no file .*weights\.h5"):
        prepared(folder, tmp_path / "run", tmp_path / "cache", "--network=mobilenet", weights)
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "cache").exists()


def test_shuffled_labels_are_as_many_of_each_in_every_split(source):
    several = tuple(source._replace(recording=f"n{number}") for number in range(20))
    own = NaturalSpeech(several, READING, {source.path: "hash"})
    labels = own.labels("none", own.recordings("none"))
    assert all(sorted(labels[n : n + 3]) == [0, 1, 2] for n in range(0, 60, 3))
    kept = sum(labels[n : n + 3] == [0, 1, 2] for n in range(0, 60, 3))
    assert kept < 10
    assert own.labels("mixed", own.recordings("mixed")) == [0, 1, 2] * 20


def test_what_cannot_be_planted_or_is_missing_is_refused(folder, tmp_path):
    with pytest.raises(UserError, match=r"evidence\.variants: tilt cannot be planted into .*; what can is f0, "):
        prepared(folder, tmp_path / "run", tmp_path / "cache", "--set=evidence.variants=tilt")
    with pytest.raises(UserError, match="--corpus=listed: has no neutral recording"):
        prepared(folder, tmp_path / "run", tmp_path / "cache", "--set=corpus.labels=neutral:sadness")
    with pytest.raises(UserError, match=r"corpus\.longer: must be leave_out where cues are planted"):
        prepared(folder, tmp_path / "run", tmp_path / "cache", "--set=corpus.longer=split")
    with pytest.raises(UserError, match=r"representation\.sample_rate_hz: must be at least 10176"):
        prepared(folder, tmp_path / "run", tmp_path / "cache", "--set=representation.sample_rate_hz=8000")
    with pytest.raises(UserError, match=r"corpus\.emotions: planted evidence has the classes first, second, third"):
        prepared(folder, tmp_path / "run", tmp_path / "cache", "--set=corpus.emotions=neutral,anger")
    with pytest.raises(UserError, match="--corpus: a benchmark has synthetic voices alone"):
        chosen("evidence_export", "--corpus=listed", f"--data_dir={folder}")


def with_click(samples: np.ndarray, level: float = 0.05) -> np.ndarray:
    changed = level * samples
    changed[len(samples) // 2] = 0.9
    return changed


def with_silence_inside(samples: np.ndarray) -> np.ndarray:
    changed = samples.copy()
    changed[len(samples) // 2 :][:4000] = 0
    return changed


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda samples: samples[2000:14000], "with little speech"),
        (lambda samples: 0.3 * np.random.default_rng(0).standard_normal(32000), "hardly voiced"),
        (with_click, "with peaks far above their speech"),
        (lambda samples: with_click(samples, 0.001), "with little speech"),
        (with_silence_inside, "with silence inside"),
        (lambda samples: samples, None),
        (lambda samples: np.concatenate([np.zeros(32000), samples, np.zeros(64000)]), None),
    ],
)
def test_what_takes_no_cue_is_named(source, tmp_path, make, kind):
    problem = source_problem(READING, spoken_as(make, source, tmp_path))
    assert (problem and problem.kind) == kind


def test_too_little_speech_is_never_told_as_enough(source, tmp_path):
    noise = 0.3 * np.random.default_rng(0).standard_normal(15944)
    problem = source_problem(READING, spoken_as(lambda samples: noise, source, tmp_path))
    assert problem.problem == "its speech lasts 0.99 s; cues need 1 s"


def test_silence_in_the_file_changes_no_level(source, tmp_path):
    padded = spoken_as(lambda samples: np.concatenate([np.zeros(64000), samples, np.zeros(64000)]), source, tmp_path)
    alone, within = (planted.render(READING, PlantedRecording(own, "", "neutral", 0)) for own in (source, padded))
    np.testing.assert_allclose(within[64000:-64000], alone, rtol=0.05, atol=1e-4)


@pytest.mark.parametrize("number", range(len(with_strengths("lengthening"))))
@pytest.mark.parametrize("label", range(3))
def test_a_lengthening_changes_nothing_outside_its_reach(folder, number, label):
    """Samples outside are the same, so that cells change no further away than half of their bin's window.

    Each strength is tried in three recordings, of each class in another one.
    """
    variant = with_strengths("lengthening")[number]
    transform = Cqt()
    window_s = 1 / (transform.frequencies_hz() * (2 ** (1 / transform.bins_per_octave) - 1))
    sources = [
        Utterance(path.stem, "03", "male", "neutral", "a01", path) for path in sorted(folder.glob("*N*.wav"))[::3]
    ]
    assert len(sources) == 3
    source = sources[(number + label) % 3]
    sound, neutral = made(source, variant, label)
    centre_s = spoken(source).at_s(STRETCH_PLACES[label] + draws_of(source, label).stretch_shift)
    distance_s = np.abs(np.arange(len(sound)) / RATE_HZ - centre_s)
    np.testing.assert_allclose(sound[distance_s > REACH_S + 0.01], neutral[distance_s > REACH_S + 0.01], atol=1e-9)
    assert np.abs(sound - neutral).max() > 0.01
    cells = changed_cells(transform.magnitude(sound), transform.magnitude(neutral), 0.1)
    outside_s = np.abs(transform.frame_times_s(cells.shape[1]) - centre_s) - REACH_S
    assert not cells[outside_s > window_s[:, None] / 2].any()
    assert cells[:, outside_s > 0.08].sum() < 0.05 * cells.sum()
