"""Deletion and insertion curves of members on the recordings of their cohort, as one program.

Axes: S member; N recording; C class; F frequency bin; T time frame; P share of cells; B place of a batch.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from convcam_jax.checks.faithfulness.curves import ORDERS, blurred_within, cell_ranks, curves, shares, shifted
from convcam_jax.data.batches import by_recording, fixed_strata
from convcam_jax.data.recordings import Recordings, take
from convcam_jax.networks.network import Network, Variables
from convcam_jax.training.ensemble import member_mesh, over_members
from convcam_jax.training.member import compiler_options

_CHANCE = 5


class OwnMaps(NamedTuple):
    """What members say of their recordings: maps on the grid of the inputs, and the classes that they explain."""

    seeds: Int[np.ndarray, " S"]
    maps: Float[np.ndarray, "S N F T"]
    labels: Int[np.ndarray, "S N"]


class _ToRank(NamedTuple):
    """What one member's orders are made of; `moved` are its maps elsewhere. In front of all there may be an axis S."""

    key: Key[Array, "*S"]
    maps: Float[Array, "*S N F T"]
    moved: Float[Array, "*S N F T"]
    labels: Int[Array, "*S N"]


class _Inputs(NamedTuple):
    """What all members share: the recordings, each of them blurred, and their numbers, by which orders are drawn."""

    recordings: Recordings
    blurs: Float[Array, "N F T"]
    numbers: Int[Array, " N"]


def explained_labels(
    target: Literal["truth", "predicted"], emotion: Int[np.ndarray, " N"], logits: Float[np.ndarray, "S N C"]
) -> Int[np.ndarray, "S N"]:
    """The class that was explained, by `attribution.target`."""
    return np.broadcast_to(emotion, logits.shape[:2]) if target == "truth" else logits.argmax(-1)


def member_curves(
    variables: Variables,
    own: OwnMaps,
    recordings: Recordings,
    network: Network,
    batch_size: int,
    n_steps: int,
    first: int,
) -> Float[np.ndarray, "S N curves fills orders P"]:
    """Probabilities of the explained classes, from variables `[S, ...]` and the N recordings that members explain.

    They depend on a member's seed alone, and not on the other members; `n_steps` is P - 1. `first` is the number of the
    first recording, counted on from fold to fold: orders are drawn by it, so that each recording has its own.
    """
    n_frames = np.asarray(recordings.n_frames)
    strata, layout = fixed_strata(n_frames, np.arange(len(n_frames)), batch_size, network.layout)
    batches = strata.T
    spectrograms = np.asarray(recordings.spectrograms)
    blurs = np.stack([blurred_within(s, n) for s, n in zip(spectrograms, n_frames.tolist(), strict=True)])
    keys = jnp.stack([jax.random.fold_in(jax.random.key(seed), _CHANCE) for seed in own.seeds])
    to_rank = _ToRank(keys, *map(jnp.asarray, (own.maps, _moved(own, n_frames, first), own.labels)))
    program = _program(len(own.seeds), network, layout, n_steps)
    numbers = first + jnp.arange(len(n_frames))
    found = program(variables, to_rank, _Inputs(recordings, jnp.asarray(blurs), numbers), batches)
    # From [S, batches, curves, fills, orders, P, B].
    return by_recording(np.moveaxis(np.asarray(found), -1, 2), batches)


def _moved(own: OwnMaps, n_frames: np.ndarray, first: int) -> np.ndarray:
    """Every map moved at random, see `curves.shifted`; `first` as in `member_curves`."""
    moved = []
    for seed, maps in zip(own.seeds, own.maps, strict=True):
        generator = np.random.default_rng([_CHANCE, seed, first])
        moved.append([shifted(one, n, generator) for one, n in zip(maps, n_frames.tolist(), strict=True)])
    return np.array(moved)


@lru_cache(2)
def _program(n_members: int, network: Network, layout: int, n_steps: int) -> Callable[..., Array]:
    one_member = partial(_one_member, network=network, layout=layout, n_steps=n_steps)
    mapped = (True, True, False, False)
    return over_members(one_member, member_mesh(n_members), mapped, compiler_options=compiler_options(network))


def _one_member(
    variables: Variables,
    to_rank: _ToRank,
    inputs: _Inputs,
    batches: Int[Array, "n_batches B"],
    *,
    network: Network,
    layout: int,
    n_steps: int,
) -> Float[Array, "n_batches curves fills orders P B"]:
    """The probabilities of one member."""
    steps = jnp.asarray(shares(n_steps))

    def one_batch(batch: Array) -> Array:
        given = take(inputs.recordings, batch)
        spectrograms, n_frames = given
        # Where all scores are equal, the order is random.
        scores = jnp.stack([to_rank.maps[batch], to_rank.moved[batch], jnp.zeros_like(spectrograms), spectrograms])
        of_recordings = jax.vmap(jax.random.fold_in, (None, 0))(to_rank.key, inputs.numbers[batch])
        keys = jax.vmap(lambda key: jax.random.split(key, len(ORDERS)))(of_recordings)
        ranks = jax.vmap(jax.vmap(cell_ranks), (0, None, 1))(scores, n_frames, keys)
        fills = jnp.stack([jnp.zeros_like(spectrograms), inputs.blurs[batch]])

        def probability(inputs: Array) -> Array:
            logits = network.logits(variables, given._replace(spectrograms=inputs), layout)[0]
            return jnp.take_along_axis(jax.nn.softmax(logits), to_rank.labels[batch][:, None], axis=1)[:, 0]

        return curves(probability, spectrograms, fills, ranks, n_frames, steps)

    return jax.lax.map(one_batch, batches)
