"""EMOVO as it is downloaded, whose names tell what is spoken.

G. Costantini, I. Iaderola, A. Paoloni and M. Todisco, "EMOVO corpus: an Italian emotional speech database", LREC 2014.
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

# By the first three letters of the Italian word: disgusto, gioia, neutro, paura, rabbia, sorpresa, tristezza.
EMOVO_EMOTIONS = {
    "dis": "disgust",
    "gio": "happiness",
    "neu": "neutral",
    "pau": "fear",
    "rab": "anger",
    "sor": "surprise",
    "tri": "sadness",
}
EMOVO_SPEAKERS = ("f1", "f2", "f3", "m1", "m2", "m3")
HOW_TO_GET_EMOVO = (
    "get EMOVO from voice.fub.it/activities/corpora/emovo, or ask its authors (licence: free for research), unpack it, "
    "and give the folder with f1 to m3 as --data_dir; --corpus=synthetic needs none"
)
_FOLDER = re.compile("|".join(EMOVO_SPEAKERS))
# Sentences: three short (b), four long (l), five without sense (n), two questions (d).
_NAME = re.compile(rf"({'|'.join(EMOVO_EMOTIONS)})-({'|'.join(EMOVO_SPEAKERS)})-(b[1-3]|l[1-4]|n[1-5]|d[12])")


@dataclasses.dataclass(frozen=True)
class EmovoConfig(CorpusConfig):
    """Which recordings of EMOVO are used; most are stereo."""

    name: str = "emovo"
    emotions: tuple[str, ...] = tuple(sorted(EMOVO_EMOTIONS.values()))
    channels: Literal["refuse", "mix"] = "mix"


def _find(config: EmovoConfig, cache_dir: Path, sample_rate_hz: int) -> Found:
    data_dir = given_folder(config, HOW_TO_GET_EMOVO)
    files = files_of_each_name(folders_named(data_dir, _FOLDER, "one actor"), ".wav")
    if not files:
        raise UserError(f"{data_dir}: there are no recordings in folders f1 to m3; {HOW_TO_GET_EMOVO}")
    return read_once(files, _utterance, config.on_error)


def _utterance(name: str, path: Path) -> Utterance:
    match = _NAME.fullmatch(name)
    if match is None:
        raise RecordingError(
            name,
            f"not a name of EMOVO: one of {', '.join(EMOVO_EMOTIONS)}, an actor (f1 to m3) and a sentence (b1 to b3, "
            "l1 to l4, n1 to n5, d1, d2), as in rab-f1-b1; rename or remove the file",
        )
    letters, speaker, text = match.groups()
    return Utterance(name, speaker, "female" if speaker[0] == "f" else "male", EMOVO_EMOTIONS[letters], text, path)


EMOVO = Corpus(
    description="EMOVO: 588 recordings of 6 actors, Italian, 7 emotions",
    how_to_get=HOW_TO_GET_EMOVO,
    config=EmovoConfig,
    find=_find,
    speakers=EMOVO_SPEAKERS,
)
