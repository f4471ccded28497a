"""The split that a table of the corpus gives, in a column of split words or of folds."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import ClassVar

from convcam_jax.corpora.utterances import Utterance, columns_of
from convcam_jax.splits.held_out import fold_that_tests, folds_that_test, grouped_utterances, with_one_value
from convcam_jax.splits.protocol import ONLY_FOLD, UNUSED, Fold, Proposal, SplitProtocol
from convcam_jax.splits.soundness import or_other_groups
from convcam_jax.system.errors import named
from convcam_jax.system.progress import counted
from convcam_jax.system.spelling import nearest, on_alike

# The columns that are looked for.
COLUMNS = ("split", "fold")
# As people write them, in small letters.
SPLIT_WORDS: Mapping[str, str] = {
    **dict.fromkeys(("train", "training", "trn", "tr", "learn"), "train"),
    **dict.fromkeys(("validation", "valid", "validate", "val", "dev", "devel", "development"), "validation"),
    **dict.fromkeys(("test", "testing", "tst", "te", "eval", "evaluation"), "test"),
}

# Words for the test that some corpora have for validation.
_OF_EITHER = ("eval", "evaluation")


@dataclasses.dataclass(frozen=True)
class Given(SplitProtocol):
    """The split in the column `column`, or where that is empty in `split` or `fold`, if the corpus has one of them.

    If any value is a split word, all must be (capitals and spaces do not matter), and there is one fold. Otherwise each
    value is a fold, which tests the recordings that have it. Recordings without a value are unused. Where validation is
    not given, of a speaker's n training recordings of an emotion floor(n / parts) are for validation.

    Attributes:
      column: what the split stands in; empty: `split` or `fold`, of which a corpus must then have one only.
    """

    name: str = "given"
    column: str = ""

    guarantee: ClassVar[str] = (
        "training, validation and test are as a column of the corpus says: split (such as train, dev, test) or fold, "
        "where each fold is tested once; whether speakers are apart is up to the column, and is told"
    )

    def propose(self, utterances: Sequence[Utterance], groups: Sequence[str]) -> Proposal:
        """The fold or folds; a missing column and words that are not understood are problems."""
        columns = columns_of(utterances)
        found = [column for column in ([self.column] if self.column else COLUMNS) if column in columns]
        if len(found) != 1:
            return Proposal((), (_about_columns(self.column or " or ".join(COLUMNS), found, columns),))
        values = [u.value(found[0]).strip() if found[0] in u.columns() else "" for u in utterances]
        grouped = grouped_utterances(utterances, groups, self.seed, self.parts)
        problems, warnings, draws = [], _without_value(found[0], values), True
        if any(value.lower() in SPLIT_WORDS for value in values):
            splits = [SPLIT_WORDS.get(value.lower(), "") for value in values]
            problems = _about_words(found[0], values, splits)
            folds: tuple[Fold, ...] = (Fold(ONLY_FOLD, tuple(split or UNUSED for split in splits)),)
            draws = "validation" not in splits
            if draws:
                tested, trainable = [own == "test" for own in splits], [own == "train" for own in splits]
                folds = (fold_that_tests(ONLY_FOLD, tested, trainable, grouped),)
                warnings.append(f"the column {found[0]} has no validation: it is drawn from training")
        else:
            folds = folds_that_test(values, grouped)
            sizes = [f"{value} ({n})" for value, n in sorted(Counter(filter(None, values)).items())]
            warnings += [f"folds by the column {found[0]}: {named(sizes)}", *on_alike("folds", filter(None, values))]
            alone = with_one_value(values, groups)
            if alone:
                to_do = f"choose another split.column{or_other_groups(alone)}, or choose another --split"
                problems = [f"the column {found[0]} has one value for all recordings of: {named(list(alone))}; {to_do}"]
        return Proposal(folds, tuple(problems), (*warnings, *known_speakers(folds, utterances)), draws)


def _about_columns(wanted: str, found: Sequence[str], columns: Sequence[str]) -> str:
    if found:
        return f"the corpus has the columns {' and '.join(found)}; say by split.column which one it is"
    return f"it needs a column {wanted}, and the corpus has {', '.join(columns)}; say by split.column which one it is"


def _about_words(column: str, values: Sequence[str], splits: Sequence[str]) -> list[str]:
    unknown = sorted({value for value, split in zip(values, splits, strict=True) if value and not split})
    problems = _about_evaluation(column, values, splits)
    if unknown:
        words = list(SPLIT_WORDS)
        shown = named([f"{value!r} (nearest: {nearest(value, words)})" for value in unknown])
        problems.append(f"the column {column} has words that are no split: {shown}")
    missing = [split for split in ("train", "test") if split not in splits]
    return problems + [f"the column {column} has no recording for {split}" for split in missing]


def _about_evaluation(column: str, values: Sequence[str], splits: Sequence[str]) -> list[str]:
    """Beside a test an evaluation may be the validation that is missing: the problem in a sentence, or nothing."""
    tested = {value for value, split in zip(values, splits, strict=True) if split == "test"}
    either = sorted(value for value in tested if value.lower() in _OF_EITHER)
    others = sorted(tested.difference(either))
    if "validation" in splits or not either or not others:
        return []
    return [
        f"the column {column} has {named(either)} beside {named(others)}, which may be validation or a part of the "
        f"test; rename {named(either)} to validation, or to {others[0]}"
    ]


def _without_value(column: str, values: Sequence[str]) -> list[str]:
    empty = values.count("")
    return [f"{counted(empty, 'recording')} without anything in the column {column}: unused"] if empty else []


def known_speakers(folds: Sequence[Fold], utterances: Sequence[Utterance]) -> list[str]:
    """How many test speakers are also in training or validation, in a sentence; nothing if none is."""
    known: Counter[str] = Counter()
    tested: set[str] = set()
    for fold in folds:
        placed = [(u.speaker, split) for u, split in zip(utterances, fold.split_of, strict=True)]
        tested_here = {speaker for speaker, split in placed if split == "test"}
        tested |= tested_here
        known.update(tested_here & {speaker for speaker, split in placed if split in ("train", "validation")})
    if not known:
        return []
    return [
        f"{len(known)} of {len(tested)} test speakers are in training or validation as well ({named(sorted(known))}): "
        "the accuracy is not that of unknown speakers"
    ]
