"""The benchmark as a folder: sounds, labels, splits and truth of planted evidence, see docs/evidence_benchmark.md."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from convcam_jax.checks.evidence.cells import Box, boxes_of
from convcam_jax.checks.evidence.config import EVIDENCE_CLASSES
from convcam_jax.checks.evidence.planting import class_in_words
from convcam_jax.corpora.synthetic import variants
from convcam_jax.data.dataset import Dataset, fold_table, utterance_table
from convcam_jax.measures.views import GridAxes, cell_edges
from convcam_jax.settings.config import Config
from convcam_jax.settings.overrides import flatten
from convcam_jax.stages.planted_evidence.evidence import Evidence
from convcam_jax.system.files import sha256_of, write_whole
from convcam_jax.system.formats import read_arrays, write_arrays, write_csv, write_json, write_text
from convcam_jax.system.namespaces import CELLS

RECORDINGS, TRUTH, BOXES, CARD, CHECKSUMS = "recordings.csv", "truth.npz", "boxes.csv", "README.md", "checksums.json"
HASHED = (RECORDINGS, TRUTH, BOXES)
# What fields of the config begin with that scores depend on: those of the spectrogram, and the classes.
_OF_SCORES = ("representation.", "prosody.", "corpus.channels", "corpus.emotions")


def write_benchmark(made: Evidence, config: Config, axes: GridAxes, folder: Path) -> str:
    """Write all files of the benchmark, and return its version: a hash of what is in the sounds, labels and truth."""
    table = recording_table({variant: run.dataset for variant, run in made.runs.items()})
    paths = {u.recording: u.path for run in made.runs.values() for u in run.dataset.utterances}
    for recording, path in paths.items():
        write_whole(folder / "wav" / f"{recording}.wav", partial(shutil.copyfile, path))
    write_csv(folder / RECORDINGS, table)
    edges_s = cell_edges(axes.time_s)
    grid = {"edges_hz": axes.edges_hz, "frequency_hz": axes.bin_hz, "edges_s": edges_s, "time_s": axes.time_s}
    write_arrays(folder / TRUTH, grid | {f"{CELLS}{name}": cells for name, cells in made.truth.items()})
    write_csv(folder / BOXES, box_table(made, edges_s, axes.edges_hz))
    sounds = [f"wav/{recording}.wav" for recording in paths]
    files = {name: content_hash(folder / name) for name in sorted([*HASHED, *sounds])}
    version = version_of(files)
    write_json(folder / CHECKSUMS, {"version": version, "files": files, "settings": settings_hash(flatten(config))})
    write_text(folder / CARD, data_card(table, config, version))
    return version


def recording_table(datasets: dict[str, Dataset]) -> pd.DataFrame:
    """The table of `recordings.csv`: a row per variant, recording and fold, with its label and what it is for."""
    tables = []
    for variant, dataset in datasets.items():
        recordings = utterance_table(dataset).rename(columns={"emotion": "class"}).assign(variant=variant)
        recordings["label"] = recordings["class"].map(EVIDENCE_CLASSES.index)
        recordings["class"] = recordings["class"].map(lambda name, variant=variant: class_in_words(variant, name))
        columns = ["variant", "recording", "label", "class", "speaker", "gender", "text", "n_frames"]
        tables.append(recordings[columns].merge(fold_table(dataset), on="recording"))
    return pd.concat(tables, ignore_index=True)


def box_table(made: Evidence, edges_s: np.ndarray, edges_hz: np.ndarray) -> pd.DataFrame:
    """The table of `boxes.csv`: the cells of the truth as rectangles in s and Hz."""
    rows = [
        (recording, *box)
        for recording, cells in sorted(made.truth.items())
        for box in boxes_of(cells, edges_s[: cells.shape[1] + 1], edges_hz)
    ]
    return pd.DataFrame(rows, columns=["recording", *Box._fields])


def version_of(files: dict[str, str]) -> str:
    """The version of a benchmark: a hash (SHA-256, hex) of its files' names and content hashes."""
    lines = "".join(f"{name} {digest}\n" for name, digest in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def settings_hash(fields: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of those settings that scores depend on, of all `fields` of a config by their full names."""
    of_scores = {name: value for name, value in fields.items() if name.startswith(_OF_SCORES)}
    return hashlib.sha256(json.dumps(of_scores, sort_keys=True).encode()).hexdigest()


def content_hash(path: Path) -> str:
    """SHA-256 (hex) of a file, of an .npz file of its arrays, whichever way they are packed."""
    return sha256_of(path) if path.suffix != ".npz" else arrays_hash(read_arrays(path))


def arrays_hash(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 (hex) of arrays and their names."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


_CARD = """# Planted evidence in speech

Version `{version}` (SHA-256 over sounds, labels and truth; `checksums.json` has that of every file).

{n_recordings} recordings of synthetic speech, {rate_hz} Hz, 16 bits, mono, in `wav/`; every variant has three classes.
In a variant of one cue, that cue tells the classes apart; all else, random draws included, is the same with and without
it. {notes}Nobody's voice was recorded: all is made by `convcam_jax` from its seed {seed}.

| variant | classes | cue | test recordings |
|---|---|---|---|
{variants}

`recordings.csv` has a row per variant, recording and fold: label (0 to 2), class, speaker, gender, text, group, fold
and split (`train`, `validation`, `test`). Networks are trained for each group and fold alone, on `train`, and
chosen on `validation`. `truth.npz` has `{cells}RECORDING` of every test recording: the cells `[{n_bins}, n]` of the
{representation} in which the recordings with and without the cue differ by at least {threshold:g} of the largest
difference. It also has the grid: `edges_hz`, `frequency_hz`, `edges_s`, `time_s`. `boxes.csv` has the same cells as
rectangles in seconds and Hz; the first and the last may reach half a frame beyond the sound.
"""
# Of the variants that are not of one cue alone.
_NOTES = {
    variants.MIXED: "In `mixed` four cues tell the classes apart, each of them by itself.",
    variants.SHUFFLED_LABELS: "In `none` nothing tells the classes apart: its recordings have four cues, of which its "
    "labels say nothing, so what a method scores there is no evidence.",
    "xor": "In `xor` two bursts tell the classes apart together, and neither does by itself.",
}


def data_card(table: pd.DataFrame, config: Config, version: str) -> str:
    """The text of `README.md`: what is in a benchmark of these recordings; table: `recordings.csv`."""
    corpus = config.corpus
    tested = table[table["split"] == "test"].groupby("variant").size()
    own_variants = {variants.of_cue(variant) for variant in table["variant"]}
    lines = [
        f"| `{variant}` | {', '.join(dict.fromkeys(class_in_words(variant, own) for own in EVIDENCE_CLASSES))} "
        f"| {variants.in_words(variant)} | {tested[variant]} |"
        for variant in dict.fromkeys(table["variant"])
    ]
    return _CARD.format(
        version=version,
        n_recordings=table["recording"].nunique(),
        rate_hz=config.representation.sample_rate_hz,
        seed=getattr(corpus, "seed", 0),
        notes="".join(f"{note}\n" for name, note in _NOTES.items() if name in own_variants),
        variants="\n".join(lines),
        cells=CELLS,
        n_bins=config.representation.n_bins,
        representation=config.representation.title,
        threshold=config.evidence.truth_threshold,
    )
