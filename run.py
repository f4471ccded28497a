"""Grad-CAM of a convolutional network on emotional speech: runs one experiment and writes everything into a folder.

python run.py                                          the whole paper on the embedded synthetic corpus
python run.py --corpus=emodb --data_dir=FOLDER         the same on the Berlin corpus
python run.py ... --protocol=published                 as the authors computed it
python run.py ... --network=mobilenet                  another network; likewise --representation and --split
python run.py ... --set=train.epochs=20                with any field of the config changed
python run.py --experiment=report --workdir=FOLDER     the report of a finished run made again
"""

import os
import sys

if os.name == "nt":
    sys.exit("Windows lacks what this program needs of the system; install and run it inside WSL, or on Linux")

if sys.flags.safe_path:
    # Under -P, -I or PYTHONSAFEPATH Python leaves the folder of the script out.
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from convcam_jax.system.process.allocator import take_huge_pages
from convcam_jax.system.process.ending import end_by_signals, run_to_end
from convcam_jax.system.process.main_program import is_main_program
from convcam_jax.system.process.surroundings import (
    check_limits,
    check_names_of_files,
    check_number_of_devices,
    check_threads,
    fill_closed_streams,
    load_jax,
    settle_surroundings,
)


def main() -> None:
    """Run the program; see `experiments.command`."""
    fill_closed_streams()
    take_huge_pages()
    run_to_end(_run_command)


def _run_command() -> None:
    check_limits()
    check_names_of_files()
    check_number_of_devices()
    if is_main_program():
        check_threads()
        settle_surroundings()
        end_by_signals()
    # Loading what is needed takes seconds, in which the program can be stopped already.
    load_jax()
    from experiments.command import run_command

    run_command(sys.argv[1:])


if __name__ == "__main__":
    main()
