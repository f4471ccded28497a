"""Planted evidence: recordings whose cue is known, networks that learn it, and scores of what is said to explain them.

Every variant is a run of its own in `variants/VARIANT/`, with the files of any training and `explanations.npz`.
"""

import dataclasses
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Array, Float

from convcam_jax.attribution.config import AttributionConfig
from convcam_jax.attribution.explaining import explained_geometry, references_of
from convcam_jax.checks.evidence.explanations import (
    EvidenceMaps,
    Pair,
    concatenated,
    explain_pairs,
    learned_table,
    placed_pairs,
)
from convcam_jax.checks.evidence.planting import (
    changed_cells,
    class_in_words,
    planted_utterances,
    unlabelled_utterances,
)
from convcam_jax.checks.evidence.scoring import HeldOut, MemberMaps, score_table
from convcam_jax.corpora.neutral_speech import NeutralSpeech, ToMake
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.corpora.utterances import Utterance, group_of
from convcam_jax.data.arrays import emotion_indices, n_frames
from convcam_jax.data.dataset import Dataset, fold_table, utterance_table
from convcam_jax.data.members import Cohort, Member, list_members
from convcam_jax.data.recordings import Recordings, subset
from convcam_jax.measures.analysis import correct_predictions
from convcam_jax.measures.statistics import MEMBER
from convcam_jax.networks.network import Variables
from convcam_jax.networks.standardised import STATISTICS
from convcam_jax.representations.cache import load_or_compute
from convcam_jax.representations.features import Features
from convcam_jax.settings.config import Config
from convcam_jax.stages.beginning import FOLDS, check_ahead, check_folds, open_workdir, write_skipped
from convcam_jax.stages.earlier_files import remove_earlier
from convcam_jax.stages.ensemble import training
from convcam_jax.stages.ensemble.kept_maps import discard_kept, kept_file, kept_or_made, origin_of_maps
from convcam_jax.stages.planted_evidence.sources import Sources, neutral_sources
from convcam_jax.stages.preparation import with_max_frames
from convcam_jax.stages.record import run_record, with_precision, write_record
from convcam_jax.stages.run import EXPLANATIONS, Run
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.errors import UserError
from convcam_jax.system.files import is_undamaged, remove_partial, write_checked
from convcam_jax.system.formats import read_arrays, read_csv, write_arrays, write_csv
from convcam_jax.system.namespaces import CELLS
from convcam_jax.system.process.worker_processes import in_processes
from convcam_jax.system.progress import counted, say, with_progress
from convcam_jax.system.validation import require
from convcam_jax.training.ensemble import init_round

TRUTH = "evidence_truth.npz"
# Of a variant: the metrics of its maps, see `metrics_of_methods`.
METRICS_FILE = "evidence_metrics.csv"
# How the maps of a variant's cohorts are called that are kept meanwhile.
_PARTS = "explanations"


class Evidence(NamedTuple):
    """A run for every variant, the cells `[F, n]` bool that carry the cue of every test recording, and its original.

    Originals are those of `NeutralSpeech`, of all recordings.
    """

    runs: dict[str, Run]
    truth: dict[str, np.ndarray]
    originals: dict[str, str]


def begin(settings: RunSettings) -> Evidence:
    """Do what `make` does, and write tables of the recordings and their truth.

    These are `utterances.csv`, `folds.csv` and `evidence_truth.npz`.

    Raises:
      UserError: metrics are asked of other classes than maps are, the recordings or their folds are others than those
        that the run in the workdir began with, or as of `make`.
    """
    config = settings.config
    require(
        config.attribution.target == "truth" or not config.evidence.explanation_metrics,
        "attribution.target",
        "must be truth with evidence.explanation_metrics, which are those of the class that a recording has",
    )
    made = make(settings)
    datasets = {variant: run.dataset for variant, run in made.runs.items()}
    folds = pd.concat([fold_table(own).assign(variant=variant) for variant, own in datasets.items()])
    check_folds(settings.workdir, folds)
    tables = [utterance_table(own).assign(variant=variant) for variant, own in datasets.items()]
    write_csv(settings.workdir / "utterances.csv", pd.concat(tables).rename(columns={"emotion": "class"}))
    write_csv(settings.workdir / FOLDS, folds)
    write_arrays(settings.workdir / TRUTH, {f"{CELLS}{name}": cells for name, cells in made.truth.items()})
    return made


