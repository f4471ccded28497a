"""Planted evidence: recordings whose cue is known, networks that learn it, and scores of what is said to explain them.

Every variant is trained in `variants/VARIANT/`, with the files of any training and `explanations.npz`.
"""

import dataclasses
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple, get_args

import jax
import numpy as np
import pandas as pd
from tqdm import tqdm

from convcam_jax.attribution.explaining import explain_group
from convcam_jax.attribution.methods import INPUT_METHODS
from convcam_jax.attribution.placement import identity_placement
from convcam_jax.checks.evidence.scoring import NOT_PLACED, HeldOut, MemberMaps, changed_cells, score_table
from convcam_jax.corpora.synthetic import planted, speech
from convcam_jax.corpora.synthetic.planted import Planted
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.data.dataset import Dataset, n_frames, network_inputs, utterance_table
from convcam_jax.measures.analysis import correct_predictions, placed_maps
from convcam_jax.networks.simplenet import map_placement
from convcam_jax.representations.cache import load_or_compute
from convcam_jax.representations.features import Features
from convcam_jax.settings.config import EVIDENCE_CLASSES, CamMethod, Config, MapPlacement
from convcam_jax.splits.per_cell import assign
from convcam_jax.stages import preparation, training
from convcam_jax.stages.attribution import EXPLANATIONS, strata_of_tested
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.stages.trained import members_of, trained_members
from convcam_jax.stages.training import Group, make_model
from convcam_jax.stages.workdir import (
    CONFIG_FILE,
    check_workdir,
    read_arrays,
    read_csv,
    write_arrays,
    write_csv,
    write_json,
)
from convcam_jax.system.errors import UserError
from convcam_jax.system.files import remove_partial, write_whole
from convcam_jax.system.progress import say
from convcam_jax.system.worker_processes import in_processes
from convcam_jax.training.ensemble import init_group

TRUTH = "evidence_truth.npz"
PLACEMENTS: tuple[MapPlacement, ...] = get_args(MapPlacement)


class Evidence(NamedTuple):
    """The recordings of every variant, and the cells `[F, n]` bool that carry the cue of every test recording."""

    datasets: dict[str, Dataset]
    truth: dict[str, np.ndarray]


def begin(settings: RunSettings) -> Evidence:
    """Make the recordings, open the workdir, and write `config.json`, `utterances.csv` and `evidence_truth.npz`.

    Raises:
      UserError: the workdir holds another run, or a recording is longer than `corpus.max_frames`.
    """
    config = settings.config
    own = {v: planted.recordings(config.synthetic, v, config.evidence.genders) for v in config.evidence.variants}
    paths = _make_sound({one for variant in own.values() for one in variant}, config, settings.cache_dir)
    utterances = {variant: _utterances(config, variant, of_variant, paths) for variant, of_variant in own.items()}
    sounds = {u.recording: u for of_variant in utterances.values() for u in of_variant}
    record = preparation.run_record(config, list(sounds.values()))
    check_workdir(settings.workdir, record)
    features = _features(list(sounds.values()), config, settings.cache_dir)
    datasets = {
        variant: Dataset(tuple(us), assign(us, config.split), tuple(features[u.recording] for u in us))
        for variant, us in utterances.items()
    }
    truth = _truth(datasets, own, features, config, settings.cache_dir)
    _write_beginning(settings.workdir, record, datasets, truth)
    return Evidence(datasets, truth)


def _make_sound(recordings: set[Planted], config: Config, cache_dir: Path) -> dict[str, Path]:
    """The wav files of recordings, made if they are not in the cache."""
    rate_hz = config.features.sample_rate_hz
    folder = cache_dir / planted.folder_name(config.synthetic, rate_hz) / "wav"
    paths = {one.recording: folder / f"{one.recording}.wav" for one in recordings}
    missing = sorted(one for one in recordings if not paths[one.recording].exists())
    render = partial(planted.wav, config=config.synthetic, rate=rate_hz)
    with closing(in_processes(render, missing)) as made:
        contents = tqdm(made, "planted evidence", len(missing), disable=not missing)
        for one, content in zip(missing, contents, strict=True):
            write_whole(paths[one.recording], partial(Path.write_bytes, data=content), "--cache_dir")
    return paths


