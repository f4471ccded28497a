"""The sound files of a folder, found by what a table calls them."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from convcam_jax.corpora.sounds.sound_files import ENDINGS, UNREAD_ENDINGS
from convcam_jax.corpora.utterances import Source, part_name, told_apart
from convcam_jax.system.errors import UserError
from convcam_jax.system.text import as_seen, one_form

_FIRST_FOLDER = "wav"
# At the root of a disk of Linux, for the system's repairs; nobody else may read it.
_OF_THE_SYSTEM = "lost+found"
# Files that folders of a run, of explained recordings and of a benchmark have: sounds below are the program's own.
_OF_THE_PROGRAM = ({"config.json", "stages.json"}, {"answers.csv", "maps.npz"}, {"checksums.json", "truth.npz"})

# Sound files by every end of their paths, with and without their ending (with it alone, where none can read them), in
# one form of Unicode, small letters, and what is seen of them.
FileIndex = Mapping[str, Sequence[Path]]


def sound_files(folder: Path) -> list[Path]:
    """All files below a folder that have an ending of sound files, sorted; those that begin with a dot are not.

    What cannot be read is among them, and is told with its reason. Folders below that are the program's own are passed
    over. Raises UserError where a folder below cannot be read.
    """
    found: list[Path] = []
    seen: set[str] = set()
    for here, folders, files in os.walk(folder, onerror=_refuse_unread, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".") and name != _OF_THE_SYSTEM]
        # Folders come before links to them that lie beside them, in whatever order the disk has them.
        folders.sort(key=lambda name: (os.path.islink(os.path.join(here, name)), name))
        is_own = bool(seen) and any(marks.issubset(files) for marks in _OF_THE_PROGRAM)
        # A link to a folder further up would lead round for ever.
        if (real := os.path.realpath(here)) in seen or is_own:
            folders.clear()
            continue
        seen.add(real)
        names = [name for name in (*files, *folders) if not name.startswith(".")]
        found += [Path(here) / name for name in names if Path(name).suffix.lower() in (*ENDINGS, *UNREAD_ENDINGS)]
    return sorted(found)


def _refuse_unread(error: OSError) -> None:
    raise UserError(
        f"{error.filename}: cannot be read ({error.strerror}); change its permissions or give a folder without it"
    ) from error


def index_files(folder: Path, paths: Iterable[Path]) -> FileIndex:
    """The index of files below `folder`."""
    index: dict[str, list[Path]] = {}
    for path in paths:
        is_read = path.suffix.lower() not in UNREAD_ENDINGS
        parts = path.relative_to(folder).parts
        for first in range(len(parts)):
            end = PurePosixPath(*parts[first:])
            for name in (end, end.with_suffix("")) if is_read else (end,):
                index.setdefault(_folded(str(name)), []).append(path)
    return index


def _folded(name: str) -> str:
    # Cells of a table have no spaces around them, and names of files may. A line break tells of rows inside a cell.
    return one_form("\n".join(map(as_seen, name.splitlines()))).strip().casefold()


def _composed(path: str) -> str:
    """A path as its parts, without those that stay where they are, in one form of Unicode."""
    return one_form(str(PurePosixPath(os.path.normpath(path.replace("\\", "/")))))


def _as_listed(path: Path, index: FileIndex) -> Path:
    """A file of the folder as its listing has it, by whatever way a table leads to it; one elsewhere as it is."""
    real = os.path.realpath(path)
    ways = (path, Path(real))
    return next((own for way in ways for own in _beside(way, index) if os.path.realpath(own) == real), path)


def _beside(path: Path, index: FileIndex) -> list[Path]:
    """The files in the folder of a path that are called as its last part, with or without their ending."""
    folder = os.path.realpath(path.parent)
    parts = (*Path(folder).parts, path.name) if os.path.isdir(folder) else ()
    # Many folders may have files of one name: the longest end of the path fits the fewest.
    for first in range(len(parts)):
        called_so = index.get(_folded(str(PurePosixPath(*parts[first:]))), ())
        if found := [own for own in called_so if os.path.realpath(own.parent) == folder]:
            return found
    return []


def _at(path: Path, index: FileIndex) -> list[Path]:
    """The file at an absolute path, or else all sound files there that are called so but for their ending."""
    if os.path.isfile(path):
        return [_as_listed(path, index)]
    called_so = _beside(path, index)
    found = [own for own in called_so if one_form(path.name) in (one_form(own.name), one_form(own.stem))] or called_so
    # Outside of the folder that has the index.
    found = found or [own for ending in ENDINGS if os.path.isfile(own := Path(f"{path}{ending}"))]
    return found or ([path] if os.path.exists(path) else [])


def matching(name: str, folder: Path, index: FileIndex) -> list[Path]:
    """The file that a table means by `name`: one, none, or several of which the name does not say which.

    An absolute path, or one below `folder`, with or without its ending; else the end of a path, whose letters may be
    small or capital. Of several, one in the folder itself comes first, then one in `wav/`, then one with equal letters,
    then one that differs in capital letters alone.
    """
    if os.path.isabs(name):
        return _at(Path(name), index)
    # A backslash divides folders only where no file is called so.
    wanted = next((own for own in (one_form(name), _composed(name)) if _folded(own) in index), _composed(name))
    found = list(index.get(_folded(wanted), ()))
    for exact in (wanted, f"{_FIRST_FOLDER}/{wanted}"):
        exactly = [path for path in found if exact in _names(path.relative_to(folder))]
        if exactly:
            return exactly
    for form in (str, str.casefold):
        if alike := [path for path in found if any(form(end).endswith(form(wanted)) for end in _names(path))]:
            return alike
    # What is not listed so: of another ending, outside of the folder, or by a link to one of its folders.
    return found or [own for own in _at(folder / name, index) if os.path.isfile(own)]


def _names(path: Path) -> tuple[str, str]:
    return one_form(str(path)), one_form(str(path.with_suffix("")))


def recording_names(sources: Sequence[Source], folder: Path = Path("/")) -> list[str]:
    """A name for each file or part of one, another for each, and as short as can be.

    That of the file without its ending, which stands behind it where files of one folder differ in it alone; where
    files of different folders have the same, those of the folders that they lie in stand before it, up to `folder` for
    what lies below that, and where paths differ only in their Unicode form or in bytes that are no text, a number
    behind it. A channel has its number behind, from 1 on, where others of the file are there, a part its start and end,
    and a number where another is called so.
    """
    as_text = {source.path: _as_text(_within(source.path, folder)) for source in sources}
    different = set(as_text.values())
    counts = Counter(path.with_suffix("") for path in different)
    endings = {path: path.suffix if counts[path.with_suffix("")] > 1 else "" for path in different}
    names = {path: _short_name(path, 1) + ending for path, ending in endings.items()}
    for depth in range(2, max((len(path.parts) for path in different), default=0) + 1):
        for path in _with_equal_names(names):
            names[path] = _short_name(path, depth) + endings[path]
    n_channels = Counter(path for path, _ in {(source.path, source.channel) for source in sources})
    of_part = {source: _part_of(names[as_text[source.path]], source, n_channels[source.path] > 1) for source in sources}
    apart = dict(zip(of_part, told_apart(list(of_part.values())), strict=True))
    return [apart[source] for source in sources]


def _part_of(name: str, source: Source, has_channels: bool) -> str:
    if has_channels and source.channel is not None:
        name = f"{name}_channel{source.channel + 1}"
    return part_name(name, source.start_s, source.end_s) if source.is_part else name


def _within(path: Path, folder: Path) -> Path:
    """A path from a folder on, if it leads through that."""
    whole, root = path.absolute(), folder.absolute()
    return whole.relative_to(root) if whole.is_relative_to(root) else path


def _as_text(path: Path) -> Path:
    # A file may be called by any bytes, and a recording's name stands in tables.
    return Path(os.fsencode(one_form(str(path))).decode(errors="replace"))


def _short_name(path: Path, depth: int) -> str:
    parts = path.with_suffix("").parts
    return "_".join(parts[bool(path.anchor) :][-depth:])


def _with_equal_names(names: Mapping[Path, str]) -> list[Path]:
    counts = Counter(names.values())
    return [path for path, name in names.items() if counts[name] > 1]
