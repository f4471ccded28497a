"""Where a corpus is found, which recordings are used, and what a run begins with."""

import datetime
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.data.dataset import Dataset
from convcam_jax.representations.features import Features
from convcam_jax.settings.config import Config, CorpusConfig, SyntheticConfig
from convcam_jax.stages import preparation
from convcam_jax.system.errors import RecordingError, UserError
from convcam_jax.system.files import PARTIAL_PREFIX

CONFIG = Config(corpus=CorpusConfig(emotions=("anger", "fear"), max_frames=30))
N_FRAMES = (30, 31, 29, 30, 30, 30, 30, 30, 400)


def make_utterance(number: int) -> Utterance:
    emotion = CONFIG.corpus.emotions[number % 2]
    return Utterance(f"r{number}", "1", "female", emotion, "t", Path(f"r{number}.wav"))


def make_features(n_frames: int) -> Features:
    return Features(np.ones((96, n_frames), np.float32), np.zeros(3), np.arange(3.0), np.ones(n_frames))


UTTERANCES = [make_utterance(number) for number in range(len(N_FRAMES))]


@pytest.fixture
def without_computing(monkeypatch):
    features = {u.recording: make_features(n) for u, n in zip(UTTERANCES, N_FRAMES, strict=True)}
    monkeypatch.setattr(preparation, "load_or_compute", lambda *_: (features, []))


def longest(max_frames: int) -> Config:
    return replace(CONFIG, corpus=replace(CONFIG.corpus, max_frames=max_frames), split=replace(CONFIG.split, parts=3))


@pytest.mark.parametrize(("max_frames", "left_out"), [(30, ["r1", "r8"]), (31, ["r8"]), (400, [])])
def test_longer_recordings_are_left_out_and_that_is_said(without_computing, tmp_path, capsys, max_frames, left_out):
    dataset, problems = preparation.load_dataset(UTTERANCES, longest(max_frames), tmp_path)
    used = [u.recording for u in dataset.utterances]
    assert used == [u.recording for u in UTTERANCES if u.recording not in left_out]
    assert [f.cqt.shape[1] for f in dataset.features] == [n for n in N_FRAMES if n <= max_frames]
    assert problems == []
    message = f"recordings left out as longer than corpus.max_frames ({max_frames} frames): {len(left_out)}\n"
    assert capsys.readouterr() == ("", message if left_out else "")


def test_a_limit_below_every_recording_is_told(without_computing, tmp_path):
    with pytest.raises(UserError, match=r"corpus\.max_frames: no recording is as short as 28 frames"):
        preparation.load_dataset(UTTERANCES, longest(28), tmp_path)


def test_a_run_begins_without_what_a_killed_one_left_half_written(tmp_path):
    dataset = Dataset(tuple(UTTERANCES[:1]), ("train",), (make_features(20),))
    for folder in (tmp_path, tmp_path / "tables", tmp_path / "figures"):
        folder.mkdir(exist_ok=True)
        (folder / f"{PARTIAL_PREFIX}0123abcd-table.csv").write_text("half")
    (tmp_path / "tables" / "table1.csv").write_text("whole")
    preparation.write_beginning(tmp_path, {"config": {}}, dataset, [RecordingError("r9", "is silent")])
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert files == ["config.json", "skipped.csv", "tables/table1.csv", "utterances.csv"]


@pytest.mark.parametrize(
    ("corpus", "how"), [("emodb", r"emodb\.bilderbar\.info.* audb"), ("listed", r"utterances\.csv")]
)
def test_a_missing_folder_is_told_with_how_to_get_the_corpus(corpus, how, tmp_path, monkeypatch):
    # Recordings in the current folder are not taken for the corpus.
    (tmp_path / "wav").mkdir()
    (tmp_path / "wav" / "03a01Fa.wav").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=rf"^--data_dir: missing; .*{how}.*--corpus=synthetic needs none$"):
        preparation.find_corpus(Config(corpus=CorpusConfig(name=corpus)), tmp_path / "cache")


def test_the_record_of_a_run_has_the_time_in_utc():
    before = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    begun = datetime.datetime.fromisoformat(preparation.run_record(CONFIG, [])["begun"])
    assert begun.utcoffset() == datetime.timedelta(0)
    assert before <= begun <= datetime.datetime.now(datetime.UTC)


def test_synthetic_corpora_lie_side_by_side(tmp_path, monkeypatch):
    config = replace(Config(), synthetic=SyntheticConfig(speakers_per_gender=1, texts=1))
    assert len(preparation.find_corpus(config, tmp_path)[0]) == 12
    monkeypatch.setattr(preparation.synthetic, "CORPUS_VERSION", preparation.synthetic.CORPUS_VERSION + 1)
    slower = replace(config, features=replace(config.features, sample_rate_hz=12000))
    for other in (config, slower):
        utterances, problems = preparation.find_corpus(other, tmp_path)
        assert (len(utterances), problems) == (12, [])
    assert len(list(tmp_path.iterdir())) == 3
