"""This project's own programs: what a run calls."""

import importlib.metadata
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from convcam_jax.attribution.explaining import explain_members
from convcam_jax.attribution.placement import Placement, placed_maps
from convcam_jax.benchmark.cases import Case
from convcam_jax.benchmark.inputs import Inputs
from convcam_jax.benchmark.worker import Job
from convcam_jax.corpora.config import GENDERS
from convcam_jax.corpora.utterances import unlabelled
from convcam_jax.data.arrays import AnalysisArrays
from convcam_jax.data.batches import tested_strata
from convcam_jax.data.members import Member
from convcam_jax.data.recordings import Recordings
from convcam_jax.kernels.precision import Precision
from convcam_jax.measures.analysis import analyse, correct_predictions
from convcam_jax.networks.network import Network, Variables
from convcam_jax.representations.cache import load_or_compute
from convcam_jax.settings.config import Config
from convcam_jax.splits.protocol import ONLY_FOLD
from convcam_jax.training.ensemble import (
    init_round,
    member_and_recording_mesh,
    member_keys,
    replicated,
    round_size,
    step_program,
)
from convcam_jax.training.memory import bytes_for_members, bytes_per_member
from convcam_jax.training.optimizer import learning_of


def versions() -> dict[str, str]:
    """The packages in use."""
    return {name: importlib.metadata.version(name) for name in ("jax", "jaxlib", "flax")}


def prepare(case: Case, inputs: Inputs, config: Config) -> Job:
    """The program of a case."""
    if case.task == "features":
        return _features(case, inputs, config)
    if case.task == "explaining":
        return _explaining(case, inputs, config)
    return _training_step(case, inputs, config)


def _features(case: Case, inputs: Inputs, config: Config) -> Job:
    utterances = [unlabelled(str(number), Path(wav)) for number, wav in enumerate(inputs.wavs[: case.recordings])]

    def compute() -> None:
        with tempfile.TemporaryDirectory() as folder:
            load_or_compute(utterances, config.features, Path(folder), "stop", progress=False)

    return compute


def _training_step(case: Case, inputs: Inputs, config: Config) -> Job:
    """One step of all members, in rounds where the memory does not hold them all, as in training."""
    network, grid = config.make_network(_precision(case)), config.grid
    if case.task == "training_step_full_length":
        spectrograms, n_frames = inputs.full_length, np.full(len(inputs.full_length), grid[1])
        layout = network.layout(n_frames[:, None])
    else:
        spectrograms, n_frames, layout = inputs.batch, inputs.batch_frames, int(inputs.batch_layout)
    recordings = Recordings(jnp.asarray(spectrograms), jnp.asarray(n_frames), jnp.asarray(inputs.batch_emotion))
    available = bytes_for_members(grid, len(spectrograms))
    per_device = max(1, available // bytes_per_member(network, grid, config.train))
    at_once = round_size(1, case.members, per_device, jax.device_count())
    members, recordings = _members(at_once), replicated(recordings, at_once)
    learning = learning_of(config.train, 1, config.representation.scale)
    step = step_program(at_once, layout, network, learning)
    state = init_round(members, network, config.train, grid)
    keys = member_keys(members)
    batch = jnp.broadcast_to(jnp.arange(len(spectrograms)), (at_once, len(spectrograms)))

    def run() -> object:
        nonlocal state
        # A last round that is shorter is taken for a whole one.
        for _ in range(-(-case.members // at_once)):
            state, scores = step(keys, state, recordings, batch, jnp.asarray(0))
            jax.block_until_ready((state, scores))
        return scores

    return run


def _explaining(case: Case, inputs: Inputs, config: Config) -> Job:
    """Maps of all members and recordings, their placement, masks and metrics."""
    n = case.recordings
    network = config.make_network(_precision(case))
    recordings = Recordings(*(jnp.asarray(a[:n]) for a in (inputs.tested, inputs.n_frames, inputs.emotion)))
    sets, batch_size = {"tested": np.arange(n)}, config.train.batch_size
    strata, layout = tested_strata(inputs.n_frames[:n], sets, "tested", batch_size, network.layout)
    arrays = AnalysisArrays(*(getattr(inputs, name)[:n] for name in AnalysisArrays._fields))
    placement = Placement(inputs.placement_frequency, inputs.placement_time)
    variables = _variables(case.members, strata.shape[1], network, config)
    n_emotions, analysis = len(config.corpus.emotions), config.analysis

    def run() -> object:
        (signed_maps,), logits = explain_members(variables, recordings, strata, network, layout, (config.attribution,))
        maps = placed_maps(signed_maps, arrays.n_frames, placement)
        correct = correct_predictions(logits, arrays.emotion)
        return jax.block_until_ready(analyse(maps, correct, arrays, inputs.bin_hz, n_emotions, analysis))

    return run


def _precision(case: Case) -> Precision:
    return "bfloat16" if case.precision == "bfloat16" else "float32"


def _variables(n_members: int, n_batches: int, network: Network, config: Config) -> Variables:
    """One member's variables `[S, ...]`, S times, over the devices: whole states would take four times as much."""
    one = jax.device_get(init_round(_members(1), network, config.train, config.grid).variables)
    members = NamedSharding(member_and_recording_mesh(n_members, n_batches), PartitionSpec("member"))
    return jax.tree.map(lambda leaf: jax.device_put(np.repeat(leaf, n_members, axis=0), members), one)


def _members(n_members: int) -> tuple[Member, ...]:
    return tuple(Member(GENDERS[0], ONLY_FOLD, seed) for seed in range(n_members))
