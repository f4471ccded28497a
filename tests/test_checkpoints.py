import errno
import gc
import os
import random
import threading
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from absl import logging
from damage import DAMAGES, put_back

from convcam_jax.system.errors import UserError
from convcam_jax.system.process.ending import message_of
from convcam_jax.training import checkpoints
from convcam_jax.training.checkpoints import Progress
from convcam_jax.training.member import MemberState


def make_progress(value: float) -> Progress:
    params = {"dense": {"kernel": jnp.full((2, 3, 4), value), "bias": jnp.arange(8.0).reshape(2, 4) + value}}
    variables = {"params": params, "batch_stats": {"norm": {"mean": jnp.full((2, 3), -value)}}}
    state = MemberState(
        variables,
        optax.adam(0.1).init(params),
        jax.tree.map(lambda leaf: leaf + 1, variables),
        jnp.array([0.25, -jnp.inf]),
        jnp.array([0.5, jnp.inf]),
        jnp.array([3, 0]),
        jnp.array([False, True]),
    )
    return Progress(state, np.array([[[value, np.nan]]]))


def assert_equal_trees(left, right):
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(np.asarray(a), np.asarray(b)), left, right)


def test_progress_comes_back_as_it_was(tmp_path):
    folder = tmp_path / "round"
    with checkpoints.open_manager(folder) as manager:
        assert manager.latest_step() is None
        checkpoints.save(manager, 1, make_progress(1.0))
        checkpoints.save(manager, 2, make_progress(2.0))
    with checkpoints.open_manager(folder) as manager:
        assert manager.latest_step() == 2
        back = checkpoints.restore(manager, 2, make_progress(0.0))
    expected = make_progress(2.0)
    assert_equal_trees(back, expected)
    assert jax.tree.structure(back) == jax.tree.structure(expected)
    dtypes = [[leaf.dtype for leaf in jax.tree.leaves(tree)] for tree in (back, expected)]
    assert dtypes[0] == dtypes[1]
    # The older one is not kept: a checkpoint of the whole ensemble is large.
    assert not (folder / "1").exists()


def test_what_a_killed_run_left_half_written_is_ignored_and_removed(tmp_path):
    folder = tmp_path / "round"
    with checkpoints.open_manager(folder) as manager:
        checkpoints.save(manager, 1, make_progress(1.0))
    half = folder / "2.orbax-checkpoint-tmp"
    half.mkdir()
    (half / "part").write_text("half")
    with checkpoints.open_manager(folder) as manager:
        assert manager.latest_step() == 1
        assert_equal_trees(checkpoints.restore(manager, 1, make_progress(0.0)), make_progress(1.0))
    assert not half.exists()


def test_what_orbax_leaves_out_is_told(tmp_path):
    with checkpoints.open_manager(tmp_path / "round") as manager:
        checkpoints.save(manager, 2, make_progress(2.0))
        # Again, as by a run that was killed behind its save: it is there.
        checkpoints.save(manager, 2, make_progress(2.0))
        with pytest.raises(UserError, match="checkpoint 1 was not saved; remove this folder"):
            checkpoints.save(manager, 1, make_progress(1.0))


def test_variables_of_a_finished_round(tmp_path):
    folder = tmp_path / "round"
    variables = make_progress(4.0).state.variables
    assert not checkpoints.is_complete(folder)
    with checkpoints.open_manager(folder):
        pass
    assert not checkpoints.is_complete(folder)
    checkpoints.save_variables(folder, variables)
    assert checkpoints.is_complete(folder)
    back = checkpoints.load_variables(folder)
    assert all(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(back))
    assert_equal_trees(back, variables)
    checkpoints.remove(folder)
    assert not checkpoints.is_complete(folder)


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    with checkpoints.open_manager(tmp_path / "round") as manager:

        def fail(*args, **kwargs):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(manager, "save", fail)
        with pytest.raises(UserError, match="disk is full"):
            checkpoints.save(manager, 1, make_progress(1.0))


# As TensorStore says it, the path shortened.
STORAGE_ERROR = (
    'RESOURCE_EXHAUSTED: Error writing local file "/x/0": Failed writing: "/x/0.__lock": '
    "Failed to write 2711040 bytes to file 14: {text} [os_error_code='{code}']"
)


