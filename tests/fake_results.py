"""Result tables of a made-up run on the paper's recordings, for tests of tables, claims, comparison and figures."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from convcam_jax.corpora.config import EMOTIONS
from convcam_jax.paper import published
from convcam_jax.splits.protocol import ONLY_FOLD


class Results(NamedTuple):
    utterances: pd.DataFrame
    members: pd.DataFrame
    predictions: pd.DataFrame
    metrics: pd.DataFrame
    history: pd.DataFrame


def make_results(seeds: int = 10, epochs: int = 8, random_seed: int = 0) -> Results:
    """Test set: the 58 published recordings; the chosen member (seed 0) is right and gives the printed values."""
    generator = np.random.default_rng(random_seed)
    recordings = published.load().recordings
    utterances = pd.DataFrame(
        {
            "recording": recordings["recording"],
            "speaker": recordings["recording"].str[:2],
            "gender": recordings["group"],
            "emotion": recordings["emotion"],
            "text": recordings["recording"].str[2:5],
            "n_frames": recordings["n_frames"],
            "split": "test",
        }
    )
    predictions = pd.concat([_predictions(utterances, seed, generator) for seed in range(seeds)], ignore_index=True)
    metrics = pd.concat(
        [_metrics(recordings, utterances, predictions, seed, generator) for seed in range(seeds)], ignore_index=True
    )
    history = _history(seeds, epochs, generator)
    return Results(utterances, _members(predictions, epochs), predictions, metrics, history)


def in_two_folds(results: Results) -> Results:
    """The same run with every other recording tested in a second fold, whose chosen member has seed 1."""
    second = set(results.utterances["recording"].iloc[1::2])

    def folded(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(fold=np.where(table["recording"].isin(second), "two", "one"))

    predictions, metrics = folded(results.predictions), folded(results.metrics)
    members = [
        results.members.assign(fold=fold, chosen=results.members["seed"] == seed)
        for fold, seed in (("one", 0), ("two", 1))
    ]
    history = [results.history.assign(fold=fold) for fold in ("one", "two")]
    return results._replace(
        members=pd.concat(members, ignore_index=True),
        predictions=predictions,
        metrics=metrics,
        history=pd.concat(history, ignore_index=True),
    )


def in_groups(results: Results, names: dict[str, str]) -> Results:
    """The same run with other names of its groups; of groups that become one, the first one's members are kept."""
    tables = {
        name: getattr(results, name).assign(group=getattr(results, name)["group"].map(names))
        for name in ("members", "predictions", "metrics", "history")
    }
    tables["members"] = tables["members"].drop_duplicates(["group", "fold", "seed"])
    return results._replace(**tables)


def without_correct(results: Results, group: str, emotion: str) -> Results:
    """The same run with no recording of this group and emotion correct in any seed."""
    metrics = results.metrics.copy()
    metrics.loc[(metrics["group"] == group) & (metrics["emotion"] == emotion), "correct"] = False
    return results._replace(metrics=metrics)


def _predictions(utterances: pd.DataFrame, seed: int, generator: np.random.Generator) -> pd.DataFrame:
    wrong = (generator.random(len(utterances)) < 0.3) & (seed > 0)
    guesses = generator.choice(EMOTIONS, len(utterances))
    predicted = np.where(wrong, guesses, utterances["emotion"])
    who = utterances[["recording", "gender"]].rename(columns={"gender": "group"})
    frame = who.assign(fold=ONLY_FOLD, seed=seed, truth=utterances["emotion"], predicted=predicted)
    probabilities = generator.dirichlet(np.ones(len(EMOTIONS)), len(utterances))
    return frame.assign(**{f"probability/{e}": p for e, p in zip(EMOTIONS, probabilities.T, strict=True)})


def _metrics(
    recordings: pd.DataFrame,
    utterances: pd.DataFrame,
    predictions: pd.DataFrame,
    seed: int,
    generator: np.random.Generator,
) -> pd.DataFrame:
    answers = predictions[predictions["seed"] == seed]
    noise = generator.lognormal(0.0, 0.3 if seed else 0.0, (2, len(recordings)))
    q_mse = recordings["printed_q_rmse"] * noise[0]
    f0_hz = recordings["printed_f0_rmse_hz"] * noise[1]
    frame = utterances[["recording", "gender"]].rename(columns={"gender": "group"})
    frame = frame.assign(
        fold=ONLY_FOLD,
        speaker=utterances["speaker"],
        emotion=utterances["emotion"],
        seed=seed,
        correct=(answers["truth"] == answers["predicted"]).to_numpy(),
        n_frames=recordings["n_frames"],
        q_mse=q_mse,
        q_rmse=np.sqrt(q_mse),
        envelope_variance=0.05,
        q_voiced_excess=0.1,
        f0_segment_rmse_hz=f0_hz,
        f0_frame_rmse_hz=f0_hz * 1.2,
        f0_segment_rmse_semitones=12 * np.log2(1 + f0_hz / 200),
        f0_frame_rmse_semitones=12 * np.log2(1 + f0_hz / 170),
    )
    energy_ratio = 1 - 0.3 * generator.random(len(frame)) ** 2
    return frame.assign(energy_ratio=energy_ratio, mask_area=energy_ratio * 0.6, map_is_zero=False)


def _members(predictions: pd.DataFrame, epochs: int) -> pd.DataFrame:
    rows = []
    for (group, seed), answers in predictions.groupby(["group", "seed"]):
        correct = answers["truth"] == answers["predicted"]
        uar = correct.groupby(answers["truth"]).mean().mean()
        rows.append([group, ONLY_FOLD, seed, epochs, 3, 0.95, 0.7, correct.mean(), uar, "trained", seed == 0])
    columns = ["group", "fold", "seed", "epochs", "best_epoch", "train_accuracy", "validation_accuracy"]
    return pd.DataFrame(rows, columns=[*columns, "test_accuracy", "uar", "map_source", "chosen"])


def _history(seeds: int, epochs: int, generator: np.random.Generator) -> pd.DataFrame:
    rows = []
    for group in ("female", "male"):
        for seed in range(seeds):
            level = generator.lognormal(0.0, 0.1)
            for epoch in range(1, epochs + 1):
                loss = level * 2.5 * np.exp(-epoch / 3)
                validation_loss = level * (1.0 + 0.05 * (epoch - 4) ** 2)
                accuracy = 1 - np.exp(-epoch / 3) / level**2 * 0.8
                validation_accuracy = 0.65 * min(1, epoch / 4) / level
                rows.append([group, ONLY_FOLD, seed, epoch, loss, accuracy, validation_loss, validation_accuracy])
    columns = [
        "group",
        "fold",
        "seed",
        "epoch",
        "train_loss",
        "train_accuracy",
        "validation_loss",
        "validation_accuracy",
    ]
    return pd.DataFrame(rows, columns=columns)
