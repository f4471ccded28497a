"""Checkpoints of a group of members while it trains, and the group's result once it is done, by Orbax."""

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import orbax.checkpoint as ocp

from convcam_jax.training import MemberState, Params
from convcam_jax.workdir import disk_errors


class GroupResult(NamedTuple):
    """What is kept of a trained group: `params [S, ...]` of the best epoch, `best_epoch [S]`, `history [S, epochs, 4]`.

    The history's columns are loss and accuracy of training, then of validation; NaN after a member stopped.
    """

    params: Params
    best_epoch: np.ndarray
    history: np.ndarray


class Progress(NamedTuple):
    """A group in the middle of its training."""

    state: MemberState
    history: np.ndarray


def open_manager(folder: Path) -> ocp.CheckpointManager:
    """The checkpoints in `folder`: the newest complete one is kept, what a killed run left half-written is removed."""
    options = ocp.CheckpointManagerOptions(
        max_to_keep=1, enable_async_checkpointing=False, cleanup_tmp_directories=True
    )
    # Trained weights hardly compress; without compression a checkpoint takes a third of the time.
    handler = ocp.PyTreeCheckpointHandler(use_compression=False, use_ocdbt=False)
    return ocp.CheckpointManager(folder.absolute(), options=options, item_handlers=handler)


def save(manager: ocp.CheckpointManager, step: int, tree: Any) -> None:
    """Save a tree of arrays; on return it is complete on disk."""
    with disk_errors(Path(manager.directory)):
        manager.save(step, args=ocp.args.PyTreeSave(tree))
        manager.wait_until_finished()


def restore(manager: ocp.CheckpointManager, step: int, like: Any) -> Any:
    """The tree saved at `step`, with the structure, types and shardings of `like` (arrays or shapes)."""
    arguments = ocp.checkpoint_utils.construct_restore_args(like)
    return manager.restore(step, args=ocp.args.PyTreeRestore(like, restore_args=arguments))


def save_result(folder: Path, result: GroupResult) -> None:
    """Save the result of a group."""
    with open_manager(folder) as manager:
        save(manager, 0, result)


def load_result(folder: Path) -> GroupResult | None:
    """The result of a group, or None if there is no complete one."""
    if not folder.is_dir():
        return None
    with open_manager(folder) as manager:
        if manager.latest_step() is None:
            return None
        saved = manager.restore(0, args=ocp.args.PyTreeRestore())
    return GroupResult(jax.tree.map(jax.numpy.asarray, saved["params"]), saved["best_epoch"], saved["history"])


def remove(folder: Path) -> None:
    """Remove a folder of checkpoints."""
    shutil.rmtree(folder, ignore_errors=True)
