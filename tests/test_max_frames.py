"""How many frames the network's input has where the config does not say: as many as the recordings need."""

from dataclasses import replace
from pathlib import Path

import pytest
from sound_bytes import CONTAINERS, RATE_HZ, sound_bytes, speech_like

from convcam_jax.corpora.config import FROM_CORPUS
from convcam_jax.corpora.listed import ListedConfig
from convcam_jax.corpora.sounds.audio import read_recording
from convcam_jax.corpora.sounds.sound_files import told_samples
from convcam_jax.corpora.utterances import Source, Utterance
from convcam_jax.representations import REPRESENTATIONS
from convcam_jax.representations.cqt import Cqt
from convcam_jax.representations.lengths import LONGEST_BY_DEFAULT_S, frames_for
from convcam_jax.settings.config import Config
from convcam_jax.stages.preparation import with_max_frames


@pytest.mark.parametrize("ending", CONTAINERS)
@pytest.mark.parametrize(("start_s", "end_s"), [(0.0, None), (0.1, None), (0.05, 0.31)])
def test_headers_tell_as_many_samples_as_are_read(ending, start_s, end_s, tmp_path):
    path = tmp_path / f"a{ending}"
    path.write_bytes(sound_bytes(ending, speech_like(8001)))
    source = Source(path, start_s, end_s)
    assert told_samples(source, 12000) == len(read_recording(source, 12000, 0.04).samples)


def test_what_cannot_be_read_tells_nothing(tmp_path):
    for name, content in {"a.wav": b"", "b.wav": b"RIFF no sound", "c.raw": bytes(100)}.items():
        (tmp_path / name).write_bytes(content)
        assert told_samples(Source(tmp_path / name), RATE_HZ) == 0
    assert told_samples(Source(tmp_path / "missing.wav"), RATE_HZ) == 0
    assert told_samples(Source(tmp_path), RATE_HZ) == 0


@pytest.mark.parametrize("name", REPRESENTATIONS)
def test_the_longest_recording_has_just_so_many_frames(name):
    representation = REPRESENTATIONS[name]()
    assert frames_for([16000, 40000, 0], representation) == representation.n_frames(40000)


def test_one_long_recording_does_not_make_all_inputs_long():
    limit = Cqt().n_frames(round(16000 * LONGEST_BY_DEFAULT_S))
    assert limit == 325
    assert frames_for([16000, 9_600_000], Cqt()) == limit
    # Nothing is known of any.
    assert frames_for([0, 0], Cqt()) == frames_for([], Cqt()) == limit


def utterances(folder: Path, seconds: list[float]) -> list[Utterance]:
    for number, length_s in enumerate(seconds):
        (folder / f"{number}.wav").write_bytes(sound_bytes(".wav", speech_like(round(length_s * RATE_HZ))))
    names = [f"{number}" for number in range(len(seconds))]
    return [Utterance(name, "s", "female", "anger", "t", folder / f"{name}.wav") for name in names]


def test_the_number_and_the_share_of_longer_ones_are_said(tmp_path, capsys):
    config = with_max_frames(Config(corpus=ListedConfig()), utterances(tmp_path, [1, 2, 11, 1.5]))
    assert config.corpus.max_frames == 325
    assert config.grid == (96, 325)
    said = capsys.readouterr().err
    assert said == "corpus.max_frames is 325 (10.0 s): 1 of 4 recordings (25.0 %) are longer\n"
    short = with_max_frames(Config(corpus=ListedConfig()), utterances(tmp_path, [1, 2]))
    assert short.corpus.max_frames == Cqt().n_frames(2 * RATE_HZ)
    # What the network needs at least.
    assert with_max_frames(Config(corpus=ListedConfig()), utterances(tmp_path, [0.2])).corpus.max_frames == 22


def test_a_number_that_is_given_is_kept(tmp_path, capsys):
    config = Config(corpus=ListedConfig(max_frames=100))
    assert with_max_frames(config, utterances(tmp_path, [5])) == config
    assert capsys.readouterr().err == ""
    assert replace(config.corpus, max_frames=FROM_CORPUS) == ListedConfig()
