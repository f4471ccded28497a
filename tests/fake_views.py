"""Made-up recordings and masks that look like speech, for tests of the figures."""

import numpy as np
import pandas as pd

from convcam_jax.corpora.config import EMOTIONS
from convcam_jax.data.members import Cohort
from convcam_jax.measures.views import MaskSet, RecordingView
from convcam_jax.splits.protocol import ONLY_FOLD

BIN_HZ = 32.70319566257483 * 2 ** (np.arange(96) / 12)
EDGES_HZ = 32.70319566257483 * 2 ** ((np.arange(97) - 0.5) / 12)
# As of a mel scale that begins at 0 Hz.
MEL_EDGES_HZ = 700 * (10 ** (np.linspace(0, 2840, 97) / 2595) - 1)
FRAME_S = 512 / 16600


def make_view(recording: str = "13b01Ab", emotion: str = "fear", group: str = "female", n: int = 74) -> RecordingView:
    """Harmonics of a falling F0 in three voiced segments; one octave error; a map of two soft blobs."""
    generator = np.random.default_rng(sum(recording.encode()))
    frames = np.arange(n)
    voiced = (frames % 24 > 4) & (frames > 5)
    f0_hz = np.where(voiced, (220 if group == "female" else 120) * (1.2 - 0.4 * frames / n), 0.0)
    f0_hz[n // 2] *= 2
    envelope = np.where(voiced, np.sin(np.pi * (frames % 24) / 24) ** 2, 0.02) * generator.uniform(0.5, 1, n)
    rows = np.arange(96)[:, None]
    harmonics = sum(
        np.exp(-((rows - 12 * np.log2(np.maximum(f0_hz, 50) * h / BIN_HZ[0])) ** 2) / 2) / h for h in (1, 2, 3, 4)
    )
    magnitude = harmonics * envelope + 0.001 * generator.random((96, n))
    activation = sum(
        height * np.exp(-((rows - centre) ** 2) / 200 - (frames - at) ** 2 / 90)
        for height, centre, at in ((1.0, 45 + generator.integers(9), 0.3 * n), (0.8, 60, 0.7 * n))
    )
    activation /= activation.max()
    kept = activation >= 0.5 * activation.max(axis=0)
    trajectory_hz = (kept * BIN_HZ[:, None]).sum(axis=0) / kept.sum(axis=0)
    contour = activation.sum(axis=0)
    raw_map = activation[3:93][:, np.linspace(0, n - 1, 47).astype(int)] * 3.7
    return RecordingView(
        recording=recording,
        emotion=emotion,
        group=group,
        magnitude=magnitude.astype(np.float32),
        map=activation.astype(np.float32),
        raw_map=raw_map.astype(np.float32),
        f0_hz=f0_hz,
        voiced=voiced,
        trajectory_hz=trajectory_hz,
        envelope=envelope / envelope.max(),
        contour=contour / contour.max(),
        time_s=frames * FRAME_S,
        bin_hz=BIN_HZ,
        edges_hz=EDGES_HZ,
    )


def make_views(metrics: pd.DataFrame) -> dict[str, RecordingView]:
    """A view of every recording of one member per group."""
    rows = metrics[["recording", "emotion", "group", "n_frames"]].itertuples(index=False)
    return {row.recording: make_view(row.recording, row.emotion, row.group, row.n_frames) for row in rows}


def make_masks(seeds: int = 10) -> MaskSet:
    """A blob per emotion, at another place in each; of one fold."""
    rows, frames = np.arange(96)[:, None], np.arange(202)
    blobs = [np.exp(-((rows - 40 - 4 * c) ** 2) / 150 - (frames - 40 - 9 * c) ** 2 / 900) for c in range(len(EMOTIONS))]
    best = {Cohort("female", ONLY_FOLD): np.stack(blobs), Cohort("male", ONLY_FOLD): np.stack(blobs)[:, ::-1]}
    summed = {cohort: seeds * mask**0.7 for cohort, mask in best.items()}
    return MaskSet(best, summed, EMOTIONS, BIN_HZ, frames * FRAME_S, EDGES_HZ)
