"""What must hold of the folds of every protocol: sides that are apart, tests once, and sets that are not empty."""

from collections import Counter
from pathlib import Path

import pytest
from random_corpora import EMOTIONS, random_utterances

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.splits import SPLIT_PROTOCOLS
from convcam_jax.splits.dividing import divide
from convcam_jax.splits.given import Given
from convcam_jax.splits.held_out import fold_that_tests, grouped_utterances
from convcam_jax.splits.leave_one_speaker_out import LeaveOneSpeakerOut
from convcam_jax.splits.per_cell import PerCell
from convcam_jax.splits.protocol import ONLY_FOLD, UNUSED, Fold, Proposal, SplitProtocol
from convcam_jax.splits.soundness import (
    FILE,
    check_folds,
    check_together,
    divided_files,
    missing_sets,
    unvalidated_emotions,
    without_files_of_the_test,
    without_unlearned,
)
from convcam_jax.splits.speaker_folds import SpeakerFolds
from convcam_jax.system.errors import UserError

PROTOCOLS = [
    *(kind() for name, kind in SPLIT_PROTOCOLS.items() if name not in ("given", "speaker_folds")),
    SpeakerFolds(n_folds=3),
    Given(column="split"),
    Given(column="fold"),
]
# What each of the project's protocols promises to be apart, as the documents have it; another is taken at its word.
PROMISED = {
    "per_cell": (),
    "leave_one_speaker_out": ("speaker", FILE),
    "speaker_folds": ("speaker", FILE),
    "leave_one_text_out": ("text", FILE),
    "given": (),
    "cross_corpus": ("corpus", "speaker", FILE),
}


def known(utterance: Utterance, column: str) -> object:
    if column == FILE:
        return utterance.path
    attributes = dict(utterance.attributes)
    return attributes[column] if column in attributes else getattr(utterance, column)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("models_per", ["gender", "all"])
@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda own: f"{own.name} {getattr(own, 'column', '')}")
def test_the_folds_of_random_corpora_keep_what_is_promised(protocol, models_per, seed):
    utterances = random_utterances(seed)
    groups = [u.gender if models_per == "gender" else "all" for u in utterances]
    folds = divide(protocol, utterances, groups).folds
    tested = Counter()
    for fold in folds:
        sides = {"test": [], "train": [], "validation": [], UNUSED: []}
        for u, group, split in zip(utterances, groups, fold.split_of, strict=True):
            sides[split].append((u, group))
        tested.update(u.recording for u, _ in sides["test"])
        learned = sides["train"] + sides["validation"]
        for column in PROMISED.get(protocol.name, protocol.apart):
            assert not {known(u, column) for u, _ in sides["test"]} & {known(u, column) for u, _ in learned}
        for group in {group for _, group in sides["test"]}:
            emotions = {split: {u.emotion for u, own in members if own == group} for split, members in sides.items()}
            assert emotions["test"] <= emotions["train"]
            assert emotions["validation"]
    assert set(tested.values()) == {1}
    if protocol.name in ("leave_one_speaker_out", "speaker_folds", "leave_one_text_out"):
        # All but what no other recording of the group teaches.
        untaught = {u.recording for u in utterances} - set(tested)
        assert len(untaught) < len(utterances) / 10


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda own: f"{own.name} {getattr(own, 'column', '')}")
def test_neither_the_order_of_the_recordings_nor_the_process_changes_the_folds(protocol):
    utterances = random_utterances(3)
    folds = divide(protocol, utterances, ["all"] * len(utterances)).folds
    turned = divide(protocol, utterances[::-1], ["all"] * len(utterances)).folds
    assert [(fold.name, fold.split_of[::-1]) for fold in turned] == list(folds)


def utterance(name: str, speaker: str, emotion: str = "anger", text: str = "t", file: str = "") -> Utterance:
    return Utterance(name, speaker, "female", emotion, text, Path("/", file or f"{name}.wav"))


FOUR = [utterance("a", "1"), utterance("b", "1", text="u"), utterance("c", "2"), utterance("d", "2", file="a.wav")]


