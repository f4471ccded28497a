"""Parallel computing of features and their cache on disk."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from convcam_jax.corpora.utterances import Source, Utterance
from convcam_jax.representations import cache, representation
from convcam_jax.representations.cache import corpus_hash, entry_path, load_or_compute
from convcam_jax.representations.cqt import Cqt
from convcam_jax.representations.features import FeatureConfig, compute_features
from convcam_jax.representations.mel import Mel
from convcam_jax.representations.prosody import ProsodyConfig
from convcam_jax.system.errors import RecordingError, UserError

CONFIG = FeatureConfig(Cqt(), ProsodyConfig(), "refuse")


def write_utterance(folder: Path, name: str, samples: np.ndarray, rate_hz: int = 16000) -> Utterance:
    soundfile.write(folder / f"{name}.wav", samples, rate_hz, subtype="DOUBLE")
    return Utterance(name, "1", "female", "anger", "t", folder / f"{name}.wav")


def noise(seed: int, n_samples: int = 3000) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).normal(size=n_samples)


@pytest.fixture
def utterances(tmp_path):
    return [write_utterance(tmp_path, name, noise(seed)) for seed, name in enumerate(("c", "a", "b"))]


@pytest.fixture
def computed(monkeypatch):
    """Computes in this process, which is quick, and lists what was computed."""
    names = []

    def compute_all(sources, config):
        for source in sources:
            names.append(source.path.stem)
            yield cache.compute_entry(source, config)

    monkeypatch.setattr(cache, "_compute_all", compute_all)
    return names


def run(utterances, cache_dir, config=CONFIG, on_error="stop"):
    features, _, problems = load_or_compute(utterances, config, cache_dir, on_error, progress=False)
    return features, problems


def path_of(source: Source, config: FeatureConfig, cache_dir: Path) -> Path:
    path = entry_path(source, config, cache_dir, hashlib.sha256(source.path.read_bytes()).hexdigest())
    assert path is not None
    return path


def assert_features_equal(actual, expected):
    for name, value in actual._asdict().items():
        np.testing.assert_array_equal(value, getattr(expected, name), err_msg=name, strict=True)


def test_processes_give_what_one_process_gives(utterances, tmp_path):
    environment = dict(os.environ)
    features, problems = run(utterances, tmp_path / "cache")
    assert list(features) == ["c", "a", "b"]
    assert problems == []
    assert dict(os.environ) == environment
    for seed, name in enumerate(("c", "a", "b")):
        assert_features_equal(features[name], compute_features(noise(seed), CONFIG))


def test_second_run_computes_nothing_and_is_equal(utterances, tmp_path, computed):
    first, _ = run(utterances, tmp_path / "cache")
    assert computed == ["c", "a", "b"]
    second, _ = run(utterances, tmp_path / "cache")
    assert computed == ["c", "a", "b"]
    assert list(second) == list(first)
    for name in first:
        assert_features_equal(second[name], first[name])


def damage(content: bytes, kind: str) -> bytes:
    middle = len(content) // 2
    return {
        "empty": b"",
        "cut in the checksum": content[:20],
        "cut after the checksum": content[:32],
        "cut": content[:-1],
        "flipped bit in the checksum": bytes([content[0] ^ 1]) + content[1:],
        "flipped bit": content[:middle] + bytes([content[middle] ^ 16]) + content[middle + 1 :],
        "longer": content + b"\0",
        "other": b"something else",
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        "empty",
        "cut in the checksum",
        "cut after the checksum",
        "cut",
        "flipped bit in the checksum",
        "flipped bit",
        "longer",
        "other",
    ],
)
def test_damaged_entry_is_computed_again(kind, utterances, tmp_path, computed):
    first, _ = run(utterances, tmp_path / "cache")
    path = path_of(utterances[1].source, CONFIG, tmp_path / "cache")
    intact = path.read_bytes()
    path.write_bytes(damage(intact, kind))
    computed.clear()
    again, _ = run(utterances, tmp_path / "cache")
    assert computed == ["a"]
    assert_features_equal(again["a"], first["a"])
    computed.clear()
    run(utterances, tmp_path / "cache")
    assert computed == []


def test_key_follows_audio_config_and_versions(utterances, tmp_path, monkeypatch):
    wav = utterances[0].source
    configs = [
        CONFIG,
        CONFIG._replace(channels="mix"),
        CONFIG._replace(representation=Cqt(hop_samples=256)),
        CONFIG._replace(representation=Mel()),
        *(CONFIG._replace(prosody=replace(CONFIG.prosody, **{f.name: 0.5 * f.default})) for f in fields(ProsodyConfig)),
    ]
    paths = [path_of(wav, config, tmp_path) for config in configs]
    for module, name, changed in (
        (cache, "FORMAT_VERSION", 0),
        (cache, "version", lambda package: f"0 of {package}"),
        (representation, "version", lambda package: f"0 of {package}"),
        (cache.parselmouth, "PRAAT_VERSION", "0"),
        (cache.soundfile, "__libsndfile_version__", "0"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, changed)
            paths.append(path_of(wav, CONFIG, tmp_path))
    paths += [path_of(part, CONFIG, tmp_path) for part in (wav._replace(start_s=0.1), wav._replace(end_s=0.1))]
    soundfile.write(wav.path, noise(9), 16000, subtype="DOUBLE")
    paths.append(path_of(wav, CONFIG, tmp_path))
    assert len(set(paths)) == len(paths) == 15


def test_librosas_version_is_in_the_key_of_mel_alone(utterances, tmp_path, monkeypatch):
    configs = [CONFIG, CONFIG._replace(representation=Mel())]
    before = [path_of(utterances[0].source, config, tmp_path) for config in configs]
    actual = representation.version
    for module in (cache, representation):
        monkeypatch.setattr(module, "version", lambda name: "0" if name == "librosa" else actual(name))
    after = [path_of(utterances[0].source, config, tmp_path) for config in configs]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False]


@pytest.mark.parametrize("scale", ["power", "decibel"])
def test_every_scale_has_the_same_entry(utterances, tmp_path, scale):
    wav = utterances[0].source
    other = CONFIG._replace(representation=Cqt(scale=scale))
    assert path_of(wav, other, tmp_path) == path_of(wav, CONFIG, tmp_path)


def test_same_audio_under_another_name_is_not_computed_again(utterances, tmp_path, computed):
    run(utterances, tmp_path / "cache")
    twin = tmp_path / "twin.wav"
    twin.write_bytes(utterances[0].path.read_bytes())
    computed.clear()
    features, _ = run([utterances[0]._replace(recording="twin", path=twin)], tmp_path / "cache")
    assert (list(features), computed) == (["twin"], [])


@pytest.fixture
def with_bad_ones(utterances, tmp_path):
    silent = write_utterance(tmp_path, "silent", np.zeros(3000))
    missing = silent._replace(recording="missing", path=tmp_path / "missing.wav")
    return [utterances[0], silent, utterances[1], missing]


def test_all_problems_stop_together(with_bad_ones, tmp_path, computed):
    with pytest.raises(UserError) as caught:
        run(with_bad_ones, tmp_path / "cache")
    for words in ("2 problems", "1 silent (silent): ", "1 missing (missing): ", "corpus.on_error=skip"):
        assert words in str(caught.value)
    assert computed == ["c", "silent", "a", "missing"]
    assert path_of(with_bad_ones[0].source, CONFIG, tmp_path / "cache").is_file()


def test_problems_are_skipped_and_listed(with_bad_ones, tmp_path, computed):
    for expected in (["c", "silent", "a", "missing"], ["silent", "missing"]):
        computed.clear()
        features, problems = run(with_bad_ones, tmp_path / "cache", on_error="skip")
        assert list(features) == ["c", "a"]
        assert [p.recording for p in problems] == ["silent", "missing"]
        assert "missing.wav is missing" in problems[1].problem
        assert computed == expected


def test_full_disk_names_the_folder_and_leaves_nothing(utterances, tmp_path, computed, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match="cache: the disk is full; make room or choose another --cache_dir"):
        run(utterances, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_cache_folder_that_is_a_file_is_named(utterances, tmp_path, computed):
    (tmp_path / "cache").touch()
    with pytest.raises(UserError, match=r"cache: cannot be written \(.*\); choose another --cache_dir"):
        run(utterances, tmp_path / "cache")


def test_channels_are_mixed_where_that_is_asked_for_only(utterances, tmp_path, computed):
    left, right = noise(6), noise(7)
    stereo = [write_utterance(tmp_path, name, np.stack([left, right], 1)) for name in ("e", "d")]
    features, _ = run([*utterances, *stereo], tmp_path / "cache", CONFIG._replace(channels="mix"))
    assert_features_equal(features["d"], compute_features((left + right) / 2, CONFIG))
    # That they were mixed once does not let them pass where they are refused.
    with pytest.raises(UserError, match=r"2 with several channels \(e, d\): .* has 2 channels"):
        run([*utterances, *stereo], tmp_path / "cache")


def test_parts_of_one_file_are_kept_apart(tmp_path, computed):
    whole = write_utterance(tmp_path, "a", noise(1, 9000))
    bounds_s = [(0.0, None), (0.0, 0.25), (0.25, 0.5), (0.25, None)]
    utterances = [whole._replace(recording=f"{s} {e}", start_s=s, end_s=e) for s, e in bounds_s]
    for expected in (["a"] * 4, []):
        computed.clear()
        features, _ = run(utterances, tmp_path / "cache")
        assert computed == expected
        for start_s, end_s in bounds_s:
            samples = noise(1, 9000)[round(start_s * 16000) : None if end_s is None else round(end_s * 16000)]
            assert_features_equal(features[f"{start_s} {end_s}"], compute_features(samples, CONFIG))


def test_what_is_told_of_sounds_is_kept(utterances, tmp_path, computed):
    utterances = [*utterances, write_utterance(tmp_path, "e", noise(5, 9000), 48000)]
    first, second = (load_or_compute(utterances, CONFIG, tmp_path / "cache", "stop", False).sounds for _ in range(2))
    assert first == second
    assert [sound.file_rate_hz for sound in first.values()] == [16000, 16000, 16000, 48000]
    assert first["c"].sha256 == hashlib.sha256(noise(0).tobytes()).hexdigest()


def test_corpus_hash_by_hand(tmp_path):
    for name, content in (("b", b"two"), ("a", b"one")):
        (tmp_path / f"{name}.wav").write_bytes(content)
    utterances = [Utterance(n, "1", "female", "anger", "t", tmp_path / f"{n}.wav") for n in "ba"]
    known = '"speaker": "1", "gender": "female", "emotion": "anger", "text": "t", "path": "{}", "attributes": [], '
    line = '{{"recording": "{}", ' + known + '"start_s": 0.0, "end_s": null, "channel": null}}'
    lines = "\n".join(
        line.format(n, hashlib.sha256(content).hexdigest()) for n, content in (("a", b"one"), ("b", b"two"))
    )
    assert corpus_hash(utterances) == corpus_hash(utterances[::-1]) == hashlib.sha256(lines.encode()).hexdigest()


def test_corpus_hash_depends_on_all_that_is_known_and_not_on_where_files_lie(utterances, tmp_path):
    own = utterances[0]
    others = {
        "recording": "other", "speaker": "other", "gender": "male", "emotion": "other", "text": "other",
        "attributes": (("split", "test"),), "start_s": 0.1, "end_s": 0.2, "channel": 0,
    }  # fmt: skip
    assert {*others, "path"} == set(own._fields)
    hashes = {corpus_hash([own._replace(**{name: value})]) for name, value in others.items()}
    assert len(hashes | {corpus_hash([own])}) == len(others) + 1
    moved = tmp_path / "moved.wav"
    moved.write_bytes(own.path.read_bytes())
    assert corpus_hash([own._replace(path=moved)]) == corpus_hash([own])


def test_corpus_hash_names_a_file_that_cannot_be_read(utterances, tmp_path):
    (tmp_path / "folder.wav").mkdir()
    for name in ("folder", "gone"):
        unreadable = utterances[0]._replace(recording=name, path=tmp_path / f"{name}.wav")
        with pytest.raises(RecordingError, match=rf"^{name}: .*{name}\.wav cannot be read"):
            corpus_hash([*utterances, unreadable])


def test_corpus_hash_tells_parts_apart(utterances):
    parts = [utterances[0]._replace(start_s=s, end_s=e) for s, e in ((0.0, None), (0.1, None), (0.0, 0.1), (0.1, 0.2))]
    assert len({corpus_hash([part]) for part in parts}) == 4


def test_processes_load_no_jax_and_nothing_that_compiles(utterances):
    code = """
