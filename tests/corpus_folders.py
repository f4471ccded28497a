"""Small made folders with the names of a corpus, for tests of how it is read."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from convcam_jax.corpora import CORPORA
from convcam_jax.corpora.utterances import Found
from convcam_jax.system.errors import RecordingError


def touch(folder: Path, files: Iterable[str]) -> list[Path]:
    """Empty files in a folder, by their paths in it."""
    paths = [folder / file for file in files]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return paths


def make_folder(folder: Path, files: list[str], table: str | bytes | None) -> Path:
    """A folder of empty files with a table of recordings, if there is one."""
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    if table is not None:
        (folder / "utterances.csv").write_bytes(table.encode() if isinstance(table, str) else table)
    return folder


def find(corpus: str, folder: Path, **fields: object) -> Found:
    """What a corpus finds in a folder, with fields of its config changed."""
    own = CORPORA[corpus]
    return own.find(own.config(data_dir=str(folder), **fields), folder / "no cache", 16000)


def check_wrong_name(corpus: str, folder: Path, wrong: str, right: str, message: str) -> None:
    """Of two recordings in a folder the one with the wrong name stops, or is left out."""
    with pytest.raises(RecordingError, match=rf"{message}; rename or remove") as caught:
        find(corpus, folder)
    assert caught.value.recording == wrong
    found = find(corpus, folder, on_error="skip")
    assert [u.recording for u in found.utterances] == [right]
    assert [p.recording for p in found.problems] == [wrong]
