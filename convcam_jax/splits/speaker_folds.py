"""Folds of several speakers each, in which their recordings are the test and no others' are."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Int

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.splits.held_out import folds_that_test, grouped_utterances
from convcam_jax.splits.protocol import Proposal, SplitProtocol
from convcam_jax.splits.soundness import FILE, or_other_groups, shared_sessions
from convcam_jax.system.errors import named
from convcam_jax.system.validation import require

# Of so many random ways of dividing the speakers the most even one is taken.
_DRAWS = 200


@dataclasses.dataclass(frozen=True)
class SpeakerFolds(SplitProtocol):
    """`n_folds` folds, named by numbers from 1 on, each of which tests its share of the speakers of every group.

    Speakers of the same groups are dealt to the folds together, so that their numbers in the folds differ by one at
    most. Of 200 such divisions, drawn by the seed, the one is taken in which the numbers of recordings of each group
    and emotion, and of all, are the most even over the folds. Where speakers have recordings in several groups, it is
    taken from those in which the numbers of speakers are even in the most groups, and groups in which they are not are
    told. Of the other speakers' n recordings of an emotion floor(n / parts) are for validation, the rest for training.
    Recordings of groups that a fold does not test are unused.

    Attributes:
      n_folds: how many.
    """

    name: str = "speaker_folds"
    n_folds: int = 5

    guarantee: ClassVar[str] = (
        "no recording of a test speaker is in training or validation, every recording is tested in one of n_folds "
        "folds, and every fold tests as many speakers of each group, give or take one; where speakers have recordings "
        "of several groups and that cannot be, it is told"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.n_folds >= 2, "split.n_folds", "must be at least 2")

    @property
    def apart(self) -> tuple[str, ...]:
        """A speaker's recordings, and what is cut from the same file as one of them."""
        return "speaker", FILE

    def propose(self, utterances: Sequence[Utterance], groups: Sequence[str]) -> Proposal:
        """The folds; a group with fewer speakers than folds is a problem."""
        n_speakers = Counter(group for _, group in {(u.speaker, g) for u, g in zip(utterances, groups, strict=True)})
        few = {group: n for group, n in sorted(n_speakers.items()) if n < self.n_folds}
        if few:
            # Of two folds or more there is none for one speaker.
            or_fewer_folds = ", lower split.n_folds" if min(few.values()) > 1 else ""
            problem = (
                f"each group needs as many speakers as folds (split.n_folds, {self.n_folds}), and these have fewer: "
                f"{named([f'{group} ({n})' for group, n in few.items()])}; add speakers{or_fewer_folds}"
                f"{or_other_groups(few)}, or choose another --split"
            )
            return Proposal((), (problem,))
        fold_of = _fold_of_speakers(utterances, groups, self.n_folds, self.seed)
        width = len(str(self.n_folds))
        tested_in = [f"{fold_of[u.speaker] + 1:0{width}}" for u in utterances]
        folds = folds_that_test(tested_in, grouped_utterances(utterances, groups, self.seed, self.parts))
        uneven = _uneven_groups(utterances, groups, fold_of, self.n_folds)
        return Proposal(folds, warnings=(*uneven, *shared_sessions(folds, utterances, groups)))


def _fold_of_speakers(
    utterances: Sequence[Utterance], groups: Sequence[str], n_folds: int, seed: int
) -> Mapping[str, int]:
    """The number of the fold that tests each speaker."""
    cells = Counter((u.speaker, (group, u.emotion)) for u, group in zip(utterances, groups, strict=True))
    speakers, kinds = sorted({speaker for speaker, _ in cells}), sorted({kind for _, kind in cells})
    of_kinds = np.array([[cells[speaker, kind] for kind in kinds] for speaker in speakers])
    counts = np.column_stack([of_kinds, of_kinds.sum(1)])
    names = sorted({group for group, _ in kinds})
    of_groups = np.array(
        [[any(cells[s, kind] for kind in kinds if kind[0] == group) for group in names] for s in speakers]
    )
    # Speakers of the same groups are dealt out together.
    strata: dict[frozenset[str], list[int]] = {}
    for index, membership in enumerate(of_groups):
        strata.setdefault(
            frozenset(group for group, is_own in zip(names, membership, strict=True) if is_own), []
        ).append(index)
    generator = np.random.default_rng(seed)
    order = [strata[own] for own in sorted(strata, key=sorted)]
    draws = [_dealt(order, of_groups, n_folds, generator) for _ in range(_DRAWS)]
    best = min(draws, key=lambda own: (_lopsided(of_groups, own, n_folds), unevenness(counts, own, n_folds)))
    return dict(zip(speakers, best.tolist(), strict=True))


def _uneven_groups(
    utterances: Sequence[Utterance], groups: Sequence[str], fold_of: Mapping[str, int], n_folds: int
) -> list[str]:
    """The groups of which the folds' numbers of speakers differ by more than one, in a sentence; or nothing."""
    in_folds: dict[str, list[int]] = {}
    for group, speaker in sorted({(group, u.speaker) for u, group in zip(utterances, groups, strict=True)}):
        in_folds.setdefault(group, [0] * n_folds)[fold_of[speaker]] += 1
    uneven = [f"{group} ({min(own)} to {max(own)})" for group, own in in_folds.items() if max(own) - min(own) > 1]
    if not uneven:
        return []
    return [
        "speakers have recordings of several groups, and the folds test unequal numbers of speakers of: "
        f"{named(uneven)}"
    ]


def _dealt(
    strata: Sequence[Sequence[int]],
    of_groups: Bool[np.ndarray, "speakers groups"],
    n_folds: int,
    generator: np.random.Generator,
) -> Int[np.ndarray, " speakers"]:
    """The speakers of one stratum after the other, each in random order, dealt to the folds.

    Each goes to the fold that has the fewest speakers of his or her groups so far, then the fewest of all.
    """
    n_speakers = len(of_groups)
    folds = np.empty(n_speakers, dtype=int)
    if of_groups.sum(1).max() > 1:
        # What is even depends on the order then; otherwise on nothing but the speakers' own.
        strata = [strata[index] for index in generator.permutation(len(strata))]
    in_fold, all_in_fold = np.zeros((n_folds, of_groups.shape[1]), dtype=int), np.zeros(n_folds, dtype=int)
    for stratum in strata:
        membership = of_groups[stratum[0]]
        for speaker in generator.permutation(np.asarray(stratum)):
            fold = int(np.argmin(in_fold[:, membership].sum(1) * (n_speakers + 1) + all_in_fold))
            folds[speaker] = fold
            in_fold[fold] += membership
            all_in_fold[fold] += 1
    return folds


def _lopsided(of_groups: Bool[np.ndarray, "speakers groups"], folds: Int[np.ndarray, " speakers"], n_folds: int) -> int:
    """Of how many groups the folds' numbers of speakers differ by more than one."""
    in_fold = np.stack([of_groups[folds == number].sum(0) for number in range(n_folds)])
    return int((np.ptp(in_fold, axis=0) > 1).sum())


def unevenness(counts: Int[np.ndarray, "speakers kinds"], folds: Int[np.ndarray, " speakers"], n_folds: int) -> float:
    """Variance over the folds of the share of each kind's recordings that a fold tests, summed over the kinds.

    counts: recordings of each speaker and kind (such as a group and emotion); folds: number of each speaker's fold.
    """
    shares = counts / counts.sum(0)
    return float(np.stack([shares[folds == number].sum(0) for number in range(n_folds)]).var(0).sum())
