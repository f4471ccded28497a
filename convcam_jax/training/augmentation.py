"""Changes of recordings that leave their emotion: each is drawn anew whenever a recording is trained on.

Each function is pure and of ONE spectrogram `[F, T]` in the scale of the network's input, in which 0 is silence; what
lies beyond its `n_frames` is zero and stays so, and `n_frames` stays what it is.
Axes: B place of a batch; F frequency bin; T time frame; C class.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from convcam_jax.data.recordings import Batch
from convcam_jax.kernels.rolling import roll_frames
from convcam_jax.representations.scale import Scale

Spectrogram = Float[Array, "F T"]


class Augmentation(NamedTuple):
    """How far each change goes at most; the defaults change nothing.

    Attributes:
      shift_bins: by which the pitch moves up or down.
      shift_frames: by which the recording moves in time.
      masked_bins: neighbouring bins that are silenced.
      masked_frames: neighbouring frames that are silenced.
      gain: factor >= 1 of the input, or its inverse.
      filter_db: deviation of a gain that differs from bin to bin.
      mixup: of both parameters of the beta distribution that the other recording's weight is drawn from.
    """

    shift_bins: int = 0
    shift_frames: int = 0
    masked_bins: int = 0
    masked_frames: int = 0
    gain: float = 1.0
    filter_db: float = 0.0
    mixup: float = 0.0


NONE = Augmentation()
# At so many places of the frequency axis a filter's gain is drawn.
FILTER_PLACES = 5


def moved_by_bins(spectrogram: Spectrogram, bins: Int[Array, ""]) -> Spectrogram:
    """Row f as row f + `bins`: with bins by octaves another pitch; what comes in is silent."""
    rows = jnp.arange(len(spectrogram)) - bins
    inside = (rows >= 0) & (rows < len(spectrogram))
    return jnp.where(inside[:, None], spectrogram[jnp.clip(rows, 0, len(spectrogram) - 1)], 0.0)


def shift_bins(key: Key[Array, ""], spectrogram: Spectrogram, n_frames: Int[Array, ""], most: int) -> Spectrogram:
    """Moved by up to `most` bins up or down."""
    del n_frames
    return moved_by_bins(spectrogram, jax.random.randint(key, (), -most, most + 1))


def shift_frames(key: Key[Array, ""], spectrogram: Spectrogram, n_frames: Int[Array, ""], most: int) -> Spectrogram:
    """Moved by up to `most` frames; what leaves the recording at one end comes in at the other."""
    return roll_frames(spectrogram, jax.random.randint(key, (), -most, most + 1), n_frames)


def mask_bins(key: Key[Array, ""], spectrogram: Spectrogram, n_frames: Int[Array, ""], most: int) -> Spectrogram:
    """Up to `most` neighbouring bins silenced (D. Park et al., "SpecAugment", Interspeech 2019)."""
    del n_frames
    return jnp.where(_band(key, len(spectrogram), jnp.asarray(len(spectrogram)), most)[:, None], 0.0, spectrogram)


def mask_frames(key: Key[Array, ""], spectrogram: Spectrogram, n_frames: Int[Array, ""], most: int) -> Spectrogram:
    """Up to `most` neighbouring frames of the recording silenced, as in SpecAugment."""
    return jnp.where(_band(key, spectrogram.shape[1], n_frames, most)[None, :], 0.0, spectrogram)


def change_gain(key: Key[Array, ""], spectrogram: Spectrogram, n_frames: Int[Array, ""], most: float) -> Spectrogram:
    """Times a factor between 1 / `most` and `most`, whose logarithm is drawn evenly."""
    del n_frames
    return spectrogram * jnp.exp(jax.random.uniform(key, minval=-jnp.log(most), maxval=jnp.log(most)))


def filtered(spectrogram: Spectrogram, gain_db: Float[Array, " F"], scale: Scale) -> Spectrogram:
    """What a filter with this gain makes of a recording: silence stays, and no decibels fall below their floor, 0."""
    if scale == "decibel":
        return jnp.where(spectrogram > 0, jnp.maximum(spectrogram + gain_db[:, None], 0.0), 0.0)
    exponent = {"magnitude": 1.0, "square_root": 0.5, "power": 2.0}[scale]
    return spectrogram * 10 ** (exponent * gain_db[:, None] / 20)


def apply_filter(
    key: Key[Array, ""], spectrogram: Spectrogram, n_frames: Int[Array, ""], deviation_db: float, scale: Scale
) -> Spectrogram:
    """Filtered by a gain that is drawn at five places of the frequency axis, and linear between them.

    The places are evenly spaced from the lowest bin to the highest, the gains normal with mean 0 and deviation
    `deviation_db` (compare H. Nam, S.-H. Kim and Y.-H. Park, "FilterAugment: An acoustic environmental data
    augmentation method", ICASSP 2022).
    """
    del n_frames
    places = jnp.linspace(0.0, len(spectrogram) - 1.0, FILTER_PLACES)
    drawn_db = deviation_db * jax.random.normal(key, (FILTER_PLACES,))
    bins = jnp.arange(len(spectrogram), dtype=places.dtype)
    return filtered(spectrogram, jnp.interp(bins, places, drawn_db), scale)


def mix(
    spectrogram: Spectrogram, other: Spectrogram, n_frames: Int[Array, ""], weight: Float[Array, ""]
) -> Spectrogram:
    """The mean of two recordings, `weight` (0..1) being the other's, which is cut to the frames of the first.

    H. Zhang et al., "mixup: Beyond empirical risk minimization", ICLR 2018.
    """
    inside = jnp.arange(spectrogram.shape[1]) < n_frames
    return (1 - weight) * spectrogram + weight * jnp.where(inside[None, :], other, 0.0)


def augment(key: Key[Array, ""], batch: Batch, augmentation: Augmentation, scale: Scale) -> Batch:
    """Every recording of a batch in this scale changed by itself, in all ways but mixup."""
    ways: tuple[tuple[Callable[..., Array], float, float], ...] = (
        (shift_bins, augmentation.shift_bins, NONE.shift_bins),
        (shift_frames, augmentation.shift_frames, NONE.shift_frames),
        (mask_bins, augmentation.masked_bins, NONE.masked_bins),
        (mask_frames, augmentation.masked_frames, NONE.masked_frames),
        (change_gain, augmentation.gain, NONE.gain),
        (partial(apply_filter, scale=scale), augmentation.filter_db, NONE.filter_db),
    )
    spectrograms = batch.spectrograms
    for number, (change, most, none) in enumerate(ways):
        if most != none:
            keys = jax.random.split(jax.random.fold_in(key, number), len(spectrograms))
            spectrograms = jax.vmap(change, in_axes=(0, 0, 0, None))(keys, spectrograms, batch.n_frames, most)
    return batch._replace(spectrograms=spectrograms)


def mix_batch(
    key: Key[Array, ""], batch: Batch, targets: Float[Array, "B C"], concentration: float
) -> tuple[Batch, Float[Array, "B C"]]:
    """Each recording mixed with another one of the batch by a weight up to one half, and the targets likewise.

    An empty place stays empty, and the recording that draws it as the other one is left as it is; so is one that draws
    itself, which of B places happens once on average.
    """
    order_key, weight_key = jax.random.split(key)
    others = jax.random.permutation(order_key, len(targets))
    drawn = jax.random.beta(weight_key, concentration, concentration, (len(targets),))
    present = (batch.n_frames > 0) & (batch.n_frames[others] > 0)
    weights = jnp.where(present, jnp.minimum(drawn, 1 - drawn), 0.0)
    spectrograms = jax.vmap(mix)(batch.spectrograms, batch.spectrograms[others], batch.n_frames, weights)
    mixed = (1 - weights[:, None]) * targets + weights[:, None] * targets[others]
    return batch._replace(spectrograms=spectrograms), mixed


def _band(key: Key[Array, ""], n_places: int, n_inside: Int[Array, ""], most: int) -> Array:
    """Which of the places `[n_places]` lie in a band of 0 to `most` places that is drawn among the first `n_inside`."""
    width_key, start_key = jax.random.split(key)
    width = jnp.minimum(jax.random.randint(width_key, (), 0, most + 1), n_inside)
    start = jax.random.randint(start_key, (), 0, n_inside - width + 1)
    places = jnp.arange(n_places)
    return (places >= start) & (places < start + width)
