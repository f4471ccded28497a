"""The Surrey Audio-Visual Expressed Emotion database as it is downloaded: the sound alone, without the pictures.

S. Haq and P. J. B. Jackson, "Speaker-dependent audio-visual emotion recognition", AVSP 2009; S. Haq and P. J. B.
Jackson, "Multimodal emotion recognition", in W. Wang (ed.), Machine Audition, IGI Global 2010.
"""

import dataclasses
import re
from pathlib import Path

from convcam_jax.corpora.config import CorpusConfig
from convcam_jax.corpora.corpus import Corpus
from convcam_jax.corpora.folders.named_folders import folders_named, read_once
from convcam_jax.corpora.folders.wav_files import files_with, given_folder
from convcam_jax.corpora.utterances import Found, Utterance
from convcam_jax.system.errors import RecordingError, UserError

# By the letters before a name's number: sadness and surprise have two.
SAVEE_EMOTIONS = {
    "a": "anger",
    "d": "disgust",
    "f": "fear",
    "h": "happiness",
    "n": "neutral",
    "sa": "sadness",
    "su": "surprise",
}
SAVEE_SPEAKERS = ("DC", "JE", "JK", "KL")
HOW_TO_GET_SAVEE = (
    "register at kahlan.eps.surrey.ac.uk/savee (licence: free for research), get AudioData.zip, unpack it, and give "
    "the folder with DC, JE, JK and KL as --data_dir; --corpus=synthetic needs none"
)
# A copy of the corpus that goes round has all files in one folder, named DC_a01 and so on.
_FOLDER_OF_ALL = "ALL"
_FOLDER = re.compile("|".join([*SAVEE_SPEAKERS, _FOLDER_OF_ALL]))
_NAME = re.compile(rf"({'|'.join(SAVEE_SPEAKERS)})_(sa|su|[adfhn])\d\d")


@dataclasses.dataclass(frozen=True)
class SaveeConfig(CorpusConfig):
    """Which recordings of SAVEE are used."""

    name: str = "savee"
    emotions: tuple[str, ...] = tuple(sorted(SAVEE_EMOTIONS.values()))


def _find(config: SaveeConfig, cache_dir: Path, sample_rate_hz: int) -> Found:
    data_dir = given_folder(config, HOW_TO_GET_SAVEE)
    files = _sounds(data_dir)
    if not files:
        raise UserError(f"{data_dir}: there are no recordings in folders DC, JE, JK, KL; {HOW_TO_GET_SAVEE}")
    return read_once(files, _utterance, config.on_error)


def _sounds(data_dir: Path) -> dict[str, list[Path]]:
    """Files by speaker and name, such as DC_a01, since names alone are the same for all speakers."""
    files: dict[str, list[Path]] = {}
    for folder in folders_named(data_dir, _FOLDER, "one speaker, or of all"):
        before = "" if folder.name == _FOLDER_OF_ALL else f"{folder.name}_"
        for name, path in files_with(".wav", folder).items():
            files.setdefault(before + name, []).append(path)
    return dict(sorted(files.items()))


def _utterance(name: str, path: Path) -> Utterance:
    match = _NAME.fullmatch(name)
    if match is None:
        raise RecordingError(
            name,
            f"{path} has no name of SAVEE: one of {', '.join(SAVEE_EMOTIONS)} and two digits, as in a01; "
            "rename or remove the file",
        )
    speaker, letters = match.groups()
    # Three sentences are the same in all emotions, and neutral speech has the others'; names do not tell which.
    return Utterance(name, speaker, "male", SAVEE_EMOTIONS[letters], "", path)


SAVEE = Corpus(
    description="SAVEE: 480 recordings of 4 men, British English, 7 emotions",
    how_to_get=HOW_TO_GET_SAVEE,
    config=SaveeConfig,
    find=_find,
    speakers=SAVEE_SPEAKERS,
)
