"""Linear interpolation of one length to another."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def stretched(
    values: Float[Array, "... T"], n_frames: Int[Array, ""] | int, n_wanted: Int[Array, ""] | int
) -> Float[Array, "... T"]:
    """The first `n_frames` frames of `values` stretched to `n_wanted`, zero behind them; none counts as one.

    Linear, with half-pixel centres and clamped ends.
    """
    n_frames, n_wanted = (jnp.maximum(jnp.asarray(n), 1) for n in (n_frames, n_wanted))
    frame = jnp.arange(values.shape[-1])
    last = n_frames - 1
    position = (frame.astype(float) + 0.5) * n_frames.astype(float) / n_wanted.astype(float) - 0.5
    position = jnp.clip(position, 0, last.astype(float))
    before = jnp.floor(position).astype(int)
    leading = range(values.ndim - 1)
    share = jnp.expand_dims(position - before.astype(float), leading)
    left, right = (jnp.take(values, index, axis=-1) for index in (before, jnp.minimum(before + 1, last)))
    return jnp.where(jnp.expand_dims(frame < n_wanted, leading), left * (1 - share) + right * share, 0)
