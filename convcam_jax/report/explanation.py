"""What a finished run's models say of one recording, and why. Other processes are handed it, and it loads no JAX."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from convcam_jax.corpora.sounds.audio import SoundFacts
from convcam_jax.measures.segments import Label
from convcam_jax.measures.views import RecordingView

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """What the S members of a run say of one recording of n frames, and why.

    Attributes:
      answers: a row per member: `group`, `fold`, `seed`, `predicted`, `probability/EMOTION`.
      spread: how far they agree, see `unlabelled.spread_table`.
      metrics: a row per member: the metrics of its map that need no label.
      predicted: the emotion whose mean probability is highest.
      probabilities: a row per member, a column per emotion: `.mean()` is the ensemble's, `.std()` their spread.
      maps: `[S, F, n]`, 0..1: every member's map of `predicted`, in the order of the rows of `answers`.
      view: what figures show: the mean map, F0, c, Q and q.
      sound: what its file is: rate, channels, how long it lasts, and what was done to it.
      f0_segments, map_segments: voiced segments of F0, and the stretches where the mean map is strongest.
    """

    answers: pd.DataFrame
    spread: pd.DataFrame
    metrics: pd.DataFrame
    predicted: str
    probabilities: pd.DataFrame
    maps: np.ndarray
    view: RecordingView
    sound: SoundFacts
    f0_segments: list[Label]
    map_segments: list[Label]

    @property
    def map(self) -> np.ndarray:
        """The mean of all members' maps of `predicted`, divided by its maximum: `[F, n]`."""
        return self.view.map

    @property
    def frequencies_hz(self) -> np.ndarray:
        """Centres of the map's bins, `[F]`."""
        return self.view.bin_hz

    @property
    def times_s(self) -> np.ndarray:
        """Centres of the map's frames, `[n]`."""
        return self.view.time_s

    @property
    def contours(self) -> pd.DataFrame:
        """F0, c, Q and q of every frame, of the mean map."""
        # Here, since it loads JAX.
        from convcam_jax.measures.result_tables import contour_table

        return contour_table({self.view.recording: self.view})

    @property
    def disagree(self) -> bool:
        """Whether some member answers another emotion than another member."""
        return self.answers["predicted"].nunique() > 1

    def __repr__(self) -> str:
        return f"<Explanation of {self.view.recording}: {self}>"

    def __str__(self) -> str:
        """What the members say together, in a sentence, and how many of their maps show nothing."""
        # Here, since it loads JAX.
        from convcam_jax.measures.unlabelled import in_words

        words, n_zero = in_words(self.answers, self.predicted), int(self.metrics["map_is_zero"].sum())
        return words + f"; {n_zero} of {len(self.maps)} maps are zero everywhere" * (n_zero > 0)

    def plot(self) -> "Figure":
        """The recording, the mean map, its contours, and what the members answer."""
        # Here, since it loads matplotlib, which who does not plot need not wait for.
        from convcam_jax.figures.explanation import explanation as draw

        return draw(self.view, self.probabilities.to_numpy(), tuple(self.probabilities.columns))
