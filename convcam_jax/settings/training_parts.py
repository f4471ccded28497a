"""The configs of the runs that the experiment `training_ablation` compares."""

import dataclasses
from collections.abc import Mapping

from convcam_jax.settings.config import Config
from convcam_jax.system.errors import UserError
from convcam_jax.training.config import TrainConfig

AS_GIVEN = "as_given"
# What a training may have beyond the paper's, each with its fields of `TrainConfig`, which at their defaults are off.
TRAINING_PARTS: Mapping[str, tuple[str, ...]] = {
    "shift_bins": ("shift_bins",),
    "shift_frames": ("shift_frames",),
    "masks": ("masked_bins", "masked_frames"),
    "gain": ("gain",),
    "filter": ("filter_db",),
    "mixup": ("mixup",),
    "label_smoothing": ("label_smoothing",),
    "class_weights": ("class_weights",),
    "weight_decay": ("weight_decay",),
    "clip_norm": ("clip_norm",),
    "schedule": ("warmup_epochs", "schedule"),
    "average_decay": ("average_decay",),
}


def configs_without_parts(config: Config) -> dict[str, Config]:
    """The beginnings of runs of the experiment `paper`: `AS_GIVEN`, and by its name without each part that is on.

    Raises:
      UserError: the training has no part that is on.
    """
    given = dataclasses.replace(config, experiment="paper")
    found = {AS_GIVEN: given}
    for part, fields in TRAINING_PARTS.items():
        off = {name: getattr(TrainConfig, name) for name in fields}
        if any(getattr(config.train, name) != value for name, value in off.items()):
            found[part] = dataclasses.replace(given, train=dataclasses.replace(config.train, **off))
    if len(found) == 1:
        raise UserError(
            "--experiment=training_ablation: the training has nothing that could be left out; "
            "add --protocol=modern, or a part such as --set=train.mixup=0.2"
        )
    return found
