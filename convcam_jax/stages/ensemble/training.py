"""Training of the ensemble, round by round, with checkpoints in between."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from orbax.checkpoint import CheckpointManager

from convcam_jax.data.members import Cohort, Member
from convcam_jax.data.recordings import ABSENT, Recordings
from convcam_jax.data.standardisation import fit_statistics
from convcam_jax.networks.network import Network, Variables
from convcam_jax.networks.standardised import with_statistics
from convcam_jax.representations.representation import Representation
from convcam_jax.settings.config import Config
from convcam_jax.stages.earlier_files import remove_earlier
from convcam_jax.stages.ensemble.pretrained import start_from_weights
from convcam_jax.stages.ensemble.rounds import (
    HISTORY_COLUMNS,
    KEPT_MAPS,
    ROUNDS_FILE,
    Round,
    all_members,
    history_table,
    is_trained,
    names_of,
    noted_size,
    read_rounds,
    trained_names,
)
from convcam_jax.stages.run import EXPLANATIONS, MODELS, Run
from convcam_jax.stages.stage import STAGES_FILE
from convcam_jax.system.errors import UserError, is_of_the_system
from convcam_jax.system.formats import read_arrays, write_arrays, write_csv, write_json
from convcam_jax.system.jax_setup import is_first_process, wait_for_all
from convcam_jax.system.progress import counted, say, show_progress
from convcam_jax.training import checkpoints
from convcam_jax.training.checkpoints import DamagedCheckpoint, Progress
from convcam_jax.training.class_weights import balanced_weights
from convcam_jax.training.ensemble import Epoch, Plan, init_round, make_plan, round_size, train_epochs
from convcam_jax.training.kept import rounded
from convcam_jax.training.member import MemberState
from convcam_jax.training.memory import bytes_for_members, bytes_per_member

Sets = Mapping[Cohort, np.ndarray]


class _Task(NamedTuple):
    """What a round is trained from: `plan` has its members, and which of the run's `recordings` each is given."""

    config: Config
    network: Network
    plan: Plan
    recordings: Recordings


def train_ensemble(run: Run) -> None:
    """Train all members, or go on where an earlier run stopped, and write `history.csv`; variables go to `training/`.

    Several processes take the rounds in turns. All but the first one keep nothing of a round that is not finished.

    Raises:
      UserError: a loss is not finite.
    """
    config, dataset, workdir = run.config, run.dataset, run.workdir
    training, validation = dataset.sets("train"), dataset.sets("validation")
    if is_first_process():
        make_rounds(config, all_members(config, dataset), workdir / "training", len(dataset.utterances))
    wait_for_all("rounds are known")
    rounds = run.rounds
    if is_first_process():
        forget_what_was_made(rounds, workdir)
    own_rounds = rounds[jax.process_index() :: jax.process_count()]
    for number, one in enumerate(own_rounds, start=1):
        was_trained = is_trained(one)
        train_round(one, f"round {number} of {len(own_rounds)}", config, training, validation, run.recordings)
        # The file that an earlier start has left has those that were trained.
        if is_first_process() and not was_trained:
            write_csv(workdir / "history.csv", history_table([one for one in own_rounds if is_trained(one)]))
    wait_for_all("trained")
    if is_first_process():
        for one in rounds:
            _take_over(one)
        write_csv(workdir / "history.csv", history_table(rounds))


def forget_what_was_made(rounds: list[Round], workdir: Path) -> None:
    """Have all that follows made anew where a round has to be trained again, as one that was damaged and removed.

    On another machine its networks are not the same to the bit as those that were explained and exported.
    """
    # All are asked: nothing is removed or trained where one of them has other members.
    trained = [is_trained(own) for own in rounds]
    if not all(trained):
        if (workdir / MODELS).exists():
            say(f"{workdir / MODELS} was of networks that are trained again; --experiment=export writes a new one")
        remove_earlier(workdir, STAGES_FILE, EXPLANATIONS, MODELS, f"training/{KEPT_MAPS}*")


