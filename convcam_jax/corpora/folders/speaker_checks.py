"""What tables tell of speakers, held against itself: whether each has one gender."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from convcam_jax.corpora.utterances import Found, Utterance
from convcam_jax.system.errors import RecordingError, named


def with_one_gender(utterances: Sequence[Utterance], source: Path) -> Found:
    """The utterances of which speakers have one gender, and problems for the others; `source` tells of them.

    A speaker's is the one in more than half of the recordings that tell one, and where none is told. The others are
    those in which it is another, or all of a speaker of whom no gender is told so often.
    """
    usual = _usual_genders(utterances)
    known = [u._replace(gender=u.gender or usual.get(u.speaker, "")) for u in utterances]
    problems = _of_two_genders(known, usual, source)
    doubted = {problem.recording for problem in problems}
    return Found([u for u in known if u.recording not in doubted], problems)


def _usual_genders(utterances: Sequence[Utterance]) -> dict[str, str]:
    told: dict[str, Counter[str]] = {}
    for u in utterances:
        told.setdefault(u.speaker, Counter()).update([u.gender] if u.gender else [])
    return {
        speaker: gender
        for speaker, counts in told.items()
        for gender, count in counts.items()
        if 2 * count > counts.total()
    }


def _of_two_genders(utterances: Sequence[Utterance], usual: Mapping[str, str], source: Path) -> list[RecordingError]:
    genders: dict[str, dict[str, list[str]]] = {}
    for u in utterances:
        genders.setdefault(u.speaker, {}).setdefault(u.gender, []).append(u.recording)
    problems = []
    for speaker, of_gender in genders.items():
        if len(of_gender) > 1:
            told = " and ".join(f"{gender or 'of no gender'} in {named(of_gender[gender])}" for gender in of_gender)
            problem = f"{source}: speaker {speaker} is {told}; give each speaker one gender"
            doubted = [name for gender, names in of_gender.items() if gender != usual.get(speaker) for name in names]
            problems += [RecordingError(recording, problem, "of speakers with two genders") for recording in doubted]
    return problems
