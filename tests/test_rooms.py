"""The rooms of the house, see docs/architecture.md: which imports there may be, how large they are, what they say."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import pytest

PROJECT_DIR = Path(__file__).resolve().parent.parent
PACKAGE = "convcam_jax"
# The order of docs/architecture.md: an import points to a room further up or to its own.
ROOMS = (
    *("system", "corpora", "splits", "representations", "data", "kernels", "networks", "training", "attribution"),
    *("measures", "checks", "paper", "figures", "settings", "report", "benchmark", "stages"),
)
# Below all rooms: these may import any of them.
BELOW_THE_ROOMS = ("experiments", "run")
ORDER = (*ROOMS, *BELOW_THE_ROOMS)
# Worker processes load these, and are started quickly.
WITHOUT_JAX = ("system", "corpora", "splits", "representations")
SETS_UP_JAX = f"{PACKAGE}.system.jax_setup"
MOST_LINES_OF_A_FILE, MOST_LINES_OF_A_FUNCTION = 400, 50
FEWEST_WORDS = 5
# Networks that the benchmark has once more in PyTorch, which are named alike since they are alike.
OURS_AND_THEIRS = {"CRNN", "ResNetSmall", "SpectrogramTransformer"}
# Names that differ in no more than these are taken for one another.
ENDINGS = ("", "e", "s", "es", "ed", "ing", "is")


class Import(NamedTuple):
    """A line that imports something of this project."""

    file: Path
    line: int
    importer: str  # the room that it stands in
    imported: str  # the room that it points to


def sources(root: Path) -> list[Path]:
    """All files of the program."""
    return sorted([*(root / PACKAGE).rglob("*.py"), *(root / "experiments").glob("*.py"), *root.glob("run.py")])


def module_name(root: Path, file: Path) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str | None:
    """The room of a module of this project, None of another's, and of the package itself, which belongs to none."""
    first, *rest = module.split(".")
    if first == PACKAGE:
        return rest[0] if rest else None
    return first if first in BELOW_THE_ROOMS else None


def imports(root: Path) -> Iterator[Import]:
    """Imports of this project's modules, inside functions too."""
    for file in sources(root):
        importer = room_of(module_name(root, file))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            for module in imported_modules(node):
                imported = room_of(module)
                if importer and imported:
                    yield Import(file.relative_to(root), getattr(node, "lineno", 0), importer, imported)


def imported_modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are written with their whole name"
        # `from convcam_jax import data` imports a room, too.
        return [f"{node.module}.{alias.name}" for alias in node.names] if node.module else []
    return []


def downwards(root: Path) -> list[str]:
    """The imports that point to a room further down, in words."""
    found = [own for own in imports(root) if ORDER.index(own.imported) > ORDER.index(own.importer)]
    return list(dict.fromkeys(f"{own.file}:{own.line}: {own.importer} imports {own.imported}" for own in found))


def functions(file: Path) -> Iterator[tuple[str, int]]:
    """Functions of a file, with their lines."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def are_twins(one: str, other: str) -> bool:
    """Whether names are equal up to their endings, such as `metric` and `metrics`, `analyse` and `analysis`."""
    roots = ({name.removesuffix(ending) for ending in ENDINGS if name.endswith(ending)} for name in (one, other))
    return bool(set.intersection(*roots))


def test_every_folder_of_the_package_is_a_room():
    folders = {path.name for path in (PROJECT_DIR / PACKAGE).iterdir() if (path / "__init__.py").exists()}
    assert folders == set(ROOMS)
    assert {path.name for path in (PROJECT_DIR / PACKAGE).glob("*.py")} == {"__init__.py", "__main__.py"}


def test_the_document_names_the_rooms_in_the_same_order():
    text = (PROJECT_DIR / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert tuple(re.findall(r"^\| `(\w+)/` \|", text, re.MULTILINE)) == ROOMS


def test_no_import_points_down():
    assert len(list(imports(PROJECT_DIR))) > 300
    assert downwards(PROJECT_DIR) == []


def test_imports_that_point_down_are_found_wherever_they_stand(tmp_path):
    for name, text in {
        f"{PACKAGE}/data/good.py": f"from {PACKAGE}.data.other import x\nimport numpy\nimport {PACKAGE}.system.files\n",
        f"{PACKAGE}/data/bad.py": f"def f():\n    from {PACKAGE}.stages import run\n",
        f"{PACKAGE}/checks/deep/bad.py": f"from {PACKAGE} import report\n",
        "experiments/bad.py": "import run\n",
        "run.py": f"import experiments\nimport {PACKAGE}.benchmark.cases\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert sorted(downwards(tmp_path)) == [
        f"{PACKAGE}/checks/deep/bad.py:1: checks imports report",
        f"{PACKAGE}/data/bad.py:2: data imports stages",
        "experiments/bad.py:1: experiments imports run",
    ]


IMPORT_ALL = """
import importlib
import sys

