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

from convcam_jax.corpora.utterances import Utterance
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

    def compute_all(wavs, config):
        for wav in wavs:
            names.append(wav.stem)
            yield cache.compute_entry(wav, config)

    monkeypatch.setattr(cache, "_compute_all", compute_all)
    return names


def run(utterances, cache_dir, config=CONFIG, on_error="stop"):
    return load_or_compute(utterances, config, cache_dir, on_error, progress=False)


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
    path = entry_path(utterances[1].path, CONFIG, tmp_path / "cache")
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
    wav = utterances[0].path
    configs = [
        CONFIG,
        CONFIG._replace(channels="mix"),
        CONFIG._replace(representation=Cqt(hop_samples=256)),
        CONFIG._replace(representation=Mel()),
        *(CONFIG._replace(prosody=replace(CONFIG.prosody, **{f.name: 0.5 * f.default})) for f in fields(ProsodyConfig)),
    ]
    paths = [entry_path(wav, config, tmp_path) for config in configs]
    for module, name, changed in (
        (cache, "FORMAT_VERSION", 0),
        (cache, "version", lambda package: f"0 of {package}"),
        (representation, "version", lambda package: f"0 of {package}"),
        (cache.parselmouth, "PRAAT_VERSION", "0"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, changed)
            paths.append(entry_path(wav, CONFIG, tmp_path))
    soundfile.write(wav, noise(9), 16000, subtype="DOUBLE")
    paths.append(entry_path(wav, CONFIG, tmp_path))
    assert len(set(paths)) == len(paths) == 12


def test_librosas_version_is_in_the_key_of_mel_alone(utterances, tmp_path, monkeypatch):
    configs = [CONFIG, CONFIG._replace(representation=Mel())]
    before = [entry_path(utterances[0].path, config, tmp_path) for config in configs]
    actual = representation.version
    for module in (cache, representation):
        monkeypatch.setattr(module, "version", lambda name: "0" if name == "librosa" else actual(name))
    after = [entry_path(utterances[0].path, config, tmp_path) for config in configs]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False]


@pytest.mark.parametrize("scale", ["power", "decibel"])
def test_every_scale_has_the_same_entry(utterances, tmp_path, scale):
    wav = utterances[0].path
    other = CONFIG._replace(representation=Cqt(scale=scale))
    assert entry_path(wav, other, tmp_path) == entry_path(wav, CONFIG, tmp_path)


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


def test_first_problem_stops(with_bad_ones, tmp_path, computed):
    with pytest.raises(RecordingError, match=r"^silent: .*silent\.wav is silent"):
        run(with_bad_ones, tmp_path / "cache")
    assert computed == ["c", "silent"]
    assert entry_path(with_bad_ones[0].path, CONFIG, tmp_path / "cache").is_file()


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


def test_resampling_is_said_once_in_every_run(utterances, tmp_path, computed, capsys):
    fast = [write_utterance(tmp_path, name, noise(5, 9000), 48000) for name in ("e", "d")]
    for _ in range(2):
        features, _ = run([*utterances, *fast], tmp_path / "cache")
        assert features["d"].magnitude.shape[1] == Cqt().n_frames(3000)
        message = "2 of 5 recordings are not at 16000 Hz and were resampled, the first being d (48000 Hz)\n"
        assert capsys.readouterr() == ("", message)
    run(utterances, tmp_path / "cache")
    assert capsys.readouterr() == ("", "")


def test_mixing_is_said_once_in_every_run(utterances, tmp_path, computed, capsys):
    left, right = noise(6), noise(7)
    stereo = [write_utterance(tmp_path, name, np.stack([left, right], 1)) for name in ("e", "d")]
    mix = CONFIG._replace(channels="mix")
    for _ in range(2):
        features, _ = run([*utterances, *stereo], tmp_path / "cache", mix)
        assert_features_equal(features["d"], compute_features((left + right) / 2, CONFIG))
        message = "2 of 5 recordings have several channels and were mixed down to one, the first being d (2 channels)\n"
        assert capsys.readouterr() == ("", message)
    run(utterances, tmp_path / "cache", mix)
    assert capsys.readouterr() == ("", "")
    # That they were mixed once does not let them pass where they are refused.
    with pytest.raises(RecordingError, match=r"^e: .* has 2 channels"):
        run([*utterances, *stereo], tmp_path / "cache")


def test_corpus_hash_by_hand(tmp_path):
    for name, content in (("b", b"two"), ("a", b"one")):
        (tmp_path / f"{name}.wav").write_bytes(content)
    utterances = [Utterance(n, "1", "female", "anger", "t", tmp_path / f"{n}.wav") for n in "ba"]
    lines = f"a {hashlib.sha256(b'one').hexdigest()}\nb {hashlib.sha256(b'two').hexdigest()}\n"
    assert corpus_hash(utterances) == corpus_hash(utterances[::-1]) == hashlib.sha256(lines.encode()).hexdigest()


def test_corpus_hash_names_a_file_that_cannot_be_read(utterances, tmp_path):
    (tmp_path / "folder.wav").mkdir()
    for name in ("folder", "gone"):
        unreadable = utterances[0]._replace(recording=name, path=tmp_path / f"{name}.wav")
        with pytest.raises(RecordingError, match=rf"^{name}: .*{name}\.wav cannot be read"):
            corpus_hash([*utterances, unreadable])


def test_processes_load_no_jax_and_nothing_that_compiles(utterances):
    code = """
import sys
from pathlib import Path
from convcam_jax.representations.cache import compute_entry
from convcam_jax.representations.cqt import Cqt
from convcam_jax.representations.features import FeatureConfig
from convcam_jax.representations.prosody import ProsodyConfig

compute_entry(Path(sys.argv[1]), FeatureConfig(Cqt(), ProsodyConfig(), "refuse"))
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
    assert process.returncode == -signal.SIGINT
    assert errors.count("KeyboardInterrupt\n") == 1
    assert list(tmp_path.glob("cache/.partial-*")) == []
    assert len(list(tmp_path.glob("cache/*.features"))) == 1
