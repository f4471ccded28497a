"""The one way from a split protocol and a corpus to folds."""

from collections.abc import Sequence
from typing import NamedTuple

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.splits.protocol import Fold, SplitProtocol
from convcam_jax.splits.soundness import (
    FILE,
    check_folds,
    check_together,
    divided_files,
    missing_sets,
    untested_groups,
    unvalidated_emotions,
    without_files_of_the_test,
    without_unlearned,
)
from convcam_jax.system.errors import UserError


class Division(NamedTuple):
    """The folds of a corpus, and what they do without, one sentence each."""

    folds: tuple[Fold, ...]
    warnings: tuple[str, ...]


def divide(
    protocol: SplitProtocol, utterances: Sequence[Utterance], groups: Sequence[str], least_emotions: int = 2
) -> Division:
    """The folds of the utterances, `groups` being the group of each; what the protocol promises of them is proved.

    A group's models need `least_emotions` for training: one is enough where they do not tell emotions apart.

    What the split can do without is a warning: an emotion that a group's models do not learn in a fold is unused for
    test and validation there, what is cut from a file of the test is unused, and emotions that validation lacks are
    told. A recording is tested in one fold at most.

    Raises:
      UserError: the split is impossible; all reasons are given at once, and what it would have done without.
      ValueError: a fold is not what the protocol promises (see `check_folds`).
    """
    folds, problems, warnings, draws = protocol.propose(utterances, groups)
    cut: list[str] = []
    if FILE in protocol.apart:
        folds, cut = without_files_of_the_test(folds, utterances)
    folds, unlearned = without_unlearned(folds, utterances, groups)
    # What a protocol has found fault with is tested nowhere: that needs no more words.
    missing = [
        *(problems or untested_groups(folds, groups)),
        *missing_sets(folds, utterances, groups, least_emotions, draws and protocol.parts > protocol.least_parts),
    ]
    if missing:
        raise UserError(f"--split={protocol.name} is impossible: {'; '.join((*missing, *warnings, *cut, *unlearned))}")
    check_folds(folds, utterances, protocol.apart)
    check_together(folds, protocol.together(utterances, groups), utterances)
    unvalidated = unvalidated_emotions(folds, utterances, groups)
    return Division(folds, (*warnings, *cut, *unlearned, *unvalidated, *divided_files(folds, utterances, groups)))
