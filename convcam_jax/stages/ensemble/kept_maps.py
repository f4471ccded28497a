"""Maps that took long are kept until the file of their stage is whole: a run that was stopped makes only the others."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import monotonic

import numpy as np

from convcam_jax.data.members import Cohort
from convcam_jax.networks.network import Variables
from convcam_jax.settings.overrides import flatten
from convcam_jax.stages.earlier_files import remove_earlier
from convcam_jax.stages.ensemble.rounds import KEPT_MAPS, Round
from convcam_jax.stages.record import FORMAT
from convcam_jax.stages.run import Run
from convcam_jax.system.errors import UserError, is_of_the_system
from convcam_jax.system.files import file_hash
from convcam_jax.system.formats import read_arrays, write_arrays
from convcam_jax.system.progress import say

# The array that says what the others were made from.
_ORIGIN = "attribution"
# What is made sooner need not be written twice.
_WORTH_KEEPING_S = 5.0


def kept_file(run: Run, stage: str, *part: object) -> Path:
    """Where a part of the maps of a stage is kept."""
    return run.workdir / "training" / f"{KEPT_MAPS}{'_'.join(map(str, (stage, *part)))}.npz"


def discard_kept(run: Run, stage: str) -> None:
    """Remove all parts of a stage, whose own file is whole now."""
    remove_earlier(run.workdir, f"training/{KEPT_MAPS}{stage}_*")


def origin_of_maps(run: Run, rounds: Sequence[Round], cohort: Cohort, *others: object) -> str:
    """A hash of what maps are made from: `attribution`, trained rounds, a cohort's test recordings, and `others`."""
    attribution = {name: value for name, value in flatten(run.config).items() if name.startswith("attribution.")}
    networks = [file_hash(own.history_file()) for own in rounds]
    recordings = [u.recording for u in run.dataset.tested_utterances(cohort)]
    whole = json.dumps([FORMAT, attribution, networks, cohort, recordings, others], sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()


def kept_or_made(
    path: Path, origin: str, make: Callable[[], Mapping[str, np.ndarray]], for_others: bool = False
) -> dict[str, np.ndarray]:
    """The arrays kept at `path` if they are of this origin; else those that `make` gives, kept if it took long.

    However soon they are made, they are kept if they are `for_others`: processes that wait for them.
    """
    if (kept := read_kept(path, origin)) is not None:
        return kept
    begun_s = monotonic()
    made = dict(make())
    if for_others or monotonic() - begun_s >= _WORTH_KEEPING_S:
        keep(path, origin, made)
    return made


def keep(path: Path, origin: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays and what they were made from."""
    write_arrays(path, {_ORIGIN: np.array(origin), **arrays})


def read_kept(path: Path, origin: str) -> dict[str, np.ndarray] | None:
    """What `keep` has written, unless it is not there, damaged, or of another origin."""
    try:
        arrays = read_arrays(path)
        return arrays if str(arrays.pop(_ORIGIN)) == origin else None
    except (UserError, KeyError) as error:
        if is_of_the_system(error.__cause__):
            raise
        return None


def kept_signed_maps(
    path: Path, origin: str, run: Run, variables: Variables, cohort: Cohort, networks: str
) -> np.ndarray:
    """The signed maps of `Run.explain`, kept meanwhile; the user is told whose are made, in the words `networks`."""
    return kept_or_made(path, origin, partial(_signed_maps, run, variables, cohort, networks))["signed_maps"]


def _signed_maps(run: Run, variables: Variables, cohort: Cohort, networks: str) -> dict[str, np.ndarray]:
    say(f"explaining {networks}")
    return {"signed_maps": run.explain(variables, cohort)[0]}
