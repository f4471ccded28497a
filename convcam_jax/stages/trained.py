"""Trained members' parameters, read back for what is done with some of them."""

from collections.abc import Collection, Iterator, Sequence

from convcam_jax.stages.training import Group
from convcam_jax.training import checkpoints
from convcam_jax.training.ensemble import Member, take_members
from convcam_jax.training.member import Params


def members_of(groups: Sequence[Group], gender: str) -> tuple[Member, ...]:
    """All members of a gender, in the order of the groups."""
    return tuple(member for group in groups for member in group.members if member.gender == gender)


def trained_members(groups: Sequence[Group], wanted: Collection[Member]) -> Iterator[tuple[tuple[Member, ...], Params]]:
    """Those of the `wanted` members that each group has, and their parameters `[S, ...]`."""
    for group in groups:
        rows = [i for i, member in enumerate(group.members) if member in wanted]
        if rows:
            yield tuple(group.members[i] for i in rows), take_members(checkpoints.load_params(group.folder), rows)
