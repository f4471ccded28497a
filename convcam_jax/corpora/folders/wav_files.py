"""Wav files in the folder that the user gives for a corpus, by their names alone."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from convcam_jax.corpora.config import CorpusConfig
from convcam_jax.corpora.utterances import Found, Utterance
from convcam_jax.system.errors import RecordingError, UserError, together
from convcam_jax.system.text import one_form


def given_folder(config: CorpusConfig, how_to_get: str) -> Path:
    """The config's `data_dir`; raises UserError if none is given or there is no such folder."""
    if not config.data_dir:
        raise UserError(f"--data_dir: missing; {how_to_get}")
    folder = Path(config.data_dir)
    if not os.path.isdir(folder):
        raise UserError(f"{folder}: there is no such folder; {how_to_get}")
    return folder


def files_with(ending: str, folder: Path) -> dict[str, Path]:
    """Files of a folder with an ending such as ".wav", in small or capital letters, by name without it, sorted.

    Names are in one form, whatever that on the disk is; those that begin with a dot are the operating system's. None if
    there is no such folder; raises UserError if it cannot be read, or if two files have the same name.
    """
    try:
        paths = sorted(folder.iterdir()) if folder.is_dir() else []
    except PermissionError as error:
        raise UserError(f"{folder}: cannot be read; change its permissions") from error
    files: dict[str, Path] = {}
    for path in paths:
        if path.suffix.lower() == ending and not path.name.startswith("."):
            first = files.setdefault(one_form(path.stem), path)
            if first != path:
                raise UserError(f"{folder}: {first.name} and {path.name} have the same name; rename or remove one")
    return dict(sorted(files.items()))


def files_in_wav(data_dir: Path, how_to_get: str) -> dict[str, Path]:
    """All `data_dir/wav/*.wav` by name without the ending, sorted; raises UserError if there are none."""
    files = files_with(".wav", data_dir / "wav")
    if not files and any(data_dir.glob("*.wav")):
        raise UserError(f"{data_dir}: has the wav files in itself; give the folder that has them in its folder wav")
    if not files:
        raise UserError(f"{data_dir / 'wav'}: there are no wav files; {how_to_get}")
    return files


def file_problem(path: Path) -> tuple[str, str] | None:
    """What such files are counted as, and what keeps the one at `path` from being read, and what to do about it.

    None if nothing does.
    """
    if os.path.islink(path) and not os.path.exists(path):
        problem = f"{path} is a link to a file that is not there; replace or remove it"
    elif not os.path.exists(path):
        return "missing", f"{path} is missing; put it there or take it off the list"
    elif not os.path.isfile(path):
        problem = f"{path} is not a file; rename or remove it"
    elif not os.access(path, os.R_OK):
        problem = f"{path} cannot be read; change its permissions or remove it"
    else:
        return None
    return "no readable sound file", problem


def read_names(paths: Mapping[str, Path], read_name: Callable[[str, Path], Utterance], on_error: str) -> Found:
    """The utterances that the names of files tell, in their order.

    `paths` maps names without their ending to files. `read_name(name, path)` raises RecordingError where a name is
    wrong. With `on_error` "stop" all problems are raised together, with "skip" they are collected.
    """
    utterances, problems = [], []
    for name, path in paths.items():
        try:
            utterance = read_name(name, path)
            if wrong := file_problem(path):
                kind, problem = wrong
                raise RecordingError(name, problem, kind)
        except RecordingError as error:
            problems.append(error)
        else:
            utterances.append(utterance)
    if problems and on_error == "stop":
        raise together(problems)
    return Found(utterances, problems)
