"""The models of an ensemble, and which recordings each of them is trained, validated and tested on."""

import zlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from convcam_jax.corpora.config import GENDERS
from convcam_jax.splits.protocol import ONLY_FOLD
from convcam_jax.system.text import in_one_line


class Cohort(NamedTuple):
    """A group of recordings in one fold of the split: what members that differ in nothing but their seed share."""

    group: str
    fold: str

    def __str__(self) -> str:
        """As it is shown: the fold only where there are several."""
        return in_one_line(self.group if self.fold == ONLY_FOLD else f"{self.group}, fold {self.fold}")


class Member(NamedTuple):
    """One model of the ensemble."""

    group: str
    fold: str
    seed: int

    @property
    def cohort(self) -> Cohort:
        """Whose recordings it is trained on."""
        return Cohort(self.group, self.fold)

    def __str__(self) -> str:
        """As it is shown."""
        return f"{self.cohort} {self.seed}"


def list_members(cohorts: Iterable[Cohort], seeds: Sequence[int]) -> tuple[Member, ...]:
    """All members, by cohort, then seed."""
    return tuple(Member(*cohort, seed) for cohort in cohorts for seed in seeds)


def key_numbers(member: Member) -> tuple[int, ...]:
    """What a member's random key is folded with, besides its seed: the same whatever other groups and folds there are.

    The paper's groups are numbered; any other name stands for its checksum.
    """
    group = GENDERS.index(member.group) if member.group in GENDERS else zlib.crc32(member.group.encode())
    return (group,) if member.fold == ONLY_FOLD else (group, zlib.crc32(member.fold.encode()))
