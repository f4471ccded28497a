"""One of several processes that share a run."""

from typing import NamedTuple


class Share(NamedTuple):
    """One of the processes of a run: its number `process_id`, from 0 on, and where process 0 listens (HOST:PORT)."""

    coordinator: str
    num_processes: int
    process_id: int
