"""Recordings moved in time."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def roll_frames(
    values: Float[Array, "... T"], shift: Int[Array, ""] | int, n_frames: Int[Array, ""] | int
) -> Float[Array, "... T"]:
    """`values` with the first `n_frames` frames shifted circularly by `shift` frames."""
    frame = jnp.arange(values.shape[-1])
    source = jnp.where(frame < n_frames, (frame - shift) % jnp.maximum(n_frames, 1), frame)
    return values[..., source]
