"""Names of folds in messages."""

from collections.abc import Collection

from convcam_jax.splits.protocol import ONLY_FOLD
from convcam_jax.system.errors import named


def in_folds(names: Collection[str]) -> str:
    """Where something is so, in a sentence; nothing where there is one fold only.

    >>> in_folds(["all"]), in_folds(["1"]), in_folds(["1", "2"])
    ('', ' in fold 1', ' in folds 1, 2')
    """
    if list(names) == [ONLY_FOLD]:
        return ""
    return f" in fold{'s' if len(names) > 1 else ''} {named(list(names))}"
