"""The embedded corpus: names, sizes, prosody, known F0, independence of recordings and of parts, and its files."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import parselmouth
import pytest
import soundfile

from convcam_jax.corpora.config import EMOTIONS
from convcam_jax.corpora.emodb import EMODB_SPEAKER_GENDERS, find_named
from convcam_jax.corpora.synthetic import folder as corpus_folder
from convcam_jax.corpora.synthetic import phones, speech
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.corpora.synthetic.voice import Controls, Sound
from convcam_jax.system.errors import UserError

RATE_HZ = 16000
DEFAULT = SyntheticConfig()
SMALL = SyntheticConfig(speakers_per_gender=1, texts=1)
SOUNDS = dict[speech.UtteranceSpec, Sound]


@pytest.fixture(scope="module")
def sounds() -> SOUNDS:
    """The whole default corpus."""
    return {spec: speech.render(DEFAULT, spec, RATE_HZ) for spec in speech.utterance_specs(DEFAULT)}


@pytest.fixture(scope="module")
def small_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    corpus_folder.write_corpus(SMALL, folder, RATE_HZ)
    return folder


def mean_by_speaker(sounds: SOUNDS, measure) -> dict[tuple[str, str], float]:
    values: dict[tuple[str, str], list[float]] = {}
    for spec, sound in sounds.items():
        values.setdefault((spec.speaker, spec.emotion), []).append(measure(sound))
    return {key: float(np.mean(value)) for key, value in values.items()}


def log2_f0(sound: Sound) -> float:
    return float(np.log2(sound.f0_hz[sound.f0_hz > 0]).mean())


def f0_range_st(sound: Sound) -> float:
    return float(np.ptp(np.percentile(12 * np.log2(sound.f0_hz[sound.f0_hz > 0]), [5, 95])))


def rms_db(sound: Sound) -> float:
    return float(20 * np.log10(sound.samples.std()))


def high_frequency_db(sound: Sound) -> float:
    """Energy from 1.5 to 4 kHz re that below 1 kHz, of what is voiced."""
    power = np.abs(np.fft.rfft(sound.samples * (sound.f0_hz > 0))) ** 2
    frequency_hz = np.fft.rfftfreq(len(sound.samples), 1 / RATE_HZ)
    high = power[(frequency_hz > 1500) & (frequency_hz < 4000)].sum()
    return float(10 * np.log10(high / power[frequency_hz < 1000].sum()))


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_default_corpus_has_every_speaker_text_and_emotion_once():
    specs = speech.utterance_specs(DEFAULT)
    assert len(specs) == len({spec.recording for spec in specs}) == 2 * 3 * 4 * 6
    assert specs[0].recording == "21a01Wa"
    assert {spec.emotion for spec in specs} == set(EMOTIONS)


def test_versions_of_a_sentence_differ_and_do_not_depend_on_how_many_there_are():
    specs = speech.utterance_specs(SyntheticConfig(speakers_per_gender=1, texts=1, versions=3))
    assert [spec.recording for spec in specs[:4]] == ["21a01Wa", "21a01Wb", "21a01Wc", "21a01La"]
    first, second = (speech.render(SMALL, spec, RATE_HZ).samples for spec in specs[:2])
    np.testing.assert_array_equal(first, speech.render(DEFAULT, speech.utterance_specs(DEFAULT)[0], RATE_HZ).samples)
    assert not np.array_equal(first[:1000], second[:1000])


def test_names_are_understood_as_those_of_emodb(tmp_path: Path):
    most = SyntheticConfig(speakers_per_gender=39, texts=20)
    some = {spec.recording: spec for spec in speech.utterance_specs(most)[::97]}
    (tmp_path / "wav").mkdir()
    for recording in some:
        (tmp_path / "wav" / f"{recording}.wav").touch()
    found = find_named(tmp_path, speech.speaker_genders(most), "stop").utterances
    told = {u.recording: (u.speaker, u.text, u.emotion) for u in found}
    assert told == {recording: (spec.speaker, spec.text, spec.emotion) for recording, spec in some.items()}


def test_genders_by_number_apart_from_emodb():
    assert speech.speaker_genders(SyntheticConfig(speakers_per_gender=2)) == {
        "21": "male",
        "22": "female",
        "23": "male",
        "24": "female",
    }
    genders = speech.speaker_genders(SyntheticConfig(speakers_per_gender=39))
    assert len(genders) == 78
    assert not set(EMODB_SPEAKER_GENDERS) & set(genders)


def test_twenty_sentences_of_known_phones_with_stress_and_pause():
    sentences = speech.texts(SyntheticConfig(texts=20))
    assert len(set(sentences.values())) == 20
    for sentence in sentences.values():
        assert {symbol.lstrip("'") for symbol in sentence.split()} <= set(phones.PHONES)
        assert sentence.count("|") == 1
        assert sentence.count("'") >= 2


def test_durations_and_levels_are_those_of_recordings(sounds: SOUNDS):
    durations_s = np.array([len(sound.samples) / RATE_HZ for sound in sounds.values()])
    assert durations_s.min() > 0.8
    assert durations_s.max() < 2.3
    assert 1.2 < durations_s.mean() < 1.45
    peaks = np.array([np.abs(sound.samples).max() for sound in sounds.values()])
    assert peaks.max() <= speech.PEAK_LIMIT
    assert peaks.min() > 0.03
    assert np.mean(peaks >= speech.PEAK_LIMIT - 1e-9) < 0.02  # Levels are kept, but for a rare one.
    assert all(np.isfinite(sound.samples).all() for sound in sounds.values())


def test_female_voices_are_higher_and_their_tracts_shorter():
    speakers = {number: speech.draw_speaker(DEFAULT, number) for number in speech.speaker_genders(DEFAULT)}
    female = [speaker for number, speaker in speakers.items() if int(number) % 2 == 0]
    male = [speaker for number, speaker in speakers.items() if int(number) % 2]
    assert min(speaker.f0_hz for speaker in female) > 1.2 * max(speaker.f0_hz for speaker in male)
    assert min(speaker.tract_factor for speaker in female) > max(speaker.tract_factor for speaker in male)
    assert len({speaker.f0_hz for speaker in speakers.values()}) == len(speakers)


@pytest.mark.parametrize(
    ("measure", "order"),
    [
        (log2_f0, ("fear", "neutral")),
        (log2_f0, ("anger", "neutral", "sadness")),
        (log2_f0, ("happiness", "neutral", "boredom")),
        (f0_range_st, ("anger", "neutral", "sadness")),
        (f0_range_st, ("happiness", "neutral", "boredom")),
        (rms_db, ("anger", "neutral", "sadness")),
        (rms_db, ("happiness", "neutral", "boredom")),
    ],
)
def test_emotions_lie_as_the_literature_says_within_every_speaker(sounds: SOUNDS, measure, order: tuple[str, ...]):
    mean = mean_by_speaker(sounds, measure)
    for speaker in speech.speaker_genders(DEFAULT):
        values = [mean[speaker, emotion] for emotion in order]
        assert values == sorted(values, reverse=True), f"{speaker}: {dict(zip(order, values, strict=True))}"


@pytest.mark.parametrize("order", [("anger", "neutral", "sadness"), ("happiness", "neutral", "boredom")])
def test_active_emotions_have_more_energy_at_high_frequencies(sounds: SOUNDS, order: tuple[str, ...]):
    mean = mean_by_speaker(sounds, high_frequency_db)
    means = [np.mean([mean[speaker, emotion] for speaker in speech.speaker_genders(DEFAULT)]) for emotion in order]
    assert means[0] > means[1] + 1.5 > means[2] + 3.0


@pytest.mark.parametrize("order", [("fear", "neutral", "boredom"), ("anger", "neutral", "sadness")])
def test_fast_and_slow_emotions(sounds: SOUNDS, order: tuple[str, ...]):
    length = {emotion: [len(s.samples) for spec, s in sounds.items() if spec.emotion == emotion] for emotion in order}
    means = [np.mean(length[emotion]) for emotion in order]
    assert means[0] < 0.97 * means[1] < 0.97 * 0.85 * means[2]


def test_recordings_of_an_emotion_differ_so_that_emotions_overlap(sounds: SOUNDS):
    within = {emotion: [log2_f0(s) for spec, s in sounds.items() if spec.emotion == emotion] for emotion in EMOTIONS}
    female = {emotion: values[4:8] for emotion, values in within.items()}  # Speaker 22.
    assert all(np.std(values) * 12 > 0.2 for values in female.values())
    assert max(within["neutral"]) > min(within["anger"])


def test_praat_finds_the_known_f0_and_voicing(sounds: SOUNDS):
    errors, agreement = [], []
    for sound in list(sounds.values())[::4]:
        pitch = parselmouth.Sound(sound.samples, RATE_HZ).to_pitch_ac(0.01, 75.0, pitch_ceiling=600.0)
        found_hz = pitch.selected_array["frequency"]
        known_hz = sound.f0_hz[np.round(pitch.xs() * RATE_HZ).astype(int)]
        both = (found_hz > 0) & (known_hz > 0)
        errors.append(np.abs(found_hz[both] / known_hz[both] - 1))
        agreement.append(np.mean((found_hz > 0) == (known_hz > 0)))
    error = np.concatenate(errors)
    assert np.median(error) < 0.01
    assert np.mean(error > 0.2) < 0.02
    assert np.mean(agreement) > 0.93
    assert np.min(agreement) > 0.8


def test_f0_stays_where_praat_looks(sounds: SOUNDS):
    for sound in sounds.values():
        voiced_hz = sound.f0_hz[sound.f0_hz > 0]
        assert voiced_hz.min() >= 80
        assert voiced_hz.max() <= 500
        assert 0.5 < len(voiced_hz) / len(sound.f0_hz) < 0.9


def test_a_recording_depends_on_seed_and_name_only(sounds: SOUNDS):
    spec = speech.UtteranceSpec("22", "a01", "fear", "a")
    alone = speech.render(SMALL, spec, RATE_HZ)
    assert alone.samples.tobytes() == sounds[spec].samples.tobytes()
    assert alone.f0_hz.tobytes() == sounds[spec].f0_hz.tobytes()
    other_seed = speech.render(dataclasses.replace(SMALL, seed=1), spec, RATE_HZ)
    other_version = speech.render(SMALL, spec._replace(version="b"), RATE_HZ)
    for other in (other_seed, other_version):
        assert other.samples.shape != alone.samples.shape or np.abs(other.samples - alone.samples).max() > 0.01


def controls_with(part: str | None) -> Controls:
    """A recording's controls, with one part of its prosody taken from anger where `part` names one."""
    spec = speech.UtteranceSpec("21", "a01", "neutral", "a")
    rngs = {stream: speech.stream_rng(SMALL, spec, stream) for stream in speech.Stream}
    speaker = speech.draw_speaker(SMALL, "21")
    prosody = speech.draw_prosody(rngs, speaker, "neutral")
    if part:
        prosody = prosody._replace(**{part: getattr(speech.PROSODY["anger"], part)})
    sentence = speech.texts(SMALL)["a01"]
    timeline = speech.timeline_of(rngs[speech.Stream.TIMING], sentence, prosody.timing, speaker)
    return speech.make_controls(rngs, timeline, prosody, speaker)


