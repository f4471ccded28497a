"""Parts of recordings that are longer than a network's input."""

import math
from itertools import pairwise

from convcam_jax.corpora.utterances import Utterance, part_name


def middle(utterance: Utterance, duration_s: float, longest_s: float) -> list[Utterance]:
    """The middle of `longest_s` of an utterance that lasts `duration_s`, under the same name."""
    start_s = utterance.start_s + (duration_s - longest_s) / 2
    return [utterance._replace(start_s=start_s, end_s=start_s + longest_s)]


def named_middle(utterance: Utterance, duration_s: float, longest_s: float) -> list[Utterance]:
    """The same, with its start and end behind the name."""
    return [_named(part, utterance.recording) for part in middle(utterance, duration_s, longest_s)]


def equal_parts(utterance: Utterance, duration_s: float, longest_s: float) -> list[Utterance]:
    """An utterance that lasts `duration_s` in as few parts of equal length, at most `longest_s`, as there can be.

    They are of one sentence, so that a split should not part them.
    """
    n_parts = math.ceil(duration_s / longest_s)
    bounds_s = [utterance.start_s + duration_s * part / n_parts for part in range(n_parts + 1)]
    parts = [utterance._replace(start_s=start_s, end_s=end_s) for start_s, end_s in pairwise(bounds_s)]
    return [_named(part, utterance.recording) for part in parts]


def _named(part: Utterance, recording: str) -> Utterance:
    return part._replace(recording=part_name(recording, part.start_s, part.end_s))
