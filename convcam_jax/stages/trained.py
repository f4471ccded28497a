"""Trained members' parameters, read back for what is done with some of them."""

from collections.abc import Collection, Iterator, Sequence

import jax
import numpy as np

from convcam_jax import checkpoints
from convcam_jax.ensemble import Member
from convcam_jax.stages.analyse import GenderMaps
from convcam_jax.stages.train import Group
from convcam_jax.training import Params


def first_members(own: GenderMaps, count: int) -> tuple[Member, ...]:
    """So many members of a gender, or all if there are fewer: the chosen one first, then by seed."""
    chosen = own.seeds[own.chosen]
    seeds = [chosen, *sorted(seed for seed in own.seeds if seed != chosen)]
    return tuple(Member(own.gender, int(seed)) for seed in seeds[:count])


def trained_members(groups: Sequence[Group], wanted: Collection[Member]) -> Iterator[tuple[tuple[Member, ...], Params]]:
    """Those of the `wanted` members, all of one gender, that each group has, and their parameters `[S, ...]`."""
    for group in groups:
        rows = [i for i, member in enumerate(group.members) if member in wanted]
        if rows:
            params = jax.tree.map(lambda leaf, rows=rows: leaf[np.array(rows)], checkpoints.load_params(group.folder))
            yield tuple(group.members[i] for i in rows), params
