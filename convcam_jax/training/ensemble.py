"""The ensemble: members (group x fold x seed) with a leading axis S, trained and evaluated together.

Every program here is `jit(shard_map(vmap(function of one member)))`: within a device the members are batched by `vmap`,
over the devices of the mesh they are divided (`attribution.explaining` divides recordings too). Members that do not fit
in the memory together are trained in rounds, which share their programs: these are kept, so that rounds of the same
shapes need no other.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Bool, Int

from convcam_jax.data.batches import draw_batches, shared_strata, steps_per_epoch, strata_of_one_shape
from convcam_jax.data.members import Cohort, Member, key_numbers
from convcam_jax.data.recordings import Recordings
from convcam_jax.networks.network import Network, Variables
from convcam_jax.representations.scale import Scale
from convcam_jax.training.config import TrainConfig
from convcam_jax.training.member import (
    QUICKLY_COMPILED,
    MemberState,
    Scores,
    compiler_options,
    end_epoch,
    init_member,
    score_batch,
    train_step,
)
from convcam_jax.training.optimizer import Learning, learning_of

# Of each kind. A run has one or two; a process that trains under many configs would keep them all.
_PROGRAMS_KEPT = 4


class Plan(NamedTuple):
    """Which recordings the members of a round are trained and scored on, in strata (see `convcam_jax.data.batches`).

    Attributes:
      members: `[S]`, of the round.
      train: `[S, n_strata, n_steps]` indices of recordings, to draw batches from.
      train_layout: of the network for a training batch.
      validation: `[S, B, n_steps]`, of one shape for the rounds of all cohorts where that is cheap, so that one program
        scores all.
      validation_layout: of the network for such a batch.
      scale: of the recordings.
    """

    members: tuple[Member, ...]
    train: Int[np.ndarray, "S n_strata n_steps"]
    train_layout: int
    validation: Int[np.ndarray, "S B n_steps"]
    validation_layout: int
    scale: Scale


class Epoch(NamedTuple):
    """One epoch of a round.

    Attributes:
      number: from 1.
      running: `[S]` bool, whether the member had not stopped before.
      state: `[S]` the members after the epoch.
      train: `[S]` scores over the training steps, with dropout; NumPy arrays.
      validation: `[S]` scores after the epoch; NumPy arrays.
    """

    number: int
    running: Bool[Array, " S"]
    state: MemberState
    train: Scores
    validation: Scores


def round_size(
    n_cohorts: int, members_per_cohort: int, members_per_device: int, n_devices: int, n_processes: int = 1
) -> int:
    """Members that are trained at once: all, or a divisor of their number that the devices can hold, at least 1.

    Of these sizes those are preferred that use the most devices, then those whose rounds are of one cohort, and so need
    a layout no longer than its recordings, then the largest. Where several rounds would leave half of the devices idle,
    or more, they are instead as large as all devices can hold, and the last one is shorter. With several processes, of
    `n_devices` each, there is at least one round for each of them.
    """
    n_members = n_cohorts * members_per_cohort

    def fits(size: int) -> bool:
        return size // devices_used(size, n_devices) <= members_per_device

    def preference(size: int) -> tuple[int, bool, int]:
        return devices_used(size, n_devices), size == n_members or members_per_cohort % size == 0, size

    fitting = [size for size in range(1, n_members // n_processes + 1) if fits(size)]
    divisor = max((size for size in fitting if n_members % size == 0), default=1, key=preference)
    if divisor == n_members or 2 * devices_used(divisor, n_devices) > n_devices:
        return divisor
    return max((size for size in fitting if size % n_devices == 0 and fits(n_members % size)), default=divisor)


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
    """The program of a round from a function of one member; `mapped` says which arguments have the member axis."""
    specs = tuple(PartitionSpec("member") if m else PartitionSpec() for m in mapped)
    batched = jax.vmap(function, in_axes=tuple(0 if m else None for m in mapped))
    divided = jax.shard_map(batched, mesh=mesh, in_specs=specs, out_specs=PartitionSpec("member"), check_vma=False)
    return jax.jit(divided, donate_argnums=donate, compiler_options=compiler_options)


def replicated(recordings: Recordings, n_members: int) -> Recordings:
    """The recordings on each of the devices that the members are divided over.

    A program that finds them on one device copies them to the others at every call.
    """
    return jax.device_put(recordings, NamedSharding(member_mesh(n_members), PartitionSpec()))


def take_members(variables: Variables, rows: list[int]) -> Variables:
    """Some members' variables `[len(rows), ...]`, from those of a round as NumPy arrays `[S, ...]`."""
    return jax.tree.map(lambda leaf: leaf[np.array(rows)], variables)


def member_keys(members: tuple[Member, ...]) -> Array:
    """One key per member `[S]`, from its seed, group and fold alone."""
    keys = []
    for member in members:
        key = jax.random.key(member.seed)
        for number in key_numbers(member):
            key = jax.random.fold_in(key, number)
        keys.append(key)
    return jnp.stack(keys)


