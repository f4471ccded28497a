"""Which recordings are for training, validation and the test: the split protocols by name."""

from collections.abc import Mapping

from convcam_jax.splits.leave_one_speaker_out import LeaveOneSpeakerOut
from convcam_jax.splits.per_cell import PerCell
from convcam_jax.splits.protocol import SplitProtocol

SPLIT_PROTOCOLS: Mapping[str, type[SplitProtocol]] = {
    "per_cell": PerCell,
    "leave_one_speaker_out": LeaveOneSpeakerOut,
}
