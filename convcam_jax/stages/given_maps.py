"""Reading activation maps that another program made, and bringing them where the trained members' maps are."""

import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from convcam_jax.attribution import external_maps
from convcam_jax.attribution.explaining import explained_geometry
from convcam_jax.attribution.external_maps import MapShapes
from convcam_jax.attribution.placement import make_placement
from convcam_jax.corpora.left_out import equal_sounds, overlapping
from convcam_jax.corpora.sounds.audio import SoundFacts
from convcam_jax.corpora.sounds.sound_remarks import sound_remarks
from convcam_jax.corpora.utterances import Utterance, group_of, without
from convcam_jax.data.dataset import Dataset
from convcam_jax.data.members import Cohort
from convcam_jax.measures.cohort_maps import CohortMaps, tested_arrays
from convcam_jax.networks.geometry import Geometry
from convcam_jax.representations.cache import load_or_compute
from convcam_jax.settings.config import Config
from convcam_jax.splits.protocol import ONLY_FOLD, Fold
from convcam_jax.stages.beginning import open_workdir, write_beginning
from convcam_jax.stages.preparation import FoundCorpus, find_corpus, with_parts
from convcam_jax.stages.record import run_record, with_precision
from convcam_jax.stages.run import Run
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.errors import UserError, counted_by_kind, is_of_the_system
from convcam_jax.system.files import sha256_of
from convcam_jax.system.formats import ARRAY_ENDING, UNREADABLE, open_arrays, read_array, write_csv
from convcam_jax.system.memory import free_memory
from convcam_jax.system.progress import counted, say
from convcam_jax.system.text import visible

# The one "member" that made the maps.
SEED = 0

Maps = dict[str, NDArray]


def read_maps(path: Path) -> Maps:
    """The maps in the .npz file at `path` by their recordings, see `external_maps.recordings_of`.

    Raises:
      UserError: as `read_given_arrays`, or it has no map.
    """
    return read_given_arrays(path, _map_members)


def read_given_arrays(path: Path, members_of: Callable[[zipfile.ZipFile, Path], dict[str, str]]) -> Maps:
    """Arrays in the .npz file at `path`, those of `members_of` by the names that it gives them.

    Raises:
      UserError: there is no such file, it is no .npz file, it is damaged, or its arrays do not fit into the memory.
    """
    if not path.is_file():
        raise UserError(f"--maps={path}: there is no such file")
    try:
        with open_arrays(path) as file:
            _check_size(file, path)
            members = members_of(file, path)
            return {recording: _read_array(file, member, path) for recording, member in members.items()}
    except UNREADABLE as error:
        raise _unreadable(f"--maps={path}:", error, "write it anew with numpy.savez") from error


def _check_size(file: zipfile.ZipFile, path: Path) -> None:
    """Raise UserError if the arrays, once unpacked, take more than half of the free memory: they are copied."""
    unpacked, free = sum(member.file_size for member in file.infolist()), free_memory()
    if unpacked > free / 2:
        raise UserError(
            f"--maps={path}: its arrays take {unpacked / 1e9:.1f} GB, too much for {free / 1e9:.1f} GB of free memory; "
            "save them as float32, one array for each recording"
        )


def array_members(file: zipfile.ZipFile, path: Path) -> dict[str, str]:
    """All of the file's members by the names of their arrays; raises UserError if one is no array, or there twice."""
    members = file.namelist()
    others = [member for member in members if not member.endswith(ARRAY_ENDING)]
    if others:
        raise UserError(f"--maps={path}: {others[0]} is not an array; write the file with numpy.savez")
    names = [member.removesuffix(ARRAY_ENDING) for member in members]
    name, times = Counter(names).most_common(1)[0] if names else ("", 0)
    if times > 1:
        raise UserError(f"--maps={path}: array {name} is there twice; remove one")
    return dict(zip(names, members, strict=True))


