"""Features of many recordings: computed in parallel processes, and kept on disk from run to run.

One file per recording, named by a hash of all that its content depends on, with a checksum inside.
"""

import contextlib
import hashlib
import io
import json
from collections.abc import Generator, Iterable, Sequence
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import parselmouth

from convcam_jax.corpora.audio import read_recording
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.representations.features import FeatureConfig, Features, compute_features
from convcam_jax.representations.prosody import shortest_s
from convcam_jax.system.errors import RecordingError
from convcam_jax.system.files import write_whole
from convcam_jax.system.progress import say, show_progress
from convcam_jax.system.worker_processes import in_processes

# To be raised when values change by a change of this room or of how recordings are read, and with the entries below.
FORMAT_VERSION = 4
CHECKSUM_BYTES = hashlib.sha256().digest_size


class Entry(NamedTuple):
    """What the cache keeps of one recording: its features, and the rate and number of channels of its file."""

    features: Features
    file_rate_hz: int
    n_channels: int


def load_or_compute(
    utterances: Sequence[Utterance], config: FeatureConfig, cache_dir: Path, on_error: str, progress: bool = True
) -> tuple[dict[str, Features], list[RecordingError]]:
    """Features by recording, in the order of `utterances`, and the problems of those left out.

    What is not in `cache_dir`, or damaged there, is computed and written to it; `progress` shows how far. With
    `on_error` "stop" the first problem (in the order of `utterances`) is raised, with "skip" all are collected. Raises
    UserError if the cache cannot be written. The calling script needs the guard `if __name__ == "__main__"`.
    """
    cache_paths = {u.recording: entry_path(u.path, config, cache_dir) for u in utterances}
    entries = {r: entry for r, path in cache_paths.items() if path and (entry := read_entry(path))}
    missing = [u for u in utterances if u.recording not in entries]
    problems = []
    with (
        show_progress("features", len(utterances), "recording", len(entries), progress) as update,
        contextlib.closing(_compute_all([u.path for u in missing], config)) as outcomes,
    ):
        for utterance, outcome in zip(missing, outcomes, strict=True):
            if isinstance(outcome, Entry):
                entries[utterance.recording] = outcome
                if path := cache_paths[utterance.recording]:
                    write_entry(path, outcome)
            else:
                problems.append(RecordingError(utterance.recording, outcome))
                if on_error == "stop":
                    raise problems[0]
            update()
    _say_resampled(entries, config.representation.sample_rate_hz)
    _say_mixed(entries)
    return {u.recording: entries[u.recording].features for u in utterances if u.recording in entries}, problems


def corpus_hash(utterances: Iterable[Utterance]) -> str:
    """SHA-256 (hex) of the names and the wav files of all utterances, in any order.

    Raises RecordingError if a file cannot be read.
    """
    lines = sorted(f"{u.recording} {_file_hash(u)}\n" for u in utterances)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _file_hash(utterance: Utterance) -> str:
    try:
        return hashlib.sha256(utterance.path.read_bytes()).hexdigest()
    except OSError as error:
        raise RecordingError(
            utterance.recording, f"{utterance.path} cannot be read ({error.strerror}); replace or remove it"
        ) from error


def entry_path(wav: Path, config: FeatureConfig, cache_dir: Path) -> Path | None:
    """Where the features of the file `wav` are kept, or None if it cannot be read."""
    try:
        content = wav.read_bytes()
    except OSError:
        return None
    dependencies = {
        "format": FORMAT_VERSION,
        "wav": hashlib.sha256(content).hexdigest(),
        "representation": dict(config.representation.cache_key()),
        "prosody": asdict(config.prosody),
        "channels": config.channels,
        # By which recordings at another rate are resampled.
        "soxr": version("soxr"),
        "praat": parselmouth.PRAAT_VERSION,
    }
    key = hashlib.sha256(json.dumps(dependencies, sort_keys=True).encode()).hexdigest()
    return cache_dir / f"{key}.features"


def read_entry(path: Path) -> Entry | None:
    """The entry at `path`, or None if there is none or its checksum is wrong."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    checksum, payload = content[:CHECKSUM_BYTES], content[CHECKSUM_BYTES:]
    if hashlib.sha256(payload).digest() != checksum:
        return None
    with np.load(io.BytesIO(payload)) as arrays:
        features = Features(**{name: arrays[name] for name in Features._fields})
        return Entry(features, int(arrays["file_rate_hz"]), int(arrays["n_channels"]))


def write_entry(path: Path, entry: Entry) -> None:
    """Write the entry to `path`, whole or not at all; raises UserError if the folder takes no more."""
    buffer = io.BytesIO()
    file_rate_hz, n_channels = np.array(entry.file_rate_hz), np.array(entry.n_channels)
    np.savez(buffer, file_rate_hz=file_rate_hz, n_channels=n_channels, **entry.features._asdict())
    payload = buffer.getvalue()
    content = hashlib.sha256(payload).digest() + payload
    write_whole(path, lambda temporary: temporary.write_bytes(content), "--cache_dir")


def compute_entry(wav: Path, config: FeatureConfig) -> Entry | str:
    """The entry of one file, or what is wrong with the file."""
    try:
        recording = read_recording(
            wav, config.representation.sample_rate_hz, shortest_s(config.prosody), config.channels
        )
    except RecordingError as error:
        return error.problem
    return Entry(compute_features(recording.samples, config), recording.file_rate_hz, recording.n_channels)


def _compute_all(wavs: Sequence[Path], config: FeatureConfig) -> Generator[Entry | str, None, None]:
    """Outcomes of `compute_entry`, in order."""
    return in_processes(partial(compute_entry, config=config), wavs)


def _say_resampled(entries: dict[str, Entry], sample_rate_hz: int) -> None:
    """One line for all recordings whose files have another rate."""
    rates = {r: e.file_rate_hz for r, e in sorted(entries.items()) if e.file_rate_hz != sample_rate_hz}
    if rates:
        first = next(iter(rates))
        say(
            f"{len(rates)} of {len(entries)} recordings are not at {sample_rate_hz} Hz and were resampled, "
            f"the first being {first} ({rates[first]} Hz)"
        )


def _say_mixed(entries: dict[str, Entry]) -> None:
    """One line for all recordings whose files have several channels."""
    channels = {r: e.n_channels for r, e in sorted(entries.items()) if e.n_channels > 1}
    if channels:
        first = next(iter(channels))
        say(
            f"{len(channels)} of {len(entries)} recordings have several channels and were mixed down to one, "
            f"the first being {first} ({channels[first]} channels)"
        )