def _utterances(config: Config, variant: str, own: list[Planted], paths: dict[str, Path]) -> list[Utterance]:
    genders = speech.speaker_genders(config.synthetic)
    labels = planted.labels(config.synthetic, variant, own)
    return [
        Utterance(
            one.recording,
            one.spec.speaker,
            genders[one.spec.speaker],
            config.corpus.emotions[label],
            one.spec.text,
            paths[one.recording],
        )
        for one, label in zip(own, labels, strict=True)
    ]


def _features(utterances: list[Utterance], config: Config, cache_dir: Path) -> dict[str, Features]:
    features, _ = load_or_compute(utterances, config.features, cache_dir / "features", "stop")
    longest = max(n_frames(list(features.values())))
    if longest > config.corpus.max_frames:
        raise UserError(f"config field corpus.max_frames: must be at least {longest}, the longest recording's frames")
    return features


def _truth(
    datasets: dict[str, Dataset],
    own: dict[str, list[Planted]],
    features: dict[str, Features],
    config: Config,
    cache_dir: Path,
) -> dict[str, np.ndarray]:
    """The changed cells of every test recording, from the neutral recording of the same draws."""
    tested = {
        one
        for variant, dataset in datasets.items()
        for one, split in zip(own[variant], dataset.splits, strict=True)
        if split == "test"
    }
    neutral_of = {one: planted.without_cues(one) for one in tested}
    paths = _make_sound(set(neutral_of.values()), config, cache_dir)
    utterances = [Utterance(r, "", "", "", "", path) for r, path in sorted(paths.items())]
    neutral = _features(utterances, config, cache_dir)
    return {
        one.recording: changed_cells(
            features[one.recording].cqt, neutral[neutral_of[one].recording].cqt, config.evidence.truth_threshold
        )
        for one in sorted(tested)
    }


def _write_beginning(workdir: Path, record: dict, datasets: dict[str, Dataset], truth: dict[str, np.ndarray]) -> None:
    remove_partial(workdir)
    if not (workdir / CONFIG_FILE).exists():
        write_json(workdir / CONFIG_FILE, record)
    tables = [utterance_table(own).assign(variant=variant) for variant, own in datasets.items()]
    write_csv(workdir / "utterances.csv", pd.concat(tables).rename(columns={"emotion": "class"}))
    write_arrays(workdir / TRUTH, truth)
    say(
        f"{sum(map(len, tables))} recordings; on average {np.mean([t.mean() for t in truth.values()]):.1%} "
        "of a test recording's cells carry its cue"
    )


def explain_variant(config: Config, dataset: Dataset, folder: Path) -> None:
    """Train the networks of a variant and explain its test recordings, unless an earlier run has done so.

    `explanations.npz` holds for each gender `GENDER_seeds [S]`, `GENDER_recordings [N]`, `GENDER_logits [S, N, C]`, and
    for every method `GENDER_trained_METHOD` and `GENDER_random_METHOD`, the signed maps `[S, N, ...]` of the trained
    networks and of networks with random weights, the same as before the training.
    """
    groups = training.train_ensemble(config, dataset, folder)
    path = folder / EXPLANATIONS
    if path.exists():
        return
    arrays: dict[str, np.ndarray] = {}
    for gender in dataset.genders():
        arrays |= {f"{gender}_{name}": array for name, array in _explain(config, dataset, gender, groups).items()}
    write_arrays(path, arrays)


def methods_of(config: Config) -> tuple[CamMethod, ...]:
    """The methods that are compared, `cam.method` first."""
    return tuple(dict.fromkeys((config.cam.method, *config.evidence.methods)))