def make_plan(
    n_frames: Int[np.ndarray, " N"],
    training: Mapping[Cohort, Int[np.ndarray, " _"]],
    validation: Mapping[Cohort, Int[np.ndarray, " _"]],
    members: tuple[Member, ...],
    network: Network,
    config: TrainConfig,
    scale: Scale,
) -> Plan:
    """The plan of a round; `training` and `validation` are indices of recordings for each cohort of the run.

    With mixup a batch has as many places as the largest cohort of the run needs, whichever the round has: which
    recordings are mixed depends on their number.
    """
    cohorts = list(dict.fromkeys(member.cohort for member in members))
    alike = training if config.mixup > 0 else {cohort: training[cohort] for cohort in cohorts}
    n_steps, n_validation_steps = (steps_per_epoch(sets, config.batch_size) for sets in (training, validation))
    train, train_layout = strata_of_one_shape(n_frames, alike, n_steps, network.layout)
    held_out, layout = shared_strata(n_frames, validation, cohorts, n_validation_steps, network.layout)
    train_strata, validation_strata = (np.stack([s[member.cohort] for member in members]) for s in (train, held_out))
    return Plan(tuple(members), train_strata, train_layout, validation_strata, layout, scale)


def init_round(
    members: tuple[Member, ...], network: Network, config: TrainConfig, grid: tuple[int, int]
) -> MemberState:
    """States `[S]` before the first epoch, laid over the devices; `grid` is (F, T) of the inputs."""
    keys = _member_key_streams(members)[0]
    return _init_program(len(members), network, learning_of(config, n_steps=1), grid)(keys)


def score_round(
    variables: Variables,
    recordings: Recordings,
    strata: Int[np.ndarray, "S n_strata n_steps"],
    network: Network,
    layout: int,
) -> Scores:
    """Scores `[S]` of members' variables on their recordings, without dropout; NumPy arrays.

    `layout` is the network's for one batch, a column of the strata.
    """
    score = _score_program(len(strata), network, layout)
    return _sum_scores(jax.device_get(score(variables, recordings, batch)) for batch in np.moveaxis(strata, 2, 0))


def train_epochs(
    state: MemberState,
    first_epoch: int,
    recordings: Recordings,
    plan: Plan,
    network: Network,
    config: TrainConfig,
    on_step: Callable[[], None] = lambda: None,
) -> Iterator[Epoch]:
    """Train a round from `state`, epoch after epoch, until all members have stopped.

    Every epoch depends on the state before it and its number alone, so training may go on from any saved state. The
    state of a yielded epoch is used up by the next one.
    """
    members, recordings = plan.members, replicated(recordings, len(plan.members))
    draw = _draw_program(len(members))
    learning = learning_of(config, plan.train.shape[2], plan.scale)
    step = step_program(len(members), plan.train_layout, network, learning)
    finish = _finish_program(len(members), config.patience_epochs)
    training_keys = _member_key_streams(members)[1]
    for epoch in range(first_epoch, config.epochs + 1):
        if bool(state.stopped.all()):
            return
        running = ~state.stopped
        dropout_keys, batches = draw(training_keys, plan.train, jnp.asarray(epoch))
        every: list[Scores] = []
        for index in range(batches.shape[1]):
            state, scores = step(dropout_keys, state, recordings, batches[:, index], jnp.asarray(index))
            # One step behind, so that the device has the next one when it comes to the end of this one.
            jax.block_until_ready(every[-1:])
            every.append(scores)
            on_step()
        every = jax.device_get(every)
        validation = score_round(state.variables_in_use(), recordings, plan.validation, network, plan.validation_layout)
        state = finish(state, jnp.asarray(epoch), validation)
        yield Epoch(epoch, running, state, _sum_scores(every), validation)


@lru_cache(_PROGRAMS_KEPT)
def step_program(
    n_members: int, layout: int, network: Network, learning: Learning
) -> Callable[[Array, MemberState, Recordings, Array, Array], tuple[MemberState, Scores]]:
    """The program of one training step of a round.

    Its arguments are keys `[S]`, the states `[S]`, which are used up, all recordings, batches `[S, B]` and the number
    of the step; `layout` is the network's for a batch.
    """
    step = partial(_fold_and_step, network=network, layout=layout, learning=learning)
    mesh, options = member_mesh(n_members), compiler_options(network)
    return over_members(step, mesh, (True, True, False, True, False), donate=(1,), compiler_options=options)


@lru_cache(_PROGRAMS_KEPT)
def _init_program(
    n_members: int, network: Network, learning: Learning, grid: tuple[int, int]
) -> Callable[[Array], MemberState]:
    initialise = partial(init_member, network=network, learning=learning, grid=grid)
    return over_members(initialise, member_mesh(n_members), (True,), compiler_options=QUICKLY_COMPILED)


@lru_cache(_PROGRAMS_KEPT)
def _score_program(n_members: int, network: Network, layout: int) -> Callable[[Any, Recordings, np.ndarray], Scores]:
    score = partial(_score, network=network, layout=layout)
    return over_members(score, member_mesh(n_members), (True, False, True), compiler_options=compiler_options(network))


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


def _score(variables: Variables, recordings: Recordings, batch: Array, **static: Any) -> Scores:
    return score_batch(variables, recordings, batch, **static)[0]


def _draw_epoch(key: Array, strata: Array, epoch: Array) -> tuple[Array, Array]:
    batch_key, dropout_key = jax.random.split(jax.random.fold_in(key, epoch))
    return dropout_key, draw_batches(batch_key, strata)


def _fold_and_step(
    key: Array, state: MemberState, recordings: Recordings, batch: Array, index: Array, **static: Any
) -> tuple[MemberState, Scores]:
    # Where float32 is multiplied in full elsewhere, training takes what is fast: TF32 on a GPU, as other frameworks do.
    with jax.default_matmul_precision("default"):
        return train_step(jax.random.fold_in(key, index), state, recordings, batch, **static)


def _sum_scores(every: Iterable[Scores]) -> Scores:
    return Scores(*(np.sum(parts, axis=0) for parts in zip(*every, strict=True)))