def train_round(
    training_round: Round, name: str, config: Config, training: Sets, validation: Sets, recordings: Recordings
) -> None:
    """Train a round, or go on where an earlier run stopped, unless it is complete; it is shown as `name`.

    `training` and `validation` are indices of recordings for each cohort.

    Raises:
      UserError: a loss is not finite.
    """
    if not is_trained(training_round):
        checkpoints.remove(training_round.folder)
        training_round.handed_over_file().unlink(missing_ok=True)
        say(f"training {name} ({config.train.precision}): {', '.join(map(str, training_round.members))}")
        network = _network(config)
        n_frames, scale = np.asarray(recordings.n_frames), config.representation.scale
        plan = make_plan(n_frames, training, validation, training_round.members, network, config.train, scale)
        task = _Task(config, network, plan, recordings)
        (_train if is_first_process() else _train_for_first_process)(training_round, task)
    checkpoints.remove(training_round.progress_folder())


def make_rounds(config: Config, members: tuple[Member, ...], folder: Path, n_recordings: int) -> list[Round]:
    """The members in rounds, to be saved in `folder`; a run that goes on keeps the size that it began with.

    All are of one size, but the last may be shorter. `n_recordings` is how many the run has, which each device holds.
    """
    if not _is_noted(folder):
        # In rounds of another size than the first one all were trained anew.
        trained = trained_names(Round((), folder / "round_00"))
        size = len(trained) or _new_size(config, members, n_recordings)
        write_json(folder / ROUNDS_FILE, {"members_at_once": size})
    return read_rounds(members, folder)


def _is_noted(folder: Path) -> bool:
    """Whether it is noted how many members a round has, and the note is not damaged."""
    try:
        noted_size(folder)
    except UserError as error:
        if is_of_the_system(error.__cause__):
            raise
        return False
    return True


