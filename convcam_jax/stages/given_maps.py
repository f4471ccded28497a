"""Reading activation maps that another program made, and bringing them where the trained members' maps are."""

import hashlib
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from convcam_jax.attribution import external_maps
from convcam_jax.attribution.external_maps import MapShapes
from convcam_jax.data.dataset import Dataset, analysis_arrays
from convcam_jax.measures.analysis import simplenet_placement
from convcam_jax.networks.simplenet import last_convolution_shape, map_placement
from convcam_jax.representations.cache import load_or_compute
from convcam_jax.settings.config import Config
from convcam_jax.stages.measures import GenderMaps
from convcam_jax.stages.preparation import find_corpus, run_record, write_beginning
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.stages.workdir import check_workdir
from convcam_jax.system.errors import UserError
from convcam_jax.system.progress import say

# The one "member" that made the maps.
SEED = 0

Maps = dict[str, NDArray]


def read_maps(path: Path) -> Maps:
    """The arrays of the .npz file at `path` by name, without the axes that `maps.npz` of a run holds.

    Raises:
      UserError: there is no such file, it is no .npz file, it is damaged, or it has no array.
    """
    if not path.is_file():
        raise UserError(f"--maps={path}: there is no such file")
    if not zipfile.is_zipfile(path):
        raise UserError(f"--maps={path}: not an .npz file, or cut short; write it with numpy.savez")
    with np.load(path, allow_pickle=False) as file:
        names = file.files
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise UserError(f"--maps={path}: array {repeated[0]} is there twice; remove one")
        maps = {name: _read_array(file, name, path) for name in names if name not in external_maps.AXES}
    if not maps:
        raise UserError(f"--maps={path}: has no array; it needs one per recording, named as the recording")
    return maps


def _read_array(file: Mapping[str, NDArray], name: str, path: Path) -> NDArray:
    try:
        array = file[name]
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise UserError(f"--maps={path}: array {name} cannot be read ({error}); save it as float32") from error
    if not isinstance(array, np.ndarray):
        raise UserError(f"--maps={path}: {name} is not an array; write the file with numpy.savez")
    return array


def begin(settings: RunSettings, path: Path, maps: Maps) -> Dataset:
    """The recordings that have a map in the file at `path`; opens the workdir as `prepare.begin` does.

    Raises:
      UserError: an array is not sound, there is something wrong with the corpus, or the workdir holds another run.
        Nothing is written then.
    """
    config, workdir = settings.config, settings.workdir
    utterances, unnamed = find_corpus(config, settings.cache_dir)
    external_maps.check_names(maps, [u.recording for u in utterances])
    record = {**run_record(config, utterances), "maps_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    check_workdir(workdir, record)
    given = [u for u in utterances if u.recording in maps]
    computed, unreadable = load_or_compute(
        given, config.features, settings.cache_dir / "features", config.corpus.on_error
    )
    if unreadable:
        raise UserError(f"--maps: array {unreadable[0].recording}: its recording is no good: {unreadable[0].problem}")
    n_frames = {recording: features.cqt.shape[1] for recording, features in computed.items()}
    external_maps.check_maps(maps, n_frames, map_shapes(config))
    dataset = Dataset(tuple(given), ("test",) * len(given), tuple(computed[u.recording] for u in given))
    write_beginning(workdir, record, dataset, unnamed)
    n_zero = sum(not values.any() for values in maps.values())
    say(f"{len(maps)} maps" + (f", {n_zero} of them zero everywhere" if n_zero else ""))
    return dataset


def map_shapes(config: Config) -> MapShapes:
    """The shapes that a map can have with the config's network."""
    grid = (config.features.cqt_bins, config.corpus.max_frames)
    return MapShapes(grid, last_convolution_shape(*grid))


def given_maps(config: Config, dataset: Dataset, maps: Maps) -> list[GenderMaps]:
    """The maps on the grid of the CQT, as of one member per gender that classified every recording correctly.

    The file does not say which recordings its maps' model classified correctly; leave out those that should not count.
    """
    shapes, placement = map_shapes(config), simplenet_placement(config)
    if config.given_maps.free_from_colours:
        maps = _freed_from_colours(maps, shapes)
    result = []
    for gender in dataset.genders():
        rows = dataset.indices(gender, "test")
        utterances = [dataset.utterances[i] for i in rows]
        arrays = analysis_arrays(utterances, [dataset.features[i] for i in rows], config)
        own = [external_maps.scaled(maps[u.recording]) for u in utterances]
        on_grid = [external_maps.on_grid(m, n, shapes, placement) for m, n in zip(own, arrays.n_frames, strict=True)]
        raw_maps = [None if external_maps.is_on_grid(m, shapes) else m for m in own]
        correct = np.ones((1, len(own)), dtype=bool)
        result.append(GenderMaps(gender, [SEED], 0, utterances, arrays, np.stack(on_grid)[None], raw_maps, correct))
    return result


def _freed_from_colours(maps: Maps, shapes: MapShapes) -> Maps:
    stretched = map_placement("stretched", shapes.grid)
    coloured = [name for name, m in maps.items() if external_maps.is_read_from_colours(m, shapes, stretched)]
    if coloured:
        say(
            f"{len(coloured)} maps were read from pictures of {external_maps.N_COLOURS} colours and are freed from "
            "the error of that; --set=given_maps.free_from_colours=false leaves them as they are"
        )
    return maps | {name: external_maps.from_colours(maps[name], stretched) for name in coloured}


def member_table(genders: Sequence[GenderMaps], path: Path) -> pd.DataFrame:
    """The table of `members.csv`: one row per gender, whose model is not known."""
    unknown = dict.fromkeys(
        ("epochs", "best_epoch", "train_accuracy", "validation_accuracy", "validation_loss", "test_accuracy", "uar"),
        np.nan,
    )
    rows = [{"gender": g.gender, "seed": SEED, **unknown, "chosen": True, "map_source": path.name} for g in genders]
    return pd.DataFrame(rows)
