"""Signed maps, predictions and scores of all trained members."""

from pathlib import Path

import jax
import numpy as np
import pandas as pd

from convcam_jax.attribution.explaining import explain_group
from convcam_jax.data.batches import shared_strata
from convcam_jax.data.dataset import Dataset, network_inputs
from convcam_jax.measures.result_tables import MemberScores, member_table, prediction_table
from convcam_jax.settings.config import Config
from convcam_jax.stages.training import HISTORY_COLUMNS, Group, make_model
from convcam_jax.stages.workdir import read_arrays, write_arrays, write_csv
from convcam_jax.system.progress import say
from convcam_jax.training import checkpoints
from convcam_jax.training.ensemble import Member, steps_per_epoch, take_members
from convcam_jax.training.member import Params, Recordings

EXPLANATIONS = "explanations.npz"


def explain_ensemble(config: Config, dataset: Dataset, groups: list[Group], workdir: Path) -> None:
    """Write `explanations.npz`, `predictions.csv` and `members.csv`, unless an earlier run has done so.

    `explanations.npz` holds, for each gender, `GENDER_signed_maps [S, N, H, W]` (Eq. 5 in front of the ReLU; `[S, N, F,
    T]` from a method whose maps are on the grid of the input), `GENDER_logits [S, N, C]`, `GENDER_seeds [S]` and
    `GENDER_recordings [N]`.
    """
    files = [workdir / name for name in (EXPLANATIONS, "predictions.csv", "members.csv")]
    if all(file.exists() for file in files):
        return
    recordings = network_inputs(dataset, config)
    parts: dict[str, list[tuple[tuple[Member, ...], np.ndarray, np.ndarray]]] = {g: [] for g in dataset.genders()}
    scores: list[MemberScores] = []
    for group in groups:
        trained, learned = checkpoints.load_params(group.folder), read_arrays(group.history_file())
        for gender in dataset.genders():
            rows = [i for i, member in enumerate(group.members) if member.gender == gender]
            if not rows:
                continue
            members = tuple(group.members[i] for i in rows)
            n_recordings = len(dataset.indices(gender, "test"))
            say(f"explaining {len(members)} members ({gender}) on {n_recordings} recordings by {config.cam.method}")
            params = take_members(trained, rows)
            signed_maps, logits = explain_members(params, gender, config, dataset, recordings)
            parts[gender].append((members, signed_maps, logits))
            zero_maps = np.count_nonzero(signed_maps.max((2, 3)) <= 0, axis=1)
            scores += _scores(members, {name: array[rows] for name, array in learned.items()}, zero_maps)
    arrays = _merge(parts, dataset)
    predictions = _predictions(arrays, config, dataset)
    say(f"{sum(score.zero_maps for score in scores)} of {len(predictions)} maps are zero everywhere")
    write_arrays(files[0], arrays)
    write_csv(files[1], predictions)
    write_csv(files[2], member_table(scores, predictions, config.analysis).assign(map_source="trained"))


def load_explanations(workdir: Path) -> dict[str, np.ndarray]:
    """The arrays of `explanations.npz`."""
    return read_arrays(workdir / EXPLANATIONS)


def explain_members(
    params: Params, gender: str, config: Config, dataset: Dataset, recordings: Recordings
) -> tuple[np.ndarray, np.ndarray]:
    """Signed maps `[S, N, H, W]` and logits `[S, N, C]` of members of one gender on its test recordings."""
    strata, n_columns = strata_of_tested(gender, config, dataset, recordings)
    model = make_model(config, config.cam.precision)
    (signed_maps,), logits = explain_group(params, recordings, strata, model, n_columns, (config.cam,))
    return signed_maps, logits


def strata_of_tested(gender: str, config: Config, dataset: Dataset, recordings: Recordings) -> tuple[np.ndarray, int]:
    """A gender's test recordings in batches `[n_strata, n_steps]` to explain, and the length of strip for a batch.

    The other gender's are of the same shape where that is cheap, so that one program explains both.
    """
    sets = {g: dataset.indices(g, "test") for g in dataset.genders()}
    n_devices = jax.local_device_count()
    n_steps = n_devices * steps_per_epoch(sets, n_devices * config.train.batch_size)
    strata, n_columns = shared_strata(np.asarray(recordings.n_frames), sets, [gender], n_steps)
    return strata[gender], n_columns


def _scores(members: tuple[Member, ...], learned: dict[str, np.ndarray], zero_maps: np.ndarray) -> list[MemberScores]:
    """What the training has saved of its members, at the epoch whose parameters were kept."""
    best_epoch, n_epochs = learned["best_epoch"], np.isfinite(learned["history"]).all(-1).sum(-1)
    best = dict(zip(HISTORY_COLUMNS, learned["history"][np.arange(len(members)), best_epoch - 1].T, strict=True))
    return [
        MemberScores(
            *member,
            int(n_epochs[i]),
            int(best_epoch[i]),
            float(best["train_accuracy"][i]),
            float(best["validation_accuracy"][i]),
            float(best["validation_loss"][i]),
            int(zero_maps[i]),
        )
        for i, member in enumerate(members)
    ]


def _merge(
    parts: dict[str, list[tuple[tuple[Member, ...], np.ndarray, np.ndarray]]], dataset: Dataset
) -> dict[str, np.ndarray]:
    arrays = {}
    for gender, of_gender in parts.items():
        arrays[f"{gender}_signed_maps"] = np.concatenate([maps for _, maps, _ in of_gender])
        arrays[f"{gender}_logits"] = np.concatenate([logits for _, _, logits in of_gender])
        arrays[f"{gender}_seeds"] = np.array([m.seed for members, _, _ in of_gender for m in members])
        tested = dataset.indices(gender, "test")
        arrays[f"{gender}_recordings"] = np.array([dataset.utterances[i].recording for i in tested])
    return arrays


def _predictions(arrays: dict[str, np.ndarray], config: Config, dataset: Dataset) -> pd.DataFrame:
    tables = []
    for gender in dataset.genders():
        tested = [dataset.utterances[i] for i in dataset.indices(gender, "test")]
        seeds, logits = arrays[f"{gender}_seeds"].tolist(), arrays[f"{gender}_logits"]
        tables.append(prediction_table(gender, seeds, tested, logits, config.corpus.emotions))
    return pd.concat(tables, ignore_index=True)
