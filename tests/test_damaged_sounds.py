"""Sound files with random damage: one line says what is wrong, or what is read is what was there."""

import random
import re
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from sound_bytes import CONTAINERS, RATE_HZ, sound_bytes, speech_like

from convcam_jax.corpora.sounds.audio import Recording, read_recording
from convcam_jax.corpora.utterances import Source
from convcam_jax.system.errors import RecordingError

FEW, MANY = 24, 300
SECTOR_BYTES = 512
# That of CAF, which libsndfile fills up.
LONGEST_HEADER_BYTES = 4096
# With checksums all along: what was damaged is never read.
WITH_CHECKSUMS = (".flac", ".ogg", ".opus")
# MP3 has nothing by which damage could be told but its number of frames.
WITHOUT_ANY_CHECK = (".mp3",)
# Header with a rate and sizes that stand there once; a change is another rate or size, as good as the first.
SAID_ONCE = (".aiff", ".au", ".caf", ".sph", ".mp3")
ORIGINAL = speech_like(8000)


class Damage(NamedTuple):
    """A damaged file, and the bytes that were touched."""

    content: bytes
    first: int
    last: int


def cut(content: bytes, draw: random.Random) -> Damage:
    length = draw.randrange(len(content))
    return Damage(content[:length], length, len(content))


def header_bytes(content: bytes, draw: random.Random) -> Damage:
    changed = bytearray(content)
    places = [draw.randrange(44) for _ in range(draw.randint(1, 3))]
    for place in places:
        changed[place] = draw.randrange(256)
    return Damage(bytes(changed), min(places), max(places) + 1)


