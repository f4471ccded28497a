"""Training on some corpora, and the test on another."""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

from convcam_jax.corpora.utterances import Utterance, columns_of
from convcam_jax.splits.held_out import fold_that_tests, grouped_utterances
from convcam_jax.splits.protocol import Proposal, SplitProtocol
from convcam_jax.splits.soundness import FILE
from convcam_jax.system.errors import named
from convcam_jax.system.spelling import on_alike


@dataclasses.dataclass(frozen=True)
class CrossCorpus(SplitProtocol):
    """A fold for each corpus, named after it, whose recordings are the test; `column` says of which corpus each is.

    `test_corpora` are those that are tested, `training_corpora` those that are trained on when another is tested; where
    they are empty, all are, but a corpus that is the only one to train on is not tested. Of the n recordings of an
    emotion that a speaker of the training corpora has, floor(n / parts) are for validation, the rest for training.
    Emotions that the training corpora lack are not tested.

    Attributes:
      column: what says of which corpus a recording is.
      test_corpora: those that are tested; empty: all that others are trained on for.
      training_corpora: those that are trained on when another is tested; empty: all.
    """

    name: str = "cross_corpus"
    column: str = "corpus"
    test_corpora: tuple[str, ...] = ()
    training_corpora: tuple[str, ...] = ()

    guarantee: ClassVar[str] = (
        "no recording or speaker of a test corpus (column corpus) is in training or validation, and every corpus that "
        "models are trained for, or each of split.test_corpora, is tested in one fold, by models of the others"
    )

    @property
    def apart(self) -> tuple[str, ...]:
        """A corpus's recordings, their speakers, and what is cut from the same file."""
        return self.column, "speaker", FILE

    def propose(self, utterances: Sequence[Utterance], groups: Sequence[str]) -> Proposal:
        """One fold for each test corpus; unknown corpora, such as may be one, and a speaker of two are problems."""
        without = [u.recording for u in utterances if self.column not in u.columns() or not u.value(self.column)]
        if without:
            lacking = f"it is empty for {named(without)}"
            columns = columns_of(utterances)
            if self.column not in columns:
                lacking = f"there are only {', '.join(columns)}; say by split.column which one it is"
            problem = f"it needs a column {self.column} that says of which corpus each recording is, and {lacking}"
            return Proposal((), (problem,))
        corpora = [u.value(self.column) for u in utterances]
        known = sorted(set(corpora))
        problems = _unknown(self.test_corpora, "test_corpora", known)
        problems += _unknown(self.training_corpora, "training_corpora", known)
        problems += _shared_speakers(utterances, corpora)
        problems += [f"{remark}, or else rename one" for remark in on_alike("corpora", known)]
        if len(known) == 1:
            to_do = "add another, or choose another --split"
            problems.append(f"it needs two corpora, and the column {self.column} has one, {known[0]}; {to_do}")
        if problems:
            return Proposal((), tuple(problems))
        trained = set(self.training_corpora or known)
        alone = [name for name in self.test_corpora or known if trained == {name}]
        if alone and self.test_corpora:
            problem = (
                f"there is no other corpus to train on when {alone[0]} is tested; name another split.training_corpora, "
                f"or take {alone[0]} out of split.test_corpora"
            )
            return Proposal((), (problem,))
        grouped = grouped_utterances(utterances, groups, self.seed, self.parts)
        folds = [
            fold_that_tests(
                name, [own == name for own in corpora], [own != name and own in trained for own in corpora], grouped
            )
            for name in known
            if name in (self.test_corpora or known) and name not in alone
        ]
        warnings = [f"the corpus {name} is not tested: no other is in split.training_corpora" for name in alone]
        return Proposal(tuple(folds), warnings=tuple(warnings))


def _unknown(names: Sequence[str], field: str, known: Sequence[str]) -> list[str]:
    unknown = [name for name in names if name not in known]
    return [f"split.{field}: there is no corpus {named(unknown)}, but {', '.join(known)}"] if unknown else []


def _shared_speakers(utterances: Sequence[Utterance], corpora: Sequence[str]) -> list[str]:
    found: dict[str, set[str]] = {}
    for u, corpus in zip(utterances, corpora, strict=True):
        found.setdefault(u.speaker, set()).add(corpus)
    shared = [f"{speaker} ({', '.join(sorted(own))})" for speaker, own in sorted(found.items()) if len(own) > 1]
    if not shared:
        return []
    return [f"speakers of different corpora have the same name: {named(shared)}; give each person a name"]
