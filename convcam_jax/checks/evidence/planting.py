"""Planted recordings as those of a corpus, and which of their cells carry the cue.

Axes: F frequency bin; n frame of one recording.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from convcam_jax.checks.evidence.config import EVIDENCE_CLASSES
from convcam_jax.corpora.neutral_speech import NeutralSpeech, One
from convcam_jax.corpora.synthetic import variants
from convcam_jax.corpora.utterances import Utterance, unlabelled


def planted_utterances(
    speech: NeutralSpeech[One], variant: str, own: Sequence[One], paths: Mapping[str, Path]
) -> list[Utterance]:
    """The recordings of a variant as utterances, whose emotions are the classes; `paths` are their wav files."""
    return [
        speech.utterance(one, EVIDENCE_CLASSES[label], paths[one.recording])
        for one, label in zip(own, speech.labels(variant, own), strict=True)
    ]


def unlabelled_utterances(paths: Mapping[str, Path]) -> list[Utterance]:
    """Recordings of which nothing but the sound is of interest, sorted by name; `paths` are their wav files."""
    return [unlabelled(recording, path) for recording, path in sorted(paths.items())]


def class_in_words(variant: str, label: str) -> str:
    """A class of a variant by its cue, such as `rising`; `label` is one of `EVIDENCE_CLASSES`."""
    return variants.class_name(variant, EVIDENCE_CLASSES.index(label))


def changed_cells(
    with_cue: Float[np.ndarray, "F n"], without_cue: Float[np.ndarray, "F n"], threshold: float
) -> Bool[np.ndarray, "F n"]:
    """Cells whose magnitude changes by `threshold` of the largest change or more, both ways.

    Raises:
      ValueError: nothing changes.
    """
    change = np.abs(with_cue - without_cue)
    if not change.max() > 0:
        raise ValueError("the recordings with and without the cue are the same")
    return change >= threshold * change.max()
