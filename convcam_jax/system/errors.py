"""The one error that users are meant to see: a line that names the file or field and says what to do."""

from convcam_jax.system.text import in_one_line


class UserError(Exception):
    """A problem in what the user gave (a file, a field, a folder); its text is one line, shown without a traceback."""

    def __str__(self) -> str:
        """One line, whatever the names in it are."""
        return in_one_line(super().__str__())


class RecordingError(UserError):
    """A problem of one recording; with `corpus.on_error=skip` the recording is left out and listed instead."""

    def __init__(self, recording: str, problem: str):
        super().__init__(f"{recording}: {problem}")
        self.recording = recording
        self.problem = problem

    def __reduce__(self) -> tuple[type["RecordingError"], tuple[str, str]]:
        """How it is made again in another process: not from its text alone, as exceptions usually are."""
        return type(self), (self.recording, self.problem)
