"""The optimizer, and all else that a training step depends on besides the network."""

from typing import NamedTuple

import optax

from convcam_jax.representations.scale import Scale
from convcam_jax.training.augmentation import NONE, Augmentation
from convcam_jax.training.config import TrainConfig


class Learning(NamedTuple):
    """What of a `TrainConfig` the program of a training step depends on: programs are kept by it.

    Attributes:
      learning_rate: the highest, which it is always without a schedule.
      warmup_steps: over which it rises from 0.
      decay_steps: after which it has fallen to 0 by half a cosine, with the warm-up; 0: it does not fall.
      one_cycle: whether it first rises, over the first three tenths of `decay_steps`.
      weight_decay: see `TrainConfig`, as for the others.
      weighs_classes: whether the members' weights of the classes count.
      scale: of the network's input.
    """

    learning_rate: float
    warmup_steps: int = 0
    decay_steps: int = 0
    one_cycle: bool = False
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    average_decay: float = 0.0
    weighs_classes: bool = False
    label_smoothing: float = 0.0
    augmentation: Augmentation = NONE
    scale: Scale = "magnitude"

    def changes_loss(self) -> bool:
        """Whether the loss is another one than the cross-entropy of the recordings as they are."""
        return self.weighs_classes or self.label_smoothing > 0 or self.augmentation != NONE


def learning_of(config: TrainConfig, n_steps: int, scale: Scale = "magnitude") -> Learning:
    """What the steps of a training depend on that takes `n_steps` an epoch, on recordings in this scale."""
    return Learning(
        config.learning_rate,
        warmup_steps=config.warmup_epochs * n_steps,
        decay_steps=config.epochs * n_steps if config.schedule != "constant" else 0,
        one_cycle=config.schedule == "one_cycle",
        weight_decay=config.weight_decay,
        clip_norm=config.clip_norm,
        average_decay=config.average_decay,
        weighs_classes=config.class_weights != "none",
        label_smoothing=config.label_smoothing,
        augmentation=Augmentation(**{name: getattr(config, name) for name in Augmentation._fields}),
        scale=scale,
    )


def learning_rate_at(learning: Learning) -> optax.Schedule | float:
    """The learning rate by the number of the step, from 0; a number where it is always the same.

    One cycle is that of L. Smith and N. Topin, "Super-convergence: Very fast training of neural networks using large
    learning rates", 2019, with half cosines: from a 25th of the rate up to it, and down to nearly nothing.
    """
    if learning.one_cycle:
        return optax.cosine_onecycle_schedule(learning.decay_steps, learning.learning_rate)
    if learning.decay_steps:
        return optax.warmup_cosine_decay_schedule(
            0.0, learning.learning_rate, learning.warmup_steps, learning.decay_steps
        )
    if learning.warmup_steps:
        return optax.linear_schedule(0.0, learning.learning_rate, learning.warmup_steps)
    return learning.learning_rate


def make_optimizer(learning: Learning) -> optax.GradientTransformation:
    """Adam, as in the paper, unless the gradient is clipped, weights decay or the learning rate has a schedule.

    Weights decay apart from the gradient's moments (I. Loshchilov and F. Hutter, "Decoupled weight decay
    regularization", ICLR 2019), and the gradient's norm is that over all parameters.
    """
    rate = learning_rate_at(learning)
    optimizer = optax.adamw(rate, weight_decay=learning.weight_decay) if learning.weight_decay else optax.adam(rate)
    return optax.chain(optax.clip_by_global_norm(learning.clip_norm), optimizer) if learning.clip_norm else optimizer
