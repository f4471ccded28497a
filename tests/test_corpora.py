"""Corpora by name: their configs, what is found in their folders, and what is wrong with these."""

import math
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import soundfile

from convcam_jax.corpora import CORPORA
from convcam_jax.corpora.config import EMOTIONS, FROM_CORPUS, CorpusConfig
from convcam_jax.corpora.emodb import EMODB, EMODB_SPEAKER_GENDERS, EmodbConfig, find_named
from convcam_jax.corpora.left_out import longer_than
from convcam_jax.corpora.listed import find_listed
from convcam_jax.corpora.utterances import Utterance, select, without
from convcam_jax.system.errors import RecordingError, UserError

# Table 1 of the paper, rows by speaker.
TABLE1_EMOTIONS = ("sadness", "fear", "happiness", "neutral", "boredom", "anger")
TABLE1 = {
    "08": (6, 6, 11, 10, 10, 12),
    "03": (7, 4, 7, 11, 5, 14),
    "14": (10, 12, 8, 7, 8, 16),
    "11": (7, 10, 8, 9, 8, 11),
    "10": (3, 8, 4, 4, 8, 10),
    "13": (5, 7, 10, 9, 10, 12),
    "16": (8, 7, 11, 5, 14, 14),
    "15": (4, 8, 6, 11, 9, 13),
}
PAGE = Path(__file__).resolve().parent.parent / "docs" / "corpora.md"
HEADER = "recording,speaker,gender,emotion,text\n"
OF_A_FOLDER = sorted(set(CORPORA) - {"synthetic", "several"})


def make_folder(folder: Path, names: list[str], table: str | None = None) -> Path:
    (folder / "wav").mkdir()
    for name in names:
        (folder / "wav" / name).touch()
    if table is not None:
        (folder / "utterances.csv").write_text(table, encoding="utf-8")
    return folder


def test_corpora_stand_under_the_names_of_their_configs():
    for name, corpus in CORPORA.items():
        assert corpus.config().name == name
        assert corpus.description
        assert "\n" not in corpus.description + corpus.how_to_get
        assert bool(corpus.how_to_get) == (name != "synthetic")


@pytest.mark.parametrize("name", sorted(set(CORPORA) - {"synthetic", "listed", "audformat", "several"}))
def test_how_to_get_a_corpus_of_others_tells_the_licence_that_its_page_tells(name):
    licences = re.findall(r"\(licence:? ([^)]+)\)", CORPORA[name].how_to_get)
    assert len(licences) == 1, f"how_to_get of {name} says no (licence: ...), or several"
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{name}` |")]
    assert len(rows) == 1, f"docs/corpora.md has no row of {name}, or several"
    assert licences[0] in rows[0].replace("`", "")


def test_defaults_are_the_papers_but_for_emotions_and_channels_of_other_corpora():
    defaults = {name: corpus.config() for name, corpus in CORPORA.items()}
    assert {defaults[name].emotions for name in ("synthetic", "emodb", "listed", "audformat")} == {EMOTIONS}
    assert defaults["several"].emotions == ()
    mixing = {name for name, config in defaults.items() if config.channels == "mix"}
    assert mixing >= {"listed", "ravdess", "emovo", "audformat", "several"}
    assert not mixing & {"synthetic", "emodb", "tess", "savee", "crema_d", "iemocap"}
    assert {(c.models_per, c.excluded_speakers, c.longer, c.on_error) for c in defaults.values()} == {
        ("gender", (), "leave_out", "stop")
    }
    # The paper's on what the paper and the embedded corpus are about, else what the recordings need.
    assert {name: c.max_frames for name, c in defaults.items() if c.max_frames != FROM_CORPUS} == {
        "synthetic": 202,
        "emodb": 202,
    }


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("emotions", ("anger",), r"corpus\.emotions: needs two or more different names"),
        ("emotions", ("anger", "anger"), r"corpus\.emotions: needs two or more different names"),
        ("max_frames", -1, r"corpus\.max_frames: must lie in 1\.\.100000, or be 0 for as many as the corpus needs"),
        ("models_per", "emotion", r"corpus\.models_per: must be all or a column other than emotion"),
        ("models_per", "", r"corpus\.models_per: must be all or a column"),
    ],
)
@pytest.mark.parametrize("name", CORPORA)
def test_fields_that_are_not_allowed_are_named(name, field, value, message):
    with pytest.raises(UserError, match=message):
        CORPORA[name].config(**{field: value})


