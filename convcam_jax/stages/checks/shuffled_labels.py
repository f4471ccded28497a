"""Training of networks on shuffled labels, for the sanity checks."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pandas as pd

from convcam_jax.checks.sanity.randomisation import shuffled_labels
from convcam_jax.data.members import Cohort, list_members
from convcam_jax.measures.statistics import MEMBER
from convcam_jax.stages.ensemble.rounds import Round, history_table
from convcam_jax.stages.ensemble.training import train_rounds
from convcam_jax.stages.run import Run
from convcam_jax.system.formats import write_csv
from convcam_jax.training import checkpoints


def train_on_shuffled_labels(run: Run) -> list[Round]:
    """Train networks on permuted labels, or go on where an earlier run stopped.

    Their variables go to a folder for as many of them, `training/shuffled_labels_COUNT/`, until `remove_networks`
    removes it. Their seeds follow those of
    the ensemble, so they share no first weights with it. The training recordings' labels are permuted within each
    group, alike for all seeds and folds. There is nothing to validate: all epochs of the config are run, and the one of
    the highest accuracy on the (shuffled) training set is kept. `tables/sanity_shuffled_training.csv` says how well the
    labels were learned.
    """
    config = run.config
    first, count = config.train.seed_numbers().stop, config.sanity.shuffled_label_seeds
    if count == 0:
        return []
    training = run.dataset.sets("train")
    truth = np.asarray(run.recordings.emotion)
    labels = shuffled_labels(truth, _of_groups(training), config.train.first_seed)
    recordings = run.recordings._replace(emotion=jnp.asarray(labels))
    patient = dataclasses.replace(config.train, patience_epochs=config.train.epochs)
    rounds = train_rounds(
        dataclasses.replace(config, train=patient),
        list_members(training, range(first, first + count)),
        recordings,
        (training, training),
        _folder(run),
        "on shuffled labels",
    )
    unchanged = {cohort: float(np.mean(labels[own] == truth[own])) for cohort, own in training.items()}
    write_csv(run.workdir / "tables" / "sanity_shuffled_training.csv", _learned(history_table(rounds), unchanged))
    return rounds


def remove_networks(run: Run) -> None:
    """Remove what `train_on_shuffled_labels` has trained, once all is known of it: it is large."""
    checkpoints.remove(_folder(run))


def _folder(run: Run) -> Path:
    return run.workdir / "training" / f"shuffled_labels_{run.config.sanity.shuffled_label_seeds}"


def _of_groups(training: Mapping[Cohort, np.ndarray]) -> list[np.ndarray]:
    """The recordings of each group that are for training in any fold."""
    groups = dict.fromkeys(cohort.group for cohort in training)
    return [
        np.unique(np.concatenate([own for cohort, own in training.items() if cohort.group == group]))
        for group in groups
    ]


def _learned(history: pd.DataFrame, unchanged: Mapping[Cohort, float]) -> pd.DataFrame:
    """Per member: accuracy on the shuffled labels at the epoch kept (shuffled_label_accuracy), labels_unchanged."""
    # What the trainer takes for validation is the training set here, without dropout.
    learned = history.groupby(MEMBER, as_index=False)["validation_accuracy"].max()
    learned = learned.rename(columns={"validation_accuracy": "shuffled_label_accuracy"})
    shares = [unchanged[Cohort(row.group, row.fold)] for row in learned.itertuples()]
    return learned.assign(labels_unchanged=shares)
