"""Files of a folder that are found by their paths, of whatever links these are made."""

import os

import pytest
from corpus_folders import make_folder

from convcam_jax.corpora.folders.file_index import index_files, matching, sound_files


@pytest.mark.parametrize(
    "way", ["copy/s{}/audio.wav", "copy/s{}/AUDIO", "{folder}/s{}/audio.wav", "{folder}/copy/s{}/audio"]
)
def test_of_many_files_of_one_name_each_is_found_by_the_whole_of_its_path(way, tmp_path, monkeypatch):
    folder = make_folder(tmp_path, [f"s{number}/audio.wav" for number in range(40)], None)
    (folder / "copy").symlink_to(".", target_is_directory=True)
    index = index_files(folder, sound_files(folder))
    real_path, asked = os.path.realpath, []
    monkeypatch.setattr(os.path, "realpath", lambda path: asked.append(path) or real_path(path))
    for number in range(40):
        named = way.format(number, folder=folder)
        assert matching(named, folder, index) == [folder / f"s{number}/audio.wav"]
    # Not each of them with all others.
    assert len(asked) < 40 * 10


def test_a_file_elsewhere_that_is_a_link_to_one_of_the_folder_is_that_one(tmp_path):
    folder = make_folder(tmp_path / "own", ["a.wav", "wav/b.wav"], None)
    for name in ("a.wav", "other.wav"):
        (tmp_path / name).symlink_to(folder / "wav/b.wav")
    (folder / "c.wav").symlink_to("a.wav")
    index = index_files(folder, sound_files(folder))
    for path, listed in (("a.wav", "wav/b.wav"), ("other.wav", "wav/b.wav"), ("own/c.wav", "c.wav")):
        assert matching(str(tmp_path / path), folder, index) == [folder / listed]