def flipped_bit(content: bytes, draw: random.Random) -> Damage:
    place = draw.randrange(len(content) // 4, len(content))
    changed = bytearray(content)
    changed[place] ^= 1 << draw.randrange(8)
    return Damage(bytes(changed), place, place + 1)


def lost_sector(content: bytes, draw: random.Random) -> Damage:
    place = draw.randrange(len(content) // 4, len(content) - SECTOR_BYTES)
    return Damage(content[:place] + bytes(SECTOR_BYTES) + content[place + SECTOR_BYTES :], place, place + SECTOR_BYTES)


def some_bytes(content: bytes, draw: random.Random) -> Damage:
    """Up to three bytes in a row, half of them where long headers and tables of seek points are."""
    place = draw.randrange(min(512, len(content)) if draw.random() < 0.5 else len(content))
    new = bytes(draw.randrange(256) for _ in range(draw.randint(1, 3)))
    return Damage(content[:place] + new + content[place + len(new) :], place, place + len(new))


DAMAGES = (cut, header_bytes, flipped_bit, lost_sector, some_bytes)


def read_or_problem(path: Path) -> tuple[str, Recording | None]:
    try:
        return "", read_recording(Source(path), RATE_HZ, 0.04)
    except RecordingError as error:
        return str(error), None


def check(ending: str, damage, n_files: int, folder: Path) -> None:
    content = sound_bytes(ending, ORIGINAL)
    path = folder / f"a{ending}"
    path.write_bytes(content)
    whole = read_recording(Source(path), RATE_HZ, 0.04).samples
    draw = random.Random(f"{ending} {damage.__name__}")
    n_told = 0
    for number in range(n_files):
        damaged = damage(content, draw)
        path.write_bytes(damaged.content)
        problem, recording = read_or_problem(path)
        if recording is None:
            n_told += 1
            assert "\n" not in problem
            assert str(path) in problem
        else:
            # The number makes the one case again.
            assert_right(ending, damage, damaged, recording, whole, number)
    if damage is cut:
        assert n_told >= 0.99 * n_files


def assert_right(ending, damage, damaged, recording, whole, number) -> None:
    samples = recording.samples
    in_header = damage is header_bytes or (damage is some_bytes and damaged.first < LONGEST_HEADER_BYTES)
    if in_header and ending in SAID_ONCE:
        assert np.isfinite(samples).all()
        return
    assert (recording.facts.file_rate_hz, recording.facts.n_channels) == (RATE_HZ, 1), number
    if damage is cut:
        assert len(samples) >= 0.999 * len(whole), number
        np.testing.assert_array_equal(samples, whole[: len(samples)])
        return
    if ending in WITHOUT_ANY_CHECK:
        assert 0.9 * len(whole) < len(samples) <= len(whole), number
        return
    assert len(samples) == len(whole), number
    n_changed = int((samples != whole).sum())
    # Samples of two bytes, the first of which may be half touched.
    touched = 0 if ending in WITH_CHECKSUMS else (damaged.last - damaged.first) // 2 + 1
    assert n_changed <= touched, number


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("ending", CONTAINERS)
def test_a_few_damaged_files(ending, damage, tmp_path):
    check(ending, damage, FEW // len(DAMAGES), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("ending", CONTAINERS)
def test_three_hundred_damaged_files_of_each_container(ending, damage, tmp_path):
    check(ending, damage, MANY // len(DAMAGES), tmp_path)


TAGS = {"none": b"", "at the end": b"TAG" + bytes(125), "in front": b"ID3\x03\0\0\0\0\x01\x02" + bytes(130)}


def counted_mp3(samples: np.ndarray) -> bytes:
    return sound_bytes(".mp3", samples)


def uncounted_mp3(samples: np.ndarray) -> bytes:
    """An MP3 that tells its number of bytes without those of its first frame, as some programs do."""
    content = bytearray(counted_mp3(samples))
    told = re.search(rb"(?:Xing|Info)\0\0\0[\x03\x07\x0f].{4}", content, re.DOTALL).end()
    n_first = content.index(content[:2], 4)
    struct.pack_into(">I", content, told, struct.unpack_from(">I", content, told)[0] - n_first)
    return bytes(content)


@pytest.mark.parametrize(("n_samples", "rate_hz"), [(64000, RATE_HZ), (64000, 44100), (4000, RATE_HZ), (8000, 44100)])
@pytest.mark.parametrize("between", TAGS.values(), ids=TAGS)
@pytest.mark.parametrize("own", [counted_mp3, uncounted_mp3])
def test_an_mp3_behind_an_mp3_is_told_since_only_the_first_would_be_read(own, between, n_samples, rate_hz, tmp_path):
    path = tmp_path / "a.mp3"
    path.write_bytes(
        TAGS["in front"]
        + own(speech_like(32000))
        + between
        + sound_bytes(".mp3", speech_like(n_samples, seed=1), rate_hz)
    )
    with pytest.raises(
        RecordingError, match=r"contradicts itself \(the number of its bytes: behind them there is anoth"
    ):
        read_recording(Source(path), RATE_HZ, 0.04)


@pytest.mark.parametrize("behind", [TAGS["none"], TAGS["at the end"], b"APETAGEX" + bytes(400)])
@pytest.mark.parametrize("n_silent", [0, RATE_HZ])
def test_an_mp3_whose_first_frame_is_not_counted_is_read(n_silent, behind, tmp_path):
    """Also where as many bytes at its end are several frames, of silence."""
    content = uncounted_mp3(np.append(speech_like(32000 - n_silent), np.zeros(n_silent)))
    (tmp_path / "a.mp3").write_bytes(content + behind)
    assert len(read_recording(Source(tmp_path / "a.mp3"), RATE_HZ, 0.04).samples) == 32000


def changed_bytes(ending: str, at: int, new: bytes) -> bytes:
    content = bytearray(sound_bytes(ending, speech_like()))
    content[at : at + len(new)] = new
    return bytes(content)


@pytest.mark.parametrize("tag", [TAGS["none"], TAGS["in front"]], ids=["", "behind a tag"])
@pytest.mark.parametrize(
    ("ending", "at", "new", "message"),
    [
        (".flac", 18, (8000 << 4).to_bytes(3, "big"), "contradicts itself (two sample rates)"),
        (".flac", 30, b"none", "contradicts itself (the checksum of its samples)"),
        (".flac", 22, bytes(4), "does not tell its length, as a FLAC stream that was not finished; convert it"),
        (".wav", 40, struct.pack("<I", 16000), "contradicts itself (the size of its data chunk)"),
        (".au", 8, struct.pack(">I", 16000), "contradicts itself (the size of its data)"),
    ],
)
def test_headers_that_contradict_their_files_are_told_behind_a_tag_as_well(ending, at, new, message, tag, tmp_path):
    path = tmp_path / f"a{ending}"
    path.write_bytes(tag + sound_bytes(ending, speech_like()))
    assert len(read_recording(Source(path), RATE_HZ, 0.04).samples) == 16000
    path.write_bytes(tag + changed_bytes(ending, at, new))
    with pytest.raises(RecordingError, match=re.escape(message)):
        read_recording(Source(path), RATE_HZ, 0.04)


def test_parts_before_the_end_of_a_flac_that_does_not_tell_its_length_are_read(tmp_path):
    (tmp_path / "a.flac").write_bytes(changed_bytes(".flac", 22, bytes(4)))
    (tmp_path / "b.flac").write_bytes(sound_bytes(".flac", speech_like()))
    one, whole = (read_recording(Source(tmp_path / f"{name}.flac", 0.2, 0.5), RATE_HZ, 0.04) for name in "ab")
    np.testing.assert_array_equal(one.samples, whole.samples)


def test_a_tag_whose_size_has_8_bits_in_a_byte_is_passed_over_as_by_libsndfile(tmp_path):
    (tmp_path / "a.au").write_bytes(b"ID3\x03\0\0\x80\0\x01\x02" + bytes(130) + sound_bytes(".au", speech_like()))
    assert len(read_recording(Source(tmp_path / "a.au"), RATE_HZ, 0.04).samples) == 16000


@pytest.mark.parametrize("behind", [*TAGS.values(), bytes(5000), b"APETAGEX" + bytes(4000)])
def test_an_mp3_with_tags_or_filling_is_read(behind, tmp_path):
    own = sound_bytes(".mp3", speech_like(32000))
    (tmp_path / "plain.mp3").write_bytes(own)
    (tmp_path / "more.mp3").write_bytes(TAGS["in front"] + own + behind)
    plain, more = (read_recording(Source(tmp_path / f"{name}.mp3"), RATE_HZ, 0.04) for name in ("plain", "more"))
    np.testing.assert_array_equal(plain.samples, more.samples)
