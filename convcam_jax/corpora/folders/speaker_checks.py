"""What tables tell of speakers, held against itself: whether each has one gender, and which may be one."""

import re
from collections.abc import Sequence
from pathlib import Path

from convcam_jax.corpora.utterances import Found, Utterance
from convcam_jax.system.errors import RecordingError, named
from convcam_jax.system.spelling import common_form


def with_one_gender(utterances: Sequence[Utterance], source: Path) -> Found:
    """The utterances of which speakers have one gender, and problems for the others; `source` tells of them.

    Where none is told, it is the one that all other recordings of the speaker have. The others are those in which a
    speaker has another gender than in most, or all of them if no gender has most.
    """
    known = _with_known_genders(utterances)
    problems = _of_two_genders(known, source)
    doubted = {problem.recording for problem in problems}
    return Found([u for u in known if u.recording not in doubted], problems)


def _with_known_genders(utterances: Sequence[Utterance]) -> list[Utterance]:
    genders: dict[str, set[str]] = {}
    for u in utterances:
        genders.setdefault(u.speaker, set()).add(u.gender)
    only = {speaker: max(found) for speaker, found in genders.items() if len(found - {""}) == 1}
    return [u._replace(gender=u.gender or only.get(u.speaker, "")) for u in utterances]


def _of_two_genders(utterances: Sequence[Utterance], source: Path) -> list[RecordingError]:
    genders: dict[str, dict[str, list[str]]] = {}
    for u in utterances:
        genders.setdefault(u.speaker, {}).setdefault(u.gender, []).append(u.recording)
    problems = []
    for speaker, of_gender in genders.items():
        if len(of_gender) > 1:
            told = " and ".join(f"{gender or 'of no gender'} in {named(of_gender[gender])}" for gender in of_gender)
            problem = f"{source}: speaker {speaker} is {told}; give each speaker one gender"
            half = sum(map(len, of_gender.values())) / 2
            doubted = [name for names in of_gender.values() if len(names) <= half for name in names]
            problems += [RecordingError(recording, problem, "of speakers with two genders") for recording in doubted]
    return problems


def on_alike_speakers(utterances: Sequence[Utterance]) -> list[str]:
    """Remarks on speakers that may be one: a spreadsheet takes zeros away, or adds some, and people vary capitals."""
    alike: dict[str, set[str]] = {}
    for u in utterances:
        form = common_form(u.speaker).lstrip("0")
        alike.setdefault(re.sub(r"^(\d+)\.0+$", r"\1", form), set()).add(u.speaker)
    pairs = [" and ".join(sorted(names)) for names in alike.values() if len(names) > 1]
    return [f"speakers {named(sorted(pairs))} count as different; if they are not, mend the table"] if pairs else []
