"""Any database in the format audformat, with speakers, their gender and texts from its tables and schemes.

H. Wierstorf, J. Wagner, F. Eyben, F. Burkhardt and B. W. Schuller, "audb: Sharing and versioning of audio and
annotation data in Python", arXiv 2303.00645, 2023.
"""

import dataclasses
from pathlib import Path
from typing import Literal

from convcam_jax.corpora.config import CorpusConfig
from convcam_jax.corpora.corpus import Corpus
from convcam_jax.corpora.folders.wav_files import given_folder
from convcam_jax.corpora.utterances import Found
from convcam_jax.system.validation import require

HOW_TO_GET_AUDFORMAT = (
    "give the folder of a database in audformat, with db.yaml in it, as --data_dir, such as that of "
    "audb.load('emodb').root; --corpus=synthetic needs none"
)


@dataclasses.dataclass(frozen=True)
class AudformatConfig(CorpusConfig):
    """Which recordings of a database are used, and where it tells of them.

    Of several columns the first counts that has values; each is a column of a table, a scheme, or what a scheme tells
    of its labels.

    Attributes:
      tables: names or patterns, such as "emotion.*"; empty: the table called as the emotion column, or all that have
        it.
      emotion_column: what the labels stand in.
      speaker_columns: what tells who speaks; the first that has values.
      gender_columns: what tells the speaker's gender; the first that has values.
      text_columns: what tells the words; the first that has values.
    """

    name: str = "audformat"
    channels: Literal["refuse", "mix"] = "mix"
    tables: tuple[str, ...] = ()
    emotion_column: str = "emotion"
    speaker_columns: tuple[str, ...] = ("speaker",)
    gender_columns: tuple[str, ...] = ("gender", "sex")
    text_columns: tuple[str, ...] = ("transcription", "text", "sentence")

    def __post_init__(self) -> None:
        super().__post_init__()
        require(bool(self.emotion_column), "corpus.emotion_column", "must not be empty")


def _find(config: AudformatConfig, cache_dir: Path, sample_rate_hz: int) -> Found:
    # Here, so that processes which only read recordings do without pandas.
    from convcam_jax.corpora.folders.audformat_rows import find_labelled

    return find_labelled(
        given_folder(config, HOW_TO_GET_AUDFORMAT),
        config.emotion_column,
        config.tables,
        {"speaker": config.speaker_columns, "gender": config.gender_columns, "text": config.text_columns},
        config.on_error,
    )


AUDFORMAT = Corpus(
    description="any database in audformat, as the package audb gives them (needs the package audformat)",
    how_to_get=HOW_TO_GET_AUDFORMAT,
    config=AudformatConfig,
    find=_find,
)
