"""The second visitor of every door, several in a run, through the whole paper as a user starts it."""

import json
import shutil
from pathlib import Path

import audformat
import pandas as pd
import pytest
from run_checks import assert_whole
from small_run import QUICK, SMALL_CORPUS, SMALL_NETWORK, finish, table

from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.corpora.synthetic.folder import SYNTHETIC

pytestmark = pytest.mark.slow

UNCHECKED = ("--seeds=2", *QUICK, "--set=sanity.seeds=0", "--set=faithfulness.seeds=0")
FEW = ("--seeds=2", *QUICK, "--set=sanity.seeds=1", "--set=sanity.shuffled_label_seeds=0", "--set=faithfulness.seeds=1")
TWO_EMOTIONS = "--set=corpus.emotions=anger,sadness"
SMALL_MOBILENET = ("--network=mobilenet", "--set=network.width=0.05")
ONE_MODEL = "--set=corpus.models_per=all"


def speakers(workdir: Path) -> dict[str, str]:
    """The group of every speaker."""
    utterances = table(workdir, "utterances.csv")
    return dict(zip(utterances["speaker"], utterances["group"], strict=True))


def config(workdir: Path) -> dict:
    return json.loads((workdir / "config.json").read_text())["config"]


def assert_left_out_once(workdir: Path) -> None:
    """Every recording is tested, by models that have not heard its speaker."""
    folds = table(workdir, "folds.csv").merge(table(workdir, "utterances.csv")[["recording", "speaker"]])
    tested = folds[folds["split"] == "test"]
    assert set(tested["recording"]) == set(folds["recording"])
    assert (tested["speaker"] == tested["fold"]).all()
    heard = folds[folds["split"].isin(["train", "validation"])]
    assert not (heard["speaker"] == heard["fold"]).any()


def table_2_row(workdir: Path) -> tuple:
    """The network's name there, and the height and width of its maps."""
    own = table(workdir, "tables/table2.csv").iloc[0]
    return own["architecture"], own["height"], own["width"]


def test_modern(tmp_path, run_cache_dir):
    """Its network with few filters; one model for all, weights of classes besides."""
    flags = ("--protocol=modern", "--set=network.filters=4,4,4", "--set=train.warmup_epochs=0", *SMALL_CORPUS)
    balanced = ("--set=train.class_weights=balanced", ONE_MODEL)
    finish(tmp_path / "w", run_cache_dir, *UNCHECKED, *flags, *balanced)
    assert_whole(tmp_path / "w", {("all", "all")}, 2, checked=False)
    own = config(tmp_path / "w")
    assert (own["protocol"], own["network.name"]) == ("modern", "resnet_small")
    assert (own["representation.scale"], own["train.average_decay"]) == ("decibel", 0.97)


def test_all_that_a_training_can_do_on_120_bins_and_a_model_for_each_speaker(tmp_path, run_cache_dir):
    flags = (
        *("--set=representation.n_bins=120", "--set=representation.bins_per_octave=15", "--set=train.shift_bins=2"),
        *("--set=train.shift_frames=5", "--set=train.masked_bins=8", "--set=train.masked_frames=8"),
        *("--set=train.gain=1.5", "--set=train.mixup=0.2", "--set=train.label_smoothing=0.1"),
        *("--set=train.weight_decay=0.01", "--set=train.schedule=cosine", "--set=train.clip_norm=1"),
        "--set=corpus.models_per=speaker",
    )
    finish(tmp_path / "w", run_cache_dir, *UNCHECKED, *SMALL_NETWORK, *SMALL_CORPUS, *flags)
    groups = set(speakers(tmp_path / "w"))
    assert len(groups) == 2
    assert_whole(tmp_path / "w", {(group, "all") for group in groups}, 2, checked=False)


def test_speaker_folds_of_crnn_on_gammatone(tmp_path, run_cache_dir):
    split = (
        "--split=speaker_folds",
        "--set=split.n_folds=2",
        "--set=corpus.speakers_per_gender=2",
        TWO_EMOTIONS,
        ONE_MODEL,
    )
    gammatone = ("--representation=gammatone", "--set=representation.scale=decibel")
    gammatone += ("--set=representation.standardisation=per_bin", "--set=corpus.max_frames=202")
    finish(tmp_path / "w", run_cache_dir, *FEW, "--network=crnn", *split, *gammatone)
    own = config(tmp_path / "w")
    assert (own["network.name"], own["representation.name"]) == ("crnn", "gammatone")
    assert {12, 51} <= set(table_2_row(tmp_path / "w"))
    assert_whole(tmp_path / "w", {("all", fold) for fold in "12"}, 2)
    folds = table(tmp_path / "w", "folds.csv").merge(table(tmp_path / "w", "utterances.csv")[["recording", "speaker"]])
    for _, of_fold in folds.groupby("fold"):
        tested = set(of_fold.loc[of_fold["split"] == "test", "speaker"])
        assert len(tested) == 2
        assert not tested & set(of_fold.loc[of_fold["split"].isin(["train", "validation"]), "speaker"])
    accuracy = table(tmp_path / "w", "tables/accuracy.csv")
    everyone = accuracy[(accuracy["group"] == "all") & (accuracy["measure"] == "accuracy")].iloc[0]
    answers = table(tmp_path / "w", "predictions.csv")
    assert everyone["mean"] == pytest.approx(100 * (answers["truth"] == answers["predicted"]).mean())
    assert everyone["n_recordings"] == len(table(tmp_path / "w", "utterances.csv"))


