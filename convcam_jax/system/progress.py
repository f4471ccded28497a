"""What the user is told while a run goes on."""

import sys

from convcam_jax.system.text import in_one_line


def say(text: str) -> None:
    """Tell the user what is going on, on stderr: apart from the results."""
    print(in_one_line(text), file=sys.stderr, flush=True)
