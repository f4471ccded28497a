"""Why recordings of a corpus that can be read are not used: what a run leaves out, it names."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from convcam_jax.corpora.config import CorpusConfig
from convcam_jax.corpora.sounds.sound_files import ENDINGS
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.system.errors import RecordingError, named
from convcam_jax.system.spelling import nearest
from convcam_jax.system.text import one_form
from convcam_jax.system.validation import ALIKE

# Parts that overlap by less do so by rounding.
_OVERLAP_S = 0.1

# Of files without loss one is kept rather than one of these.
_LOSSY = (".ogg", ".oga", ".opus", ".mp3")

EQUAL = "equal to another recording"
CONTRADICTORY = "equal to a recording with another emotion or speaker"
OVERLAPPING = "overlapping a part with another emotion"
ANOTHER_ENDING = "of files that differ from others in their ending alone"


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
    meant = nearest(emotion, config.emotions, ALIKE)
    hint = f" (the nearest is {meant})" if meant else ""
    return RecordingError(
        utterance.recording, f"its emotion {emotion} is none of corpus.emotions{hint}", f"labelled {emotion}"
    )


def longer_than(utterances: Sequence[Utterance], n_frames: Mapping[str, int], max_frames: int) -> list[RecordingError]:
    """Those of more than `max_frames` frames; `n_frames` maps recordings to their number of frames."""
    longest = max((n_frames[u.recording] for u in utterances), default=0)
    kind = f"longer than corpus.max_frames ({max_frames}; the longest has {longest})"
    return [
        RecordingError(u.recording, f"its {n_frames[u.recording]} frames are more than corpus.max_frames", kind)
        for u in utterances
        if n_frames[u.recording] > max_frames
    ]


def of_other_endings(utterances: Iterable[Utterance], source: Path) -> list[RecordingError]:
    """Recordings that overlap those of a file of their folder called alike but for its ending; `source` lists them.

    Such files hold one sound twice, though not to the bit, as a wav and what was encoded from it. Of two recordings
    that overlap one is kept; where they tell of another emotion or speaker any may be wrong, and both are left out.
    """
    called_so: dict[Path, dict[Path, list[Utterance]]] = {}
    for u in utterances:
        if u.path.suffix.lower() in ENDINGS:
            called_so.setdefault(Path(one_form(str(u.path.with_suffix("")))), {}).setdefault(u.path, []).append(u)
    return [error for files in called_so.values() if len(files) > 1 for error in _but_one(files, source)]


def _but_one(files: Mapping[Path, Sequence[Utterance]], source: Path) -> list[RecordingError]:
    in_order = sorted(files, key=lambda path: (path.suffix.lower() in _LOSSY, path))
    doubled: set[str] = set()
    contradictory: set[str] = set()
    for pair in _overlaps(u for own in files.values() for u in own):
        first, second = sorted(pair, key=lambda u: in_order.index(u.path))
        if first.path == second.path:
            continue
        if (first.emotion, first.speaker) != (second.emotion, second.speaker):
            contradictory |= {first.recording, second.recording}
        else:
            doubled.add(second.recording)
    problem = (
        f"{source}: {named([path.name for path in in_order])} in {in_order[0].parent} differ in their ending alone "
        "and are taken for one recording"
    )
    what_to_do = "; list one of them, or rename one if they are not"
    otherwise = ", though with another label or speaker, so none is used"
    told = dict.fromkeys(doubled, problem + what_to_do)
    told |= dict.fromkeys(contradictory, problem + otherwise + what_to_do)
    return [
        RecordingError(u.recording, told[u.recording], ANOTHER_ENDING)
        for path in in_order
        for u in files[path]
        if u.recording in told
    ]


def equal_sounds(utterances: Sequence[Utterance], hashes: Mapping[str, str]) -> list[RecordingError]:
    """Recordings whose samples are, to the bit, those of another one, so that none is on both sides of a split.

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


def overlapping(utterances: Iterable[Utterance]) -> tuple[list[RecordingError], str]:
    """Parts of a file that overlap: those of one speaker with two emotions, and a remark on all others, "" if none.

    Of two emotions either may be wrong, and both are left out. Two speakers may speak at once.
    """
    problems: dict[str, RecordingError] = {}
    others: list[tuple[str, str]] = []
    for first, second in _overlaps_in_files(utterances):
        names = first.recording, second.recording
        if first.speaker != second.speaker or first.emotion == second.emotion:
            others.append(names)
            continue
        problem = (
            f"{names[0]} ({first.emotion}) and {names[1]} ({second.emotion}) overlap in {first.path.name}, so neither "
            "is used; mend the times or the labels"
        )
        problems |= {name: RecordingError(name, problem, OVERLAPPING) for name in names}
    kept = sorted({name for names in others if problems.keys().isdisjoint(names) for name in names})
    remark = f"{len(kept)} recordings overlap others of their file, and have parts of their sound: {named(kept)}"
    return list(problems.values()), remark if kept else ""


def _overlaps_in_files(utterances: Iterable[Utterance]) -> Iterator[tuple[Utterance, Utterance]]:
    of_file: dict[Path, list[Utterance]] = {}
    for utterance in utterances:
        of_file.setdefault(utterance.file, []).append(utterance)
    for parts in of_file.values():
        yield from _overlaps(parts)


def _overlaps(parts: Iterable[Utterance]) -> Iterator[tuple[Utterance, Utterance]]:
    """Pairs of parts of one sound that overlap, in order of time."""
    in_order = sorted(parts, key=lambda own: (own.start_s, own.recording))
    for number, first in enumerate(in_order):
        last_s = (math.inf if first.end_s is None else first.end_s) - _OVERLAP_S
        for second in in_order[number + 1 :]:
            if second.start_s >= last_s:
                break
            # In channels of their own they have nothing of each other.
            if first.channel == second.channel or None in (first.channel, second.channel):
                yield first, second