@pytest.mark.parametrize(
    ("part", "tracks"),
    [
        ("pitch", {"f0_hz"}),
        ("loudness", {"level_db"}),
        ("quality", {"tilt_db", "aspiration", "jitter"}),
        ("articulation", {"formant_hz"}),
    ],
)
def test_exchanging_a_part_changes_its_own_tracks_only(part: str, tracks: set[str]):
    plain, changed = controls_with(None)._asdict(), controls_with(part)._asdict()
    assert {name for name in plain if not np.array_equal(plain[name], changed[name])} == tracks


def test_controls_with_nothing_exchanged_are_the_recordings():
    drawn = speech.draw_controls(SMALL, speech.UtteranceSpec("21", "a01", "neutral", "a"))
    assert all(np.array_equal(a, b) for a, b in zip(drawn, controls_with(None), strict=True))


def test_truth_table_reads_f0_every_10_ms():
    f0_hz = np.concatenate([np.zeros(200), np.linspace(100, 200, 281)])
    table = speech.truth_table(Sound(np.zeros(481), f0_hz, np.zeros(0)), RATE_HZ)
    np.testing.assert_allclose(table["time_s"], [0, 0.01, 0.02, 0.03])
    np.testing.assert_array_equal(table["f0_hz"], f0_hz[[0, 160, 320, 480]])
    np.testing.assert_array_equal(table["voiced"], [False, False, True, True])


