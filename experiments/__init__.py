"""One file per experiment; `python run.py --experiment=NAME` calls the function `run` of the module NAME."""

import ast
from pathlib import Path


def descriptions() -> dict[str, str]:
    """The experiments by name, each with the first line of its docstring; nothing is imported."""
    files = sorted(path for path in Path(__file__).parent.glob("*.py") if path.stem != "__init__")
    docstrings = {path.stem: ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "" for path in files}
    return {name: text.partition("\n")[0] for name, text in docstrings.items()}
