"""The pages of docs/ as a site, with the notebooks executed, and what is kept of notebooks."""

import json
import re
import subprocess
import sys

import pytest
from small_run import PROJECT_DIR, environment

DOCS = PROJECT_DIR / "docs"
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))
# A link to a file: [words](path#heading).
LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_kept_without_outputs(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) >= 5
    assert [cell for cell in code if cell["outputs"] or cell["execution_count"] is not None] == []


@pytest.mark.parametrize("path", sorted([*PROJECT_DIR.glob("*.md"), *DOCS.glob("*.md")]), ids=lambda path: path.name)
def test_links_of_pages_lead_to_files_of_the_checkout(path):
    links = LINK.findall(path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_every_page_and_notebook_is_in_the_index():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    pages = [path.relative_to(DOCS).with_suffix("").as_posix() for path in (*DOCS.glob("*.md"), *NOTEBOOKS)]
    assert len(NOTEBOOKS) >= 3
    assert {page for page in pages if not re.search(rf"^{page}$", index, re.MULTILINE)} == {"index"}


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_its_notebooks_run(tmp_path):
    line = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--quiet", "-d", str(tmp_path / "doctrees")]
    own = {**environment(), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    result = subprocess.run(
        [*line, "docs", str(tmp_path / "site")], cwd=PROJECT_DIR, env=own, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr[-4000:]
    site = tmp_path / "site"
    for path in NOTEBOOKS:
        page = (site / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8")
        assert "<table" in page, path.stem
        assert "_images/" in page, path.stem
    assert "score_gradient" in (site / "api" / "convcam_jax.attribution.score.html").read_text(encoding="utf-8")
    # In the checkout this link leads to docs/architecture.md.
    contributing = (site / "contributing.html").read_text(encoding="utf-8")
    assert re.search(r'href="architecture.html"[^>]*>(<[^>]+>)*The map of the house', contributing)
