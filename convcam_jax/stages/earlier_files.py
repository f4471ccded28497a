"""Files that a stage made under another config, and would not make now."""

from pathlib import Path


def remove_earlier(workdir: Path, *patterns: str) -> None:
    """Remove files of the workdir, so that nobody takes what an earlier config gave for what this one gives.

    A folder of such a name is the user's own, and stays.
    """
    for pattern in patterns:
        for path in workdir.glob(pattern):
            if not path.is_dir():
                path.unlink()
