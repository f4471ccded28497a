"""Paths as users write them, in every flag that takes one, and the folder of what is kept, in odd environments."""

import os
import pwd
from pathlib import Path

import pytest

from convcam_jax.stages.without_labels.new_recordings import find_recordings
from convcam_jax.system import paths
from convcam_jax.system.errors import UserError
from convcam_jax.system.jax_setup import prepare_jax
from experiments import command, descriptions

HOME_OF_USER = Path(pwd.getpwuid(os.getuid()).pw_dir)
# Flags that take a path, with those that they need, and where the path arrives.
PATH_FLAGS = {
    "data_dir": (["--corpus=emodb"], lambda settings: settings.config.corpus.data_dir),
    "workdir": ([], lambda settings: settings.workdir),
    "cache_dir": ([], lambda settings: settings.cache_dir),
    "maps": (["--experiment=analyse_maps"], lambda settings: settings.maps),
    "from_workdir": (["--experiment=ablation"], lambda settings: settings.from_workdir),
    "set=network.weights": (
        ["--corpus=emodb", "--data_dir=/x", "--network=vgg16"],
        lambda settings: settings.config.network.weights,
    ),
}


def settings_of(*arguments: str):
    return command.settings_of(command.read_flags(arguments, descriptions()))


@pytest.mark.parametrize("flag", PATH_FLAGS)
@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("~/x", "{home}/x"),
        ("~", "{home}"),
        ("~root/x", f"{pwd.getpwuid(0).pw_dir}/x"),
        ("./~/x", "~/x"),
        ("a/~/x", "a/~/x"),
        ("/a b/x", "/a b/x"),
        ("/Mu\u0308ller/x", "/Mu\u0308ller/x"),
        ("/M\u00fcller/x", "/M\u00fcller/x"),
    ],
)
def test_a_home_folder_in_a_path_is_that_of_the_user_and_the_rest_stays_as_it_is_written(
    monkeypatch, tmp_path, flag, path, meant
):
    monkeypatch.setenv("HOME", str(tmp_path))
    # The usual cache would lie in a home that is the workdir.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path.with_name("cache")))
    others, arrives = PATH_FLAGS[flag]
    assert str(arrives(settings_of(f"--{flag}={path}", *others))) == meant.format(home=tmp_path)


def test_a_folder_of_compiled_programs_that_is_not_utf8_is_told_before_jax_is_set_up():
    with pytest.raises(UserError, match=r"^/tmp/caf\[U\+DCE9\]: has bytes that are not UTF-8.* another --cache_dir$"):
        prepare_jax(Path(os.fsdecode(b"/tmp/caf\xe9")))


@pytest.mark.parametrize("flag", PATH_FLAGS)
@pytest.mark.parametrize("path", ["x" * 300, f"/tmp/{'ä' * 200}/a", "x/" * 3000, "a\0b"], ids=["a", "b", "c", "d"])
def test_a_path_that_no_file_can_have_is_told(flag, path):
    with pytest.raises(
        UserError, match=r"is no path that a file can have \((too long|embedded null byte)\); write another one$"
    ):
        settings_of(f"--{flag}={path}", *PATH_FLAGS[flag][0])


@pytest.mark.parametrize("flag", PATH_FLAGS)
def test_the_home_of_nobody_is_told(flag):
    with pytest.raises(UserError, match=r"^~no_such_user_here/x: the home folder is not known"):
        settings_of(f"--{flag}=~no_such_user_here/x", *PATH_FLAGS[flag][0])


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"HOME": "/h"}, "/h/.cache/convcam_jax"),
        ({"HOME": "/h", "XDG_CACHE_HOME": ""}, "/h/.cache/convcam_jax"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "relative"}, "/h/.cache/convcam_jax"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "~/kept"}, "/h/.cache/convcam_jax"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "/kept"}, "/kept/convcam_jax"),
        ({}, f"{HOME_OF_USER}/.cache/convcam_jax"),
        ({"HOME": ""}, f"{HOME_OF_USER}/.cache/convcam_jax"),
        ({"HOME": "relative"}, f"{HOME_OF_USER}/.cache/convcam_jax"),
        ({"XDG_CACHE_HOME": "/kept"}, "/kept/convcam_jax"),
    ],
)
def test_what_is_kept_lies_where_the_rules_of_xdg_say(monkeypatch, environment, expected):
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert settings_of().cache_dir == Path(expected)
    # Libraries that look at the variables themselves find no other folder.
    paths.forget_relative_folders()
    assert all(os.path.isabs(os.environ.get(name, "/")) for name in ("HOME", "XDG_CACHE_HOME"))
    assert paths.default_cache_dir() == Path(expected)


def test_files_of_libraries_lie_in_the_cache_only_where_there_is_no_home(monkeypatch, tmp_path):
    for name in ("MPLCONFIGDIR", "NUMBA_CACHE_DIR"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    paths.keep_libraries_files(tmp_path / "cache")
    assert "MPLCONFIGDIR" not in os.environ
    monkeypatch.setenv("HOME", str(tmp_path / "not_there"))
    paths.keep_libraries_files(tmp_path / "cache")
    assert os.environ["MPLCONFIGDIR"] == str(tmp_path / "cache" / "matplotlib")


def test_recordings_are_files_folders_and_several_of_these(tmp_path):
    for name in ("a,b.wav", "c.wav", "d/a.flac", "d/e.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    given = [f"{tmp_path / 'a,b.wav'}", f"{tmp_path / 'c.wav'},{tmp_path / 'd'}", f"{tmp_path / 'c.wav'}"]
    assert [u.recording for u in find_recordings(given)] == ["a,b", "c", "a"]
    quoted = [f'"{tmp_path / "a,b.wav"}", {tmp_path / "c.wav"}']
    assert [u.recording for u in find_recordings(quoted)] == ["a,b", "c"]
    for nothing in ("", ",", " "):
        with pytest.raises(UserError, match="--recordings: names no file or folder"):
            find_recordings([nothing])


@pytest.mark.parametrize("cache", ["w", "w/cache", "w/../w/a/b", "link/cache"])
def test_a_cache_inside_the_workdir_is_refused(tmp_path, cache):
    """Of `link` too, which is the workdir by another name."""
    (tmp_path / "link").symlink_to(tmp_path / "w")
    with pytest.raises(UserError, match=r"--cache_dir=.*: lies in --workdir, which is for the files of one run"):
        settings_of(f"--workdir={tmp_path / 'w'}", f"--cache_dir={tmp_path / cache}")
    beside = settings_of(f"--workdir={tmp_path / 'w'}", f"--cache_dir={tmp_path / 'w-cache'}")
    assert beside.cache_dir == tmp_path / "w-cache"


def test_the_workdir_may_lie_in_the_cache(tmp_path):
    assert settings_of(f"--workdir={tmp_path / 'runs' / 'w'}", f"--cache_dir={tmp_path}").cache_dir == tmp_path
