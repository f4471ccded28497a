"""IEMOCAP as it is distributed: recordings of turns, and files that tell how listeners called the turns of a dialogue.

C. Busso, M. Bulut, C.-C. Lee, A. Kazemzadeh, E. Mower, S. Kim, J. N. Chang, S. Lee and S. S. Narayanan, "IEMOCAP:
Interactive emotional dyadic motion capture database", Language Resources and Evaluation 42, 2008.
"""

import dataclasses
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from convcam_jax.corpora.config import CorpusConfig
from convcam_jax.corpora.corpus import Corpus
from convcam_jax.corpora.folders.named_folders import folders_named, read_once
from convcam_jax.corpora.folders.wav_files import files_with, given_folder
from convcam_jax.corpora.utterances import Found, Utterance
from convcam_jax.system.errors import RecordingError, UserError

# By the codes of the label files; xxx is a turn on which no majority of the listeners agreed.
IEMOCAP_EMOTIONS = {
    "ang": "anger",
    "dis": "disgust",
    "exc": "excitement",
    "fea": "fear",
    "fru": "frustration",
    "hap": "happiness",
    "neu": "neutral",
    "oth": "other",
    "sad": "sadness",
    "sur": "surprise",
    "xxx": "no agreement",
}
HOW_TO_GET_IEMOCAP = (
    "ask for IEMOCAP at sail.usc.edu/iemocap (licence: for research, by a signed release form), and give the folder "
    "with Session1 to Session5 as --data_dir; --corpus=synthetic needs none"
)
_SESSION = re.compile(r"Session[1-5]")
# [6.2901 - 8.2357]	Ses01F_impro01_F000	neu	[2.5000, 2.5000, 2.5000]
_LABEL = re.compile(
    r"\[(?P<start>[\d.]+) - (?P<end>[\d.]+)\]\s+(?P<turn>\w+)\s+(?P<code>[a-z]{3})\s+"
    r"\[(?P<valence>[\d.]+), (?P<activation>[\d.]+), (?P<dominance>[\d.]+)\]"
)
# Ses01F_impro01_M003: session, who wears the markers, scenario, who speaks. A letter behind the scenario, as in
# Ses05M_script01_1b, counts the dialogues of a scenario that was played in several.
_TURN = re.compile(r"Ses0(?P<session>[1-5])[FM]_(?P<scenario>(impro|script)\w*?\d)[a-z]?_(?P<letter>[FM])\d{3}")
# Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.
_SPOKEN = re.compile(r"(?P<turn>\w+) \[[\d.]+-[\d.]+\]:\s*(?P<words>.*)")


@dataclasses.dataclass(frozen=True)
class IemocapConfig(CorpusConfig):
    """Which turns of IEMOCAP are used: the usual four classes, of which happiness has the excited turns too."""

    name: str = "iemocap"
    emotions: tuple[str, ...] = ("anger", "happiness", "neutral", "sadness")
    labels: tuple[str, ...] = ("excitement:happiness",)


class _Turn(NamedTuple):
    """A line of a label file, and what is said there ("" where no transcript tells)."""

    name: str
    label: re.Match[str]
    words: str
    path: Path


def _find(config: IemocapConfig, cache_dir: Path, sample_rate_hz: int) -> Found:
    data_dir = given_folder(config, HOW_TO_GET_IEMOCAP)
    sessions = folders_named(data_dir, _SESSION, "one session")
    turns: dict[str, list[_Turn]] = {}
    for turn in (turn for session in sessions for turn in _turns(session)):
        turns.setdefault(turn.name, []).append(turn)
    if not turns:
        raise UserError(f"{data_dir}: there are no labels in Session*/dialog/EmoEvaluation/*.txt; {HOW_TO_GET_IEMOCAP}")
    files = {name: [turn.path for turn in own if turn.path.exists()] for name, own in sorted(turns.items())}
    files = {name: paths or [turns[name][0].path] for name, paths in files.items()}
    return read_once(files, lambda name, path: _utterance(_one_of(turns[name])._replace(path=path)), config.on_error)


def _one_of(turns: Sequence[_Turn]) -> _Turn:
    """The first, where all copies of a turn have one label."""
    if len({turn.label.group() for turn in turns}) > 1:
        told = " and ".join(dict.fromkeys(turn.label.group() for turn in turns))
        raise RecordingError(
            turns[0].name, f"it has several labels ({told}); keep one copy of EmoEvaluation", "with several labels"
        )
    return turns[0]


def _turns(session: Path) -> Iterator[_Turn]:
    """The labelled turns of a session."""
    files = files_with(".txt", session / "dialog" / "EmoEvaluation").values()
    for file in (own for own in files if own.name.startswith("Ses")):
        spoken = {m["turn"]: m["words"] for m in _matches(_SPOKEN, session / "dialog" / "transcriptions" / file.name)}
        for label in _matches(_LABEL, file):
            path = session / "sentences" / "wav" / file.stem / f"{label['turn']}.wav"
            yield _Turn(label["turn"], label, spoken.get(label["turn"], ""), path)


def _matches(line: re.Pattern[str], file: Path) -> Iterator[re.Match[str]]:
    """Lines of a text file that match; none if there is no such file."""
    if not file.is_file():
        return
    try:
        # All bytes are characters of Latin-1; names, codes and numbers are ASCII.
        text = file.read_text(encoding="latin-1")
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); change its permissions") from error
    yield from (match for row in text.splitlines() if (match := line.match(row)))


def _utterance(turn: _Turn) -> Utterance:
    match = _TURN.fullmatch(turn.name)
    code = turn.label["code"]
    if match is None or code not in IEMOCAP_EMOTIONS:
        raise RecordingError(
            turn.name, f"its label ({code}) or its name is not one of IEMOCAP; get the files in EmoEvaluation again"
        )
    return Utterance(
        turn.name,
        speaker=f"Ses0{match['session']}{match['letter']}",
        gender="female" if match["letter"] == "F" else "male",
        emotion=IEMOCAP_EMOTIONS[code],
        text=match["scenario"],
        path=turn.path,
        attributes=(
            ("session", match["session"]),
            ("style", "improvised" if match["scenario"].startswith("impro") else "scripted"),
            ("words", turn.words),
            *((scale, turn.label[scale]) for scale in ("valence", "activation", "dominance")),
        ),
    )


IEMOCAP = Corpus(
    description="IEMOCAP: 10039 turns of 10 actors in dialogues, American English, 4 classes of 10",
    how_to_get=HOW_TO_GET_IEMOCAP,
    config=IemocapConfig,
    find=_find,
    speakers=tuple(f"Ses0{session}{letter}" for session in range(1, 6) for letter in "FM"),
)
