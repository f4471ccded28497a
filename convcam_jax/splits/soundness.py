"""What must hold of folds, whatever protocol made them: nothing is on both sides, and no set lacks what it needs."""

from collections import Counter
from collections.abc import Iterable, Sequence

from convcam_jax.corpora.config import ALL
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.splits.protocol import UNUSED, Fold
from convcam_jax.splits.words import in_folds
from convcam_jax.system.errors import named
from convcam_jax.system.progress import counted

# Beside the columns: the file that a recording is, or is cut from.
FILE = "file"
# The column of a corpus of dialogues that tells which speakers spoke with each other.
_SESSION = "session"
# No model can be right about an emotion that it does not learn: what is not done with its recordings.
_UNLEARNED = {"test": "tested", "validation": "used for validation"}


def value_of(utterance: Utterance, column: str) -> str:
    """What stands in a column, or the path of the file where that is `FILE`."""
    return str(utterance.file) if column == FILE else utterance.value(column)


def check_folds(folds: Sequence[Fold], utterances: Sequence[Utterance], apart: Sequence[str]) -> None:
    """Prove that the folds are what was promised.

    Raises ValueError if a recording is tested in two folds, or if a value of one of the columns `apart` (speaker, text,
    `FILE`) is both in a fold's test and in its training or validation. Each is a fault of the protocol.
    """
    tested_in: dict[int, str] = {}
    for fold in folds:
        for position, split in enumerate(fold.split_of):
            if split == "test":
                if position in tested_in:
                    names = f"{tested_in[position]} and {fold.name}"
                    raise ValueError(f"{utterances[position].recording} is tested in two folds: {names}")
                tested_in[position] = fold.name
        for column in apart:
            _check_apart(fold, utterances, column)


def _check_apart(fold: Fold, utterances: Sequence[Utterance], column: str) -> None:
    placed = list(zip(utterances, fold.split_of, strict=True))
    tested = {value_of(u, column) for u, split in placed if split == "test"}
    for u, split in placed:
        if split not in ("test", UNUSED) and value_of(u, column) in tested:
            raise ValueError(
                f"fold {fold.name}: {u.recording} is for {split}, and its {column} {value_of(u, column)} is in the test"
            )


def check_together(folds: Sequence[Fold], together: Sequence[str], utterances: Sequence[Utterance]) -> None:
    """Prove that the utterances that are `together` by name ("": with none) are on one side of every fold.

    Raises ValueError if some are not, which is a fault of the protocol.
    """
    for fold in folds:
        first: dict[str, tuple[str, str]] = {}
        for u, name, split in zip(utterances, together, fold.split_of, strict=True):
            if name:
                other, place = first.setdefault(name, (u.recording, split))
                if split != place:
                    raise ValueError(
                        f"fold {fold.name}: {other} is for {place} and {u.recording} for {split}, both of {name}"
                    )


def divided_files(folds: Sequence[Fold], utterances: Sequence[Utterance], groups: Sequence[str]) -> list[str]:
    """How many files have parts on two sides of a fold, and what is not true for that reason: a sentence for each.

    The test of a group's models against their training and validation; of other files, training against validation.
    """
    of_test: dict[str, None] = {}
    of_validation: dict[str, None] = {}
    for fold in folds:
        files: dict[str, set[tuple[str, str]]] = {}
        for u, group, split in zip(utterances, groups, fold.split_of, strict=True):
            files.setdefault(split, set()).add((value_of(u, FILE), group))
        tested, train, validation = (files.get(split, set()) for split in ("test", "train", "validation"))
        of_test |= dict.fromkeys(file for file, _ in sorted(tested & (train | validation)))
        of_validation |= dict.fromkeys(file for file, _ in sorted((train & validation) - tested))
    told = (
        (
            list(of_test),
            "are in the test and in training or validation as well",
            "the accuracy is not that of unknown files, as it is by --split=leave_one_speaker_out or speaker_folds",
        ),
        (
            list(of_validation),
            "are in training and in validation as well",
            "the validation accuracy, by which the epoch is chosen that is kept, is not that of unknown files",
        ),
    )
    return [f"parts of {counted(len(own), 'file')} {where} ({named(own)}): {so}" for own, where, so in told if own]


def shared_sessions(folds: Sequence[Fold], utterances: Sequence[Utterance], groups: Sequence[str]) -> list[str]:
    """In which folds a group's models learn from recordings of a session of the test, in a sentence; or nothing.

    By the column `session`, if it tells several and each speaker is in one of them, as in a corpus of dialogues.
    """
    sessions = [dict(u.attributes).get(_SESSION, "") for u in utterances]
    of_speakers = {(u.speaker, session) for u, session in zip(utterances, sessions, strict=True) if session}
    if len({speaker for speaker, _ in of_speakers}) < len(of_speakers) or len({own for _, own in of_speakers}) < 2:
        return []
    shared = []
    for fold in folds:
        placed = [own for own in zip(sessions, groups, fold.split_of, strict=True) if own[0] and own[2] != UNUSED]
        tested, learned = ({own[:2] for own in placed if (own[2] == "test") == is_test} for is_test in (True, False))
        shared += [fold.name] if tested & learned else []
    if not shared:
        return []
    return [
        f"models learn from other speakers of the test's session{in_folds(shared)}, who may be partners in its "
        "dialogues: --split=given --set=split.column=session keeps sessions apart"
    ]


