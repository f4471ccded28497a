"""The files of one new recording, and what the page has of it. Other processes call this, and it loads no JAX."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from convcam_jax.checks.listening.resynthesis import round_trip_snr_db
from convcam_jax.corpora.utterances import Source
from convcam_jax.measures.segments import Label
from convcam_jax.report.new_recordings import Heard, new_recording
from convcam_jax.representations.features import FeatureConfig
from convcam_jax.stages.checks.listening_sounds import listen, write_sounds
from convcam_jax.stages.without_labels.text_grid import write_text_grid
from convcam_jax.system.errors import RecordingError
from convcam_jax.system.files import file_stem
from convcam_jax.system.formats import write_figure


class ToWrite(NamedTuple):
    """A new recording and what the members say of it.

    Attributes:
      source: the recording.
      heard: all that is told of it.
      probabilities: `[S, C]`.
      emotions: the C names.
      f0_segments, map_segments: for the TextGrid.
    """

    source: Source
    heard: Heard
    probabilities: np.ndarray
    emotions: tuple[str, ...]
    f0_segments: list[Label]
    map_segments: list[Label]


def write_files(
    task: ToWrite, features: FeatureConfig, thresholds: tuple[float, ...], folder: Path
) -> tuple[dict[str, Any], float] | RecordingError:
    """Write the recording's TextGrid, figure and sounds into `folder`.

    Returns the recording as the page has it, and the signal-to-noise ratio (dB) of its way through the spectrogram; or
    why there are no sounds of it, where its file cannot be read any more.
    """
    # Here, since it loads matplotlib, which who only hands over the task need not wait for.
    from convcam_jax.figures.explanation import explanation

    heard, view = task.heard, task.heard.view
    stem = file_stem(view.recording)
    tiers = {
        "F0": task.f0_segments,
        "map": task.map_segments,
        "answer": [Label(0.0, heard.duration_s, heard.words)],
    }
    write_text_grid(folder / f"{stem}.TextGrid", heard.duration_s, tiers)
    write_figure(folder / f"{stem}.png", explanation, view, task.probabilities, task.emotions)
    try:
        sounds = listen(task.source, view.map, features, thresholds)
    except RecordingError as error:
        return RecordingError(view.recording, f"has answers and no sounds: {error.problem}", error.kind)
    write_sounds(view.recording, sounds, thresholds, folder / "listening")
    return new_recording(heard, sounds), round_trip_snr_db(sounds.original, features.representation)