@pytest.mark.parametrize(
    ("code", "words"), [(errno.ENOSPC, "the disk is full; make room"), (errno.EROFS, "cannot be written")]
)
def test_problems_of_the_disk_are_told_when_tensorstore_meets_them(tmp_path, monkeypatch, code, words):
    verbosity = logging.get_verbosity()
    with checkpoints.open_manager(tmp_path / "round") as manager:

        def fail(*args, **kwargs):
            raise ValueError(STORAGE_ERROR.format(text=os.strerror(code), code=code))

        monkeypatch.setattr(manager, "save", fail)
        with pytest.raises(UserError) as error:
            checkpoints.save(manager, 1, make_progress(1.0))
    assert str(error.value).startswith(f"{tmp_path / 'round'}: {words}")
    assert logging.get_verbosity() == verbosity


# Orbax's threads log what they raise, and go on when another one's error has ended the save.
LATE_MESSAGE = compile("logging.error('late')", f"{os.sep}orbax{os.sep}futures.py", "exec")


@pytest.mark.parametrize("whose", ["orbax", "another"])
def test_what_threads_of_orbax_say_behind_a_failed_save_is_not_shown(whose, tmp_path, monkeypatch, caplog):
    may_speak = threading.Event()

    def speak_late():
        may_speak.wait(timeout=60)
        if whose == "orbax":
            exec(LATE_MESSAGE, {"logging": logging})
        else:
            logging.error("late")

    thread = threading.Thread(target=speak_late)
    with checkpoints.open_manager(tmp_path / "round") as manager:

        def fail(*args, **kwargs):
            thread.start()
            raise ValueError(STORAGE_ERROR.format(text=os.strerror(errno.ENOSPC), code=errno.ENOSPC))

        monkeypatch.setattr(manager, "save", fail)
        with pytest.raises(UserError, match="the disk is full"):
            checkpoints.save(manager, 1, make_progress(1.0))
    may_speak.set()
    thread.join()
    assert [record.getMessage() for record in caplog.records] == ["late"] * (whose == "another")


@pytest.mark.parametrize(
    ("text", "raised"), [("RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes", MemoryError), ("other", ValueError)]
)
def test_other_errors_of_a_save_pass_through_and_a_want_of_memory_is_one(tmp_path, monkeypatch, text, raised):
    with checkpoints.open_manager(tmp_path / "round") as manager:

        def fail(*args, **kwargs):
            raise ValueError(text)

        monkeypatch.setattr(manager, "save", fail)
        with pytest.raises(raised, match=text):
            checkpoints.save(manager, 1, make_progress(1.0))


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "training").write_text("a file")
    with pytest.raises(UserError, match="round: cannot be written"):
        checkpoints.open_manager(tmp_path / "training" / "round")


@pytest.mark.parametrize("is_given", [True, False], ids=["given", "current"])
def test_what_lies_in_a_folder_that_is_not_utf8_is_told_and_not_called_damaged(tmp_path, monkeypatch, is_given):
    """TensorStore takes no such path; the current folder may be one, too."""
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    checkpoints.save_variables(tmp_path / "round", {"a": jnp.zeros(2)})
    folder.mkdir()
    (tmp_path / "round").rename(folder / "round")
    monkeypatch.chdir(folder)
    given = folder / "round" if is_given else Path("round")
    for ask in (checkpoints.check_folder, checkpoints.is_complete, checkpoints.load_variables):
        with pytest.raises(UserError, match=r"caf\[U\+DCE9\]/round: has bytes that are not UTF-8") as error:
            ask(given)
        assert not isinstance(error.value, checkpoints.DamagedCheckpoint)
    checkpoints.check_folder(tmp_path / "café")


def test_a_folder_with_a_backslash_is_refused_as_arrays_would_be_kept_in_another(tmp_path):
    with pytest.raises(UserError, match=r"a\\b/round: has a backslash, .* another --workdir$"):
        checkpoints.save_variables(tmp_path / "a\\b" / "round", {"a": jnp.zeros(2)})
    assert not list(tmp_path.iterdir())


# Linux lets nobody read it, not even who may read all files.
UNREADABLE = Path("/proc/sys/vm/compact_memory")


