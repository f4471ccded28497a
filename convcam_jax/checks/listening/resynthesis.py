"""What a map marks, as sound: a recording split into its marked cells and all others by a short-time Fourier transform.

Pure functions on ONE recording, without JAX: they run in processes of their own.
Axes: F bin and n frame of the representation; K bin and M frame of the short-time transform; P sound; S member; R
recording; N sample.
"""

from typing import NamedTuple

import numpy as np

# Its parts load when they are used: scipy.signal takes long, and not all who are here make sounds.
import scipy
from jaxtyping import Bool, Float, Float32, Float64, Int

from convcam_jax.checks.chance.random_masks import largest_cells, random_fields
from convcam_jax.representations.representation import Representation
from convcam_jax.representations.rows import rows_of_hz

# Long enough to part the harmonics of a low voice (four bins at 64 Hz), short enough for a stop consonant.
WINDOW_S = 0.064
HOPS_PER_WINDOW = 4


class Split(NamedTuple):
    """The marked part `only` of a recording and the rest `without`; their sum is the recording."""

    only: Float64[np.ndarray, "N"]
    without: Float64[np.ndarray, "N"]


class Probe(NamedTuple):
    """One sound for the networks.

    cells: what chose its cells, "map" or "random" ("all" for the recording itself). draw: number of the random choice,
    0 otherwise. threshold: share of the map's maximum (1 for the recording). sound: "original", "only" or "without".
    area: chosen cells' share of all (0..1). energy_ratio: the sound's energy by the recording's.
    """

    cells: str
    draw: int
    threshold: float
    sound: str
    area: float
    energy_ratio: float


def short_time_fft(sample_rate_hz: int) -> "scipy.signal.ShortTimeFFT":
    """The invertible transform, with Hann windows of `WINDOW_S` that overlap by three quarters."""
    window = HOPS_PER_WINDOW * max(1, round(WINDOW_S * sample_rate_hz / HOPS_PER_WINDOW))
    return scipy.signal.ShortTimeFFT(
        scipy.signal.windows.hann(window, sym=False), window // HOPS_PER_WINDOW, sample_rate_hz
    )


def transform_weights(
    cells: Bool[np.ndarray, "F n"] | Float[np.ndarray, "F n"], n_samples: int, representation: Representation
) -> Float64[np.ndarray, "K M"]:
    """Values of cells on the grid of the transform, between cells by (bi)linear interpolation.

    Frequencies below the lowest and above the highest bin, and times behind the last frame, get the nearest cell's.
    """
    transform = short_time_fft(representation.sample_rate_hz)
    n_frames = cells.shape[1]
    rows = rows_of_hz(transform.f, representation.frequencies_hz())
    columns = np.interp(transform.t(n_samples), representation.frame_times_s(n_frames), np.arange(n_frames))
    grid = np.meshgrid(rows, columns, indexing="ij")
    return scipy.ndimage.map_coordinates(cells.astype(np.float64), grid, order=1, mode="nearest")


def split(
    samples: Float64[np.ndarray, "N"],
    cells: Bool[np.ndarray, "F n"] | Float[np.ndarray, "F n"],
    representation: Representation,
) -> Split:
    """The recording where `cells` (0..1) are 1, and where they are 0; silence is added to less than half a window."""
    transform = short_time_fft(representation.sample_rate_hz)
    padded = np.pad(samples, (0, max(0, transform.m_num // 2 - len(samples))))
    spectrum = transform.stft(padded)
    weights = transform_weights(cells, len(padded), representation)
    whole = [transform.istft(spectrum * part, k1=len(padded)) for part in (weights, 1 - weights)]
    only, without = (sound[: len(samples)] for sound in whole)
    return Split(only, without)


def round_trip_snr_db(samples: Float64[np.ndarray, "N"], representation: Representation) -> float:
    """Energy of the recording by that of what a split with all cells marked changes in it, in dB."""
    cells = np.ones((representation.n_bins, representation.n_frames(len(samples))))
    error = split(samples, cells, representation).only - samples
    return float(10 * np.log10((samples**2).sum() / max((error**2).sum(), np.finfo(float).tiny)))


def marked_cells(own_map: Float[np.ndarray, "F n"], threshold: float) -> Bool[np.ndarray, "F n"]:
    """Cells where the map reaches `threshold` (0..1) times its maximum; none where the map is zero."""
    peak = own_map.max()
    return (own_map >= threshold * peak) & (peak > 0)


def random_cells(
    own_map: Float[np.ndarray, "F n"], n_cells: int, generator: np.random.Generator
) -> Bool[np.ndarray, "F n"]:
    """The `n_cells` highest cells of a random map with the spectrum of `own_map`, so in blobs of its size."""
    field = random_fields(own_map, 1, generator)
    return largest_cells(field.reshape(1, -1), n_cells, generator).reshape(own_map.shape)


def consensus_map(maps: Float[np.ndarray, "S F n"]) -> Float[np.ndarray, "F n"]:
    """The mean of members' maps, divided by its maximum (a mean of zeros stays zero)."""
    mean = maps.mean(axis=0)
    return mean / (mean.max() or 1)


def consensus_maps(maps: Float[np.ndarray, "S R F T"], n_frames: Int[np.ndarray, " R"]) -> list[np.ndarray]:
    """`consensus_map` `[F, n]` of each of R recordings, in frames that its own `n_frames` counts."""
    return [consensus_map(maps[:, i, :, :n]) for i, n in enumerate(n_frames)]


def probes(
    samples: Float64[np.ndarray, "N"],
    own_map: Float[np.ndarray, "F n"],
    thresholds: tuple[float, ...],
    n_random: int,
    generator: np.random.Generator,
    representation: Representation,
) -> tuple[list[Probe], Float32[np.ndarray, "P F n"]]:
    """The recording, and for each threshold its splits by the map's cells and by as many random ones.

    Returns the sounds' descriptions and their magnitudes; both sounds of a split are in them.
    """
    found = [Probe("all", 0, 1.0, "original", 1.0, 1.0)]
    sounds = [samples]
    for threshold in thresholds:
        marked = marked_cells(own_map, threshold)
        choices = [("map", 0, marked)]
        for draw in range(n_random):
            choices.append(("random", draw, random_cells(own_map, int(marked.sum()), generator)))
        for name, draw, cells in choices:
            parts = split(samples, cells, representation)
            for sound, values in zip(Split._fields, parts, strict=True):
                ratio = float((values**2).sum() / (samples**2).sum())
                found.append(Probe(name, draw, threshold, sound, float(cells.mean()), ratio))
                sounds.append(values)
    return found, representation.magnitude(np.stack(sounds)).astype(np.float32)
