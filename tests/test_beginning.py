"""What a run begins with in its folder, and where it goes on."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from pages_of_files import columns_on_page

from convcam_jax.corpora.listed import ListedConfig
from convcam_jax.corpora.sounds.audio import SoundFacts
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.data.dataset import Dataset, fold_table
from convcam_jax.data.members import Cohort
from convcam_jax.networks import NETWORKS
from convcam_jax.representations import cache
from convcam_jax.representations.cache import compute_entry
from convcam_jax.representations.features import Features
from convcam_jax.settings import presets
from convcam_jax.settings.config import Config
from convcam_jax.settings.overrides import apply_overrides
from convcam_jax.splits.per_cell import PerCell
from convcam_jax.splits.protocol import ONLY_FOLD, Fold
from convcam_jax.stages import beginning
from convcam_jax.stages.record import check_config, check_workdir, run_record
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.errors import RecordingError, UserError
from convcam_jax.system.files import PARTIAL_PREFIX
from convcam_jax.system.formats import read_csv, read_json, write_json

CONFIG = Config(corpus=SyntheticConfig(emotions=("anger", "fear"), max_frames=30))
COHORT = Cohort("all", ONLY_FOLD)
UTTERANCE = Utterance("r0", "1", "female", "anger", "t", Path("r0.wav"))


def small_dataset() -> Dataset:
    features = Features(np.ones((96, 20), np.float32), np.zeros(3), np.arange(3.0), np.ones(20))
    return Dataset((UTTERANCE,), (features,), ("female",), (Fold(ONLY_FOLD, ("train",)),))


def test_a_run_that_goes_on_keeps_its_beginning_and_has_the_config_of_now(tmp_path):
    longer = replace(CONFIG, corpus=replace(CONFIG.corpus, max_frames=31))
    earlier = run_record(CONFIG, []) | {"begun": "2020-01-01T00:00:00+00:00"}
    beginning.write_beginning(tmp_path, earlier, small_dataset(), [])
    beginning.write_beginning(tmp_path, run_record(longer, []), small_dataset(), [])
    record = read_json(tmp_path / "config.json")
    assert record["begun"] == "2020-01-01T00:00:00+00:00"
    assert record["config"]["corpus.max_frames"] == 31


def test_a_workdir_that_is_opened_again_tells_what_is_another_one_and_stays_as_it_is(tmp_path, capsys):
    record = run_record(CONFIG, [])
    beginning.open_workdir(tmp_path, record)
    assert not list(tmp_path.iterdir())
    earlier = record | {"packages": {**record["packages"], "jax": "0.0.1"}}
    write_json(tmp_path / "config.json", earlier)
    before = (tmp_path / "config.json").read_bytes()
    beginning.open_workdir(tmp_path, record)
    told = f"may differ in its last digits from what is there: jax (0.0.1 there, {record['packages']['jax']} now)\n"
    assert told in capsys.readouterr().err
    assert (tmp_path / "config.json").read_bytes() == before


def write_corpus(folder: Path) -> None:
    """Three recordings of noise of each emotion, by one speaker."""
    rows = ["file,speaker,emotion"]
    for number, generator in enumerate(np.random.default_rng(0).spawn(6)):
        soundfile.write(folder / f"{number}.wav", 0.1 * generator.normal(size=8000), 16000)
        rows.append(f"{number}.wav,ann,{CONFIG.corpus.emotions[number % 2]}")
    (folder / "utterances.csv").write_text("\n".join(rows))


@pytest.fixture
def settings(tmp_path, monkeypatch) -> RunSettings:
    """Those of a run of the corpus above."""
    write_corpus(tmp_path)
    monkeypatch.setattr(cache, "_compute_all", lambda sources, config: (compute_entry(one, config) for one in sources))
    corpus = ListedConfig(data_dir=str(tmp_path), emotions=CONFIG.corpus.emotions, models_per="all")
    return RunSettings(replace(CONFIG, corpus=corpus, split=PerCell(parts=3)), tmp_path / "run", tmp_path / "cache")


def test_a_run_goes_on_where_another_precision_is_the_fastest(settings, monkeypatch):
    for fastest in ("bfloat16", "float32"):
        monkeypatch.setattr(presets, "fastest_precision", lambda fastest=fastest: fastest)
        run = beginning.begin(settings)
        assert run.config.train.precision == "bfloat16"
        assert read_json(settings.workdir / "config.json")["config"]["train.precision"] == "bfloat16"
    chosen = settings._replace(config=apply_overrides(settings.config, ["train.precision=float32"]))
    with pytest.raises(UserError, match=r"differing in train\.precision \(bfloat16 there, float32 now\)"):
        beginning.begin(chosen)


@pytest.fixture
def beside(settings, monkeypatch) -> RunSettings:
    """Those of another process of a run, whose first process writes while this one waits for it."""

    def let_the_first_begin(name):
        with monkeypatch.context() as first:
            first.setattr(beginning, "is_first_process", lambda: True)
            first.setattr(beginning, "wait_for_all", lambda name: None)
            first.setattr(presets, "fastest_precision", lambda: "bfloat16")
            beginning.begin(settings)

    monkeypatch.setattr(presets, "fastest_precision", lambda: "float32")
    monkeypatch.setattr(beginning, "is_first_process", lambda: False)
    monkeypatch.setattr(beginning, "wait_for_all", let_the_first_begin)
    return settings


def test_a_process_beside_the_first_one_trains_in_its_precision(beside):
    assert beginning.begin(beside).config.train.precision == "bfloat16"
    moved = beside._replace(config=apply_overrides(beside.config, ["train.checkpoint_interval_s=7"]))
    assert beginning.begin(moved).config.train.checkpoint_interval_s == 7


@pytest.mark.parametrize("goes_on", [False, True])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("train.learning_rate=0.1", r"train\.learning_rate \(0\.001 there, 0\.1 now\)"),
        ("train.precision=float32", r"train\.precision \(bfloat16 there, float32 now\)"),
        ("attribution.method=hirescam", r"attribution\.method \(gradcam there, hirescam now\)"),
    ],
)
def test_a_process_with_another_config_than_the_first_one_is_refused(beside, change, told, goes_on):
    if goes_on:
        beginning.begin(beside)
    with pytest.raises(UserError, match=rf"run of another config, differing in {told}; "):
        beginning.begin(beside._replace(config=apply_overrides(beside.config, [change])))


def test_a_process_that_has_left_out_other_recordings_is_refused(beside, monkeypatch):
    load, wait = beginning.load_dataset, beginning.wait_for_all
    monkeypatch.setattr(beginning, "load_dataset", lambda *args, **kwargs: (small_dataset(), []))

    def let_the_first_begin(name):
        monkeypatch.setattr(beginning, "load_dataset", load)
        wait(name)

    monkeypatch.setattr(beginning, "wait_for_all", let_the_first_begin)
    with pytest.raises(UserError, match=r"folds.csv: has other recordings"):
        beginning.begin(beside)


def test_a_folder_that_is_not_utf8_is_refused_before_the_corpus_is_read(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(beginning, "find_corpus", None)
    workdir = tmp_path / os.fsdecode(b"caf\xe9")
    with pytest.raises(UserError, match=r"caf\[U\+DCE9\]: has bytes that are not UTF-8.* another --workdir$"):
        beginning.begin(settings._replace(workdir=workdir))
    assert not workdir.exists()


def test_a_run_has_the_time_of_this_start_and_its_record_that_of_the_first(settings, tmp_path, monkeypatch):
    times = ["2020-01-01T00:00:00+00:00", "2020-01-08T00:00:00+00:00"]
    for begun in times:
        monkeypatch.setattr(beginning, "run_record", lambda *args, begun=begun: run_record(*args) | {"begun": begun})
        run = beginning.begin(settings)
        assert run.start == begun
        assert read_json(tmp_path / "run" / "config.json")["begun"] == times[0]
        assert {len(run.dataset.sets(name)[COHORT]) for name in ("train", "validation", "test")} == {2}


def test_an_exported_file_goes_with_the_config_that_it_was_made_of(tmp_path, capsys):
    exported = tmp_path / "models.safetensors"
    moved = replace(CONFIG, corpus=replace(CONFIG.corpus, data_dir="elsewhere"))
    beginning.write_beginning(tmp_path, run_record(CONFIG, []), small_dataset(), [])
    exported.touch()
    # Answers and maps of new recordings do not depend on these.
    for config in (CONFIG, moved, replace(CONFIG, sanity=replace(CONFIG.sanity, seeds=0))):
        beginning.write_beginning(tmp_path, run_record(config, []), small_dataset(), [])
        assert exported.exists()
    hirescam = replace(CONFIG, attribution=replace(CONFIG.attribution, method="hirescam"))
    beginning.write_beginning(tmp_path, run_record(hirescam, []), small_dataset(), [])
    assert not exported.exists()
    [said] = capsys.readouterr().err.splitlines()
    assert said == f"{exported} was of the config before and is removed; --experiment=export writes it again"


def test_the_beginning_says_what_every_recording_is_for(tmp_path):
    beginning.write_beginning(tmp_path, run_record(CONFIG, []), small_dataset(), [])
    assert read_csv(tmp_path / "utterances.csv")["split"].tolist() == ["train"]
    assert read_csv(tmp_path / "folds.csv").to_numpy().tolist() == [["r0", "female", "all", "train"]]
    assert not (tmp_path / "skipped.csv").exists()


def test_a_run_goes_on_with_the_recordings_and_the_split_that_it_began_with(tmp_path):
    dataset = small_dataset()
    beginning.check_folds(tmp_path, fold_table(dataset))
    beginning.write_beginning(tmp_path, run_record(CONFIG, []), dataset, [])
    beginning.check_folds(tmp_path, fold_table(dataset))
    divided_otherwise = dataset._replace(folds=(dataset.folds[0]._replace(split_of=("test",)),))
    for other in (divided_otherwise, dataset._replace(utterances=(UTTERANCE._replace(recording="r1"),))):
        with pytest.raises(UserError, match=rf"^{tmp_path}/folds.csv: has other recordings, or divides them otherwise"):
            beginning.check_folds(tmp_path, fold_table(other))
    (tmp_path / "folds.csv").write_bytes(b"\xff\x00")
    with pytest.raises(UserError, match="remove the file if it was damaged"):
        beginning.check_folds(tmp_path, fold_table(dataset))


def test_a_run_begins_without_what_a_killed_one_left_half_written(tmp_path):
    dataset = small_dataset()
    for folder in (tmp_path, tmp_path / "tables", tmp_path / "figures"):
        folder.mkdir(exist_ok=True)
        (folder / f"{PARTIAL_PREFIX}0123abcd-table.csv").write_text("half")
    (tmp_path / "tables" / "table1.csv").write_text("whole")
    beginning.write_beginning(tmp_path, {"config": {}}, dataset, [RecordingError("r9", "is silent")])
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert files == ["config.json", "folds.csv", "skipped.csv", "tables/table1.csv", "utterances.csv"]


def test_what_is_left_out_is_one_line_and_one_table(tmp_path, capsys):
    problems = [RecordingError(f"s{i}", "is silent", "silent") for i in range(5)]
    problems += [RecordingError("s0", "has no speaker", "without a speaker")]
    dataset = small_dataset()._replace(sounds=(SoundFacts(1.0, 16000, 1, 0.5, 0.0, 0.001, "0a"),))
    beginning.write_beginning(tmp_path, run_record(CONFIG, []), dataset, problems)
    assert capsys.readouterr().err == (
        "recordings are left out: 5 silent (s0, s1, s2 and 2 more); 1 without a speaker (s0); 1 are used; "
        f"{tmp_path}/skipped.csv says which and why\n"
    )
    skipped = read_csv(tmp_path / "skipped.csv")
    assert columns_on_page("skipped.csv") == skipped.columns.tolist()
    assert skipped.to_numpy().tolist()[4:] == [
        ["s4", "silent", "is silent"],
        ["s0", "without a speaker", "has no speaker"],
    ]
    assert read_csv(tmp_path / "sounds.csv").to_numpy().tolist() == [["r0", 1.0, 16000, 1, 0.5, 0.0, 0.001, "0a"]]
    # The recordings are mended, and the same command is given again.
    beginning.write_beginning(tmp_path, run_record(CONFIG, []), dataset, [])
    assert not (tmp_path / "skipped.csv").exists()


def with_weights(path: Path) -> Config:
    return apply_overrides(Config(network=NETWORKS["vgg16"]()), [f"network.weights={path}", "train.precision=float32"])


def test_the_file_of_weights_is_recorded_by_what_it_holds(tmp_path):
    weights = tmp_path / "weights.h5"
    weights.write_bytes(b"one")
    assert run_record(with_weights(weights), [])["weights_sha256"] == hashlib.sha256(b"one").hexdigest()
    assert "weights_sha256" not in run_record(Config(), [])


@pytest.mark.parametrize(
    ("now", "content", "told"),
    [
        ("there.h5", b"one", ""),
        ("moved.h5", b"one", ""),
        ("there.h5", None, ""),
        ("there.h5", b"two", "the file of weights"),
        ("moved.h5", b"two", "the file of weights"),
        ("moved.h5", None, "network.weights ({folder}/there.h5 there, {folder}/moved.h5 now, one of which is no file)"),
        ("", None, "the file of weights"),
    ],
)
def test_a_file_of_weights_may_move_and_need_not_be_there_when_all_is_trained(tmp_path, now, content, told):
    there, workdir = tmp_path / "there.h5", tmp_path / "w"
    there.write_bytes(b"one")
    write_json(workdir / "config.json", run_record(with_weights(there), []))
    there.unlink()
    if content is not None:
        (tmp_path / now).write_bytes(content)
    config = with_weights(tmp_path / now if now else "")
    asked = (lambda: check_config(workdir, config), lambda: check_workdir(workdir, run_record(config, [])))
    for ask in asked:
        if told:
            with pytest.raises(UserError) as error:
                ask()
            whole = f"differing in {told.format(folder=tmp_path)}; choose another --workdir"
            assert str(error.value).endswith(whole)
        else:
            ask()
