"""Recordings of different lengths behind one another on one strip, without their zero padding.

The network's input is as long as the longest recording, and most of it is zero padding. Over the padding, every layer's
output is one constant vector per channel (`silence`), so the convolutions need only the columns that hold sound. The
columns right after a recording, which would see the next recording through the kernel, are filled with that constant
after every layer: the result is exactly that of the padded input, at a cost that follows the sound.

Every recording has a slot: its sound, then a gap. After pooling by r along the time, column t of the input is column
t / r; slots begin at multiples of `TIME_REDUCTION`, so they stay aligned in all layers.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from convcam_jax.kernels.member_loop import one_member_after_another

# The three poolings halve the time axis each.
TIME_REDUCTION = 8
# In front of the last convolution, whose columns are 4 frames apart, the gap must cover the kernel: two columns.
_LAST_CONVOLUTION_REDUCTION = 4
_GAP_COLUMNS = 2


class Strip(NamedTuple):
    """N recordings on a strip of L columns.

    Attributes:
      values: `[F, L]`.
      sounding: `[L]` bool, whether the column lies inside a recording.
      first_column: `[N]` int, where each recording begins.
      n_frames: `[N]` int.
    """

    values: Array
    sounding: Array
    first_column: Array
    n_frames: Array


def slot_columns(n_frames: Any) -> Any:
    """Columns of the slots of recordings with `n_frames` frames; for integers, NumPy and JAX arrays alike."""
    pool = TIME_REDUCTION // _LAST_CONVOLUTION_REDUCTION
    columns = -(-n_frames // _LAST_CONVOLUTION_REDUCTION) + _GAP_COLUMNS
    return -(-columns // pool) * TIME_REDUCTION


def pack(spectrograms: Array, n_frames: Array, n_columns: int) -> Strip:
    """Lay recordings behind one another.

    Args:
      spectrograms: `[N, F, T]`, of which the first `n_frames` frames of each are used.
      n_frames: `[N]` int; 0 for an absent recording.
      n_columns: length of the strip, a multiple of `TIME_REDUCTION` and at least the sum of `slot_columns(n_frames)`.
    """
    if n_columns % TIME_REDUCTION:
        raise ValueError(f"n_columns must be a multiple of {TIME_REDUCTION}, not {n_columns}")
    n_recordings, _, n_input_frames = spectrograms.shape
    n_frames = jnp.asarray(n_frames)
    end_column = jnp.cumsum(slot_columns(n_frames))
    first_column = end_column - slot_columns(n_frames)
    column = jnp.arange(n_columns)
    slot = jnp.minimum(jnp.searchsorted(end_column, column, side="right"), n_recordings - 1)
    frame = column - first_column[slot]
    sounding = frame < n_frames[slot]
    values = jnp.asarray(spectrograms)[slot, :, jnp.minimum(frame, n_input_frames - 1)]
    return Strip(jnp.where(sounding[:, None], values, 0.0).T, sounding, first_column, n_frames)


def unpack(array: Array, strip: Strip, silence: Array, width: int) -> Array:
    """A layer's output on the strip as one array per recording, with silence behind the sound.

    Args:
      array: `[H, L / r, C]`, r a divisor of `TIME_REDUCTION`.
      strip: the strip of L columns that it was computed from.
      silence: `[C]`, the layer's output over zero padding.
      width: number of columns per recording that the layer has in the padded network.

    Returns:
      `[N, H, width, C]`.
    """
    reduction = strip.values.shape[1] // array.shape[1]
    cut_out = _cut_out(array, strip.first_column // reduction, width, array.shape[1])
    sounding = (jnp.arange(width) * reduction)[None, :] < strip.n_frames[:, None]
    return jnp.where(sounding[:, None, :, None], cut_out, silence[None, None, None, :])


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _cut_out(array: Array, first_column: Array, width: int, n_columns: int) -> Array:
    """From `[H, n_columns, C]`, `width` columns of every recording, zero beyond the strip's end: `[N, H, width, C]`.

    The gradient must be zero wherever a recording's columns reach into another's slot, as that of `unpack` is.
    """
    del n_columns
    return _on_this_backend(partial(_slices, width=width))(array, first_column)


def _cut_out_forward(array: Array, first_column: Array, width: int, n_columns: int) -> tuple[Array, Array]:
    return _cut_out(array, first_column, width, n_columns), first_column


def _cut_out_backward(width: int, n_columns: int, first_column: Array, cotangent: Array) -> tuple[Array, None]:
    del width
    return _on_this_backend(partial(_lay_out, n_columns=n_columns))(cotangent, first_column), None


_cut_out.defvjp(_cut_out_forward, _cut_out_backward)


def _on_this_backend(compute: Callable[..., Array]) -> Callable[..., Array]:
    """On a CPU, slices at places that differ between members are copied element by element under `vmap`."""
    return one_member_after_another(compute) if jax.default_backend() == "cpu" else compute


def _slices(array: Array, first_column: Array, width: int) -> Array:
    padded = jnp.pad(array, [(0, 0), (0, width), (0, 0)])
    return lax.map(lambda first: lax.dynamic_slice_in_dim(padded, first, width, axis=1), first_column)


def _lay_out(slices: Array, first_column: Array, n_columns: int) -> Array:
    """The slices `[N, H, width, C]` behind one another, each over what reaches over from those before it."""
    _, rows, width, channels = slices.shape

    def lay(strip: Array, own: tuple[Array, Array]) -> tuple[Array, None]:
        columns, first = own
        return lax.dynamic_update_slice_in_dim(strip, columns, first, axis=1), None

    nothing = jnp.zeros((rows, n_columns + width, channels), slices.dtype)
    strip, _ = lax.scan(lay, nothing, (slices, first_column))
    return strip[:, :n_columns]