def _new_size(config: Config, members: tuple[Member, ...], n_recordings: int) -> int:
    n_devices, n_cohorts = jax.local_device_count(), len({member.cohort for member in members})
    per_device = _per_device(config, n_recordings)
    size = round_size(n_cohorts, len(members) // n_cohorts, per_device, n_devices, jax.process_count())
    say(f"{counted(len(members), 'member')}, {size} at a time on {counted(n_devices, 'device')}")
    return size


def _per_device(config: Config, n_recordings: int) -> int:
    """Members that train on one device at once: as many as the config says, or as its memory holds, at least 1."""
    if config.train.members_at_once:
        return -(-config.train.members_at_once // jax.local_device_count())
    per_member = bytes_per_member(_network(config), config.grid, config.train)
    available = bytes_for_members(config.grid, n_recordings)
    several = f" ({jax.device_count()} devices in {n} processes)" if (n := jax.process_count()) > 1 else ""
    room = f"a device has {available / 1e9:.1f} GB for its members{several}"
    say(f"a member takes about {per_member / 1e9:.2f} GB, {room}")
    return max(1, available // per_member)


def _network(config: Config) -> Network:
    precision = config.train.precision
    if precision == "fastest":
        raise ValueError("train.precision must be spelled out before the training: record.with_precision")
    return config.make_network(precision)


def _train(training_round: Round, task: _Task) -> None:
    train = task.config.train
    with checkpoints.open_manager(training_round.progress_folder()) as manager:
        reached, done = _start_or_resume(manager, task)
        saved_at_s = monotonic()
        for epoch in _shown_epochs(reached, done, task):
            reached = _record(reached, epoch, training_round.members)
            # What is saved below takes the place of the last epoch's checkpoint.
            is_due = monotonic() - saved_at_s >= train.checkpoint_interval_s
            if is_due and epoch.number < train.epochs:
                checkpoints.save(manager, epoch.number, reached)
                saved_at_s = monotonic()
    _write_history(training_round, reached)
    # The variables come last: they tell that the round is complete.
    checkpoints.save_variables(training_round.folder, _kept(reached, task.config))


def _train_for_first_process(training_round: Round, task: _Task) -> None:
    reached = _with_weights(_start(task), task.network)
    for epoch in _shown_epochs(reached, 0, task):
        reached = _record(reached, epoch, training_round.members)
    _write_history(training_round, reached)
    leaves = flatten_dict(_kept(reached, task.config), sep="/")
    write_arrays(training_round.handed_over_file(), {name: np.asarray(leaf) for name, leaf in leaves.items()})


def _kept(reached: Progress, config: Config) -> Variables:
    best = reached.state.best_variables
    return rounded(best) if config.train.kept_precision == "float16" else best


def _write_history(training_round: Round, reached: Progress) -> None:
    best_epoch = np.asarray(reached.state.best_epoch)
    arrays = {"members": names_of(training_round.members), "history": reached.history, "best_epoch": best_epoch}
    write_arrays(training_round.history_file(), arrays)


def _take_over(training_round: Round) -> None:
    """Save the variables of a round that another process has trained."""
    if training_round.handed_over_file().exists():
        checkpoints.save_variables(
            training_round.folder, unflatten_dict(read_arrays(training_round.handed_over_file()), sep="/")
        )
        training_round.handed_over_file().unlink()


def _start(task: _Task) -> Progress:
    config, network, plan, recordings = task
    state = init_round(plan.members, network, config.train, config.grid)
    if config.representation.standardisation != "none":
        state = _standardised(state, recordings, plan, config.representation)
    if config.train.class_weights == "balanced":
        state = _weighed(state, recordings, plan)
    return Progress(state, np.full((len(plan.members), config.train.epochs, len(HISTORY_COLUMNS)), np.nan))


def _with_weights(progress: Progress, network: Network) -> Progress:
    return progress._replace(state=start_from_weights(progress.state, network))


def _standardised(
    state: MemberState, recordings: Recordings, plan: Plan, representation: Representation
) -> MemberState:
    """The state with the mean and deviation of each member's own training recordings."""
    per_bin, scale = representation.standardisation == "per_bin", representation.scale
    fitted = [fit_statistics(recordings, own, per_bin, scale) for own in plan.train]
    statistics = {name: np.stack([own[name] for own in fitted]).astype(np.float32) for name in fitted[0]}
    return state._replace(
        variables=with_statistics(state.variables, statistics),
        best_variables=with_statistics(state.best_variables, statistics),
    )


def _weighed(state: MemberState, recordings: Recordings, plan: Plan) -> MemberState:
    """The state with the weights of the classes in each member's own training recordings."""
    begun = state.class_weights
    if begun is None:
        raise ValueError("the state has no weights of classes")
    emotion = np.asarray(recordings.emotion)
    counts = [np.bincount(emotion[own[own != ABSENT]], minlength=begun.shape[1]) for own in plan.train]
    weights = jax.vmap(balanced_weights)(jnp.asarray(np.stack(counts)))
    return state._replace(class_weights=jax.device_put(weights, begun.sharding))


def _start_or_resume(manager: CheckpointManager, task: _Task) -> tuple[Progress, int]:
    """What the newest checkpoint holds that is whole, or the beginning, and after which epoch that is.

    There are two where a run was killed between having written one and having removed the one before.
    """
    begun = _start(task)
    while (epoch := manager.latest_step()) is not None:
        try:
            progress = checkpoints.restore(manager, epoch, begun)
        except DamagedCheckpoint:
            say(f"the checkpoint after epoch {epoch} is damaged and left out")
            manager.delete(epoch)
        else:
            say(f"going on after epoch {epoch}")
            return progress, epoch
    return _with_weights(begun, task.network), 0


def _shown_epochs(begun: Progress, done: int, task: _Task) -> Iterator[Epoch]:
    config, network, plan, recordings = task
    n_steps = plan.train.shape[2]
    with show_progress("training", config.train.epochs * n_steps, "step", done * n_steps) as update:
        yield from train_epochs(begun.state, done + 1, recordings, plan, network, config.train, update)


def _record(reached: Progress, epoch: Epoch, members: tuple[Member, ...]) -> Progress:
    """The progress after an epoch, which is also shown; a member that had stopped before gets no more entries."""
    scores = np.stack([x for s in (epoch.train, epoch.validation) for x in (s.mean_loss(), s.accuracy())], 1)
    running = np.asarray(epoch.running)
    for member, row, runs in zip(members, scores, running, strict=True):
        if not runs:
            continue
        if not np.isfinite(row).all():
            raise UserError(
                f"the loss of {member} is not finite in epoch {epoch.number}; try a lower --set=train.learning_rate"
            )
        say(f"epoch {epoch.number}, {member}: {_in_words(row)}")
    say(f"epoch {epoch.number}, mean of {running.sum()}: {_in_words(scores[running].mean(0))}")
    history = reached.history.copy()
    history[running, epoch.number - 1] = scores[running]
    return Progress(epoch.state, history)


def _in_words(scores: np.ndarray) -> str:
    loss, accuracy, validation_loss, validation_accuracy = scores
    return (
        f"loss {loss:.3f}, accuracy {accuracy:.3f}, "
        f"validation loss {validation_loss:.3f}, accuracy {validation_accuracy:.3f}"
    )
