"""Whether a sound file holds what its header says.

By what libsndfile notes while it reads a header, and by what it does not look at: it reads what is there, also where a
file was cut off, and believes a header that was changed.
"""

import re
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

# Less is lost when a file ends within a sample, or is not filled up to an even number of bytes.
LOST_SHARE = 0.001
# What programs write that do not know yet how long a recording will be (0x7FFFF000: SoX; 0xFFFFFFFF: others).
UNKNOWN_SIZE = 0x7FFFF000
# Sizes in bytes and counts of frames in libsndfile's notes: the header's and the file's.
_SIZES = re.compile(r"^ *(?:data|SSND|Data Size|riff) *: (\d+) \(should be (\d+)\)", re.MULTILINE)
_DS64_FRAMES = re.compile(r"frame count (\d+) does not match value from 'ds64' chunk of (\d+)")
_RATES = re.compile(r"^ *(?:Bytes/sec|Block Align) *: \d+ \(should be \d+\)", re.MULTILINE)
_COMM_FRAMES = re.compile(
    r"Frame count read from 'COMM' chunk \((\d+)\) not equal to frame count\W+calculated from .* \((\d+)\)"
)
_N_CHANNELS = re.compile(r"^ *Channels *: (\d+)", re.MULTILINE)
_IMA_CODING, _IMA_PACKET_FRAMES = re.compile(r"^ *Encoding *: ima4$", re.MULTILINE), 64
_NIST_FRAMES = re.compile(rb"sample_count -i (\d+)")
_NIST_HEADER_BYTES = 1024
# With a chunk in it: the name of the format, and a chunk's name and size.
_LEAST_RIFF_BYTES = 4 + 8
# How a file of chunks begins, and the order of bytes in it; of RIFX, whose order is another, nothing is known.
_CHUNK_ORDERS = {b"RIFF": "<", b"RF64": "<", b"FORM": ">"}
_CHUNK_NAME = re.compile(rb"[ -~]{4}")
# By the code in the header of a frame; other codes say that it stands elsewhere.
_FLAC_RATES_HZ = dict(
    enumerate((88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000), start=1)
)
# How a FLAC file begins, with its first block (RFC 9639, section 8.2), and where in it the bits of a sample and the
# hash of all samples lie.
_FLAC_BEGINNING = b"fLaC\x00\x00\x00\x22"
_FLAC_BITS, _FLAC_HASH_START, _FLAC_HASH_END = 20, 26, 42
_CAF_HEADER_BYTES, _CAF_CHUNK_HEADER_BYTES = 8, 12
# In the first frame of an MP3: a name, flags, of which the last byte says what follows, and perhaps the numbers of
# frames and of bytes.
_MP3_BYTES = re.compile(rb"(?:Xing|Info)\0\0\0(.)", re.DOTALL)
_MP3_HEADER_BYTES, _MP3_TELLS_FRAMES, _MP3_TELLS_BYTES = 64, 1, 2
# Layer III's rates of bits (kbit/s) and of samples, of MPEG 1 and of the others (ISO/IEC 11172-3 and 13818-3); MPEG 2
# has half the rates of samples, MPEG 2.5, whose version is 0, a quarter.
_MP3_KBITS_PER_S = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MP3_LOWER_KBITS_PER_S = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MP3_RATES_HZ = (44100, 48000, 32000)
_MPEG_1, _RATE_DIVISORS, _LAYER_III = 3, {3: 1, 2: 2, 0: 4}, 1
_TAG_BEGINNINGS, _ID3V1_BYTES, _ID3V2_HEADER_BYTES = (b"ID3", b"TAG"), 128, 10
# Tags that programs put behind the end of a file, and chunks that they did not count.
_TAG_NAME = re.compile(rb"ID3|TAG|APET|[A-Za-z][ -~]{3}")
_BLOCK_BYTES = 2**16
_OGG_PAGE, _OGG_HEADER_BYTES, _OGG_FIRST, _OGG_LAST = b"OggS", 27, 2, 4
_OGG_SERIAL, _OGG_NUMBER = slice(14, 18), slice(18, 22)
_BITS_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def missing_share(path: Path, container: str, notes: str, n_frames: int) -> float:
    """The share of the sound that the header speaks of and the file lacks; 0 where nothing is known to be missing.

    `container` is libsndfile's name of it, `notes` are what it noted, `n_frames` is how many it found.
    """
    pairs = [(int(told), int(there)) for told, there in _SIZES.findall(notes)]
    pairs += [(int(told), int(there)) for there, told in _DS64_FRAMES.findall(notes)]
    if container == "NIST" and (count := _NIST_FRAMES.search(_head(path, _NIST_HEADER_BYTES))):
        pairs.append((int(count[1]), n_frames))
    if container == "OGG" and not _ends_with_last_page(path.read_bytes()):
        return 1.0
    return max((1 - there / told for told, there in pairs if 0 < told < UNKNOWN_SIZE), default=0.0)


