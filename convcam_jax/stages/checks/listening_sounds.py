"""Sounds of what the maps mark: what is made of one recording. Other processes call this, and it loads no JAX."""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Float64

from convcam_jax.checks.listening.config import ReportConfig, per_cents
from convcam_jax.checks.listening.resynthesis import Probe, marked_cells, probes, round_trip_snr_db, split
from convcam_jax.corpora.sounds.audio import read_recording, wav_bytes
from convcam_jax.corpora.utterances import Source
from convcam_jax.report.recordings import Shown, Sounds, recording
from convcam_jax.representations.features import FeatureConfig
from convcam_jax.representations.prosody import shortest_s
from convcam_jax.system.files import file_stem, write_whole


class ToProbe(NamedTuple):
    """A recording, its mean map, and its number in the corpus, by which its random cells are drawn."""

    source: Source
    map: Float[np.ndarray, "F n"]
    number: int


class ToShow(NamedTuple):
    """A recording and all that the report shows of it but its sounds."""

    source: Source
    shown: Shown


def probe(
    task: ToProbe, features: FeatureConfig, report: ReportConfig
) -> tuple[list[Probe], Float32[np.ndarray, "P F n"]]:
    """What the networks are asked about the recording, and the magnitudes, see `resynthesis.probes`."""
    samples = _samples(task.source, features)
    generator = np.random.default_rng([report.seed, task.number])
    return probes(samples, task.map, report.thresholds, report.random_masks, generator, features.representation)


def show(
    task: ToShow, features: FeatureConfig, thresholds: tuple[float, ...], folder: Path
) -> tuple[dict[str, Any], float]:
    """The recording as the report has it, and the signal-to-noise ratio (dB) of its way through the spectrogram.

    Writes its sounds into `folder`, see `write_sounds`.
    """
    sounds = listen(task.source, task.shown.consensus, features, thresholds)
    write_sounds(task.shown.view.recording, sounds, thresholds, folder)
    return recording(task.shown, sounds), round_trip_snr_db(sounds.original, features.representation)


def listen(
    source: Source, consensus: Float[np.ndarray, "F n"], features: FeatureConfig, thresholds: tuple[float, ...]
) -> Sounds:
    """The sounds of the recording at `source` with the mean map `consensus`."""
    samples, representation = _samples(source, features), features.representation
    parts = [split(samples, marked_cells(consensus, t), representation) for t in thresholds]
    only, without = [part.only for part in parts], [part.without for part in parts]
    return Sounds(representation.sample_rate_hz, samples, only, without)


def write_sounds(name: str, sounds: Sounds, thresholds: tuple[float, ...], folder: Path) -> None:
    """Write `NAME_original.wav`, `NAME_only_PERCENT.wav` and `NAME_without_PERCENT.wav` into `folder`, 16 bits.

    A name that is long, or no plain one, is shortened as `file_stem` has it.
    """
    named = {"original": sounds.original}
    for threshold, only, without in zip(thresholds, sounds.only, sounds.without, strict=True):
        named |= {f"only_{per_cents(threshold)}": only, f"without_{per_cents(threshold)}": without}
    for part, samples in named.items():
        # Parts of a loud recording can reach beyond full scale.
        content = wav_bytes(np.clip(samples, -1, 1), sounds.rate_hz)
        write_whole(folder / f"{file_stem(name)}_{part}.wav", partial(Path.write_bytes, data=content))


def _samples(source: Source, features: FeatureConfig) -> Float64[np.ndarray, " N"]:
    rate_hz = features.representation.sample_rate_hz
    return read_recording(source, rate_hz, shortest_s(features.prosody), features.channels).samples
