"""The speech recordings of RAVDESS as it is downloaded, whose names tell what is spoken.

S. Livingstone and F. Russo, "The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS)", PLOS ONE 2018.
"""

import dataclasses
import re
from pathlib import Path
from typing import Literal

from convcam_jax.corpora.config import CorpusConfig
from convcam_jax.corpora.corpus import Corpus
from convcam_jax.corpora.folders.named_folders import files_of_each_name, folders_named, read_once
from convcam_jax.corpora.folders.wav_files import given_folder
from convcam_jax.corpora.utterances import Found, Utterance
from convcam_jax.system.errors import RecordingError, UserError

# In the order of their codes, from 01.
RAVDESS_EMOTIONS = ("neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise")
INTENSITIES = ("normal", "strong")
# "Kids are talking by the door", "Dogs are sitting by the door".
TEXTS = ("kids", "dogs")
HOW_TO_GET_RAVDESS = (
    "get Audio_Speech_Actors_01-24.zip from zenodo.org/records/1188976 (licence CC BY-NC-SA 4.0), unpack it, and give "
    "the folder with Actor_01 to Actor_24 as --data_dir; --corpus=synthetic needs none"
)
# Modality (sound without a picture) and vocal channel.
_SPEECH = ("03", "01")
_NAME = re.compile(r"(0[1-3])-(0[12])-(0[1-8])-(0[12])-(0[12])-(0[12])-(0[1-9]|1\d|2[0-4])")
_ACTOR_FOLDER = re.compile(r"Actor_\d\d")


@dataclasses.dataclass(frozen=True)
class RavdessConfig(CorpusConfig):
    """Which recordings of RAVDESS are used; a few are stereo."""

    name: str = "ravdess"
    emotions: tuple[str, ...] = RAVDESS_EMOTIONS
    channels: Literal["refuse", "mix"] = "mix"


def find_ravdess(data_dir: Path, on_error: str) -> Found:
    """Recordings of speech in the folders Actor_NN of `data_dir`, sorted by name.

    The folders may lie up to two folders deeper. The archive holds all of them twice, one copy in the other: of files
    of one name, which have to be copies, the first by its path is taken. Songs and videos are among the problems and do
    not stop. For `on_error` and what is raised see `Corpus`.
    """
    folders = folders_named(data_dir, _ACTOR_FOLDER, "one actor")
    sounds = files_of_each_name(folders, ".wav")
    speech = {name: files for name, files in sounds.items() if not _is_other(name)}
    if not speech:
        raise UserError(f"{data_dir}: there are no recordings of speech in folders Actor_NN; {HOW_TO_GET_RAVDESS}")
    songs = [files for name, files in sounds.items() if name not in speech]
    left_out = [
        RecordingError(first.stem, f"{first} is no recording of speech", "songs or videos")
        for first, *_ in (*songs, *files_of_each_name(folders, ".mp4").values())
    ]
    found = read_once(speech, _utterance, on_error)
    return found._replace(problems=[*found.problems, *left_out])


def _is_other(name: str) -> bool:
    """Whether this is a good name, of a song or a video."""
    match = _NAME.fullmatch(name)
    return match is not None and match.groups()[:2] != _SPEECH


def _utterance(name: str, path: Path) -> Utterance:
    match = _NAME.fullmatch(name)
    if match is None:
        raise RecordingError(
            name,
            "not a name of RAVDESS: modality (01 to 03), vocal channel (01, 02), emotion (01 to 08), intensity, "
            "statement, repetition (01, 02 each) and actor (01 to 24), as in 03-01-06-01-02-01-12; "
            "rename or remove the file",
        )
    *_, emotion, intensity, statement, repetition, actor = match.groups()
    return Utterance(
        name,
        speaker=actor,
        gender="male" if int(actor) % 2 else "female",
        emotion=RAVDESS_EMOTIONS[int(emotion) - 1],
        text=TEXTS[int(statement) - 1],
        path=path,
        attributes=(("intensity", INTENSITIES[int(intensity) - 1]), ("repetition", str(int(repetition)))),
    )


def _find(config: RavdessConfig, cache_dir: Path, sample_rate_hz: int) -> Found:
    return find_ravdess(given_folder(config, HOW_TO_GET_RAVDESS), config.on_error)


RAVDESS = Corpus(
    description="RAVDESS: 1440 recordings of speech by 24 actors, North American English, 8 emotions",
    how_to_get=HOW_TO_GET_RAVDESS,
    config=RavdessConfig,
    find=_find,
    speakers=tuple(f"{number:02}" for number in range(1, 25)),
)
