"""Several corpora in one run: names of different corpora never meet, and all have the same emotions."""

import dataclasses
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path

import pytest
import soundfile
from corpus_folders import touch
from run_checks import assert_whole
from small_run import QUICK, SMALL_NETWORK, assert_refused, finish, start, table
from test_iemocap import make as make_iemocap

from convcam_jax.corpora import CORPORA
from convcam_jax.corpora.listed import ListedConfig
from convcam_jax.corpora.several import SeveralConfig, several_of, shared_emotions
from convcam_jax.corpora.utterances import Found
from convcam_jax.settings.config import Config
from convcam_jax.settings.flags import read_flags
from convcam_jax.settings.overrides import flatten, restore
from convcam_jax.settings.presets import Choices, default_config, make_config
from convcam_jax.splits.cross_corpus import CrossCorpus
from convcam_jax.splits.dividing import divide
from convcam_jax.stages.planted_evidence.sources import neutral_sources
from convcam_jax.stages.preparation import find_corpus, with_emotions
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.errors import UserError
from experiments import command, descriptions


@pytest.fixture
def folders(tmp_path) -> dict[str, Path]:
    """Parts of three corpora; speaker 03 of one has the name of another's, and so has a text."""
    made = {name: tmp_path / name for name in ("emodb", "ravdess", "own, mine")}
    touch(made["emodb"], [f"wav/{s}a0{k}{e}a.wav" for s in ("03", "08") for k in "12" for e in "WFL"])
    codes = {"calm": "02", "happiness": "03", "anger": "05"}
    names = [f"03-01-{code}-01-0{text}-01-03.wav" for code in codes.values() for text in "12"]
    touch(made["ravdess"], [f"Actor_03/{name}" for name in names])
    touch(made["own, mine"], ["03a01Wa.wav", "b.wav", "c.wav"])
    (made["own, mine"] / "utterances.csv").write_text(
        "file;speaker;gender;emotion;text;corpus;room\n"
        "03a01Wa.wav;03;f;Wut;a01;x;1\nb.wav;03;f;Freude;;y;2\nc.wav;Ute;f;calmness;kids;;3\n"
    )
    return made


def several(folders: dict[str, Path], names: tuple[str, ...] = ("emodb", "ravdess", "listed")) -> SeveralConfig:
    paths = dict(zip(("emodb", "ravdess", "listed"), folders.values(), strict=True))
    return SeveralConfig(corpora=names, data_dir=",".join(f'"{paths[name]}"' for name in names))


def found(config: SeveralConfig) -> Found:
    return CORPORA["several"].find(config, Path("no cache"), 16000)


def call_listed(monkeypatch: pytest.MonkeyPatch, names: Iterable[str]) -> None:
    """Corpora of these names are there, and can be used together: each is a table of recordings."""
    tables = dict.fromkeys(names, CORPORA["listed"])
    for name, corpus in {**tables, "several": several_of(tables)}.items():
        monkeypatch.setitem(CORPORA, name, corpus)


def test_nothing_of_two_corpora_has_the_same_name(folders):
    utterances = found(several(folders)).utterances
    assert len({u.recording for u in utterances}) == len(utterances) == 12 + 6 + 3
    assert [u.recording for u in utterances] == sorted(u.recording for u in utterances)
    for column in ("recording", "speaker", "text"):
        values = {getattr(u, column): u.value("corpus") for u in utterances if getattr(u, column)}
        assert all(value.startswith(f"{corpus}/") for value, corpus in values.items())
    assert {"emodb/03", "ravdess/03", "listed/03"} <= {u.speaker for u in utterances}
    # What is not known stays so.
    assert [u.text for u in utterances if u.recording == "listed/b"] == [""]


def test_every_recording_has_the_columns_of_all(folders):
    utterances = found(several(folders)).utterances
    columns = {u.columns() for u in utterances}
    assert len(columns) == 1
    assert set(*columns) >= {"corpus", "listed_corpus", "room", "intensity", "repetition"}
    own = {u.recording: dict(u.attributes) for u in utterances}
    assert own["listed/b"] == {"corpus": "listed", "listed_corpus": "y", "room": "2", "intensity": "", "repetition": ""}


