"""Signed maps, predictions and scores of all trained members."""

from functools import partial

import jax
import numpy as np
import pandas as pd

from convcam_jax.data.members import Cohort, Member
from convcam_jax.measures.result_tables import MemberScores, member_table, prediction_table
from convcam_jax.stages.ensemble.kept_maps import discard_kept, kept_file, kept_or_made, origin_of_maps
from convcam_jax.stages.ensemble.rounds import HISTORY_COLUMNS, Round, trained_members
from convcam_jax.stages.references import write_references
from convcam_jax.stages.run import EXPLANATIONS, CohortExplanations, Run, explanation_arrays
from convcam_jax.system.formats import read_arrays, read_csv, write_arrays, write_csv
from convcam_jax.system.jax_setup import wait_for_all
from convcam_jax.system.progress import counted, say, with_progress

PREDICTIONS = "predictions.csv"
# How its parts are called that are kept meanwhile.
_STAGE = "explanations"


def explain_ensemble(run: Run) -> None:
    """Write `explanations.npz` (see `run.explanation_arrays`) and `predictions.csv`."""
    parts: dict[Cohort, list[CohortExplanations]] = {cohort: [] for cohort in run.dataset.cohorts()}
    tasks = [(own, cohort) for own in run.rounds for cohort in own.cohorts()]
    for training_round, cohort in with_progress(tasks, "explaining", len(tasks), "part"):
        parts[cohort].append(_kept_or_explained(run, training_round, cohort))
    explained = {cohort: _joined(own) for cohort, own in parts.items()}
    predictions = _predictions(run, explained)
    n_zero = sum(int(zero_maps(own.signed_maps).sum()) for own in explained.values())
    say(f"{n_zero} of {len(predictions)} maps are zero on every node")
    write_arrays(run.workdir / EXPLANATIONS, explanation_arrays(explained))
    write_csv(run.workdir / PREDICTIONS, predictions)
    write_references(run)
    discard_kept(run, _STAGE)


def explain_own_share(run: Run) -> None:
    """Of several processes, let each explain the rounds that are its own; `explain_ensemble` has the rest."""
    if jax.process_count() == 1:
        return
    # Until then the first process saves what the others have trained.
    wait_for_all("to be explained")
    for training_round in run.rounds[jax.process_index() :: jax.process_count()]:
        for cohort in training_round.cohorts():
            _kept_or_explained(run, training_round, cohort, for_others=True)
    wait_for_all("explained")


def describe_members(run: Run) -> None:
    """Write `members.csv`: what is known of every member, and which ones are chosen."""
    zero = {
        Member(*cohort, int(seed)): int(count)
        for cohort, own in run.explanations.items()
        for seed, count in zip(own.seeds, zero_maps(own.signed_maps), strict=True)
    }
    scores = [score for own in run.rounds for score in _scores(own, zero)]
    predictions = read_csv(run.workdir / PREDICTIONS)
    order = {cohort: place for place, cohort in enumerate(run.dataset.cohorts())}
    scores.sort(key=lambda score: (order[Cohort(score.group, score.fold)], score.seed))
    members = member_table(scores, predictions, run.config.analysis).assign(map_source="trained")
    write_csv(run.workdir / "members.csv", members)


def zero_maps(signed_maps: np.ndarray) -> np.ndarray:
    """How many of each member's maps `[S, N, ...]` have no positive part: `[S]`."""
    return np.count_nonzero(signed_maps.max((2, 3)) <= 0, axis=1)


def _kept_or_explained(run: Run, training_round: Round, cohort: Cohort, for_others: bool = False) -> CohortExplanations:
    path = kept_file(run, _STAGE, training_round.folder.name, run.dataset.cohorts().index(cohort))
    origin = origin_of_maps(run, [training_round], cohort, training_round.members)
    return CohortExplanations(**kept_or_made(path, origin, partial(_explain, run, training_round, cohort), for_others))


def _explain(run: Run, training_round: Round, cohort: Cohort) -> dict[str, np.ndarray]:
    wanted = [member for member in training_round.members if member.cohort == cohort]
    [(members, variables)] = trained_members([training_round], wanted)
    recordings = [u.recording for u in run.dataset.tested_utterances(cohort)]
    method = run.config.attribution.method
    on = counted(len(recordings), "recording")
    say(f"explaining {counted(len(members), 'member')} ({cohort}) on {on} by {method}")
    signed_maps, logits = run.explain(variables, cohort)
    seeds = np.array([member.seed for member in members])
    return CohortExplanations(signed_maps, logits, seeds, np.array(recordings, dtype=str))._asdict()


def _joined(parts: list[CohortExplanations]) -> CohortExplanations:
    signed_maps, logits, seeds, recordings = zip(*parts, strict=True)
    return CohortExplanations(np.concatenate(signed_maps), np.concatenate(logits), np.concatenate(seeds), recordings[0])


def _predictions(run: Run, explained: dict[Cohort, CohortExplanations]) -> pd.DataFrame:
    dataset, emotions = run.dataset, run.config.corpus.emotions
    tables = []
    for cohort, explanations in explained.items():
        tested = dataset.tested_utterances(cohort)
        tables.append(prediction_table(cohort, explanations.seeds.tolist(), tested, explanations.logits, emotions))
    return pd.concat(tables, ignore_index=True)


def _scores(training_round: Round, zero: dict[Member, int]) -> list[MemberScores]:
    """What the training has saved of its members, at the epoch whose variables were kept."""
    learned = read_arrays(training_round.history_file())
    best_epoch, n_epochs = learned["best_epoch"], np.isfinite(learned["history"]).all(-1).sum(-1)
    best = dict(
        zip(HISTORY_COLUMNS, learned["history"][np.arange(len(training_round.members)), best_epoch - 1].T, strict=True)
    )
    return [
        MemberScores(
            *member,
            int(n_epochs[i]),
            int(best_epoch[i]),
            float(best["train_accuracy"][i]),
            float(best["validation_accuracy"][i]),
            float(best["validation_loss"][i]),
            zero[member],
        )
        for i, member in enumerate(training_round.members)
    ]
