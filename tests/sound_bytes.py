"""Sound files as bytes: made by libsndfile in every container, or by hand, chunk by chunk."""

import io
import struct

import numpy as np
import soundfile

RATE_HZ = 16000
# Container and coding by the ending of the file.
LOSSLESS = {
    ".wav": ("WAV", "PCM_16"),
    ".wavex.wav": ("WAVEX", "PCM_16"),
    ".rf64": ("RF64", "PCM_16"),
    ".w64": ("W64", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".aiff": ("AIFF", "PCM_16"),
    ".au": ("AU", "PCM_16"),
    ".caf": ("CAF", "PCM_16"),
    ".sph": ("NIST", "PCM_16"),
}
LOSSY = {".ogg": ("OGG", "VORBIS"), ".opus": ("OGG", "OPUS"), ".mp3": ("MP3", "MPEG_LAYER_III")}
CONTAINERS = LOSSLESS | LOSSY


def speech_like(n_samples: int = 16000, seed: int = 0) -> np.ndarray:
    """A tone with noise, below full scale."""
    noise = np.random.default_rng(seed).normal(size=n_samples)
    return 0.3 * np.sin(2 * np.pi * 200 * np.arange(n_samples) / RATE_HZ) + 0.05 * noise


def sound_bytes(ending: str, samples: np.ndarray, rate_hz: int = RATE_HZ) -> bytes:
    """A sound file in the container that an ending stands for."""
    container, coding = CONTAINERS[ending]
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, format=container, subtype=coding)
    return buffer.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def fmt(coding: int, bits: int, channels: int = 1, rate_hz: int = RATE_HZ, bytes_per_s: int | None = None) -> bytes:
    """The chunk that tells how samples are coded."""
    block = channels * bits // 8
    per_s = rate_hz * block if bytes_per_s is None else bytes_per_s
    return chunk(b"fmt ", struct.pack("<HHIIHH", coding, channels, rate_hz, per_s, block, bits))


def extensible_fmt(coding: int, bits: int, valid_bits: int, channels: int = 1) -> bytes:
    block = channels * bits // 8
    head = struct.pack("<HHIIHH", 0xFFFE, channels, RATE_HZ, RATE_HZ * block, block, bits)
    identity = struct.pack("<H", coding) + bytes.fromhex("000000001000800000aa00389b71")
    return chunk(b"fmt ", head + struct.pack("<HHI", 22, valid_bits, 4) + identity)


def riff(*chunks: bytes, size: int | None = None) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body
