"""The recordings of a corpus as a list of utterances, and the subset of them that is used (paper, section 3.1)."""

import functools
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from convcam_jax.corpora.config import ALL, CorpusConfig
from convcam_jax.corpora.words.emotion_words import nearest_word, standard_word
from convcam_jax.system.errors import RecordingError, UserError
from convcam_jax.system.spelling import nearest

_COLUMNS = ("speaker", "gender", "emotion", "text")


class Source(NamedTuple):
    """Where the sound of an utterance is: a file, or a part of it."""

    path: Path
    start_s: float = 0.0
    end_s: float | None = None  # None: the file's end
    channel: int | None = None  # from 0; None: the only one, or all

    @property
    def part(self) -> tuple[float, float | None, int | None]:
        """What is read of the file: start, end and channel."""
        return self.start_s, self.end_s, self.channel

    @property
    def is_part(self) -> bool:
        """Whether it is not the whole file."""
        return self.start_s > 0 or self.end_s is not None


class Utterance(NamedTuple):
    """One recording and what is known about it; several may be parts of one file."""

    recording: str  # the file's name without its ending, or another that no other recording has
    speaker: str
    gender: str  # "female" or "male"; "" if it is not known
    emotion: str
    text: str
    path: Path
    attributes: tuple[tuple[str, str], ...] = ()  # further columns, such as ("intensity", "strong")
    start_s: float = 0.0
    end_s: float | None = None  # None: the file's end
    channel: int | None = None  # of the file, from 0; None: the only one, or all

    @property
    def source(self) -> Source:
        """Where its sound is."""
        return Source(self.path, self.start_s, self.end_s, self.channel)

    @property
    def file(self) -> Path:
        """The file that `path` leads to: the same for all spellings of a path, and for links."""
        return _real(self.path)

    def value(self, column: str) -> str:
        """What stands in a column: speaker, gender, emotion, text or an attribute; KeyError if there is none."""
        return self._by_column()[column]

    def columns(self) -> tuple[str, ...]:
        """All that `value` knows."""
        return tuple(self._by_column())

    def _by_column(self) -> dict[str, str]:
        return {column: getattr(self, column) for column in _COLUMNS} | dict(self.attributes)


def unlabelled(recording: str, path: Path) -> Utterance:
    """A recording of which nothing but the sound is known."""
    return Utterance(recording, "", "", "", "", path)


class Found(NamedTuple):
    """The utterances of a corpus, sorted by recording, and the problems of the recordings that are left out."""

    utterances: list[Utterance]
    problems: list[RecordingError]


def select(utterances: Sequence[Utterance], config: CorpusConfig, speakers: Sequence[str] = ()) -> list[Utterance]:
    """Those of the config's emotions and not of its excluded speakers.

    Raises UserError if an excluded speaker has no recording and is none of the whole corpus's `speakers`, of which a
    folder may hold a part, or if nothing is left of an emotion.
    """
    considered = of_considered_speakers(utterances, config, speakers)
    found = {u.emotion for u in considered}
    for emotion in config.emotions:
        if emotion not in found:
            near = nearest_word(emotion, sorted(found)) if standard_word(emotion) is None else None
            raise UserError(
                f"config field corpus.emotions: there is no recording of {emotion}; "
                + (f"the nearest word is {near}; " if near else "")
                + (_all_of(sorted(found)) if found else "the corpus has none")
            )
    return [u for u in considered if u.emotion in config.emotions]


def _all_of(emotions: Sequence[str]) -> str:
    return f"the corpus has {', '.join(emotions)}, all of which --set=corpus.emotions= takes"


def of_considered_speakers(
    utterances: Sequence[Utterance], config: CorpusConfig, speakers: Sequence[str]
) -> list[Utterance]:
    """Those not of the config's excluded speakers; for `speakers` and what is raised see `select`."""
    check_excluded(config.excluded_speakers, sorted({u.speaker for u in utterances} | set(speakers)))
    return [u for u in utterances if u.speaker not in config.excluded_speakers]


def check_excluded(excluded: Sequence[str], speakers: Sequence[str]) -> None:
    """Raise UserError unless all excluded speakers are among a corpus's `speakers`."""
    for speaker in excluded:
        if speaker not in speakers:
            near = nearest(speaker, speakers)
            raise UserError(
                f"config field corpus.excluded_speakers: the corpus has no speaker {speaker}; "
                + (f"the nearest is {near}" if near else "it has none")
            )


def columns_of(utterances: Sequence[Utterance]) -> list[str]:
    """All columns that any of the utterances has, in order."""
    return list(dict.fromkeys(column for u in utterances for column in u.columns()))


def group_of(utterance: Utterance, models_per: str) -> str:
    """Which models a recording is for: those of its value in the column `models_per`, or "all" where that is "all".

    Raises UserError naming the columns there are if this is none of them.
    """
    if models_per == ALL:
        return ALL
    columns = [column for column in utterance.columns() if column != "emotion"]
    if models_per not in columns:
        raise UserError(
            f"config field corpus.models_per: there is no column {models_per}; "
            f"it must be one of {', '.join([ALL, *columns])}"
        )
    value = utterance.value(models_per)
    if not value:
        raise UserError(
            f"config field corpus.models_per: {models_per} of {utterance.recording} is not known; fill it in, or set "
            f"corpus.models_per={ALL} for one model of all recordings"
        )
    return value


def without(utterances: Sequence[Utterance], problems: Sequence[RecordingError]) -> list[Utterance]:
    """Those that have no problem."""
    with_problem = {problem.recording for problem in problems}
    return [u for u in utterances if u.recording not in with_problem]


def told_apart(names: Sequence[str], taken: Collection[str] = ()) -> list[str]:
    """The names, those with a number behind that are `taken` or stand before.

    >>> told_apart(["a", "b", "a"], taken={"b", "a~2"})
    ['a', 'b~2', 'a~3']
    """
    used = set(taken)
    apart = []
    for name in names:
        numbered = (f"{name}~{number}" for number in range(2, len(names) + len(used) + 3))
        apart.append(name if name not in used else next(other for other in numbered if other not in used))
        used.add(apart[-1])
    return apart


@functools.cache
def _real(path: Path) -> Path:
    return path.resolve()


def part_name(recording: str, start_s: float, end_s: float | None) -> str:
    """What a part of a file is called: by the recording's name, and start and end in seconds."""
    return f"{recording}_{start_s:.3f}-{'end' if end_s is None else f'{end_s:.3f}'}"
