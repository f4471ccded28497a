"""Words for the channels of a sound file."""

from collections.abc import Iterable

from convcam_jax.system.spelling import common_form

_SIDES = {"left": 0, "l": 0, "links": 0, "right": 1, "r": 1, "rechts": 1}


def channels_meant(words: Iterable[str]) -> dict[str, int]:
    """Those of a column's words that mean a channel, with its number from 0: numbers, from 0 where one is, and sides.

    >>> channels_meant(["1", "2", ""]), channels_meant(["0", "1"]), channels_meant(["Left", "right", "both"])
    ({'1': 0, '2': 1}, {'0': 0, '1': 1}, {'Left': 0, 'right': 1})
    """
    known = list(dict.fromkeys(words))
    numbers = {word: int(word) for word in known if word.isdecimal()}
    first = min(1, *numbers.values()) if numbers else 1
    sides = {word: _SIDES[form] for word in known if (form := common_form(word)) in _SIDES}
    return {word: number - first for word, number in numbers.items()} | sides
