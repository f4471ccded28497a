"""Words for the channels of a sound file."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from convcam_jax.system.spelling import common_form

# As tables write numbers: 1, 01, 1.0, ch1, channel 1.
_NUMBER = re.compile(r"(?:(?:ch|chan|channel|kanal) ?)?([0-9]{1,3})(?:\.0*)?")
_LETTERS = {"a": 0, "b": 1}
_SIDES = {"left": 0, "l": 0, "links": 0, "right": 1, "r": 1, "rechts": 1, **_LETTERS}
# Of a recording whose channels are mixed down, or that has one.
_ALL = frozenset({"", "na", "n/a", "nan", "none", "null", "both", "beide", "mix", "mixed", "mono", "all", "alle"})
# More channels than these no file may have.
_MOST = 32


def channels_meant(
    words_of_files: Mapping[Path, Collection[str]], of_one: Collection[Path] = ()
) -> dict[Path, dict[str, int | None]]:
    """The channel, from 0, that each word of a file's rows means, None for all of them; empty if the column is of none.

    Files `of_one` channel are read as they are, whatever their rows say. A column tells channels if all of its words
    are such, and a file of several has two of them; `a` and `b` are such where one has both. Numbers are from 0 where
    one of those of files of several is 0.

    >>> dialogue, call = Path("a"), Path("b")
    >>> channels_meant({dialogue: ["1", "2"], call: ["0", ""]}, of_one=[call])[dialogue]
    {'1': 0, '2': 1}
    >>> channels_meant({dialogue: ["0", "1"], call: ["1", ""]})[call]
    {'1': 1, '': None}
    >>> channels_meant({dialogue: ["1", "2"]}, of_one=[dialogue])
    {}
    """
    forms = {path: {word: common_form(word) for word in own} for path, own in words_of_files.items()}
    of_several = {path: set(own.values()) for path, own in forms.items() if path not in of_one}
    with_letters = [own & set(_LETTERS) for own in of_several.values() if own & set(_LETTERS)]
    numbers = [number for own in of_several.values() for form in own if (number := _number(form)) is not None]
    known = {path: _known(own, first=min([1, *numbers])) for path, own in of_several.items()}
    if (
        not all(map(_is_channel, {form for own in forms.values() for form in own.values()}))
        or not any(len({known[path][form] for form in own} - {None}) > 1 for path, own in of_several.items())
        or (with_letters and set(_LETTERS) not in with_letters)
    ):
        return {}
    return {
        path: {word: known[path][form] if path in known else None for word, form in own.items()}
        for path, own in forms.items()
    }


def _number(form: str) -> int | None:
    found = _NUMBER.fullmatch(form)
    return int(found[1]) if found and int(found[1]) <= _MOST else None


def _is_channel(form: str) -> bool:
    return form in _SIDES or form in _ALL or _number(form) is not None


def _known(forms: Collection[str], first: int) -> dict[str, int | None]:
    """The channels that the words of one file mean, those that mean none left out; numbers begin with `first`."""
    numbers = {form: number for form in forms if (number := _number(form)) is not None}
    of_words = {**_SIDES, **dict.fromkeys(_ALL), **{form: number - first for form, number in numbers.items()}}
    return {form: of_words[form] for form in forms if form in of_words}