def make(settings: RunSettings) -> Evidence:
    """Make the recordings and their truth, open the workdir, and write `config.json`, and `skipped.csv` if it has rows.

    Raises:
      UserError: the workdir holds another run, the network's file of weights is missing, a cue cannot be planted, there
        is something wrong with the corpus or its split, or a recording is longer than `corpus.max_frames`.
    """
    settings = settings._replace(config=with_precision(settings.config, settings.workdir))
    check_ahead(settings.workdir, settings.config)
    sources, cache_dir = neutral_sources(settings), settings.cache_dir
    speech = sources.speech
    planted = {v: speech.recordings(v) for v in sources.config.evidence.planted}
    paths = _make_sound(speech, [one for variant in planted.values() for one in variant], cache_dir)
    utterances = {v: planted_utterances(speech, v, of_variant, paths) for v, of_variant in planted.items()}
    sounds = list({u.recording: u for of_variant in utterances.values() for u in of_variant}.values())
    config = with_max_frames(sources.config, sounds)
    sources = sources._replace(config=config)
    record = run_record(config, sounds)
    open_workdir(settings.workdir, record)
    features = _features(sounds, config, cache_dir)
    datasets = {v: _dataset(planted[v], us, features, sources) for v, us in utterances.items()}
    truth = _truth(datasets, planted, features, sources, cache_dir)
    remove_partial(settings.workdir)
    write_record(settings.workdir, record)
    write_skipped(settings.workdir, sources.problems, sources.n_used)
    say(
        f"{sum(map(len, planted.values()))} recordings; on average {np.mean([t.mean() for t in truth.values()]):.1%} "
        "of a test recording's cells carry its cue"
    )
    folder = settings.workdir / "variants"
    runs = {v: Run(config, folder / v, cache_dir, dataset) for v, dataset in datasets.items()}
    originals = {one.recording: speech.original(one) for of_variant in planted.values() for one in of_variant}
    return Evidence(runs, truth, originals)


def _make_sound(speech: NeutralSpeech[Any], recordings: Sequence[ToMake], cache_dir: Path) -> dict[str, Path]:
    """The wav files of recordings, made if they are not in the cache, or damaged there."""
    by_name = {one.recording: one for one in recordings}
    paths = {name: cache_dir / speech.file(one) for name, one in sorted(by_name.items())}
    missing = [name for name, path in paths.items() if not is_undamaged(path)]
    with closing(in_processes(speech.render, [by_name[name] for name in missing])) as made:
        contents = with_progress(made, "planted evidence", len(missing), "recording")
        for name, content in zip(missing, contents, strict=True):
            write_checked(paths[name], content, "--cache_dir")
    return paths


def _features(utterances: Sequence[Utterance], config: Config, cache_dir: Path) -> dict[str, Features]:
    features = load_or_compute(utterances, config.features, cache_dir / "features", "stop").features
    longest = max(n_frames(list(features.values())))
    if longest > config.corpus.max_frames:
        raise UserError(f"config field corpus.max_frames: must be at least {longest}, the longest recording's frames")
    return features


def _dataset(
    planted: Sequence[Any], utterances: Sequence[Utterance], features: dict[str, Features], sources: Sources
) -> Dataset:
    groups = tuple(group_of(u, sources.config.corpus.models_per) for u in utterances)
    of_each = tuple(features[u.recording] for u in utterances)
    return Dataset(tuple(utterances), of_each, groups, sources.folds(planted, utterances, groups))


def _truth(
    datasets: dict[str, Dataset],
    planted: dict[str, list[Any]],
    features: dict[str, Features],
    sources: Sources,
    cache_dir: Path,
) -> dict[str, np.ndarray]:
    """The changed cells of every test recording, from the recording without the cue."""
    tested = {
        planted[variant][i].recording: planted[variant][i]
        for variant, dataset in datasets.items()
        for indices in dataset.sets("test").values()
        for i in indices
    }
    neutral_of = {name: sources.speech.without_cues(one) for name, one in tested.items()}
    utterances = unlabelled_utterances(_make_sound(sources.speech, list(neutral_of.values()), cache_dir))
    neutral = _features(utterances, sources.config, cache_dir)
    threshold = sources.config.evidence.truth_threshold
    return {
        name: changed_cells(features[name].magnitude, neutral[neutral_of[name].recording].magnitude, threshold)
        for name in sorted(tested)
    }


def explain_variant(run: Run) -> None:
    """Train the networks of a variant and explain its test recordings, or go on where an earlier run stopped.

    `explanations.npz` holds `cohorts` `[n, 2]` (group, fold) and for each of them, i from 0 on, `seeds_i [S]`,
    `recordings_i [N]`, `logits_i [S, N, C]`, and for every method `trained_METHOD_i` and `random_METHOD_i`, the signed
    maps `[S, N, ...]` of the trained networks and of networks with random weights, the same as before the training.
    """
    training.train_ensemble(run)
    path = run.workdir / EXPLANATIONS
    if not path.exists():
        # Of the maps and networks before.
        remove_earlier(run.workdir, METRICS_FILE)
        write_arrays(path, _explanations(run))
    discard_kept(run, _PARTS)


def _explanations(run: Run) -> dict[str, np.ndarray]:
    cohorts = run.dataset.cohorts()
    arrays: dict[str, np.ndarray] = {"cohorts": np.array(cohorts, dtype=str)}
    for number, cohort in enumerate(cohorts):
        origin = origin_of_maps(run, run.rounds, cohort, [own.method for own in compared_configs(run.config)])
        explanations = kept_or_made(kept_file(run, _PARTS, number), origin, partial(_explain, run, cohort))
        arrays |= {f"{name}_{number}": array for name, array in explanations.items()}
    return arrays


