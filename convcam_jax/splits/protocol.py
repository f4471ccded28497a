"""What a split protocol is: a way of dividing recordings into those for training, validation and the test."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.system.validation import require, require_seed

SPLITS_OF_A_FOLD = ("train", "validation", "test")
# What a recording is for that stands in none of them.
UNUSED = "unused"
# The name of the fold of a protocol that splits in one way only.
ONLY_FOLD = "all"


class Fold(NamedTuple):
    """One way of splitting all utterances."""

    name: str
    split_of: tuple[str, ...]  # of each utterance: one of SPLITS_OF_A_FOLD, or UNUSED


class Proposal(NamedTuple):
    """What a protocol makes of a corpus.

    Attributes:
      folds: as far as they can be made.
      problems: what makes the split impossible, one sentence each, and what to do.
      warnings: what the split does without, one sentence each.
      draws_validation: whether validation is drawn, by `parts`, and not given.
    """

    folds: tuple[Fold, ...]
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    draws_validation: bool = True


@dataclasses.dataclass(frozen=True)
class SplitProtocol(ABC):
    """A split protocol and its settings; those of `split.name` in the config.

    Attributes:
      name: the key in `SPLIT_PROTOCOLS`.
      seed: of what is drawn.
      parts: of a speaker's n recordings of an emotion that a fold may train on floor(n / parts) are for validation; by
        `per_cell` as many are for the test.
      guarantee: what the folds promise, in words.
      least_parts: the least value of `parts`, which leaves something for training.
    """

    name: str
    seed: int = 0
    parts: int = 4

    guarantee: ClassVar[str]
    least_parts: ClassVar[int] = 2

    def __post_init__(self) -> None:
        require_seed(self.seed, "split.seed")
        require(self.parts >= self.least_parts, "split.parts", f"must be at least {self.least_parts}")

    @property
    def apart(self) -> tuple[str, ...]:
        """Columns, or `soundness.FILE`, of which no value is promised to be on both sides of a fold."""
        return ()

    def together(self, utterances: Sequence[Utterance], groups: Sequence[str]) -> tuple[str, ...]:
        """Of each utterance a name, "" for none: those of one name are promised to be on one side of every fold."""
        return ("",) * len(utterances)

    @abstractmethod
    def propose(self, utterances: Sequence[Utterance], groups: Sequence[str]) -> Proposal:
        """The folds of the utterances, `groups` being the group of each; their order changes nothing.

        A recording is tested in one fold at most. What must hold of the folds of any protocol is seen to by
        `dividing.divide`.
        """
