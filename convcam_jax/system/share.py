"""One of several processes that share a run, and how they meet."""

from typing import NamedTuple


class Share(NamedTuple):
    """One of the processes of a run: its number `process_id`, from 0 on, and where process 0 listens (HOST:PORT).

    None of what is to be found in the environment that a cluster's scheduler has made.
    """

    coordinator: str | None = None
    num_processes: int | None = None
    process_id: int | None = None