@pytest.mark.parametrize("split", ["train", "validation"])
@pytest.mark.parametrize(
    ("column", "value", "apart", "together"),
    [
        ("speaker", "1", ("test", "test", "x", "x"), ("test", "x", "unused", "unused")),
        ("text", "t", ("test", "x", "test", "unused"), ("test", "x", "x", "unused")),
        ("file", r"/a\.wav", ("test", "x", "x", "test"), ("test", "x", "unused", "x")),
    ],
)
def test_the_check_finds_a_value_on_both_sides(split, column, value, apart, together):
    def fold(places):
        return Fold("1", tuple(split if place == "x" else place for place in places))

    check_folds([fold(apart)], FOUR, [column])
    with pytest.raises(ValueError, match=f"fold 1: . is for {split}, and its {column} {value} is in the test"):
        check_folds([fold(together)], FOUR, [column])
    check_folds([fold(together)], FOUR, [])


def test_the_check_finds_what_is_tested_twice():
    folds = [Fold("1", ("test", "train", UNUSED, UNUSED)), Fold("2", ("test", "train", UNUSED, UNUSED))]
    with pytest.raises(ValueError, match="a is tested in two folds: 1 and 2"):
        check_folds(folds, FOUR, [])


def parts_of_files(n_files: int, n_parts: int, emotions: tuple[str, ...] = ("anger", "fear")) -> list[Utterance]:
    """Parts of files, those of a file in one emotion, by one speaker."""
    return [
        utterance(f"{e}{file}_{part}", "1", e, file=f"{e}{file}.wav")._replace(start_s=float(part), end_s=part + 1.0)
        for e in emotions
        for file in range(n_files)
        for part in range(n_parts)
    ]


