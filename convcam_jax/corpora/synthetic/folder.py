"""The embedded corpus as a folder of files in the layout of EMO-DB, with the known F0 of each recording beside them."""

import io
import json
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np

from convcam_jax.corpora.corpus import Corpus
from convcam_jax.corpora.emodb import find_named
from convcam_jax.corpora.sounds.audio import wav_bytes
from convcam_jax.corpora.synthetic import speech
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.corpora.synthetic.speech import UtteranceSpec
from convcam_jax.corpora.utterances import Found
from convcam_jax.system.errors import UserError
from convcam_jax.system.files import is_undamaged, make_folder, write_checked, write_whole
from convcam_jax.system.process.worker_processes import in_processes
from convcam_jax.system.progress import with_progress

# By which the user chooses where the corpus lies.
_FLAG = "--cache_dir"
# Of the config's fields, those that the recordings depend on.
_SOUND_FIELDS = ("seed", "speakers_per_gender", "texts", "versions")


def folder_name(config: SyntheticConfig, sample_rate_hz: int) -> str:
    """A name that no other synthetic corpus has."""
    sizes = f"{config.speakers_per_gender}-speakers-{config.texts}-texts-{config.versions}-versions"
    return f"synthetic-{speech.CORPUS_VERSION}-seed-{config.seed}-{sizes}-{sample_rate_hz}-hz"


def write_corpus(config: SyntheticConfig, folder: Path, sample_rate_hz: int) -> None:
    """Write wav/RECORDING.wav (16-bit mono) and truth/RECORDING.npz (`speech.truth_table`) for every recording.

    Recordings that are there already and not damaged (there is a checksum beside each file) are kept, so that a killed
    generation goes on where it was; how far the others are is shown. Raises UserError if the folder cannot be
    written or holds a synthetic corpus of another config.
    """
    _claim_folder(config, folder, sample_rate_hz)
    paths = {
        spec: (folder / "wav" / f"{spec.recording}.wav", folder / "truth" / f"{spec.recording}.npz")
        for spec in speech.utterance_specs(config)
    }
    missing = [spec for spec, pair in paths.items() if not all(map(is_undamaged, pair))]
    with closing(in_processes(partial(_make, config, sample_rate_hz), missing)) as made:
        shown = with_progress(made, "synthetic corpus", len(missing), "recording")
        for spec, (content, truth) in zip(missing, shown, strict=True):
            wav_path, truth_path = paths[spec]
            write_checked(truth_path, truth, _FLAG)
            write_checked(wav_path, content, _FLAG)


def _claim_folder(config: SyntheticConfig, folder: Path, sample_rate_hz: int) -> None:
    """Make the folders and note what they hold; refuse a folder that holds another corpus."""
    about = {"corpus_version": speech.CORPUS_VERSION, "sample_rate_hz": sample_rate_hz}
    identity = json.dumps(about | {field: getattr(config, field) for field in _SOUND_FIELDS}, indent=1)
    path = folder / "synthetic.json"
    for name in ("wav", "truth"):
        make_folder(folder / name, _FLAG)
    there = _text(path)
    if there is None:
        write_whole(path, lambda temporary: temporary.write_text(identity), _FLAG)
    elif there != identity:
        raise UserError(
            f"{path}: the folder holds a synthetic corpus of another config; delete it or choose another {_FLAG}"
        )


def _text(path: Path) -> str | None:
    """What the file says; None where there is none, or one that is damaged: the folder's name says it, too."""
    try:
        text = path.read_text()
        json.loads(text)
    except (OSError, ValueError):
        return None
    return text


def _make(config: SyntheticConfig, sample_rate_hz: int, spec: UtteranceSpec) -> tuple[bytes, bytes]:
    """The wav file of a recording and the file of its truth."""
    sound = speech.render(config, spec, sample_rate_hz)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **speech.truth_table(sound, sample_rate_hz))
    return wav_bytes(sound.samples, sample_rate_hz), buffer.getvalue()


def _find(config: SyntheticConfig, cache_dir: Path, sample_rate_hz: int) -> Found:
    """Write the corpus into `cache_dir` unless it is there."""
    folder = cache_dir / folder_name(config, sample_rate_hz)
    write_corpus(config, folder, sample_rate_hz)
    return find_named(folder, speech.speaker_genders(config), config.on_error)


SYNTHETIC = Corpus(
    description="embedded corpus: invented sentences by synthetic voices, 6 emotions; needs no download",
    how_to_get="",
    config=SyntheticConfig,
    find=_find,
)
