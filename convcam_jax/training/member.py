"""Training of one member; everything here is pure and without a member axis (the callers `vmap` it).

Adam on the mean cross-entropy (paper, section 3.2), unless the config has it otherwise. What has the highest validation
accuracy is kept, of equally accurate states that with the lower validation loss, and a member stops when there have
been none better for a number of epochs.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int

from convcam_jax.data.recordings import ABSENT, Recordings, take
from convcam_jax.networks.network import Network, Variables
from convcam_jax.training.augmentation import augment, mix_batch
from convcam_jax.training.averaging import Average, averaged
from convcam_jax.training.optimizer import Learning, make_optimizer

# For programs that draw at random and run seldom (random bits take ten times as long to compile with all
# optimisations), and others that run for less time than it takes to optimise them.
QUICKLY_COMPILED = {"xla_backend_optimization_level": 1}
# What a step's key is folded with for what is drawn besides dropout.
_AUGMENTING = 1


class MemberState(NamedTuple):
    """What changes while one member trains; epochs count from 1, `best_epoch` is 0 before the first.

    Attributes:
      average: of the variables, if it is that which is validated.
      class_weights: `[C]`, if classes are weighed; they do not change.
    """

    variables: Variables
    optimizer_state: optax.OptState
    best_variables: Variables
    best_validation_accuracy: Float[Array, ""]
    best_validation_loss: Float[Array, ""]
    best_epoch: Int[Array, ""]
    stopped: Bool[Array, ""]
    average: Average | None = None
    class_weights: Float[Array, " C"] | None = None

    def variables_in_use(self) -> Any:
        """Those that are validated and kept."""
        return self.variables if self.average is None else self.average.variables


class Scores(NamedTuple):
    """Sums over recordings: cross-entropy, correct ones, all; NumPy arrays once they are of a whole epoch."""

    loss: Array | np.ndarray
    correct: Array | np.ndarray
    recordings: Array | np.ndarray

    def mean_loss(self) -> Array | np.ndarray:
        """Mean cross-entropy per recording."""
        return self.loss / self.recordings

    def accuracy(self) -> Array | np.ndarray:
        """Share of correct recordings."""
        return self.correct / self.recordings


def compiler_options(network: Network) -> dict[str, Any] | None:
    """Options for programs that apply the network: a small one takes longer to optimise than is gained by it."""
    return QUICKLY_COMPILED if network.compiles_quickly() else None


def init_member(key: Array, network: Network, learning: Learning, grid: tuple[int, int]) -> MemberState:
    """A member before its first epoch; `grid` is (F, T) of the inputs."""
    variables = network.init(key, grid)
    best = jax.tree.map(jnp.copy, variables)
    never = jnp.zeros((), int)
    # With their types: a Python number's could be another one's later on, which would be another program's arguments.
    lowest, highest = jnp.array(-jnp.inf, jnp.float32), jnp.array(jnp.inf, jnp.float32)
    optimizer_state = make_optimizer(learning).init(variables["params"])
    average = Average(jax.tree.map(jnp.copy, variables), never) if learning.average_decay else None
    weights = jnp.ones(network.n_classes) if learning.weighs_classes else None
    begun = jnp.zeros((), bool)
    return MemberState(variables, optimizer_state, best, lowest, highest, never, begun, average, weights)


def score_batch(
    variables: Variables,
    recordings: Recordings,
    batch: Int[Array, " B"],
    network: Network,
    layout: int,
    key: Array | None = None,
) -> tuple[Scores, Variables]:
    """Scores of one batch of recordings (indices, or `ABSENT`), as in training if there is a key for it.

    Also the variables as they are afterwards.
    """
    logits, variables = network.logits(variables, take(recordings, batch), layout, key)
    return _scores(logits, recordings, batch), variables


def _scores(logits: Float[Array, "B C"], recordings: Recordings, batch: Int[Array, " B"]) -> Scores:
    present = batch != ABSENT
    emotion = recordings.emotion[batch]
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, emotion)
    correct = logits.argmax(-1) == emotion
    return Scores(_sum_of(losses, present), jnp.sum(correct * present), jnp.sum(present))


def _sum_of(losses: Float[Array, " B"], present: Bool[Array, " B"]) -> Array:
    # Times 0 would not do: in an empty place of a deep network a loss may be infinite.
    return jnp.sum(jnp.where(present, losses, 0.0))


def augmented_loss(
    key: Array,
    state: MemberState,
    recordings: Recordings,
    batch: Int[Array, " B"],
    network: Network,
    layout: int,
    learning: Learning,
) -> tuple[Array, tuple[Scores, Variables]]:
    """Mean cross-entropy of the changed recordings of a batch to smoothed, weighed and mixed targets.

    Also the scores, by the recordings' own labels, and the variables, as of `score_batch`, which draws the same dropout
    by the same key.
    """
    augmentation_key, mixup_key = jax.random.split(jax.random.fold_in(key, _AUGMENTING))
    inputs = augment(augmentation_key, take(recordings, batch), learning.augmentation, learning.scale)
    emotion = recordings.emotion[batch]
    targets = optax.smooth_labels(jax.nn.one_hot(emotion, network.n_classes), learning.label_smoothing)
    if state.class_weights is not None:
        # By the recording's class: by each class's own weight, what smoothing gives to a rare one exceeds the label.
        targets = targets * state.class_weights[emotion][:, None]
    if learning.augmentation.mixup:
        inputs, targets = mix_batch(mixup_key, inputs, targets, learning.augmentation.mixup)
    logits, variables = network.logits(state.variables, inputs, layout, key)
    losses = optax.softmax_cross_entropy(logits, targets)
    scores = _scores(logits, recordings, batch)
    return _sum_of(losses, batch != ABSENT) / jnp.maximum(scores.recordings, 1), (scores, variables)


def train_step(
    key: Array,
    state: MemberState,
    recordings: Recordings,
    batch: Int[Array, " B"],
    network: Network,
    layout: int,
    learning: Learning,
) -> tuple[MemberState, Scores]:
    """One step of the optimizer on the mean loss of a batch; also the batch's scores, with dropout.

    A batch without recordings, which small training sets have beside large ones, has the loss 0 and changes nothing but
    the place in the learning rate's schedule, which is that of all members.
    """

    def mean_loss(params: Any) -> tuple[Array, tuple[Scores, Variables]]:
        variables = {**state.variables, "params": params}
        if learning.changes_loss():
            changed = state._replace(variables=variables)
            return augmented_loss(key, changed, recordings, batch, network, layout, learning)
        scores, variables = score_batch(variables, recordings, batch, network, layout, key)
        return jnp.asarray(scores.loss / jnp.maximum(scores.recordings, 1)), (scores, variables)

    gradient, (scores, variables) = jax.grad(mean_loss, has_aux=True)(state.variables["params"])
    optimizer = make_optimizer(learning)
    updates, optimizer_state = optimizer.update(gradient, state.optimizer_state, state.variables["params"])
    variables = {**variables, "params": optax.apply_updates(state.variables["params"], updates)}
    average = None if state.average is None else averaged(state.average, variables, learning.average_decay)
    after = state._replace(variables=variables, optimizer_state=optimizer_state, average=average)
    return _if_any(scores.recordings > 0, after, state), scores


def _if_any(present: Bool[Array, ""], after: MemberState, before: MemberState) -> MemberState:
    """The state after a step if it had a recording; else the one before, at the next place of the schedule."""

    def is_place(part: Any) -> bool:
        return isinstance(part, optax.ScaleByScheduleState)

    def choose(new: Any, old: Any) -> Any:
        return new if is_place(new) else jnp.where(present, new, old)

    return jax.tree.map(choose, after, before, is_leaf=is_place)


def end_epoch(state: MemberState, epoch: Array, validation: Scores, patience_epochs: int) -> MemberState:
    """Keep the variables if this epoch's validation scores are the best; stop after `patience_epochs` that were not.

    What a member has kept when it stopped changes no more, so that it ends as it would have ended alone.
    """
    accuracy, loss = validation.accuracy(), validation.mean_loss()
    more_accurate = accuracy > state.best_validation_accuracy
    less_loss = (accuracy == state.best_validation_accuracy) & (loss < state.best_validation_loss)
    better = (more_accurate | less_loss) & jnp.isfinite(loss) & ~state.stopped
    best_epoch = jnp.where(better, epoch, state.best_epoch)
    return state._replace(
        best_variables=jax.tree.map(
            lambda new, old: jnp.where(better, new, old), state.variables_in_use(), state.best_variables
        ),
        best_validation_accuracy=jnp.where(better, accuracy, state.best_validation_accuracy),
        best_validation_loss=jnp.where(better, loss, state.best_validation_loss),
        best_epoch=best_epoch,
        stopped=state.stopped | (epoch - best_epoch >= patience_epochs),
    )
