"""Names in messages."""

from collections.abc import Collection

from convcam_jax.splits.protocol import ONLY_FOLD

# So many names are written out.
_SHOWN = 5


def listed(names: Collection[str]) -> str:
    """The first five names, and how many more there are.

    >>> listed(["a", "b"]), listed("abcdefg")
    ('a, b', 'a, b, c, d, e and 2 more')
    """
    shown = ", ".join(list(names)[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown


def in_folds(names: Collection[str]) -> str:
    """Where something is so, in a sentence; nothing where there is one fold only.

    >>> in_folds(["all"]), in_folds(["1"]), in_folds(["1", "2"])
    ('', ' in fold 1', ' in folds 1, 2')
    """
    if list(names) == [ONLY_FOLD]:
        return ""
    return f" in fold{'s' if len(names) > 1 else ''} {listed(names)}"
