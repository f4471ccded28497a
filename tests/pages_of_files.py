"""What the page of files says of those that only some runs write."""

import itertools
import re

from small_run import PROJECT_DIR


def columns_on_page(file: str) -> list[str]:
    """The columns or arrays of a file, in the order of their rows; the first of them names the file."""
    page = (PROJECT_DIR / "docs" / "files.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:3] for line in page.splitlines() if line.startswith("| ")]
    begun = itertools.dropwhile(lambda row: not row[0].startswith(f" `{file}`, ") and row[0] != f" `{file}` ", rows)
    own = [next(begun), *itertools.takewhile(lambda row: not row[0].strip(), begun)]
    return [name for _, cell in own for name in re.findall(r"`(\w+)`", cell)]
