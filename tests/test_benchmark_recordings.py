"""The recordings whose features the benchmark's programs compute."""

import numpy as np
import parselmouth
import pytest
import soundfile

from convcam_jax.benchmark.inputs import write_wavs
from convcam_jax.corpora.sounds.audio import SoundFacts
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.data.dataset import Dataset
from convcam_jax.settings.config import Config


@pytest.mark.parametrize(("channels", "channel"), [("refuse", 1), ("mix", None)])
def test_parts_of_a_file_are_measured_as_they_are_whatever_its_format(tmp_path, channels, channel):
    """As Praat reads them, which knows no .ogg: the third tenth of a second of ten, of other loudness than the rest."""
    loudness = np.repeat(np.arange(1, 11) / 40, 800)
    tone = loudness * np.sin(2 * np.pi * 200 * np.arange(8000) / 8000)
    soundfile.write(tmp_path / "long.ogg", np.stack([0 * tone, tone], axis=1), 8000)
    part = Utterance("a", "", "", "", "", tmp_path / "long.ogg", (), 0.2, 0.3, channel)
    whole = part._replace(recording="b", start_s=0.0, end_s=None)
    sound = SoundFacts(0.1, 8000, 1, 1.0, 0.0, 0.0, "")
    config = Config(corpus=SyntheticConfig(channels=channels))
    wavs = write_wavs(Dataset((part, whole), (), (), (), (sound, sound)), config, 2, tmp_path)
    read = {len(own.values[0]): own for own in map(parselmouth.Sound, map(str, wavs))}
    assert sorted(read) == [800, 8000]
    assert {own.sampling_frequency for own in read.values()} == {8000}
    peak = 3 / 40 if channels == "refuse" else 3 / 80
    assert np.abs(read[800].values).max() == pytest.approx(peak, rel=0.1)
