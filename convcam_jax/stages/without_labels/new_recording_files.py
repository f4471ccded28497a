"""The files of one new recording, and what the page has of it. Other processes call this, and it loads no JAX."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from convcam_jax.checks.listening.resynthesis import round_trip_snr_db
from convcam_jax.corpora.utterances import Source
from convcam_jax.data.members import Member
from convcam_jax.measures.segments import Label
from convcam_jax.report.explanation import Explanation
from convcam_jax.report.new_recordings import new_recording
from convcam_jax.representations.features import FeatureConfig
from convcam_jax.stages.checks.listening_sounds import listen, write_sounds
from convcam_jax.stages.without_labels.text_grid import write_text_grid
from convcam_jax.system.errors import RecordingError
from convcam_jax.system.files import file_stem
from convcam_jax.system.formats import write_figure


class ToWrite(NamedTuple):
    """A new recording, all models of the run, and what they say of it: `words` in a sentence."""

    source: Source
    members: Sequence[Member]
    explained: Explanation
    words: str


def write_files(
    task: ToWrite, features: FeatureConfig, thresholds: tuple[float, ...], folder: Path
) -> tuple[dict[str, Any], float] | RecordingError:
    """Write the recording's TextGrid, figure and sounds into `folder`.

    Returns the recording as the page has it, and the signal-to-noise ratio (dB) of its way through the spectrogram; or
    why there are no sounds of it, where its file cannot be read any more.
    """
    # Here, since it loads matplotlib, which who only hands over the task need not wait for.
    from convcam_jax.figures.explanation import explanation

    explained, view, duration_s = task.explained, task.explained.view, task.explained.sound.duration_s
    stem = file_stem(view.recording)
    answer = [Label(0.0, duration_s, task.words)]
    tiers = {"F0": explained.f0_segments, "map": explained.map_segments, "answer": answer}
    write_text_grid(folder / f"{stem}.TextGrid", duration_s, tiers)
    probabilities = explained.probabilities
    write_figure(folder / f"{stem}.png", explanation, view, probabilities.to_numpy(), tuple(probabilities.columns))
    try:
        sounds = listen(task.source, explained.map, features, thresholds)
    except RecordingError as error:
        return RecordingError(view.recording, f"has answers and no sounds: {error.problem}", error.kind)
    write_sounds(view.recording, sounds, thresholds, folder / "listening")
    on_page = new_recording(explained, task.members, task.words, sounds)
    return on_page, round_trip_snr_db(sounds.original, features.representation)
