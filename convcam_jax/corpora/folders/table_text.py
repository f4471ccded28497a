"""Tables as people write them: text with one row a line, whatever parts the cells and in whatever it is encoded."""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from convcam_jax.system.errors import UserError, named
from convcam_jax.system.progress import counted
from convcam_jax.system.text import one_form, without_hidden

_DELIMITERS = (",", ";", "\t", "|")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# How files of spreadsheets begin that are no text: .xlsx and .ods, .xls.
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
LINE_BREAK = re.compile(r"\r\n|\r|\n")
COMMENT = "#"

# What is said of a row that has taken others in.
ROW_INSIDE = "has other rows inside of a cell (is a quotation mark out of place?); mend it"


class TableRow(NamedTuple):
    """A row of a table: the number of its last line, its cells, stripped, by column, and see `_lines_inside`."""

    line: int
    cells: dict[str, str]
    lines_inside: Sequence[list[str]] = ()


class BadRow(NamedTuple):
    """A row that has no cell for every column, or too many: `kind` is what such rows are counted as."""

    line: int
    kind: str
    problem: str


class Table(NamedTuple):
    """A table: its columns, see `column_name`; rows without the empty ones; and what the user should know of it.

    A row whose first cell begins with # may be a comment that has as many cells by chance, or a row taken out by hand.
    """

    columns: tuple[str, ...]
    rows: list[TableRow]
    bad_rows: list[BadRow]
    remarks: list[str]
    n_comments: int  # lines that can be nothing else
    comment_above: int  # number of the last one above the header, 0 if there is none
    header: TableRow


def column_name(cell: str) -> str:
    """The name of a column without what people vary and what is not seen: " Speaker ID" is "speaker_id"."""
    return re.sub(r"[\s_-]+", "_", one_form(without_hidden(cell).casefold()))


def parse_table(content: bytes, is_known: Callable[[str], bool]) -> Table:
    """The table in a file's `content`: separated by comma, semicolon, tab or bar; UTF-8, UTF-16 or Windows-1252.

    Which it is, is recognised, the separator by how many names of columns that are known it gives. A line `sep=;` is
    recognised above the header. Lines that begin with # are comments there, and below it those that have another number
    of cells than the header, or nothing in any but the first.

    Raises UserError if it is no text, has no header, two columns of a name, or a quotation mark out of place.
    """
    text, remarks = _decoded(content)
    lines = list(io.StringIO(text, newline=""))
    header_index, separator = _find_header(lines)
    if header_index == len(lines):
        raise UserError("is empty; its first line has to name the columns")
    delimiter = separator or _delimiter(lines[header_index], is_known)
    header, *rows = _read(lines[header_index:], delimiter, header_index)
    columns = _columns(header[1], header_index + 1)
    header_row = TableRow(header[0], dict(zip(columns, columns, strict=True)), _lines_inside(header[1], delimiter))
    comments = [number for number, line in enumerate(lines[:header_index], start=1) if _is_comment(line)]
    table = Table(columns, [], [], remarks, len(comments), max(comments, default=0), header_row)
    stripped = [[cell.strip() for cell in row] for _, row in rows]
    if remark := _on_empty_behind([(line, own) for (line, _), own in zip(rows, stripped, strict=True)], len(columns)):
        remarks.append(remark)
    for (line, written), whole in zip(rows, stripped, strict=True):
        cells = whole[: len(whole) - _n_empty_behind(whole, len(columns))]
        if any(cells) and cells[0].startswith(COMMENT) and (len(cells) != len(columns) or not any(cells[1:])):
            table = table._replace(n_comments=table.n_comments + 1)
        elif any(cells):
            _add_row(table, line, cells, _lines_inside(written, delimiter))
    return table


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(COMMENT)


def _decoded(content: bytes) -> tuple[str, list[str]]:
    if content.startswith(_SPREADSHEETS):
        raise UserError("is a spreadsheet, not text; save it as CSV")
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    remarks: list[str] = []
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise UserError(f"is no text in {encoding} ({error.reason}); save it as UTF-8") from error
        text, remarks = _as_windows_1252(content)
    if "\0" in text:
        raise UserError("has bytes that are no text (0); save it as text in UTF-8")
    return text, remarks


def _as_windows_1252(content: bytes) -> tuple[str, list[str]]:
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError as error:
        raise UserError("is text neither in UTF-8 nor in Latin-1; save it as UTF-8") from error
    examples = list(dict.fromkeys(re.findall(r"\w*[^\x00-\x7f]\w*", text)))
    return text, [f"it is not in UTF-8 and was read as Latin-1 (Windows-1252): {named(examples)}"]


