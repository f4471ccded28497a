"""The package as it is installed: what is in it, how quickly it is imported, and the command on every Python."""

import ast
import os
import re
import shutil
import subprocess
import sys
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
import uv
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from small_run import PROJECT_DIR, QUICK, SMALL_CORPUS, SMALL_NETWORK, as_for_users, table

import convcam_jax

PACKAGE = "convcam_jax"
MOST_SECONDS_OF_IMPORT = 1.0
PYTHONS = ("3.11", "3.12", "3.13")
# What lies beside the package in a checkout, and inside of it in a wheel.
PROGRAM = (PROJECT_DIR / "run.py", *sorted((PROJECT_DIR / "experiments").glob("*.py")))
EXTRAS = {
    "audformat": ("requirements-audformat.txt",),
    "bench": ("requirements-bench.txt",),
    "dev": ("requirements-dev.txt", "requirements-docs.txt", "requirements-audformat.txt"),
    "docs": ("requirements-docs.txt",),
    "peers": ("requirements-peers.txt", "requirements-bench.txt"),
}
TINY = ("--seeds=1", *SMALL_NETWORK, *QUICK, *SMALL_CORPUS, "--set=sanity.seeds=0", "--set=faithfulness.seeds=0")


def outcome(line: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess:
    """A command in a folder, without this project's paths."""
    own = {name: value for name, value in as_for_users().items() if name != "PYTHONPATH"}
    own |= {"JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    return subprocess.run(line, cwd=folder, env={**own, **variables}, capture_output=True, text=True)


def answer(line: list[str], folder: Path, **variables: str) -> str:
    """What a command that must succeed says."""
    result = outcome(line, folder, **variables)
    assert result.returncode == 0, result.stderr[-4000:]
    return result.stdout


def interpreter(version: str) -> str | None:
    """The interpreter of a version of Python that is installed here, if there is one."""
    own = {**os.environ}
    if shutil.which("pyenv"):
        # Its shims start only versions that are asked for.
        versions = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True).stdout.split()
        own["PYENV_VERSION"] = ":".join(v for v in versions if v.startswith(f"{version}."))
    for name in (f"python{version}", "python3"):
        say = [name, "-c", "import sys; print(sys.executable, '%d.%d' % sys.version_info[:2])"]
        result = subprocess.run(say, env=own, capture_output=True, text=True) if shutil.which(name) else None
        if result and result.returncode == 0 and result.stdout.split()[-1] == version:
            return result.stdout.rsplit(maxsplit=1)[0]
    return None


def requirements(*names: str) -> set[str]:
    """Requirements in files of the checkout, without those of the files that they name."""
    lines = [line for name in names for line in (PROJECT_DIR / name).read_text(encoding="utf-8").splitlines()]
    return {same(Requirement(line)) for line in lines if line and not line.startswith(("#", "-"))}


def same(requirement: Requirement) -> str:
    """A requirement in one spelling, without the marker of its extra."""
    marker = re.sub(r"( and )?extra == .*", "", str(requirement.marker or "")).replace("'", '"')
    return f"{requirement.name.replace('_', '-')}{SpecifierSet(str(requirement.specifier))};{marker}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    answer([uv.find_uv_bin(), "build", "--quiet", "--wheel", f"--out-dir={folder}", str(PROJECT_DIR)], folder)
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def metadata(wheel) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())


def test_the_package_is_imported_quickly_and_without_jax(tmp_path):
    code = f"import sys, {PACKAGE}; sys.exit('jax' in sys.modules or 'numpy' in sys.modules)"
    result = outcome([sys.executable, "-X", "importtime", "-c", code], tmp_path, PYTHONPATH=str(PROJECT_DIR))
    assert result.returncode == 0
    [line] = [line for line in result.stderr.splitlines() if line.split("|")[-1].strip() == PACKAGE]
    assert int(line.split("|")[1]) / 1e6 < MOST_SECONDS_OF_IMPORT


