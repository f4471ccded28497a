"""All models of a run in one file, for use elsewhere: parameters as safetensors, and in its metadata what they need.

The tensors are `member_NUMBER/LEAF`, a LEAF being the path of a variable in Flax's tree; the statistics of a
standardised input are among them. Where the run's method compares recordings with others, `references` are those, as
the network sees them. The metadata says what members there are, and holds the run's `config.json` without the place of
its corpus, the name of its file of weights alone, and checksums of all.
"""

import json
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from convcam_jax.attribution.explaining import MOST_REFERENCES
from convcam_jax.data.members import Member
from convcam_jax.networks.network import Variables
from convcam_jax.settings.config import Config
from convcam_jax.settings.overrides import restore
from convcam_jax.stages.record import HIGHEST_FILE_RATE
from convcam_jax.system.errors import UserError
from convcam_jax.system.files import write_whole

_KIND = "models of convcam_jax"
# To be raised when what a file holds changes.
_VERSION = 4
# What NumPy calls the types of tensors.
_TYPES = {"F32": "<f4", "F16": "<f2"}
# The recordings with which others are compared, [R, F, T].
_REFERENCES = "references"
# How the checksum of the metadata is called among those of the tensors.
_METADATA = "metadata"
# Of the inputs' grid: ten thousand times the paper's.
_MOST_CELLS = 2 * 10**8
# What safetensors, JSON, the config and JAX raise of what no program has written, or of what is damaged.
_UNUSABLE = (
    *(SafetensorError, UserError, OSError, ValueError, LookupError, TypeError, AttributeError),
    *(ArithmeticError, RecursionError, MemoryError),
)


class ModelsFile(NamedTuple):
    """An exported run.

    Attributes:
      path: where it lies.
      config: of the run.
      record: what else its `config.json` says: when and where it was made, by which versions, from which corpus.
      members: all of them, in order.
      part_size: how many of them the run has in each of its rounds.
    """

    path: Path
    config: Config
    record: Mapping[str, Any]
    members: tuple[Member, ...]
    part_size: int


def write_models(
    path: Path,
    record: Mapping[str, Any],
    members: tuple[Member, ...],
    part_size: int,
    parts: Iterator[Variables],
    references: Float[np.ndarray, "R F T"] | None = None,
) -> None:
    """Write the variables `[S, ...]` of the members' `parts`, in the members' order, with the run's `config.json`.

    `references` are those with which the run's method compares recordings, if it does.
    """
    tensors: dict[str, np.ndarray] = {} if references is None else {_REFERENCES: references}
    for first, variables in zip(range(0, len(members), part_size), parts, strict=True):
        for leaf, array in flatten_dict(variables, sep="/").items():
            tensors |= {_tensor_name(first + i, leaf): np.asarray(own) for i, own in enumerate(array)}
    config = {name: value for name, value in record["config"].items() if name != "corpus.data_dir"}
    # Whether there is such a file decides how many channels the network's input has; where it lay is nobody's business.
    if weights := config.get("network.weights"):
        config["network.weights"] = Path(weights).name
    metadata = {
        "kind": _KIND,
        "version": str(_VERSION),
        "record": json.dumps({**record, "config": config}),
        "members": json.dumps(members),
        "part_size": str(part_size),
    }
    sums = {_METADATA: _sum_of_metadata(metadata), **{name: zlib.crc32(own.data) for name, own in tensors.items()}}
    metadata["crc32"] = json.dumps(sums)
    write_whole(path, partial(_save, tensors, metadata))


def open_models(path: Path, flag: str) -> ModelsFile:
    """What a file holds, which was given as `flag`; of its tensors the names, shapes and types are looked at.

    Raises:
      UserError: there is no such file, it is no such file, damaged, or of another version of the program.
    """
    if not path.is_file():
        raise UserError(f"{flag}={path}: there is no such file; give one that --experiment=export has made")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
        _check_version(metadata)
        tensors = _tensors(path)
        _check_sums(metadata, tensors)
        found = _described(path, metadata)
        _check_tensors(found, tensors)
    except _UNUSABLE as error:
        raise UserError(
            f"{flag}={path}: cannot be used ({error or type(error).__name__}); give a file that --experiment=export "
            "has made"
        ) from error
    return found


def read_parts(found: ModelsFile) -> Iterator[Variables]:
    """The variables of the members, in parts as the run has them, as NumPy arrays `[S, ...]`.

    The file is mapped into the memory, and a part of it copied when it is due. Raises UserError where it is not there
    any more.
    """
    if not found.path.is_file():
        raise UserError(f"{found.path}: is not there any more; put it back")
    tensors, numbers = _tensors(found.path), range(len(found.members))
    leaves = [name.partition("/")[2] for name in tensors if name.startswith(_tensor_name(0, ""))]
    for first in numbers[:: found.part_size]:
        of_part = numbers[first : first + found.part_size]
        part = {leaf: np.stack([tensors[_tensor_name(number, leaf)] for number in of_part]) for leaf in leaves}
        yield unflatten_dict(part, sep="/")