def test_labels_are_those_that_all_share_in_one_set_of_words(folders, capsys):
    config, utterances, problems = find_corpus(
        Config(corpus=several(folders), split=CrossCorpus(parts=2)), Path("no cache")
    )
    assert config.corpus.emotions == ("anger", "happiness")
    assert {u.emotion for u in utterances} == {"anger", "happiness"}
    # What no other corpus has is left out, and named.
    assert {p.kind for p in problems} == {"labelled boredom", "labelled calm"}
    said = capsys.readouterr().err
    assert "emotions, by corpus.emotions those that there are in every corpus: anger, happiness" in said
    assert "listed: emotions called by other words, and their recordings: Freude for happiness (1), Wut for" in said
    folds = divide(config.split, utterances, ["all"] * len(utterances)).folds
    assert [fold.name for fold in folds] == ["emodb", "listed", "ravdess"]


def test_emotions_that_are_named_are_kept_and_labels_can_be_mapped(folders):
    named = SeveralConfig(
        corpora=("emodb", "ravdess"),
        data_dir=f"{folders['emodb']},{folders['ravdess']}",
        emotions=("joy", "rest"),
        labels=("calm:rest", "boredom:rest"),
    )
    config, utterances, _ = find_corpus(Config(corpus=named), Path("no cache"))
    assert config.corpus.emotions == ("joy", "rest")
    assert {(u.value("corpus"), u.emotion) for u in utterances} == {
        (corpus, emotion) for corpus in ("emodb", "ravdess") for emotion in ("joy", "rest")
    }


def test_labels_are_mapped_by_the_words_of_each_corpus(folders):
    """Anger is Wut in one corpus and calm calmness, but standard words in the others."""
    config = several(folders)
    mapped = dataclasses.replace(config, emotions=("happiness", "rest"), labels=("Wut:rest", "calmness:rest"))
    _, utterances, _ = find_corpus(Config(corpus=mapped), Path("no cache"))
    assert {(u.value("corpus"), u.emotion) for u in utterances} == {
        (corpus, emotion) for corpus in ("emodb", "ravdess", "listed") for emotion in ("happiness", "rest")
    }


@pytest.mark.parametrize(
    ("changes", "joys"), [("joy:happiness", ["happiness"]), ("joy:joy", []), ("joy:anger", ["anger"])]
)
def test_labels_that_one_corpus_tells_apart_are_asked_for(changes, joys, folders):
    rows = ["file;speaker;emotion", "03a01Wa.wav;Ute;Wut", "b.wav;Ute;joy", "c.wav;Ute;happy"]
    (folders["own, mine"] / "utterances.csv").write_text("\n".join(rows))
    config = dataclasses.replace(several(folders, ("emodb", "listed")), max_frames=202)
    assert {u.emotion for u in found(config).utterances} == {"anger", "boredom", "happiness", "joy", "happy"}
    with pytest.raises(UserError, match=r"happiness and joy, happy and joy, which .*=joy:happiness, or"):
        find_corpus(Config(corpus=config), Path("no cache"))
    changed = find_corpus(Config(corpus=dataclasses.replace(config, labels=(changes,))), Path("no cache"))
    assert {u.emotion for u in changed.utterances} == {"anger", "happiness"}
    assert [u.emotion for u in changed.utterances if u.recording == "listed/b"] == joys


TOLD_APART = [
    # One has happy and joy, the other joy alone: what is said of joy is of both corpora's.
    (("joy", "happy", "sad"), ("joy", "joy", "sad"), ("joy:joy",), (), [{"joy", "sadness"}] * 2),
    (("joy", "happy", "sad"), ("joy", "joy", "sad"), ("joy:happiness",), (), [{"happiness", "sadness"}] * 2),
    # Each has one of them.
    (("happy", "anger", "sad"), ("joy", "anger", "sad"), ("joy:joy",), (), [{"anger", "sadness"}] * 2),
    (("happy", "anger", "sad"), ("joy", "anger", "sad"), ("joy:anger",), (), [{"anger", "sadness"}] * 2),
    (("happiness", "x", "sad"), ("joy", "x", "sad"), (), ("happiness", "joy"), [{"happiness"}, {"joy"}]),
    (("happy", "x", "sad"), ("joy", "x", "sad"), (), ("joy", "sad"), [{"joy", "sad"}] * 2),
    (("happy", "x", "sad"), ("joy", "x", "sad"), (), (), [{"happiness", "sadness", "x"}] * 2),
]


