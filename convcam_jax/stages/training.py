"""Training of the ensemble, group by group, with checkpoints in between."""

import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import jax
import numpy as np
import pandas as pd
import psutil
from flax.traverse_util import flatten_dict, unflatten_dict
from orbax.checkpoint import CheckpointManager
from tqdm import tqdm

from convcam_jax.data.dataset import Dataset, network_inputs
from convcam_jax.networks.simplenet import SimpleNet, n_parameters
from convcam_jax.settings.config import Config, Precision
from convcam_jax.stages.workdir import read_arrays, read_json, write_arrays, write_csv, write_json
from convcam_jax.system.errors import UserError
from convcam_jax.system.jax_setup import is_first_process, wait_for_all
from convcam_jax.system.progress import say
from convcam_jax.training import checkpoints
from convcam_jax.training.checkpoints import Progress
from convcam_jax.training.ensemble import (
    Epoch,
    Member,
    Plan,
    group_size,
    init_group,
    list_members,
    make_plan,
    train_epochs,
)
from convcam_jax.training.member import Recordings

HISTORY_COLUMNS = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
GROUPS = "groups.json"
# Parameters, two moments of Adam, the best parameters and a gradient are five copies; activations and what a
# checkpoint holds in flight take about as much as three more.
_PARAMETER_COPIES = 8
# What else runs on the machine, and this program itself, need the rest.
_SHARE_OF_MEMORY = 0.4


class Group(NamedTuple):
    """Members that are trained together, in the order of the leading axis of the parameters saved in `folder`."""

    members: tuple[Member, ...]
    folder: Path

    def history_file(self) -> Path:
        """Where `history [S, epochs, 4]` and `best_epoch [S]` are saved."""
        return self.folder.with_name(f"{self.folder.name}_history.npz")

    def handed_over_file(self) -> Path:
        """Where another process than the first one leaves the parameters, as arrays by the names of their leaves."""
        return self.folder.with_name(f"{self.folder.name}_handed_over.npz")


def make_model(config: Config, precision: Precision) -> SimpleNet:
    """The network of a config; `precision` is `config.train.precision` or, of trained ones, `config.cam.precision`."""
    return SimpleNet(config.model, n_classes=len(config.corpus.emotions), precision=precision)


def train_ensemble(config: Config, dataset: Dataset, workdir: Path) -> list[Group]:
    """Train all members, or go on where an earlier run stopped, and write `history.csv`; parameters go to `training/`.

    Several processes take the groups in turns. All but the first one keep nothing of a group that is not finished.

    Raises:
      UserError: a loss is not finite.
    """
    recordings = network_inputs(dataset, config)
    members = _members(config, dataset)
    training, validation = (
        {g: dataset.indices(g, split) for g in dataset.genders()} for split in ("train", "validation")
    )
    if is_first_process():
        make_groups(config, members, recordings, workdir / "training")
    wait_for_all("groups are known")
    groups = begun_groups(config, dataset, workdir)
    own = groups[jax.process_index() :: jax.process_count()]
    for number, group in enumerate(own, start=1):
        train_group(group, f"group {number} of {len(own)}", config, training, validation, recordings)
        if is_first_process():
            write_csv(workdir / "history.csv", history_table(own[:number]))
    wait_for_all("trained")
    if is_first_process():
        for group in groups:
            _take_over(group)
        write_csv(workdir / "history.csv", history_table(groups))
    return groups


def train_group(
    group: Group,
    name: str,
    config: Config,
    training: dict[str, np.ndarray],
    validation: dict[str, np.ndarray],
    recordings: Recordings,
) -> None:
    """Train a group, or go on where an earlier run stopped, unless it is complete; it is shown as `name`.

    `training` and `validation` are indices of recordings for each gender.

    Raises:
      UserError: a loss is not finite.
    """
    if not (checkpoints.is_complete(group.folder) or group.handed_over_file().exists()):
        names = ", ".join(f"{m.gender} {m.seed}" for m in group.members)
        say(f"training {name} ({config.train.precision}): {names}")
        plan = make_plan(np.asarray(recordings.n_frames), training, validation, group.members, config.train.batch_size)
        (_train if is_first_process() else _train_for_first_process)(group, config, plan, recordings)
    checkpoints.remove(_progress_folder(group))


def history_table(groups: list[Group]) -> pd.DataFrame:
    """Loss and accuracy of every member in every epoch: the table of `history.csv`."""
    rows = []
    for group in groups:
        history = read_arrays(group.history_file())["history"]
        for member, epochs in zip(group.members, history, strict=True):
            rows += [(*member, e, *scores) for e, scores in enumerate(epochs, start=1) if np.isfinite(scores).all()]
    return pd.DataFrame(rows, columns=["gender", "seed", "epoch", *HISTORY_COLUMNS])


def begun_groups(config: Config, dataset: Dataset, workdir: Path) -> list[Group]:
    """The groups of a run whose training has begun."""
    return _groups(_members(config, dataset), workdir / "training")


