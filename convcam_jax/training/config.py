"""How members are trained."""

import dataclasses
from typing import Literal

from convcam_jax.system.validation import require, require_seed

# More are a slip of the keyboard, which would be noticed when the memory is full.
_MOST_SEEDS, _MOST_EPOCHS, _MOST_IN_A_BATCH = 10_000, 1_000_000, 100_000


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """Adam on cross-entropy; the state with the highest validation accuracy is kept (then the lowest validation loss).

    A member stops after `patience_epochs` epochs without a better one. Batches have at most `batch_size` recordings;
    all members take as many steps per epoch as the largest training set needs.

    Attributes:
      seeds: members per group and fold, as the flag `--seeds` says.
      first_seed: of the members' seeds, which follow one another.
      epochs: how many at most.
      patience_epochs: epochs without a better one after which a member stops.
      batch_size: recordings of a batch at most.
      learning_rate: of Adam.
      warmup_epochs: epochs over which the learning rate rises from 0.
      schedule: how the learning rate changes from there on.
      weight_decay: AdamW's, on all parameters.
      clip_norm: to which the gradient over all parameters is shortened where it is longer; 0: as long as it is.
      average_decay: of the weights' running mean, which is what is validated and kept; 0: the weights as they are.
      class_weights: whether a class counts in the loss by the inverse of its share in the training set.
      label_smoothing: share of a label that is divided over all classes.
      shift_bins: by up to so many a recording moves in frequency.
      shift_frames: by up to so many a recording moves in time.
      masked_bins: up to so many in a row are silenced, in all frames.
      masked_frames: up to so many in a row are silenced, in all bins.
      gain: the input is multiplied by a factor between 1 / gain and gain.
      filter_db: deviation of a gain that is drawn at five places of the frequency axis, and linear between; 0: none.
      mixup: parameters of the beta distribution of the weight with which recordings are mixed; 0: they are not.
      precision: of the convolutions' factors while training; all else, the explanations too, is float32. "fastest"
        becomes what is fastest on the device where the run begins, before anything is written down.
      kept_precision: of large arrays of trained members, from the end of the training on; float32 takes twice the
        disk.
      members_at_once: divided over the devices and rounded up, so one on each is the least; 0: as many as the memory
        holds.
      checkpoint_interval_s: training time between two checkpoints, which are made at the end of an epoch; 0: after
        every epoch.
    """

    seeds: int = 10
    first_seed: int = 0
    # On EMO-DB the first epoch with a mean validation accuracy within a standard error, over ten seeds, of the highest.
    epochs: int = 5
    patience_epochs: int = 3
    batch_size: int = 16
    learning_rate: float = 0.001
    # All that follows up to `mixup` is off by default, as in the paper; docs/training.md describes it.
    warmup_epochs: int = 0
    schedule: Literal["constant", "cosine", "one_cycle"] = "constant"
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    average_decay: float = 0.0
    class_weights: Literal["none", "balanced"] = "none"
    label_smoothing: float = 0.0
    shift_bins: int = 0
    shift_frames: int = 0
    masked_bins: int = 0
    masked_frames: int = 0
    gain: float = 1.0
    filter_db: float = 0.0
    mixup: float = 0.0
    precision: Literal["fastest", "float32", "bfloat16"] = "fastest"
    kept_precision: Literal["float16", "float32"] = "float16"
    members_at_once: int = 0
    checkpoint_interval_s: float = 120.0

    def __post_init__(self) -> None:
        require(1 <= self.seeds <= _MOST_SEEDS, "train.seeds", f"must lie in 1..{_MOST_SEEDS}")
        require_seed(self.first_seed, "train.first_seed", self.seeds)
        require(1 <= self.epochs <= _MOST_EPOCHS, "train.epochs", f"must lie in 1..{_MOST_EPOCHS}")
        require(self.patience_epochs >= 1, "train.patience_epochs", "must be at least 1")
        require(1 <= self.batch_size <= _MOST_IN_A_BATCH, "train.batch_size", f"must lie in 1..{_MOST_IN_A_BATCH}")
        require(self.learning_rate > 0, "train.learning_rate", "must be positive")
        self._check_extras()
        require(self.members_at_once >= 0, "train.members_at_once", "must be 0 (as memory allows) or positive")
        require(self.checkpoint_interval_s >= 0, "train.checkpoint_interval_s", "must be 0 (every epoch) or positive")

    def _check_extras(self) -> None:
        require(
            0 <= self.warmup_epochs < self.epochs,
            "train.warmup_epochs",
            f"must lie in 0..{self.epochs - 1}, less than train.epochs",
        )
        require(
            not (self.warmup_epochs and self.schedule == "one_cycle"),
            "train.warmup_epochs",
            "must be 0 with train.schedule=one_cycle, which rises by itself",
        )
        for name in ("shift_bins", "shift_frames", "masked_bins", "masked_frames"):
            require(getattr(self, name) >= 0, f"train.{name}", "must not be negative")
        for name in ("weight_decay", "clip_norm", "filter_db", "mixup"):
            require(getattr(self, name) >= 0, f"train.{name}", "must be 0 (none) or positive")
        for name in ("average_decay", "label_smoothing"):
            require(0 <= getattr(self, name) < 1, f"train.{name}", "must lie in [0, 1)")
        require(self.gain >= 1, "train.gain", "must be at least 1, which changes nothing")

    def seed_numbers(self) -> range:
        """The seeds of a cohort's members."""
        return range(self.first_seed, self.first_seed + self.seeds)