def _find_header(lines: Sequence[str]) -> tuple[int, str]:
    """The index of the header, behind empty lines, comments and `sep=`; and what that names, "" if there is none."""
    separator = ""
    for index, line in enumerate(lines):
        if found := _SEPARATOR_LINE.fullmatch(line):
            separator = found[1]
        elif line.strip(" \t\r\n,;|") and not _is_comment(line):
            return index, separator
    return len(lines), separator


def _delimiter(header: str, is_known: Callable[[str], bool]) -> str:
    """The separator that gives most known names of columns, and of these most columns."""

    def score(delimiter: str) -> tuple[int, int]:
        cells = [column_name(cell.strip('"')) for cell in header.split(delimiter)]
        return sum(map(is_known, set(cells))), len(cells)

    return max(_DELIMITERS, key=score)


def _read(lines: Sequence[str], delimiter: str, n_above: int) -> list[tuple[int, list[str]]]:
    """Line numbers and cells of all rows."""
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        return [(n_above + reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise UserError(
            f"line {n_above + reader.line_num}: a quotation mark is missing or out of place ({error}); mend it"
        ) from error


def _n_empty_behind(cells: Sequence[str], n_columns: int) -> int:
    """How many cells without text stand behind the last column and behind all text."""
    n_until_text = max((place for place, cell in enumerate(cells, start=1) if cell), default=0)
    return max(len(cells) - max(n_until_text, n_columns), 0)


def _on_empty_behind(rows: Iterable[tuple[int, Sequence[str]]], n_columns: int) -> str:
    """What is to be said of rows with more cells without text behind the last column than half of the rows have.

    A separator in a text may have moved its other cells there. Comments, and rows that were cut off, do not count.
    """
    whole = [(line, row) for line, row in rows if len(row) >= n_columns and any(row) and not row[0].startswith(COMMENT)]
    n_behind = {line: _n_empty_behind(row, n_columns) for line, row in whole}
    n_of_half = sorted(n_behind.values())[len(n_behind) // 2] if n_behind else 0
    more = [f"line {line}" for line, n in n_behind.items() if n > n_of_half]
    return (
        f"{len(more)} of the rows have more empty cells behind the last column than half of them, which count for "
        f"nothing ({named(more)}; if a text there has a separator in it, put it into quotation marks)"
        if more
        else ""
    )


def _columns(header: Sequence[str], line: int) -> tuple[str, ...]:
    cells = [column_name(cell) for cell in header]
    n_columns = len(cells) - _n_empty_behind(cells, 0)
    names = [cell or f"column_{number}" for number, cell in enumerate(cells[:n_columns], start=1)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f"line {line}: there are two columns {named(twice)}; rename or remove one")
    return tuple(names)


def row_with_others(line: int) -> BadRow:
    """A row, ending in a line, that has taken others in."""
    return BadRow(line, "with other rows inside of a cell", f"the row that ends here {ROW_INSIDE}")


def _lines_inside(cells: Sequence[str], delimiter: str) -> list[list[str]]:
    """The lines of cells of several lines that have separators, as the cells that they would be, "" for those outside.

    One of a row that a quotation mark has taken in has as many as a row: the first with the cells before its own, and
    the last with those behind it.
    """
    lines = []
    for number, cell in enumerate(cells):
        first, *others = [line.split(delimiter) for line in LINE_BREAK.split(cell)]
        if others:
            n_behind = [*[0] * (len(others) - 1), len(cells) - number - 1]
            behind = [[*line, *[""] * n] for line, n in zip(others, n_behind, strict=True) if len(line) > 1]
            lines += [[*[""] * (number + 1), *first[1:]], *behind]
    return lines


def _add_row(table: Table, line: int, cells: list[str], lines_inside: Sequence[list[str]]) -> None:
    n_columns = len(table.columns)
    counts = f"{counted(len(cells), 'cell')} for {counted(n_columns, 'column')}"
    if len(cells) > n_columns:
        to_do = "put a text that has the separator in it into quotation marks; name each column; end all rows alike"
        table.bad_rows.append(BadRow(line, "in rows of too many cells", f"{counts} ({to_do})"))
    elif len(cells) < n_columns:
        table.bad_rows.append(BadRow(line, "in rows of too few cells", f"{counts} (is the line cut off?)"))
    elif any(_CONTROL.search(cell) for cell in cells):
        table.bad_rows.append(BadRow(line, "in rows with control characters", "it has characters that are no text"))
    else:
        table.rows.append(TableRow(line, dict(zip(table.columns, cells, strict=True)), lines_inside))