def test_files_hold_the_rendered_sound_and_its_truth(small_folder: Path):
    specs = speech.utterance_specs(SMALL)
    expected = {f"wav/{spec.recording}.wav" for spec in specs} | {f"truth/{spec.recording}.npz" for spec in specs}
    checksums = {f"{name}.sha256" for name in expected}
    assert set(files_of(small_folder)) == expected | checksums | {"synthetic.json"}
    for spec in specs:
        sound = speech.render(SMALL, spec, RATE_HZ)
        path = small_folder / "wav" / f"{spec.recording}.wav"
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.subtype) == (RATE_HZ, 1, "PCM_16")
        pcm, _ = soundfile.read(path, dtype="int16")
        np.testing.assert_allclose(pcm / 32767, sound.samples, atol=0.5001 / 32767)
        with np.load(small_folder / "truth" / f"{spec.recording}.npz") as truth:
            np.testing.assert_array_equal(truth["f0_hz"], sound.f0_hz[::160])
            np.testing.assert_array_equal(truth["voiced"], sound.f0_hz[::160] > 0)


def test_written_corpus_is_found_as_a_corpus_of_emodbs_layout(small_folder: Path):
    utterances, problems = find_named(small_folder, speech.speaker_genders(SMALL), "stop")
    assert not problems
    assert [(u.recording, u.gender) for u in utterances[:1]] == [("21a01Aa", "male")]
    assert len(utterances) == 12


