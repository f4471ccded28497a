"""Recordings of different lengths behind one another on one strip, without their zero padding.

The network's input is as long as the longest recording, and most of it is zero padding. Over the padding, every layer's
output is one constant vector per channel (`silence`), so the convolutions need only the columns that hold sound. The
columns right after a recording, which would see the next recording through the kernel, are filled with that constant
after every layer: the result is exactly that of the padded input, at a cost that follows the sound.

Every recording has a slot: its sound, then a gap. After pooling by r along the time, column t of the input is column
t / r; slots begin at multiples of `TIME_REDUCTION`, so they stay aligned in all layers.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

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
      slot: `[L]` int, the recording whose slot the column lies in.
      frame: `[L]` int, the column's frame, counted from the beginning of its recording.
      first_column: `[N]` int, where each recording begins.
      n_frames: `[N]` int.
    """

    values: Array
    sounding: Array
    slot: Array
    frame: Array
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
    return Strip(jnp.where(sounding[:, None], values, 0.0).T, sounding, slot, frame, first_column, n_frames)


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
    column = jnp.arange(width)
    source = jnp.minimum(strip.first_column[:, None] // reduction + column, array.shape[1] - 1)
    sounding = column * reduction < strip.n_frames[:, None]
    own_column = strip.frame[::reduction] // reduction
    target = strip.slot[::reduction] * width + jnp.minimum(own_column, width - 1)
    used = strip.sounding[::reduction] & (own_column < width)
    taken = _take_columns(array, source.reshape(-1), target, used)
    taken = taken.reshape(array.shape[0], *source.shape, array.shape[2])
    return jnp.where(sounding[:, :, None], taken, silence).swapaxes(0, 1)


@jax.custom_vjp
def _take_columns(array: Array, source: Array, target: Array, used: Array) -> Array:
    """Columns `source` of `[H, L, C]`; `target` is the inverse where `used`: the gradient is a selection too."""
    del target, used
    return array[:, source]


def _take_forward(array: Array, source: Array, target: Array, used: Array) -> tuple[Array, tuple[Array, Array]]:
    return array[:, source], (target, used)


def _take_backward(residuals: tuple[Array, Array], cotangent: Array) -> tuple[Array, None, None, None]:
    # A scatter would do the same, slower.
    target, used = residuals
    return jnp.where(used[:, None], cotangent[:, target], 0.0), None, None, None


_take_columns.defvjp(_take_forward, _take_backward)
