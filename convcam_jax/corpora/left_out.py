"""Why recordings of a corpus that can be read are not used: what a run leaves out, it names."""

from collections.abc import Iterable, Mapping, Sequence

from convcam_jax.corpora.config import CorpusConfig
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.system.errors import RecordingError
from convcam_jax.system.spelling import nearest

# Less alike than this, a label is not taken for a misspelled emotion.
_ALIKE = 0.6

EQUAL = "equal to another recording"
CONTRADICTORY = "equal to a recording with another emotion or speaker"


def not_selected(utterances: Iterable[Utterance], config: CorpusConfig) -> list[RecordingError]:
    """Those that `utterances.select` leaves out: of excluded speakers, and of other emotions than the config's."""
    return [_not_selected(u, config) for u in utterances if _is_excluded(u, config) or u.emotion not in config.emotions]


def _is_excluded(utterance: Utterance, config: CorpusConfig) -> bool:
    return utterance.speaker in config.excluded_speakers


def _not_selected(utterance: Utterance, config: CorpusConfig) -> RecordingError:
    if _is_excluded(utterance, config):
        problem = f"its speaker {utterance.speaker} is one of corpus.excluded_speakers"
        return RecordingError(utterance.recording, problem, "of excluded speakers")
    emotion = utterance.emotion
    alike = [e for e in config.emotions if e.casefold() == emotion.casefold()]
    meant = alike[0] if alike else nearest(emotion, config.emotions, _ALIKE)
    kind = f"labelled {emotion}, not {alike[0]}" if alike else f"labelled {emotion}"
    hint = f" (the nearest is {meant})" if meant else ""
    return RecordingError(utterance.recording, f"its emotion {emotion} is none of corpus.emotions{hint}", kind)


def longer_than(utterances: Sequence[Utterance], n_frames: Mapping[str, int], max_frames: int) -> list[RecordingError]:
    """Those of more than `max_frames` frames; `n_frames` maps recordings to their number of frames."""
    longest = max((n_frames[u.recording] for u in utterances), default=0)
    kind = f"longer than corpus.max_frames ({max_frames}; the longest has {longest})"
    return [
        RecordingError(u.recording, f"its {n_frames[u.recording]} frames are more than corpus.max_frames", kind)
        for u in utterances
        if n_frames[u.recording] > max_frames
    ]


def equal_sounds(utterances: Sequence[Utterance], hashes: Mapping[str, str]) -> list[RecordingError]:
    """Recordings whose samples are those of another one, so that none is on both sides of a split.

    `hashes` maps recordings to hashes of their samples. Of those with equal samples the first is kept where all have
    the same emotion and speaker; where they differ any may be wrong, and all are left out.
    """
    of_hash: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        of_hash.setdefault(hashes[utterance.recording], []).append(utterance)
    return [error for alike in of_hash.values() if len(alike) > 1 for error in _equal(alike)]


def _equal(alike: Sequence[Utterance]) -> list[RecordingError]:
    first = alike[0]
    if len({(u.emotion, u.speaker) for u in alike}) == 1:
        return [RecordingError(u.recording, f"its sound is that of {first.recording}", EQUAL) for u in alike[1:]]
    told = ", ".join(f"{u.recording} (speaker {u.speaker}, {u.emotion})" for u in alike)
    return [RecordingError(u.recording, f"the same sound stands under {told}", CONTRADICTORY) for u in alike]
