"""Checks of config fields and of values that are chosen from a list."""

from collections.abc import Collection

from convcam_jax.system.errors import UserError
from convcam_jax.system.spelling import nearest

# Less alike than this, two names are not taken for one another (see `nearest`).
ALIKE = 0.6
N_SEEDS = 2**32


def require(condition: bool, field: str, rule: str) -> None:
    """Raise UserError unless the condition holds; `field` is the full name, such as `train.epochs`."""
    if not condition:
        raise UserError(f"config field {field}: {rule}")


def require_seed(first: int, field: str, n: int = 1) -> None:
    """Raise UserError unless the seed, or `n` from the first one on, is one of 32 bits; JAX takes no more of them."""
    require(first >= 0 and first + n <= N_SEEDS, field, f"must lie in 0..{N_SEEDS - n}")


def require_choice(text: str, choices: Collection[str], what: str) -> None:
    """Raise UserError unless `text` is one of `choices`; `what` is the flag or field that has the value."""
    if text not in choices:
        raise UserError(f"{what}={text}: must be one of {', '.join(choices)}{nearest_in_words(text, choices)}")


def nearest_in_words(text: str, choices: Collection[str]) -> str:
    """The end of a message that names the choice that is meant, perhaps; empty if none is like the text.

    >>> nearest_in_words("Papers", ["evidence", "paper"]), nearest_in_words("xyz", ["evidence", "paper"])
    ('; the nearest is paper', '')
    """
    found = nearest(text, list(choices), ALIKE)
    return f"; the nearest is {found}" if found else ""