@pytest.mark.parametrize(("one", "other", "changes", "emotions", "expected"), TOLD_APART)
def test_what_one_corpus_tells_apart_or_the_config_is_so_in_all(
    one, other, changes, emotions, expected, folders, monkeypatch
):
    for folder, labels in (("own, mine", one), ("emodb", other)):
        touch(folders[folder], ["a.wav", "b.wav", "c.wav"])
        rows = "".join(f"{name},Ute,{label}\n" for name, label in zip("abc", labels, strict=True))
        (folders[folder] / "utterances.csv").write_text(f"file,speaker,emotion\n{rows}")
    names = ("listed", "other")
    call_listed(monkeypatch, names)
    paths = f'"{folders["own, mine"]}",{folders["emodb"]}'
    config = SeveralConfig(corpora=names, data_dir=paths, max_frames=202, labels=changes, emotions=emotions)
    found_in = find_corpus(Config(corpus=config), Path("no cache")).utterances
    assert [{u.emotion for u in found_in if u.value("corpus") == name} for name in names] == expected
    if changes == ("joy:anger",):
        assert [u.recording for u in found_in if u.emotion == "anger"] == ["listed/b", "other/a", "other/b"]


@pytest.mark.parametrize(
    ("changes", "emotions", "excited"),
    [
        ((), (), "happiness"),
        ((), ("anger", "happiness", "sadness"), "happiness"),
        (("sad:sad",), ("anger", "joy", "sad"), "joy"),
        (("excitement:happiness",), (), "happiness"),
        # What the config speaks of, by any word for it, is as it says.
        (("excited:unused",), ("anger", "happiness", "sadness"), None),
        (("excitement:anger",), (), "anger"),
        (("excitement:excitement",), (), "excitement"),
        (("happiness:excitement",), (), "excitement"),
        ((), ("anger", "excitement", "happiness"), "excitement"),
        ((), ("anger", "aufgeregt", "happy"), "aufgeregt"),
    ],
)
def test_a_default_change_of_one_corpus_holds_for_all_unless_the_config_speaks_of_it(
    changes, emotions, excited, tmp_path
):
    """IEMOCAP takes excitement for happiness, and the other corpus has a word of its own for it."""
    codes = ("ang", "exc", "hap", "sad")
    make_iemocap(tmp_path / "i", {f"Ses01F_impro01_F00{k}": code for k, code in enumerate(codes)})
    touch(tmp_path / "l", [f"{k}.wav" for k in range(4)])
    rows = [f"{k}.wav,ann,{label}\n" for k, label in enumerate(("angry", "excited", "happy", "sad"))]
    (tmp_path / "l" / "utterances.csv").write_text(f"file,speaker,emotion\n{''.join(rows)}")
    config = SeveralConfig(
        corpora=("iemocap", "listed"),
        data_dir=f"{tmp_path / 'i'},{tmp_path / 'l'}",
        max_frames=202,
        labels=changes,
        emotions=emotions,
    )
    utterances = find_corpus(Config(corpus=config), Path("no cache")).utterances
    emotion_of = {u.recording: u.emotion for u in utterances}
    assert emotion_of.get("iemocap/Ses01F_impro01_F001") == emotion_of.get("listed/1") == excited
    assert emotion_of["iemocap/Ses01F_impro01_F000"] == emotion_of["listed/0"] == "anger"


def test_a_default_change_is_to_the_emotion_that_a_corpus_has_another_word_for(tmp_path):
    """No corpus tells joy from happiness, which IEMOCAP takes excitement for."""
    make_iemocap(tmp_path / "i", {f"Ses01F_impro01_F00{k}": code for k, code in enumerate(("ang", "exc"))})
    touch(tmp_path / "l", [f"{k}.wav" for k in range(3)])
    rows = [f"{k}.wav,ann,{label}\n" for k, label in enumerate(("angry", "excited", "joy"))]
    (tmp_path / "l" / "utterances.csv").write_text(f"file,speaker,emotion\n{''.join(rows)}")
    config = SeveralConfig(corpora=("iemocap", "listed"), data_dir=f"{tmp_path / 'i'},{tmp_path / 'l'}")
    assert [u.emotion for u in found(config).utterances] == ["anger", "happiness", "anger", "happiness", "happiness"]


def test_words_that_no_corpus_tells_apart_are_one_emotion(folders):
    """Each corpus has one word for it, and means the same."""
    (folders["own, mine"] / "utterances.csv").write_text("file,speaker,emotion\n03a01Wa.wav,Ute,joy\nb.wav,Ute,sad\n")
    emotions = {u.emotion for u in found(several(folders, ("emodb", "listed"))).utterances}
    assert emotions == {"anger", "boredom", "happiness", "sadness"}


