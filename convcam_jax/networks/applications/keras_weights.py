"""Weights of Keras's applications as variables of the same network here."""

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from convcam_jax.networks.network import Variables

# The variables of one layer in the order in which Keras keeps them; a layer has some of them.
_ORDER = ("kernel", "depthwise_kernel", "pointwise_kernel", "bias", "scale", "offset", "mean", "variance")

Path = tuple[str, ...]


def with_weights(
    variables: Variables,
    weights: Mapping[str, Sequence[np.ndarray]],
    parts: Collection[str],
    keras_layer: Callable[[Path], str],
) -> Variables:
    """Variables with those of the parts taken from Keras's weights; the others, behind the last part, stay.

    Args:
      variables: of one member.
      weights: the arrays of Keras's layers, in its order, by the names of the layers.
      parts: the names, at the top of the tree, of what is taken.
      keras_layer: the name of the layer of a variable, by its path in the tree.

    Raises:
      ValueError: a layer is missing, or has other arrays than the network.
    """
    leaves = {path: leaf for own in variables.values() for path, leaf in flatten_dict(own).items() if path[0] in parts}
    paths_of: dict[str, list[Path]] = {}
    for path in sorted(leaves, key=lambda own: _ORDER.index(own[-1])):
        paths_of.setdefault(keras_layer(path), []).append(path)
    found = {
        path: array
        for layer, paths in paths_of.items()
        for path, array in zip(paths, _arrays(weights, layer, [leaves[path].shape for path in paths]), strict=True)
    }
    return {
        kind: unflatten_dict({path: found.get(path, leaf) for path, leaf in flatten_dict(own).items()})
        for kind, own in variables.items()
    }


def _arrays(
    weights: Mapping[str, Sequence[np.ndarray]], layer: str, shapes: Sequence[tuple[int, ...]]
) -> list[np.ndarray]:
    if layer not in weights:
        raise ValueError(f"it has no layer {layer}")
    arrays = [np.asarray(array, np.float32) for array in weights[layer]]
    # A 1 x 1 kernel stands here without these axes, perhaps.
    if [_without_ones(array.shape) for array in arrays] != [_without_ones(shape) for shape in shapes]:
        expected, found = (
            ", ".join(" x ".join(map(str, s)) for s in own) for own in (shapes, [a.shape for a in arrays])
        )
        raise ValueError(f"its layer {layer} has arrays of {found or 'no size'} instead of {expected}")
    return [array.reshape(shape) for array, shape in zip(arrays, shapes, strict=True)]


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for n in shape if n != 1)
