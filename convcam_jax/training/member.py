"""Training of one member; everything here is pure and without a member axis (the callers `vmap` it).

Adam on the mean cross-entropy (paper, section 3.2). The parameters with the highest validation accuracy are kept, of
equally accurate ones those with the lower validation loss, and a member stops when there have been none better for a
number of epochs.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from convcam_jax.data.batches import ABSENT
from convcam_jax.networks.simplenet import SimpleNet

Params = Any

# For programs that draw at random and run seldom (random bits take ten times as long to compile with all
# optimisations), and others that run for less time than it takes to optimise them.
QUICKLY_COMPILED = {"xla_backend_optimization_level": 1}
_SMALL_NETWORK_FILTERS = 64


class Recordings(NamedTuple):
    """The recordings of a run: `spectrograms [N, F, T]`, `n_frames [N]`, `emotion [N]` (index of the class)."""

    spectrograms: Array
    n_frames: Array
    emotion: Array


class MemberState(NamedTuple):
    """What changes while one member trains; epochs count from 1, `best_epoch` is 0 before the first."""

    params: Params
    optimizer_state: optax.OptState
    best_params: Params
    best_validation_accuracy: Array
    best_validation_loss: Array
    best_epoch: Array
    stopped: Array


class Scores(NamedTuple):
    """Sums over recordings: cross-entropy, correct ones, all."""

    loss: Array
    correct: Array
    recordings: Array

    def mean_loss(self) -> Array:
        """Mean cross-entropy per recording."""
        return self.loss / self.recordings

    def accuracy(self) -> Array:
        """Share of correct recordings."""
        return self.correct / self.recordings


def compiler_options(model: SimpleNet) -> dict[str, int] | None:
    """Options for programs that apply the network: a small one takes longer to optimise than is gained by it."""
    return QUICKLY_COMPILED if max(model.config.filters) < _SMALL_NETWORK_FILTERS else None


def init_member(
    key: Array, model: SimpleNet, optimizer: optax.GradientTransformation, shape: tuple[int, int]
) -> MemberState:
    """A member before its first epoch; `shape` is (F, T) of the inputs."""
    params = model.init(key, jnp.zeros((1, *shape)), jnp.ones(1, int))["params"]
    best = jax.tree.map(jnp.copy, params)
    never = jnp.zeros((), int)
    # With their types: a Python number's could be another one's later on, which would be another program's arguments.
    lowest, highest = jnp.array(-jnp.inf, jnp.float32), jnp.array(jnp.inf, jnp.float32)
    return MemberState(params, optimizer.init(params), best, lowest, highest, never, jnp.zeros((), bool))


def score_batch(
    params: Params,
    recordings: Recordings,
    batch: Array,
    model: SimpleNet,
    n_columns: int,
    dropout_key: Array | None = None,
) -> Scores:
    """Scores of one batch of recordings `[B]` (indices, or `ABSENT`), with dropout if there is a key for it."""
    present = batch != ABSENT
    n_frames = jnp.where(present, recordings.n_frames[batch], 0)
    rngs = None if dropout_key is None else {"dropout": dropout_key}
    spectrograms = recordings.spectrograms[batch]
    logits: Any = model.apply({"params": params}, spectrograms, n_frames, n_columns, rngs is not None, rngs=rngs)
    emotion = recordings.emotion[batch]
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, emotion)
    correct = logits.argmax(-1) == emotion
    return Scores(jnp.sum(losses * present), jnp.sum(correct * present), jnp.sum(present))


def train_step(
    key: Array,
    state: MemberState,
    recordings: Recordings,
    batch: Array,
    model: SimpleNet,
    optimizer: optax.GradientTransformation,
    n_columns: int,
) -> tuple[MemberState, Scores]:
    """One step of Adam on the mean loss of a batch `[B]`; also the batch's scores, with dropout."""

    def mean_loss(params: Params) -> tuple[Array, Scores]:
        scores = score_batch(params, recordings, batch, model, n_columns, key)
        return scores.mean_loss(), scores

    gradient, scores = jax.grad(mean_loss, has_aux=True)(state.params)
    updates, optimizer_state = optimizer.update(gradient, state.optimizer_state, state.params)
    params = optax.apply_updates(state.params, updates)
    return state._replace(params=params, optimizer_state=optimizer_state), scores


def end_epoch(state: MemberState, epoch: Array, validation: Scores, patience_epochs: int) -> MemberState:
    """Keep the parameters if this epoch's validation scores are the best; stop after `patience_epochs` that were not.

    What a member has kept when it stopped changes no more, so that it ends as it would have ended alone.
    """
    accuracy, loss = validation.accuracy(), validation.mean_loss()
    more_accurate = accuracy > state.best_validation_accuracy
    less_loss = (accuracy == state.best_validation_accuracy) & (loss < state.best_validation_loss)
    better = (more_accurate | less_loss) & jnp.isfinite(loss) & ~state.stopped
    best_epoch = jnp.where(better, epoch, state.best_epoch)
    return state._replace(
        best_params=jax.tree.map(lambda new, old: jnp.where(better, new, old), state.params, state.best_params),
        best_validation_accuracy=jnp.where(better, accuracy, state.best_validation_accuracy),
        best_validation_loss=jnp.where(better, loss, state.best_validation_loss),
        best_epoch=best_epoch,
        stopped=state.stopped | (epoch - best_epoch >= patience_epochs),
    )
