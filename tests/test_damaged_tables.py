"""Tables with random damage: nothing is read that does not stand there, and no row is lost without a word."""

import csv
import io
import random
import re
from pathlib import Path

import pytest

from convcam_jax.corpora.listed import find_listed
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.system.errors import UserError

FEW, MANY = 48, 200
HEADER = ["file", "speaker", "gender", "emotion", "text", "start", "end"]
ROWS = [
    *(["anna/1.wav", "anna", "f", "anger", "Hello, you", "", ""], ["anna/2.wav", "anna", "f", "joy", "für", "", ""]),
    *(["bob/1.wav", "bob", "m", "anger", 'He said "no"', "", ""], ["bob/2.wav", "bob", "m", "joy", "x", "", ""]),
    *(["d.flac", "cleo", "f", "anger", "Straße", "0", "1.5"], ["d.flac", "dan", "m", "joy", "b", "1.5", "2.25"]),
    *(["é.ogg", "cleo", "f", "1", "NA", "", ""], ["f.mp3", "dan", "m", "NA", "", "", ""]),
]
FILES = sorted({row[0] for row in ROWS})


def table_text(delimiter: str = ",", quoting: int = csv.QUOTE_MINIMAL) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, quoting=quoting, lineterminator="\n").writerows([HEADER, *ROWS])
    return buffer.getvalue()


def changed_bytes(content: bytes, draw: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(draw.randint(1, 3)):
        changed[draw.randrange(len(changed))] = draw.randrange(256)
    return bytes(changed)


def lost_or_doubled_bytes(content: bytes, draw: random.Random) -> bytes:
    start = draw.randrange(len(content))
    end = start + draw.randint(1, 20)
    return content[:start] + draw.choice((b"", 2 * content[start:end])) + content[end:]


def added_marks(content: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(content))
    return content[:place] + draw.choice((b'"', b'""', b"'", b",", b"\n", b"\r", b"\t", b";", b"#")) + content[place:]


def cut(content: bytes, draw: random.Random) -> bytes:
    return content[: draw.randrange(len(content))]


def other_encoding(content: bytes, draw: random.Random) -> bytes:
    name = draw.choice(("utf-16", "utf-16-be", "utf-32", "latin-1", "cp1252", "cp437", "mac-roman", "utf-8-sig"))
    return content.decode().encode(name)


def other_columns(content: bytes, draw: random.Random) -> bytes:
    header, *rows = content.decode().split("\n")
    names = re.split(r"([,;\t])", header)
    place = 2 * draw.randrange(len(HEADER))
    names[place] = draw.choice((names[place].upper(), f" {names[place]} ", names[place][1:], "", draw.choice(HEADER)))
    return "\n".join(["".join(names), *rows]).encode()


DAMAGES = (changed_bytes, lost_or_doubled_bytes, added_marks, cut, other_encoding, other_columns)


@pytest.fixture
def folder(tmp_path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def check(folder: Path, damage, n_tables: int, capsys) -> None:
    draw = random.Random(damage.__name__)
    for number in range(n_tables):
        text = table_text(draw.choice(",;\t"), draw.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)))
        content = damage(text.encode(), draw)
        (folder / "utterances.csv").write_bytes(content)
        capsys.readouterr()
        try:
            found = find_listed(folder, "skip")
        except UserError as error:
            told = str(error)
            assert (told.count("\n"), "utterances.csv" in told) == (0, True), number
            continue
        told = " ".join(p.problem for p in found.problems) + capsys.readouterr().err
        rows = independently_read(content)
        for utterance in found.utterances:
            assert_stands_there(utterance, rows, number)
        lines = {int(line) for line in re.findall(r"line (\d+)", told)}
        of_two_genders = {p.recording for p in found.problems if p.kind == "of speakers with two genders"}
        comments = sum(row[0].startswith("#") for row in rows[1:])
        n_told = len(found.utterances) + len(lines) + len(of_two_genders) + comments
        assert n_told >= len(rows) - 1, number
        # A new line within a quoted cell makes one line more than rows; rows that a quotation mark swallowed are more.
        assert n_told >= n_lines(content) - 2, number


def decoded(content: bytes) -> str:
    mark = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return content.decode("utf-16" if mark else "utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252")


def n_lines(content: bytes) -> int:
    return sum(bool(line.strip(" ,;\t|")) for line in re.split(r"[\r\n]+", decoded(content)))


def independently_read(content: bytes) -> list[list[str]]:
    """All rows that are not empty, as Python's csv module has them, which guesses nothing; white space is one space."""
    lines = list(io.StringIO(decoded(content), newline=""))
    while lines and (lines[0].startswith("#") or not lines[0].strip()):
        del lines[0]
    delimiter = max(",;\t|", key=lines[0].count)
    rows = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    stripped = [[" ".join(cell.split()) for cell in row] for row in rows]
    return [row for row in stripped if any(row)]


def assert_stands_there(utterance: Utterance, rows: list[list[str]], number: int) -> None:
    """The cells of an utterance stand in one row, and what is not damaged is right."""
    cells = {utterance.speaker, utterance.emotion, utterance.text, *(value for _, value in utterance.attributes)}
    whole = [row for row in rows if len(row) >= len(rows[0]) and not any(row[len(rows[0]) :])]
    assert any(cells <= {*row, ""} and names_file(row, utterance.path) for row in whole), (number, utterance)


def names_file(row: list[str], path: Path) -> bool:
    return any(cell and str(path.with_suffix("")).casefold().endswith(Path(cell).stem.casefold()) for cell in row)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_few_damaged_tables(damage, folder, capsys):
    check(folder, damage, FEW // len(DAMAGES), capsys)


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
def test_two_hundred_tables_of_each_damage(damage, folder, capsys):
    check(folder, damage, MANY, capsys)


def test_without_damage_all_of_the_table_is_read(folder):
    for delimiter in ",;\t":
        (folder / "utterances.csv").write_text(table_text(delimiter))
        found = find_listed(folder, "stop")
        assert found.problems == []
        got = [
            [str(u.path.relative_to(folder)), u.speaker, u.gender[0], u.emotion, u.text, u.start_s, u.end_s]
            for u in found.utterances
        ]
        expected = [[*row[:5], float(row[5] or 0), float(row[6]) if row[6] else None] for row in ROWS]
        assert sorted(map(str, got)) == sorted(map(str, expected))
