"""Fixtures that find what is not part of the project: the Berlin corpus and the digitised published pictures."""

import os
from pathlib import Path

import jax
import pytest

PROJECT_DIR = Path(__file__).resolve().parent.parent


def _folder(variable: str, beside: str, what: str) -> Path:
    folder = Path(os.environ.get(variable) or PROJECT_DIR.parent / "shared" / beside)
    if not folder.is_dir():
        pytest.skip(f"needs {what}: set {variable} to its folder ({folder} does not exist)")
    return folder


@pytest.fixture(scope="session", autouse=True)
def compiled_programs(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Programs that several tests compile are compiled once."""
    jax.config.update("jax_compilation_cache_dir", str(tmp_path_factory.mktemp("xla")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


@pytest.fixture(scope="session")
def emodb_dir() -> Path:
    """Folder of the Berlin corpus, with `wav/` inside."""
    return _folder("CONVCAM_EMODB", "corpora/emodb", "the Berlin corpus EMO-DB")


@pytest.fixture(scope="session")
def reference_dir() -> Path:
    """Folder of the digitised published pictures."""
    return _folder("CONVCAM_REFERENCE", "reference", "the digitised published pictures")
