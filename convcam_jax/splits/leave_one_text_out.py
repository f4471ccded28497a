"""A fold for each text, in which the recordings of that text are the test and no others are."""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.splits.held_out import folds_that_test, grouped_utterances, with_one_value
from convcam_jax.splits.protocol import Proposal, SplitProtocol
from convcam_jax.splits.soundness import FILE, or_other_groups
from convcam_jax.system.errors import named
from convcam_jax.system.spelling import on_alike


@dataclasses.dataclass(frozen=True)
class LeaveOneTextOut(SplitProtocol):
    """A fold for each text, named after the text, whose recordings are the test.

    Of a speaker's n recordings of an emotion that are of other texts floor(n / parts) are for validation, the rest for
    training. Recordings of groups that have no recording of the text are unused.
    """

    name: str = "leave_one_text_out"

    guarantee: ClassVar[str] = (
        "no recording of a test text is in training or validation, and every recording is tested in one fold; "
        "the test speakers are known from training"
    )

    @property
    def apart(self) -> tuple[str, ...]:
        """A text's recordings, and what is cut from the same file as one of them."""
        return "text", FILE

    def propose(self, utterances: Sequence[Utterance], groups: Sequence[str]) -> Proposal:
        """One fold for each text, sorted; recordings without a text and a group of one text are problems.

        Texts that may be one are told.
        """
        texts = [u.text for u in utterances]
        needed = "it needs the text of each recording, and"
        if not any(texts):
            return Proposal((), (f"{needed} the corpus tells none (column text); choose another --split",))
        without = [u.recording for u in utterances if not u.text]
        to_do = "fill them in, or choose another --split"
        problems = [f"{needed} these have none: {named(without)}; {to_do}"] if without else []
        alone = with_one_value(texts, groups)
        if alone:
            names = named([f"{group} ({text})" for group, text in alone.items()])
            to_do = f"add recordings of others{or_other_groups(alone)}, or choose another --split"
            problems.append(f"it needs two texts of each group, and these have one: {names}; {to_do}")
        tested_in = ["" if group in alone else text for text, group in zip(texts, groups, strict=True)]
        return Proposal(
            folds_that_test(tested_in, grouped_utterances(utterances, groups, self.seed, self.parts)),
            tuple(problems),
            tuple(on_alike("texts", filter(None, texts))),
        )
