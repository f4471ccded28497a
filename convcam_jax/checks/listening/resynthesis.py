"""What a map marks, as sound: a recording split into its marked cells and all others by a short-time Fourier transform.

Pure functions on ONE recording, without JAX: they run in processes of their own.
Axes: F bin and n frame of the CQT; K bin and M frame of the short-time transform; N sample.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann

from convcam_jax.checks.chance.random_masks import largest_cells, random_fields
from convcam_jax.representations.features import bin_frequencies_hz, cqt_magnitude, frame_times_s, n_cqt_frames
from convcam_jax.settings.config import FeatureConfig

# Long enough to part the harmonics of a low voice (four bins at 64 Hz), short enough for a stop consonant.
WINDOW_S = 0.064
HOPS_PER_WINDOW = 4

Samples = NDArray[np.float64]
Cells = NDArray[np.bool_]


class Split(NamedTuple):
    """The marked part `only [N]` of a recording and the rest `without [N]`; their sum is the recording."""

    only: Samples
    without: Samples


class Probe(NamedTuple):
    """One sound for the networks.

    cells: what chose its cells, "map" or "random" ("all" for the recording itself). draw: number of the random choice,
    0 otherwise. threshold: share of the map's maximum (1 for the recording). sound: "original", "only" or "without".
    area: chosen cells' share of the CQT's (0..1). energy_ratio: the sound's energy by the recording's.
    """

    cells: str
    draw: int
    threshold: float
    sound: str
    area: float
    energy_ratio: float


def short_time_fft(sample_rate_hz: int) -> ShortTimeFFT:
    """The invertible transform, with Hann windows of `WINDOW_S` that overlap by three quarters."""
    window = HOPS_PER_WINDOW * max(1, round(WINDOW_S * sample_rate_hz / HOPS_PER_WINDOW))
    return ShortTimeFFT(hann(window, sym=False), window // HOPS_PER_WINDOW, sample_rate_hz)


def transform_weights(cells: NDArray, n_samples: int, config: FeatureConfig) -> NDArray[np.float64]:
    """Values `cells [F, n]` on the grid `[K, M]` of the transform, between cells by (bi)linear interpolation.

    Frequencies below the lowest and above the highest bin, and times behind the last frame, get the nearest cell's.
    """
    transform = short_time_fft(config.sample_rate_hz)
    n_bins, n_frames = cells.shape
    # 1 Hz stands for 0 Hz, which has no logarithm; both lie below the lowest bin.
    octaves = np.log2(np.maximum(transform.f, 1.0))
    rows = np.interp(octaves, np.log2(bin_frequencies_hz(config)), np.arange(n_bins))
    columns = np.interp(transform.t(n_samples), frame_times_s(n_frames, config), np.arange(n_frames))
    grid = np.meshgrid(rows, columns, indexing="ij")
    return map_coordinates(cells.astype(np.float64), grid, order=1, mode="nearest")


def split(samples: Samples, cells: NDArray, config: FeatureConfig) -> Split:
    """The recording's `samples [N]` where `cells [F, n]` (0..1) are 1, and where they are 0."""
    transform = short_time_fft(config.sample_rate_hz)
    spectrum = transform.stft(samples)
    weights = transform_weights(cells, len(samples), config)
    only, without = (transform.istft(spectrum * part, k1=len(samples)) for part in (weights, 1 - weights))
    return Split(only, without)


def round_trip_snr_db(samples: Samples, config: FeatureConfig) -> float:
    """Energy of `samples [N]` by that of what a split with all cells marked changes in them, in dB."""
    cells = np.ones((config.cqt_bins, n_cqt_frames(len(samples), config)))
    error = split(samples, cells, config).only - samples
    return float(10 * np.log10((samples**2).sum() / max((error**2).sum(), np.finfo(float).tiny)))


def marked_cells(own_map: NDArray, threshold: float) -> Cells:
    """Cells `[F, n]` where the map reaches `threshold` (0..1) times its maximum; none where the map is zero."""
    peak = own_map.max()
    return (own_map >= threshold * peak) & (peak > 0)


def random_cells(own_map: NDArray, n_cells: int, generator: np.random.Generator) -> Cells:
    """The `n_cells` highest cells `[F, n]` of a random map with the spectrum of `own_map`, so in blobs of its size."""
    field = random_fields(own_map, 1, generator)
    return largest_cells(field.reshape(1, -1), n_cells, generator).reshape(own_map.shape)


def consensus_map(maps: NDArray) -> NDArray:
    """The mean of members' maps `[S, F, n]`, divided by its maximum (a mean of zeros stays zero)."""
    mean = maps.mean(axis=0)
    return mean / (mean.max() or 1)


def probes(
    samples: Samples,
    own_map: NDArray,
    thresholds: tuple[float, ...],
    n_random: int,
    seed: int,
    config: FeatureConfig,
) -> tuple[list[Probe], NDArray[np.float32]]:
    """The recording, and for each threshold its splits by the map's cells and by as many random ones.

    Returns the P sounds' descriptions and their CQT magnitudes `[P, F, n]`; both sounds of a split are in them.
    """
    generator = np.random.default_rng(seed)
    found = [Probe("all", 0, 1.0, "original", 1.0, 1.0)]
    sounds = [samples]
    for threshold in thresholds:
        marked = marked_cells(own_map, threshold)
        choices = [("map", 0, marked)]
        for draw in range(n_random):
            choices.append(("random", draw, random_cells(own_map, int(marked.sum()), generator)))
        for name, draw, cells in choices:
            parts = split(samples, cells, config)
            for sound, values in zip(Split._fields, parts, strict=True):
                ratio = float((values**2).sum() / (samples**2).sum())
                found.append(Probe(name, draw, threshold, sound, float(cells.mean()), ratio))
                sounds.append(values)
    return found, cqt_magnitude(np.stack(sounds), config).astype(np.float32)
