"""From the parameters of a group to its masks and metrics as one compiled program over members and recordings.

The same functions as in a run, where the maps are written to a file between the explaining and the analysis, so that
the analysis can be repeated under another config.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import numpy as np
from jax import Array
from jax.sharding import PartitionSpec

from convcam_jax.attribution.explaining import explain_member
from convcam_jax.attribution.placement import Placement
from convcam_jax.data.batches import recording_order
from convcam_jax.data.dataset import AnalysisArrays, AnyArray
from convcam_jax.measures.analysis import analyse_member, placed_map
from convcam_jax.measures.metrics import RecordingMetrics
from convcam_jax.networks.simplenet import SimpleNet
from convcam_jax.settings.config import AnalysisConfig, CamConfig
from convcam_jax.training.ensemble import member_and_recording_mesh
from convcam_jax.training.member import Params, Recordings


class Assessment(NamedTuple):
    """Of S members and N recordings: `logits [S, N, C]`, metrics `[S, N]`, masks R `[S, C, F, T]` (Eq. 1)."""

    logits: Array
    metrics: RecordingMetrics
    masks: Array


class AssessedSet(NamedTuple):
    """N recordings to be explained, in ascending order of their indices.

    Attributes:
      recordings: all recordings of the run.
      batches: `[n_steps, B]` indices of the N recordings, or `ABSENT`.
      order: `[N]` where in the flattened `batches` each recording stands.
      arrays: what the metrics need of the N recordings.
      bin_hz: `[F]`.
      placement: how maps are placed on the grid of the inputs.
    """

    recordings: Recordings
    batches: AnyArray
    order: AnyArray
    arrays: AnalysisArrays
    bin_hz: AnyArray
    placement: Placement


def make_assessed_set(
    recordings: Recordings, strata: np.ndarray, arrays: AnalysisArrays, bin_hz: np.ndarray, placement: Placement
) -> AssessedSet:
    """The recordings of `strata [B, n_steps]`, of which `arrays [N]` are in ascending order of their indices."""
    return AssessedSet(recordings, strata.T, recording_order(strata.T), arrays, bin_hz, placement)


def assess_member(
    signed_maps: Array, logits: Array, assessed: AssessedSet, *, n_emotions: int, analysis: AnalysisConfig
) -> Assessment:
    """The assessment of one member, without the axis S, from what `explain_member` says of `assessed.batches`."""
    signed_maps, logits = (array.reshape(-1, *array.shape[2:])[assessed.order] for array in (signed_maps, logits))
    maps = jax.vmap(placed_map, in_axes=(0, 0, None))(signed_maps, assessed.arrays.n_frames, assessed.placement)
    correct = logits.argmax(-1) == assessed.arrays.emotion
    metrics, masks = analyse_member(maps, correct, assessed.arrays, assessed.bin_hz, n_emotions, analysis)
    return Assessment(logits, metrics, masks)


def assessment_program(
    n_members: int, n_batches: int, model: SimpleNet, n_columns: int, cam: CamConfig, analysis: AnalysisConfig
) -> Callable[[Params, AssessedSet], Assessment]:
    """The program of a group, from parameters `[S, ...]` and the set of recordings that its members share.

    On each device one member follows another: members have no product in common that batching them would speed up, and
    so only their maps are held all at once. Where a member's recordings are divided, each of its devices analyses all.
    """
    explain = partial(explain_member, model=model, n_columns=n_columns, cams=(cam,))
    assess = partial(assess_member, n_emotions=model.n_classes, analysis=analysis)

    def members_of_a_device(params: Params, batches: Array, assessed: AssessedSet) -> Assessment:
        (maps,), logits = jax.lax.map(lambda own: explain(own, assessed.recordings, batches), params)
        # Put together once for all members where batches are divided: the devices wait for one another.
        maps, logits = (jax.lax.all_gather(a, "recording", axis=1, tiled=True) for a in (maps, logits))
        return jax.lax.map(lambda own: assess(own[0], own[1], assessed), (maps, logits))

    member, recording = PartitionSpec("member"), PartitionSpec("recording")
    divided = jax.shard_map(
        members_of_a_device,
        mesh=member_and_recording_mesh(n_members, n_batches),
        in_specs=(member, recording, PartitionSpec()),
        out_specs=member,
        check_vma=False,
    )
    return jax.jit(lambda params, assessed: divided(params, assessed.batches, assessed))