@pytest.mark.parametrize("n_parts", [1, 2, 5])
@pytest.mark.parametrize("n_files", [4, 7, 12])
@pytest.mark.parametrize("seed", range(5))
def test_parts_of_a_file_stay_together_where_there_are_enough_files(n_files, n_parts, seed):
    utterances = parts_of_files(n_files, n_parts)
    (fold,), warnings = divide(PerCell(seed=seed), utterances, ["all"] * len(utterances))
    assert warnings == ()
    sides: dict[str, set[str]] = {}
    for u, split in zip(utterances, fold.split_of, strict=True):
        sides.setdefault(str(u.path), set()).add(split)
    assert all(len(own) == 1 for own in sides.values())
    # As many whole files as fit.
    n_expected = 2 * n_parts * (n_files // 4 if n_parts == 1 else n_files * n_parts // 4 // n_parts)
    assert Counter(fold.split_of)["test"] == Counter(fold.split_of)["validation"] == n_expected


def test_files_of_different_lengths_leave_no_side_larger_than_its_share():
    for seed in range(20):
        utterances = [u for u in parts_of_files(8, 6) if int(u.recording[-1]) <= int(u.recording[-3]) % 6]
        (fold,), warnings = divide(PerCell(seed=seed), utterances, ["all"] * len(utterances))
        assert warnings == ()
        placed = Counter((u.emotion, split) for u, split in zip(utterances, fold.split_of, strict=True))
        for emotion in ("anger", "fear"):
            n = sum(own for (of, _), own in placed.items() if of == emotion)
            assert 1 <= placed[emotion, "test"] <= n // 4
            assert placed[emotion, "validation"] <= n // 4


def test_what_cannot_stay_together_is_told():
    few = parts_of_files(3, 4)
    (fold,), (warning, _) = divide(PerCell(), few, ["all"] * len(few))
    assert Counter(fold.split_of) == {"train": 12, "validation": 6, "test": 6}
    assert "files are in the test and in training or validation as well (/anger" in warning
    assert "--split=leave_one_speaker_out or speaker_folds" in warning
    # A dialogue: emotions follow one another in a file.
    dialogues = [u._replace(path=Path(f"/dialogue{u.recording[-3]}.wav")) for u in parts_of_files(8, 1)]
    dialogues = [u._replace(start_s=float(k)) for k, u in enumerate(dialogues)]
    _, (of_test, of_validation) = divide(PerCell(), dialogues, ["all"] * len(dialogues))
    assert "files are in the test and in training or validation as well (/dialogue" in of_test
    assert "files are in training and in validation as well (/dialogue" in of_validation


def test_files_on_two_sides_are_counted_by_what_is_not_true_for_them():
    """File 0 is on all sides, 1 in training and validation, 2 in the test and out of use, 3 whole."""
    sides = {0: ("train", "validation", "test"), 1: ("train", "validation"), 2: ("test", UNUSED), 3: ("train", "train")}
    utterances = [
        Utterance(f"{file}_{part}", "a", "female", "anger", "t", Path(f"/{file}.wav"), (), part, part + 1.0)
        for file, own in sides.items()
        for part in range(len(own))
    ]
    fold = Fold(ONLY_FOLD, tuple(side for own in sides.values() for side in own))
    assert divided_files([fold], utterances, ["all"] * 9) == [
        "parts of 1 file are in the test and in training or validation as well (/0.wav): the accuracy is not that of "
        "unknown files, as it is by --split=leave_one_speaker_out or speaker_folds",
        "parts of 1 file are in training and in validation as well (/1.wav): the validation accuracy, by which the "
        "epoch is chosen that is kept, is not that of unknown files",
    ]
    assert divided_files([fold._replace(split_of=("train",) * 9)], utterances, ["all"] * 9) == []


def test_parts_of_a_file_for_different_models_are_not_told():
    """What is in the training of one group's models and in the test of another's is known to neither from the other."""
    utterances = [u for u in parts_of_files(1, 4) if u.emotion == "anger"]
    fold = Fold(ONLY_FOLD, ("train", "train", "test", "test"))
    assert divided_files([fold], utterances, ["x", "x", "y", "y"]) == []
    assert len(divided_files([fold], utterances, ["x", "y", "x", "y"])) == 1


def test_the_check_finds_parts_that_were_promised_to_stay_together():
    names = ("a", "a", "", "b")
    check_together([Fold("1", ("test", "test", "train", "train"))], names, FOUR)
    check_together([Fold("1", ("test", "test", "test", UNUSED))], names, FOUR)
    for split in ("train", "validation", UNUSED):
        with pytest.raises(ValueError, match=f"fold 1: a is for test and b for {split}, both of a"):
            check_together([Fold("1", ("test", split, "train", "train"))], names, FOUR)


class Parting(PerCell):
    """A protocol that promises more than it keeps."""

    def together(self, utterances, groups):
        return ("all",) * len(utterances)

    def propose(self, utterances, groups):
        return PerCell().propose(utterances, groups)


def test_no_protocol_gets_past_the_check_of_what_is_together():
    utterances = parts_of_files(4, 1)
    with pytest.raises(ValueError, match="both of all"):
        divide(Parting(), utterances, ["all"] * len(utterances))


class Leaking(SplitProtocol):
    """A protocol that does not keep its promise."""

    @property
    def apart(self):
        return ("speaker",)

    def propose(self, utterances, groups):
        splits = ("train", "validation", "test", "train", "validation", "test")
        return Proposal((Fold(ONLY_FOLD, splits),))


def test_no_protocol_gets_past_the_check():
    utterances = [utterance(f"{e}{k}", str(k), e) for e in ("anger", "fear") for k in (1, 1, 2)]
    divide(Leaking("leaking"), utterances, ["all"] * 6)
    utterances[2] = utterances[2]._replace(speaker="1")
    with pytest.raises(ValueError, match="its speaker 1 is in the test"):
        divide(Leaking("leaking"), utterances, ["all"] * 6)


def test_what_is_cut_from_a_file_of_the_test_is_unused():
    folds = [Fold("1", ("test", "train", "validation", "train")), Fold("2", ("train", "test", "train", UNUSED))]
    (first, second), told = without_files_of_the_test(folds, FOUR)
    assert first.split_of == ("test", "train", "validation", UNUSED)
    assert second == folds[1]
    assert told == [
        "1 of 5 recordings for training or validation, counted over the folds, are unused in fold 1: other parts of "
        "their files are in the test there"
    ]
    assert without_files_of_the_test(folds[1:], FOUR) == ((folds[1],), [])


@pytest.mark.parametrize("protocol", [LeaveOneSpeakerOut(), SpeakerFolds(n_folds=2)], ids=["one", "folds"])
def test_that_dialogues_leave_less_for_training_is_told(protocol):
    """Two speakers in each of four files, and eight recordings of each in every emotion."""
    utterances = [
        Utterance(f"{who}{e}{k}", who, "female", e, "t", Path(f"/{file}.wav"), (), float(k), k + 1.0)
        for file in range(4)
        for who in (f"a{file}", f"b{file}")
        for e in EMOTIONS[:2]
        for k in range(8)
    ]
    folds, warnings = divide(protocol, utterances, ["all"] * len(utterances))
    [told] = [warning for warning in warnings if "counted over the folds" in warning]
    tested = [{u.file for u, own in zip(utterances, fold.split_of, strict=True) if own == "test"} for fold in folds]
    unused = [fold.split_of.count(UNUSED) for fold in folds]
    assert unused == [
        sum(u.file in own for u in utterances) - fold.split_of.count("test")
        for own, fold in zip(tested, folds, strict=True)
    ]
    n_others = sum(len(utterances) - fold.split_of.count("test") for fold in folds)
    assert told.startswith(f"{sum(unused)} of {n_others} recordings for training or validation, counted over the folds")


def test_an_emotion_is_tested_where_the_group_learns_it():
    emotions = ("anger", "fear", "anger", "fear", "anger")
    utterances = [utterance(str(k), str(k), emotion) for k, emotion in enumerate(emotions)]
    groups = ["x", "x", "x", "y", "y"]
    folds = [
        Fold("1", ("test", "test", "train", "train", UNUSED)),
        Fold("2", ("train", "test", "train", UNUSED, UNUSED)),
        Fold("3", ("train", "train", "validation", "test", UNUSED)),
    ]
    kept, words = without_unlearned(folds, utterances, groups)
    # The second fold tests nothing then; in the third nothing of y is for training, which is another matter.
    assert [fold.name for fold in kept] == ["1", "3"]
    # What is not tested in a fold has no model there.
    assert kept[0].split_of == ("test", UNUSED, "train", UNUSED, UNUSED)
    assert kept[1].split_of == (UNUSED, UNUSED, UNUSED, "test", UNUSED)
    assert words == ["2 recordings of fear of the group x not tested in folds 1, 2: none is left there for training"]

    def lacking(needed: str, to_do: str) -> list[str]:
        groups_too = f"add recordings, choose another corpus.models_per (all: one model for all recordings){to_do}"
        return [f"the group {group} lacks {needed} in fold {fold}: {groups_too}" for group, fold in ("x1", "y3")]

    validated = lacking("a recording for validation", ", or lower split.parts")
    assert missing_sets(kept, utterances, groups, least_emotions=1, can_lower_parts=True) == [
        validated[0],
        lacking("a recording for training", "")[1],
        validated[1],
    ]
    trained = lacking("two emotions or more for training", "")
    assert missing_sets(kept, utterances, groups, least_emotions=2, can_lower_parts=True) == [
        trained[0],
        validated[0],
        trained[1],
        validated[1],
    ]
    assert all("models_per" not in words for words in missing_sets(kept, utterances, ["all"] * len(groups), 2, True))
    assert not any("split.parts" in words for words in missing_sets(kept, utterances, groups, 2, can_lower_parts=False))


def test_emotions_that_are_in_training_and_not_in_validation_are_counted_in_a_sentence():
    emotions = ("anger", "fear", "anger", "fear", "anger", "fear")
    utterances = [utterance(str(k), str(k), emotion) for k, emotion in enumerate(emotions)]
    groups = ["x", "x", "x", "x", "y", "y"]
    folds = [
        Fold("1", ("train", "train", "validation", "test", "train", "test")),
        Fold("2", ("train", "train", "test", "validation", UNUSED, "train")),
        Fold("3", ("train", "train", "validation", "test", UNUSED, UNUSED)),
    ]
    what = "validation, by which the epoch is chosen that is kept, lacks emotions that are in training: "
    several = (
        "fear of the group x in 2 folds, anger of the group x in 1 fold, anger of the group y in 1 fold and 1 more"
    )
    assert unvalidated_emotions(folds, utterances, groups) == [what + several]
    assert unvalidated_emotions(folds[2:], utterances, groups) == [f"{what}fear of the group x"]
    assert unvalidated_emotions(folds[2:], utterances[:1] * 6, groups) == []


def test_no_split_keeps_it_to_itself_that_validation_lacks_an_emotion():
    columns = {("train", "anger"): 4, ("train", "fear"): 4, ("dev", "anger"): 2, ("test", "fear"): 2}
    utterances = [
        utterance(f"{split}{e}{k}", split, e)._replace(attributes=(("split", split),))
        for (split, e), n in columns.items()
        for k in range(n)
    ]
    [told] = divide(Given(), utterances, ["all"] * len(utterances)).warnings
    assert told.endswith("lacks emotions that are in training: fear of the group all")


FEW_OF_EACH = [LeaveOneSpeakerOut(), SpeakerFolds(n_folds=5), LeaveOneSpeakerOut(parts=2)]


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("protocol", FEW_OF_EACH, ids=["one", "folds", "halves"])
def test_emotions_of_which_no_speaker_has_enough_are_validated_by_their_share(protocol, n):
    """Twenty speakers with four recordings of anger and `n` of sadness and of fear."""
    sizes = {"anger": 4, "sadness": n, "fear": n}
    utterances = [utterance(f"{s}{e}{k}", f"{s:02d}", e) for s in range(20) for e, m in sizes.items() for k in range(m)]
    folds, warnings = divide(protocol, utterances, ["all"] * len(utterances))
    assert warnings == ()
    n_learned = 16 if isinstance(protocol, SpeakerFolds) else 19
    for fold in folds:
        validated = Counter(u.emotion for u, s in zip(utterances, fold.split_of, strict=True) if s == "validation")
        # With halves three recordings are enough to draw one of each speaker's.
        own = n_learned if (n, protocol.parts) == (3, 2) else n_learned * n // protocol.parts
        assert validated == {"anger": n_learned * 4 // protocol.parts, "sadness": own, "fear": own}


def test_one_recording_of_each_speaker_and_emotion_is_enough():
    utterances = [utterance(f"{s}{e}", f"{s:02d}", e) for s in range(40) for e in EMOTIONS]
    for protocol, n_validated in ((LeaveOneSpeakerOut(), 9), (SpeakerFolds(), 8)):
        for fold in divide(protocol, utterances, ["all"] * len(utterances)).folds:
            assert fold.split_of.count("validation") == 3 * n_validated
    # The least that parts may be leaves nothing to be advised but more recordings.
    two = [u for u in utterances if u.speaker in ("00", "01")]
    with pytest.raises(UserError, match=r"lacks a recording for validation in folds 00, 01: add recordings$"):
        divide(LeaveOneSpeakerOut(parts=2), two, ["all"] * len(two))


def test_each_recording_is_validated_equally_often_where_speakers_are_drawn():
    """Twelve speakers with one recording, twelve with two, twelve with three: 18 of 72 are for validation."""
    utterances = [utterance(f"{s:02d}{k}", f"{s:02d}") for s in range(36) for k in range(s % 3 + 1)]
    counts: Counter[str] = Counter()
    utterances.append(utterance("tested", "36"))
    is_tested = [u.speaker == "36" for u in utterances]
    for seed in range(300):
        grouped = grouped_utterances(utterances, ["all"] * 73, seed, parts=4)
        fold = fold_that_tests("1", is_tested, [not own for own in is_tested], grouped)
        validated = [u for u, split in zip(utterances, fold.split_of, strict=True) if split == "validation"]
        assert len({u.speaker for u in validated}) == len(validated) == 18
        counts.update(u.recording for u in validated)
    of_sizes = [sum(counts[u.recording] for u in utterances if int(u.speaker) % 3 == size) for size in range(3)]
    # In 300 draws a quarter of 12, 24 and 36 recordings each time.
    assert of_sizes == pytest.approx([900, 1800, 2700], abs=90)


def test_every_reason_is_in_one_line():
    utterances = [utterance(f"{s}{e}{k}", s, e) for s in "12" for e in EMOTIONS for k in range(2)]
    with pytest.raises(UserError) as error:
        divide(LeaveOneSpeakerOut(), utterances, [u.speaker for u in utterances])
    assert "\n" not in str(error.value)