def make_groups(config: Config, members: tuple[Member, ...], recordings: Recordings, folder: Path) -> list[Group]:
    """The members in groups of equal size, to be saved in `folder`; a run that goes on keeps the size it began with."""
    note = folder / GROUPS
    if not note.exists():
        n_devices = jax.local_device_count()
        per_device = -(-config.train.members_at_once // n_devices) or members_per_device(config, recordings)
        n_genders = len({member.gender for member in members})
        size = group_size(n_genders, len(members) // n_genders, per_device, n_devices, jax.process_count())
        say(f"{len(members)} members, {size} at a time on {n_devices} devices")
        write_json(note, {"members_at_once": size})
    return _groups(members, folder)


def _groups(members: tuple[Member, ...], folder: Path) -> list[Group]:
    size = read_json(folder / GROUPS)["members_at_once"]
    starts = range(0, len(members), size)
    return [Group(members[s : s + size], folder / f"group_{s // size:02d}") for s in starts]


def _members(config: Config, dataset: Dataset) -> tuple[Member, ...]:
    return tuple(m for m in list_members(config.train) if m.gender in dataset.genders())


def members_per_device(config: Config, recordings: Recordings) -> int:
    """Members whose training the memory of one device holds, at least 1."""
    shapes = jax.eval_shape(
        make_model(config, config.train.precision).init,
        jax.random.key(0),
        recordings.spectrograms[:1],
        recordings.n_frames[:1],
    )
    bytes_per_member = 4 * _PARAMETER_COPIES * n_parameters(shapes["params"])
    available = int(_SHARE_OF_MEMORY * _bytes_per_device())
    say(f"a member takes about {bytes_per_member / 1e9:.2f} GB, a device has {available / 1e9:.1f} GB for its members")
    return max(1, available // bytes_per_member)


def _bytes_per_device() -> int:
    statistics = jax.local_devices()[0].memory_stats() or {}
    # The devices of a CPU share its memory.
    return statistics.get("bytes_limit") or psutil.virtual_memory().available // jax.local_device_count()


def _train(group: Group, config: Config, plan: Plan, recordings: Recordings) -> None:
    with checkpoints.open_manager(_progress_folder(group)) as manager:
        progress = _start_or_resume(manager, group.members, config)
        saved_at_s = monotonic()
        for epoch in _epochs_with_bar(group.members, progress, manager.latest_step() or 0, config, plan, recordings):
            progress = _record(progress, epoch, group.members)
            # What is saved below takes the place of the last epoch's checkpoint.
            is_due = monotonic() - saved_at_s >= config.train.checkpoint_interval_s
            if is_due and epoch.number < config.train.epochs:
                checkpoints.save(manager, epoch.number, progress)
                saved_at_s = monotonic()
    _write_history(group, progress)
    # The parameters come last: they tell that the group is complete.
    checkpoints.save_params(group.folder, progress.state.best_params)


def _train_for_first_process(group: Group, config: Config, plan: Plan, recordings: Recordings) -> None:
    progress = _start(group.members, config)
    for epoch in _epochs_with_bar(group.members, progress, 0, config, plan, recordings):
        progress = _record(progress, epoch, group.members)
    _write_history(group, progress)
    leaves = flatten_dict(progress.state.best_params, sep="/")
    write_arrays(group.handed_over_file(), {name: np.asarray(leaf) for name, leaf in leaves.items()})


def _write_history(group: Group, progress: Progress) -> None:
    arrays = {"history": progress.history, "best_epoch": np.asarray(progress.state.best_epoch)}
    write_arrays(group.history_file(), arrays)


def _take_over(group: Group) -> None:
    """Save the parameters of a group that another process has trained."""
    if group.handed_over_file().exists():
        checkpoints.save_params(group.folder, unflatten_dict(read_arrays(group.handed_over_file()), sep="/"))
        group.handed_over_file().unlink()


def _progress_folder(group: Group) -> Path:
    return group.folder.with_name(group.folder.name + "_in_progress")


def _start(members: tuple[Member, ...], config: Config) -> Progress:
    shape = (config.features.cqt_bins, config.corpus.max_frames)
    state = init_group(members, make_model(config, config.train.precision), config.train, shape)
    return Progress(state, np.full((len(members), config.train.epochs, len(HISTORY_COLUMNS)), np.nan))


def _start_or_resume(manager: CheckpointManager, members: tuple[Member, ...], config: Config) -> Progress:
    progress = _start(members, config)
    if manager.latest_step() is None:
        return progress
    say(f"going on after epoch {manager.latest_step()}")
    return checkpoints.restore(manager, manager.latest_step(), progress)


def _epochs_with_bar(
    members: tuple[Member, ...], progress: Progress, done: int, config: Config, plan: Plan, recordings: Recordings
) -> Iterator[Epoch]:
    n_steps = plan.train.shape[2]
    model = make_model(config, config.train.precision)
    with tqdm(total=config.train.epochs * n_steps, initial=done * n_steps, desc="training", unit="step") as bar:
        yield from train_epochs(members, progress.state, done + 1, recordings, plan, model, config.train, bar.update)


def _record(progress: Progress, epoch: Epoch, members: tuple[Member, ...]) -> Progress:
    """The progress after an epoch, which is also shown; a member that had stopped before gets no more entries."""
    scores = np.stack([x for s in (epoch.train, epoch.validation) for x in (s.mean_loss(), s.accuracy())], 1)
    running = np.asarray(epoch.running)
    for member, row in zip(np.array(members, dtype=object)[running], scores[running], strict=True):
        gender, seed = member
        if not np.isfinite(row).all():
            raise UserError(
                f"the loss of {gender} {seed} is not finite in epoch {epoch.number}; "
                "try a lower --set=train.learning_rate"
            )
        tqdm.write(f"epoch {epoch.number}, {gender} {seed}: {_in_words(row)}", file=sys.stderr)
    tqdm.write(f"epoch {epoch.number}, mean of {running.sum()}: {_in_words(scores[running].mean(0))}", file=sys.stderr)
    history = progress.history.copy()
    history[running, epoch.number - 1] = scores[running]
    return Progress(epoch.state, history)


def _in_words(scores: np.ndarray) -> str:
    loss, accuracy, validation_loss, validation_accuracy = scores
    return (
        f"loss {loss:.3f}, accuracy {accuracy:.3f}, "
        f"validation loss {validation_loss:.3f}, accuracy {validation_accuracy:.3f}"
    )
