"""The Toronto emotional speech set as it is downloaded, whose names tell what is spoken.

M. K. Pichora-Fuller and K. Dupuis, "Toronto emotional speech set (TESS)", Scholars Portal Dataverse 2020,
doi:10.5683/SP2/E8H2MF; K. Dupuis and M. K. Pichora-Fuller, "Recognition of emotional speech for younger and older
talkers", Canadian Acoustics 39 (3), 2011.
"""

import dataclasses
import re
from pathlib import Path

from convcam_jax.corpora.config import CorpusConfig
from convcam_jax.corpora.corpus import Corpus
from convcam_jax.corpora.folders.named_folders import files_of_each_name, folders_named, read_once
from convcam_jax.corpora.folders.wav_files import given_folder
from convcam_jax.corpora.utterances import Found, Utterance
from convcam_jax.system.errors import RecordingError, UserError
from convcam_jax.system.progress import say

# By how names end; ps is pleasant surprise.
TESS_EMOTIONS = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "neutral": "neutral",
    "ps": "surprise",
    "sad": "sadness",
}
# The older and the younger speaker, both women, and their ages.
TESS_SPEAKER_AGES = {"OAF": "64", "YAF": "26"}
HOW_TO_GET_TESS = (
    "get the Toronto emotional speech set from doi.org/10.5683/SP2/E8H2MF (licence CC BY-NC-ND 4.0), unpack it, and "
    "give the folder with OAF_angry to YAF_sad as --data_dir; --corpus=synthetic needs none"
)
# What follows the speaker has several spellings: OAF_Pleasant_surprise, YAF_pleasant_surprised, OAF_Fear, YAF_fear.
_FOLDER = re.compile(r"[OY]AF_.+", re.IGNORECASE)
_NAME = re.compile(rf"(OAF|YAF|OA)_([a-z]+)_({'|'.join(TESS_EMOTIONS)})", re.IGNORECASE)
# A recording by OAF, OA_bite_neutral, lacks a letter.
_MISSPELLED_SPEAKERS = {"OA": "OAF"}


@dataclasses.dataclass(frozen=True)
class TessConfig(CorpusConfig):
    """Which recordings of TESS are used."""

    name: str = "tess"
    emotions: tuple[str, ...] = tuple(sorted(TESS_EMOTIONS.values()))


def _find(config: TessConfig, cache_dir: Path, sample_rate_hz: int) -> Found:
    data_dir = given_folder(config, HOW_TO_GET_TESS)
    folders = folders_named(data_dir, _FOLDER, "one speaker and emotion")
    files = files_of_each_name(folders, ".wav")
    if not files:
        raise UserError(f"{data_dir}: there are no recordings in folders OAF_EMOTION, YAF_EMOTION; {HOW_TO_GET_TESS}")
    found = read_once(files, _utterance, config.on_error)
    misspelled = [u for u in found.utterances if not u.recording.upper().startswith(u.speaker)]
    if misspelled:
        say(f"{misspelled[0].recording} is taken as a recording of {misspelled[0].speaker}")
    return found


def _utterance(name: str, path: Path) -> Utterance:
    match = _NAME.fullmatch(name)
    if match is None:
        raise RecordingError(
            name,
            f"not a name of TESS: OAF or YAF, a word, and one of {', '.join(TESS_EMOTIONS)}, as in OAF_back_angry; "
            "rename or remove the file",
        )
    speaker, word, emotion = match.groups()
    speaker = _MISSPELLED_SPEAKERS.get(speaker.upper(), speaker.upper())
    return Utterance(
        name,
        speaker=speaker,
        gender="female",
        emotion=TESS_EMOTIONS[emotion.lower()],
        text=word.lower(),
        path=path,
        attributes=(("age", TESS_SPEAKER_AGES[speaker]),),
    )


TESS = Corpus(
    description="Toronto emotional speech set: 2800 recordings of 2 women, English, 7 emotions",
    how_to_get=HOW_TO_GET_TESS,
    config=TessConfig,
    find=_find,
    speakers=tuple(TESS_SPEAKER_AGES),
)
