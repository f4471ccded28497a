"""Result tables of a made-up run on the paper's recordings, for tests of tables, claims, comparison and figures."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from convcam_jax.paper import published
from convcam_jax.settings.config import EMOTIONS


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
            "gender": recordings["gender"],
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


def without_correct(results: Results, gender: str, emotion: str) -> Results:
    """The same run with no recording of this gender and emotion correct in any seed."""
    metrics = results.metrics.copy()
    metrics.loc[(metrics["gender"] == gender) & (metrics["emotion"] == emotion), "correct"] = False
    return results._replace(metrics=metrics)


def _predictions(utterances: pd.DataFrame, seed: int, generator: np.random.Generator) -> pd.DataFrame:
    wrong = (generator.random(len(utterances)) < 0.3) & (seed > 0)
    guesses = generator.choice(EMOTIONS, len(utterances))
    predicted = np.where(wrong, guesses, utterances["emotion"])
    frame = utterances[["recording", "gender"]].assign(seed=seed, truth=utterances["emotion"], predicted=predicted)
    probabilities = generator.dirichlet(np.ones(len(EMOTIONS)), len(utterances))
    return frame.assign(**dict(zip(EMOTIONS, probabilities.T, strict=True)))


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
    frame = utterances[["recording", "gender", "speaker", "emotion"]].assign(
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
    for (gender, seed), answers in predictions.groupby(["gender", "seed"]):
        correct = answers["truth"] == answers["predicted"]
        uar = correct.groupby(answers["truth"]).mean().mean()
        rows.append([gender, seed, epochs, 3, 0.95, 0.7, correct.mean(), uar, "trained", seed == 0])
    columns = ["gender", "seed", "epochs", "best_epoch", "train_accuracy", "validation_accuracy"]
    return pd.DataFrame(rows, columns=[*columns, "test_accuracy", "uar", "map_source", "chosen"])


def _history(seeds: int, epochs: int, generator: np.random.Generator) -> pd.DataFrame:
    rows = []
    for gender in ("female", "male"):
        for seed in range(seeds):
            level = generator.lognormal(0.0, 0.1)
            for epoch in range(1, epochs + 1):
                loss = level * 2.5 * np.exp(-epoch / 3)
                validation_loss = level * (1.0 + 0.05 * (epoch - 4) ** 2)
                accuracy = 1 - np.exp(-epoch / 3) / level**2 * 0.8
                rows.append([gender, seed, epoch, loss, accuracy, validation_loss, 0.65 * min(1, epoch / 4) / level])
    columns = ["gender", "seed", "epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy"]
    return pd.DataFrame(rows, columns=columns)
