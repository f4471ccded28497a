"""This project's own programs."""

import importlib.metadata
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from convcam_jax.attribution.placement import Placement
from convcam_jax.benchmark.cases import Case
from convcam_jax.benchmark.inputs import Inputs
from convcam_jax.benchmark.worker import Run
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.data.batches import strata_to_explain
from convcam_jax.data.dataset import AnalysisArrays
from convcam_jax.kernels.packing import slot_columns
from convcam_jax.measures.assessment import assessment_program, make_assessed_set
from convcam_jax.networks.simplenet import SimpleNet
from convcam_jax.representations.cache import load_or_compute
from convcam_jax.settings.config import GENDERS, Config, Precision
from convcam_jax.stages.training import make_model, members_per_device
from convcam_jax.training.ensemble import (
    Member,
    group_size,
    init_group,
    member_and_recording_mesh,
    member_keys,
    step_program,
)
from convcam_jax.training.member import Recordings


def versions() -> dict[str, str]:
    """The packages in use."""
    return {name: importlib.metadata.version(name) for name in ("jax", "jaxlib", "flax")}


def prepare(case: Case, inputs: Inputs, config: Config) -> Run:
    """The program of a case."""
    if case.task == "features":
        return _features(case, inputs, config)
    if case.task == "explaining":
        return _explaining(case, inputs, config)
    return _training_step(case, inputs, config)


def _features(case: Case, inputs: Inputs, config: Config) -> Run:
    utterances = [
        Utterance(str(number), "", "", "", "", Path(wav)) for number, wav in enumerate(inputs.wavs[: case.recordings])
    ]

    def compute() -> None:
        with tempfile.TemporaryDirectory() as folder:
            load_or_compute(utterances, config.features, Path(folder), "stop", progress=False)

    return compute


def _training_step(case: Case, inputs: Inputs, config: Config) -> Run:
    """One step of all members, in groups where the memory does not hold them all, as in training."""
    if case.task == "training_step_full_length":
        spectrograms, n_frames = inputs.full_length, np.full(len(inputs.full_length), inputs.full_length.shape[2])
        n_columns = int(slot_columns(n_frames).sum())
    else:
        spectrograms, n_frames, n_columns = inputs.batch, inputs.batch_frames, int(inputs.batch_columns)
    recordings = Recordings(jnp.asarray(spectrograms), jnp.asarray(n_frames), jnp.asarray(inputs.batch_emotion))
    n_devices = jax.device_count()
    at_once = group_size(1, case.members, members_per_device(config, recordings), n_devices)
    members = _members(at_once)
    model = make_model(config, _precision(case))
    step = step_program(at_once, n_columns, model, config.train.learning_rate)
    state = init_group(members, model, config.train, spectrograms.shape[1:])
    keys = member_keys(members)
    batch = jnp.broadcast_to(jnp.arange(len(spectrograms)), (at_once, len(spectrograms)))

    def run() -> None:
        nonlocal state
        for _ in range(case.members // at_once):
            state, scores = step(keys, state, recordings, batch, jnp.asarray(0))
            jax.block_until_ready((state, scores))

    return run


def _explaining(case: Case, inputs: Inputs, config: Config) -> Run:
    """Maps, masks and metrics of all members and recordings in one program."""
    n = case.recordings
    recordings = Recordings(*(jnp.asarray(a[:n]) for a in (inputs.tested, inputs.n_frames, inputs.emotion)))
    strata, n_columns = strata_to_explain(inputs.n_frames[:n], np.arange(n), config.train.batch_size)
    arrays = AnalysisArrays(*(getattr(inputs, name)[:n] for name in AnalysisArrays._fields))
    placement = Placement(inputs.placement_frequency, inputs.placement_time)
    assessed = jax.device_put(make_assessed_set(recordings, strata, arrays, inputs.bin_hz, placement))
    model = make_model(config, _precision(case))
    program = assessment_program(case.members, strata.shape[1], model, n_columns, config.cam, config.analysis)
    params = _parameters(case.members, strata.shape[1], model, config, inputs.tested.shape[1:])
    return lambda: jax.block_until_ready(program(params, assessed))


def _precision(case: Case) -> Precision:
    return "bfloat16" if case.precision == "bfloat16" else "float32"


def _parameters(n_members: int, n_batches: int, model: SimpleNet, config: Config, shape: tuple[int, int]) -> object:
    """One member's parameters `[S, ...]`, S times, over the devices: whole states would take four times as much."""
    one = jax.device_get(init_group(_members(1), model, config.train, shape).params)
    members = NamedSharding(member_and_recording_mesh(n_members, n_batches), PartitionSpec("member"))
    return jax.tree.map(lambda leaf: jax.device_put(np.repeat(leaf, n_members, axis=0), members), one)


def _members(n_members: int) -> tuple[Member, ...]:
    return tuple(Member(GENDERS[0], seed) for seed in range(n_members))
