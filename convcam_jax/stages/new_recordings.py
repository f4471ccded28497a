"""New recordings, without labels, explained by a finished run's models."""

import datetime
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from convcam_jax.corpora.folders.file_index import recording_names, sound_files
from convcam_jax.corpora.utterances import Utterance, without
from convcam_jax.figures.explanation import explanation as draw
from convcam_jax.measures.segments import Stretch
from convcam_jax.representations.cache import Loaded, compute_entry, load_or_compute
from convcam_jax.settings.config import Config
from convcam_jax.stages.preparation import with_parts, write_skipped
from convcam_jax.stages.text_grid import write_text_grid
from convcam_jax.stages.trained_run import Explanation, TrainedRun, too_long
from convcam_jax.system.errors import RecordingError, UserError, counted_by_kind
from convcam_jax.system.files import file_stem, write_whole
from convcam_jax.system.formats import write_arrays, write_csv, write_figure
from convcam_jax.system.namespaces import MAP
from convcam_jax.system.paths import expanded
from convcam_jax.system.progress import counted, say

EXPLAINED = "explained"


def find_recordings(given: Sequence[str]) -> list[Utterance]:
    """The sound files that the flag names: files, folders with all sounds below, several divided by commas.

    Raises:
      UserError: there is no such file or folder, or a folder without sounds.
    """
    paths = [path for text in given for path in _paths(text)]
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise UserError(f"--recordings={path}: there is no such file or folder")
        below = sound_files(path) if path.is_dir() else [path]
        if not below:
            raise UserError(f"--recordings={path}: there is no sound file in this folder")
        found += below
    unique = list(dict.fromkeys(path.absolute() for path in found))
    names = recording_names(unique, [(0.0, None)] * len(unique))
    return [Utterance(name, "", "", "", "", path) for name, path in zip(names, unique, strict=True)]


def _paths(text: str) -> list[Path]:
    # A name may have commas in it.
    whole = expanded(text)
    return [whole] if whole.exists() else [expanded(part.strip()) for part in text.split(",") if part.strip()]


def explain_recordings(run: TrainedRun, found: Sequence[Utterance], workdir: Path, cache_dir: Path) -> Path:
    """Explain the recordings; returns the new folder in the workdir that all is written into.

    Raises:
      UserError: no recording can be used. Nothing is written then.
    """
    usable, loaded, problems = _features(found, run.config, cache_dir)
    if not usable:
        raise problems[0] if len(problems) == 1 else UserError(f"--recordings: {counted_by_kind(problems, True)}")
    folder = workdir / EXPLAINED / datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    write_skipped(folder, problems, len(usable))
    _say_who_answers(run)
    tables: dict[str, list[pd.DataFrame]] = {"answers": [], "spread": [], "metrics": [], "contours": []}
    maps = {}
    for utterance in usable:
        name = utterance.recording
        explained = run.explain_features(name, loaded.features[name], loaded.sounds[name])
        say(f"{name}: {explained}")
        for table, own in tables.items():
            rows: pd.DataFrame = getattr(explained, table)
            own.append(rows if "recording" in rows else _with_name(rows, name, explained.predicted, table))
        maps[f"{MAP}{name}"] = explained.map
        _write_beside(folder / file_stem(name), explained, alone=len(usable) == 1)
    for table, own in tables.items():
        write_csv(folder / f"{table}.csv", pd.concat(own, ignore_index=True))
    axes = {"frequency_hz": explained.frequencies_hz, "time_s": run.times_s}
    write_arrays(folder / "maps.npz", {**maps, **axes})
    return folder


def _with_name(rows: pd.DataFrame, name: str, predicted: str, table: str) -> pd.DataFrame:
    """The rows with the recording in front, and in metrics the class whose map is measured."""
    named = rows.copy()
    named.insert(0, "recording", name)
    if table == "metrics":
        named.insert(named.columns.get_loc("seed") + 1, "class", predicted)
    return named


def _features(
    found: Sequence[Utterance], config: Config, cache_dir: Path
) -> tuple[list[Utterance], Loaded, list[RecordingError]]:
    """The recordings that can be used, cut as the run's were where they are too long; and what is wrong with others."""
    loaded = _computed(found[0], config) if len(found) == 1 else _loaded(found, config, cache_dir)
    rest = without(found, loaded.problems)
    if config.corpus.longer != "leave_out":
        rest, loaded = with_parts(rest, loaded, config, cache_dir)
    longer = [p for u in rest if (p := too_long(u.recording, loaded.features[u.recording], config))]
    return without(rest, longer), loaded, [*loaded.problems, *longer]


def _loaded(found: Sequence[Utterance], config: Config, cache_dir: Path) -> Loaded:
    return load_or_compute(found, config.features, cache_dir / "features", "skip")


def _computed(one: Utterance, config: Config) -> Loaded:
    """The same of one recording, here: to start other processes takes longer than this."""
    entry = compute_entry(one.source, config.features)
    if isinstance(entry, RecordingError):
        return Loaded({}, {}, [entry])
    return Loaded({one.recording: entry.features}, {one.recording: entry.sound}, [])


def _say_who_answers(run: TrainedRun) -> None:
    groups = list(dict.fromkeys(member.group for member in run.members))
    of_groups = f" of all groups ({', '.join(groups)}), since that of a new recording is not known" * (len(groups) > 1)
    say(f"{counted(len(run.members), 'model')}{of_groups}")


def _write_beside(stem: Path, explained: Explanation, alone: bool) -> None:
    """The TextGrid and the figure of one recording."""
    whole = [Stretch(0.0, explained.duration_s, str(explained))]
    tiers = {"F0": explained.f0_segments, "map": explained.map_segments, "answer": whole}
    write_text_grid(stem.with_name(f"{stem.name}.TextGrid"), explained.duration_s, tiers)
    path = stem.with_name(f"{stem.name}.png")
    if alone:
        figure = explained.plot()
        write_whole(path, lambda temporary: figure.savefig(temporary, dpi=200))
    else:
        probabilities = explained.probabilities
        write_figure(path, draw, explained.view, probabilities.to_numpy(), tuple(probabilities.columns))