def test_fields_at_their_limits_are_allowed():
    config = CorpusConfig("any", emotions=("a", "b"), max_frames=1, models_per="all")
    assert config.max_frames == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("seed", -1), ("speakers_per_gender", 0), ("speakers_per_gender", 40), ("texts", 0), ("texts", 21)],
)
def test_sizes_of_the_embedded_corpus_have_limits(field, value):
    with pytest.raises(UserError, match=rf"config field corpus\.{field}: must"):
        CORPORA["synthetic"].config(**{field: value})


@pytest.mark.parametrize("name", OF_A_FOLDER)
def test_without_a_folder_it_says_how_to_get_one(name, tmp_path):
    corpus = CORPORA[name]
    assert corpus.how_to_get.endswith("; --corpus=synthetic needs none")
    for data_dir, problem in [
        ("", "--data_dir: missing"),
        (str(tmp_path / "no"), f"{tmp_path}/no: there is no such folder"),
    ]:
        with pytest.raises(UserError) as caught:
            corpus.find(corpus.config(data_dir=data_dir), tmp_path, 16000)
        assert str(caught.value) == f"{problem}; {corpus.how_to_get}"


def test_the_embedded_corpus_is_written_where_caches_are_and_found(tmp_path):
    corpus = CORPORA["synthetic"]
    config = corpus.config(speakers_per_gender=1, texts=1)
    found = corpus.find(config, tmp_path, 8000)
    assert found.problems == []
    assert Counter(u.value("gender") for u in found.utterances) == {"female": 6, "male": 6}
    assert Counter(u.emotion for u in found.utterances) == dict.fromkeys(EMOTIONS, 2)
    assert {soundfile.info(u.path).samplerate for u in found.utterances} == {8000}
    assert all(tmp_path in u.path.parents for u in found.utterances)
    assert corpus.find(config, tmp_path, 8000) == found


def test_corpora_are_loaded_without_jax_and_librosa():
    code = "import sys, convcam_jax.corpora; print({m.split('.')[0] for m in sys.modules} & {'jax', 'librosa'})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("03a01Fa", ("03", "a01", "happiness")),
        ("16b10Wb", ("16", "b10", "anger")),
        ("08a02Lc", ("08", "a02", "boredom")),
        ("10b03Ea", ("10", "b03", "disgust")),
        ("11a05Ad", ("11", "a05", "fear")),
        ("14b02Tc", ("14", "b02", "sadness")),
        ("15a07Na", ("15", "a07", "neutral")),
    ],
)
def test_name_gives_speaker_text_and_emotion(name, parts, tmp_path):
    [utterance] = find_named(make_folder(tmp_path, [f"{name}.wav"]), EMODB_SPEAKER_GENDERS, "stop").utterances
    assert (utterance.speaker, utterance.text, utterance.emotion) == parts


@pytest.mark.parametrize("name", ["3a01Fa", "03a01Xa", "03a1Fa", "03a01F", "03a01Fa ", "03a01fa", "03a01Faa", "Fa"])
def test_wrong_name_is_an_error_that_names_file_and_pattern(name, tmp_path):
    with pytest.raises(RecordingError, match=r"two digits \(speaker\).*WLEAFTN.*03a01Fa") as caught:
        find_named(make_folder(tmp_path, [f"{name}.wav"]), EMODB_SPEAKER_GENDERS, "stop")
    assert caught.value.recording == name


def test_recordings_are_found_by_their_names_and_sorted(tmp_path):
    folder = make_folder(tmp_path, ["08a01Wa.wav", "03a01Fa.WAV", "notes.txt", "._03a01Fa.wav"])
    utterances, problems = find_named(folder, EMODB_SPEAKER_GENDERS, "stop")
    assert utterances == [
        Utterance("03a01Fa", "03", "male", "happiness", "a01", tmp_path / "wav" / "03a01Fa.WAV"),
        Utterance("08a01Wa", "08", "female", "anger", "a01", tmp_path / "wav" / "08a01Wa.wav"),
    ]
    assert problems == []


def test_genders_are_the_callers(tmp_path):
    folder = make_folder(tmp_path, ["21a01Fa.wav"])
    assert find_named(folder, {"21": "male"}, "stop")[0][0].gender == "male"
    with pytest.raises(RecordingError, match=r"21a01Fa: speaker 21 is not one of 03, 08, 09"):
        find_named(folder, EMODB_SPEAKER_GENDERS, "stop")


