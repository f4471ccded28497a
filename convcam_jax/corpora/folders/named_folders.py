"""Folders of a corpus that are known by their names, wherever an archive was unpacked."""

import filecmp
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from convcam_jax.corpora.folders.wav_files import files_with, read_names
from convcam_jax.corpora.utterances import Found, Utterance
from convcam_jax.system.errors import RecordingError, UserError

# Folders are looked for in the folder given and so many levels of folders below it.
_LEVELS_BELOW = 2


def folders_named(data_dir: Path, name: re.Pattern[str], what: str) -> list[Path]:
    """Folders in `data_dir`, and up to two folders deeper, whose whole names match, sorted by path.

    Raises UserError if there are none and `data_dir` is itself such a folder, of `what` (one actor).
    """
    patterns = ["*/" * level + "*" for level in range(_LEVELS_BELOW + 1)]
    paths = (path for pattern in patterns for path in data_dir.glob(pattern))
    found = {path for path in paths if name.fullmatch(path.name) and path.is_dir()}
    if not found and name.fullmatch(data_dir.resolve().name):
        raise UserError(f"{data_dir}: is the folder of {what}; give the folder that it lies in")
    return sorted(found)


def files_of_each_name(folders: Iterable[Path], ending: str) -> dict[str, list[Path]]:
    """Files with an ending by their names without it, sorted by name; those of one name by their paths."""
    found: dict[str, list[Path]] = {}
    for folder in folders:
        for name, path in files_with(ending, folder).items():
            found.setdefault(name, []).append(path)
    return dict(sorted(found.items()))


def read_once(files: Mapping[str, Sequence[Path]], read_name: Callable[[str, Path], Utterance], on_error: str) -> Found:
    """The utterances that names tell, see `read_names`, of the first file of each; of the others all are copies of it.

    Archives hold a corpus twice, one copy in the other. Files of one name that are no copies are a problem, as nobody
    knows which is meant.
    """

    def read(name: str, first: Path) -> Utterance:
        for other in files[name][1:]:
            if not _is_copy(first, other):
                problem = f"{first} and {other} have one name and not the same content; remove or rename one"
                raise RecordingError(name, problem, "of which there are different files")
        return read_name(name, first)

    return read_names({name: own[0] for name, own in files.items()}, read, on_error)


def _is_copy(first: Path, other: Path) -> bool:
    try:
        return filecmp.cmp(first, other, shallow=False)
    except OSError:
        # What cannot be read is not known to be one.
        return False
