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
import soundfile

from convcam_jax.corpora.sounds.audio import SoundFacts, read_recording
from convcam_jax.corpora.utterances import Source, Utterance
from convcam_jax.representations.features import FeatureConfig, Features, compute_features
from convcam_jax.representations.prosody import shortest_s
from convcam_jax.system.errors import RecordingError, together
from convcam_jax.system.files import checksum, file_hash, write_whole
from convcam_jax.system.process.worker_processes import in_processes
from convcam_jax.system.progress import show_progress

# To be raised when values change by a change of this room or of how recordings are read, and with the entries below.
FORMAT_VERSION = 7
CHECKSUM_BYTES = hashlib.sha256().digest_size


class CachedRecording(NamedTuple):
    """What the cache keeps of one recording: its features, and what is told of its sound."""

    features: Features
    sound: SoundFacts


class Loaded(NamedTuple):
    """Features and what is told of their sounds, by recording, and the problems of recordings that have none."""

    features: dict[str, Features]
    sounds: dict[str, SoundFacts]
    problems: list[RecordingError]


def load_or_compute(
    utterances: Sequence[Utterance], config: FeatureConfig, cache_dir: Path, on_error: str, progress: bool = True
) -> Loaded:
    """Features by recording, in the order of `utterances`, and the problems of those left out.

    What is not in `cache_dir`, or damaged there, is computed and written to it; `progress` shows how far. With
    `on_error` "stop" all problems are raised together when all is computed. Raises UserError if the cache cannot be
    written. The calling script needs the guard `if __name__ == "__main__"`.
    """
    hashes = {path: file_hash(path) for path in {u.path for u in utterances}}
    paths = {u.recording: entry_path(u.source, config, cache_dir, hashes[u.path]) for u in utterances}
    entries = {r: entry for r, path in paths.items() if path and (entry := read_entry(path))}
    missing = [u for u in utterances if u.recording not in entries]
    problems = []
    with (
        show_progress("features", len(utterances), "recording", len(entries), progress) as update,
        contextlib.closing(_compute_all([u.source for u in missing], config)) as outcomes,
    ):
        for utterance, outcome in zip(missing, outcomes, strict=True):
            if isinstance(outcome, CachedRecording):
                entries[utterance.recording] = outcome
                if path := paths[utterance.recording]:
                    write_entry(path, outcome)
            else:
                problems.append(RecordingError(utterance.recording, outcome.problem, outcome.kind))
            update()
    if problems and on_error == "stop":
        raise together(problems)
    found = [u.recording for u in utterances if u.recording in entries]
    features = {recording: entries[recording].features for recording in found}
    return Loaded(features, {recording: entries[recording].sound for recording in found}, problems)


def corpus_hash(utterances: Iterable[Utterance]) -> str:
    """SHA-256 (hex) of all that is known of the utterances, their files, and the parts of these that they are.

    The order does not matter, nor where the files lie. Raises UserError naming all files that cannot be read.
    """
    utterances = list(utterances)
    hashes = {path: file_hash(path) for path in {u.path for u in utterances}}
    if unreadable := [u for u in utterances if not hashes[u.path]]:
        raise together(
            [RecordingError(u.recording, f"{u.path} cannot be read; replace or remove it") for u in unreadable]
        )
    lines = sorted(json.dumps(u._asdict() | {"path": hashes[u.path]}) for u in utterances)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def entry_path(source: Source, config: FeatureConfig, cache_dir: Path, file_hash: str) -> Path | None:
    """Where the features of a file with a hash, or of a part of it, are kept; None if the hash is ""."""
    if not file_hash:
        return None
    dependencies = {
        "format": FORMAT_VERSION,
        "file": file_hash,
        "part": source.part,
        "representation": dict(config.representation.cache_key()),
        "prosody": asdict(config.prosody),
        "channels": config.channels,
        # By which files are read, and recordings at another rate are resampled.
        "soundfile": soundfile.__libsndfile_version__,
        "soxr": version("soxr"),
        "praat": parselmouth.PRAAT_VERSION,
    }
    key = hashlib.sha256(json.dumps(dependencies, sort_keys=True).encode()).hexdigest()
    return cache_dir / f"{key}.features"


def read_entry(path: Path) -> CachedRecording | None:
    """The entry at `path`, or None if there is none or its checksum is wrong."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    expected, payload = content[:CHECKSUM_BYTES], content[CHECKSUM_BYTES:]
    if checksum(path.name, payload) != expected:
        return None
    with np.load(io.BytesIO(payload)) as arrays:
        features = Features(**{name: arrays[name] for name in Features._fields})
        return CachedRecording(features, SoundFacts(*json.loads(str(arrays["sound"]))))


def write_entry(path: Path, entry: CachedRecording) -> None:
    """Write the entry to `path`, whole or not at all; raises UserError if the folder takes no more."""
    buffer = io.BytesIO()
    np.savez(buffer, sound=np.array(json.dumps(entry.sound)), **entry.features._asdict())
    payload = buffer.getvalue()
    content = checksum(path.name, payload) + payload
    write_whole(path, lambda temporary: temporary.write_bytes(content), "--cache_dir")


def compute_entry(source: Source, config: FeatureConfig) -> CachedRecording | RecordingError:
    """The entry of one file or a part of it, or what is wrong with it."""
    try:
        recording = read_recording(
            source, config.representation.sample_rate_hz, shortest_s(config.prosody), config.channels
        )
    except RecordingError as error:
        return error
    return CachedRecording(compute_features(recording.samples, config), recording.facts)


def _compute_all(
    sources: Sequence[Source], config: FeatureConfig
) -> Generator[CachedRecording | RecordingError, None, None]:
    """Outcomes of `compute_entry`, in order."""
    return in_processes(partial(compute_entry, config=config), sources)
