"""IEMOCAP as it is distributed: labels of dialogues, transcripts, turns without agreement."""

import errno
from pathlib import Path

import pytest
from corpus_folders import find, touch

from convcam_jax.corpora.iemocap import IEMOCAP, IemocapConfig
from convcam_jax.corpora.utterances import Utterance, select
from convcam_jax.corpora.words.relabelling import relabel
from convcam_jax.splits.dividing import divide
from convcam_jax.splits.given import Given
from convcam_jax.splits.leave_one_speaker_out import LeaveOneSpeakerOut
from convcam_jax.splits.speaker_folds import SpeakerFolds
from convcam_jax.system.errors import RecordingError, UserError

HEAD = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
VOTES = "C-E2:\tNeutral;\t()\nC-F1:\tNeutral;\t(curious)\nA-E3:\tval 3; act 2; dom  2;\t()\n\n"


def turn_wav(turn: str) -> str:
    session, dialogue = turn[4], turn.rpartition("_")[0]
    return f"Session{session}/sentences/wav/{dialogue}/{turn}.wav"


def make(folder: Path, codes: dict[str, str], spoken: str = "") -> dict[str, Path]:
    """Files of turns, with label files of their codes, and a transcript for the dialogue of the first."""
    dialogues: dict[str, str] = {}
    for turn, code in codes.items():
        dialogue = turn.rpartition("_")[0]
        dialogues.setdefault(dialogue, HEAD)
        dialogues[dialogue] += f"[6.2901 - 8.2357]\t{turn}\t{code}\t[2.5000, 3.0000, 4.5000]\n{VOTES}"
    for dialogue, lines in dialogues.items():
        [path] = touch(folder, [f"Session{dialogue[4]}/dialog/EmoEvaluation/{dialogue}.txt"])
        path.write_text(lines)
    if spoken:
        [path] = touch(folder, [f"Session1/dialog/transcriptions/{next(iter(dialogues))}.txt"])
        path.write_text(spoken, encoding="latin-1")
    return dict(zip(codes, touch(folder, map(turn_wav, codes)), strict=True))


def test_the_usual_four_classes_are_the_defaults():
    config = IemocapConfig()
    assert config.emotions == ("anger", "happiness", "neutral", "sadness")
    assert config.labels == ("excitement:happiness",)


def test_labels_names_and_transcripts_tell_all_that_is_known(tmp_path):
    spoken = (
        "Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me, Señor.\n"
        "Ses01F_impro01_MXX0 [007.1-008.2]: Hm.\nM: I don't know.\n"
    )
    paths = make(
        tmp_path,
        {"Ses01F_impro01_F000": "neu", "Ses01F_impro01_M001": "fru", "Ses05M_script01_1b_M012": "exc"},
        spoken,
    )
    scores = (("valence", "2.5000"), ("activation", "3.0000"), ("dominance", "4.5000"))
    improvised, scripted = ("style", "improvised"), ("style", "scripted")
    expected = [
        ("Ses01F_impro01_F000", "Ses01F", "female", "neutral", "impro01", "1", improvised, "Excuse me, Señor."),
        ("Ses01F_impro01_M001", "Ses01M", "male", "frustration", "impro01", "1", improvised, ""),
        ("Ses05M_script01_1b_M012", "Ses05M", "male", "excitement", "script01_1", "5", scripted, ""),
    ]
    found = find("iemocap", tmp_path)
    assert found.problems == []
    assert found.utterances == [
        Utterance(
            turn, who, gender, emotion, text, paths[turn], (("session", session), style, ("words", words), *scores)
        )
        for turn, who, gender, emotion, text, session, style, words in expected
    ]


def test_labels_of_a_session_that_cannot_be_read_are_told(tmp_path, monkeypatch):
    make(tmp_path, {"Ses01F_impro01_F000": "neu", "Ses02F_impro01_F000": "neu"})
    closed, children = tmp_path / "Session2" / "dialog" / "EmoEvaluation", Path.iterdir

    def refuse(folder):
        if folder == closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return children(folder)

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(UserError, match=rf"^{closed}: cannot be read; change its permissions"):
        find("iemocap", tmp_path)


@pytest.mark.parametrize("letter", ["", "a", "b"])
@pytest.mark.parametrize("scenario", ["impro05", "impro08", "script01_1", "script02_2", "script03_1"])
def test_dialogues_of_one_scenario_are_one_text(scenario, letter, tmp_path):
    make(tmp_path, {f"Ses03M_{scenario}{letter}_{who}000": "neu" for who in "FM"})
    assert [u.text for u in find("iemocap", tmp_path).utterances] == [scenario] * 2


@pytest.mark.parametrize(
    ("code", "emotion"),
    [
        ("ang", "anger"),
        ("dis", "disgust"),
        ("exc", "excitement"),
        ("fea", "fear"),
        ("fru", "frustration"),
        ("hap", "happiness"),
        ("neu", "neutral"),
        ("oth", "other"),
        ("sad", "sadness"),
        ("sur", "surprise"),
        ("xxx", "no agreement"),
    ],
)
def test_every_code_has_its_word(code, emotion, tmp_path):
    make(tmp_path, {"Ses03F_impro02_F001": code})
    assert [u.emotion for u in find("iemocap", tmp_path).utterances] == [emotion]