def test_fewer_than_two_emotions_are_told_with_what_each_corpus_has(folders):
    utterances = [
        u for u in found(several(folders)).utterances if u.value("corpus") != "ravdess" or u.emotion == "calm"
    ]
    with pytest.raises(UserError, match=r"fewer than two in every corpus \(emodb has anger, .*; ravdess has calm\)"):
        shared_emotions(utterances, "corpus")


def test_a_column_of_this_name_in_one_corpus_leaves_no_emotion_out(folders):
    utterances = found(several(folders)).utterances
    own = [u for u in utterances if u.value("corpus") == "ravdess" or u.emotion == "anger"]
    assert shared_emotions(own, "") == tuple(sorted({u.emotion for u in own}))
    config = Config(corpus=ListedConfig(emotions=()))
    assert set(with_emotions(config, own).corpus.emotions) == {u.emotion for u in own}


def test_a_word_that_nobody_knows_is_shared_however_it_is_spelled(tmp_path, monkeypatch, capsys):
    tables = {"one": ("Confusion", "Confusion", "anger", "1"), "two": ("confusion", "Wut", "1.0")}
    for name, emotions in tables.items():
        files = [f"{name}{number}.wav" for number in range(len(emotions))]
        touch(tmp_path / name, files)
        rows = [f"{file},ann,{emotion}\n" for file, emotion in zip(files, emotions, strict=True)]
        (tmp_path / name / "utterances.csv").write_text(f"file,speaker,emotion\n{''.join(rows)}")
    call_listed(monkeypatch, tables)
    corpus = SeveralConfig(
        corpora=tuple(tables), data_dir=",".join(str(tmp_path / name) for name in tables), max_frames=48
    )
    config, utterances, _ = find_corpus(Config(corpus=corpus), Path("no cache"))
    assert config.corpus.emotions == ("Confusion", "anger")
    assert len(utterances) == 5
    said = capsys.readouterr().err
    assert "confusion for Confusion (1)" in said
    assert "emotions 1 and 1.0 count as different; if they are not, mend the table" in said


def test_problems_of_all_corpora_are_told_at_once(folders):
    touch(folders["emodb"], ["wav/what.wav"])
    touch(folders["ravdess"], ["Actor_03/this.wav"])
    with pytest.raises(UserError, match=r"^emodb: what: not a name of EMO-DB.*; ravdess: this: not a name of RAVDESS"):
        found(several(folders))
    skipping = SeveralConfig(**{**vars(several(folders)), "on_error": "skip"})
    assert {p.recording for p in found(skipping).problems} == {"emodb/what", "ravdess/this"}


def flags(*given: str):
    return command.config_of(read_flags(given, descriptions()))


def test_it_is_one_command(folders, monkeypatch):
    home = folders["emodb"].parent
    monkeypatch.setenv("HOME", str(home))
    config = flags("--corpus=emodb,listed", f'--data_dir=~/emodb,"{home}/own, mine"', "--split=cross_corpus")
    assert config.corpus == SeveralConfig(corpora=("emodb", "listed"), data_dir=f'{home}/emodb,"{home}/own, mine"')
    assert len(found(config.corpus).utterances) == 12 + 3
    assert restore(flatten(config)) == config
    assert default_config(config).corpus == config.corpus
    # A folder whose name has a comma is one folder.
    assert flags("--corpus=listed", "--data_dir=~/own, mine").corpus.data_dir == f"{home}/own, mine"


