"""What the user is told while a run goes on."""

import sys


def say(text: str) -> None:
    """Tell the user what is going on, on stderr: apart from the results."""
    print(text, file=sys.stderr, flush=True)