import sys
from pathlib import Path
from convcam_jax.representations.cache import compute_entry
from convcam_jax.representations.cqt import Cqt
from convcam_jax.representations.features import FeatureConfig
from convcam_jax.representations.prosody import ProsodyConfig
from convcam_jax.corpora.utterances import Source

compute_entry(Source(Path(sys.argv[1])), FeatureConfig(Cqt(), ProsodyConfig(), "refuse"))
sys.exit("jax" in sys.modules or "numba" in sys.modules)
"""
    command = [sys.executable, "-c", code, utterances[0].path]
    assert subprocess.run(command, check=False, cwd=Path(__file__).parent.parent).returncode == 0


# A shell that starts the tests in the background has SIGINT ignored, which a child inherits.
INTERRUPTED = """
import signal
import sys
from pathlib import Path
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.representations.cache import load_or_compute
from convcam_jax.representations.cqt import Cqt
from convcam_jax.representations.features import FeatureConfig
from convcam_jax.representations.prosody import ProsodyConfig

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = Path(sys.argv[1])
    utterances = [Utterance(p.stem, "1", "female", "anger", "t", p) for p in sorted(folder.glob("*.wav"))]
    load_or_compute(utterances, FeatureConfig(Cqt(), ProsodyConfig(), "refuse"), folder / "cache", "stop")
"""


def test_interrupt_ends_all_processes_and_keeps_what_is_finished(tmp_path):
    # One process is soon without work and waits, the other still computes.
    write_utterance(tmp_path, "0", noise(0))
    write_utterance(tmp_path, "1", noise(1, 120 * 16000))
    script = tmp_path / "script.py"
    script.write_text(INTERRUPTED)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    with subprocess.Popen(
        [sys.executable, script, tmp_path], stderr=subprocess.PIPE, env=environment, text=True, start_new_session=True
    ) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("cache/*.features")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        # As the terminal does on Ctrl-C, to all processes.
        os.killpg(process.pid, signal.SIGINT)
        # Returns when the last process that holds the pipe has ended.
        _, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT, errors
    assert errors.count("KeyboardInterrupt\n") == 1
    assert list(tmp_path.glob("cache/.partial-*")) == []
    assert len(list(tmp_path.glob("cache/*.features"))) == 1
