"""Reading ahead: what comes next is read by a thread while the caller is busy with what came before."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def one_ahead(items: Iterator[Any]) -> Iterator[Any]:
    """The items, each of which is begun when the one before it is handed out: the memory must hold two."""
    nothing = object()
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, items, nothing)
        while (item := coming.result()) is not nothing:
            coming = reader.submit(next, items, nothing)
            yield item
