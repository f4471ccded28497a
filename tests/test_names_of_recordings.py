"""What recordings are called where files have nearly the same name, and which paths lead to one file."""

import os
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from corpus_folders import make_folder

from convcam_jax.corpora.folders.file_index import recording_names
from convcam_jax.corpora.left_out import overlapping
from convcam_jax.corpora.listed import ListedConfig, find_listed
from convcam_jax.corpora.utterances import Source, Utterance
from convcam_jax.settings.config import Config
from convcam_jax.splits.dividing import divide
from convcam_jax.splits.leave_one_speaker_out import LeaveOneSpeakerOut
from convcam_jax.stages.preparation import find_corpus
from convcam_jax.stages.without_labels.new_recordings import find_recordings
from convcam_jax.system.errors import UserError

WHOLE = (0.0, None)


def names(*files: str | tuple[str, float, float]) -> list[str]:
    """Of whole files, and of parts of some."""
    told = [(file, *WHOLE) if isinstance(file, str) else file for file in files]
    return recording_names([Source(Path("/r") / file, start, end) for file, start, end in told])


def test_names_are_short_and_each_has_its_own():
    composed, decomposed = (unicodedata.normalize(form, "é.wav") for form in ("NFC", "NFD"))
    assert names("a/x.wav", "b/x.wav", "y.wav", "y.flac") == ["a_x", "b_x", "y.wav", "y.flac"]
    assert names(composed, decomposed) == ["é", "é~2"]
    assert names("long_0.000-1.000.wav", ("long.wav", 0.0, 1.0)) == ["long_0.000-1.000", "long_0.000-1.000~2"]
    # A row that is there twice speaks of one sound.
    assert names(("x.wav", 0.0, 1.0), ("x.wav", 0.0, 1.0)) == ["x_0.000-1.000"] * 2


def test_names_do_not_depend_on_where_a_corpus_lies(tmp_path, monkeypatch):
    there = make_folder(tmp_path / "there", ["x.wav", "y.wav"], None)
    names_of = {"x.wav": "x", "s/x.wav": "s_x", "y.take": "y", "../there/y.wav": "there_y"}
    names_of[str(there / "x.wav")] = "there_x"
    table = "\n".join(["file,speaker,emotion", *(f"{file},ann,joy" for file in names_of)])
    for folder in (tmp_path / "one", tmp_path / "other"):
        make_folder(folder, ["x.wav", "s/x.wav", "y.take"], table)
    monkeypatch.chdir(tmp_path / "one")
    for given in (tmp_path / "one", tmp_path / "other", Path("."), Path("../other"), tmp_path / "one/s/.."):
        found = {u.path: u.recording for u in find_listed(given, "stop").utterances}
        assert found == {given / file: name for file, name in names_of.items()}


def test_names_are_text_whatever_bytes_files_are_called_by(tmp_path):
    for name in (b"bad\xff.wav", b"bad\xfe.wav", b"good.wav"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).touch()
    found = find_recordings([str(tmp_path)])
    called = {os.fsencode(u.path.name): u.recording for u in found}
    assert called[b"good.wav"] == "good"
    assert {called[b"bad\xfe.wav"], called[b"bad\xff.wav"]} == {"bad\ufffd", "bad\ufffd~2"}


@pytest.mark.parametrize("other", ["link.wav", "../here/dialogue.wav"])
def test_parts_of_one_file_are_on_one_side_by_whatever_path(other, tmp_path):
    parts = ["dialogue.wav,s,0,1", "dialogue.wav,s,2,3", f"{other},t,1,2", f"{other},t,3,4"]
    files = [f"{speaker}{n}.wav" for speaker in "ab" for n in range(8)]
    rows = [*parts, *(f"{file},{file[0]},," for file in files)]
    lines = [f"{row},{('joy', 'fear')[n % 2]}" for n, row in enumerate(rows)]
    table = "\n".join(["file,speaker,start,end,emotion", *lines])
    folder = make_folder(tmp_path / "here", ["dialogue.wav", *files], table)
    (folder / "link.wav").symlink_to(folder / "dialogue.wav")
    utterances = find_listed(folder, "skip").utterances
    assert {u.speaker for u in utterances} == set("stab")
    division = divide(LeaveOneSpeakerOut(parts=2), utterances, ["all"] * len(utterances))
    for fold in division.folds:
        placed = [(u.file, split) for u, split in zip(utterances, fold.split_of, strict=True)]
        tested = {file for file, split in placed if split == "test"}
        assert not tested & {file for file, split in placed if split in ("train", "validation")}


def test_a_new_recording_counts_once_whatever_way_leads_to_it(tmp_path, monkeypatch):
    (tmp_path / "in" / "sub").mkdir(parents=True)
    for name in ("in/a.wav", "in/sub/b.wav"):
        (tmp_path / name).touch()
    (tmp_path / "in" / "other.wav").symlink_to(tmp_path / "in" / "a.wav")
    (tmp_path / "also_in").symlink_to(tmp_path / "in")
    monkeypatch.chdir(tmp_path / "in" / "sub")
    ways = ["../a.wav", f"{tmp_path}/in/../in/a.wav,{tmp_path}/also_in/a.wav", ".", "../sub/../../in"]
    # A link to a file may be there for its name.
    assert [u.recording for u in find_recordings(ways)] == ["a", "b", "other"]


def test_new_recordings_of_linked_folders_are_called_by_the_links(tmp_path):
    for number, name in (("1", "anna"), ("2", "bert")):
        (tmp_path / "store" / number).mkdir(parents=True)
        (tmp_path / "store" / number / "x.wav").touch()
        (tmp_path / name).symlink_to(tmp_path / "store" / number)
    linked = [str(tmp_path / name) for name in ("anna", "bert", "store")]
    assert [u.recording for u in find_recordings(linked)] == ["anna_x", "bert_x"]


def test_parts_overlap_by_whatever_path(tmp_path):
    (tmp_path / "a.wav").touch()
    (tmp_path / "link.wav").symlink_to(tmp_path / "a.wav")
    part = Utterance("a", "s", "", "joy", "", tmp_path / "a.wav", start_s=0.0, end_s=2.0)
    other = part._replace(recording="b", emotion="fear", path=tmp_path / "link.wav", start_s=1.0)
    problems, _ = overlapping([part, other])
    assert sorted(problem.recording for problem in problems) == ["a", "b"]


def test_an_emotion_that_is_missing_for_what_was_left_out_is_told_with_it(tmp_path):
    rows = [*(f"gone{n}.wav,ann,anger" for n in range(3)), "a.wav,ann,joy", "b.wav,ann,fear"]
    folder = make_folder(tmp_path / "own", ["a.wav", "b.wav"], "\n".join(["file,speaker,emotion", *rows]))
    corpus = replace(ListedConfig(), data_dir=str(folder), emotions=("anger", "fear"), on_error="skip")
    with pytest.raises(UserError, match=r"no recording of anger; .*; left out before: 3 missing"):
        find_corpus(Config(corpus=corpus), tmp_path / "cache")
