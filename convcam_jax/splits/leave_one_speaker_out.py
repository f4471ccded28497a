"""A fold for each speaker, in which that speaker's recordings are the test and no others' are."""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.splits.held_out import folds_that_test, grouped_utterances, with_one_value
from convcam_jax.splits.protocol import Proposal, SplitProtocol
from convcam_jax.splits.soundness import FILE, or_other_groups, shared_sessions
from convcam_jax.system.errors import named


@dataclasses.dataclass(frozen=True)
class LeaveOneSpeakerOut(SplitProtocol):
    """A fold for each speaker, named after the speaker, whose recordings are the test.

    Of every other speaker's n recordings of an emotion floor(n / parts) are for validation, the same in all folds, and
    the rest for training. What a recording is drawn for does not depend on other speakers, except for an emotion of
    which few of them have `parts` recordings (see `held_out.GroupedUtterances`). Recordings of groups that the test
    speaker has no recording in are unused: their models are not for this speaker.
    """

    name: str = "leave_one_speaker_out"

    guarantee: ClassVar[str] = (
        "no recording of a test speaker is in training or validation, and every recording is tested in one fold"
    )

    @property
    def apart(self) -> tuple[str, ...]:
        """A speaker's recordings, and what is cut from the same file as one of them."""
        return "speaker", FILE

    def propose(self, utterances: Sequence[Utterance], groups: Sequence[str]) -> Proposal:
        """One fold for each speaker, sorted by name; a group of one speaker is a problem."""
        alone = with_one_value([u.speaker for u in utterances], groups)
        tested_in = ["" if group in alone else u.speaker for u, group in zip(utterances, groups, strict=True)]
        folds = folds_that_test(tested_in, grouped_utterances(utterances, groups, self.seed, self.parts))
        warnings = tuple(shared_sessions(folds, utterances, groups))
        if not alone:
            return Proposal(folds, warnings=warnings)
        names = named([f"{group} ({speaker})" for group, speaker in alone.items()])
        to_do = f"add speakers{or_other_groups(alone)}, or choose another --split"
        problem = f"it needs two speakers of each group, and these have one: {names}; {to_do}"
        return Proposal(folds, (problem,), warnings)
