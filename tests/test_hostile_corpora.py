"""Corpora whose words are called as anything: they are found as they are written, and go all the way to the report."""

import os
from itertools import permutations
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
from hostile import FILE_NAMES, LIKE_OURS, LIKE_VALUES, make_listed
from run_checks import assert_whole
from small_run import QUICK, SMALL_NETWORK, finish, table

from convcam_jax.corpora.folders.wav_files import files_with
from convcam_jax.corpora.listed import ListedConfig, find_listed
from convcam_jax.corpora.utterances import Utterance, select
from convcam_jax.corpora.words.relabelling import relabel
from convcam_jax.data.dataset import Dataset
from convcam_jax.representations.features import Features
from convcam_jax.settings.config import Config
from convcam_jax.settings.overrides import apply_overrides
from convcam_jax.splits.protocol import ONLY_FOLD, Fold
from convcam_jax.stages.beginning import write_beginning
from convcam_jax.system.errors import UserError
from convcam_jax.system.formats import read_csv
from convcam_jax.system.text import one_form

HEADER = "recording,speaker,gender,emotion,text\n"


def test_recordings_of_any_name_are_found(tmp_path):
    words = [*LIKE_OURS, *LIKE_VALUES]
    speakers = words[:2]
    names = FILE_NAMES[: len(FILE_NAMES) // 4 * 4]
    make_listed(tmp_path / "corpus", speakers, words[2:4], names)
    found = find_listed(tmp_path / "corpus", "stop").utterances
    assert sorted(u.recording for u in found) == sorted(one_form(name).strip() for name in names)
    assert {u.speaker for u in found} == set(speakers)
    assert all(u.path.is_file() for u in found)


@pytest.mark.parametrize("word", [*LIKE_OURS, *LIKE_VALUES])
def test_labels_of_any_name_are_chosen_by_the_config(word, tmp_path):
    rows = f"a,{word},female,{word},{word}\nb,{word},female,other,t\n"
    (tmp_path / "wav").mkdir()
    for name in "ab":
        (tmp_path / "wav" / f"{name}.wav").touch()
    (tmp_path / "utterances.csv").write_text(HEADER + rows, encoding="utf-8")
    config = apply_overrides(Config(corpus=ListedConfig()), [f"corpus.emotions={word},other"]).corpus
    first, second = select(find_listed(tmp_path, "stop").utterances, config)
    assert (first.speaker, first.emotion, first.text, second.emotion) == (word, word, word, "other")


@pytest.mark.parametrize(
    "words",
    [("-1", "0", "1"), ("0", "-0"), ("ß", "ss"), ("\uff10", "0"), ("é", "e"), ("a_b", "a b"), ("Anger", "anger")],
)
def test_labels_that_look_alike_stay_apart_where_the_config_has_both(words):
    utterances = [Utterance(f"r{i}", "s", "female", word, "t", Path("x.wav")) for i, word in enumerate(words)]
    for emotions in permutations(words):
        found = relabel(utterances, emotions, {})
        assert [u.emotion for u in found.utterances] == list(words)
        assert found.remarks == []


def test_numbers_keep_their_sign_when_labels_are_changed():
    config = apply_overrides(Config(), ["corpus.labels=-1:low,1:high", "corpus.emotions=low,high"]).corpus
    utterances = [Utterance(word, "s", "female", word, "t", Path("x.wav")) for word in ("-1", "1")]
    found = relabel(utterances, config.emotions, config.label_changes).utterances
    assert [u.emotion for u in found] == ["low", "high"]


@pytest.mark.parametrize("name", [" in front", "behind ", "\u3000wide", "\u00a0no break"])
def test_files_with_spaces_around_their_names_are_found(name, tmp_path):
    (tmp_path / "wav").mkdir()
    (tmp_path / "wav" / f"{name}.wav").touch()
    (tmp_path / "utterances.csv").write_text(f"{HEADER}{name},s,female,e,t\n", encoding="utf-8")
    [found] = find_listed(tmp_path, "stop").utterances
    assert found.path == tmp_path / "wav" / f"{name}.wav"


@pytest.mark.parametrize(("on_disk", "in_table"), list(permutations(("NFC", "NFD"))))
def test_names_are_the_same_in_all_forms_of_unicode(on_disk, in_table, tmp_path):
    names = ("Müller_é", "한국어", "å")
    (tmp_path / "wav").mkdir()
    for name in names:
        (tmp_path / "wav" / f"{normalize(on_disk, name)}.wav").touch()
    rows = [
        f"{normalize(in_table, n)},{normalize(on_disk, 'é')},female,{normalize(in_table, 'Ärger')},t" for n in names
    ]
    (tmp_path / "utterances.csv").write_text(HEADER + "\n".join(rows), encoding="utf-8")
    config = apply_overrides(Config(corpus=ListedConfig()), [f"corpus.emotions={normalize(on_disk, 'Ärger')},x"]).corpus
    found = find_listed(tmp_path, "stop").utterances
    assert [u.recording for u in found] == sorted(names)
    assert {(u.speaker, u.emotion) for u in found} == {("é", config.emotions[0])}


@pytest.mark.parametrize("pair", [("é.wav", "e\u0301.wav"), ("a.wav", "a.WAV")])
def test_two_files_of_one_name_are_refused(pair, tmp_path):
    for name in pair:
        (tmp_path / name).touch()
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("needs a file system that tells the two names apart")
    with pytest.raises(UserError, match="have the same name; rename or remove one"):
        files_with(".wav", tmp_path)


def test_a_name_that_is_no_text_is_left_out_and_told(tmp_path):
    (tmp_path / "wav").mkdir()
    try:
        Path(os.fsdecode(bytes(tmp_path / "wav") + b"/\xff.wav")).touch()
    except OSError:
        pytest.skip("needs a file system that takes names of any bytes")
    (tmp_path / "wav" / "a.wav").touch()
    (tmp_path / "utterances.csv").write_text(HEADER + "a,s,female,e,t\n", encoding="utf-8")
    found = find_listed(tmp_path, "skip")
    assert [u.recording for u in found.utterances] == ["a"]
    assert str(found.problems[0]) == "wav/[U+DCFF].wav: utterances.csv has no row for it"
    features = Features(np.zeros((96, 4), np.float32), *[np.zeros(4)] * (len(Features._fields) - 1))
    dataset = Dataset(tuple(found.utterances), (features,), ("s",), (Fold(ONLY_FOLD, ("test",)),))
    write_beginning(tmp_path / "w", {"config": {}}, dataset, found.problems)
    skipped = read_csv(tmp_path / "w" / "skipped.csv")
    assert skipped["recording"].tolist() == ["wav/[U+DCFF].wav"]
    assert "has no row for" in skipped["problem"][0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("speakers", "emotions", "flags"),
    [
        (("total", "NA"), ("all", "1"), ("--set=corpus.models_per=all", "--split=leave_one_speaker_out")),
        (("all", "verdicts"), ("truth", "$x_{1}$ </script>"), ("--set=corpus.models_per=speaker",)),
    ],
    ids=["folds", "groups"],
)
def test_a_run_takes_any_names_to_the_report(speakers, emotions, flags, tmp_path, run_cache_dir: Path):
    names = FILE_NAMES[: len(FILE_NAMES) // 4 * 4]
    make_listed(tmp_path / "corpus", speakers, emotions, names)
    corpus = ("--corpus=listed", f"--data_dir={tmp_path / 'corpus'}", f"--set=corpus.emotions={','.join(emotions)}")
    checks = ("--set=sanity.seeds=1", "--set=sanity.shuffled_label_seeds=0", "--set=faithfulness.seeds=1")
    said = finish(
        tmp_path / "w", run_cache_dir, *corpus, *flags, *SMALL_NETWORK, *QUICK, *checks,
        "--seeds=2", "--set=corpus.max_frames=48", "--set=train.learning_rate=0.01",
    )  # fmt: skip
    assert "Warning" not in said
    in_folds = "--split=leave_one_speaker_out" in flags
    cohorts = {("all", speaker) if in_folds else (speaker, "all") for speaker in speakers}
    assert_whole(tmp_path / "w", cohorts, 2)
    utterances = table(tmp_path / "w", "utterances.csv")
    assert sorted(utterances["recording"]) == sorted(one_form(name).strip() for name in names)
    assert set(utterances["speaker"]) == set(speakers)
    tested = set(table(tmp_path / "w", "metrics.csv")["recording"])
    # Of each of the four cells a quarter, rounded down.
    assert len(tested) == (len(names) if in_folds else 4 * (len(names) // 16))
    # The recording, and at three thresholds what is marked and what is not.
    assert len(list((tmp_path / "w" / "listening").iterdir())) == 7 * len(tested)
