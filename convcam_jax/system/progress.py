"""What the user is told while a run goes on, on stderr: apart from the results."""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from time import monotonic
from typing import TypeVar

from tqdm import tqdm

from convcam_jax.system.text import in_one_line

# Else tqdm makes it when it first writes, and an interrupt meanwhile ends as an AttributeError.
tqdm.get_lock()

Item = TypeVar("Item")
# Where there is no terminal, a line is written this often: after each of so many parts of the work, or so many seconds.
_PARTS = 10
_LONGEST_SILENCE_S = 60.0

_quiet = False


def be_quiet(quiet: bool) -> None:
    """From now on say nothing, or say what there is to say."""
    global _quiet
    _quiet = quiet


def say(text: str) -> None:
    """Tell the user what is going on, in one line."""
    if not _quiet and sys.stderr is not None:
        # Above the bar, if there is one.
        tqdm.write(in_one_line(text), file=sys.stderr)
        sys.stderr.flush()


def counted(number: int, noun: str) -> str:
    """A number and what it counts, whose plural ends in s.

    >>> counted(1, "member"), counted(0, "member"), counted(2, "map")
    ('1 member', '0 members', '2 maps')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@contextlib.contextmanager
def show_progress(what: str, total: int, unit: str, done: int = 0, shown: bool = True) -> Iterator[Callable[[], None]]:
    """Show how far something is; what it gives is to be called after each of `total` units, of which some are `done`.

    On a terminal that is a bar, elsewhere (a file, a continuous integration) a line now and then, with the time that is
    left if the rest is as fast. Nothing is shown of nothing, nor unless `shown`.
    """
    if not shown or _quiet or sys.stderr is None or done >= total:
        yield lambda: None
    elif sys.stderr.isatty():
        with tqdm(total=total, initial=done, desc=what, unit=unit, file=sys.stderr) as bar:
            yield lambda: bar.update(1) and None
    else:
        yield _Lines(what, total, unit, done).update


def with_progress(items: Iterable[Item], what: str, total: int, unit: str) -> Iterator[Item]:
    """The items, of which there are `total`, while it is shown how many have been taken."""
    with show_progress(what, total, unit) as update:
        for item in items:
            yield item
            update()


class _Lines:
    """Progress as lines of text."""

    def __init__(self, what: str, total: int, unit: str, done: int) -> None:
        self._what, self._total, self._unit = what, total, unit
        self._done = self._first = done
        self._begun_s = self._said_s = monotonic()

    def update(self) -> None:
        """One more unit is done."""
        self._done += 1
        now = monotonic()
        parts_done = self._done * _PARTS // self._total > (self._done - 1) * _PARTS // self._total
        if parts_done or now - self._said_s >= _LONGEST_SILENCE_S:
            self._said_s = now
            say(self._in_words(now - self._begun_s))

    def _in_words(self, seconds: float) -> str:
        left_s = seconds / (self._done - self._first) * (self._total - self._done)
        left = f", about {tqdm.format_interval(left_s)} left" if self._done < self._total else ""
        times = f"{tqdm.format_interval(seconds)} taken{left}"
        return f"{self._what}: {self._done} of {counted(self._total, self._unit)}, {times}"
