"""Checkpoints of a round of members while it trains, and the round's result once it is done, by Orbax.

Each holds a checksum of its arrays, which Orbax does not look at: what the disk has damaged is not believed.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from logging import LogRecord
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import orbax.checkpoint as ocp
from absl import logging

from convcam_jax.networks.network import Variables
from convcam_jax.system.errors import UserError, is_of_the_system
from convcam_jax.system.files import disk_errors, make_folder
from convcam_jax.system.paths import require_utf8
from convcam_jax.training.member import MemberState

# A finished round has one checkpoint.
_ONLY_STEP = 0
_TREE, _CHECKSUM = "tree", "sha256"


class DamagedCheckpoint(UserError):  # noqa: N818
    """A checkpoint whose files are not what was written."""


class Progress(NamedTuple):
    """A round in the middle of its training.

    Attributes:
      state: of the members `[S]`.
      history: `[S, epochs, 4]` loss and accuracy of training, then of validation; NaN where a member has not trained.
    """

    state: MemberState
    history: np.ndarray


@contextmanager
def _storage_errors(folder: Path) -> Iterator[None]:
    """`disk_errors`, also of what TensorStore has in the text of another error."""
    verbosity = logging.get_verbosity()
    with disk_errors(folder):
        try:
            # Orbax logs what it raises, with a traceback.
            logging.set_verbosity(logging.FATAL)
            yield
        except Exception as error:
            found = next(_errors_of_the_system(error, folder), None)
            if found is None:
                raise
            # For good: nobody knows when the last of its threads has spoken.
            logging.get_absl_logger().addFilter(_is_not_said_by_a_thread_of_orbax)
            raise found from error
        finally:
            logging.set_verbosity(verbosity)


def _errors_of_the_system(error: BaseException | None, folder: Path) -> Iterator[OSError | MemoryError]:
    """What the system has said in an error and in those that led to it, as errors of `folder`.

    TensorStore has it in the text of a ValueError, and Orbax may raise another error from that.
    """
    while error is not None:
        in_text = re.search(r"os_error_code='(\d+)'", str(error))
        number = error.errno if isinstance(error, OSError) else int(in_text[1]) if in_text else None
        if number is not None:
            yield OSError(number, os.strerror(number), str(folder))
        elif isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):
            yield MemoryError(str(error))
        error = error.__cause__ or error.__context__


def _is_not_said_by_a_thread_of_orbax(record: LogRecord) -> bool:
    """Whether a message may be shown: when one thread has failed, the others may go on to do so, and say it late."""
    return record.threadName == "MainThread" or f"{os.sep}orbax{os.sep}" not in record.pathname


def check_folder(folder: Path) -> None:
    """Raise UserError where a folder for checkpoints, or for folders of them, has a path in which none can be kept.

    That is one, as a whole, that is not UTF-8 or has a backslash: TensorStore would write the arrays elsewhere.
    """
    path = folder.absolute()
    require_utf8(path, "--workdir")
    if "\\" in str(path):
        raise UserError(
            f"{path}: has a backslash, with which no networks are kept; rename the folder, or choose another --workdir"
        )


def open_manager(folder: Path) -> ocp.CheckpointManager:
    """The checkpoints in `folder`: the newest complete one is kept, what a killed run left half-written is removed.

    They are this process's own, if there are several: none of the others takes part. Raises UserError as `check_folder`
    does.
    """
    check_folder(folder)
    process = jax.process_index()
    alone = ocp.options.MultiprocessingOptions(
        primary_host=process, active_processes={process}, barrier_sync_key_prefix=f"process_{process}"
    )
    options = ocp.CheckpointManagerOptions(
        max_to_keep=1,
        enable_async_checkpointing=False,
        cleanup_tmp_directories=True,
        create=False,
        multiprocessing_options=alone,
    )
    # Trained weights hardly compress; without compression a checkpoint takes a third of the time.
    handler = ocp.PyTreeCheckpointHandler(use_compression=False, use_ocdbt=False, multiprocessing_options=alone)
    make_folder(folder)
    with _storage_errors(folder):
        return ocp.CheckpointManager(folder.absolute(), options=options, item_handlers=handler)


def save(manager: ocp.CheckpointManager, step: int, tree: Any) -> None:
    """Save a tree of arrays; on return it is complete on disk. Of several processes, only the first one can."""
    if jax.process_count() > 1:
        # What one process has on its own devices, Orbax takes as NumPy arrays only, and from the first process.
        tree = jax.tree.map(np.asarray, tree)
    with _storage_errors(Path(manager.directory)):
        manager.save(step, args=ocp.args.PyTreeSave({_TREE: tree, _CHECKSUM: _checksum(tree)}))
        manager.wait_until_finished()
    # Orbax leaves out, and says so by its answer alone, what is older than its newest checkpoint.
    if step not in manager.all_steps():
        raise UserError(f"{manager.directory}: checkpoint {step} was not saved; remove this folder and start again")


def restore(manager: ocp.CheckpointManager, step: int, like: Any) -> Any:
    """The tree saved at `step`, with the structure, types and shardings of `like` (arrays or shapes).

    Raises DamagedCheckpoint, or the system's error where it did not let the files be read.
    """
    whole = {_TREE: like, _CHECKSUM: _checksum(())}
    with _damage(Path(manager.directory)):
        arguments = ocp.checkpoint_utils.construct_restore_args(whole)
        return _checked(manager.restore(step, args=ocp.args.PyTreeRestore(whole, restore_args=arguments)))


def save_variables(folder: Path, variables: Variables) -> None:
    """Save the variables of a trained round."""
    with open_manager(folder) as manager:
        save(manager, _ONLY_STEP, variables)


def is_complete(folder: Path) -> bool:
    """Whether `save_variables` has come to its end in `folder`."""
    if not folder.is_dir():
        return False
    with open_manager(folder) as manager:
        return manager.latest_step() is not None


def load_variables(folder: Path) -> Variables:
    """The variables of a trained round, as NumPy arrays.

    Raises UserError where there is no such folder, DamagedCheckpoint, or the system's error.
    """
    if not folder.is_dir():
        raise UserError(
            f"{folder}: is not there; put it back or give the run's command again, which trains its members anew"
        )
    with _damage(folder), open_manager(folder) as manager:
        shapes = manager.item_metadata(_ONLY_STEP)
        as_numpy = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), shapes)
        return _checked(manager.restore(_ONLY_STEP, args=ocp.args.PyTreeRestore(restore_args=as_numpy)))


def _checksum(tree: Any) -> np.ndarray:
    """SHA-256 of the types, shapes and values of the leaves: 32 numbers of 8 bits."""
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(tree):
        array = np.ascontiguousarray(leaf)
        digest.update(f"{array.dtype} {np.shape(leaf)};".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return np.frombuffer(digest.digest(), np.uint8)


def _checked(whole: Any) -> Any:
    tree = whole[_TREE]
    if not np.array_equal(_checksum(tree), whole[_CHECKSUM]):
        raise ValueError("the checksum is another one")
    return tree


@contextmanager
def _damage(folder: Path) -> Iterator[None]:
    """Turn what Orbax raises of files that are not what it has written, which may be anything, into one error.

    Where the system did not let them be read, they may be whole: its own error is raised.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if found := next(filter(is_of_the_system, _errors_of_the_system(error, folder)), None):
            raise found from error
        raise DamagedCheckpoint(
            f"{folder}: is damaged; remove this folder and give the run's command again, which trains its members anew"
        ) from error


def remove(folder: Path) -> None:
    """Remove a folder of checkpoints."""
    shutil.rmtree(folder, ignore_errors=True)
