"""Fixtures that find what is not part of the project: corpora and the digitised published pictures."""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jax
import pytest
from jaxtyping import install_import_hook

# Before any other import of the package: all its functions check the types and shapes that they are given.
install_import_hook("convcam_jax", "shape_checks.check")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that starts the tests in the background has it ignored, which the programs that are stopped would inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)

PROJECT_DIR = Path(__file__).resolve().parent.parent

# What several tests need is made once, by whichever worker comes first: the process that starts the workers makes the
# folder, which they find in their environment, and removes it. Several test runs share one that is there before them.
_CACHE = "CONVCAM_TEST_CACHE"
if not os.environ.get(_CACHE):
    _OWN_CACHE = tempfile.TemporaryDirectory(prefix="convcam_tests_")
    os.environ[_CACHE] = _OWN_CACHE.name
# JAX looks at these settings when it compiles the first program, which may be when a test file is imported: a fixture
# would be too late.
jax.config.update("jax_compilation_cache_dir", str(Path(os.environ[_CACHE]) / "xla"))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
# Compiling takes longer than running here: the compiler optimises little. Fusion emitters, which cost most of the rest,
# can be switched off in JAX 0.10 alone. Each program is compiled in one piece, as the workers have all cores at work.
# With `XLA_FLAGS=` before the line the programs are those of users.
_QUICK = ["--xla_backend_optimization_level=0"]
if jax.__version_info__ < (0, 11):
    _QUICK += ["--xla_cpu_use_fusion_emitters=false", "--xla_cpu_parallel_codegen_split_count=1"]
os.environ.setdefault("XLA_FLAGS", " ".join(_QUICK))
jax.config.update("jax_numpy_rank_promotion", "raise")
# As the program does.
jax.config.update("jax_default_matmul_precision", "highest")
# Several processes test on one GPU.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")


def _folder(variable: str, beside: str, what: str) -> Path:
    folder = Path(os.environ.get(variable) or PROJECT_DIR.parent / "shared" / beside)
    if not folder.is_dir():
        pytest.skip(f"needs {what}: set {variable} to its folder ({folder} does not exist)")
    return folder


@pytest.fixture
def strict_promotion() -> Iterator[None]:
    """As in notebooks that allow no implicit change of a type; for functions that are imported there."""
    with jax.numpy_dtype_promotion("strict"):
        yield


@pytest.fixture(scope="session")
def emodb_dir() -> Path:
    """Folder of the Berlin corpus, with `wav/` inside."""
    return _folder("CONVCAM_EMODB", "corpora/emodb", "the Berlin corpus EMO-DB")


@pytest.fixture(scope="session")
def ravdess_dir() -> Path:
    """Folder of RAVDESS or a part of it, with the actors' folders inside."""
    return _folder("CONVCAM_RAVDESS", "corpora/ravdess", "the corpus RAVDESS")


@pytest.fixture(scope="session")
def tess_dir() -> Path:
    """Folder of TESS or a part of it, with a folder for each speaker and emotion inside."""
    return _folder("CONVCAM_TESS", "corpora/tess", "the corpus TESS")


@pytest.fixture(scope="session")
def run_cache_dir() -> Path:
    """The cache of runs of the program, so that features and compiled programs are made once for several files."""
    return Path(os.environ[_CACHE]) / "runs"


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of one test file, empty at first, so that its recordings are made and transformed once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def reference_dir() -> Path:
    """Folder of the digitised published pictures."""
    return _folder("CONVCAM_REFERENCE", "reference", "the digitised published pictures")