def test_wrongly_named_recordings_stop_or_are_left_out(tmp_path):
    folder = make_folder(tmp_path, ["03a01Fa.wav", "take1.wav", "99a01Fa.wav"])
    with pytest.raises(UserError, match=r"2 problems of recordings: .*99a01Fa, take1\): speaker 99 is not one of"):
        find_named(folder, EMODB_SPEAKER_GENDERS, "stop")
    utterances, problems = find_named(folder, EMODB_SPEAKER_GENDERS, "skip")
    assert [u.recording for u in utterances] == ["03a01Fa"]
    assert [p.recording for p in problems] == ["99a01Fa", "take1"]


def test_without_recordings_it_says_where_to_get_them(tmp_path):
    corpus = CORPORA["emodb"]
    assert corpus.how_to_get.endswith("; --corpus=synthetic needs none")
    config = corpus.config(data_dir=str(tmp_path), on_error="skip")
    expected = f"{tmp_path}/wav: there are no wav files; {corpus.how_to_get}"
    with pytest.raises(UserError) as caught:
        corpus.find(config, tmp_path, 16000)
    assert str(caught.value) == expected
    make_folder(tmp_path, ["readme.txt"])
    with pytest.raises(UserError) as caught:
        corpus.find(config, tmp_path, 16000)
    assert str(caught.value) == expected


def make_unreadable(path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(path.parent / "nowhere")
    else:
        path.touch()
        access = os.access
        # Taking the permission away has no effect on the system's administrator.
        monkeypatch.setattr(os, "access", lambda p, mode: p != path and access(p, mode))


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("folder", r"08a01Wa\.wav is not a file; rename or remove it$"),
        ("link", r"08a01Wa\.wav is a link to a file that is not there; replace or remove it$"),
        ("forbidden", r"08a01Wa\.wav cannot be read; change its permissions or remove it$"),
    ],
)
@pytest.mark.parametrize(
    "find", [lambda d, e: find_named(d, EMODB_SPEAKER_GENDERS, e), find_listed], ids=["emodb", "listed"]
)
def test_what_cannot_be_read_stops_or_is_left_out(find, kind, message, tmp_path, monkeypatch):
    table = HEADER + "03a01Fa,03,male,joy,t\n08a01Wa,08,female,joy,t\n"
    folder = make_folder(tmp_path, ["03a01Fa.wav"], table)
    make_unreadable(folder / "wav" / "08a01Wa.wav", kind, monkeypatch)
    with pytest.raises(RecordingError, match=message) as caught:
        find(folder, "stop")
    assert caught.value.recording == "08a01Wa"
    utterances, problems = find(folder, "skip")
    assert [u.recording for u in utterances] == ["03a01Fa"]
    assert [p.recording for p in problems] == ["08a01Wa"]


def n_frames_of(path: Path) -> int:
    """Hops of 512 samples at 16.6 kHz in a file of 16 kHz."""
    return 1 + math.ceil(soundfile.info(path).frames * 16600 / 16000) // 512


def test_emodb_subset_is_table_1(emodb_dir, tmp_path):
    config = EmodbConfig(data_dir=str(emodb_dir), excluded_speakers=("09", "12"))
    found, problems = EMODB.find(config, tmp_path, 16000)
    assert (len(found), problems) == (535, [])
    chosen = select(found, config)
    n_frames = {u.recording: n_frames_of(u.path) for u in chosen}
    longer = longer_than(chosen, n_frames, config.max_frames)
    utterances = without(chosen, longer)
    assert {problem.recording for problem in longer} == {"08b03Tc", "08b02Tc", "16a05Tb", "08b09Tb"}
    assert max((n_frames[u.recording], u.recording) for u in utterances) == (202, "14b02Tc")
    expected = {(s, e): n for s, row in TABLE1.items() for e, n in zip(TABLE1_EMOTIONS, row, strict=True)}
    assert Counter((u.speaker, u.emotion) for u in utterances) == expected
    assert len(utterances) == 417


def test_wav_files_one_folder_too_high_are_said_to_be_so(tmp_path):
    (tmp_path / "03a01Fa.wav").touch()
    with pytest.raises(UserError, match="give the folder that has them in its folder wav"):
        find_named(tmp_path, EMODB_SPEAKER_GENDERS, "stop")