def _explain(config: Config, dataset: Dataset, gender: str, groups: list[Group]) -> dict[str, np.ndarray]:
    members = members_of(groups, gender)
    trained = [params for _, params in trained_members(groups, members)]
    methods, model = methods_of(config), make_model(config, config.cam.precision)
    shape = (config.features.cqt_bins, config.corpus.max_frames)
    random = init_group(members, model, config.train, shape).params
    params = jax.tree.map(lambda *parts: np.concatenate(parts), *trained, random)
    recordings = network_inputs(dataset, config)
    tested = dataset.indices(gender, "test")
    strata, n_columns = strata_of_tested(gender, config, dataset, recordings)
    say(f"explaining {len(members)} members ({gender}) on {len(tested)} recordings by {', '.join(methods)}")
    cams = tuple(dataclasses.replace(config.cam, method=method) for method in methods)
    explained = explain_group(params, recordings, strata, model, n_columns, cams)
    arrays = {
        "seeds": np.array([member.seed for member in members]),
        "recordings": np.array([dataset.utterances[i].recording for i in tested]),
        "logits": explained.logits[: len(members)],
    }
    for method, signed in zip(methods, explained.signed_maps, strict=True):
        arrays |= {f"trained_{method}": signed[: len(members)], f"random_{method}": signed[len(members) :]}
    return arrays


def score_variant(
    config: Config, variant: str, dataset: Dataset, truth: dict[str, np.ndarray], folder: Path
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The variant's parts of `evidence.csv` and of `evidence_members.csv`."""
    explanations = read_arrays(folder / EXPLANATIONS)
    history = read_csv(folder / "history.csv")
    tables, members = [], []
    for gender in dataset.genders():
        own = {n.removeprefix(f"{gender}_"): a for n, a in explanations.items() if n.startswith(f"{gender}_")}
        test = held_out(dataset, variant, gender, truth)
        labels = [config.corpus.emotions.index(dataset.utterances[i].emotion) for i in dataset.indices(gender, "test")]
        correct = correct_predictions(own["logits"], np.array(labels))
        seeds = own["seeds"].tolist()
        tables.append(score_table(variant, gender, seeds, correct, test, member_maps(config, own, test)))
        members += [(variant, gender, seed, accuracy) for seed, accuracy in zip(seeds, correct.mean(1), strict=True)]
    of_variant = pd.DataFrame(members, columns=["variant", "gender", "seed", "test_accuracy"])
    best = history.sort_values(["validation_accuracy", "validation_loss"], ascending=[False, True])
    best = (
        best.groupby(["gender", "seed"])
        .first()
        .reset_index()[["gender", "seed", "epoch", "train_accuracy", "validation_accuracy"]]
    )
    return pd.concat(tables), of_variant.merge(best.rename(columns={"epoch": "best_epoch"}), on=["gender", "seed"])


def held_out(dataset: Dataset, variant: str, gender: str, truth: dict[str, np.ndarray]) -> HeldOut:
    """The test recordings of a gender; classes are named after their cue."""
    tested = [dataset.utterances[i] for i in dataset.indices(gender, "test")]
    return HeldOut(
        [u.recording for u in tested],
        [planted.class_name(variant, EVIDENCE_CLASSES.index(u.emotion)) for u in tested],
        [dataset.features[i].cqt for i in dataset.indices(gender, "test")],
        [truth[u.recording] for u in tested],
    )


def member_maps(config: Config, own: dict[str, np.ndarray], test: HeldOut) -> list[MemberMaps]:
    """All methods' maps on the grid of the CQT, in both placements where there is a choice.

    `own` are one gender's arrays of `explanations.npz`, without the gender in their names.
    """
    frames = np.array([truth.shape[1] for truth in test.truth])
    grid = (config.features.cqt_bins, config.corpus.max_frames)
    placements = {kind: map_placement(kind, grid) for kind in PLACEMENTS}
    result = []
    for method in methods_of(config):
        own_placements = {NOT_PLACED: identity_placement(grid)} if method in INPUT_METHODS else placements
        for name, placement in own_placements.items():
            trained, random = (
                np.asarray(placed_maps(own[f"{kind}_{method}"], frames, placement)) for kind in ("trained", "random")
            )
            result.append(MemberMaps(method, name, trained, random))
    return result
