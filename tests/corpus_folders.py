"""Small made folders with the names of a corpus, for tests of how it is read."""

from collections.abc import Iterable
from pathlib import Path

from convcam_jax.corpora import CORPORA
from convcam_jax.corpora.utterances import Found


def touch(folder: Path, files: Iterable[str]) -> list[Path]:
    """Empty files in a folder, by their paths in it."""
    paths = [folder / file for file in files]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return paths


def find(corpus: str, folder: Path, **fields: object) -> Found:
    """What a corpus finds in a folder, with fields of its config changed."""
    own = CORPORA[corpus]
    return own.find(own.config(data_dir=str(folder), **fields), folder / "no cache", 16000)