for name in sys.argv[1:]:
    importlib.import_module(name)
print(*sorted({module.partition(".")[0] for module in sys.modules} & {"jax", "flax", "optax"}))
"""


def imported_with(modules: list[str]) -> list[str]:
    line = [sys.executable, "-c", IMPORT_ALL, *modules]
    result = subprocess.run(line, cwd=PROJECT_DIR, capture_output=True, text=True, check=True)
    return result.stdout.split()


@pytest.mark.parametrize("room", WITHOUT_JAX)
def test_what_worker_processes_load_does_without_jax(room):
    files = (PROJECT_DIR / PACKAGE / room).rglob("*.py")
    modules = {module_name(PROJECT_DIR, file) for file in files} - {SETS_UP_JAX}
    assert imported_with(sorted(modules)) == []


def test_stages_whose_parts_worker_processes_do_are_without_jax():
    assert (
        imported_with(
            [f"{PACKAGE}.stages.{name}" for name in ("checks.listening_sounds", "without_labels.new_recording_files")]
        )
        == []
    )


def test_an_import_of_jax_would_be_found():
    assert imported_with([SETS_UP_JAX]) == ["jax"]


@pytest.mark.parametrize(
    "file", [path.relative_to(PROJECT_DIR) for path in sorted((PROJECT_DIR / PACKAGE).rglob("__init__.py"))], ids=str
)
def test_every_room_says_what_is_in_it(file):
    described = ast.get_docstring(ast.parse((PROJECT_DIR / file).read_text(encoding="utf-8"))) or ""
    assert len(described.split()) >= FEWEST_WORDS


def test_no_room_has_two_modules_whose_names_are_taken_for_one_another():
    twins = []
    for room in ROOMS:
        modules = sorted({path.stem for path in (PROJECT_DIR / PACKAGE / room).rglob("*.py")} - {"__init__"})
        twins += [f"{room}: {one}, {other}" for one, other in combinations(modules, 2) if are_twins(one, other)]
    assert twins == []


@pytest.mark.parametrize(
    ("one", "other", "twins"),
    [
        ("metric", "metrics", True),
        ("analyse", "analysis", True),
        ("explained", "explaining", True),
        ("mask", "maps", False),
        ("control_verdicts", "controls", False),
    ],
)
def test_twins_are_names_that_differ_in_their_endings(one, other, twins):
    assert are_twins(one, other) is twins


def test_no_public_class_stands_in_two_modules_but_the_networks_of_other_programs():
    modules_of: dict[str, list[Path]] = {}
    for file in sources(PROJECT_DIR):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                modules_of.setdefault(node.name, []).append(file)
    assert {name for name, files in modules_of.items() if len(files) > 1} == OURS_AND_THEIRS


def test_no_file_and_no_function_is_long():
    files = [file for file in sources(PROJECT_DIR) if len(file.read_text().splitlines()) > MOST_LINES_OF_A_FILE]
    assert files == []
    long = [
        f"{file.relative_to(PROJECT_DIR)}: {name}, {n_lines} lines"
        for file in sources(PROJECT_DIR)
        for name, n_lines in functions(file)
        if n_lines > MOST_LINES_OF_A_FUNCTION
    ]
    assert long == []


def test_lines_of_a_function_are_those_from_its_name_to_its_end(tmp_path):
    file = tmp_path / "own.py"
    file.write_text("def f():\n    def g():\n        return 1\n\n    return g\n")
    assert sorted(functions(file)) == [("f", 5), ("g", 2)]
