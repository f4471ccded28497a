"""The kinds of files of a run come back as they were written; tables as text."""

import errno
import io
import random
import zipfile

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from convcam_jax.system.errors import UserError
from convcam_jax.system.formats import (
    read_arrays,
    read_csv,
    read_json,
    to_markdown,
    write_arrays,
    write_csv,
    write_figure,
    write_json,
    write_table,
    write_text,
)


def test_markdown():
    frame = pd.DataFrame({"a": [1, 2], "b": [0.123456, np.nan], "c": pd.array([True, None], dtype="boolean")})
    assert to_markdown(frame) == "| a | b | c |\n| --- | --- | --- |\n| 1 | 0.1235 | yes |\n| 2 | – | – |\n"  # noqa: RUF001


def test_tables_come_back_as_they_were(tmp_path):
    table = pd.DataFrame(
        {
            "recording": ["03a01Fa", "12345"],
            "speaker": ["03", "10"],
            "text": ["01", "a02"],
            "accuracy": [1 / 3, np.nan],
            "chosen": [True, False],
        }
    )
    write_csv(tmp_path / "table.csv", table)
    pd.testing.assert_frame_equal(read_csv(tmp_path / "table.csv"), table)
    assert (tmp_path / "table.csv").read_text().splitlines()[1].startswith("03a01Fa,03,01,0.333")


def test_a_note_stands_above_the_markdown_only(tmp_path):
    table = pd.DataFrame({"a": [1]})
    write_table(tmp_path, "plain", table)
    write_table(tmp_path, "noted", table, pd.DataFrame({"b": [2]}), "Read this.")
    assert (tmp_path / "tables" / "plain.md").read_text() == "| a |\n| --- |\n| 1 |\n"
    assert (tmp_path / "tables" / "noted.md").read_text() == "Read this.\n\n| b |\n| --- |\n| 2 |\n"
    assert (tmp_path / "tables" / "noted.csv").read_text() == "a\n1\n"


def test_arrays_come_back_as_they_were(tmp_path):
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "names": np.array(["x", "yz"])}
    write_arrays(tmp_path / "maps.npz", arrays)
    back = read_arrays(tmp_path / "maps.npz")
    assert set(back) == {"a", "names"}
    np.testing.assert_array_equal(back["a"], arrays["a"])
    assert back["a"].dtype == np.float32
    assert back["names"].tolist() == ["x", "yz"]
    assert [path.name for path in tmp_path.iterdir()] == ["maps.npz"]


def test_a_figure_is_written_as_png_of_200_dots_per_inch(tmp_path):
    def draw(values: list[int], *, width: float) -> Figure:
        figure = Figure(figsize=(width, 1.0))
        figure.subplots().plot(values)
        return figure

    write_figure(tmp_path / "figure.png", draw, [0, 1], width=1.5)
    data = (tmp_path / "figure.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(data[16:20]), int.from_bytes(data[20:24])) == (300, 200)


def test_text_is_written_as_utf8(tmp_path):
    write_text(tmp_path / "table.md", "für ≥")
    assert (tmp_path / "table.md").read_bytes() == "für ≥".encode()


def test_json_comes_back(tmp_path):
    write_json(tmp_path / "config.json", {"a": [1, 2]})
    assert read_json(tmp_path / "config.json") == {"a": [1, 2]}


def test_an_array_file_with_any_byte_changed_is_refused_or_read_as_it_was(tmp_path):
    arrays = {"a": np.arange(6.0).reshape(2, 3), "emotion/x": np.array(["é", "b"]), "c": np.zeros((3, 0), np.int32)}
    path = tmp_path / "arrays.npz"
    write_arrays(path, arrays)
    content, draw, refused = path.read_bytes(), random.Random(0), 0
    for place in range(len(content)):
        changed = content[place] ^ (1 << draw.randrange(8))
        path.write_bytes(content[:place] + bytes([changed]) + content[place + 1 :])
        try:
            found = read_arrays(path)
        except UserError:
            refused += 1
        else:
            assert list(found) == list(arrays), place
            for name, array in arrays.items():
                np.testing.assert_array_equal(found[name], array, err_msg=str(place))
                assert found[name].dtype == array.dtype
    assert refused > len(content) / 2


@pytest.mark.parametrize("shape", [(2, 2), (0,), ()])
def test_an_array_whose_shape_is_damaged_is_not_believed(tmp_path, shape):
    """NumPy stops at the end of the shape, before the checksum of the file is looked at."""
    path = tmp_path / "arrays.npz"
    write_arrays(path, {"a": np.arange(6.0).reshape(2, 3)})
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f8", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.npy", buffer.getvalue() + np.arange(6.0).tobytes())
    with pytest.raises(UserError, match=r"a\.npy is longer than its array"):
        read_arrays(path)


