"""InceptionV3 in Flax, layer for layer as in Keras.

Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016, as
`keras.applications.InceptionV3` has it: five convolutions and two max-poolings, modules of branches whose channels are
put beside one another, and a dense layer of the mean over the nodes. Batch normalisation without a scale and ReLU stand
behind every convolution.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from convcam_jax.kernels.image_convolution import NO_PADDING
from convcam_jax.kernels.pooling import max_pool_3x3, mean_pool_3x3
from convcam_jax.kernels.precision import Precision
from convcam_jax.networks.blocks import (
    Convolution,
    Normalisation,
    Part,
    Size,
    Window,
    padding_of,
    same_window,
    scaled,
    square_window,
)
from convcam_jax.networks.chain import Chain, DeepChainConfig
from convcam_jax.networks.network import Variables
from convcam_jax.system.validation import require

EPSILON = 1e-3
_POOL_WINDOW = square_window(3, stride=2)
_NUMBERED = re.compile(r"(conv2d|batch_normalization)(?:_(\d+))?")


class Step(NamedTuple):
    """A convolution with batch normalisation and ReLU; `halves`: without padding, every 2."""

    n_filters: int
    size: Size
    is_padded: bool = True
    halves: bool = False


class Branches(NamedTuple):
    """Steps behind one another, and then steps beside one another; `pool` is what comes first, if anything does."""

    steps: tuple[Step, ...]
    ends: tuple[Step, ...] = ()
    pool: str = ""


Module = tuple[Branches, ...]

# The convolutions in front of the modules, and whether a max-pooling comes first.
STEM = (
    (Step(32, (3, 3), is_padded=False, halves=True), False),
    (Step(32, (3, 3), is_padded=False), False),
    (Step(64, (3, 3)), False),
    (Step(80, (1, 1)), True),
    (Step(192, (3, 3), is_padded=False), False),
)


def _fine_module(n_pooled: int) -> Module:
    return (
        Branches((Step(64, (1, 1)),)),
        Branches((Step(48, (1, 1)), Step(64, (5, 5)))),
        Branches((Step(64, (1, 1)), Step(96, (3, 3)), Step(96, (3, 3)))),
        Branches((Step(n_pooled, (1, 1)),), pool="mean"),
    )


def _long_module(n: int) -> Module:
    row, column = (1, 7), (7, 1)
    return (
        Branches((Step(192, (1, 1)),)),
        Branches((Step(n, (1, 1)), Step(n, row), Step(192, column))),
        Branches((Step(n, (1, 1)), Step(n, column), Step(n, row), Step(n, column), Step(192, row))),
        Branches((Step(192, (1, 1)),), pool="mean"),
    )


_FIRST_HALVING: Module = (
    Branches((Step(384, (3, 3), halves=True),)),
    Branches((Step(64, (1, 1)), Step(96, (3, 3)), Step(96, (3, 3), halves=True))),
    Branches((), pool="max"),
)
_SECOND_HALVING: Module = (
    Branches((Step(192, (1, 1)), Step(320, (3, 3), halves=True))),
    Branches((Step(192, (1, 1)), Step(192, (1, 7)), Step(192, (7, 1)), Step(192, (3, 3), halves=True))),
    Branches((), pool="max"),
)
_COARSE_MODULE: Module = (
    Branches((Step(320, (1, 1)),)),
    Branches((Step(384, (1, 1)),), ends=(Step(384, (1, 3)), Step(384, (3, 1)))),
    Branches((Step(448, (1, 1)), Step(384, (3, 3))), ends=(Step(384, (1, 3)), Step(384, (3, 1)))),
    Branches((Step(192, (1, 1)),), pool="mean"),
)
# Between the stages, whose lengths are the config's depths, the nodes are halved.
STAGES: tuple[tuple[Module, ...], ...] = (
    (_fine_module(32), _fine_module(64), _fine_module(64)),
    (_long_module(128), _long_module(160), _long_module(160), _long_module(192)),
    (_COARSE_MODULE, _COARSE_MODULE),
)
HALVINGS = (_FIRST_HALVING, _SECOND_HALVING)


@dataclasses.dataclass(frozen=True)
class InceptionV3Config(DeepChainConfig):
    """InceptionV3.

    Attributes:
      depths: modules of each stage, without those that halve the nodes.
    """

    fewest_filters: ClassVar[int] = 32
    weights_url: ClassVar[str] = (
        "https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/"
        "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"
    )

    name: str = "inceptionv3"
    depths: tuple[int, ...] = (3, 4, 2)

    def __post_init__(self) -> None:
        super().__post_init__()
        most = [len(stage) for stage in STAGES]
        can = all(depth <= n for depth, n in zip(self.depths, most, strict=True))
        require(can, "network.depths", f"must be at most {', '.join(map(str, most))}")

    def make(self, n_classes: int, precision: Precision = "float32") -> "InceptionV3":
        """The network."""
        return InceptionV3(self, n_classes, precision)

    def small(self) -> "InceptionV3Config":
        """A sixteenth of the filters, a module in each stage; the maps keep their size."""
        return dataclasses.replace(self, width=1 / 16, depths=(1,) * len(STAGES))


@dataclasses.dataclass(frozen=True)
class InceptionV3(Chain):
    """InceptionV3 as a `Network`; 1 x 4 nodes for the last module on 96 bins x 202 frames."""

    config: InceptionV3Config

    def parts(self) -> tuple[Part, ...]:
        """The convolutions in front and the modules, with the names of Keras; a max-pooling belongs to what follows."""
        width, precision = self.config.width, self.precision
        stem = (
            Stem(step, pools, number, width, precision, name=_numbered("conv2d", number))
            for number, (step, pools) in enumerate(STEM)
        )
        modules = self._modules()
        firsts = np.cumsum([len(STEM), *map(_n_convolutions, modules)])
        mixed = (
            Mixed(module, int(first), width, precision, name=f"mixed{number}")
            for number, (module, first) in enumerate(zip(modules, firsts, strict=False))
        )
        return *stem, *mixed

    def smallest_input(self) -> tuple[int, int]:
        """See `Network.smallest_input`; one row and two columns: 96 bins leave no more than a row."""
        return 75, 107

    def with_weights(self, variables: Variables, weights: Mapping[str, Sequence[np.ndarray]]) -> Variables:
        """See `Chain.with_weights`; Keras numbers the layers from where its session stands, here from 0."""
        return super().with_weights(variables, renumbered(weights))

    def _modules(self) -> list[Module]:
        stages = [stage[:depth] for stage, depth in zip(STAGES, self.config.depths, strict=True)]
        between = [(halving,) for halving in HALVINGS]
        return [module for pair in zip(stages, [*between, ()], strict=True) for part in pair for module in part]


class Stem(Part):
    """Max-pooling or not, and a step."""

    step: Step
    pools: bool
    number: int
    width: float
    precision: Precision

    @nn.compact
    def __call__(self, values: Float[Array, "B h w k"], present: Bool[Array, " B"] | None) -> Float[Array, "B H W K"]:
        """What is behind the ReLU."""
        if self.pools:
            values = max_pool_3x3(values)
        return _take(self.step, values, present, self.number, self.width, self.precision)

    def extent(self, grid: tuple[int, int]) -> Sequence[Window]:
        """See `Part.extent`; the second pooling belongs to the first module."""
        del grid
        return (*[_POOL_WINDOW] * self.pools, _window(self.step))


class Mixed(Part):
    """Branches, whose channels are put beside one another; `first` is the number of its first convolution."""

    module: Module
    first: int
    width: float
    precision: Precision

    @nn.compact
    def __call__(self, values: Float[Array, "B h w k"], present: Bool[Array, " B"] | None) -> Float[Array, "B H W K"]:
        """What is behind the ReLUs of all branches."""
        if self._pools():
            values = max_pool_3x3(values)
        number = self.first
        found = []
        for branch in self.module:
            branch_values = _POOLS[branch.pool](values)
            for step in branch.steps:
                branch_values = _take(step, branch_values, present, number, self.width, self.precision)
                number += 1
            for step in branch.ends:
                found.append(_take(step, branch_values, present, number, self.width, self.precision))
                number += 1
            if not branch.ends:
                found.append(branch_values)
        return jnp.concatenate(found, axis=-1)

    def extent(self, grid: tuple[int, int]) -> Sequence[Window]:
        """See `Part.extent`; the steps of a branch, and of its ends each along the axis on which it is long."""
        del grid
        ways = [[*map(_window, branch.steps), *_both_ways(branch.ends)] for branch in self.module]
        widest = max(ways, key=lambda own: sum(layer.kernel for window in own for layer in window if layer.kernel > 1))
        return (*[_POOL_WINDOW] * self._pools(), *widest)

    def _pools(self) -> bool:
        return self.first == len(STEM)


_POOLS = {"": lambda values: values, "mean": mean_pool_3x3, "max": max_pool_3x3}


def renumbered(weights: Mapping[str, Sequence[np.ndarray]]) -> dict[str, Sequence[np.ndarray]]:
    """The arrays of Keras's layers that have a number for a name, numbered from 0 in the order of their numbers."""
    found: dict[str, Sequence[np.ndarray]] = {}
    for kind in ("conv2d", "batch_normalization"):
        matches = [match for name in weights if (match := _NUMBERED.fullmatch(name)) and match[1] == kind]
        ordered = sorted(matches, key=lambda match: int(match[2] or 0))
        found |= {_numbered(kind, number): weights[match[0]] for number, match in enumerate(ordered)}
    return found


