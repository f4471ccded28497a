"""Which recordings are for training, validation and the test: the split protocols by name.

To add one: a file with its subclass of `protocol.SplitProtocol`, whose `guarantee` is what --help says of it, and a
line here.
"""

from collections.abc import Mapping

from convcam_jax.splits.leave_one_speaker_out import LeaveOneSpeakerOut
from convcam_jax.splits.per_cell import PerCell
from convcam_jax.splits.protocol import SplitProtocol

SPLIT_PROTOCOLS: Mapping[str, type[SplitProtocol]] = {
    "per_cell": PerCell,
    "leave_one_speaker_out": LeaveOneSpeakerOut,
}
