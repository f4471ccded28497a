"""New recordings, without labels, explained by a finished run's models."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from convcam_jax.corpora.folders.file_index import recording_names, sound_files
from convcam_jax.corpora.sounds.audio import SoundFacts
from convcam_jax.corpora.sounds.lengths import named_middle
from convcam_jax.corpora.sounds.sound_remarks import remark_on_band, sound_remarks
from convcam_jax.corpora.utterances import Source, Utterance, unlabelled, without
from convcam_jax.report.explanation import Explanation
from convcam_jax.report.overview import overview_of_new
from convcam_jax.report.page import MOST_ON_PAGE, make_page_of_new
from convcam_jax.representations.cache import Loaded, compute_entry, load_or_compute
from convcam_jax.settings.config import Config
from convcam_jax.stages.beginning import write_skipped
from convcam_jax.stages.preparation import with_parts
from convcam_jax.stages.record import HIGHEST_FILE_RATE
from convcam_jax.stages.without_labels.new_recording_files import ToWrite, write_files
from convcam_jax.stages.without_labels.trained_run import TrainedRun, tell_other_surroundings, told_too_long, too_long
from convcam_jax.system.errors import RecordingError, UserError, counted_by_kind
from convcam_jax.system.formats import write_arrays, write_csv, write_text
from convcam_jax.system.namespaces import AXES, MAP
from convcam_jax.system.paths import expanded, separate_paths
from convcam_jax.system.process.worker_processes import in_processes, start
from convcam_jax.system.progress import counted, say, show_progress

EXPLAINED, REPORT = "explained", "report.html"
# Recordings that are explained together: the models are read once for them, their maps are kept so long.
_AT_ONCE = 64
# What takes less is over before it could be told how long it takes.
_LEAST_STEPS_SHOWN = 10


def find_recordings(given: Sequence[str]) -> list[Utterance]:
    """The sound files that the flag names: files, folders with all sounds below, several divided by commas.

    Raises:
      UserError: there is no such file or folder, or a folder without sounds.
    """
    paths = [expanded(path) for text in given for path in separate_paths(text)]
    if not paths:
        raise UserError("--recordings: names no file or folder; give one, or several divided by commas")
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise UserError(
                f"--recordings={path}: there is no such file or folder; a path with a comma needs double quotes "
                "around it where there are several"
            )
        below = sound_files(path) if path.is_dir() else [path]
        if not below:
            raise UserError(f"--recordings={path}: there is no sound file in this folder but what the program wrote")
        found += below
    # By where their folders are, so that none counts twice; folders keep the names that they were given by.
    known: dict[Path, Path] = {}
    for path in found:
        place = path.parent.resolve() / path.name
        known.setdefault(place, place if ".." in path.parts else path.absolute())
    unique = list(known.values())
    names = recording_names([Source(path) for path in unique])
    return [unlabelled(name, path) for name, path in zip(names, unique, strict=True)]


def explain_recordings(run: TrainedRun, found: Sequence[Utterance], workdir: Path, cache_dir: Path) -> Path:
    """Explain the recordings; returns the new folder in the workdir that all is written into, the page last.

    Raises:
      UserError: no recording can be used. Nothing is written then, but the answers where the files have gone since.
    """
    usable, loaded, problems = _features(found, run.config, cache_dir)
    if not usable:
        raise _none_usable(problems)
    # They load what makes sounds and figures while the models are asked.
    start(write_files.__module__, "convcam_jax.figures.explanation", "scipy.signal", n_tasks=len(usable))
    folder = workdir / EXPLAINED / datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    write_skipped(folder, problems, len(usable))
    for remark in _remarks(run, {utterance.recording: loaded.sounds[utterance.recording] for utterance in usable}):
        say(remark)
    _say_who_answers(run)
    tell_other_surroundings(run)
    tables: dict[str, list[pd.DataFrame]] = {"answers": [], "spread": [], "metrics": [], "contours": []}
    maps: dict[str, np.ndarray] = {}
    shown: list[dict[str, Any]] = []
    snr_db: list[float] = []
    late: list[RecordingError] = []
    n_written = 0
    for together in _explained(run, usable, loaded):
        for utterance, explained in together:
            name = utterance.recording
            say(f"{name}: {explained}")
            for table, rows in tables.items():
                rows.append(_with_name(getattr(explained, table), name, explained.predicted, table))
            maps[f"{MAP}{name}"] = explained.map
        # Before what is beside: whatever stops that, the answers are kept. As a whole, and so when there are twice as
        # many as before, or all.
        if len(maps) >= min(2 * n_written, len(usable)):
            _write_tables(run, tables, maps, folder)
            n_written = len(maps)
        for outcome in _write_beside(run, together, folder):
            if isinstance(outcome, RecordingError):
                late.append(outcome)
                write_skipped(folder, [*problems, *late], len(usable) - len(late))
                continue
            one, ratio_db = outcome
            snr_db.append(ratio_db)
            if len(shown) < MOST_ON_PAGE:
                shown.append(one)
    if not shown:
        raise _none_usable(late)
    about = overview_of_new(run.config, run.record, run.members, min(snr_db), len(snr_db) - len(shown))
    write_text(folder / REPORT, make_page_of_new(about, shown))
    return folder


def _none_usable(problems: Sequence[RecordingError]) -> UserError:
    return problems[0] if len(problems) == 1 else UserError(f"--recordings: {counted_by_kind(problems, True)}")


def _write_tables(
    run: TrainedRun, tables: Mapping[str, Sequence[pd.DataFrame]], maps: Mapping[str, np.ndarray], folder: Path
) -> None:
    for table, rows in tables.items():
        write_csv(folder / f"{table}.csv", pd.concat(rows, ignore_index=True))
    axes = dict(zip(AXES, (run.axes.bin_hz, run.axes.time_s), strict=True))
    write_arrays(folder / "maps.npz", {**maps, **axes})


def _explained(
    run: TrainedRun, usable: Sequence[Utterance], loaded: Loaded
) -> Iterator[list[tuple[Utterance, Explanation]]]:
    """The recordings explained, so many together, since the models are read anew each time."""
    # Each part of the models is asked twice: for answers, and for maps.
    n_steps = 2 * len(usable) * run.n_parts
    with show_progress("explaining", n_steps, "step", shown=n_steps >= _LEAST_STEPS_SHOWN) as update:
        for first in range(0, len(usable), _AT_ONCE):
            names = [utterance.recording for utterance in usable[first : first + _AT_ONCE]]
            found = run.answers([loaded.features[name] for name in names], run.parts, update)
            yield [
                (utterance, run.explanation(name, loaded.features[name], loaded.sounds[name], answers))
                for utterance, name, answers in zip(usable[first:], names, found, strict=False)
            ]


def _write_beside(
    run: TrainedRun, several: Sequence[tuple[Utterance, Explanation]], folder: Path
) -> Iterator[tuple[dict[str, Any], float] | RecordingError]:
    """Write the files of each recording; gives what the page has of it, see `write_files`."""
    # The words here, since to make them loads JAX.
    tasks = [ToWrite(utterance.source, run.members, explained, str(explained)) for utterance, explained in several]
    config = run.config
    write = partial(write_files, features=config.features, thresholds=config.report.thresholds, folder=folder)
    with closing(in_processes(write, tasks)) as written:
        yield from written


def _with_name(rows: pd.DataFrame, name: str, predicted: str, table: str) -> pd.DataFrame:
    """The rows with the recording in front, and in metrics the class whose map is measured."""
    if "recording" in rows:
        return rows
    named = rows.copy()
    named.insert(0, "recording", name)
    if table == "metrics":
        named.insert(named.columns.get_loc("seed") + 1, "class", predicted)
    return named


def _features(
    found: Sequence[Utterance], config: Config, cache_dir: Path
) -> tuple[list[Utterance], Loaded, list[RecordingError]]:
    """The recordings that can be used, cut as the run's were where they are too long; and what is wrong with others."""
    longer = []
    if config.corpus.longer == "leave_out":
        longer = [p for u in found if (p := told_too_long(u.recording, u.source, config))]
        found = without(found, longer)
    if len(found) == 1:
        loaded = _computed(found[0], config)
    else:
        loaded = load_or_compute(found, config.features, cache_dir / "features", "skip")
    rest = without(found, loaded.problems)
    if config.corpus.longer != "leave_out":
        # The files of a part speak of times from its beginning on, which its name tells.
        rest, loaded = with_parts(rest, loaded, config, cache_dir, crop=named_middle)
    longer += [p for u in rest if (p := too_long(u.recording, loaded.features[u.recording].n_frames, config))]
    return without(rest, longer), loaded, [*loaded.problems, *longer]


def _computed(one: Utterance, config: Config) -> Loaded:
    """The features of one recording, computed here: to start other processes takes longer than this."""
    entry = compute_entry(one.source, config.features)
    if isinstance(entry, RecordingError):
        return Loaded({}, {}, [RecordingError(one.recording, entry.problem, entry.kind)])
    return Loaded({one.recording: entry.features}, {one.recording: entry.sound}, [])


def _remarks(run: TrainedRun, sounds: Mapping[str, SoundFacts]) -> list[str]:
    """What is told of the recordings' sounds, and of what the run's own had none of."""
    rate_hz = run.config.representation.sample_rate_hz
    band = remark_on_band(sounds, rate_hz, run.record[HIGHEST_FILE_RATE])
    return [*sound_remarks(sounds, rate_hz), *([band] if band else [])]


def _say_who_answers(run: TrainedRun) -> None:
    groups = list(dict.fromkeys(member.group for member in run.members))
    of_groups = f" of all groups ({', '.join(groups)}), since that of a new recording is not known" * (len(groups) > 1)
    say(f"{counted(len(run.members), 'model')}{of_groups}")
