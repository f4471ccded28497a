"""Tables as a page shows them, as dictionaries that become JSON."""

from typing import Any

import pandas as pd

from convcam_jax.system.namespaces import own_word


def as_table(title: str, frame: pd.DataFrame, is_open: bool = False) -> dict[str, Any]:
    """A table as title, headings and rows, and whether it is unfolded at first; numbers stay numbers."""
    rows = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    return {"title": title, "open": is_open, "columns": list(frame.columns), "rows": rows}


def with_headings(frame: pd.DataFrame) -> pd.DataFrame:
    """The table of a file with headings to be read: the program's in words, the user's as they are."""
    return frame.set_axis([heading(name) for name in frame.columns], axis=1)


def heading(name: str) -> str:
    """How a column is headed.

    >>> heading("n_recordings"), heading("emotion/very_sad")
    ('n recordings', 'very_sad')
    """
    word = own_word(name)
    return name.replace("_", " ") if word is None else word
