"""Signed maps and logits of members that share their recordings, on all of them, as one program."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import PartitionSpec
from jaxtyping import Array, Float, Int

from convcam_jax.attribution import METHODS
from convcam_jax.attribution.baseline import evenly_spread
from convcam_jax.attribution.config import AttributionConfig
from convcam_jax.attribution.method import Explained
from convcam_jax.attribution.placement import make_placement
from convcam_jax.attribution.score import score_gradient
from convcam_jax.data.batches import by_recording
from convcam_jax.data.recordings import Batch, Recordings, take
from convcam_jax.networks.geometry import Geometry
from convcam_jax.networks.network import Network, Variables
from convcam_jax.training.ensemble import member_and_recording_mesh
from convcam_jax.training.member import compiler_options

# As many as the methods of a benchmark; a process that explains for long under many configs would keep them all.
_PROGRAMS_KEPT = 64
# Of larger grids than the paper's there are fewer of them, but not fewer than 50.
MOST_REFERENCES, LEAST_REFERENCES, MOST_CELLS = 1000, 50, 2 * 10**7


class Explanations(NamedTuple):
    """Of members S and their recordings N: signed maps in front of ReLU (Eq. 5), and logits `[S, N, C]`.

    There are signed maps for each config: `[S, N, H, W]` of methods whose level is the nodes, else `[S, N, F, T]`.
    """

    signed_maps: tuple[np.ndarray, ...]
    logits: np.ndarray


def explained_layer(network: Network, config: AttributionConfig) -> str:
    """The layer that is explained: the config's, or the network's last convolution."""
    return config.layer or network.explained_layers()[0]


def explained_geometry(network: Network, config: AttributionConfig, grid: tuple[int, int]) -> Geometry:
    """How the nodes of the explained layer lie on `grid` (F, T)."""
    return network.geometry(explained_layer(network, config), grid)


def explained_batch(
    variables: Variables,
    batch: Batch,
    targets_of: Callable[[Array], Array],
    references: Float[Array, "R F T"],
    network: Network,
    layout: int,
    config: AttributionConfig,
) -> tuple[Float[Array, "B rows columns"], Float[Array, "B C"]]:
    """Signed maps, of the nodes or on the grid, and logits of one member, without a shortcut of its network.

    `targets_of` makes of logits `[B, C]` the classes `[B]` that are explained, `references` are recordings with which
    others are compared.
    """
    layer = explained_layer(network, config)

    def head(activations: Float[Array, "H W K"], n_frames: Int[Array, ""]) -> Float[Array, " C"]:
        return network.head(variables, activations, layer, n_frames)

    def classify(spectrograms: Float[Array, "B F T"]) -> Float[Array, "B C"]:
        return network.logits(variables, batch._replace(spectrograms=spectrograms), layout)[0]

    activations = network.activations(variables, batch, layout, layer)
    logits = jax.vmap(head)(activations, batch.n_frames)
    grid, attention = batch.grid, network.attention()
    placement = make_placement("receptive_field", network.geometry(layer, grid), grid)
    explained = Explained(
        spectrograms=batch.spectrograms,
        activations=activations,
        targets=targets_of(logits),
        score=config.score,
        placement=placement,
        classify=classify,
        head=head,
        n_frames=batch.n_frames,
        references=references,
        key=jax.random.key(config.seed),
        attend=None if attention is None else partial(attention.attend, variables, batch),
        baseline=config.baseline,
    )
    return METHODS[config.method].explain(explained), logits


def references_of(recordings: Recordings) -> Float[Array, "R F T"]:
    """At most `MOST_REFERENCES` recordings, spread evenly over all of a run, with which methods compare."""
    n_recordings, n_bins, n_frames = recordings.spectrograms.shape
    most = min(MOST_REFERENCES, max(LEAST_REFERENCES, MOST_CELLS // (n_bins * n_frames)))
    return recordings.spectrograms[evenly_spread(n_recordings, most)]


def batch_explainer(
    variables: Variables, references: Float[Array, "R F T"], network: Network, layout: int, config: AttributionConfig
) -> Callable[[Batch, Int[Array, " B"]], tuple[Array, Array]]:
    """What explains one member's batches: from a batch and its classes `[B]` to what `explained_batch` gives.

    What a network's own way of explaining makes of the variables is made once for all batches.
    """
    shortcut = network.shortcut(config.method, explained_layer(network, config))
    prepared = None if shortcut is None else shortcut.prepare(variables)

    def explain(batch: Batch, emotion: Int[Array, " B"]) -> tuple[Float[Array, "B rows columns"], Float[Array, "B C"]]:
        def targets_of(logits: Float[Array, "B C"]) -> Int[Array, " B"]:
            return emotion if config.target == "truth" else logits.argmax(-1)

        if shortcut is None:
            return explained_batch(variables, batch, targets_of, references, network, layout, config)
        gradient = partial(score_gradient, score=config.score)
        return shortcut.explain(prepared, variables, batch, layout, targets_of, gradient)

    return explain


def explain_member(
    variables: Variables,
    recordings: Recordings,
    batches: Int[Array, "n_steps B"],
    references: Float[Array, "R F T"],
    network: Network,
    layout: int,
    configs: tuple[AttributionConfig, ...],
) -> tuple[tuple[Array, ...], Array]:
    """Maps as of `batch_explainer` for each of `configs`, and logits, of one member.

    Each array has an axis for the batches in front.
    """
    explainers = [batch_explainer(variables, references, network, layout, config) for config in configs]

    def explain(batch: Int[Array, " B"]) -> tuple[tuple[Array, ...], Array]:
        taken, emotion = take(recordings, batch), recordings.emotion[batch]
        explained = [explain_one(taken, emotion) for explain_one in explainers]
        return tuple(maps for maps, _ in explained), explained[0][1]

    return jax.lax.map(explain, batches)


def explain_members(
    variables: Variables,
    recordings: Recordings,
    strata: Int[np.ndarray, "n_strata n_steps"],
    network: Network,
    layout: int,
    configs: tuple[AttributionConfig, ...],
    references: Float[Array, "R F T"] | None = None,
) -> Explanations:
    """Explanations of members that share their recordings.

    Args:
      variables: `[S, ...]`.
      recordings: all recordings of the run.
      strata: indices of the recordings to explain, or `ABSENT`.
      network: the members'.
      layout: the network's for one batch, a column of `strata`.
      configs: how, and which class and which of its outputs are explained; there may be several.
      references: with which recordings are compared, those of `references_of` where nothing else is given.

    Returns:
      Explanations with N recordings in ascending order of their indices.
    """
    batches = strata.T
    n_members = len(jax.tree.leaves(variables)[0])
    program = explaining_program(n_members, len(batches), network, layout, configs)
    if references is None:
        compares = any(config.compares for config in configs)
        references = references_of(recordings) if compares else recordings.spectrograms[:1]
    several, logits = program(variables, recordings, batches, references)
    signed_maps = tuple(by_recording(np.asarray(maps), batches) for maps in several)
    return Explanations(signed_maps, by_recording(np.asarray(logits), batches))


# Kept, so that JAX compiles it only once for all variables and all sets of recordings of the same shape.
@lru_cache(_PROGRAMS_KEPT)
def explaining_program(
    n_members: int, n_batches: int, network: Network, layout: int, configs: tuple[AttributionConfig, ...]
) -> Any:
    """What `explain_members` runs, compiled for so many members and batches: a function of `jax.jit`.

    It takes members' variables `[S, ...]`, recordings, batches of their indices `[n_steps, B]`, and references, and
    gives what `explain_member` gives, with an axis for the members in front.
    """
    explain = partial(explain_member, network=network, layout=layout, configs=configs)
    divided = jax.shard_map(
        jax.vmap(explain, in_axes=(0, None, None, None)),
        mesh=member_and_recording_mesh(n_members, n_batches),
        in_specs=(PartitionSpec("member"), PartitionSpec(), PartitionSpec("recording"), PartitionSpec()),
        out_specs=PartitionSpec("member", "recording"),
        check_vma=False,
    )
    return jax.jit(divided, compiler_options=compiler_options(network))
