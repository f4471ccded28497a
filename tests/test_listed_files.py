"""Which file a row of a list means, by whatever name and way."""

from pathlib import Path

import pytest
from corpus_folders import make_folder

from convcam_jax.corpora.listed import find_listed
from convcam_jax.system.errors import RecordingError


@pytest.mark.parametrize("way", ["relative", "link"])
def test_absolute_paths_are_those_of_the_folders_files(way, tmp_path, monkeypatch):
    folder = make_folder(tmp_path / "own", ["wav/a.wav", "b.wav"], "")
    rows = "".join(f"{folder.absolute() / name},ann,joy\n" for name in ("wav/a.wav", "b.wav"))
    (folder / "utterances.csv").write_text(f"file,speaker,emotion\n{rows}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    if way == "link":
        Path("linked").symlink_to(folder, target_is_directory=True)
    given = Path("own" if way == "relative" else "linked")
    found = find_listed(given, "stop")
    assert found.problems == []
    assert [u.path for u in found.utterances] == [given / "wav/a.wav", given / "b.wav"]


def test_two_files_of_one_name_are_told_apart_from_a_row_that_is_there_twice(tmp_path):
    """Names that count anew for each speaker."""
    folder = make_folder(tmp_path, ["a.wav", "b.wav"], "file,speaker,emotion,recording\na,ann,joy,1\nb,bob,fear,1\n")
    message = "line 3: another file has the name 1, in line 2; give each recording its own name"
    with pytest.raises(RecordingError, match=message):
        find_listed(folder, "stop")


def test_a_name_that_fits_several_files_is_told(tmp_path):
    folder = make_folder(tmp_path, ["s1/a.wav", "s2/a.wav"], "file,speaker,emotion\na,ann,joy\n")
    with pytest.raises(RecordingError, match=r"a may be s1/a\.wav, s2/a\.wav; write more of the path"):
        find_listed(folder, "stop")
