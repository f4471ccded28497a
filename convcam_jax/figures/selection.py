"""Which recordings the figures show: those with the lowest or highest error, those with leaps of F0."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from convcam_jax.measures.views import RecordingView

# Two semitones of an octave's 12 are left for what the voice itself does between two frames.
OCTAVE_LEAP_SEMITONES = 10.0
# Below this no voice is meant: zeros that were interpolated into the contour.
_LOWEST_F0_HZ = 60.0


class ExtremeRecording(NamedTuple):
    """A recording and its error."""

    view: RecordingView
    error: float


def extreme(
    views: Mapping[str, RecordingView],
    metrics: pd.DataFrame,
    column: str,
    group: str,
    highest: bool = False,
    emotion: str | None = None,
) -> ExtremeRecording | None:
    """The correctly classified recording of a group (and emotion) with the lowest or highest `column`; None if none.

    views: by recording name. metrics: rows of the chosen members.
    """
    candidates = metrics[metrics["correct"].astype(bool) & (metrics["group"] == group)].dropna(subset=[column])
    if emotion is not None:
        candidates = candidates[candidates["emotion"] == emotion]
    if candidates.empty:
        return None
    row = candidates.sort_values([column, "recording"], ascending=[not highest, True]).iloc[0]
    return ExtremeRecording(views[row["recording"]], float(row[column]))


def f0_leaps(view: RecordingView) -> np.ndarray:
    """Size in semitones of the step from each frame to the next [n - 1]; 0 where either is not voiced."""
    usable = view.voiced.astype(bool) & (view.f0_hz >= _LOWEST_F0_HZ)
    semitones = 12 * np.log2(np.where(usable, view.f0_hz, _LOWEST_F0_HZ))
    return np.where(usable[1:] & usable[:-1], np.abs(np.diff(semitones)), 0.0)


def with_f0_errors(views: Mapping[str, RecordingView], preferred: Sequence[str]) -> list[RecordingView]:
    """As many views as `preferred` has: those that it names, then those with the greatest leap of F0 between frames."""
    named = [name for name in preferred if name in views]
    others = [name for name in sorted(views) if name not in named]
    others.sort(key=lambda name: -float(f0_leaps(views[name]).max(initial=0.0)))
    return [views[name] for name in (named + others)[: len(preferred)]]


def example_view(views: Mapping[str, RecordingView]) -> RecordingView:
    """The view that stands for all: that of median length among those whose map is not zero, if there are any."""
    with_map = [view for view in views.values() if view.map.max() > 0] or list(views.values())
    by_length = sorted(with_map, key=lambda view: (len(view.time_s), view.recording))
    return by_length[len(by_length) // 2]