@pytest.mark.parametrize(
    ("excluded", "wrong"),
    [
        ("emodb/09,ravdess/24,emodb/03", None),
        ("emodb/17", "emodb/17; the nearest is emodb/1"),
        ("ravdess/25", "ravdess/25; the nearest is ravdess/02"),
        ("listed/09", "listed/09; the nearest is listed/03"),
        ("24", "24; the nearest is"),
    ],
)
def test_a_known_speaker_of_whom_a_folder_has_nothing_can_be_excluded(excluded, wrong, folders, tmp_path):
    own = dataclasses.replace(several(folders), excluded_speakers=tuple(excluded.split(",")), max_frames=202)
    refused = f"excluded_speakers: the corpus has no speaker {wrong}"
    with nullcontext() if wrong is None else pytest.raises(UserError, match=refused):
        assert {u.speaker for u in find_corpus(Config(corpus=own), Path("no cache")).utterances} == {
            *("emodb/08", "ravdess/03", "listed/03")
        }
    planted = flags(
        *("--experiment=evidence", f"--corpus={','.join(own.corpora)}", f"--data_dir={own.data_dir}"),
        *("--set=evidence.variants=burst", f"--set=corpus.excluded_speakers={excluded}"),
    )
    # There is no neutral recording, which is looked for in those of the speakers who are left.
    with pytest.raises(UserError, match=refused if wrong else "has no neutral recording"):
        neutral_sources(RunSettings(planted, tmp_path / "run", tmp_path / "cache"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--corpus=emodb,ravdes"], "--corpus=ravdes: must be one of .*; the nearest is ravdess"),
        (["--corpus=emodb,emodb"], r"config field corpus\.corpora: must name each corpus once"),
    ],
)
def test_names_that_are_not_understood(given, message):
    with pytest.raises(UserError, match=message):
        flags(*given)


@pytest.mark.parametrize(
    ("corpora", "data_dir", "message"),
    [
        (("emodb", "ravdess"), "", "--data_dir: missing; name corpora and their folders"),
        (("emodb", "ravdess"), "x", "--data_dir: 1 given for the corpora emodb, ravdess; name corpora"),
        ((), "x", "--data_dir: 1 given for the corpora none; name corpora"),
        (("emodb", "synthetic"), "x,y", "--corpus: synthetic is none of emodb, .*, which can be used together"),
        (("emodb", "ravdess"), "/x,/y", "emodb: /x: there is no such folder; .*; ravdess: /y: there is no such folder"),
    ],
)
def test_what_is_wrong_with_folders_is_told(corpora, data_dir, message):
    with pytest.raises(UserError, match=message):
        found(SeveralConfig(corpora=corpora, data_dir=data_dir))


def test_the_choice_of_several_keeps_the_defaults_of_no_one():
    config = make_config(Choices(corpus="emodb,tess", data_dir="a,b"))
    assert (config.corpus.name, config.corpus.excluded_speakers, config.corpus.max_frames) == ("several", (), 0)


FEW = ("--seeds=1", *QUICK, "--set=sanity.seeds=1", "--set=sanity.shuffled_label_seeds=0", "--set=faithfulness.seeds=1")


@pytest.mark.slow
def test_corpora_test_one_another(tmp_path, run_cache_dir, emodb_dir, ravdess_dir, tess_dir):
    speakers = [f"emodb/{n}" for n in ("03", "09", "10", "11", "12", "13", "14", "15")]
    corpora = ("--corpus=emodb,ravdess,tess", f"--data_dir={emodb_dir},{ravdess_dir},{tess_dir}")
    cross = ("--split=cross_corpus", "--set=corpus.models_per=all", "--set=corpus.emotions=disgust,fear")
    excluded = f"--set=corpus.excluded_speakers={','.join((*speakers, 'ravdess/01', 'ravdess/02', 'tess/YAF'))}"
    workdir = tmp_path / "w"
    said = finish(workdir, run_cache_dir, *FEW, *SMALL_NETWORK, *corpora, *cross, excluded)
    assert_whole(workdir, {("all", name) for name in ("emodb", "ravdess", "tess")}, 1)
    utterances = table(workdir, "utterances.csv")
    assert set(utterances["attribute/corpus"]) == {"emodb", "ravdess", "tess"}
    folds = table(workdir, "folds.csv").merge(utterances)
    assert (folds["attribute/corpus"] == folds["fold"]).equals(folds["split"] == "test")
    sounds = table(workdir, "sounds.csv")
    assert set(sounds["file_rate_hz"]) == {16000, 24414, 48000}
    names = sounds["recording"].str.split("/").str[-1]
    files = {path.stem: path for folder in (emodb_dir, ravdess_dir, tess_dir) for path in folder.rglob("*.wav")}
    assert sounds["n_channels"].tolist() == [soundfile.info(files[name]).channels for name in names]
    # The longest of all, which are shorter than the limit.
    assert f"corpus.max_frames is {utterances['n_frames'].max()} " in said
    assert "0 of " in said
    refused = start(tmp_path / "v", run_cache_dir, *FEW, *corpora[:1], f"--data_dir={emodb_dir}")
    assert_refused(refused, "--data_dir: 1 given for the corpora emodb, ravdess, tess")
