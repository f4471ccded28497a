"""Where a corpus is found, and which recordings are used."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from convcam_jax.corpora.left_out import CONTRADICTORY, EQUAL
from convcam_jax.corpora.sounds.audio import SoundFacts, read_recording
from convcam_jax.corpora.sounds.lengths import named_middle
from convcam_jax.corpora.synthetic import speech
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.corpora.utterances import Source, Utterance
from convcam_jax.representations import cache
from convcam_jax.representations.cache import Loaded
from convcam_jax.representations.features import Features
from convcam_jax.representations.lengths import longest_duration_s
from convcam_jax.representations.mel import Mel
from convcam_jax.settings.config import DOORS, Config
from convcam_jax.splits.leave_one_speaker_out import LeaveOneSpeakerOut
from convcam_jax.stages import preparation
from convcam_jax.system.errors import UserError

CONFIG = Config(corpus=SyntheticConfig(emotions=("anger", "fear"), max_frames=30))
N_FRAMES = (30, 31, 29, 30, 30, 30, 30, 30, 400)


def make_utterance(number: int) -> Utterance:
    emotion = CONFIG.corpus.emotions[number % 2]
    return Utterance(f"r{number}", "1", "female", emotion, "t", Path(f"r{number}.wav"))


def make_features(n_frames: int) -> Features:
    return Features(np.ones((96, n_frames), np.float32), np.zeros(3), np.arange(3.0), np.ones(n_frames))


UTTERANCES = [make_utterance(number) for number in range(len(N_FRAMES))]


def make_sound(sha256: str) -> SoundFacts:
    return SoundFacts(1.0, 16000, 1, 0.5, 0.0, 0.001, sha256)


def make_loaded(utterances: list[Utterance], sha256: dict[str, str] | None = None) -> Loaded:
    """As many frames as `N_FRAMES` says, and sounds that differ where `sha256` does not say otherwise."""
    features = {u.recording: make_features(n) for u, n in zip(utterances, N_FRAMES, strict=True)}
    return Loaded(features, {r: make_sound((sha256 or {}).get(r, r)) for r in features}, [])


@pytest.fixture
def without_computing(monkeypatch):
    monkeypatch.setattr(preparation, "load_or_compute", lambda *_: make_loaded(UTTERANCES))


def longest(max_frames: int) -> Config:
    return replace(CONFIG, corpus=replace(CONFIG.corpus, max_frames=max_frames), split=replace(CONFIG.split, parts=3))


@pytest.mark.parametrize(("max_frames", "left_out"), [(30, ["r1", "r8"]), (31, ["r8"]), (400, [])])
def test_longer_recordings_are_left_out_and_named(without_computing, tmp_path, max_frames, left_out):
    dataset, problems = preparation.load_dataset(UTTERANCES, longest(max_frames), tmp_path)
    used = [u.recording for u in dataset.utterances]
    assert used == [u.recording for u in UTTERANCES if u.recording not in left_out]
    assert [f.magnitude.shape[1] for f in dataset.features] == [n for n in N_FRAMES if n <= max_frames]
    assert [p.recording for p in problems] == left_out
    assert {p.kind for p in problems} <= {f"longer than corpus.max_frames ({max_frames}; the longest has 400)"}


def test_equal_sounds_are_used_once_or_not_at_all(monkeypatch, tmp_path):
    # r0 and r2 have the same emotion, r3 and r4 have not.
    sha256 = {"r2": "r0", "r4": "r3"}
    monkeypatch.setattr(preparation, "load_or_compute", lambda *_: make_loaded(UTTERANCES, sha256))
    dataset, problems = preparation.load_dataset(UTTERANCES, longest(400), tmp_path)
    assert [u.recording for u in dataset.utterances] == ["r0", "r1", "r5", "r6", "r7", "r8"]
    assert [s.sha256 for s in dataset.sounds] == ["r0", "r1", "r5", "r6", "r7", "r8"]
    assert {p.recording: p.kind for p in problems} == {"r2": EQUAL, "r3": CONTRADICTORY, "r4": CONTRADICTORY}


def test_a_limit_below_every_recording_is_told(without_computing, tmp_path):
    with pytest.raises(UserError, match=r"corpus\.max_frames: no recording is as short as 28 frames"):
        preparation.load_dataset(UTTERANCES, longest(28), tmp_path)


def test_a_split_of_too_few_says_what_was_left_out_before(monkeypatch, tmp_path):
    # One recording of each emotion is left, for training.
    sha256 = {u.recording: f"r{number % 2}" for number, u in enumerate(UTTERANCES)}
    monkeypatch.setattr(preparation, "load_or_compute", lambda *_: make_loaded(UTTERANCES, sha256))
    with pytest.raises(UserError, match=rf"is impossible: .*; left out before: 7 {EQUAL} \(r2, r4, r6 and 4 more\)$"):
        preparation.load_dataset(UTTERANCES, longest(400), tmp_path)


def test_groups_and_folds_are_those_of_the_config(without_computing, tmp_path):
    corpus = replace(CONFIG.corpus, max_frames=400, models_per="all")
    utterances = [replace_speaker(u, number % 3) for number, u in enumerate(UTTERANCES)]
    config = replace(CONFIG, corpus=corpus, split=LeaveOneSpeakerOut(parts=2))
    dataset, _ = preparation.load_dataset(utterances, config, tmp_path)
    assert set(dataset.groups) == {"all"}
    assert [fold.name for fold in dataset.folds] == ["0", "1", "2"]
    assert [str(cohort) for cohort in dataset.cohorts()] == ["all, fold 0", "all, fold 1", "all, fold 2"]


def test_groups_that_may_be_one_are_told(without_computing, tmp_path, capsys):
    corpus = replace(CONFIG.corpus, max_frames=400, models_per="place")
    places = ("North", "north")
    own = [u._replace(attributes=(("place", places[number // 2 % 2]),)) for number, u in enumerate(UTTERANCES)]
    with pytest.raises(UserError, match="is impossible"):
        preparation.load_dataset(own, replace(CONFIG, corpus=corpus), tmp_path)
    told = "groups North and north count as different; if they are not, mend the table"
    assert capsys.readouterr().err.count(told) == 1


def replace_speaker(utterance: Utterance, speaker: int) -> Utterance:
    return utterance._replace(speaker=str(speaker))


def test_an_unknown_column_for_the_groups_is_told_before_features_are_computed(tmp_path):
    # The recordings' files do not exist: computing their features would fail otherwise.
    config = replace(CONFIG, corpus=replace(CONFIG.corpus, models_per="dialect"))
    with pytest.raises(UserError, match=r"corpus\.models_per: there is no column dialect"):
        preparation.load_dataset(UTTERANCES, config, tmp_path)


def test_an_impossible_split_is_told_before_features_are_computed(tmp_path):
    # All recordings are one speaker's; their files do not exist.
    with pytest.raises(UserError, match=r"^--split=leave_one_speaker_out is impossible: .* have one: female \(1\)"):
        preparation.load_dataset(UTTERANCES, replace(CONFIG, split=LeaveOneSpeakerOut()), tmp_path)


def test_what_a_split_does_without_is_said_once(without_computing, tmp_path, capsys):
    config = longest(400)
    corpus = [*(replace_speaker(u, 2) for u in UTTERANCES[:2]), *UTTERANCES[2:]]
    preparation.load_dataset(corpus, config, tmp_path)
    said = capsys.readouterr().err.splitlines()
    assert said == ["too few to be tested, and all for training, as split.parts is 3: anger by 2 (1), fear by 2 (1)"]


def write_sound(folder: Path, name: str, duration_s: float) -> Utterance:
    """Noise that no other name has."""
    samples = 0.1 * np.random.default_rng(len(name)).normal(size=round(16000 * duration_s))
    soundfile.write(folder / f"{name}.wav", samples, 16000, subtype="DOUBLE")
    emotion = CONFIG.corpus.emotions[len(name) % 2]
    return Utterance(name, "1", "female", emotion, "t", folder / f"{name}.wav")


@pytest.fixture
def utterances_of_lengths(tmp_path) -> list[Utterance]:
    """Six of half a second, and one each of 1.3 and 1.7 s; 30 frames are 0.93 s."""
    lengths_s = {"a" * (n + 1): 0.5 for n in range(6)} | {"b" * 7: 1.3, "b" * 8: 1.7}
    return [write_sound(tmp_path, name, seconds) for name, seconds in lengths_s.items()]


def in_this_process(monkeypatch) -> None:
    monkeypatch.setattr(
        cache, "_compute_all", lambda sources, config: (cache.compute_entry(source, config) for source in sources)
    )


def test_long_recordings_are_cropped_to_their_middle(utterances_of_lengths, tmp_path, monkeypatch, capsys):
    in_this_process(monkeypatch)
    config = replace(longest(30), corpus=replace(longest(30).corpus, longer="crop"))
    dataset, problems = preparation.load_dataset(utterances_of_lengths, config, tmp_path)
    assert problems == []
    assert [u.recording for u in dataset.utterances] == sorted(u.recording for u in utterances_of_lengths)
    cropped = {u.recording: u for u in dataset.utterances if u.source.is_part}
    assert set(cropped) == {"b" * 7, "b" * 8}
    for name, seconds in (("b" * 7, 1.3), ("b" * 8, 1.7)):
        assert cropped[name].start_s + cropped[name].end_s == pytest.approx(seconds)
        assert dataset.features[[u.recording for u in dataset.utterances].index(name)].magnitude.shape[1] == 30
    assert "2 of 8 recordings are longer than corpus.max_frames (30; the longest has " in capsys.readouterr().err


def test_of_new_recordings_the_name_says_which_part_is_used(utterances_of_lengths, tmp_path, monkeypatch):
    in_this_process(monkeypatch)
    config = replace(longest(30), corpus=replace(longest(30).corpus, longer="crop"))
    loaded = cache.load_or_compute(utterances_of_lengths, config.features, tmp_path, "skip")
    found, loaded = preparation.with_parts(utterances_of_lengths, loaded, config, tmp_path, crop=named_middle)
    # 30 frames of 31 ms and what the last one needs beside: the middle of 1.3 and 1.7 s.
    parts = {u.recording: u for u in found if u.source.is_part}
    longest_s = longest_duration_s(config.representation, 30, 16000)
    starts_s = ((1.3 - longest_s) / 2, (1.7 - longest_s) / 2)
    names = [f"{'b' * n}_{start_s:.3f}-{start_s + longest_s:.3f}" for n, start_s in zip((7, 8), starts_s, strict=True)]
    assert list(parts) == names
    assert set(names) <= set(loaded.features)


def test_long_recordings_are_split_into_equal_parts(utterances_of_lengths, tmp_path, monkeypatch, capsys):
    in_this_process(monkeypatch)
    config = replace(longest(30), corpus=replace(longest(30).corpus, longer="split"))
    dataset, problems = preparation.load_dataset(utterances_of_lengths, config, tmp_path)
    assert problems == []
    parts = {
        u.recording: sound for u, sound in zip(dataset.utterances, dataset.sounds, strict=True) if u.source.is_part
    }
    assert list(parts) == [
        *("bbbbbbb_0.000-0.650", "bbbbbbb_0.650-1.300", "bbbbbbbb_0.000-0.850", "bbbbbbbb_0.850-1.700")
    ]
    assert [sound.duration_s for sound in parts.values()] == pytest.approx([0.65, 0.65, 0.85, 0.85], abs=1e-4)
    assert max(f.magnitude.shape[1] for f in dataset.features) <= 30
    assert "were divided into 4 parts" in capsys.readouterr().err


def with_silence(path: Path, before_s: float, behind_s: float) -> Path:
    """A copy of a sound with silence before it and behind it."""
    samples, rate_hz = soundfile.read(path)
    padded = np.pad(samples, (round(before_s * rate_hz), round(behind_s * rate_hz)))
    soundfile.write(copy := path.with_name(f"padded_{path.name}"), padded, rate_hz, subtype="DOUBLE")
    return copy


EQUAL_PARTS = [f"{name}_{part}" for name in ("bbbbbbb", "padded") for part in ("0.000-0.650", "0.650-1.300")]


@pytest.mark.parametrize(
    ("longer", "silence_s", "emotion", "left_out"),
    [
        ("crop", (0.2, 0.2), "anger", {"padded": EQUAL}),
        ("crop", (0.2, 0.2), "fear", {"padded": CONTRADICTORY, "bbbbbbb": CONTRADICTORY}),
        ("crop", (0.2, 0.4), "fear", {}),
        # A silent part cannot be used, and is compared with none.
        ("split", (0.0, 0.65), "fear", dict.fromkeys(EQUAL_PARTS, CONTRADICTORY) | {"padded_1.300-1.950": "silent"}),
    ],
)
def test_parts_with_equal_sounds_are_used_once_or_not_at_all(
    longer, silence_s, emotion, left_out, utterances_of_lengths, tmp_path, monkeypatch
):
    in_this_process(monkeypatch)
    take = utterances_of_lengths[6]._replace(emotion="anger")
    padded = take._replace(recording="padded", emotion=emotion, path=with_silence(take.path, *silence_s))
    config = replace(longest(30), corpus=replace(longest(30).corpus, longer=longer))
    found = [*utterances_of_lengths[:6], take, utterances_of_lengths[7], padded]
    dataset, problems = preparation.load_dataset(found, config, tmp_path)
    assert {p.recording: p.kind for p in problems} == left_out
    assert {u.recording for u in dataset.utterances}.isdisjoint(left_out)
    assert len({sound.sha256 for sound in dataset.sounds}) == len(dataset.sounds)


def test_parts_are_split_where_whole_files_are_too_few(tmp_path, monkeypatch, capsys):
    in_this_process(monkeypatch)
    config = replace(CONFIG, corpus=replace(CONFIG.corpus, max_frames=30, longer="split"))
    # Of one speaker a file of 8 s in each emotion: too few files for a test, and 9 parts of each at most 30 frames.
    found = [write_sound(tmp_path, name, 8.0) for name in ("a", "aa")]
    dataset, _ = preparation.load_dataset(found, config, tmp_path)
    counts = {split: dataset.folds[0].split_of.count(split) for split in ("train", "validation", "test")}
    assert counts == {"train": 10, "validation": 4, "test": 4}
    assert "too few to be tested" not in capsys.readouterr().err


def test_an_unknown_column_is_told_before_features_where_recordings_are_divided(tmp_path):
    config = replace(CONFIG, corpus=replace(CONFIG.corpus, longer="split", models_per="dialect"))
    with pytest.raises(UserError, match=r"corpus\.models_per: there is no column dialect"):
        preparation.load_dataset(UTTERANCES, config, tmp_path)


def test_a_part_never_takes_the_name_of_another_recording(utterances_of_lengths, tmp_path, monkeypatch):
    in_this_process(monkeypatch)
    config = replace(longest(30), corpus=replace(longest(30).corpus, longer="split"))
    other = write_sound(tmp_path, "bbbbbbb_0.000-0.650", 0.4)
    dataset, _ = preparation.load_dataset([*utterances_of_lengths, other], config, tmp_path)
    durations_s = {
        u.recording: sound.duration_s
        for u, sound in zip(dataset.utterances, dataset.sounds, strict=True)
        if u.recording.startswith("bbbbbbb_")
    }
    assert durations_s == pytest.approx(
        {"bbbbbbb_0.000-0.650~2": 0.65, "bbbbbbb_0.650-1.300": 0.65, "bbbbbbb_0.000-0.650": 0.4}, abs=1e-4
    )


def test_parts_stand_in_the_order_of_time(utterances_of_lengths, tmp_path, monkeypatch):
    in_this_process(monkeypatch)
    config = replace(longest(30), corpus=replace(longest(30).corpus, longer="split"))
    recordings = [*utterances_of_lengths, write_sound(tmp_path, "c" * 8, 12.0)]
    dataset, _ = preparation.load_dataset(recordings, config, tmp_path)
    starts_s = [u.start_s for u in dataset.utterances if u.recording.startswith("c")]
    np.testing.assert_allclose(starts_s, np.arange(13) * 12 / 13, atol=1e-3)


@pytest.mark.parametrize("file_rate_hz", [8000, 11025, 44100])
def test_what_is_cropped_from_a_file_of_any_rate_is_short_enough(file_rate_hz, tmp_path):
    representation = Mel(sample_rate_hz=44100, hop_samples=441)
    longest_s = longest_duration_s(representation, 30, file_rate_hz)
    samples = 0.1 * np.random.default_rng(0).normal(size=file_rate_hz)
    soundfile.write(tmp_path / "a.wav", samples, file_rate_hz)
    n_frames = set()
    for start_s in np.arange(50) * 0.0007 / 3:
        part = read_recording(Source(tmp_path / "a.wav", start_s, start_s + longest_s), 44100, 0.04)
        n_frames.add(representation.n_frames(len(part.samples)))
    assert n_frames == {30}


@pytest.mark.parametrize(
    ("corpus", "how"), [("emodb", r"emodb\.bilderbar\.info.* audb"), ("listed", r"utterances\.csv")]
)
def test_a_missing_folder_is_told_with_how_to_get_the_corpus(corpus, how, tmp_path, monkeypatch):
    # Recordings in the current folder are not taken for the corpus.
    (tmp_path / "wav").mkdir()
    (tmp_path / "wav" / "03a01Fa.wav").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=rf"^--data_dir: missing; .*{how}.*--corpus=synthetic needs none$"):
        preparation.find_corpus(Config(corpus=DOORS["corpus"][corpus]()), tmp_path / "cache")


def test_synthetic_corpora_lie_side_by_side(tmp_path, monkeypatch):
    config = replace(Config(), corpus=SyntheticConfig(speakers_per_gender=1, texts=1))
    assert len(preparation.find_corpus(config, tmp_path).utterances) == 12
    monkeypatch.setattr(speech, "CORPUS_VERSION", speech.CORPUS_VERSION + 1)
    slower = replace(config, representation=replace(config.representation, sample_rate_hz=12000))
    for other in (config, slower):
        _, utterances, problems = preparation.find_corpus(other, tmp_path)
        assert (len(utterances), problems) == (12, [])
    assert len(list(tmp_path.iterdir())) == 3
