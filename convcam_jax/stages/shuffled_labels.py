"""Training of networks on shuffled labels, for the sanity checks."""

import dataclasses
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pandas as pd

from convcam_jax.checks.sanity.randomisation import shuffled_labels
from convcam_jax.data.dataset import Dataset, network_inputs
from convcam_jax.settings.config import Config
from convcam_jax.stages.training import Group, history_table, make_groups, train_group
from convcam_jax.stages.workdir import write_csv
from convcam_jax.training.ensemble import Member


def train_on_shuffled_labels(config: Config, dataset: Dataset, workdir: Path) -> list[Group]:
    """Train networks on permuted labels, unless they are there; parameters go to `training/shuffled_labels/`.

    Their seeds follow those of the ensemble, so they share no first weights with it. The training recordings' labels
    are permuted within each gender, alike for all seeds. There is nothing to validate: all epochs of the config are
    run, and the one of the highest accuracy on the (shuffled) training set is kept.
    `tables/sanity_shuffled_training.csv` says how well the labels were learned.
    """
    seeds = [config.train.first_seed + config.train.seeds + i for i in range(config.sanity.shuffled_label_seeds)]
    members = tuple(Member(gender, seed) for gender in dataset.genders() for seed in seeds)
    if not members:
        return []
    training = {gender: dataset.indices(gender, "train") for gender in dataset.genders()}
    recordings = network_inputs(dataset, config)
    truth = np.asarray(recordings.emotion)
    labels = shuffled_labels(truth, list(training.values()), config.train.first_seed)
    patient = dataclasses.replace(config.train, patience_epochs=config.train.epochs)
    config = dataclasses.replace(config, train=patient)
    groups = make_groups(config, members, recordings, workdir / "training" / "shuffled_labels")
    for number, group in enumerate(groups, start=1):
        name = f"on shuffled labels, group {number} of {len(groups)}"
        train_group(group, name, config, training, training, recordings._replace(emotion=jnp.asarray(labels)))
    unchanged = {gender: np.mean(labels[own] == truth[own]) for gender, own in training.items()}
    write_csv(workdir / "tables" / "sanity_shuffled_training.csv", _learned(history_table(groups), unchanged))
    return groups


def _learned(history: pd.DataFrame, unchanged: dict[str, float]) -> pd.DataFrame:
    """Per member: accuracy on the shuffled labels at the epoch kept (gender, seed, accuracy, labels_unchanged)."""
    # What the trainer takes for validation is the training set here, without dropout.
    learned = history.groupby(["gender", "seed"], as_index=False)["validation_accuracy"].max()
    learned = learned.rename(columns={"validation_accuracy": "shuffled_label_accuracy"})
    return learned.assign(labels_unchanged=learned["gender"].map(unchanged))
