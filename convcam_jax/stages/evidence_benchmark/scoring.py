"""Scoring of maps that another toolkit made against the benchmark in a folder: the tables of planted evidence."""

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from convcam_jax.checks.evidence.entry import RANDOM, TRAINED, Entry, Grid, SoundsOfTest, n_networks, score_entry
from convcam_jax.checks.evidence.planting import unlabelled_utterances
from convcam_jax.checks.evidence.scoring import evidence_summary
from convcam_jax.representations.cache import load_or_compute
from convcam_jax.settings.config import Config
from convcam_jax.stages.evidence_benchmark.export import (
    CHECKSUMS,
    RECORDINGS,
    TRUTH,
    arrays_hash,
    content_hash,
    settings_hash,
    version_of,
)
from convcam_jax.stages.finished_run import restored_config
from convcam_jax.stages.given_maps import array_members, read_given_arrays
from convcam_jax.stages.planted_evidence import evidence_results
from convcam_jax.stages.record import CONFIG_FILE, check_workdir, read_record, run_record
from convcam_jax.system.errors import UserError
from convcam_jax.system.files import remove_partial
from convcam_jax.system.formats import read_arrays, read_csv, write_csv, write_json
from convcam_jax.system.namespaces import CELLS
from convcam_jax.system.progress import counted, say


def check_benchmark(folder: Path) -> str:
    """The version of the benchmark in a folder whose files and settings are all as they were exported.

    Raises:
      UserError: there is no benchmark, or a file is missing or has changed.
    """
    path = folder / CHECKSUMS
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        version, files, settings = str(known["version"]), dict(known["files"]), known["settings"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"--from_workdir={folder}: {CHECKSUMS} cannot be read ({error}); give the folder that "
            "--experiment=evidence_export has written"
        ) from error
    if version_of(files) != version:
        raise UserError(
            f"--from_workdir={folder}: {CHECKSUMS} has other files than the version {version[:12]}; export it again"
        )
    for name, digest in files.items():
        if not (folder / name).is_file():
            raise UserError(f"--from_workdir={folder}: {name} is missing; export the benchmark again")
        if content_hash(folder / name) != digest:
            raise UserError(f"--from_workdir={folder}: {name} is not what was exported; export the benchmark again")
    if settings_hash(read_record(folder)["config"]) != settings:
        raise UserError(f"--from_workdir={folder}: {CONFIG_FILE} is not what was exported; export the benchmark again")
    return version


def sounds_of_test(folder: Path, recordings: pd.DataFrame) -> dict[str, Path]:
    """The wav files of the recordings that are tested."""
    names = sorted(set(recordings.loc[recordings["split"] == "test", "recording"]))
    return {name: folder / "wav" / f"{name}.wav" for name in names}


def tested_recordings(
    folder: Path, config: Config, paths: Mapping[str, Path], cache_dir: Path
) -> tuple[SoundsOfTest, Grid]:
    """The benchmark's test recordings, with their spectrograms, and the grid of its truth.

    Raises:
      UserError: a spectrogram has another shape than the truth.
    """
    arrays = read_arrays(folder / TRUTH)
    features = load_or_compute(unlabelled_utterances(paths), config.features, cache_dir / "features", "stop").features
    for name in paths:
        cells, shape = arrays[f"{CELLS}{name}"].shape, features[name].magnitude.shape
        if shape != cells:
            raise UserError(
                f"--from_workdir={folder}: the truth of {name} has {cells[0]} bins and {cells[1]} frames, its "
                f"spectrogram {shape[0]} and {shape[1]}; export the benchmark again"
            )
    tested = SoundsOfTest(
        {name: soundfile.info(os.fsencode(path)).frames for name, path in paths.items()},
        {name: features[name].magnitude for name in paths},
        {name: arrays[f"{CELLS}{name}"] for name in paths},
    )
    grid = Grid(
        frequency_hz=arrays["frequency_hz"],
        edges_hz=arrays["edges_hz"],
        time_s=arrays["time_s"],
        edges_s=arrays["edges_s"],
        rate_hz=config.representation.sample_rate_hz,
    )
    return tested, grid


def score_maps(maps: Path, folder: Path, workdir: Path, cache_dir: Path) -> None:
    """Write `evidence.csv`, `evidence_members.csv`, and the tables and figures of planted evidence of given maps.

    Raises:
      UserError: the benchmark, the file or one of its arrays is not sound, or the workdir holds another run.
    """
    version = check_benchmark(folder)
    config = dataclasses.replace(restored_config(folder, read_record(folder)), experiment="evidence_score")
    recordings = read_csv(folder / RECORDINGS)
    entry = Entry(maps, read_given_arrays(maps, array_members))
    paths = sounds_of_test(folder, recordings)
    hashes = {"maps_sha256": arrays_hash(entry.arrays), "benchmark_version": version}
    record = run_record(config, unlabelled_utterances(paths)) | hashes
    check_workdir(workdir, record)
    tested, grid = tested_recordings(folder, config, paths, cache_dir)
    scores, members = score_entry(entry, recordings, tested, grid)
    remove_partial(workdir)
    # Each time anew, as all else: what made the tables is what it tells.
    write_json(workdir / CONFIG_FILE, record)
    say(f"benchmark {version[:12]}: {len(scores)} scores of {counted(n_networks(members), 'network')}")
    maps_made = scores[scores["source"].isin((TRAINED, RANDOM))]
    if n_zero := int(maps_made["map_is_zero"].sum()):
        say(f"{n_zero} of {counted(len(maps_made), 'map')} are nowhere above 0")
    write_csv(workdir / "evidence.csv", scores)
    write_csv(workdir / "evidence_members.csv", members)
    methods = tuple(np.unique(entry.names.loc[entry.names["method"] != "", "method"]))
    # A benchmark has synthetic voices alone, each recording of draws of its own.
    originals = {name: name for name in paths}
    n_classes = len(config.corpus.emotions)
    evidence_results.write_tables(scores, evidence_summary(scores), n_classes, originals, methods, workdir)
