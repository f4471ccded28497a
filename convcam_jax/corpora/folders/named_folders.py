"""Folders of a corpus that are known by their names, wherever an archive was unpacked."""

import re
from collections.abc import Iterable
from pathlib import Path

from convcam_jax.corpora.folders.wav_files import files_with
from convcam_jax.system.errors import UserError

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


def first_of_each_name(folders: Iterable[Path], ending: str) -> dict[str, Path]:
    """Files with an ending by their names without it, sorted by name; of one name the first by its path.

    Archives that hold a corpus twice, one copy in the other, are so read once.
    """
    first: dict[str, Path] = {}
    for folder in folders:
        for name, path in files_with(ending, folder).items():
            first.setdefault(name, path)
    return dict(sorted(first.items()))
