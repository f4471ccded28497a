"""Members that are trained together, and the files that their training leaves."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from convcam_jax.data.dataset import Dataset
from convcam_jax.data.members import Cohort, Member, list_members
from convcam_jax.networks.network import Variables
from convcam_jax.settings.config import Config
from convcam_jax.system.errors import UserError
from convcam_jax.system.formats import MAKE_AGAIN, read_arrays, read_json
from convcam_jax.training import checkpoints
from convcam_jax.training.ensemble import take_members
from convcam_jax.training.kept import in_float32

HISTORY_COLUMNS = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
# How many members a round has.
ROUNDS_FILE = "rounds.json"
# What the files in `training/` begin with that hold maps of a stage that is not finished, see `kept_maps`.
KEPT_MAPS = "kept_maps_"


class Round(NamedTuple):
    """Members that are trained together, in the order of the leading axis of the variables saved in `folder`."""

    members: tuple[Member, ...]
    folder: Path

    def cohorts(self) -> tuple[Cohort, ...]:
        """Those that have members in the round, each once."""
        return tuple(dict.fromkeys(member.cohort for member in self.members))

    def history_file(self) -> Path:
        """Where `members [S, 3]`, `history [S, epochs, 4]` and `best_epoch [S]` are saved."""
        return self.folder.with_name(f"{self.folder.name}_history.npz")

    def handed_over_file(self) -> Path:
        """Where another process than the first one leaves the variables, as arrays by the names of their leaves."""
        return self.folder.with_name(f"{self.folder.name}_handed_over.npz")

    def progress_folder(self) -> Path:
        """Where the round is saved while it is trained."""
        return self.folder.with_name(f"{self.folder.name}_in_progress")


def all_members(config: Config, dataset: Dataset) -> tuple[Member, ...]:
    """The members of the ensemble, by cohort, then seed."""
    return list_members(dataset.cohorts(), config.train.seed_numbers())


def read_rounds(members: tuple[Member, ...], folder: Path) -> list[Round]:
    """The members in rounds of the size that was chosen when their training began.

    Raises:
      UserError: see `noted_size`.
    """
    size = noted_size(folder)
    starts = range(0, len(members), size)
    return [Round(members[s : s + size], folder / f"round_{s // size:02d}") for s in starts]


def noted_size(folder: Path) -> int:
    """How many members a round has, as was noted when their training began.

    Raises:
      UserError: there is no such note, or it is damaged.
    """
    note = folder / ROUNDS_FILE
    noted = read_json(note)
    size = noted.get("members_at_once") if isinstance(noted, dict) else None
    if not isinstance(size, int) or size < 1:
        raise UserError(f"{note}: does not say how many members a round has; {MAKE_AGAIN}")
    return size


def trained_names(training_round: Round) -> list[list[str]]:
    """Group, fold and seed of each member that is trained, as `names_of`; none where the round is not complete.

    Raises:
      UserError: they are trained, but cannot be told; nobody but the user may throw hours of work away.
    """
    trained, history = _trained_at(training_round), training_round.history_file()
    if not trained.exists():
        return []
    try:
        return read_arrays(history)["members"].tolist()
    except (UserError, KeyError) as error:
        raise UserError(
            f"{trained}: holds trained members, but {history.name} beside it cannot be read "
            f"({error.__cause__ or error}); if that cannot be mended, remove {trained.name} and give the run's command "
            "again, which trains them anew"
        ) from error


def is_trained(training_round: Round) -> bool:
    """Whether the round is complete.

    Raises:
      UserError: see `trained_names`, or its members are others than it should have.
    """
    names = trained_names(training_round)
    if names and names != names_of(training_round.members).tolist():
        raise UserError(
            f"{_trained_at(training_round)}: holds {len(names)} trained members, which are not those of this round by "
            f"{ROUNDS_FILE} beside it; remove {ROUNDS_FILE} if it was changed, and give the run's command again, which "
            "finds the number in the first round"
        )
    return bool(names)


def _trained_at(training_round: Round) -> Path:
    """Where the variables lie if the round is complete."""
    folder = training_round.folder
    return folder if checkpoints.is_complete(folder) else training_round.handed_over_file()


def names_of(members: tuple[Member, ...]) -> np.ndarray:
    """Group, fold and seed of each member as text `[S, 3]`."""
    return np.array([tuple(map(str, member)) for member in members])


def history_table(rounds: Sequence[Round]) -> pd.DataFrame:
    """Loss and accuracy of every member in every epoch: the table of `history.csv`."""
    rows = []
    for training_round in rounds:
        history = read_arrays(training_round.history_file())["history"]
        for member, epochs in zip(training_round.members, history, strict=True):
            rows += [(*member, e, *scores) for e, scores in enumerate(epochs, start=1) if np.isfinite(scores).all()]
    return pd.DataFrame(rows, columns=[*Member._fields, "epoch", *HISTORY_COLUMNS])


def trained_members(
    rounds: Sequence[Round], wanted: Collection[Member]
) -> Iterator[tuple[tuple[Member, ...], Variables]]:
    """Those of the `wanted` members that each round has, and their variables `[S, ...]`."""
    for training_round in rounds:
        rows = [i for i, member in enumerate(training_round.members) if member in wanted]
        if rows:
            variables = checkpoints.load_variables(training_round.folder)
            # Those of a whole round are gigabytes that need not be copied.
            is_whole = len(rows) == len(training_round.members)
            some = variables if is_whole else take_members(variables, rows)
            yield tuple(training_round.members[i] for i in rows), in_float32(some)
