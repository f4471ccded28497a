"""The recordings with which some methods compare, kept with a run, so that it explains new ones without its corpus."""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from convcam_jax.attribution.explaining import MOST_REFERENCES, references_of
from convcam_jax.stages.earlier_files import remove_earlier
from convcam_jax.stages.run import Run
from convcam_jax.system.errors import UserError
from convcam_jax.system.formats import read_arrays, write_arrays

REFERENCES = "references.npz"


def write_references(run: Run) -> None:
    """Write `references.npz`, if the run's method compares recordings with others."""
    if run.config.attribution.compares:
        write_arrays(run.workdir / REFERENCES, {"spectrograms": np.asarray(references_of(run.recordings))})
    else:
        remove_earlier(run.workdir, REFERENCES)


def read_references(folder: Path, grid: tuple[int, int]) -> Float[np.ndarray, "R F T"]:
    """What `write_references` has written into the folder of a run whose networks' inputs have this grid (F, T).

    Raises:
      UserError: it is not there, damaged, or holds no recordings of this grid.
    """
    found = read_arrays(folder / REFERENCES).get("spectrograms", np.empty(0))
    of_the_grid = found.ndim == 3 and found.shape[1:] == grid and 0 < len(found) <= MOST_REFERENCES
    if found.dtype != np.float32 or not of_the_grid or not (found >= 0).all():
        raise UserError(f"{folder / REFERENCES}: is not of this run; remove it, and give the run's command again")
    return found
