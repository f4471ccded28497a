"""Words for the channels of a sound file."""

import re
from collections.abc import Collection

from convcam_jax.system.spelling import common_form

# As tables write numbers: 1, 01, 1.0, ch1, channel 1.
_NUMBER = re.compile(r"(?:(?:ch|chan|channel|kanal) ?)?([0-9]{1,3})(?:\.0*)?")
_LETTERS = {"a": 0, "b": 1}
_SIDES = {"left": 0, "l": 0, "links": 0, "right": 1, "r": 1, "rechts": 1, **_LETTERS}
# Of a recording whose channels are mixed down, or that has one.
_ALL = frozenset({"", "na", "n/a", "nan", "none", "null", "both", "beide", "mix", "mixed", "mono", "all", "alle"})
# More channels than these no file may have.
_MOST = 32


def channels_meant(words_of_files: Collection[Collection[str]]) -> dict[str, int | None]:
    """The channel, from 0, that each word of a column means, None for all of them; empty if the column is of none.

    `words_of_files` has each file's words. Numbers are from 0 where one of them is 0. A column tells channels if all of
    its words are such, and a file has two of them; `a` and `b` are such where a file has both.

    >>> channels_meant([["1", "2"], [""]]), channels_meant([["0", "1.0"]])
    ({'1': 0, '2': 1, '': None}, {'0': 0, '1.0': 1})
    >>> channels_meant([["1"], ["2"]]), channels_meant([["BBC", "1", "2"]])
    ({}, {})
    """
    form_of = {word: common_form(word) for own in words_of_files for word in own}
    numbers = {form: int(found[1]) for form in form_of.values() if (found := _NUMBER.fullmatch(form))}
    first = min(1, *numbers.values()) if numbers else 1
    channels = {form: n - first for form, n in numbers.items() if n - first < _MOST}
    known: dict[str, int | None] = {**_SIDES, **dict.fromkeys(_ALL), **channels}
    of_files = [{form_of[word] for word in own} for own in words_of_files]
    has_letters = not set(_LETTERS).isdisjoint(form_of.values())
    if (
        not known.keys() >= set(form_of.values())
        or not any(len({known[form] for form in own} - {None}) > 1 for own in of_files)
        or (has_letters and not any(own >= set(_LETTERS) for own in of_files))
    ):
        return {}
    return {word: known[form] for word, form in form_of.items()}
