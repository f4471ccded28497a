"""Rows of a list that a pair of quotation marks has taken into a cell of another one."""

from pathlib import Path

from convcam_jax.corpora.folders.file_index import FileIndex, matching
from convcam_jax.corpora.folders.table_text import Table, TableRow, row_with_others
from convcam_jax.corpora.sounds.sound_files import ENDINGS


def without_rows_inside(table: Table, data_dir: Path, index: FileIndex) -> Table:
    """The table, with rows that `has_row_inside` finds as bad ones."""
    bad = {row.line for row in table.rows if has_row_inside(row, table, data_dir, index)}
    return table._replace(
        rows=[row for row in table.rows if row.line not in bad],
        bad_rows=[*table.bad_rows, *map(row_with_others, sorted(bad))],
    )


def has_row_inside(row: TableRow, table: Table, data_dir: Path, index: FileIndex) -> bool:
    """Whether a line inside of a cell of the row, or the header, is another row.

    It is one if the name of a sound file with its ending stands in the place of the file, and it has as many cells as a
    row, or the file is there and listed nowhere. Where the table has names without endings, it is one of such a name,
    too, if it has as many cells, and the file is there and listed nowhere. Other texts may have lines.
    """
    if not row.lines_inside:
        return False
    place = table.columns.index("file")
    names = [own.cells["file"] for own in table.rows]
    may_lack_ending = not all(map(_has_ending, names))
    for line in row.lines_inside:
        name = line[place].strip() if place < len(line) else ""
        is_whole, has_ending = len(line) == len(table.columns), _has_ending(name)
        if not name or not (has_ending or (is_whole and may_lack_ending)):
            continue
        if has_ending and is_whole:
            return True
        files = matching(name, data_dir, index)
        if files and not any(set(files) & set(matching(own, data_dir, index)) for own in names):
            return True
    return False


def _has_ending(name: str) -> bool:
    return Path(name).suffix.lower() in ENDINGS
