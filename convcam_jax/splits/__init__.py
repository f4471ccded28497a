"""Which recordings are for training, validation and the test: the split protocols by name.

To add one: a file with its subclass of `protocol.SplitProtocol`, whose `guarantee` is what --help says of it, and a
line here. `dividing.divide` makes the folds of any of them.
"""

from collections.abc import Mapping

from convcam_jax.splits.cross_corpus import CrossCorpus
from convcam_jax.splits.given import Given
from convcam_jax.splits.leave_one_speaker_out import LeaveOneSpeakerOut
from convcam_jax.splits.leave_one_text_out import LeaveOneTextOut
from convcam_jax.splits.per_cell import PerCell
from convcam_jax.splits.protocol import SplitProtocol
from convcam_jax.splits.speaker_folds import SpeakerFolds

SPLIT_PROTOCOLS: Mapping[str, type[SplitProtocol]] = {
    "per_cell": PerCell,
    "leave_one_speaker_out": LeaveOneSpeakerOut,
    "speaker_folds": SpeakerFolds,
    "leave_one_text_out": LeaveOneTextOut,
    "given": Given,
    "cross_corpus": CrossCorpus,
}