def _explain(run: Run, cohort: Cohort) -> dict[str, np.ndarray]:
    members, variables = trained_and_random(run, cohort)
    configs = compared_configs(run.config)
    strata, layout = run.strata_to_explain(cohort)
    on = counted(len(run.dataset.indices(cohort, "test")), "recording")
    by = ", ".join(own.method for own in configs)
    say(f"explaining {counted(len(members), 'member')} ({cohort}) on {on} by {by}")
    references = references_for(run, cohort, run.recordings)
    maps, logits = explain_pairs(variables, run.recordings, strata, run.network, layout, configs, references)
    recordings = np.array([u.recording for u in run.dataset.tested_utterances(cohort)])
    arrays = {"seeds": np.array([member.seed for member in members]), "recordings": recordings, "logits": logits}
    for method, pair in maps.items():
        arrays |= {f"{kind}_{method}": signed for kind, signed in pair._asdict().items()}
    return arrays


def references_for(run: Run, cohort: Cohort, recordings: Recordings) -> Float[Array, "R F T"] | None:
    """With which of the run's recordings those of a cohort are compared; None where it may be any of them.

    Of every recording of people there are three versions. The others of one that is explained would say what it lacks:
    so none is taken of what is tested, whose versions are all on this side of the fold.
    """
    compares = any(own.compares for own in compared_configs(run.config))
    if not compares or isinstance(run.config.corpus, SyntheticConfig):
        return None
    others = np.delete(np.arange(len(recordings.emotion)), run.dataset.indices(cohort, "test"))
    return references_of(subset(recordings, others))


def trained_and_random(run: Run, cohort: Cohort) -> tuple[tuple[Member, ...], Variables]:
    """A cohort's members, and the variables `[2 S, ...]` of the trained networks, then of those with random weights."""
    config, network = run.config, run.network
    wanted = list_members([cohort], config.train.seed_numbers())
    rounds = list(run.trained(wanted))
    members = tuple(member for of_round, _ in rounds for member in of_round)
    trained = concatenated([own for _, own in rounds])
    # Only what is learned is drawn anew; the standardisation of the inputs is not.
    random = init_round(members, network, config.train, config.grid).variables
    random |= {name: own for name, own in trained.items() if name == STATISTICS}
    return members, concatenated([trained, random])


def compared_configs(config: Config) -> list[AttributionConfig]:
    """How each of the compared methods explains, the config's own first."""
    methods = dict.fromkeys((config.attribution.method, *config.evidence.methods))
    return [dataclasses.replace(config.attribution, method=method) for method in methods]


def explained(run: Run, variant: str, truth: dict[str, np.ndarray]) -> dict[Cohort, EvidenceMaps]:
    """What `explanations.npz` of a variant holds, with the test recordings; `truth` is that of `Evidence`."""
    arrays = read_arrays(run.workdir / EXPLANATIONS)
    methods = [own.method for own in compared_configs(run.config)]
    return {
        (cohort := Cohort(*names)): EvidenceMaps(
            _held_out(run.dataset, variant, cohort, truth),
            arrays[f"seeds_{number}"],
            arrays[f"logits_{number}"],
            {method: Pair(*(arrays[f"{kind}_{method}_{number}"] for kind in Pair._fields)) for method in methods},
        )
        for number, names in enumerate(arrays["cohorts"].tolist())
    }


def _held_out(dataset: Dataset, variant: str, cohort: Cohort, truth: dict[str, np.ndarray]) -> HeldOut:
    """The test recordings of a cohort; classes are named after their cue."""
    indices = dataset.indices(cohort, "test")
    tested = [dataset.utterances[i] for i in indices]
    return HeldOut(
        [u.recording for u in tested],
        [class_in_words(variant, u.emotion) for u in tested],
        [dataset.features[i].magnitude for i in indices],
        [truth[u.recording] for u in tested],
    )


def score_variant(run: Run, variant: str, truth: dict[str, np.ndarray]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The variant's parts of `evidence.csv` and of `evidence_members.csv`."""
    tables, members = [], []
    for cohort, evidence_maps in explained(run, variant, truth).items():
        tested = run.dataset.tested_utterances(cohort)
        correct = correct_predictions(evidence_maps.logits, emotion_indices(tested, run.config.corpus.emotions))
        seeds, test = evidence_maps.seeds.tolist(), evidence_maps.test
        tables.append(score_table(variant, cohort, seeds, correct, test, placed_maps_of(run, evidence_maps)))
        members += [(variant, *cohort, seed, rate) for seed, rate in zip(seeds, correct.mean(1), strict=True)]
    accuracies = pd.DataFrame(members, columns=["variant", *MEMBER, "test_accuracy"])
    learned = learned_table(read_csv(run.workdir / "history.csv"))
    return pd.concat(tables), accuracies.merge(learned, on=MEMBER)


def placed_maps_of(run: Run, evidence_maps: EvidenceMaps) -> list[MemberMaps]:
    """All methods' maps of a cohort on the grid of the inputs, see `placed_pairs`."""
    frames = np.array([truth.shape[1] for truth in evidence_maps.test.truth])
    geometry = explained_geometry(run.network, run.config.attribution, run.config.grid)
    return placed_pairs(evidence_maps.maps, frames, geometry, run.config.grid)
