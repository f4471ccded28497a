"""The ensemble: members (gender x seed) with a leading axis S, trained and evaluated together.

Every program here is `jit(shard_map(vmap(function of one member)))`: within a device the members are batched by `vmap`,
over the devices of the mesh they are divided (`explaining` and `assessment` divide recordings too). Members that do
not fit in the memory together are trained in groups.
"""

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jax.sharding import Mesh, PartitionSpec

from convcam_jax.batches import draw_batches, stratify, strip_columns
from convcam_jax.config import GENDERS, TrainConfig
from convcam_jax.simplenet import SimpleNet
from convcam_jax.training import (
    NO_SCORES,
    QUICKLY_COMPILED,
    MemberState,
    Recordings,
    Scores,
    end_epoch,
    init_member,
    score_batch,
    train_step,
)


class Member(NamedTuple):
    """One model of the ensemble."""

    gender: str
    seed: int


class Plan(NamedTuple):
    """Which recordings a group of members is trained and validated on, in strata (see `convcam_jax.batches`).

    Attributes:
      train: `[S, n_strata, n_steps]` indices of recordings.
      validation: `[S, n_strata, n_steps]`.
      train_columns: length of the strip for a training batch.
      validation_columns: the same for a validation batch.
    """

    train: np.ndarray
    validation: np.ndarray
    train_columns: int
    validation_columns: int


class Epoch(NamedTuple):
    """One epoch of a group.

    Attributes:
      number: from 1.
      running: `[S]` bool, whether the member had not stopped before.
      state: `[S]` the members after the epoch.
      train: `[S]` scores over the training steps, with dropout.
      validation: `[S]` scores after the epoch.
    """

    number: int
    running: Array
    state: MemberState
    train: Scores
    validation: Scores


def list_members(config: TrainConfig) -> tuple[Member, ...]:
    """All members, by gender, then seed."""
    return tuple(Member(g, config.first_seed + i) for g in GENDERS for i in range(config.seeds))


