import json

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from convcam_jax.settings.config import Config
from convcam_jax.settings.overrides import apply_overrides, flatten
from convcam_jax.stages.workdir import (
    check_workdir,
    read_arrays,
    read_csv,
    read_json,
    write_arrays,
    write_csv,
    write_figure,
    write_json,
    write_table,
    write_text,
)
from convcam_jax.system.errors import UserError


def record(*changes: str) -> dict:
    return {"config": flatten(apply_overrides(Config(), list(changes))), "corpus_sha256": "abc"}


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


@pytest.mark.parametrize("exists", [False, True])
def test_a_new_or_empty_folder_is_accepted_and_left_as_it_is(tmp_path, exists):
    folder = tmp_path / "w"
    if exists:
        folder.mkdir()
    check_workdir(folder, record())
    assert folder.exists() == exists


def test_a_run_goes_on_under_its_own_config(tmp_path):
    write_json(tmp_path / "config.json", record("model.filters=4,5,6"))
    (tmp_path / "members.csv").write_text("x")
    again = record("model.filters=4,5,6")
    again["config"] |= {"corpus.data_dir": "moved", "train.checkpoint_interval_s": 0.0}
    again["begun"] = "2030-01-01T00:00:00+00:00"
    check_workdir(tmp_path, again)


def test_another_config_is_refused_naming_the_fields(tmp_path):
    write_json(tmp_path / "config.json", record())
    with pytest.raises(UserError) as error:
        check_workdir(tmp_path, record("train.epochs=3", "corpus.emotions=anger,sadness"))
    message = str(error.value)
    assert "train.epochs (5 there, 3 now)" in message
    assert "corpus.emotions" in message
    assert "batch_size" not in message
    assert "recordings" not in message


def test_another_corpus_is_refused(tmp_path):
    write_json(tmp_path / "config.json", record())
    with pytest.raises(UserError, match=r"differing in the corpus's recordings$"):
        check_workdir(tmp_path, {**record(), "corpus_sha256": "other"})


def test_a_field_that_only_one_of_the_configs_has_is_named(tmp_path):
    earlier = record()
    earlier["config"]["train.momentum"] = 0.9
    write_json(tmp_path / "config.json", earlier)
    with pytest.raises(UserError, match=r"train\.momentum \(0\.9 there, None now\)"):
        check_workdir(tmp_path, record())


def test_a_folder_of_other_files_is_refused(tmp_path):
    (tmp_path / ".hidden").write_text("")
    check_workdir(tmp_path, record())
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(UserError, match=r"holds files but no config\.json"):
        check_workdir(tmp_path, record())


def test_a_file_as_workdir_is_refused(tmp_path):
    (tmp_path / "w").write_text("")
    with pytest.raises(UserError, match="is a file"):
        check_workdir(tmp_path / "w", record())


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"config": {}})])
def test_a_damaged_config_is_told(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError, match="cannot be read as the config of a run"):
        check_workdir(tmp_path, record())


def test_text_is_written_as_utf8(tmp_path):
    write_text(tmp_path / "table.md", "für ≥")
    assert (tmp_path / "table.md").read_bytes() == "für ≥".encode()


def test_json_comes_back(tmp_path):
    write_json(tmp_path / "config.json", {"a": [1, 2]})
    assert read_json(tmp_path / "config.json") == {"a": [1, 2]}