def _map_members(file: zipfile.ZipFile, path: Path) -> dict[str, str]:
    """The file's members that are maps, by their recordings."""
    members = array_members(file, path)
    recordings = external_maps.recordings_of(list(members))
    found: dict[str, str] = {}
    for recording, member in zip(recordings, members.values(), strict=True):
        if recording in found:
            raise UserError(f"--maps={path}: array {recording} is there twice; remove one")
        if recording is not None:
            found[recording] = member
    if not found:
        raise UserError(f"--maps={path}: has no array; it needs one per recording, named as the recording")
    return found


def _read_array(file: zipfile.ZipFile, member: str, path: Path) -> NDArray:
    try:
        return read_array(file, member)
    except UNREADABLE as error:
        name = member.removesuffix(ARRAY_ENDING)
        raise _unreadable(f"--maps={path}: array {name}", error, "save it as float32") from error


def _unreadable(what: str, error: Exception, advice: str) -> UserError:
    """What is wrong with the file, or an array of it, and what to do about it unless the system did not read it."""
    is_unread = isinstance(error, OSError) and is_of_the_system(error)
    return UserError(f"{what} cannot be read ({error})" + ("" if is_unread else f"; {advice}"))


def begin(settings: RunSettings, path: Path, maps: Maps) -> Run:
    """A run of the recordings that have a map in the file at `path`; opens the workdir as `beginning.begin` does.

    Its maps are those of the file, as of one member per group; also writes `members.csv`.

    Raises:
      UserError: an array is not sound, there is something wrong with the corpus, or the workdir holds another run.
        Nothing is written then.
    """
    workdir = settings.workdir
    found = find_corpus(with_precision(settings.config, workdir), settings.cache_dir)
    config, utterances, unnamed = found
    # The names of parts are known when all sounds are read.
    if config.corpus.longer != "split":
        external_maps.check_names(maps, [u.recording for u in utterances], unnamed)
    record = {**run_record(config, utterances), "maps_sha256": sha256_of(path)}
    open_workdir(workdir, record)
    dataset = _recordings_with_map(found, maps, settings.cache_dir)
    write_beginning(workdir, record, dataset, unnamed)
    n_zero = sum(not values.any() for values in maps.values())
    say(counted(len(maps), "map") + (f", {n_zero} of them zero everywhere" if n_zero else ""))
    run = Run(config, workdir, settings.cache_dir, dataset)
    run.cohort_maps = given_maps(config, dataset, maps)
    write_csv(workdir / "members.csv", unknown_members(dataset.cohorts(), path))
    return run


def _recordings_with_map(found: FoundCorpus, maps: Maps, cache_dir: Path) -> Dataset:
    """The recordings that have a map, all for the test; those that are too long are cut as a run cuts them."""
    config, utterances, left_out = found
    if config.corpus.longer != "split":
        utterances = [u for u in utterances if u.recording in maps]
    loaded = load_or_compute(utterances, config.features, cache_dir / "features", "skip")
    usable = without(utterances, loaded.problems)
    if config.corpus.longer != "leave_out":
        usable, loaded = with_parts(usable, loaded, config, cache_dir)
    external_maps.check_names(maps, [u.recording for u in usable], [*left_out, *loaded.problems])
    given = [u for u in usable if u.recording in maps]
    features = tuple(loaded.features[u.recording] for u in given)
    sounds = {u.recording: loaded.sounds[u.recording] for u in given}
    n_frames = {u.recording: own.n_frames for u, own in zip(given, features, strict=True)}
    external_maps.check_maps(maps, n_frames, map_shapes(config))
    for remark in _remarks(given, sounds, config.representation.sample_rate_hz):
        say(remark)
    return Dataset(
        tuple(given),
        features,
        tuple(group_of(u, config.corpus.models_per) for u in given),
        (Fold(ONLY_FOLD, ("test",) * len(given)),),
        tuple(sounds.values()),
    )