def without_files_of_the_test(
    folds: Sequence[Fold], utterances: Sequence[Utterance]
) -> tuple[tuple[Fold, ...], list[str]]:
    """The folds without recordings for training or validation that are cut from a file of the test, and how many.

    In a sentence, counted over the folds; none where nothing is left out.
    """
    mended: list[Fold] = []
    n_left_out: dict[str, int] = {}
    for fold in folds:
        placed = [(value_of(u, FILE), split) for u, split in zip(utterances, fold.split_of, strict=True)]
        tested = {file for file, split in placed if split == "test"}
        split_of = tuple(UNUSED if split != "test" and file in tested else split for file, split in placed)
        mended.append(fold._replace(split_of=split_of))
        if n := _n_learned(fold) - _n_learned(mended[-1]):
            n_left_out[fold.name] = n
    if not n_left_out:
        return tuple(mended), []
    return tuple(mended), [
        f"{sum(n_left_out.values())} of {sum(map(_n_learned, folds))} recordings for training or validation, counted "
        f"over the folds, are unused{in_folds(n_left_out)}: other parts of their files are in the test there"
    ]


def _n_learned(fold: Fold) -> int:
    return sum(split not in ("test", UNUSED) for split in fold.split_of)


def without_unlearned(
    folds: Sequence[Fold], utterances: Sequence[Utterance], groups: Sequence[str]
) -> tuple[tuple[Fold, ...], list[str]]:
    """The folds without tests and validation of emotions that the group's models do not learn there.

    What is left out is told in words. A group that a fold tests nothing of then is unused in it, and a fold that tests
    nothing is left out. Where nothing is for training, nothing is done.
    """
    kept: list[Fold] = []
    left_out: dict[tuple[str, str, str], list[str]] = {}
    for fold in folds:
        placed = list(zip(groups, (u.emotion for u in utterances), fold.split_of, strict=True))
        learned = {(group, emotion) for group, emotion, split in placed if split == "train"}
        trained = {group for group, _ in learned}
        split_of = []
        for group, emotion, split in placed:
            is_unlearned = split in _UNLEARNED and group in trained and (group, emotion) not in learned
            split_of.append(UNUSED if is_unlearned else split)
            if is_unlearned:
                left_out.setdefault((split, emotion, group), []).append(fold.name)
        if "test" in split_of or "test" not in fold.split_of:
            tested = {group for group, split in zip(groups, split_of, strict=True) if split == "test"}
            of_tested = (own if group in tested else UNUSED for group, own in zip(groups, split_of, strict=True))
            kept.append(fold._replace(split_of=tuple(of_tested)))
    return tuple(kept), [
        f"{counted(len(names), 'recording')} of {emotion} of the group {group} not {_UNLEARNED[split]}"
        f"{in_folds(dict.fromkeys(names))}: none is left there for training"
        for (split, emotion, group), names in sorted(left_out.items())
    ]


def unvalidated_emotions(folds: Sequence[Fold], utterances: Sequence[Utterance], groups: Sequence[str]) -> list[str]:
    """The emotions that are in training and not in validation, and in how many folds, in a sentence; or nothing."""
    n_folds: Counter[tuple[str, str]] = Counter()
    for fold in folds:
        placed = set(zip(groups, (u.emotion for u in utterances), fold.split_of, strict=True))
        learned, validated = ({own[:2] for own in placed if own[2] == split} for split in ("train", "validation"))
        n_folds.update(learned - validated)
    if not n_folds:
        return []
    where = [
        f"{emotion} of the group {group}" + (f" in {counted(n, 'fold')}" if len(folds) > 1 else "")
        for (group, emotion), n in sorted(n_folds.items(), key=lambda item: (-item[1], item[0]))
    ]
    return [
        f"validation, by which the epoch is chosen that is kept, lacks emotions that are in training: {named(where)}"
    ]


def missing_sets(
    folds: Sequence[Fold],
    utterances: Sequence[Utterance],
    groups: Sequence[str],
    least_emotions: int,
    can_lower_parts: bool,
) -> list[str]:
    """Which groups lack recordings for training or validation in folds that test them: one sentence per group and set.

    A model needs recordings of `least_emotions` (1 or 2) for training, and a recording for validation. Whether
    validation is drawn, and `split.parts` is not yet the least that is allowed, is said by `can_lower_parts`.
    """
    lacking: dict[tuple[str, str], list[str]] = {}
    for fold in folds:
        emotions: dict[str, dict[str, set[str]]] = {}
        for u, group, split in zip(utterances, groups, fold.split_of, strict=True):
            emotions.setdefault(group, {}).setdefault(split, set()).add(u.emotion)
        for group, of_group in emotions.items():
            for split, n_least in (("train", least_emotions), ("validation", 1)):
                if "test" in of_group and len(of_group.get(split, ())) < n_least:
                    lacking.setdefault((group, split), []).append(fold.name)
    needed = "a recording" if least_emotions == 1 else "two emotions or more"
    what = {"train": f"{needed} for training", "validation": "a recording for validation"}
    to_do = {"train": "", "validation": ", or lower split.parts" if can_lower_parts else ""}
    return [
        f"the group {group} lacks {what[split]}{in_folds(names)}: add recordings"
        f"{or_other_groups([group])}{to_do[split]}"
        for (group, split), names in sorted(lacking.items())
    ]


def untested_groups(folds: Sequence[Fold], groups: Sequence[str]) -> list[str]:
    """The groups none of whose recordings is tested, in a sentence; nothing if there is none."""
    tested = {group for fold in folds for group, split in zip(groups, fold.split_of, strict=True) if split == "test"}
    untested = sorted(set(groups) - tested)
    to_do = "add recordings, or choose another --split"
    return [f"nothing is tested of the groups {named(untested)}: {to_do}"] if untested else []


def or_other_groups(groups: Iterable[str]) -> str:
    """What else may be done so that the groups have more recordings, in a list in words; nothing where all are one."""
    return "" if ALL in set(groups) else f", choose another corpus.models_per ({ALL}: one model for all recordings)"