def test_the_page_of_the_reference_has_all_public_names():
    page = (PROJECT_DIR / "docs" / "reference.md").read_text(encoding="utf-8")
    first_cells = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`(\w+)`", " ".join(first_cells))) == sorted(convcam_jax.__all__)


def test_public_names_are_few_explained_and_loaded_when_used():
    text = (PROJECT_DIR / PACKAGE / "__init__.py").read_text(encoding="utf-8")
    explained = set(re.findall(r"`(\w+)`", ast.get_docstring(ast.parse(text)) or ""))
    assert explained == set(convcam_jax.__all__) <= set(dir(convcam_jax))
    assert len(convcam_jax.__all__) <= 25
    assert all(getattr(convcam_jax, name) is not None for name in convcam_jax.__all__)


def test_a_name_that_is_not_public_is_refused():
    with pytest.raises(AttributeError, match="gradcam"):
        _ = convcam_jax.gradcam


def test_the_version_is_the_same_wherever_it_stands():
    citation = (PROJECT_DIR / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.+)$", citation, re.MULTILINE) == [convcam_jax.__version__]
    changes = (PROJECT_DIR / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{convcam_jax.__version__}]" in changes


@pytest.mark.slow
def test_the_wheel_has_all_files_of_the_package_and_the_program(wheel):
    with zipfile.ZipFile(wheel) as archive:
        found = {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}
    paths = [path for path in (PROJECT_DIR / PACKAGE).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    expected = {str(path.relative_to(PROJECT_DIR)): path.read_bytes() for path in paths}
    program = {f"{PACKAGE}/_program/{path.relative_to(PROJECT_DIR)}": path.read_bytes() for path in PROGRAM}
    assert found == expected | program
    assert {Path(name).suffix for name in expected} >= {".py", ".pyi", ".typed", ".css", ".js", ".html", ".csv"}


@pytest.mark.slow
def test_the_wheel_asks_for_what_the_requirements_files_name(metadata):
    asked = [Requirement(text) for text in metadata.get_all("Requires-Dist")]
    assert {same(one) for one in asked if "extra" not in str(one.marker)} == requirements("requirements.txt")
    assert set(metadata.get_all("Provides-Extra")) == set(EXTRAS)
    for extra, files in EXTRAS.items():
        own = {same(one) for one in asked if re.search(rf"extra == ['\"]{extra}['\"]", str(one.marker))}
        assert own == requirements(*files)
    assert metadata["Version"] == convcam_jax.__version__
    assert metadata["License-Expression"] == "MIT"


@pytest.mark.slow
@pytest.mark.parametrize("version", PYTHONS)
def test_the_command_works_from_an_empty_folder(version, wheel, tmp_path, run_cache_dir):
    python = interpreter(version)
    if python is None:
        pytest.skip(f"Python {version} is not installed")
    installed, folder = tmp_path / "environment", tmp_path / "empty"
    folder.mkdir()
    answer([uv.find_uv_bin(), "venv", "--quiet", f"--python={python}", str(installed)], tmp_path)
    own = installed / "bin" / "python"
    answer([uv.find_uv_bin(), "pip", "install", "--quiet", f"--python={own}", str(wheel)], tmp_path)
    answer([uv.find_uv_bin(), "pip", "check", f"--python={own}"], tmp_path)

    shown = outcome([str(installed / "bin" / "convcam"), "--help"], folder).stdout
    assert "--experiment" in shown
    assert "analyse_maps" in shown
    assert outcome([str(own), "-m", PACKAGE, "--help"], folder).stdout == shown
    # Names that others may use are left to them.
    there = "from importlib.util import find_spec; print(find_spec('run'), find_spec('experiments'))"
    assert answer([str(own), "-c", there], folder) == "None None\n"

    line = [str(installed / "bin" / "convcam"), *TINY, "--workdir=run", f"--cache_dir={run_cache_dir}"]
    assert answer(line, folder) == "The results are in run\n"
    assert {path.name for path in folder.iterdir()} == {"run"}
    assert len(table(folder / "run", "metrics.csv")) > 0
    assert "<style>" in (folder / "run" / "report.html").read_text(encoding="utf-8")
