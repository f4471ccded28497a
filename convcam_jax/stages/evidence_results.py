"""Tables, verdicts and figures of planted evidence."""

from pathlib import Path

import numpy as np
import pandas as pd

from convcam_jax.checks.evidence import scoring
from convcam_jax.figures import evidence as figures
from convcam_jax.representations.features import bin_frequencies_hz, frame_times_s
from convcam_jax.settings.config import Config
from convcam_jax.stages.attribution import EXPLANATIONS
from convcam_jax.stages.evidence import Evidence, held_out, member_maps
from convcam_jax.stages.workdir import read_arrays, write_figure, write_table
from convcam_jax.system.progress import say

# Of the comparison of methods.
RANKED_BY = "average_precision"


def write_tables(config: Config, scores: pd.DataFrame, members: pd.DataFrame, workdir: Path) -> None:
    """Write `evidence_summary`, `evidence_methods` and `evidence_verdicts` into `tables/`, as .csv and .md.

    The summary's .md has the rows of `cam.method` only.
    """
    summarised = scoring.summary(scores)
    accuracy = members.groupby("variant")["test_accuracy"].mean().to_dict()
    verdicts = scoring.verdicts(summarised, accuracy, len(config.corpus.emotions))
    own = summarised[summarised["method"] == config.cam.method]
    shown = own[["variant", "placement", "score", "network", "network_low", "network_high", *scoring.CONTROLS]]
    write_table(workdir, "evidence_summary", summarised, shown)
    ranking = scoring.method_ranking(summarised, RANKED_BY)
    write_table(workdir, "evidence_methods", ranking)
    write_table(workdir, "evidence_verdicts", verdicts)
    for sentence in verdicts.loc[verdicts["method"] == config.cam.method, "sentence"]:
        say(sentence)


def write_figures(config: Config, made: Evidence, scores: pd.DataFrame, workdir: Path) -> None:
    """Write `evidence_scores.png`, `evidence_examples.png` and `evidence_methods.png` into `figures/`."""
    summarised = scoring.summary(scores)
    folder = workdir / "figures"
    write_figure(folder / "evidence_scores.png", figures.scores, summarised, config.cam.method)
    ranking = scoring.method_ranking(summarised, RANKED_BY)
    write_figure(folder / "evidence_methods.png", figures.methods, ranking, RANKED_BY)
    shown = [_example(config, made, scores, variant, workdir) for variant in made.datasets]
    time_s = frame_times_s(config.corpus.max_frames, config.features)
    bin_hz = bin_frequencies_hz(config.features)
    write_figure(folder / "evidence_examples.png", figures.examples, shown, time_s, bin_hz)


def _example(config: Config, made: Evidence, scores: pd.DataFrame, variant: str, workdir: Path) -> figures.Example:
    """The recording of the variant whose relevance mass is the median: neither the best nor the worst.

    It is taken from the first seed's correctly classified recordings of the first gender, or from all if there is none.
    """
    gender = made.datasets[variant].genders()[0]
    of_method = scores.query("variant == @variant and gender == @gender and source == 'network'")
    of_method = of_method[of_method["method"] == config.cam.method]
    seed = of_method["seed"].min()
    of_seed = of_method[of_method["seed"] == seed]
    of_seed = of_seed[of_seed["placement"] == of_seed["placement"].iloc[-1]]
    candidates = of_seed[of_seed["correct"]] if of_seed["correct"].any() else of_seed
    ranked = candidates.sort_values("relevance_mass", kind="stable")
    recording = ranked["recording"].iloc[(len(ranked) - 1) // 2]
    test = held_out(made.datasets[variant], variant, gender, made.truth)
    arrays = read_arrays(workdir / "variants" / variant / EXPLANATIONS)
    own = {name.removeprefix(f"{gender}_"): a for name, a in arrays.items() if name.startswith(f"{gender}_")}
    n, s = list(test.recordings).index(recording), own["seeds"].tolist().index(seed)
    truth = test.truth[n]
    maps = {
        f"{m.method}, {m.placement}": _scaled(m.trained[s, n, :, : truth.shape[1]])
        for m in member_maps(config, own, test)
        if m.method == config.cam.method
    }
    return figures.Example(variant, test.classes[n], test.cqt[n], truth, maps)


def _scaled(own_map: np.ndarray) -> np.ndarray:
    """The map divided by its maximum in the recording."""
    return own_map / own_map.max() if own_map.max() > 0 else own_map
