"""The one error that users are meant to see: a line that names the file or field and says what to do."""

import errno
from collections.abc import Sequence

from convcam_jax.system.text import in_one_line

# Of a line that is to be read.
_MOST_NAMES, _MOST_KINDS = 3, 8
# Of the surroundings, not of the program or a file.
_OF_THE_SYSTEM = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN),
)


class UserError(Exception):
    """A problem in what the user gave (a file, a field, a folder); its text is one line, shown without a traceback."""

    def __str__(self) -> str:
        """One line, whatever the names in it are."""
        return in_one_line(super().__str__())


class RecordingError(UserError):
    """A problem of one recording; with `corpus.on_error=skip` the recording is left out and listed instead.

    `kind` is what it is counted as, such as "silent": words that go behind a number of recordings.
    """

    def __init__(self, recording: str, problem: str, kind: str = "unusable"):
        super().__init__(f"{recording}: {problem}")
        self.recording = recording
        self.problem = problem
        self.kind = kind

    def __reduce__(self) -> tuple[type["RecordingError"], tuple[str, str, str]]:
        """How it is made again in another process: not from its text alone, as exceptions usually are."""
        return type(self), (self.recording, self.problem, self.kind)


def is_of_the_system(error: BaseException | None) -> bool:
    """Whether the system is to blame, such as its rights, memory or disk: a file that it did not read may be whole."""
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _OF_THE_SYSTEM)


def together(problems: Sequence[RecordingError]) -> UserError:
    """One error that tells all problems: the only one itself, several by kind with counts and examples."""
    if len(problems) == 1:
        return problems[0]
    return UserError(
        f"{len(problems)} problems of recordings: {counted_by_kind(problems, with_example=True)}; mend them, or leave "
        "these recordings out by --set=corpus.on_error=skip"
    )


def counted_by_kind(problems: Sequence[RecordingError], with_example: bool = False) -> str:
    """How many problems there are of each kind, most first, and of which recordings; in words, one line.

    With `with_example` the first problem of each kind is told in full.
    """
    kinds: dict[str, list[RecordingError]] = {}
    for problem in problems:
        kinds.setdefault(problem.kind, []).append(problem)
    ordered = sorted(kinds.items(), key=lambda item: -len(item[1]))
    told = [_kind_in_words(kind, own, with_example) for kind, own in ordered[:_MOST_KINDS]]
    rest = sum(len(own) for _, own in ordered[_MOST_KINDS:])
    return "; ".join([*told, *([f"{rest} of other kinds"] if rest else [])])


def _kind_in_words(kind: str, problems: Sequence[RecordingError], with_example: bool) -> str:
    example = f": {problems[0].problem}" if with_example else ""
    return f"{len(problems)} {kind} ({named([p.recording for p in problems])}){example}"


def named(names: Sequence[str]) -> str:
    """The first of the names, and how many more there are, in words."""
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"{', '.join(names[:_MOST_NAMES])}{more}"
