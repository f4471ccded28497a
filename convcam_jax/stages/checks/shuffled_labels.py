"""Networks trained on shuffled labels, for the sanity checks."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Float

from convcam_jax.checks.sanity.randomisation import shuffled_labels
from convcam_jax.data.members import Cohort, Member, list_members
from convcam_jax.measures.statistics import MEMBER
from convcam_jax.settings.overrides import flatten
from convcam_jax.stages.ensemble.kept_maps import keep, kept_file, kept_signed_maps, origin_of_maps, read_kept
from convcam_jax.stages.ensemble.rounds import Round, history_table, read_rounds, trained_members
from convcam_jax.stages.ensemble.training import make_rounds, train_round
from convcam_jax.stages.run import Run
from convcam_jax.system.errors import UserError, is_of_the_system
from convcam_jax.system.formats import write_csv
from convcam_jax.system.progress import counted, say
from convcam_jax.training import checkpoints

# The maps, by the members' numbers.
_MAPS = "explained.npz"
# How parts of them are called that are kept meanwhile.
_PARTS = "sanity_shuffled_labels"


def maps_on_shuffled_labels(run: Run) -> dict[Member, Float[np.ndarray, "N H W"]]:
    """Signed maps of networks that were trained on permuted labels, on the test recordings of their cohort.

    They are kept in `training/shuffled_labels_COUNT/`, also under another count, and the networks removed: only
    another `attribution` asks these again, which trains them anew. `tables/sanity_shuffled_training.csv` says how well
    the labels were learned.
    """
    folder, count = _folder(run), run.config.sanity.shuffled_label_seeds
    discard_networks(run, but=folder)
    if count == 0:
        return {}
    first = run.config.train.seed_numbers().stop
    members = list_members(run.dataset.sets("train"), range(first, first + count))
    maps, history = _kept_maps(run, members), _kept_history(run, members)
    if maps is None or history is None:
        _discard_explained(folder)
        rounds = _train(run, members)
        maps, history = _explain(run, members, rounds), history_table(rounds)
        keep(folder / _MAPS, _origin(run), {str(number): maps[member] for number, member in enumerate(members)})
    for training_round in read_rounds(members, folder):
        checkpoints.remove(training_round.folder)
    write_csv(run.workdir / "tables" / "sanity_shuffled_training.csv", _learned(run, history))
    return maps


def discard_networks(run: Run, but: Path | None = None) -> None:
    """Remove what other numbers of such networks have left, all but a folder, and maps of the attribution of now.

    The user is told: training the networks anew takes long.
    """
    for other in (run.workdir / "training").glob("shuffled_labels_*"):
        if other != but and read_kept(other / _MAPS, _origin(run)) is None:
            say(f"removing {other}: networks on shuffled labels, or their maps, that these settings have no use for")
            _discard(other)


def _kept_maps(run: Run, members: tuple[Member, ...]) -> dict[Member, np.ndarray] | None:
    """The maps of an earlier time, unless they are not there, damaged, or of another attribution."""
    arrays = read_kept(_folder(run) / _MAPS, _origin(run)) or {}
    numbers = [str(number) for number in range(len(members))]
    if not arrays.keys() >= set(numbers):
        return None
    return {member: arrays[number] for member, number in zip(members, numbers, strict=True)}


def _kept_history(run: Run, members: tuple[Member, ...]) -> pd.DataFrame | None:
    """The table of what the networks learned, unless what it is made of is not there or damaged."""
    try:
        return history_table(read_rounds(members, _folder(run)))
    except (UserError, KeyError, ValueError) as error:
        if is_of_the_system(error.__cause__):
            raise
        return None


def _origin(run: Run) -> str:
    fields = flatten(run.config).items()
    return json.dumps({name: value for name, value in fields if name.startswith("attribution.")}, sort_keys=True)


def _train(run: Run, members: tuple[Member, ...]) -> list[Round]:
    """Train the networks, or go on where an earlier run stopped.

    Their seeds follow those of the ensemble, so they share no first weights with it. The training recordings' labels
    are permuted within each group, alike for all seeds and folds. There is nothing to validate: all epochs of the
    config are run, and the one of the highest accuracy on the (shuffled) training set is taken.
    """
    config, training = run.config, run.dataset.sets("train")
    recordings = run.recordings._replace(emotion=jnp.asarray(_shuffled(run)))
    patient = dataclasses.replace(config.train, patience_epochs=config.train.epochs)
    patiently = dataclasses.replace(config, train=patient)
    rounds = make_rounds(patiently, members, _folder(run), len(recordings.n_frames))
    for number, one in enumerate(rounds, start=1):
        name = f"on shuffled labels, round {number} of {len(rounds)}"
        train_round(one, name, patiently, training, training, recordings)
    return rounds


def _explain(run: Run, members: tuple[Member, ...], rounds: list[Round]) -> dict[Member, np.ndarray]:
    found: dict[Member, np.ndarray] = {}
    for number, cohort in enumerate(run.dataset.cohorts()):
        wanted = {member for member in members if member.cohort == cohort}
        for part, (some, variables) in enumerate(trained_members(rounds, wanted)):
            path, origin = kept_file(run, _PARTS, number, part), origin_of_maps(run, rounds, cohort, some)
            networks = f"{counted(len(some), 'member')} trained on shuffled labels ({cohort})"
            found |= dict(zip(some, kept_signed_maps(path, origin, run, variables, cohort, networks), strict=True))
    return found


def _folder(run: Run) -> Path:
    return run.workdir / "training" / f"shuffled_labels_{run.config.sanity.shuffled_label_seeds}"


def _discard_explained(folder: Path) -> None:
    """Remove networks that were explained, of which some may be gone already; of others the training goes on."""
    if (folder / _MAPS).exists():
        _discard(folder)


def _discard(folder: Path) -> None:
    # First what tells that networks are whole: whoever is killed meanwhile leaves some of their files.
    for history in folder.glob("*_history.npz"):
        history.unlink()
    checkpoints.remove(folder)


def _shuffled(run: Run) -> np.ndarray:
    groups = _of_groups(run.dataset.sets("train"))
    return shuffled_labels(np.asarray(run.recordings.emotion), groups, run.config.train.first_seed)


def _of_groups(training: Mapping[Cohort, np.ndarray]) -> list[np.ndarray]:
    """The recordings of each group that are for training in any fold."""
    groups = dict.fromkeys(cohort.group for cohort in training)
    return [
        np.unique(np.concatenate([own for cohort, own in training.items() if cohort.group == group]))
        for group in groups
    ]


def _learned(run: Run, history: pd.DataFrame) -> pd.DataFrame:
    """Per member: accuracy on the shuffled labels at the epoch kept (shuffled_label_accuracy), labels_unchanged."""
    # What the trainer takes for validation is the training set here, without dropout.
    learned = history.groupby(MEMBER, as_index=False)["validation_accuracy"].max()
    learned = learned.rename(columns={"validation_accuracy": "shuffled_label_accuracy"})
    unchanged, training = _shuffled(run) == np.asarray(run.recordings.emotion), run.dataset.sets("train")
    shares = [float(unchanged[training[Cohort(row.group, row.fold)]].mean()) for row in learned.itertuples()]
    return learned.assign(labels_unchanged=shares)
