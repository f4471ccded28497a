import errno
import os

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from absl import logging

from convcam_jax.system.errors import UserError
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


def test_other_errors_of_a_save_pass_through(tmp_path, monkeypatch):
    with checkpoints.open_manager(tmp_path / "round") as manager:

        def fail(*args, **kwargs):
            raise ValueError("RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes")

        monkeypatch.setattr(manager, "save", fail)
        with pytest.raises(ValueError, match="Out of memory"):
            checkpoints.save(manager, 1, make_progress(1.0))


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "training").write_text("a file")
    with pytest.raises(UserError, match="round: cannot be written"):
        checkpoints.open_manager(tmp_path / "training" / "round")