def contradiction(path: Path, container: str, notes: str, rate_hz: int, n_frames: int) -> str:
    """What in the file contradicts itself, so that its rate, length or samples are not certain; "" if nothing."""
    if found := _RATES.search(notes):
        return " ".join(found[0].split())
    if (counts := _COMM_FRAMES.search(notes)) and not _tells_packets(notes, int(counts[1]), int(counts[2])):
        return "two numbers of frames"
    is_chunks = container in ("WAV", "WAVEX") or (container in ("RF64", "AIFF") and n_frames == 0)
    if is_chunks and not _are_chunks(path):
        return "the size of its data chunk"
    if container == "AU" and not _is_as_long_as_told(path):
        return "the size of its data"
    if container == "CAF" and not _are_caf_chunks(path):
        return "the size of its data chunk"
    if container == "FLAC":
        return _flac_contradiction(path.read_bytes(), rate_hz)
    if container == "MP3" and _goes_on_behind(path.read_bytes()):
        return "the number of its bytes: behind them there is another MP3"
    return _ogg_contradiction(path.read_bytes()) if container == "OGG" else ""


def _tells_packets(notes: str, told: int, n_frames: int) -> bool:
    """Whether what an AIFF-C file tells as its frames is the number of packets of IMA ADPCM that it has."""
    channels = _N_CHANNELS.search(notes)
    if not channels or not _IMA_CODING.search(notes):
        return False
    n_packets = n_frames // _IMA_PACKET_FRAMES
    # A packet is of one channel. Others count those of each; libsndfile divides that number by the channels once more.
    return told in (n_packets, n_packets // int(channels[1]))


def _head(path: Path, n_bytes: int) -> bytes:
    with path.open("rb") as file:
        return file.read(n_bytes)


def _are_chunks(path: Path) -> bool:
    """Whether a file of chunks is one after another, with nothing but a tag or zeros behind its end.

    One of RF64 that has no frames: its size and its data chunk's stand elsewhere, and are 0.
    """
    n_bytes = path.stat().st_size
    with path.open("rb") as file:
        start = _seek_behind_tags(file)
        magic = file.read(4)
        if magic not in _CHUNK_ORDERS:
            return True
        order = _CHUNK_ORDERS[magic]
        (told,) = struct.unpack(f"{order}I", file.read(4))
        # A program that was killed may have left 0.
        end = min(start + 8 + told, n_bytes) if told >= _LEAST_RIFF_BYTES else n_bytes
        position = start + 12
        while position + 8 <= end:
            file.seek(position)
            name, size = struct.unpack(f"{order}4sI", file.read(8))
            if not _CHUNK_NAME.fullmatch(name):
                return _fills_up(file, position)
            size = 0 if magic == b"RF64" and size >= UNKNOWN_SIZE else size
            position += 8 + size + size % 2
        return told >= UNKNOWN_SIZE or _is_tag_or_filling(file, max(position, end))


def _is_tag_or_filling(file: BinaryIO, position: int) -> bool:
    """Whether from here to the end of a file there is nothing, or zeros, or what begins with the name of a tag."""
    file.seek(position)
    name = file.read(4)
    return len(name) < 4 or bool(_TAG_NAME.match(name)) or _fills_up(file, position)


def _fills_up(file: BinaryIO, position: int) -> bool:
    """Whether all bytes from here to the end of a file are zeros."""
    file.seek(position)
    return not any(any(block) for block in iter(lambda: file.read(_BLOCK_BYTES), b""))


def _is_as_long_as_told(path: Path) -> bool:
    """Whether an AU file, of either order of bytes, ends where its data do, but for a tag or zeros."""
    with path.open("rb") as file:
        beginning = _seek_behind_tags(file)
        magic, start, size = struct.unpack(">4sII", file.read(12))
        if magic != b".snd":
            start, size = (int.from_bytes(value.to_bytes(4, "big"), "little") for value in (start, size))
        return size >= UNKNOWN_SIZE or _is_tag_or_filling(file, beginning + start + size)


def _are_caf_chunks(path: Path) -> bool:
    """Whether a CAF file is one chunk after another; a data chunk of unknown size goes on to the end."""
    n_bytes = path.stat().st_size
    with path.open("rb") as file:
        position = _CAF_HEADER_BYTES
        while position + _CAF_CHUNK_HEADER_BYTES <= n_bytes:
            file.seek(position)
            name, size = struct.unpack(">4sq", file.read(_CAF_CHUNK_HEADER_BYTES))
            if not _CHUNK_NAME.fullmatch(name):
                return _fills_up(file, position)
            if size < 0:
                return True
            position += _CAF_CHUNK_HEADER_BYTES + size
    return True


def _goes_on_behind(content: bytes) -> bool:
    """Whether behind the bytes that an MP3 tells in its first frame there are others, of which libsndfile reads none.

    So it is where files were put together, one behind the other.
    """
    first = _behind_tags(content, 0)
    header = _MP3_BYTES.search(content, first, first + _MP3_HEADER_BYTES)
    if not header or not header[1][0] & _MP3_TELLS_BYTES:
        return False
    skipped = 4 if header[1][0] & _MP3_TELLS_FRAMES else 0
    told = int.from_bytes(content[header.end() + skipped :][:4], "big")
    n_first = _mp3_frame_bytes(content, first)
    # Some programs do not count the first frame: then the last ones, of as many bytes, stand in front of what follows.
    ends = (_behind_tags(content, first + told + uncounted) for uncounted in (0, n_first))
    return any(_frames_bytes(content, end) > n_first for end in ends)


def _frames_bytes(content: bytes, position: int) -> int:
    """How long the frames of an MP3 are that follow one another from here on."""
    end = position
    while n_bytes := _mp3_frame_bytes(content, end):
        end += n_bytes
    return min(end, len(content)) - position


def _mp3_frame_bytes(content: bytes, position: int) -> int:
    """How long the frame of an MP3 is that begins here, by its header; 0 if none does."""
    header = int.from_bytes(content[position : position + 4])
    version, layer = header >> 19 & 3, header >> 17 & 3
    bits_code, rate_code, padding = header >> 12 & 15, header >> 10 & 3, header >> 9 & 1
    is_frame = header >> 21 == 0x7FF and layer == _LAYER_III and version in _RATE_DIVISORS
    if not is_frame or bits_code in (0, 15) or rate_code == 3:
        return 0
    is_first = version == _MPEG_1
    kbits_per_s = (_MP3_KBITS_PER_S if is_first else _MP3_LOWER_KBITS_PER_S)[bits_code]
    rate_hz = _MP3_RATES_HZ[rate_code] // _RATE_DIVISORS[version]
    return (144 if is_first else 72) * 1000 * kbits_per_s // rate_hz + padding


def _behind_tags(content: bytes, position: int) -> int:
    """Where tags end that begin here: ID3v1's 128 bytes, and ID3v2's, whose size has 7 bits in each byte."""
    while content[position : position + 3] in _TAG_BEGINNINGS:
        position += _tag_bytes(content[position : position + _ID3V2_HEADER_BYTES])
    return position


def _tag_bytes(header: bytes) -> int:
    if header.startswith(b"TAG"):
        return _ID3V1_BYTES
    return _ID3V2_HEADER_BYTES + sum((byte & 0x7F) << 7 * place for place, byte in enumerate(reversed(header[6:])))


def _seek_behind_tags(file: BinaryIO) -> int:
    """Go to where the tags end that a file begins with, which libsndfile passes over, and say where that is."""
    position = 0
    while (header := file.read(_ID3V2_HEADER_BYTES))[:3] in _TAG_BEGINNINGS:
        position += _tag_bytes(header)
        file.seek(position)
    return file.seek(position)


def _flac_contradiction(content: bytes, rate_hz: int) -> str:
    if _flac_frame_rate_hz(content) not in (None, rate_hz):
        return "two sample rates"
    return "several files in one" if content.count(_FLAC_BEGINNING) > 1 else ""


def flac_samples_hash(path: Path) -> tuple[int, bytes] | None:
    """Bits of a sample and the MD5 of all samples that the header of a FLAC file tells; None where it tells none."""
    with path.open("rb") as file:
        _seek_behind_tags(file)
        head = file.read(_FLAC_HASH_END)
    if not head.startswith(_FLAC_BEGINNING) or len(head) < _FLAC_HASH_END or not any(head[_FLAC_HASH_START:]):
        return None
    n_bits = 1 + (int.from_bytes(head[_FLAC_BITS : _FLAC_BITS + 2]) >> 4 & 0x1F)
    return n_bits, head[_FLAC_HASH_START:]


def _ogg_contradiction(content: bytes) -> str:
    """What contradicts itself in an Ogg file, all pages of which have to be of one stream, one after the other."""
    pages = _pages(content)
    if any(page[22:26] != _ogg_checksum(page[:22] + bytes(4) + page[26:]) for page in pages):
        return "the checksum of a page"
    if len({page[_OGG_SERIAL] for page in pages}) > 1 or sum(page[5] & _OGG_FIRST > 0 for page in pages) > 1:
        return "several streams in one file"
    numbers = [struct.unpack("<I", page[_OGG_NUMBER])[0] for page in pages]
    return "" if numbers == list(range(numbers[0], numbers[0] + len(numbers))) else "a page that is missing"


def _flac_frame_rate_hz(content: bytes) -> int | None:
    """The rate that the first frame of a FLAC file tells (RFC 9639, sections 8 and 9.1.2), None if it tells none."""
    position = _behind_tags(content, 0) + 4
    is_last = False
    while not is_last and position + 4 <= len(content):
        is_last = bool(content[position] & 0x80)
        position += 4 + int.from_bytes(content[position + 1 : position + 4])
    frame = content[position : position + 3]
    return _FLAC_RATES_HZ.get(frame[2] & 0x0F) if len(frame) == 3 and frame[0] == 0xFF else None


def _pages(content: bytes) -> list[bytes]:
    """The pages of an Ogg file (RFC 3533, section 6); the last one may be cut off."""
    pages, position = [], 0
    while content[position : position + 4] == _OGG_PAGE and len(content) >= position + _OGG_HEADER_BYTES:
        n_segments = content[position + _OGG_HEADER_BYTES - 1]
        body = position + _OGG_HEADER_BYTES + n_segments
        end = body + sum(content[position + _OGG_HEADER_BYTES : body])
        pages.append(content[position:end] if end <= len(content) else b"")
        position = end
    return pages


def _ends_with_last_page(content: bytes) -> bool:
    pages = _pages(content)
    return bool(pages and pages[-1]) and bool(pages[-1][5] & _OGG_LAST)


def _ogg_checksum(page: bytes) -> bytes:
    """CRC of 32 bits, the first bit first, which zlib computes with all bits reversed."""
    reversed_crc = zlib.crc32(page.translate(_BITS_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return struct.pack("<I", int(f"{reversed_crc:032b}"[::-1], 2))
