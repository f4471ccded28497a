"""Names of arrays and columns that are made of users' words: behind a word of the program's own, and a slash.

So a recording called `time_s` or an emotion called `seed` meets nothing: they are `map/time_s` and `probability/seed`.
"""

# An array of `maps.npz` for each recording.
MAP = "map/"
# One for each recording of planted evidence: the cells that carry the cue.
CELLS = "cells/"
# The arrays of it that say where the rows and columns of maps lie, by their centres.
AXES = ("frequency_hz", "time_s")
# Columns of `utterances.csv` for what else a corpus tells.
ATTRIBUTE = "attribute/"
# Columns for each emotion: its probability in `predictions.csv`, counts of its recordings in Table 1, and of answers.
PROBABILITY = "probability/"
EMOTION = "emotion/"
PREDICTED = "predicted/"
_NAMESPACES = (MAP, CELLS, ATTRIBUTE, PROBABILITY, EMOTION, PREDICTED)


def own_word(name: str) -> str | None:
    """The user's word in the name of an array or column; None if the whole name is the program's.

    >>> own_word("emotion/a_b"), own_word("speaker")
    ('a_b', None)
    """
    return next((name.removeprefix(space) for space in _NAMESPACES if name.startswith(space)), None)
