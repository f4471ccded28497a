"""The file of an exported run: what comes back, and what is told of files that are damaged, cut, foreign or newer."""

import json
import random
import zlib
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict
from safetensors import safe_open
from safetensors.numpy import save_file
from small_network import make_variables

from convcam_jax.data.members import Member
from convcam_jax.networks import NETWORKS
from convcam_jax.settings.config import Config
from convcam_jax.settings.overrides import apply_overrides, flatten
from convcam_jax.stages.record import HIGHEST_FILE_RATE
from convcam_jax.stages.without_labels.models_file import (
    ModelsFile,
    open_models,
    read_parts,
    references_of_file,
    write_models,
)
from convcam_jax.system.errors import UserError

CONFIG = apply_overrides(
    Config(),
    [
        *("network.filters=3,4,5", "network.dense_units=6", "representation.n_bins=12", "corpus.max_frames=40"),
        "corpus.emotions=anger,sadness,fear",
    ],
)
# A group may be called as anything.
MEMBERS = tuple(Member(group, "all", seed) for group in ("a/b", "ü") for seed in (0, 3))
RECORD = {
    "config": {**flatten(CONFIG), "corpus.data_dir": "/home/anna"},
    "corpus_sha256": "c",
    HIGHEST_FILE_RATE: 16000,
    **{"devices": "1 x cpu (cpu)", "packages": {}, "switches": {}},
}
PARTS = [
    jax.tree.map(lambda *leaves: np.stack(leaves), *(make_variables(seed=10 * part + i) for i in range(2)))
    for part in range(2)
]


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "models.safetensors"
    write_models(path, RECORD, MEMBERS, 2, iter(PARTS))
    return path


def opened(path: Path) -> ModelsFile:
    return open_models(path, "--models")


def problem_of(path: Path) -> str:
    """What is told of a file; nothing of one that can be used."""
    try:
        opened(path)
    except UserError as error:
        return str(error)
    return ""


def refused(path: Path, words: str = "cannot be used") -> None:
    problem = problem_of(path)
    assert problem.startswith(f"--models={path}: ")
    assert words in problem
    assert "\n" not in problem


def test_what_is_written_comes_back_to_the_bit(path):
    found = opened(path)
    assert (found.config, found.members, found.part_size) == (CONFIG, MEMBERS, 2)
    assert found.record["corpus_sha256"] == "c"
    for own, part in zip(PARTS, read_parts(found), strict=True):
        assert jax.tree.structure(own) == jax.tree.structure(part)
        jax.tree.map(np.testing.assert_array_equal, own, part)


def test_the_last_part_may_be_shorter(tmp_path):
    together = jax.tree.map(lambda *leaves: np.concatenate(leaves), *PARTS)
    parts = [jax.tree.map(lambda leaf: leaf[:3], together), jax.tree.map(lambda leaf: leaf[3:], together)]
    write_models(tmp_path / "models", RECORD, MEMBERS, 3, iter(parts))
    for own, part in zip(parts, read_parts(opened(tmp_path / "models")), strict=True):
        jax.tree.map(np.testing.assert_array_equal, own, part)


def test_arrays_of_16_bits_stay_such(tmp_path):
    """As large ones are kept, of some members perhaps and of others not."""
    halves = [jax.tree.map(lambda leaf: leaf.astype(np.float16) if leaf.ndim > 2 else leaf, PARTS[0]), PARTS[1]]
    write_models(tmp_path / "models", RECORD, MEMBERS, 2, iter(halves))
    for own, part in zip(halves, read_parts(opened(tmp_path / "models")), strict=True):
        jax.tree.map(np.testing.assert_array_equal, own, part)
        assert jax.tree.map(lambda leaf: leaf.dtype, own) == jax.tree.map(lambda leaf: leaf.dtype, part)


