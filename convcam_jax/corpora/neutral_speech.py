"""What cues are planted into: neutral recordings, whoever speaks, each of which can be made with a cue and without."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np

from convcam_jax.corpora.utterances import Utterance

# One of every sentence or recording for each class.
VERSIONS = ("a", "b", "c")


@runtime_checkable
class ToMake(Protocol):
    """A recording that can be made."""

    @property
    def recording(self) -> str:
        """Its name, which no other one has."""
        ...


One = TypeVar("One", bound=ToMake)


@runtime_checkable
class NeutralSpeech(Protocol[One]):
    """Neutral recordings, and how they are made with the cues of a variant (see `synthetic.variants`)."""

    def recordings(self, variant: str) -> list[One]:
        """All recordings of a variant."""
        ...

    def labels(self, variant: str, planted: Sequence[One]) -> list[int]:
        """The class (0..2) of every recording of a variant."""
        ...

    def without_cues(self, one: One) -> One:
        """What is left of a recording when only its cues are taken away."""
        ...

    def original(self, one: One) -> str:
        """What several recordings are versions of, by its name; of one whose draws are its own, its own name."""
        ...

    def utterance(self, one: One, emotion: str, path: Path) -> Utterance:
        """A recording as one of a corpus; `path` is its wav file, `emotion` what its class is called."""
        ...

    def file(self, one: One) -> str:
        """Where in a cache its wav file is: a path that depends on all that the sound depends on."""
        ...

    @property
    def render(self) -> Callable[[One], bytes]:
        """Makes the content of a recording's wav file: 16 bits, mono."""
        ...


def shuffled_of_each(speakers: Sequence[str], labels: Sequence[int], keys: Mapping[str, tuple[int, ...]]) -> list[int]:
    """The labels of each speaker's recordings in another order, drawn with the speaker's key."""
    of, shuffled = np.array(speakers), np.array(labels)
    for speaker in np.unique(of):
        rng = np.random.default_rng(np.random.SeedSequence(keys[str(speaker)]))
        rows = np.flatnonzero(of == speaker)
        shuffled[rows] = rng.permutation(shuffled[rows])
    return shuffled.tolist()
