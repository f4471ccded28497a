"""Sound files of every kind: right to the sample, and refused where they do not hold what their header says."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sound_bytes import CONTAINERS, LOSSLESS, LOSSY, RATE_HZ, chunk, extensible_fmt, fmt, riff, sound_bytes, speech_like

from convcam_jax.corpora.sounds.audio import read_recording
from convcam_jax.corpora.sounds.sound_files import read_channels, told_channels, told_samples
from convcam_jax.corpora.sounds.sound_remarks import sound_remarks
from convcam_jax.corpora.utterances import Source
from convcam_jax.system.errors import RecordingError
from convcam_jax.system.files import file_hash

RNG = np.random.default_rng(0)
INT16 = RNG.integers(-(2**15), 2**15, 2000).astype("<i2")
INT24 = RNG.integers(-(2**23), 2**23, 2000).astype("<i4")
INT32 = RNG.integers(-(2**31), 2**31, 2000).astype("<i4")
BYTES = RNG.integers(0, 256, 2000).astype(np.uint8)
FLOATS = RNG.uniform(-1, 1, 2000)


def a_law(codes: np.ndarray) -> np.ndarray:
    """ITU-T G.711, table 1a: sign, three bits of segment, four of the step within it; even bits are inverted."""
    codes = codes ^ 0x55
    segment, step = (codes >> 4) & 7, (codes & 15).astype(int)
    magnitude = np.where(segment == 0, 16 * step + 8, (16 * step + 264) << np.maximum(segment - 1, 0).astype(int))
    return np.where(codes & 128, magnitude, -magnitude) / 2**15


def mu_law(codes: np.ndarray) -> np.ndarray:
    """ITU-T G.711, table 2a: all bits are inverted."""
    codes = ~codes & 255
    segment, step = ((codes >> 4) & 7).astype(int), (codes & 15).astype(int)
    magnitude = (((step << 3) + 132) << segment) - 132
    return np.where(codes & 128, -magnitude, magnitude) / 2**15


def three_bytes(integers: np.ndarray) -> bytes:
    return integers.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


WAVS = {
    "8 bits": (riff(fmt(1, 8), chunk(b"data", BYTES.tobytes())), (BYTES.astype(float) - 128) / 2**7),
    "16 bits": (riff(fmt(1, 16), chunk(b"data", INT16.tobytes())), INT16 / 2**15),
    "24 bits": (riff(fmt(1, 24), chunk(b"data", three_bytes(INT24))), INT24 / 2**23),
    "32 bits": (riff(fmt(1, 32), chunk(b"data", INT32.tobytes())), INT32 / 2**31),
    "float": (riff(fmt(3, 32), chunk(b"data", FLOATS.astype("<f4").tobytes())), FLOATS.astype(np.float32)),
    "double": (riff(fmt(3, 64), chunk(b"data", FLOATS.astype("<f8").tobytes())), FLOATS),
    "A-law": (riff(fmt(6, 8), chunk(b"data", BYTES.tobytes())), a_law(BYTES)),
    "mu-law": (riff(fmt(7, 8), chunk(b"data", BYTES.tobytes())), mu_law(BYTES)),
    "extensible 16": (riff(extensible_fmt(1, 16, 16), chunk(b"data", INT16.tobytes())), INT16 / 2**15),
    "extensible 24": (riff(extensible_fmt(1, 24, 24), chunk(b"data", three_bytes(INT24))), INT24 / 2**23),
    "extensible float": (
        riff(extensible_fmt(3, 32, 32), chunk(b"data", FLOATS.astype("<f4").tobytes())),
        FLOATS.astype(np.float32),
    ),
    "chunks before": (riff(fmt(1, 16), chunk(b"LIST", b"x" * 7), chunk(b"data", INT16.tobytes())), INT16 / 2**15),
    "chunks behind": (riff(fmt(1, 16), chunk(b"data", INT16.tobytes()), chunk(b"id3 ", b"y" * 34)), INT16 / 2**15),
    "junk behind": (riff(fmt(1, 16), chunk(b"data", INT16.tobytes())) + b"\0" * 999, INT16 / 2**15),
    "length unknown": (
        riff(fmt(1, 16), b"data" + struct.pack("<I", 0xFFFFFFFF) + INT16.tobytes(), size=0xFFFFFFFF),
        INT16 / 2**15,
    ),
    "length unknown, size 0": (
        riff(fmt(1, 16), b"data" + struct.pack("<I", 0xFFFFFFFF) + INT16.tobytes(), size=0),
        INT16 / 2**15,
    ),
    "size 0": (riff(fmt(1, 16), chunk(b"data", INT16.tobytes()), size=0), INT16 / 2**15),
    "length unknown to SoX": (
        riff(fmt(1, 16), b"data" + struct.pack("<I", 0x7FFFF000) + INT16.tobytes(), size=0x7FFFF024),
        INT16 / 2**15,
    ),
}


def written(folder: Path, content: bytes, ending: str = ".wav") -> Path:
    path = folder / f"a{ending}"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("kind", WAVS)
def test_wav_files_of_all_kinds_are_read_to_the_sample(kind, tmp_path):
    content, expected = WAVS[kind]
    samples, rate_hz = read_channels(written(tmp_path, content))
    np.testing.assert_array_equal(samples[:, 0], expected)
    assert rate_hz == RATE_HZ


def test_a_file_is_read_whatever_bytes_it_is_called_by(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav"))
    path.write_bytes(sound_bytes(".wav", INT16))
    samples, _ = read_channels(path)
    np.testing.assert_array_equal(samples[:, 0], INT16 / 2**15)
    assert (told_samples(Source(path), RATE_HZ), told_channels(path)) == (len(INT16), 1)


@pytest.mark.parametrize("name", [None, "named.wav"], ids=["", "named wav"])
@pytest.mark.parametrize("ending", LOSSLESS)
def test_containers_without_loss_are_read_to_the_sample(ending, name, tmp_path):
    path = tmp_path / (name or f"a{ending}")
    path.write_bytes(sound_bytes(ending, INT16))
    samples, rate_hz = read_channels(path)
    np.testing.assert_array_equal(samples[:, 0], INT16 / 2**15)
    assert rate_hz == RATE_HZ


@pytest.mark.parametrize("ending", LOSSY)
def test_containers_with_loss_are_read_in_time_and_scale(ending, tmp_path):
    original = speech_like()
    samples, rate_hz = read_channels(written(tmp_path, sound_bytes(ending, original), ending))
    assert (len(samples), rate_hz) == (len(original), RATE_HZ)
    tone = np.sin(2 * np.pi * 200 * np.arange(16000) / RATE_HZ)
    # Both the phase and the size of the tone: a shift of one sample would lower the product by 0.3 %.
    assert samples[:, 0] @ tone / (tone @ tone) == pytest.approx(original @ tone / (tone @ tone), rel=0.02)
    assert np.corrcoef(samples[:, 0], original)[0, 1] > 0.98


@pytest.mark.parametrize(("start_s", "end_s"), [(0.0, 0.25), (0.25, 0.5), (0.7001, None), (0.5, 1.05)])
@pytest.mark.parametrize("ending", CONTAINERS)
def test_a_part_is_that_part_of_the_whole(ending, start_s, end_s, tmp_path):
    path = written(tmp_path, sound_bytes(ending, speech_like()), ending)
    whole, _ = read_channels(path)
    part, _ = read_channels(path, start_s, end_s)
    expected = whole[round(start_s * RATE_HZ) : None if end_s is None else round(end_s * RATE_HZ)]
    np.testing.assert_array_equal(part, expected)


@pytest.mark.parametrize(("start_s", "end_s"), [(1.0, None), (2.0, 3.0), (0.5, 1.2)])
def test_a_part_that_is_not_there_is_told(start_s, end_s, tmp_path):
    path = written(tmp_path, sound_bytes(".wav", speech_like()))
    with pytest.raises(RecordingError, match=r"a\.wav ends at 1\.00 s, and the part from .* does not lie in it"):
        read_channels(path, start_s, end_s)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("ending", CONTAINERS)
def test_a_file_that_was_cut_off_is_never_read(ending, share, tmp_path):
    content = sound_bytes(ending, speech_like())
    with pytest.raises(RecordingError, match=r"is cut off \(|cannot be read as audio") as caught:
        read_channels(written(tmp_path, content[: int(share * len(content))], ending))
    assert caught.value.kind in ("cut off", "no readable sound file")


@pytest.mark.parametrize("kind", ["8 bits", "24 bits", "float", "A-law", "extensible 16", "chunks before"])
def test_wav_files_of_all_kinds_that_were_cut_off_are_told(kind, tmp_path):
    content, _ = WAVS[kind]
    with pytest.raises(RecordingError, match="is cut off"):
        read_channels(written(tmp_path, content[: len(content) // 2]))


def test_a_byte_that_is_missing_costs_no_more_than_a_sample(tmp_path):
    content, expected = WAVS["16 bits"]
    samples, _ = read_channels(written(tmp_path, content[:-1]))
    np.testing.assert_array_equal(samples[:, 0], expected[:-1])


@pytest.mark.parametrize("rate_hz", [1, 100, 1999, 768001])
@pytest.mark.parametrize("ending", [".wav", ".aiff", ".w64", ".au"])
def test_rates_that_no_recording_has_are_refused(ending, rate_hz, tmp_path):
    path = written(tmp_path, sound_bytes(ending, speech_like(), rate_hz), ending)
    with pytest.raises(RecordingError, match=rf"has a sample rate of {rate_hz} Hz, which is none of speech") as caught:
        read_recording(Source(path), RATE_HZ, 0.04)
    assert caught.value.kind == "with an implausible sample rate"


@pytest.mark.parametrize(
    "content",
    [
        riff(fmt(1, 16, bytes_per_s=44100), chunk(b"data", INT16.tobytes())),
        # A size in the header that is too small: what follows is no chunk.
        riff(fmt(1, 16), b"data" + struct.pack("<I", 1000) + INT16.tobytes()),
        riff(fmt(1, 16), b"data" + struct.pack("<I", 0) + INT16.tobytes()),
    ],
    ids=["rate", "size", "no size"],
)
def test_headers_that_contradict_themselves_are_refused(content, tmp_path):
    with pytest.raises(RecordingError, match="contradicts itself"):
        read_channels(written(tmp_path, content))


def with_half_size(ending: str, seed: int) -> bytes:
    """A file of a second whose header, and nothing else, speaks of half of it."""
    content = bytearray(sound_bytes(ending, speech_like(seed=seed)))
    if ending == ".wav":
        struct.pack_into("<I", content, 4, struct.unpack_from("<I", content, 4)[0] - 16000)
        struct.pack_into("<I", content, 40, 16000)
    elif ending == ".au":
        struct.pack_into(">I", content, 8, 16000)
    elif ending == ".caf":
        at = content.index(b"data") + 4
        struct.pack_into(">q", content, at, 4 + 16000)
    else:
        # 36 bits of the number of samples, behind 4 of others.
        struct.pack_into(">I", content, 22, 8000)
    return bytes(content)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ending", [".wav", ".au", ".caf", ".flac"])
def test_sound_behind_what_the_header_speaks_of_is_told(ending, seed, tmp_path):
    path = tmp_path / f"a{ending}"
    path.write_bytes(with_half_size(ending, seed))
    assert soundfile.info(path).frames == 8000
    with pytest.raises(RecordingError, match="contradicts itself"):
        read_channels(path)


@pytest.mark.parametrize("filling", [b"", bytes(64), b"ID3\x04" + bytes(range(60)), b"TAG" + b"\xff" * 125])
@pytest.mark.parametrize("ending", [".wav", ".au"])
def test_a_tag_or_zeros_behind_the_end_are_no_sound(ending, filling, tmp_path):
    path = tmp_path / f"a{ending}"
    path.write_bytes(sound_bytes(ending, speech_like()) + filling)
    assert len(read_channels(path)[0]) == 16000


def test_silence_behind_a_chunk_that_is_too_small_is_followed_by_sound(tmp_path):
    samples = np.concatenate([INT16, np.zeros(1000, "<i2"), INT16])
    content = bytearray(riff(fmt(1, 16), chunk(b"data", samples.tobytes())))
    struct.pack_into("<I", content, 40, INT16.nbytes)
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(RecordingError, match="the size of its data chunk"):
        read_channels(tmp_path / "a.wav")


@pytest.mark.parametrize("told", [0, INT16.nbytes // 2])
@pytest.mark.parametrize("size", [0, 4, 36])
def test_sizes_that_a_program_has_left_behind_are_told_where_there_is_sound(size, told, tmp_path):
    content = riff(fmt(1, 16), b"data" + struct.pack("<I", told) + INT16.tobytes(), size=size)
    with pytest.raises(RecordingError, match="the size of its data chunk"):
        read_channels(written(tmp_path, content))


@pytest.mark.parametrize(
    ("ending", "name", "at", "left_behind"),
    [(".rf64", b"ds64", 8, bytes(24)), (".aiff", b"SSND", 4, struct.pack(">I", 8))],
)
def test_a_file_that_a_killed_program_has_left_with_no_frames_is_not_called_empty(
    ending, name, at, left_behind, tmp_path
):
    assert read_channels(written(tmp_path, sound_bytes(ending, np.zeros(0)), ending))[0].size == 0
    content = bytearray(sound_bytes(ending, speech_like()))
    start = content.index(name) + at
    content[start : start + len(left_behind)] = left_behind
    if ending == ".aiff":
        start = content.index(b"COMM") + 10
        content[start : start + 4] = bytes(4)
    with pytest.raises(RecordingError, match=r"contradicts itself \(the size of its data chunk\)"):
        read_channels(written(tmp_path, bytes(content), ending))


@pytest.mark.parametrize("ending", [".ogg", ".opus", ".flac", ".au"])
def test_several_files_in_one_are_told(ending, tmp_path):
    path = tmp_path / f"a{ending}"
    path.write_bytes(b"".join(sound_bytes(ending, speech_like(seed=seed)) for seed in (0, 1)))
    with pytest.raises(RecordingError, match="contradicts itself"):
        read_channels(path)


def test_an_ogg_file_of_which_a_page_is_missing_is_refused(tmp_path):
    content = sound_bytes(".ogg", speech_like(10 * RATE_HZ))
    starts = [at for at in range(len(content)) if content.startswith(b"OggS", at)]
    assert len(starts) > 5
    (tmp_path / "a.ogg").write_bytes(content[: starts[3]] + content[starts[4] :])
    with pytest.raises(RecordingError, match="a page that is missing"):
        read_channels(tmp_path / "a.ogg")


@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24"])
def test_samples_of_a_flac_file_are_held_to_its_checksum(subtype, tmp_path):
    path = tmp_path / "a.flac"
    stereo = np.stack([speech_like(), speech_like(seed=1)], axis=1)
    soundfile.write(path, stereo, RATE_HZ, subtype=subtype)
    assert read_channels(path)[0].shape == stereo.shape
    content = bytearray(path.read_bytes())
    content[30] ^= 1
    path.write_bytes(content)
    with pytest.raises(RecordingError, match="the checksum of its samples"):
        read_channels(path)
    # Zeros stand for a hash that is not known, and of a part there is none.
    assert len(read_channels(path, 0.25, 0.5)[0]) == RATE_HZ // 4
    content[26:42] = bytes(16)
    path.write_bytes(content)
    assert read_channels(path)[0].shape == stereo.shape


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["pipe", "device"])
def test_what_has_no_end_is_not_read(make, tmp_path):
    path = tmp_path / "a.wav"
    make(path)
    with pytest.raises(RecordingError, match=r"a\.wav is not a file; rename or remove it"):
        read_channels(path)
    assert told_samples(Source(path), RATE_HZ) == 0
    assert file_hash(path) == ""


def test_an_ogg_file_of_which_a_page_is_damaged_is_refused(tmp_path):
    content = bytearray(sound_bytes(".ogg", speech_like()))
    content[-20] ^= 1
    with pytest.raises(RecordingError, match=r"contradicts itself \(the checksum of a page\)"):
        read_channels(written(tmp_path, bytes(content), ".ogg"))


@pytest.mark.parametrize(
    ("content", "ending", "message"),
    [
        (b"", ".wav", "cannot be read as audio"),
        (b"<!DOCTYPE html><html>404</html>", ".mp3", "cannot be read as audio"),
        (bytes.fromhex("0005160700020000") + bytes(4000), ".wav", "cannot be read as audio"),
        (INT16.tobytes(), ".wav", "cannot be read as audio"),
        (INT16.tobytes(), ".raw", "has no header that tells its rate"),
        (riff(fmt(1, 16, channels=200), chunk(b"data", INT16.tobytes())), ".wav", "has 200 channels, more than 32"),
    ],
    ids=["nothing", "html", "AppleDouble", "headerless", "raw", "channels"],
)
def test_what_is_no_sound_file_is_told_in_one_line(content, ending, message, tmp_path):
    with pytest.raises(RecordingError, match=message) as caught:
        read_channels(written(tmp_path, content, ending))
    assert "\n" not in str(caught.value)


def recording_of(samples: np.ndarray, folder: Path, rate_hz: int = RATE_HZ):
    soundfile.write(folder / "a.wav", samples, rate_hz, subtype="DOUBLE")
    return read_recording(Source(folder / "a.wav"), RATE_HZ, 0.04, "mix")


@pytest.mark.parametrize("scale", [2**15, 2**23, 2**31, 1e30, 11 / 0.3])
def test_samples_far_beyond_full_scale_are_refused(scale, tmp_path):
    with pytest.raises(RecordingError, match=r"where full scale is 1 .*; divide them by full scale") as caught:
        recording_of(scale * speech_like(), tmp_path)
    assert caught.value.kind == "far beyond full scale"


@pytest.mark.parametrize("scale", [1e-12, 1e-30, 1e-300])
def test_samples_that_are_as_good_as_silent_are_refused(scale, tmp_path):
    with pytest.raises(RecordingError, match="as good as silent"):
        recording_of(scale * speech_like(), tmp_path)


def test_the_step_of_16_bits_is_loud_enough(tmp_path):
    assert recording_of(np.sign(speech_like()) / 2**15, tmp_path).facts.peak == 2**-15


@pytest.mark.parametrize(("scale", "offset"), [(1e-7, 0.1), (1e-7, -0.5), (1e-7, 0.0)])
def test_silence_is_told_without_the_offset(scale, offset, tmp_path):
    with pytest.raises(RecordingError, match="as good as silent"):
        recording_of(scale * np.sign(speech_like()) + offset, tmp_path)


def test_the_peak_is_that_without_the_offset(tmp_path):
    without = speech_like() - speech_like().mean()
    assert recording_of(without + 0.6, tmp_path).facts.peak == pytest.approx(np.abs(without).max())


@pytest.mark.parametrize("offset", [0.6, -0.6, 0.1])
def test_an_offset_that_speech_has_not_is_taken_away(offset, tmp_path):
    without = speech_like() - speech_like().mean()
    recording = recording_of(without + offset, tmp_path)
    assert recording.facts.removed_offset == pytest.approx(offset)
    np.testing.assert_allclose(recording.samples, without, atol=1e-12)


@pytest.mark.parametrize("offset", [0.0, 0.01, -0.01])
def test_an_offset_that_speech_has_is_left(offset, tmp_path):
    samples = speech_like() - speech_like().mean() + offset
    recording = recording_of(samples, tmp_path)
    assert recording.facts.removed_offset == 0
    np.testing.assert_array_equal(recording.samples, samples)


@pytest.mark.parametrize("corpus", ["emodb_dir", "ravdess_dir"])
def test_real_recordings_are_left_as_they_are(corpus, request):
    paths = sorted(request.getfixturevalue(corpus).rglob("*.wav"))[::25]
    assert len(paths) > 5
    facts = {path.stem: read_recording(Source(path), RATE_HZ, 0.04, "mix").facts for path in paths}
    assert {sound.removed_offset for sound in facts.values()} == {0}
    assert not any("full scale" in remark or "clipped" in remark for remark in sound_remarks(facts, RATE_HZ))


def test_equal_sounds_have_equal_hashes_whatever_the_container(tmp_path):
    paths = [written(tmp_path, sound_bytes(ending, INT16), ending) for ending in LOSSLESS]
    hashes = {read_recording(Source(path), RATE_HZ, 0.04).facts.sha256 for path in paths}
    assert len(hashes) == 1
    assert hashes != {recording_of(INT16[::-1] / 2**15, tmp_path).facts.sha256}
