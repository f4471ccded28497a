"""What the networks say of the sounds of what the maps mark."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from convcam_jax.checks.listening import counterfactual
from convcam_jax.checks.listening.resynthesis import Probe, consensus_map
from convcam_jax.data.dataset import as_recordings
from convcam_jax.figures.resynthesis import probability_of_truth
from convcam_jax.settings.config import Config
from convcam_jax.stages.listening_sounds import ToProbe, probe
from convcam_jax.stages.measures import GenderMaps
from convcam_jax.stages.trained import members_of, trained_members
from convcam_jax.stages.training import Group, make_model
from convcam_jax.stages.workdir import read_csv, write_csv, write_figure, write_table
from convcam_jax.system.progress import say
from convcam_jax.system.worker_processes import in_processes
from convcam_jax.training.member import Recordings

RESYNTHESIS = "resynthesis.csv"
COLUMNS = ["recording", "gender", "seed", "truth", *Probe._fields, "p_truth", "predicted", "correct"]


def consensus_maps(own: GenderMaps) -> list[NDArray[np.float32]]:
    """The mean map `[F, n]` of all members, for each recording of a gender; 1 at its maximum."""
    frames = zip(range(len(own.utterances)), own.arrays.n_frames, strict=True)
    return [consensus_map(own.maps[:, i, :, :n]) for i, n in frames]


def ask_networks(config: Config, genders: list[GenderMaps], groups: list[Group], workdir: Path) -> None:
    """Write `resynthesis.csv` unless an earlier run has done so, its summary and its figure.

    Recordings whose map is zero in all members are left out; with no other, there is neither summary nor figure.
    """
    path = workdir / RESYNTHESIS
    if not path.exists():
        say("asking the networks about what the maps mark")
        write_csv(path, _answers(config, genders, groups))
    answers = read_csv(path)
    if answers.empty:
        return
    table = counterfactual.summary(answers)
    write_table(workdir, "resynthesis", table, table[["sentence"]])
    write_figure(workdir / "figures" / "resynthesis.png", probability_of_truth, table)


def _answers(config: Config, genders: list[GenderMaps], groups: list[Group]) -> pd.DataFrame:
    tasks = [[ToProbe(u.path, m) for u, m in zip(own.utterances, consensus_maps(own), strict=True)] for own in genders]
    kept = [[i for i, task in enumerate(own) if task.map.any()] for own in tasks]
    work = [own[i] for own, rows in zip(tasks, kept, strict=True) for i in rows]
    found = iter(list(in_processes(partial(probe, config=config), work)))
    tables = [
        _ask_gender(config, own, {i: next(found) for i in rows}, groups)
        for own, rows in zip(genders, kept, strict=True)
        if rows
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)


def _ask_gender(
    config: Config, own: GenderMaps, found: dict[int, tuple[list[Probe], NDArray[np.float32]]], groups: list[Group]
) -> pd.DataFrame:
    """The rows of a gender; `found` has the probes of its recordings and their spectrograms."""
    labels = pd.concat(
        [
            pd.DataFrame(descriptions).assign(recording=own.utterances[i].recording, truth=own.utterances[i].emotion)
            for i, (descriptions, _) in found.items()
        ],
        ignore_index=True,
    )
    spectrograms = [one for _, spectrograms in found.values() for one in spectrograms]
    # The networks are not told the emotions.
    sounds = as_recordings(spectrograms, np.zeros(len(spectrograms), np.int32), config)
    by_seed = _ask(config, own.gender, sounds, groups)
    return _answer_table(labels.assign(gender=own.gender), by_seed, config.corpus.emotions)


def _answer_table(labels: pd.DataFrame, by_seed: dict[int, np.ndarray], emotions: tuple[str, ...]) -> pd.DataFrame:
    """The rows of `resynthesis.csv` from the N sounds' `labels` and every seed's probabilities `[N, C]`."""
    truth = np.array([emotions.index(label) for label in labels["truth"]])
    tables = []
    for seed, answers in by_seed.items():
        predicted = answers.argmax(-1)
        p_truth = answers[np.arange(len(truth)), truth]
        names = [emotions[i] for i in predicted]
        tables.append(labels.assign(seed=seed, p_truth=p_truth, predicted=names, correct=predicted == truth))
    return pd.concat(tables, ignore_index=True)[COLUMNS]


def _ask(config: Config, gender: str, sounds: Recordings, groups: list[Group]) -> dict[int, np.ndarray]:
    """Every trained seed's probabilities `[N, C]`, one group of members after the other."""
    model = make_model(config, config.cam.precision)
    answers: dict[int, np.ndarray] = {}
    for members, params in trained_members(groups, members_of(groups, gender)):
        found = counterfactual.probabilities(params, sounds, model)
        answers |= {member.seed: one for member, one in zip(members, found, strict=True)}
    return answers