def test_excitement_is_merged_into_happiness_unless_the_config_says_otherwise(tmp_path):
    turns = {f"Ses01F_impro0{k}_F000": code for k, code in enumerate(("hap", "exc", "ang", "xxx"))}
    make(tmp_path, turns)
    utterances = find("iemocap", tmp_path).utterances
    config = IemocapConfig(emotions=("anger", "happiness"))
    merged = relabel(utterances, config.emotions, config.label_changes)
    assert [u.emotion for u in select(merged.utterances, config)] == ["happiness", "happiness", "anger"]
    assert merged.remarks == ["emotions called by other words, and their recordings: excitement for happiness (1)"]
    apart = IemocapConfig(emotions=("anger", "happiness", "excitement"), labels=())
    kept = relabel(utterances, apart.emotions, apart.label_changes)
    assert [u.emotion for u in select(kept.utterances, apart)] == ["happiness", "excitement", "anger"]
    assert kept.remarks == []


def three_sessions(folder: Path) -> list[Utterance]:
    """Eight turns of both speakers of three dialogues, in two emotions."""
    turns = [f"Ses0{session}F_impro01_{who}00{k}" for session in (1, 2, 3) for who in "FM" for k in range(8)]
    make(folder, {turn: "neu" if int(turn[-1]) % 2 else "ang" for turn in turns})
    return find("iemocap", folder).utterances


def test_a_fold_of_a_session_tests_both_of_its_speakers_by_models_of_the_other_sessions(tmp_path):
    utterances = three_sessions(tmp_path)
    folds, warnings = divide(Given(column="session"), utterances, ["all"] * len(utterances))
    assert [fold.name for fold in folds] == ["1", "2", "3"]
    for fold in folds:
        tested = [split == "test" for split in fold.split_of]
        assert tested == [u.value("session") == fold.name for u in utterances]
        assert set(fold.split_of) == {"train", "validation", "test"}
    assert warnings == ("folds by the column session: 1 (16), 2 (16), 3 (16)",)


def test_models_that_learn_from_the_partner_of_a_test_speaker_are_told(tmp_path):
    utterances = three_sessions(tmp_path)
    [told] = divide(LeaveOneSpeakerOut(), utterances, ["all"] * len(utterances)).warnings
    assert told == (
        "models learn from other speakers of the test's session in folds Ses01F, Ses01M, Ses02F and 3 more, who may be "
        "partners in its dialogues: --split=given --set=split.column=session keeps sessions apart"
    )
    assert len(divide(SpeakerFolds(n_folds=6), utterances, ["all"] * len(utterances)).warnings) == 1
    # The partner is of the other gender, whose models are others.
    assert divide(LeaveOneSpeakerOut(), utterances, [u.gender for u in utterances]).warnings == ()
    # Numbers of each speaker's own sessions say nothing of partners.
    own = [u._replace(attributes=(("session", u.recording[-1]),)) for u in utterances]
    assert divide(LeaveOneSpeakerOut(), own, ["all"] * len(own)).warnings == ()


def test_files_of_the_system_and_of_single_listeners_are_no_labels(tmp_path):
    make(tmp_path, {"Ses01F_impro01_F000": "neu"})
    others = ["._Ses01F_impro01.txt", "Categorical/Ses01F_impro01_e2_cat.txt"]
    for path in touch(tmp_path, [f"Session1/dialog/EmoEvaluation/{other}" for other in others]):
        path.write_text("[6.2901 - 8.2357]\tSes01F_impro01_F009\tneu\t[2.5000, 2.5000, 2.5000]\n")
    assert [u.recording for u in find("iemocap", tmp_path).utterances] == ["Ses01F_impro01_F000"]


def test_a_turn_without_its_recording_stops_or_is_left_out(tmp_path):
    paths = make(tmp_path, {"Ses01F_impro01_F000": "neu", "Ses01F_impro01_F001": "neu"})
    paths["Ses01F_impro01_F001"].unlink()
    with pytest.raises(RecordingError, match=r"Ses01F_impro01_F001: .*F001\.wav is missing; put it there or"):
        find("iemocap", tmp_path)
    found = find("iemocap", tmp_path, on_error="skip")
    assert [u.recording for u in found.utterances] == ["Ses01F_impro01_F000"]
    assert [(p.recording, p.kind) for p in found.problems] == [("Ses01F_impro01_F001", "missing")]


def test_an_unknown_code_is_named(tmp_path):
    make(tmp_path, {"Ses01F_impro01_F000": "abc"})
    with pytest.raises(
        RecordingError, match=r"Ses01F_impro01_F000: its label \(abc\) or its name is not one of IEMOCAP"
    ):
        find("iemocap", tmp_path)


def test_without_labels_it_says_how_to_get_them(tmp_path):
    touch(tmp_path, [turn_wav("Ses01F_impro01_F000")])
    with pytest.raises(UserError) as caught:
        find("iemocap", tmp_path)
    assert "there are no labels in Session*/dialog/EmoEvaluation/*.txt; ask for IEMOCAP at sail.usc" in str(
        caught.value
    )


def test_one_folder_too_deep_is_said_to_be_so(tmp_path):
    make(tmp_path, {"Ses01F_impro01_F000": "neu"})
    with pytest.raises(UserError, match="Session1: is the folder of one session; give the folder that it lies in"):
        find("iemocap", tmp_path / "Session1")


def test_there_are_five_women_and_five_men():
    assert len(IEMOCAP.speakers) == len(set(IEMOCAP.speakers)) == 10
    assert sum(speaker.endswith("F") for speaker in IEMOCAP.speakers) == 5
