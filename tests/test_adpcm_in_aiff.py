"""IMA ADPCM in AIFF-C, whose header counts packets: read to the sample, and refused where it tells other ones."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sound_bytes import RATE_HZ, speech_like

from convcam_jax.corpora.sounds.sound_files import read_channels, told_samples
from convcam_jax.corpora.utterances import Source
from convcam_jax.system.errors import RecordingError


def adpcm_aiff(n_samples: int, n_channels: int, told: int | None = None) -> bytes:
    """A file as libsndfile writes it, or with the number of frames in its header that is `told`."""
    buffer = io.BytesIO()
    sound = np.stack([speech_like(n_samples, seed) for seed in range(n_channels)], axis=1)
    soundfile.write(buffer, sound, RATE_HZ, format="AIFF", subtype="IMA_ADPCM")
    content = bytearray(buffer.getvalue())
    if told is not None:
        struct.pack_into(">I", content, content.index(b"COMM") + 10, told)
    return bytes(content)


def written(content: bytes, folder: Path) -> Path:
    path = folder / "a.aiff"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("n_samples", "n_channels", "told"),
    [
        *((16000, 1, None), (16001, 1, None), (16000, 2, None), (16001, 2, None)),
        # As the format has it, the packets of each channel; and frames.
        *((16000, 2, 250), (16001, 2, 251), (16000, 2, 16000)),
    ],
)
def test_packets_of_adpcm_in_aiff_are_read_to_the_sample(n_samples, n_channels, told, tmp_path):
    path = written(adpcm_aiff(n_samples, n_channels, told), tmp_path)
    samples, rate_hz = read_channels(path)
    # The last packet of 64 frames is full.
    assert (samples.shape, rate_hz) == ((-(-n_samples // 64) * 64, n_channels), RATE_HZ)
    np.testing.assert_array_equal(samples, soundfile.read(path, always_2d=True)[0])
    for channel in range(n_channels):
        assert np.corrcoef(samples[:n_samples, channel], speech_like(n_samples, channel))[0, 1] > 0.98
    np.testing.assert_array_equal(read_channels(path, 0.25, 0.5)[0], samples[4000:8000])
    assert told_samples(Source(path), RATE_HZ) == len(samples)


@pytest.mark.parametrize("told", [0, 1, 124, 126, 249, 251, 15999])
def test_adpcm_in_aiff_that_tells_another_number_of_packets_is_refused(told, tmp_path):
    with pytest.raises(RecordingError, match=r"contradicts itself \(two numbers of frames\)"):
        read_channels(written(adpcm_aiff(16000, 2, told), tmp_path))


@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.9, 0.99])
def test_adpcm_in_aiff_that_was_cut_off_is_told(share, n_channels, tmp_path):
    content = adpcm_aiff(16000, n_channels)
    with pytest.raises(RecordingError, match=r"is cut off \(|cannot be read as audio"):
        read_channels(written(content[: int(share * len(content))], tmp_path))
