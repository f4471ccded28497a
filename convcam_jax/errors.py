"""The one error that users are meant to see: a line that names the file or field and says what to do."""


class UserError(Exception):
    """A problem in what the user gave (a file, a field, a folder); its text is one line, shown without a traceback."""


class RecordingError(UserError):
    """A problem of one recording; with `corpus.on_error=skip` the recording is left out and listed instead."""

    def __init__(self, recording: str, problem: str):
        super().__init__(f"{recording}: {problem}")
        self.recording = recording
        self.problem = problem
