"""The ensemble: members (gender x seed) with a leading axis S, trained and evaluated together.

Every program here is `jit(shard_map(vmap(function of one member)))`: within a device the members are batched by `vmap`,
over the devices of the mesh they are divided (`explaining` and `assessment` divide recordings too). Members that do
not fit in the memory together are trained in groups, which share their programs: these are kept, so that groups of the
same shapes need no other.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jax.sharding import Mesh, PartitionSpec

from convcam_jax.data.batches import draw_batches, shared_strata
from convcam_jax.networks.simplenet import SimpleNet
from convcam_jax.settings.config import GENDERS, TrainConfig
from convcam_jax.training.member import (
    QUICKLY_COMPILED,
    MemberState,
    Recordings,
    Scores,
    compiler_options,
    end_epoch,
    init_member,
    score_batch,
    train_step,
)

# Of each kind. A run has one or two; a process that trains under many configs would keep them all.
_PROGRAMS_KEPT = 4


class Member(NamedTuple):
    """One model of the ensemble."""

    gender: str
    seed: int


class Plan(NamedTuple):
    """Which recordings a group of members is trained and scored on, in strata (see `convcam_jax.data.batches`).

    Attributes:
      train: `[S, n_strata, n_steps]` indices of recordings, to draw batches from.
      train_columns: length of the strip for a training batch.
      validation: `[S, B, n_steps]`, of one shape for groups of either gender where that is cheap, so that one program
        scores both.
      validation_columns: length of the strip for such a batch.
    """

    train: np.ndarray
    train_columns: int
    validation: np.ndarray
    validation_columns: int


class Epoch(NamedTuple):
    """One epoch of a group.

    Attributes:
      number: from 1.
      running: `[S]` bool, whether the member had not stopped before.
      state: `[S]` the members after the epoch.
      train: `[S]` scores over the training steps, with dropout; NumPy arrays.
      validation: `[S]` scores after the epoch; NumPy arrays.
    """

    number: int
    running: Array
    state: MemberState
    train: Scores
    validation: Scores


def list_members(config: TrainConfig) -> tuple[Member, ...]:
    """All members, by gender, then seed."""
    return tuple(Member(g, config.first_seed + i) for g in GENDERS for i in range(config.seeds))


def group_size(
    n_genders: int, members_per_gender: int, members_per_device: int, n_devices: int, n_processes: int = 1
) -> int:
    """Members that are trained at once: all, or a divisor of their number that the devices can hold, at least 1.

    Of these sizes those are preferred that use the most devices, then those whose groups are of one gender, and so need
    a strip no longer than its recordings, then the largest. With several processes, of `n_devices` each, there is at
    least one group for each of them.
    """
    n_members = n_genders * members_per_gender
    fitting = [
        size
        for size in range(1, n_members // n_processes + 1)
        if n_members % size == 0 and size // devices_used(size, n_devices) <= members_per_device
    ]

    def preference(size: int) -> tuple[int, bool, int]:
        return devices_used(size, n_devices), size == n_members or members_per_gender % size == 0, size

    return max(fitting, default=1, key=preference)


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


def steps_per_epoch(sets: dict[str, np.ndarray], batch_size: int) -> int:
    """Batches of at most `batch_size` that the largest set needs.

    All members take as many steps, those of a smaller set in smaller batches, so that they can be trained together.
    """
    return -(-max(map(len, sets.values())) // batch_size)


def make_plan(
    n_frames: np.ndarray,
    training: dict[str, np.ndarray],
    validation: dict[str, np.ndarray],
    members: tuple[Member, ...],
    batch_size: int,
) -> Plan:
    """The plan of a group; `training` and `validation` are indices of recordings for each gender of the corpus."""
    genders = list(dict.fromkeys(member.gender for member in members))
    own = {gender: training[gender] for gender in genders}
    train, train_columns = shared_strata(n_frames, own, genders, steps_per_epoch(training, batch_size))
    held_out, columns = shared_strata(n_frames, validation, genders, steps_per_epoch(validation, batch_size))
    train_strata, validation_strata = (np.stack([s[member.gender] for member in members]) for s in (train, held_out))
    return Plan(train_strata, train_columns, validation_strata, columns)


def init_group(
    members: tuple[Member, ...], model: SimpleNet, config: TrainConfig, shape: tuple[int, int]
) -> MemberState:
    """States `[S]` before the first epoch, laid over the devices; `shape` is (F, T) of the inputs."""
    keys = _member_key_streams(members)[0]
    return _init_program(len(members), model, config.learning_rate, shape)(keys)


def score_group(params: Any, recordings: Recordings, strata: np.ndarray, model: SimpleNet, n_columns: int) -> Scores:
    """Scores `[S]` of members' parameters on their recordings `strata [S, n_strata, n_steps]`, without dropout.

    They are NumPy arrays; `n_columns` is the length of the strip for one batch, a column of the strata.
    """
    score = _score_program(len(strata), model, n_columns)
    return _sum_scores(jax.device_get(score(params, recordings, batch)) for batch in np.moveaxis(strata, 2, 0))


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
    draw = _draw_program(len(members))
    step = step_program(len(members), plan.train_columns, model, config.learning_rate)
    finish = _finish_program(len(members), config.patience_epochs)
    training_keys = _member_key_streams(members)[1]
    for epoch in range(first_epoch, config.epochs + 1):
        if bool(state.stopped.all()):
            return
        running = ~state.stopped
        dropout_keys, batches = draw(training_keys, plan.train, jnp.asarray(epoch))
        every = []
        for index in range(batches.shape[1]):
            state, scores = step(dropout_keys, state, recordings, batches[:, index], jnp.asarray(index))
            every.append(jax.device_get(scores))
            on_step()
        validation = score_group(state.params, recordings, plan.validation, model, plan.validation_columns)
        state = finish(state, jnp.asarray(epoch), validation)
        yield Epoch(epoch, running, state, _sum_scores(every), validation)


@lru_cache(_PROGRAMS_KEPT)
def step_program(
    n_members: int, n_columns: int, model: SimpleNet, learning_rate: float
) -> Callable[[Array, MemberState, Recordings, Array, Array], tuple[MemberState, Scores]]:
    """The program of one training step of a group.

    Its arguments are keys `[S]`, the states `[S]`, which are used up, all recordings, batches `[S, B]` and the number
    of the step; `n_columns` is the length of the strip for a batch.
    """
    step = partial(_fold_and_step, model=model, optimizer=optax.adam(learning_rate), n_columns=n_columns)
    mesh, options = member_mesh(n_members), compiler_options(model)
    return over_members(step, mesh, (True, True, False, True, False), donate=(1,), compiler_options=options)


@lru_cache(_PROGRAMS_KEPT)
def _init_program(
    n_members: int, model: SimpleNet, learning_rate: float, shape: tuple[int, int]
) -> Callable[[Array], MemberState]:
    initialise = partial(init_member, model=model, optimizer=optax.adam(learning_rate), shape=shape)
    return over_members(initialise, member_mesh(n_members), (True,), compiler_options=QUICKLY_COMPILED)


@lru_cache(_PROGRAMS_KEPT)
def _score_program(n_members: int, model: SimpleNet, n_columns: int) -> Callable[[Any, Recordings, np.ndarray], Scores]:
    score = partial(score_batch, model=model, n_columns=n_columns)
    return over_members(score, member_mesh(n_members), (True, False, True), compiler_options=compiler_options(model))


@lru_cache(_PROGRAMS_KEPT)
def _draw_program(n_members: int) -> Callable[[Array, np.ndarray, Array], tuple[Array, Array]]:
    return over_members(_draw_epoch, member_mesh(n_members), (True, True, False), compiler_options=QUICKLY_COMPILED)


@lru_cache(_PROGRAMS_KEPT)
def _finish_program(n_members: int, patience_epochs: int) -> Callable[[MemberState, Array, Scores], MemberState]:
    finish = partial(end_epoch, patience_epochs=patience_epochs)
    return over_members(finish, member_mesh(n_members), (True, False, True), donate=(0,))


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


def _sum_scores(every: Iterable[Scores]) -> Scores:
    return Scores(*(np.sum(parts, axis=0) for parts in zip(*every, strict=True)))
