"""Files of a folder that are found by their paths, of whatever links these are made."""

import os

import pytest
from corpus_folders import make_folder

from convcam_jax.corpora.folders.file_index import index_files, matching, sound_files
from convcam_jax.corpora.listed import find_listed
from convcam_jax.stages.evidence_benchmark.export import CHECKSUMS, TRUTH
from convcam_jax.stages.record import CONFIG_FILE
from convcam_jax.stages.stage import STAGES_FILE


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


def test_sounds_that_the_program_wrote_below_are_none_of_the_folder(tmp_path):
    of_run = [f"runs/a/{name}" for name in (CONFIG_FILE, STAGES_FILE, "listening/x_original.wav")]
    of_run += [f"benchmark/{name}" for name in (CHECKSUMS, TRUTH, "wav/burst_1.wav")]
    # A config alone may be anybody's.
    make_folder(tmp_path, [*of_run, "b.wav", "set/config.json", "set/c.wav"], None)
    assert sound_files(tmp_path) == [tmp_path / "b.wav", tmp_path / "set/c.wav"]
    assert sound_files(tmp_path / "runs/a") == [tmp_path / "runs/a/listening/x_original.wav"]


def test_a_file_elsewhere_that_is_a_link_to_one_of_the_folder_is_that_one(tmp_path):
    folder = make_folder(tmp_path / "own", ["a.wav", "wav/b.wav"], None)
    for name in ("a.wav", "other.wav"):
        (tmp_path / name).symlink_to(folder / "wav/b.wav")
    (folder / "c.wav").symlink_to("a.wav")
    index = index_files(folder, sound_files(folder))
    for path, listed in (("a.wav", "wav/b.wav"), ("other.wav", "wav/b.wav"), ("own/c.wav", "c.wav")):
        assert matching(str(tmp_path / path), folder, index) == [folder / listed]


def test_what_cannot_be_read_is_not_listed_or_meant_by_its_whole_name(tmp_path):
    table = "file,speaker,emotion\na,ann,joy\nSent.M4A,ann,joy\n"
    found = find_listed(make_folder(tmp_path, ["a.wav", "a.m4a", "s/sent.m4a"], table), "skip")
    assert {u.recording: u.path for u in found.utterances} == {"a": tmp_path / "a.wav", "sent": tmp_path / "s/sent.m4a"}
    assert [(p.recording, p.kind) for p in found.problems] == [("a.m4a", "not listed")]
