"""CREMA-D as it is downloaded: names tell what is spoken, and a table tells of the actors.

H. Cao, D. G. Cooper, M. K. Keutmann, R. C. Gur, A. Nenkova and R. Verma, "CREMA-D: Crowd-sourced emotional multimodal
actors dataset", IEEE Transactions on Affective Computing 5 (4), 2014.
"""

import csv
import dataclasses
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from convcam_jax.corpora.config import CorpusConfig
from convcam_jax.corpora.corpus import Corpus
from convcam_jax.corpora.folders.wav_files import files_with, given_folder, read_names
from convcam_jax.corpora.utterances import Found, Utterance
from convcam_jax.system.errors import RecordingError, UserError

CREMA_D_EMOTIONS = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happiness",
    "NEU": "neutral",
    "SAD": "sadness",
}
# The name of one recording, 1040_ITH_SAD_X, lacks a letter.
CREMA_D_INTENSITIES = {"LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified", "X": "unspecified"}
# "It's eleven o'clock", "That is exactly what happened" and so on, as the corpus's README lists them.
SENTENCES = ("IEO", "TIE", "IOM", "IWW", "TAI", "MTI", "IWL", "ITH", "DFA", "ITS", "TSI", "WSI")
# Without sound, by the corpus's README.
DAMAGED = ("1076_MTI_SAD_XX",)
ACTOR_TABLE = "VideoDemographics.csv"
HOW_TO_GET_CREMA_D = (
    "clone github.com/CheyneyComputerScience/CREMA-D with Git LFS (licence ODbL 1.0, contents DbCL 1.0), and give "
    f"the folder with AudioWAV and {ACTOR_TABLE} as --data_dir; --corpus=synthetic needs none"
)
_GENDERS = {"Female": "female", "Male": "male"}
_NAME = re.compile(
    rf"(1\d{{3}})_({'|'.join(SENTENCES)})_({'|'.join(CREMA_D_EMOTIONS)})_({'|'.join(CREMA_D_INTENSITIES)})"
)
_POINTER = b"version https://git-lfs"
# In bytes; recordings have more.
_LONGEST_POINTER = 1000


@dataclasses.dataclass(frozen=True)
class CremaDConfig(CorpusConfig):
    """Which recordings of CREMA-D are used."""

    name: str = "crema_d"
    emotions: tuple[str, ...] = tuple(CREMA_D_EMOTIONS.values())


def _find(config: CremaDConfig, cache_dir: Path, sample_rate_hz: int) -> Found:
    data_dir = given_folder(config, HOW_TO_GET_CREMA_D)
    if data_dir.resolve().name == "AudioWAV":
        raise UserError(f"{data_dir}: is the folder of the recordings; give the folder that it lies in")
    paths = files_with(".wav", data_dir / "AudioWAV")
    if not paths:
        raise UserError(f"{data_dir / 'AudioWAV'}: there are no wav files; {HOW_TO_GET_CREMA_D}")
    _check_content(paths)
    actors = _read_actors(data_dir / ACTOR_TABLE)
    whole = {name: path for name, path in paths.items() if name not in DAMAGED}
    found = read_names(whole, partial(_utterance, actors), config.on_error)
    damaged = [
        RecordingError(name, f"{paths[name]} is without sound in the corpus") for name in DAMAGED if name in paths
    ]
    return found._replace(problems=[*found.problems, *damaged])


def _check_content(paths: Mapping[str, Path]) -> None:
    """Raise UserError if files are what Git leaves in the place of large files where its extension LFS is missing."""
    for path in paths.values():
        if _is_pointer(path):
            raise UserError(
                f"{path}: is a pointer of Git LFS, not the recording; install Git LFS, and call git lfs pull there"
            )


def _is_pointer(path: Path) -> bool:
    try:
        return path.stat().st_size < _LONGEST_POINTER and path.read_bytes().startswith(_POINTER)
    except OSError:
        # It is no file, or not readable, which is told of each recording.
        return False


def _read_actors(table: Path) -> dict[str, dict[str, str]]:
    """Rows of the table of actors, by their numbers."""
    if not table.is_file():
        raise UserError(f"{table}: missing, which tells the actors' gender; {HOW_TO_GET_CREMA_D}")
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            actors = {row["ActorID"]: row for row in csv.DictReader(file)}
        unknown = [actor for actor, row in actors.items() if row["Sex"] not in _GENDERS or not row["Age"]]
    except (OSError, UnicodeDecodeError, csv.Error, KeyError) as error:
        raise UserError(f"{table}: cannot be read ({error}); get it again from the corpus") from error
    if unknown:
        raise UserError(f"{table}: actor {unknown[0]} has no age, or is neither Female nor Male; get it again")
    return actors


def _utterance(actors: Mapping[str, Mapping[str, str]], name: str, path: Path) -> Utterance:
    match = _NAME.fullmatch(name)
    if match is None:
        raise RecordingError(
            name,
            f"not a name of CREMA-D: an actor, a sentence, one of {', '.join(CREMA_D_EMOTIONS)} and an intensity, "
            "as in 1001_IEO_ANG_HI; rename or remove the file",
        )
    actor, sentence, emotion, intensity = match.groups()
    if actor not in actors:
        raise RecordingError(name, f"actor {actor} is not in {ACTOR_TABLE}; get the table again from the corpus")
    return Utterance(
        name,
        speaker=actor,
        gender=_GENDERS[actors[actor]["Sex"]],
        emotion=CREMA_D_EMOTIONS[emotion],
        text=sentence,
        path=path,
        attributes=(("intensity", CREMA_D_INTENSITIES[intensity]), ("age", actors[actor]["Age"])),
    )


CREMA_D = Corpus(
    description="CREMA-D: 7442 recordings of 91 actors, American English, 6 emotions",
    how_to_get=HOW_TO_GET_CREMA_D,
    config=CremaDConfig,
    find=_find,
    speakers=tuple(str(number) for number in range(1001, 1092)),
)
