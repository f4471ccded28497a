"""The Berlin Database of Emotional Speech (F. Burkhardt et al., Interspeech 2005), whose names tell what is spoken."""

import dataclasses
import re
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path

from convcam_jax.corpora.config import CorpusConfig
from convcam_jax.corpora.corpus import Corpus
from convcam_jax.corpora.folders.wav_files import files_in_wav, given_folder, read_names
from convcam_jax.corpora.utterances import Found, Utterance
from convcam_jax.system.errors import RecordingError

# The letter of an emotion is that of its German word: Wut, Langeweile, Ekel, Angst, Freude, Trauer, neutral.
EMODB_EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}
EMODB_SPEAKER_GENDERS = {
    **dict.fromkeys(("03", "10", "11", "12", "15"), "male"),
    **dict.fromkeys(("08", "09", "13", "14", "16"), "female"),
}
HOW_TO_GET_EMODB = (
    "get EMO-DB from emodb.bilderbar.info or by the Python package audb (licence CC0 1.0 in the package audb) and give "
    "its folder as --data_dir; --corpus=synthetic needs none"
)
# Of recordings whose emotion fewer than 80 % of the listeners recognised.
_AMBIGUOUS_TABLE = "emotion.categories.ambiguous"
_NAME = re.compile(r"(\d\d)([a-z]\d\d)([WLEAFTN])[a-z]")


@dataclasses.dataclass(frozen=True)
class EmodbConfig(CorpusConfig):
    """Which recordings of EMO-DB are used; the paper's six emotions are all but disgust, its longest has 202 frames."""

    name: str = "emodb"
    max_frames: int = 202


def find_named(
    data_dir: Path, speaker_genders: Mapping[str, str], on_error: str, left_out: Collection[str] = ()
) -> Found:
    """Recordings in `data_dir`/wav with EMO-DB's names but those `left_out`, sorted by name.

    `speaker_genders` maps speakers to "female" or "male". For `on_error` and what is raised see `Corpus`.
    """
    files = files_in_wav(data_dir, HOW_TO_GET_EMODB)
    paths = {name: path for name, path in files.items() if name not in left_out}
    return read_names(paths, partial(_utterance, speaker_genders), on_error)


def _utterance(speaker_genders: Mapping[str, str], name: str, path: Path) -> Utterance:
    match = _NAME.fullmatch(name)
    if match is None:
        raise RecordingError(
            name,
            "not a name of EMO-DB: two digits (speaker), a letter and two digits (text), one of WLEAFTN (emotion), "
            "a small letter (version), as in 03a01Fa; rename or remove the file",
        )
    speaker, text, letter = match.groups()
    if speaker not in speaker_genders:
        known = ", ".join(sorted(speaker_genders))
        raise RecordingError(name, f"speaker {speaker} is not one of {known}; rename or remove the file")
    return Utterance(name, speaker, speaker_genders[speaker], EMODB_EMOTIONS[letter], text, path)


def _ambiguous(data_dir: Path) -> frozenset[str]:
    """Recordings that are not in the published corpus, of which version 2 of the package audb has 281."""
    if not any(data_dir.glob(f"db.{_AMBIGUOUS_TABLE}.*")):
        return frozenset()
    # Here, so that processes which only read recordings do without pandas.
    from convcam_jax.corpora.folders.audformat_database import as_user_error, load_database

    with as_user_error(data_dir):
        return frozenset(Path(file).stem for file in load_database(data_dir)[_AMBIGUOUS_TABLE].files)


def _find(config: EmodbConfig, cache_dir: Path, sample_rate_hz: int) -> Found:
    data_dir = given_folder(config, HOW_TO_GET_EMODB)
    ambiguous = _ambiguous(data_dir)
    left_out = [
        RecordingError(name, "too few listeners agreed on its emotion for it to be in EMO-DB", "of a doubtful emotion")
        for name in sorted(ambiguous)
    ]
    found = find_named(data_dir, EMODB_SPEAKER_GENDERS, config.on_error, ambiguous)
    return found._replace(problems=[*found.problems, *left_out])


EMODB = Corpus(
    description="Berlin Database of Emotional Speech: 535 recordings of 10 speakers, German, 7 emotions",
    how_to_get=HOW_TO_GET_EMODB,
    config=EmodbConfig,
    find=_find,
    speakers=tuple(EMODB_SPEAKER_GENDERS),
)
