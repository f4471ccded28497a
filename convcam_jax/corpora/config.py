"""What every corpus can be asked for; its own config, with its defaults, stands with each corpus."""

import dataclasses
from typing import Literal

from convcam_jax.system.spelling import bare_form
from convcam_jax.system.validation import require

# The order of the columns of the paper's Tables 3 to 5.
EMOTIONS = ("anger", "boredom", "fear", "happiness", "neutral", "sadness")
GENDERS = ("female", "male")
# As `models_per`: one model for all recordings.
ALL = "all"
# As `max_frames`: as many as the corpus needs.
FROM_CORPUS = 0
# Of the frames of the paper, 50 minutes.
MOST_FRAMES = 100_000


@dataclasses.dataclass(frozen=True)
class CorpusConfig:
    """Which recordings are used, and which of them share a model (paper, section 3.1).

    Raises UserError if a field has a value that is not allowed; so do the configs of all corpora.

    Attributes:
      name: the key in `CORPORA`.
      data_dir: the corpus's folder.
      emotions: those that are told apart; empty: all that the corpus has; of several corpora, those that all of them
        have.
      labels: other words for the corpus's labels, such as "happy:happiness"; several may be merged into one.
      excluded_speakers: whose recordings are left out.
      models_per: a column, of whose values each has models of its own, or "all".
      channels: recordings of several channels: a problem, or the mean of the channels.
      max_frames: of the network's input; 0: those of the longest recording, within a limit.
      longer: longer recordings: left out, their middle taken, or divided into equal parts.
      on_error: recordings with problems: all are told and the program stops, or they are left out.
    """

    name: str
    data_dir: str = ""
    emotions: tuple[str, ...] = EMOTIONS
    labels: tuple[str, ...] = ()
    excluded_speakers: tuple[str, ...] = ()
    models_per: str = "gender"
    channels: Literal["refuse", "mix"] = "refuse"
    max_frames: int = FROM_CORPUS
    longer: Literal["leave_out", "crop", "split"] = "leave_out"
    on_error: Literal["stop", "skip"] = "stop"

    def __post_init__(self) -> None:
        require(
            not self.emotions or len(set(self.emotions)) == len(self.emotions) >= 2,
            "corpus.emotions",
            "needs two or more different names, or none for all that the corpus has",
        )
        pairs = [tuple(part.strip() for part in pair.split(":")) for pair in self.labels]
        require(
            all(len(pair) == 2 and all(pair) for pair in pairs)
            and len({bare_form(pair[0]) for pair in pairs}) == len(pairs),
            "corpus.labels",
            "must have pairs of a corpus's word and another, each word once, as in happy:happiness,joy:happiness",
        )
        require(
            self.models_per not in ("", "emotion"),
            "corpus.models_per",
            f"must be {ALL} or a column other than emotion, which is what a model tells apart",
        )
        require(
            1 <= self.max_frames <= MOST_FRAMES or self.max_frames == FROM_CORPUS,
            "corpus.max_frames",
            f"must lie in 1..{MOST_FRAMES}, or be {FROM_CORPUS} for as many as the corpus needs",
        )

    @property
    def label_changes(self) -> dict[str, str]:
        """`labels` as a dictionary from the corpus's words to other words."""
        pairs = (pair.split(":") for pair in self.labels)
        return {word.strip(): other.strip() for word, other in pairs}