def _remarks(given: Sequence[Utterance], sounds: Mapping[str, SoundFacts], sample_rate_hz: int) -> list[str]:
    """What is odd about the sounds, and which recordings a run leaves out for the sound of others."""
    overlaps, remark = overlapping(given)
    doubled = [*equal_sounds(given, {recording: sound.sha256 for recording, sound in sounds.items()}), *overlaps]
    told = f"recordings that a run leaves out, whose maps count all the same: {counted_by_kind(doubled)}"
    return [*sound_remarks(sounds, sample_rate_hz), *([told] if doubled else []), *([remark] if remark else [])]


def map_shapes(config: Config) -> MapShapes:
    """The shapes that a map can have with the config's network."""
    return MapShapes(config.grid, _geometry(config).shape)


def _geometry(config: Config) -> Geometry:
    network = config.make_network(config.attribution.precision)
    return explained_geometry(network, config.attribution, config.grid)


def given_maps(config: Config, dataset: Dataset, maps: Maps) -> list[CohortMaps]:
    """The maps on the grid of the inputs, as of one member per group that classified every recording correctly.

    The file does not say which recordings its maps' model classified correctly; leave out those that should not count.
    """
    shapes = map_shapes(config)
    if config.given_maps.free_from_colours:
        recordings = zip(dataset.utterances, dataset.features, strict=True)
        n_frames = {u.recording: features.n_frames for u, features in recordings}
        maps = _freed_from_colours(config, maps, n_frames, shapes)
    return [_of_cohort(config, dataset, cohort, maps, shapes) for cohort in dataset.cohorts()]


def _of_cohort(config: Config, dataset: Dataset, cohort: Cohort, maps: Maps, shapes: MapShapes) -> CohortMaps:
    placement = make_placement(config.analysis.map_placement, _geometry(config), shapes.grid)
    utterances = dataset.tested_utterances(cohort)
    arrays = tested_arrays(dataset, cohort, config.representation, config.analysis, config.corpus)
    given = [external_maps.scaled(maps[u.recording]) for u in utterances]
    of_frames = list(zip(given, arrays.n_frames.tolist(), strict=True))
    on_grid = [external_maps.on_grid(m, n, shapes, placement) for m, n in of_frames]
    raw_maps = [None if external_maps.is_on_grid(m, n, shapes) else m for m, n in of_frames]
    # What is not known: which class the maps' model took each for, but for the truth.
    certain = np.eye(len(config.corpus.emotions), dtype=np.float32)[arrays.emotion][None]
    correct = np.ones((1, len(given)), dtype=bool)
    return CohortMaps(cohort, [SEED], 0, utterances, arrays, np.stack(on_grid)[None], raw_maps, correct, certain)


def _freed_from_colours(config: Config, maps: Maps, n_frames: Mapping[str, int], shapes: MapShapes) -> Maps:
    stretched = make_placement("stretched", _geometry(config), shapes.grid)
    coloured = [
        name for name, m in maps.items() if external_maps.is_read_from_colours(m, n_frames[name], shapes, stretched)
    ]
    if coloured:
        say(
            f"{counted(len(coloured), 'map')} read from pictures of {external_maps.N_COLOURS} colours, and freed from "
            "the error of that; --set=given_maps.free_from_colours=false keeps it"
        )
    return maps | {name: external_maps.from_colours(maps[name], stretched) for name in coloured}


def unknown_members(cohorts: Sequence[Cohort], path: Path) -> pd.DataFrame:
    """The table of `members.csv`: one row per cohort, whose model is not known."""
    unknown = dict.fromkeys(
        ("epochs", "best_epoch", "train_accuracy", "validation_accuracy", "validation_loss", "test_accuracy", "uar"),
        np.nan,
    )
    # A file's name may be any bytes.
    source = visible(path.name)
    rows = [{**cohort._asdict(), "seed": SEED, **unknown, "chosen": True, "map_source": source} for cohort in cohorts]
    return pd.DataFrame(rows)