def references_of_file(found: ModelsFile) -> Float[np.ndarray, "R F T"] | None:
    """The recordings with which others are compared; None where the run's method compares with none."""
    return _tensors(found.path).get(_REFERENCES)


def _tensors(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a file, mapped: the reader of safetensors copies them.

    It has seen to it that they lie in the file, one behind the other. Raises ValueError where one is of another type.
    """
    content = np.memmap(path, np.uint8, "r")
    begin = 8 + int.from_bytes(content[:8].tobytes(), "little")
    header = json.loads(content[8:begin].tobytes())
    del header["__metadata__"]
    for name, own in header.items():
        if own["dtype"] not in _TYPES:
            raise ValueError(f"its tensor {name} is of {own['dtype']}, not of {' or '.join(_TYPES)}")
    return {
        name: np.ndarray(own["shape"], _TYPES[own["dtype"]], content, begin + own["data_offsets"][0])
        for name, own in header.items()
    }


def _save(tensors: dict[str, np.ndarray], metadata: dict[str, str], path: Path) -> None:
    # safetensors makes a file that only its owner may read.
    path.touch()
    mode = path.stat().st_mode
    try:
        save_file(tensors, path, metadata=metadata)
    except SafetensorError as error:
        # It has the system's error in its text.
        code = re.search(r"os error (\d+)", str(error))
        if code is None:
            raise
        raise OSError(int(code[1]), os.strerror(int(code[1]))) from error
    path.chmod(mode)


def _check_sums(metadata: Mapping[str, str], tensors: Mapping[str, np.ndarray]) -> None:
    sums = json.loads(metadata["crc32"])
    if sums[_METADATA] != _sum_of_metadata(metadata):
        raise ValueError("its metadata are damaged")
    for name, tensor in tensors.items():
        if zlib.crc32(tensor.data) != sums[name]:
            raise ValueError(f"its tensor {name} is damaged")


def _tensor_name(number: int, leaf: str) -> str:
    return f"member_{number:02d}/{leaf}"


def _sum_of_metadata(metadata: Mapping[str, str]) -> int:
    """The checksum of all of them but the checksums."""
    return zlib.crc32(json.dumps(sorted(pair for pair in metadata.items() if pair[0] != "crc32")).encode())


def _check_version(metadata: Mapping[str, str]) -> None:
    if metadata.get("kind") != _KIND:
        raise ValueError("it holds no models of this program")
    if int(metadata["version"]) != _VERSION:
        raise ValueError("it is of another version of this program")


def _described(path: Path, metadata: Mapping[str, str]) -> ModelsFile:
    """What the metadata says; raises what JSON and the config raise of what is not as it was written."""
    record = json.loads(metadata["record"])
    record[HIGHEST_FILE_RATE] = int(record[HIGHEST_FILE_RATE])
    _ = record["devices"], record["packages"].items(), record["switches"].items()
    members = tuple(Member(str(group), str(fold), int(seed)) for group, fold, seed in json.loads(metadata["members"]))
    return ModelsFile(path, restore(record["config"]), record, members, int(metadata["part_size"]))


def _check_references(config: Config, tensor: np.ndarray | None) -> None:
    if tensor is None:
        raise ValueError("it lacks the references, recordings with which its method compares")
    if tensor.dtype != np.float32 or tensor.shape[1:] != config.grid or not 0 < len(tensor) <= MOST_REFERENCES:
        raise ValueError(f"its tensor {_REFERENCES} is not of recordings of the network's input")


def _check_tensors(found: ModelsFile, tensors: Mapping[str, np.ndarray]) -> None:
    """Raise ValueError unless the tensors are those of the config's networks, before anything is made of their size."""
    config, n_members = found.config, len(found.members)
    if not 0 < found.part_size <= n_members or config.grid[0] * config.grid[1] > _MOST_CELLS:
        raise ValueError("its sizes cannot be true")
    network = config.make_network("float32")
    expected = flatten_dict(jax.eval_shape(lambda key: network.init(key, config.grid), jax.random.key(0)), sep="/")
    names = {_tensor_name(number, leaf) for number in range(min(n_members, len(tensors))) for leaf in expected}
    others = dict(tensors)
    if config.attribution.compares:
        _check_references(config, others.pop(_REFERENCES, None))
    if len(others) != n_members * len(expected) or set(others) != names:
        raise ValueError("its tensors are not those of its network")
    for name, tensor in others.items():
        if tensor.shape != expected[name.partition("/")[2]].shape:
            raise ValueError(f"its tensor {name} is not of the network's shape")