def test_recordings_with_which_the_method_compares_are_in_it(tmp_path):
    """They have to be there, and to be of the network's input, where the method needs them."""
    path, needs_them = tmp_path / "models.safetensors", {"attribution.method": "filling"}
    record = {**RECORD, "config": {**RECORD["config"], **needs_them}}
    references = np.arange(3 * 12 * 40, dtype=np.float32).reshape(3, 12, 40)
    write_models(path, record, MEMBERS, 2, iter(PARTS), references)
    np.testing.assert_array_equal(references_of_file(opened(path)), references)
    for own, part in zip(PARTS, read_parts(opened(path)), strict=True):
        jax.tree.map(np.testing.assert_array_equal, own, part)
    for wrong in (None, references[:0], references[:, :, 1:].copy(), references.astype(np.float64)):
        write_models(path, record, MEMBERS, 2, iter(PARTS), wrong)
        refused(path, "references")
    one_number = {"references": np.array(1, np.float32)}
    refused(rewritten(path, tmp_path / "changed", {}, one_number), "references is not of recordings")
    write_models(path, RECORD, MEMBERS, 2, iter(PARTS))
    assert references_of_file(opened(path)) is None
    # Where the method compares with none they have no business there.
    for wrong in (references, references.astype(np.float16)):
        write_models(path, RECORD, MEMBERS, 2, iter(PARTS), wrong)
        refused(path, "its tensors are not those of its network")


def test_it_is_safetensors_with_a_tensor_of_each_variable_and_model_and_no_other(path):
    with safe_open(path, framework="numpy") as file:
        names = set(file.keys())
        kernel = file.get_tensor("member_03/params/dense/kernel")
    leaves = flatten_dict(PARTS[0], sep="/")
    assert names == {f"member_{number:02d}/{leaf}" for number in range(4) for leaf in leaves}
    np.testing.assert_array_equal(kernel, PARTS[1]["params"]["dense"]["kernel"][1])
    assert path.stat().st_size < sum(leaf.nbytes for part in PARTS for leaf in jax.tree.leaves(part)) + 40_000


def test_others_may_read_it_and_the_place_of_the_corpus_is_not_told(path, tmp_path):
    (tmp_path / "plain").touch()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert b"anna" not in path.read_bytes()


def test_of_the_file_of_weights_the_name_is_told_and_not_the_place(tmp_path):
    """The name has to be: networks that began with such weights have an input of three channels."""
    own = NETWORKS["mobilenet"](weights="/home/anna/mobilenet.h5")
    config = replace(
        CONFIG, network=own, representation=Config().representation, corpus=replace(CONFIG.corpus, max_frames=64)
    )
    network = config.make_network("float32")
    shapes = jax.eval_shape(lambda key: network.init(key, config.grid), jax.random.key(0))
    pair = jax.tree.map(lambda leaf: np.zeros((2, *leaf.shape), np.float32), shapes)
    write_models(tmp_path / "models", {**RECORD, "config": flatten(config)}, MEMBERS, 2, iter([pair, pair]))
    found = opened(tmp_path / "models")
    assert found.config.network == replace(own, weights="mobilenet.h5")
    assert b"anna" not in found.path.read_bytes()
    jax.tree.map(np.testing.assert_array_equal, next(read_parts(found)), pair)


def test_a_file_that_has_gone_since_is_told(tmp_path):
    write_models(tmp_path / "models", RECORD, MEMBERS, 2, iter(PARTS))
    found = opened(tmp_path / "models")
    found.path.unlink()
    with pytest.raises(UserError, match=rf"^{found.path}: is not there any more; put it back"):
        next(read_parts(found))


def test_there_is_no_file(tmp_path):
    refused(tmp_path / "none", "there is no such file")


@pytest.mark.parametrize("seed", range(12))
def test_a_bit_that_has_changed_anywhere_is_told(path, tmp_path, seed):
    content, place = bytearray(path.read_bytes()), random.Random(seed)
    header = 8 + int.from_bytes(content[:8], "little")
    # Half of them in what says how large all is, half in the numbers.
    at = place.randrange(header, len(content)) if seed % 2 else place.randrange(0, header)
    content[at] ^= 1 << place.randrange(8)
    damaged = tmp_path / "damaged"
    damaged.write_bytes(content)
    refused(damaged)


