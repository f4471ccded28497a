"""NaN where a value does not exist, beside JAX's search for NaN that should not be."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import jax

P = ParamSpec("P")
Result = TypeVar("Result")


def nan_allowed(function: Callable[P, Result]) -> Callable[P, Result]:
    """The function, whose results have NaN for what does not exist; inside, `JAX_DEBUG_NANS` is off."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> Result:
        with jax.debug_nans(False):
            return function(*args, **kwargs)

    return call