def group_size(n_members: int, members_per_device: int, n_devices: int, n_processes: int = 1) -> int:
    """Members that are trained at once: the largest divisor of `n_members` that the devices can hold, at least 1.

    With several processes, of `n_devices` each, at least one group for each of them.
    """
    fitting = [
        size
        for size in range(1, n_members // n_processes + 1)
        if n_members % size == 0 and size // devices_used(size, n_devices) <= members_per_device
    ]
    return max(fitting, default=1)


def devices_used(n_members: int, n_devices: int) -> int:
    """As many devices as divide the members evenly."""
    return max(n for n in range(1, n_devices + 1) if n_members % n == 0)


def member_mesh(n_members: int) -> Mesh:
    """A mesh over the devices of this process that the members are divided over."""
    devices = jax.local_devices()
    return Mesh(np.array(devices[: devices_used(n_members, len(devices))]), ("member",))


def member_and_recording_mesh(n_members: int, n_batches: int) -> Mesh:
    """A mesh over the devices of this process for members that share their batches of recordings.

    As many devices as divide both evenly, the members rather than the batches where there is a choice.
    """
    devices = jax.local_devices()
    rows = [n for n in range(1, len(devices) + 1) if n_members % n == 0]
    sizes = [(r, max(c for c in range(1, len(devices) // r + 1) if n_batches % c == 0)) for r in rows]
    n_rows, n_columns = max(sizes, key=lambda size: (math.prod(size), size[0]))
    return Mesh(np.array(devices[: n_rows * n_columns]).reshape(n_rows, n_columns), ("member", "recording"))


def over_members(
    function: Callable[..., Any],
    mesh: Mesh,
    mapped: tuple[bool, ...],
    donate: tuple[int, ...] = (),
    compiler_options: dict[str, Any] | None = None,
) -> Callable[..., Any]:
    """The program of a group from a function of one member; `mapped` says which arguments have the member axis."""
    specs = tuple(PartitionSpec("member") if m else PartitionSpec() for m in mapped)
    batched = jax.vmap(function, in_axes=tuple(0 if m else None for m in mapped))
    divided = jax.shard_map(batched, mesh=mesh, in_specs=specs, out_specs=PartitionSpec("member"), check_vma=False)
    return jax.jit(divided, donate_argnums=donate, compiler_options=compiler_options)


def take_members(params: Any, rows: list[int]) -> Any:
    """Some members' parameters `[len(rows), ...]`, from those of a group as NumPy arrays `[S, ...]`."""
    return jax.tree.map(lambda leaf: leaf[np.array(rows)], params)


def member_keys(members: tuple[Member, ...]) -> Array:
    """One key per member `[S]`, from its seed and gender alone."""
    return jnp.stack([jax.random.fold_in(jax.random.key(m.seed), GENDERS.index(m.gender)) for m in members])


def steps_per_epoch(training_sets: dict[str, np.ndarray], batch_size: int) -> int:
    """Batches of at most `batch_size` that the largest set needs.

    All members take as many steps, those of a smaller set in smaller batches, so that they can be trained together.
    """
    return -(-max(len(indices) for indices in training_sets.values()) // batch_size)


def batch_strata(
    n_frames: np.ndarray, sets: dict[str, np.ndarray], members: tuple[Member, ...], n_steps: int
) -> tuple[np.ndarray, int]:
    """Strata `[S, n_strata, n_steps]` of every member's set of recordings, and the length of strip for their batches.

    Args:
      n_frames: `[N]` of all recordings.
      sets: for each gender, the indices of its recordings.
      members: the group.
      n_steps: batches per epoch.
    """
    own = [sets[member.gender] for member in members]
    n_strata = -(-max(map(len, own)) // n_steps)
    strata = np.stack([stratify(n_frames, indices, n_steps, n_strata) for indices in own])
    return strata, max(strip_columns(n_frames, s) for s in strata)


def make_plan(
    n_frames: np.ndarray,
    training: dict[str, np.ndarray],
    validation: dict[str, np.ndarray],
    members: tuple[Member, ...],
    batch_size: int,
) -> Plan:
    """The plan of a group; `training` and `validation` are indices of recordings for each gender."""
    train, train_columns = batch_strata(n_frames, training, members, steps_per_epoch(training, batch_size))
    held_out, columns = batch_strata(n_frames, validation, members, steps_per_epoch(validation, batch_size))
    return Plan(train, held_out, train_columns, columns)


def init_group(
    members: tuple[Member, ...], model: SimpleNet, config: TrainConfig, shape: tuple[int, int]
) -> MemberState:
    """States `[S]` before the first epoch, laid over the devices; `shape` is (F, T) of the inputs."""
    keys = _member_key_streams(members)[0]
    initialise = partial(init_member, model=model, optimizer=optax.adam(config.learning_rate), shape=shape)
    return over_members(initialise, member_mesh(len(members)), (True,), compiler_options=QUICKLY_COMPILED)(keys)


def evaluate_group(params: Any, recordings: Recordings, strata: np.ndarray, model: SimpleNet, n_columns: int) -> Scores:
    """Scores `[S]` of members' parameters on their recordings `strata [S, n_strata, n_steps]`, without dropout."""
    evaluate = partial(_evaluate, model=model, n_columns=n_columns)
    return over_members(evaluate, member_mesh(len(strata)), (True, False, True))(params, recordings, strata)


def step_program(
    members: tuple[Member, ...], n_columns: int, model: SimpleNet, config: TrainConfig
) -> Callable[[Array, MemberState, Recordings, Array, Array], tuple[MemberState, Scores]]:
    """The program of one training step of a group.

    Its arguments are keys `[S]`, the states `[S]`, which are used up, all recordings, batches `[S, B]` and the number
    of the step; `n_columns` is the length of the strip for a batch.
    """
    step = partial(_fold_and_step, model=model, optimizer=optax.adam(config.learning_rate), n_columns=n_columns)
    return over_members(step, member_mesh(len(members)), (True, True, False, True, False), donate=(1,))


def train_epochs(
    members: tuple[Member, ...],
    state: MemberState,
    first_epoch: int,
    recordings: Recordings,
    plan: Plan,
    model: SimpleNet,
    config: TrainConfig,
    on_step: Callable[[], None] = lambda: None,
) -> Iterator[Epoch]:
    """Train a group from `state`, epoch after epoch, until all members have stopped.

    Every epoch depends on the state before it and its number alone, so training may go on from any saved state. The
    state of a yielded epoch is used up by the next one.
    """
    mesh = member_mesh(len(members))
    draw = over_members(_draw_epoch, mesh, (True, True, False))
    step = step_program(members, plan.train_columns, model, config)
    validate = over_members(
        partial(_evaluate, model=model, n_columns=plan.validation_columns), mesh, (True, False, True)
    )
    finish = over_members(
        partial(end_epoch, patience_epochs=config.patience_epochs), mesh, (True, False, True), donate=(0,)
    )
    training_keys = _member_key_streams(members)[1]
    for epoch in range(first_epoch, config.epochs + 1):
        if bool(state.stopped.all()):
            return
        running = ~state.stopped
        dropout_keys, batches = draw(training_keys, plan.train, jnp.asarray(epoch))
        train = _repeat_scores(len(members))
        for index in range(batches.shape[1]):
            state, scores = step(dropout_keys, state, recordings, batches[:, index], jnp.asarray(index))
            train = jax.tree.map(jnp.add, train, scores)
            jax.block_until_ready(train)
            on_step()
        validation = validate(state.params, recordings, plan.validation)
        state = finish(state, jnp.asarray(epoch), validation)
        yield Epoch(epoch, running, state, train, validation)


def _member_key_streams(members: tuple[Member, ...]) -> tuple[Array, Array]:
    """Keys `[S]` for initialising and for training."""
    keys = jax.vmap(jax.random.split)(member_keys(members))
    return keys[:, 0], keys[:, 1]


def _draw_epoch(key: Array, strata: Array, epoch: Array) -> tuple[Array, Array]:
    batch_key, dropout_key = jax.random.split(jax.random.fold_in(key, epoch))
    return dropout_key, draw_batches(batch_key, strata)


def _fold_and_step(
    key: Array, state: MemberState, recordings: Recordings, batch: Array, index: Array, **static: Any
) -> tuple[MemberState, Scores]:
    return train_step(jax.random.fold_in(key, index), state, recordings, batch, **static)


def _evaluate(params: Any, recordings: Recordings, strata: Array, model: SimpleNet, n_columns: int) -> Scores:
    def add(total: Scores, batch: Array) -> tuple[Scores, None]:
        scores = score_batch(params, recordings, batch, model, n_columns)
        return jax.tree.map(jnp.add, total, scores), None

    return jax.lax.scan(add, NO_SCORES, strata.T)[0]


def _repeat_scores(n_members: int) -> Scores:
    return jax.tree.map(lambda zero: jnp.broadcast_to(zero, (n_members,)), NO_SCORES)