@pytest.mark.parametrize("share", [0, 0.0001, 0.5, 0.99999])
def test_a_part_of_a_file_is_told(path, tmp_path, share):
    content = path.read_bytes()
    (tmp_path / "cut").write_bytes(content[: int(share * len(content))])
    refused(tmp_path / "cut")


@pytest.mark.parametrize(
    "content", [b"none", bytes(100), b"\xff" * 100, b"PK\x03\x04" + bytes(50), (2**40).to_bytes(8, "little") + b"{}"]
)
def test_another_file_is_told(tmp_path, content):
    (tmp_path / "other").write_bytes(content)
    refused(tmp_path / "other")


def rewritten(path: Path, target: Path, changes: dict[str, str], tensors: dict[str, np.ndarray] | None = None) -> Path:
    """The file with other metadata, and tensors."""
    with safe_open(path, framework="numpy") as file:
        metadata, own = dict(file.metadata()), {name: file.get_tensor(name) for name in list(file.keys())}
    metadata |= changes
    told = sorted(pair for pair in metadata.items() if pair[0] != "crc32")
    if "crc32" not in changes:
        sums = {name: zlib.crc32(array.tobytes()) for name, array in (own if tensors is None else tensors).items()}
        sums["metadata"] = zlib.crc32(json.dumps(told).encode())
        metadata["crc32"] = json.dumps(sums)
    save_file(own if tensors is None else tensors, target, metadata=metadata)
    return target


def with_config(**changes: object) -> dict[str, str]:
    fields = {name.replace("__", "."): value for name, value in changes.items()}
    return {"record": json.dumps({**RECORD, "config": {**flatten(CONFIG), **fields}})}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "other"}, "holds no models of this program"),
        ({"version": "3"}, "another version of this program"),
        ({"version": "5"}, "another version of this program"),
        ({"version": "one"}, "cannot be used"),
        ({"members": "[]"}, "cannot be true"),
        ({"members": json.dumps([*MEMBERS, MEMBERS[0]])}, "not those of its network"),
        ({"members": "[" * 100_000}, "cannot be used"),
        ({"part_size": "0"}, "cannot be true"),
        ({"part_size": "1000000000000"}, "cannot be true"),
        ({"record": "[]"}, "cannot be used"),
        ({"record": "{}"}, "cannot be used"),
        ({"crc32": "{}"}, "cannot be used"),
        ({"crc32": '{"metadata": 0}'}, "its metadata are damaged"),
        ({"record": json.dumps({**RECORD, HIGHEST_FILE_RATE: "high"})}, "cannot be used"),
        (with_config(network__units=3), "there is no such field"),
        (with_config(network__filters=[3, 4, 10**12]), "not of the network's shape"),
        (with_config(representation__n_bins=10**9), "representation.n_bins: must be at most 96"),
        (with_config(corpus__max_frames=10**15), "corpus.max_frames: must lie in 1..100000"),
        (with_config(network__filters="many"), "cannot be used"),
    ],
)
def test_what_it_says_of_itself_is_checked(path, tmp_path, changes, words):
    refused(rewritten(path, tmp_path / "changed", changes), words)


def test_tensors_of_other_shapes_and_types_are_told(path, tmp_path):
    with safe_open(path, framework="numpy") as file:
        own = {name: file.get_tensor(name) for name in list(file.keys())}
    name = "member_01/params/dense/kernel"
    for other, words in (
        (own[name].T, "is not of the network's shape"),
        (own[name].astype(np.float64), "is of F64, not of F32 or F16"),
        (own[name].astype(np.int32), "is of I32, not of F32 or F16"),
    ):
        tensors = {**own, name: np.ascontiguousarray(other)}
        refused(rewritten(path, tmp_path / "changed", {}, tensors), f"its tensor {name} {words}")
    refused(rewritten(path, tmp_path / "changed", {}, {k: v for k, v in own.items() if k != name}), "not those of")