def test_files_are_the_same_bytes_again_and_a_killed_generation_goes_on(small_folder: Path, tmp_path: Path):
    corpus_folder.write_corpus(SMALL, tmp_path, RATE_HZ)
    assert files_of(tmp_path) == files_of(small_folder)
    kept, lost = tmp_path / "wav" / "21a01Wa.wav", tmp_path / "wav" / "22a01Ta.wav"
    kept_ns = kept.stat().st_mtime_ns
    lost.unlink()
    (tmp_path / "truth" / "22a01Fa.npz").unlink()
    corpus_folder.write_corpus(SMALL, tmp_path, RATE_HZ)
    assert files_of(tmp_path) == files_of(small_folder)
    assert kept.stat().st_mtime_ns == kept_ns


DAMAGES = {
    "cut": lambda content: content[: len(content) // 2],
    "flipped": lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
    "emptied": lambda content: b"",
    "of another kind": lambda content: b"\x89PNG\r\n\x1a\n" + bytes(100),
    "longer": lambda content: content + b"\0",
}


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        pytest.param(name, damage, marks=[pytest.mark.slow] * (damage != "flipped"))
        for name in ("wav/21a01Wa.wav", "truth/22a01Ta.npz", "wav/21a01Wa.wav.sha256", "synthetic.json")
        for damage in DAMAGES
    ],
)
def test_damaged_files_are_made_again(small_folder: Path, tmp_path: Path, name: str, damage: str):
    shutil.copytree(small_folder, tmp_path, dirs_exist_ok=True)
    damaged = DAMAGES[damage](small_folder.joinpath(name).read_bytes())
    if name == "synthetic.json" and damage in ("flipped", "longer"):
        damaged = damaged.replace(b"{", b"[")
    (tmp_path / name).write_bytes(damaged)
    corpus_folder.write_corpus(SMALL, tmp_path, RATE_HZ)
    assert files_of(tmp_path) == files_of(small_folder)


