"""A run: its config and folder, and what its stages make or read, each when it is first asked for."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from convcam_jax.attribution import METHODS
from convcam_jax.attribution.explaining import explain_members, explained_geometry
from convcam_jax.attribution.placement import Placement, placed_maps, placement_of
from convcam_jax.data.arrays import AnalysisArrays
from convcam_jax.data.batches import tested_strata
from convcam_jax.data.dataset import Dataset, network_inputs
from convcam_jax.data.members import Cohort, Member
from convcam_jax.data.recordings import Recordings
from convcam_jax.measures.analysis import correct_predictions
from convcam_jax.measures.cohort_maps import Analysed, CohortMaps, analyse_cohorts, tested_arrays
from convcam_jax.measures.views import GridAxes
from convcam_jax.networks.network import Network, Variables
from convcam_jax.settings.config import Config
from convcam_jax.stages.ensemble.rounds import Round, all_members, read_rounds, trained_members
from convcam_jax.system.formats import read_arrays, read_csv

EXPLANATIONS = "explanations.npz"
# What the experiment `export` makes of a run.
MODELS = "models.safetensors"


class CohortExplanations(NamedTuple):
    """What `explanations.npz` holds of one cohort.

    Attributes:
      signed_maps: `[S, N, H, W]` in front of the ReLU of Eq. 5, or `[S, N, F, T]` of a method whose maps are on the
        grid of the input.
      logits: `[S, N, C]`.
      seeds: `[S]`.
      recordings: `[N]` names.
    """

    signed_maps: np.ndarray
    logits: np.ndarray
    seeds: np.ndarray
    recordings: np.ndarray


class ModelsOfConfig:
    """What follows of a config alone for its trained members."""

    config: Config

    @cached_property
    def network(self) -> Network:
        """The network as trained members are used."""
        return self.config.make_network(self.config.attribution.precision)

    @cached_property
    def placement(self) -> Placement:
        """How the maps of the config's method come to the grid of the inputs."""
        config, grid = self.config, self.config.grid
        geometry = explained_geometry(self.network, config.attribution, grid)
        return placement_of(METHODS[config.attribution.method].level, config.analysis.map_placement, geometry, grid)

    @cached_property
    def axes(self) -> GridAxes:
        """Where the cells of the inputs' grid lie."""
        representation = self.config.representation
        times_s = representation.frame_times_s(self.config.corpus.max_frames)
        return GridAxes(representation.frequencies_hz(), representation.edges_hz(), times_s)


@dataclass(eq=False, repr=False)
class Run(ModelsOfConfig):
    """A run of one config in one folder; all but these and the recordings is made or read when it is asked for.

    `start`: when this start of the program began, as `record.run_record` notes it; "" where nothing is made.
    """

    config: Config
    workdir: Path
    cache_dir: Path
    dataset: Dataset
    start: str = ""

    @cached_property
    def recordings(self) -> Recordings:
        """All recordings as the network sees them."""
        corpus = self.config.corpus
        return network_inputs(self.dataset, corpus.emotions, self.config.representation, corpus.max_frames)

    @cached_property
    def tested_sets(self) -> dict[Cohort, np.ndarray]:
        """The indices of every cohort's test recordings: with a fold for each speaker they are many to find."""
        return self.dataset.sets("test")

    @cached_property
    def rounds(self) -> list[Round]:
        """The rounds in which the ensemble is trained, once its training has begun."""
        return read_rounds(all_members(self.config, self.dataset), self.workdir / "training")

    @cached_property
    def explanations(self) -> dict[Cohort, CohortExplanations]:
        """The arrays of `explanations.npz`."""
        return load_explanations(self.workdir / EXPLANATIONS)

    @cached_property
    def members(self) -> pd.DataFrame:
        """The table of `members.csv`."""
        return read_csv(self.workdir / "members.csv")

    @cached_property
    def cohort_maps(self) -> list[CohortMaps]:
        """The maps of the trained members, placed as the config has it."""
        return [self._cohort_maps(cohort) for cohort in self.dataset.cohorts()]

    @cached_property
    def analysed(self) -> Analysed:
        """Metrics, masks and contours of all members' maps."""
        return analyse_cohorts(self.cohort_maps, self.config.corpus.emotions, self.config.analysis, self.axes)

    def tested(self, cohort: Cohort) -> AnalysisArrays:
        """What the metrics need of the cohort's test recordings."""
        config = self.config
        return tested_arrays(self.dataset, cohort, config.representation, config.analysis, config.corpus)

    def trained(self, wanted: Collection[Member]) -> Iterator[tuple[tuple[Member, ...], Variables]]:
        """Those of the wanted members that each round has, and their variables `[S, ...]`."""
        return trained_members(self.rounds, wanted)

    def explain(self, variables: Variables, cohort: Cohort) -> tuple[np.ndarray, np.ndarray]:
        """Signed maps `[S, N, ...]` and logits `[S, N, C]` of members on the cohort's test recordings."""
        strata, layout = self.strata_to_explain(cohort)
        configs = (self.config.attribution,)
        (signed_maps,), logits = explain_members(variables, self.recordings, strata, self.network, layout, configs)
        return signed_maps, logits

    def strata_to_explain(self, cohort: Cohort) -> tuple[np.ndarray, int]:
        """The cohort's test recordings in batches `[n_strata, n_steps]`, and the network's layout for a batch."""
        n_frames, batch_size = np.asarray(self.recordings.n_frames), self.config.train.batch_size
        return tested_strata(n_frames, self.tested_sets, cohort, batch_size, self.network.layout)

    def _cohort_maps(self, cohort: Cohort) -> CohortMaps:
        explained, members = self.explanations[cohort], self.members
        tested = self.dataset.indices(cohort, "test")
        arrays = self.tested(cohort)
        chosen_members = members[
            (members["group"] == cohort.group) & (members["fold"] == cohort.fold) & members["chosen"]
        ]
        seeds = explained.seeds.tolist()
        chosen = seeds.index(chosen_members["seed"].item())
        on_input = METHODS[self.config.attribution.method].level == "input"
        return CohortMaps(
            cohort=cohort,
            seeds=seeds,
            chosen=chosen,
            utterances=[self.dataset.utterances[i] for i in tested],
            arrays=arrays,
            maps=np.asarray(placed_maps(explained.signed_maps, arrays.n_frames, self.placement)),
            raw_maps=[None] * len(tested) if on_input else list(np.maximum(explained.signed_maps[chosen], 0)),
            correct=correct_predictions(explained.logits, arrays.emotion),
            logits=explained.logits,
        )


def load_explanations(path: Path) -> dict[Cohort, CohortExplanations]:
    """The arrays of `explanations.npz`, or of a file like it."""
    arrays = read_arrays(path)
    cohorts = [Cohort(*names) for names in arrays["cohorts"].tolist()]
    return {
        cohort: CohortExplanations(*(arrays[f"{name}_{number}"] for name in CohortExplanations._fields))
        for number, cohort in enumerate(cohorts)
    }


def explanation_arrays(explained: dict[Cohort, CohortExplanations]) -> dict[str, np.ndarray]:
    """The arrays of `explanations.npz`: `cohorts` `[n, 2]` (group, fold), and `NAME_i` of each, i from 0 on."""
    arrays = {"cohorts": np.array(list(explained), dtype=str).reshape(-1, 2)}
    for number, explanations in enumerate(explained.values()):
        arrays |= {f"{name}_{number}": array for name, array in explanations._asdict().items()}
    return arrays