def _numbered(kind: str, number: int) -> str:
    return f"{kind}_{number}" if number else kind


def _n_convolutions(module: Module) -> int:
    return sum(len(branch.steps) + len(branch.ends) for branch in module)


def _both_ways(ends: tuple[Step, ...]) -> list[Window]:
    """A window as large as all ends together, which lie beside one another."""
    if not ends:
        return []
    rows, columns = (max(step.size[axis] for step in ends) for axis in (0, 1))
    return [same_window((rows, columns))]


def _window(step: Step) -> Window:
    if step.is_padded and not step.halves:
        return same_window(step.size)
    return square_window(step.size[0], stride=2 if step.halves else 1)


def _take(step: Step, values: Array, present: Array | None, number: int, width: float, precision: Precision) -> Array:
    """What is behind the ReLU of a step, within a module."""
    window = _window(step)
    strides = window[0].stride, window[1].stride
    padding = padding_of(window) if window[0].padding or window[1].padding else NO_PADDING
    n_filters, name = scaled(step.n_filters, width), _numbered("conv2d", number)
    values = Convolution(n_filters, step.size, precision, strides, padding, name=name)(values)
    normalise = Normalisation(EPSILON, "relu", has_scale=False, name=_numbered("batch_normalization", number))
    return normalise(values, present)
