"""What a corpus is to the rest of the program."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from convcam_jax.corpora.config import CorpusConfig
from convcam_jax.corpora.utterances import Found


class Corpus(NamedTuple):
    """A corpus of emotional speech.

    `find(config, cache_dir, sample_rate_hz)` gives its recordings, before any is read or left out by the config's
    emotions or speakers. With the config's `on_error` "stop" all problems of recordings are raised together, with
    "skip" they are collected. Raises UserError if there is no recording.
    """

    description: str  # one line
    how_to_get: str  # what to do when its folder is missing, and the licence; "" if it needs none
    config: type[CorpusConfig]
    find: Callable[[Any, Path, int], Found]  # Any: an instance of `config`
    speakers: tuple[str, ...] = ()  # of the whole corpus, where they are known beforehand
