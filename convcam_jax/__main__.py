"""The command `convcam`, which is `python -m convcam_jax` and does what `python run.py` does in a checkout.

`run.py` and `experiments/` lie beside the package in a checkout, and in `_program/` inside of it once it is installed.
"""

import importlib
import sys
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "_program"


def main() -> None:
    """Run the program, from whatever folder."""
    folder = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent
    # As of every script, in front: experiments are found there, by worker processes too.
    sys.path.insert(0, str(folder))
    importlib.import_module("run").main()


if __name__ == "__main__":
    main()
