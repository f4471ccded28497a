"""Which recordings of a folder of sounds maps from elsewhere are of, and what is told of those."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import soundfile

from convcam_jax.corpora.listed import ListedConfig
from convcam_jax.representations import cache
from convcam_jax.settings.config import Config
from convcam_jax.stages import given_maps
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.errors import UserError
from convcam_jax.system.formats import read_csv

RATE_HZ = 16000
# By their recordings: durations in seconds, speakers and emotions.
RECORDINGS = {
    "a": (0.4, "Ada", "anger"),
    "b": (0.5, "Ada", "fear"),
    "c": (0.4, "Bea", "anger"),
    "d": (0.5, "Bea", "fear"),
    "sad": (0.4, "Bea", "sadness"),
    "long": (1.5, "Ada", "anger"),
}
MAP = np.ones((90, 5))


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    """The config of a folder of noises, and two that are silent; no other process computes features."""
    monkeypatch.setattr(
        cache, "_compute_all", lambda sources, config: (cache.compute_entry(source, config) for source in sources)
    )
    folder, generator = tmp_path / "corpus", np.random.default_rng(0)
    folder.mkdir()
    for name, (duration_s, _, _) in RECORDINGS.items():
        soundfile.write(folder / f"{name}.wav", 0.1 * generator.normal(size=round(duration_s * RATE_HZ)), RATE_HZ)
    for name in ("silent1", "silent2"):
        soundfile.write(folder / f"{name}.wav", np.zeros(RATE_HZ), RATE_HZ)
    rows = [(name, *words) for name, (_, *words) in RECORDINGS.items()]
    rows += [("silent1", "Ada", "anger"), ("silent2", "Bea", "fear")]
    lines = [f"{name}.wav,{speaker},{emotion},female\n" for name, speaker, emotion in rows]
    (folder / "utterances.csv").write_text("file,speaker,emotion,gender\n" + "".join(lines))
    return ListedConfig(data_dir=str(folder), emotions=("anger", "fear"), max_frames=34)


def begin(tmp_path, corpus, names):
    """A run of a map of the last convolution for each of the `names`."""
    path = tmp_path / "maps.npz"
    np.savez(path, **dict.fromkeys(names, MAP))
    config = Config(experiment="analyse_maps", corpus=corpus)
    return given_maps.begin(RunSettings(config, tmp_path / "run", tmp_path / "cache"), path, given_maps.read_maps(path))


@pytest.mark.parametrize(
    ("names", "excluded", "message"),
    [
        ("acd", ("Bea",), "2 of excluded speakers (c, d): its speaker Bea is one of corpus.excluded_speakers"),
        (("a", "sad"), (), "1 labelled sadness (sad): its emotion sadness is none of corpus.emotions"),
        (("a", "silent1", "silent2"), (), "2 silent (silent1, silent2): {folder}/silent1.wav is silent"),
    ],
)
def test_maps_of_recordings_that_are_not_used_are_told_why(tmp_path, corpus, names, excluded, message):
    config = dataclasses.replace(corpus, excluded_speakers=excluded)
    with pytest.raises(UserError) as error:
        begin(tmp_path, config, names)
    expected = f"--maps: arrays of recordings that are not used: {message.format(folder=corpus.data_dir)}"
    assert str(error.value).startswith(expected)
    assert str(error.value).endswith("; mend that, or leave these arrays out")
    assert not (tmp_path / "run").exists()


def test_recordings_without_a_map_may_be_no_good(tmp_path, corpus):
    assert [u.recording for u in begin(tmp_path, corpus, "ab").dataset.utterances] == ["a", "b"]


def test_what_is_odd_about_the_sounds_is_told_and_kept(tmp_path, corpus, capsys):
    folder = Path(corpus.data_dir)
    samples, _ = soundfile.read(folder / "a.wav")
    soundfile.write(folder / "b.wav", np.stack([samples, samples], axis=1), 2 * RATE_HZ)
    # The sound of an angry recording under fear.
    (folder / "d.wav").write_bytes((folder / "c.wav").read_bytes())
    run = begin(tmp_path, corpus, "abcd")
    said = capsys.readouterr().err
    assert "1 of 4 recordings are not at 16000 Hz and were resampled: 1 of 32000 Hz" in said
    assert "1 of 4 recordings have several channels and were mixed down to one: b" in said
    assert (
        "recordings that a run leaves out, whose maps count all the same: "
        "2 equal to a recording with another emotion or speaker (c, d)" in said
    )
    table = read_csv(run.workdir / "sounds.csv")
    assert table["recording"].tolist() == list("abcd")
    assert table["file_rate_hz"].tolist() == [16000, 32000, 16000, 16000]


@pytest.mark.parametrize(
    ("longer", "durations_s"),
    [
        ("crop", {"a": 0.4, "long": 1.048}),
        ("split", {"a": 0.4, "long_0.000-0.750": 0.75, "long_0.750-1.500": 0.75}),
        ("split", {"long_0.750-1.500": 0.75}),
    ],
)
def test_long_recordings_are_cut_as_those_of_a_run(tmp_path, corpus, longer, durations_s):
    dataset = begin(tmp_path, dataclasses.replace(corpus, longer=longer), durations_s).dataset
    found = {u.recording: sound.duration_s for u, sound in zip(dataset.utterances, dataset.sounds, strict=True)}
    assert found == pytest.approx(durations_s, abs=1e-3)


def test_maps_of_recordings_that_are_divided_are_refused(tmp_path, corpus):
    with pytest.raises(UserError, match=r"array long: there is no such recording"):
        begin(tmp_path, dataclasses.replace(corpus, longer="split"), ["a", "long"])