def test_stft_of_tess_of_one_gender_and_two_speakers_and_shuffled_labels(tmp_path, run_cache_dir, tess_dir):
    corpus = ("--corpus=tess", f"--data_dir={tess_dir}", "--set=corpus.emotions=disgust,surprise")
    others = ("--split=leave_one_speaker_out", "--set=sanity.shuffled_label_seeds=1")
    stft = ("--representation=stft", "--set=representation.standardisation=global")
    finish(tmp_path / "w", run_cache_dir, *FEW, *SMALL_NETWORK, *corpus, *others, *stft)
    assert config(tmp_path / "w")["representation.name"] == "stft"
    assert_whole(tmp_path / "w", {("female", "OAF"), ("female", "YAF")}, 2)
    assert_left_out_once(tmp_path / "w")
    assert set(table(tmp_path / "w", "utterances.csv")["attribute/age"]) == {"26", "64"}


def test_all_doors_at_once(tmp_path, run_cache_dir, ravdess_dir):
    corpus = ("--corpus=ravdess", f"--data_dir={ravdess_dir}", "--set=corpus.emotions=calm,surprise")
    others = (*SMALL_MOBILENET, "--representation=mel", "--split=leave_one_speaker_out")
    finish(tmp_path / "w", run_cache_dir, *FEW, *corpus, *others)
    groups = speakers(tmp_path / "w")
    assert len(groups) >= 4
    assert_whole(tmp_path / "w", {(group, speaker) for speaker, group in groups.items()}, 2)
    assert_left_out_once(tmp_path / "w")
    utterances = table(tmp_path / "w", "utterances.csv")
    assert set(utterances["emotion"]) == {"calm", "surprise"}
    assert set(utterances["attribute/intensity"]) == {"normal", "strong"}
    assert table_2_row(tmp_path / "w")[0] == "MobileNet"


@pytest.fixture
def women(tmp_path, run_cache_dir) -> Path:
    """A corpus of one's own: the women of the embedded one."""
    own = SyntheticConfig(speakers_per_gender=1)
    utterances = [u for u in SYNTHETIC.find(own, run_cache_dir, 16000).utterances if u.gender == "female"]
    folder = tmp_path / "women"
    (folder / "wav").mkdir(parents=True)
    for utterance in utterances:
        shutil.copy(utterance.path, folder / "wav")
    pd.DataFrame(utterances)[["recording", "speaker", "gender", "emotion", "text"]].to_csv(
        folder / "utterances.csv", index=False
    )
    return folder


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_coarsest_map_of_table_2_on_vqt_of_a_database_with_other_words_and_without_genders(
    tmp_path, run_cache_dir, women
):
    utterances = pd.read_csv(women / "utterances.csv")
    database = audformat.Database("women")
    database["files"] = audformat.Table(audformat.filewise_index([f"wav/{r}.wav" for r in utterances["recording"]]))
    words = {"anger": "Wut", "sadness": "Trauer", "fear": "Schreck"}
    for column, values in {"emotion": utterances["emotion"].map(words), "speaker": utterances["speaker"]}.items():
        database["files"][column] = audformat.Column()
        database["files"][column].set(values.tolist())
    database.save(str(women))
    corpus = ("--corpus=audformat", f"--data_dir={women}", "--set=corpus.labels=Schreck:fear")
    emotions = ("--set=corpus.emotions=anger,fear,sadness", "--set=corpus.max_frames=202", ONE_MODEL)
    network = ("--network=inceptionv3", "--set=network.width=0.0625", "--representation=vqt")
    said = finish(tmp_path / "w", run_cache_dir, *UNCHECKED, *corpus, *emotions, *network)
    assert table_2_row(tmp_path / "w") == ("InceptionV3", 1, 4)
    assert_whole(tmp_path / "w", {("all", "all")}, 2, checked=False)
    assert "Schreck for fear (4), Trauer for sadness (4), Wut for anger (4)" in said
    assert set(table(tmp_path / "w", "utterances.csv")["emotion"]) == {"anger", "fear", "sadness"}