def test_an_array_file_that_the_system_does_not_read_is_not_to_be_removed(tmp_path, monkeypatch):
    path = tmp_path / "arrays.npz"
    write_arrays(path, {"a": np.ones(3)})

    def fail(file):
        raise OSError(errno.EIO, "not now")

    monkeypatch.setattr(zipfile, "_EndRecData", fail)
    with pytest.raises(UserError, match=rf"arrays\.npz: cannot be read \(\[Errno {errno.EIO}\] not now\)$"):
        read_arrays(path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"\x89PNG\r\n\x1a\n"])
def test_a_damaged_note_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.json: cannot be read \(.*\); remove it, and give the run's command again"):
        read_json(tmp_path / "a.json")
    with pytest.raises(UserError, match=r"gone\.json: cannot be read"):
        read_json(tmp_path / "gone.json")


@pytest.mark.parametrize("content", [b"", b"\n", b"a,b\n1,2,3,4\n5,6,7\n1,2,3,4,5\n", b"a\n\xff\xfe\n", b'a,b\n"1,2\n'])
def test_a_table_that_is_none_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(
        UserError, match=r"a\.csv: cannot be read \(.*\); remove it, and give the run's command"
    ) as error:
        read_csv(tmp_path / "a.csv")
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match=r"gone\.csv: cannot be read"):
        read_csv(tmp_path / "gone.csv")


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ("1,2,3\n4,5\n", "line 3 has 2 of 3 fields"),
        ("1,2,3\n4", "line 3 has 1 of 3 fields"),
        ('"1\n",2,3\n\n4,5\n', "line 5 has 2 of 3 fields"),
        ("1,2,3,4\n", "line 2 has 4 of 3 fields"),
    ],
)
def test_a_row_with_another_number_of_fields_is_refused(tmp_path, rows, problem):
    path = tmp_path / "a.csv"
    path.write_text(f"text,b,c\n{rows}")
    with pytest.raises(UserError, match=rf"a\.csv: cannot be read \({problem}\); remove it") as error:
        read_csv(path)
    assert "\n" not in str(error.value)


def test_lines_of_white_space_are_no_rows_and_cells_may_be_long(tmp_path):
    path, long = tmp_path / "a.csv", "x" * 200_000
    path.write_text(f"text,b\n{long},1\n  \n\ny,2\n")
    table = read_csv(path)
    assert (table["text"].tolist(), table["b"].tolist()) == ([long, "y"], [1, 2])


def test_missing_values_are_no_missing_fields(tmp_path):
    for table in (pd.DataFrame({"a": [1.0, np.nan], "b": [np.nan, 2.0]}), pd.DataFrame({"a": [np.nan, 1.0]})):
        write_csv(tmp_path / "a.csv", table)
        pd.testing.assert_frame_equal(read_csv(tmp_path / "a.csv"), table)


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path):
    (tmp_path / "a.json").mkdir()
    with pytest.raises(UserError, match=r"a\.json: is a folder where a file is to be written; remove it"):
        write_json(tmp_path / "a.json", {})
    assert list(tmp_path.iterdir()) == [tmp_path / "a.json"]
