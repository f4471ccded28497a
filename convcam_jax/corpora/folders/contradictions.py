"""The recordings of a table that can be used, once each of its rows has been read."""

from collections.abc import Sequence
from pathlib import Path

from convcam_jax.corpora.folders.speaker_checks import with_one_gender
from convcam_jax.corpora.left_out import of_other_endings
from convcam_jax.corpora.utterances import Found, Utterance, without
from convcam_jax.system.errors import RecordingError, UserError, together
from convcam_jax.system.progress import say
from convcam_jax.system.spelling import on_alike


def without_contradictions(
    source: Path, utterances: Sequence[Utterance], problems: Sequence[RecordingError], on_error: str
) -> Found:
    """The utterances of which rows do not contradict one another, sorted by name; all problems, `problems` first.

    `source` tells of them. For `on_error` see `Corpus`; raises UserError if no recording can be used.
    """
    of_one_gender = with_one_gender(utterances, source)
    twice = of_other_endings(of_one_gender.utterances, source)
    found = sorted(without(of_one_gender.utterances, twice), key=lambda u: u.recording)
    problems = [*problems, *of_one_gender.problems, *twice]
    if problems and on_error == "stop":
        raise together(problems)
    if not found:
        raise UserError(f"{source}: has no recording that can be used; {together(problems)}")
    for remark in on_alike("speakers", (u.speaker for u in found)):
        say(f"{source}: {remark}")
    return Found(found, problems)