@pytest.mark.skipif(not UNREADABLE.exists(), reason="needs a file that nobody may read")
@pytest.mark.parametrize("name", ["0.0.0", "0.0", ".zarray"])
def test_arrays_that_the_system_does_not_let_be_read_are_not_damaged(name, tmp_path):
    folder = tmp_path / "round"
    with checkpoints.open_manager(folder) as manager:
        checkpoints.save(manager, 0, make_progress(2.0))
    unread = min(path for path in folder.rglob(name) if "state.variables" in str(path))
    content = unread.read_bytes()
    unread.unlink()
    unread.symlink_to(UNREADABLE)
    with checkpoints.open_manager(folder) as manager:
        for read in (
            lambda: checkpoints.restore(manager, 0, make_progress(0.0)),
            lambda: checkpoints.load_variables(folder),
        ):
            with pytest.raises(PermissionError) as error:
                read()
            assert message_of(error.value).startswith(f"{folder}: Permission denied; mend this, then ")
    unread.unlink()
    unread.write_bytes(content)
    with checkpoints.open_manager(folder) as manager:
        assert_equal_trees(checkpoints.restore(manager, 0, make_progress(0.0)), make_progress(2.0))
    unread.unlink()
    with pytest.raises(checkpoints.DamagedCheckpoint):
        checkpoints.load_variables(folder)
    gc.collect()


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (ValueError(STORAGE_ERROR.format(text="", code=errno.EMFILE)), OSError),
        (ValueError(STORAGE_ERROR.format(text="", code=errno.EIO)), OSError),
        (OSError(errno.ESTALE, "Stale file handle"), OSError),
        (MemoryError(), MemoryError),
        (ValueError("RESOURCE_EXHAUSTED: Out of memory"), MemoryError),
        (FileNotFoundError(errno.ENOENT, "No such file"), checkpoints.DamagedCheckpoint),
        (ValueError(STORAGE_ERROR.format(text="", code=errno.ENOTDIR)), checkpoints.DamagedCheckpoint),
    ],
)
def test_what_the_system_says_is_found_behind_another_error(error, raised, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        try:
            raise error
        except type(error) as cause:
            raise KeyError("of Orbax") from cause

    checkpoints.save_variables(tmp_path / "round", {"a": jnp.zeros(2)})
    monkeypatch.setattr(checkpoints.ocp.CheckpointManager, "restore", fail)
    with pytest.raises(raised):
        checkpoints.load_variables(tmp_path / "round")


EACH_DAMAGE = [pytest.param(own, id=own.__name__, marks=pytest.mark.slow) for own in DAMAGES]


@pytest.fixture(scope="module")
def whole_checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "round"
    checkpoints.save_variables(folder, make_progress(4.0).state.variables)
    return folder


def names_of(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("damage", EACH_DAMAGE)
def test_a_damaged_checkpoint_is_found_or_restored_as_it_was(damage, whole_checkpoint, tmp_path):
    expected, draw, found = make_progress(4.0).state.variables, random.Random(0), set()
    for name in names_of(whole_checkpoint):
        put_back(tmp_path / "round", whole_checkpoint)
        damage(tmp_path / "round" / name, draw)
        if not checkpoints.is_complete(tmp_path / "round"):
            continue
        try:
            assert_equal_trees(checkpoints.load_variables(tmp_path / "round"), expected)
        except checkpoints.DamagedCheckpoint:
            found.add(name.rpartition("/")[2])
    gc.collect()
    # What the arrays themselves are kept in is never believed.
    assert {"0.0.0", "0.0", "0"} <= found
    assert not found & {"commit_success.txt"}


@pytest.mark.parametrize("damage", EACH_DAMAGE)
def test_progress_with_damaged_arrays_is_found(damage, tmp_path):
    draw = random.Random(1)
    with checkpoints.open_manager(tmp_path / "whole") as manager:
        checkpoints.save(manager, 3, make_progress(2.0))
    arrays = [name for name in names_of(tmp_path / "whole") if name.rpartition("/")[2].replace(".", "").isdigit()]
    assert len(arrays) > 10
    for name in arrays[::4]:
        put_back(tmp_path / "round", tmp_path / "whole")
        damage(tmp_path / "round" / name, draw)
        with (
            checkpoints.open_manager(tmp_path / "round") as manager,
            pytest.raises(checkpoints.DamagedCheckpoint, match=r"round: is damaged; remove this folder"),
        ):
            checkpoints.restore(manager, 3, make_progress(0.0))
    gc.collect()


@pytest.mark.slow
def test_a_round_whose_checkpoint_is_another_rounds_is_found(whole_checkpoint, tmp_path):
    checkpoints.save_variables(tmp_path / "other", make_progress(5.0).state.variables)
    put_back(tmp_path / "round", whole_checkpoint)
    [name] = [own for own in names_of(whole_checkpoint) if "bias" in own and own.endswith("/0.0")]
    (tmp_path / "round" / name).write_bytes((tmp_path / "other" / name).read_bytes())
    with pytest.raises(checkpoints.DamagedCheckpoint):
        checkpoints.load_variables(tmp_path / "round")
