"""Compiled programs that JAX keeps from run to run, and damage to their files."""

import random
import zlib

import pytest

from convcam_jax.system.jax_setup import remove_damaged_programs

WHOLE = zlib.compress(bytes(range(256)) * 40)


def flipped(seed: int) -> bytes:
    """The file with one bit changed behind the first two bytes, which say what compressed it."""
    content, place = bytearray(WHOLE), random.Random(seed)
    content[place.randrange(2, len(content))] ^= 1 << place.randrange(8)
    return bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        *(pytest.param(WHOLE[: len(WHOLE) * share // 10], id=f"{share} tenths") for share in range(10)),
        *(pytest.param(flipped(seed), id=f"bit {seed}") for seed in range(30)),
        pytest.param(WHOLE[:2] + bytes(len(WHOLE) - 2), id="zeros"),
    ],
)
def test_damaged_programs_are_removed_and_others_kept(tmp_path, content):
    for name, own in {"a-cache": content, "b-cache": WHOLE, "c-cache": b"\x28\xb5\x2f\xfdzstd", "other": b""}.items():
        (tmp_path / name).write_bytes(own)
    remove_damaged_programs(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"b-cache", "c-cache", "other"}


def test_a_folder_that_is_not_there_has_none(tmp_path):
    remove_damaged_programs(tmp_path / "xla")
    assert not (tmp_path / "xla").exists()
