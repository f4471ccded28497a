"""Rows of a list that a pair of quotation marks has taken into a cell of another one."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from convcam_jax.corpora.folders.file_index import FileIndex, matching
from convcam_jax.corpora.folders.table_text import Table
from convcam_jax.corpora.sounds.sound_files import ENDINGS


def lines_with_rows_inside(table: Table, data_dir: Path, index: FileIndex) -> list[int]:
    """The rows, or the header, by their lines, of which a line inside of a cell is another row.

    It is one if the name of a sound file with its ending stands in the place of the file, and it has as many cells as a
    row; or the file is there and listed nowhere, and it tells an emotion that other rows have, and a speaker. Where the
    table has names without endings, it is one of such a name, too, if it has as many cells, and the file is there, and
    listed nowhere or the speaker and the emotion are those of other rows. Other texts may have lines, also of files.
    """
    suspects = [row for row in (table.header, *table.rows) if row.lines_inside]
    if not suspects:
        return []
    words = {column: {row.cells[column] for row in table.rows} for column in ("file", "speaker", "emotion")}
    listed = {path for name in words["file"] for path in matching(name, data_dir, index)}
    are_names_without_ending = not all(map(_has_ending, words["file"]))

    def is_row(line: Sequence[str]) -> bool:
        cells = dict(zip(table.columns, map(str.strip, line), strict=False))
        name, is_whole = cells.get("file", ""), len(line) == len(table.columns)
        files = matching(name, data_dir, index) if name else []
        is_new = bool(files) and listed.isdisjoint(files)
        if _has_ending(name):
            return is_whole or (is_new and _seems_labelled(cells, line, words))
        return is_whole and are_names_without_ending and bool(files) and (is_new or _is_labelled(cells, words))

    return [row.line for row in suspects if any(map(is_row, row.lines_inside))]


def _is_labelled(cells: Mapping[str, str], words: Mapping[str, set[str]]) -> bool:
    return all(cells[column] and cells[column] in words[column] for column in ("speaker", "emotion"))


def _seems_labelled(cells: Mapping[str, str], line: Sequence[str], words: Mapping[str, set[str]]) -> bool:
    """Whether too many or too few cells have a speaker and an emotion of the table, or a new speaker in its place."""
    found = set(map(str.strip, line)) - {""}
    if not words["speaker"].isdisjoint(found) and not words["emotion"].isdisjoint(found):
        return True
    return bool(cells.get("speaker") and cells.get("emotion") and cells["emotion"] in words["emotion"])


def _has_ending(name: str) -> bool:
    return Path(name).suffix.lower() in ENDINGS