def test_a_recording_in_the_place_of_another_one_is_made_again(small_folder: Path, tmp_path: Path):
    shutil.copytree(small_folder, tmp_path, dirs_exist_ok=True)
    for ending in (".wav", ".wav.sha256"):
        shutil.copy(tmp_path / "wav" / f"21a01Wa{ending}", tmp_path / "wav" / f"22a01Ta{ending}")
    corpus_folder.write_corpus(SMALL, tmp_path, RATE_HZ)
    assert files_of(tmp_path) == files_of(small_folder)


def test_a_folder_of_another_config_is_refused(small_folder: Path):
    before = files_of(small_folder)
    with pytest.raises(UserError, match="another config"):
        corpus_folder.write_corpus(dataclasses.replace(SMALL, seed=1), small_folder, RATE_HZ)
    assert files_of(small_folder) == before
    assert json.loads(before["synthetic.json"])["seed"] == 0


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(UserError, match=str(blocked)):
        corpus_folder.write_corpus(SMALL, blocked, RATE_HZ)


def test_a_full_disk_names_the_folder_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_bytes = Path.write_bytes

    def full_disk(path: Path, data: bytes) -> int:
        write_bytes(path, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(UserError, match=r": the disk is full; make room or choose another --cache_dir"):
        corpus_folder.write_corpus(SMALL, tmp_path, RATE_HZ)
    assert set(files_of(tmp_path)) == {"synthetic.json"}


def test_every_corpus_has_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch):
    fields = ("seed", "speakers_per_gender", "texts", "versions")
    others = [dataclasses.replace(DEFAULT, **{name: getattr(DEFAULT, name) + 1}) for name in fields]
    names = [corpus_folder.folder_name(config, RATE_HZ) for config in (DEFAULT, *others)]
    names.append(corpus_folder.folder_name(DEFAULT, 8000))
    monkeypatch.setattr(speech, "CORPUS_VERSION", speech.CORPUS_VERSION + 1)
    names.append(corpus_folder.folder_name(DEFAULT, RATE_HZ))
    assert len(set(names)) == len(names) == len(fields) + 3


def test_a_folder_does_not_depend_on_which_of_its_recordings_are_used(small_folder: Path):
    before = files_of(small_folder)
    used = dataclasses.replace(SMALL, emotions=("anger", "fear"), on_error="skip", models_per="all", max_frames=64)
    corpus_folder.write_corpus(used, small_folder, RATE_HZ)
    assert files_of(small_folder) == before
    assert corpus_folder.folder_name(used, RATE_HZ) == corpus_folder.folder_name(SMALL, RATE_HZ)
    sizes = {"speakers_per_gender": 1, "texts": 1, "versions": 1}
    assert json.loads(before["synthetic.json"]) == {"corpus_version": 2, "sample_rate_hz": 16000, "seed": 0, **sizes}


def test_progress_is_shown_only_while_recordings_are_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    corpus_folder.write_corpus(SMALL, tmp_path, RATE_HZ)
    assert "synthetic corpus: 12 of 12 recordings" in capsys.readouterr().err
    corpus_folder.write_corpus(SMALL, tmp_path, RATE_HZ)
    assert capsys.readouterr() == ("", "")
