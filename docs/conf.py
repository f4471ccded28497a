"""The pages as a site: python -m sphinx --fail-on-warning docs docs/_site.

Pages are written for a checkout, where links lead to files. Here a link to a file outside this folder leads to the page
that shows it, and a line <!-- the text of ../FILE --> is replaced by that file.
"""

import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from pygments.lexers.special import TextLexer

DOCS = Path(__file__).resolve().parent
CHECKOUT = DOCS.parent
sys.path.insert(0, str(CHECKOUT))
# Made anew, so that no module stays that is gone.
shutil.rmtree(DOCS / "api", ignore_errors=True)
# Of the notebooks' kernels.
os.environ["PYTHONPATH"] = os.pathsep.join([str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])])

project = author = "convcam_jax"
copyright = "convcam_jax authors"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
exclude_patterns = ["_site"]
templates_path = ["_templates"]

html_theme = "furo"
html_title = project

# In docstrings `name` is code, and a link where it is a name of this project.
default_role = "py:obj"
autodoc_mock_imports = ["keras", "pytorch_grad_cam", "tensorflow", "torch"]
autodoc_member_order = "bysource"
autosummary_ignore_module_all = False
napoleon_numpy_docstring = False
napoleon_use_ivar = True

myst_heading_anchors = 4
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 600

_TEXT_OF = re.compile(r"^<!-- the text of (\S+) -->$", re.MULTILINE)
_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)")
_PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changes.md"}


def _on_the_site(text: str, folder: Path) -> str:
    """A text with the links of a file in `folder` leading to pages of the site."""

    def page(match: re.Match[str]) -> str:
        path = (folder / match[1]).resolve().relative_to(CHECKOUT)
        if path.suffix == ".py":
            return "#" + ".".join(path.with_suffix("").parts).removesuffix(".__init__")
        return _PAGES.get(str(path)) or os.path.relpath(CHECKOUT / path, DOCS)

    return _LINK.sub(page, text)


def _read(app: Any, name: str, source: list[str]) -> None:
    if app.env.doc2path(name).suffix != ".md":
        return
    text = _on_the_site(source[0], DOCS)
    source[0] = _TEXT_OF.sub(
        lambda match: _on_the_site((DOCS / match[1]).read_text(encoding="utf-8"), (DOCS / match[1]).parent), text
    )


def _skip(app: Any, what: str, name: str, member: object, skip: bool, options: Any) -> bool | None:
    """Fields of NamedTuples stand in the signature; what Python says of each is no help."""
    return True if type(member).__name__ == "_tuplegetter" else None


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.add_lexer("csv", TextLexer)
    app.connect("source-read", _read)
    app.connect("autodoc-skip-member", _skip)
