"""Writing whole or not at all, and what is told of a disk that takes no more."""

import contextlib
import errno
import os
import stat
from pathlib import Path

import pytest

from convcam_jax.system.errors import UserError
from convcam_jax.system.files import PARTIAL_PREFIX, disk_errors, make_folder, remove_partial, write_whole
from convcam_jax.system.formats import write_arrays, write_json
from convcam_jax.system.jax_setup import remove_damaged_programs
from convcam_jax.system.process.lock import locked


def files(folder) -> list[str]:
    return sorted(os.listdir(folder))


def test_a_writer_that_fails_leaves_nothing_new_and_keeps_the_old_file(tmp_path):
    path = tmp_path / "table.csv"

    def fail(temporary):
        temporary.write_text("half")
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        write_whole(path, fail)
    assert files(tmp_path) == []
    path.write_text("old")
    with pytest.raises(RuntimeError, match="stopped"):
        write_whole(path, fail)
    assert files(tmp_path) == ["table.csv"]
    assert path.read_text() == "old"


def test_the_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "new" / "table.csv"

    def write(temporary):
        temporary.write_text("half")
        assert not path.exists()
        (name,) = files(path.parent)
        assert name.startswith(PARTIAL_PREFIX)
        assert name.endswith(".csv")
        temporary.write_text("whole")

    write_whole(path, write)
    assert path.read_text() == "whole"
    assert files(path.parent) == ["table.csv"]


def test_a_record_is_on_the_disk_before_it_has_its_name_and_its_name_before_the_return(tmp_path, monkeypatch):
    done: list[str] = []

    def fsync(file: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(file).st_mode) else f"{os.fstat(file).st_size} bytes")
        if done[-1] == "folder":
            # As some file systems have it.
            raise OSError(errno.EINVAL, "not of a folder")

    replace = os.replace
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", lambda *paths: done.append("renamed") or replace(*paths))
    write_whole(tmp_path / "wav", lambda temporary: temporary.write_text("x"))
    assert done == ["renamed"]
    for path, write in ((tmp_path / "a.json", lambda own: write_json(own, {})), (tmp_path / "a.npz", write_no_arrays)):
        done.clear()
        write(path)
        assert done == [f"{path.stat().st_size} bytes", "renamed", "folder"]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EIO])
def test_a_record_is_written_where_nothing_can_be_sent_to_the_disk_but_not_where_that_fails(
    tmp_path, monkeypatch, number
):
    def fsync(file: int) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(os, "fsync", fsync)
    with contextlib.nullcontext() if number == errno.EINVAL else pytest.raises(OSError, match="no"):
        write_json(tmp_path / "a.json", {})
    assert files(tmp_path) == (["a.json"] if number == errno.EINVAL else [])


def write_no_arrays(path: Path) -> None:
    write_arrays(path, {})


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_permissions_are_those_of_any_new_file(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "table.csv", lambda temporary: temporary.write_text("x"))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "table.csv").stat().st_mode) == mode


@pytest.mark.parametrize("flag", ["--workdir", "--cache_dir"])
@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full; make room or choose another"),
        (errno.EDQUOT, "the disk is full; make room or choose another"),
        (errno.EACCES, "cannot be written (Permission denied); choose another"),
    ],
)
def test_problems_of_the_disk_are_told_in_one_line(tmp_path, number, words, flag):
    def fail(temporary):
        temporary.write_text("half")
        raise OSError(number, os.strerror(number))

    with pytest.raises(UserError) as error:
        write_whole(tmp_path / "maps.npz", fail, flag)
    assert str(error.value).startswith(f"{tmp_path}: {words} {flag}")
    assert files(tmp_path) == []


def test_other_problems_pass_through(tmp_path):
    with pytest.raises(OSError, match="Input/output"), disk_errors(tmp_path):
        raise OSError(errno.EIO, "Input/output error")


def test_a_full_disk_is_noticed_where_there_is_one(tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full, a device that is always full")

    def write(temporary):
        temporary.symlink_to("/dev/full")
        temporary.write_text("x" * 10_000)

    with pytest.raises(UserError, match="disk is full"):
        write_whole(tmp_path / "table.csv", write)
    assert files(tmp_path) == []


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path):
    (tmp_path / "w").write_text("a file")
    with pytest.raises(UserError, match="cannot be written"):
        write_whole(tmp_path / "w" / "table.csv", lambda temporary: temporary.write_text("x"))


def made_in_a_loop(root):
    (root / "loop").symlink_to(root / "loop")
    return root / "loop" / "w"


@pytest.mark.parametrize(
    "folder_in",
    [
        lambda root: Path("/proc/nope/w"),
        lambda root: Path("/dev/null/w"),
        lambda root: root / ("a" * 300) / "w",
        made_in_a_loop,
    ],
    ids=["no file system", "a device", "a long name", "a loop"],
)
def test_a_folder_that_cannot_be_made_is_told_in_one_line(tmp_path, folder_in):
    folder = folder_in(tmp_path)
    makers = (
        lambda: make_folder(folder, "--cache_dir"),
        lambda: write_whole(folder / "x", lambda path: path.write_text(""), "--cache_dir"),
    )
    for make in makers:
        with pytest.raises(UserError, match=r"cannot be (made|written) \(.*\); choose another --cache_dir"):
            make()
    with pytest.raises(UserError, match=r"cannot be (made|written) \(.*\); choose another --workdir"), locked(folder):
        pass
    # Compiled programs are looked for there first; that nothing can be kept is told when something is.
    remove_damaged_programs(folder / "xla")


def test_leftovers_are_removed_and_nothing_else(tmp_path):
    def killed(temporary):
        temporary.write_text("half")
        temporary.rename(temporary.with_name(temporary.name + "x"))
        raise KeyboardInterrupt

    for folder in (tmp_path, tmp_path / "tables"):
        with pytest.raises(KeyboardInterrupt):
            write_whole(folder / "table.csv", killed)
        (folder / "members.csv").write_text("x")
        (folder / ".hidden").write_text("x")
        assert len(files(folder)) >= 3
    remove_partial(tmp_path)
    assert files(tmp_path) == [".hidden", "members.csv", "tables"]
    assert files(tmp_path / "tables") == [".hidden", "members.csv"]
    remove_partial(tmp_path / "nowhere")
