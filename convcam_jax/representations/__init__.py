"""How a recording is shown to a network, and the fundamental frequency and energy that its maps are set against.

To add one: a file with its subclass of `representation.Representation`, and a line here. The first line of the class's
docstring is what --help says of it.
"""

from collections.abc import Mapping

from convcam_jax.representations.cqt import Cqt
from convcam_jax.representations.gammatone import Gammatone
from convcam_jax.representations.mel import Mel
from convcam_jax.representations.representation import Representation
from convcam_jax.representations.stft import Stft
from convcam_jax.representations.vqt import Vqt

REPRESENTATIONS: Mapping[str, type[Representation]] = {
    "cqt": Cqt,
    "vqt": Vqt,
    "mel": Mel,
    "stft": Stft,
    "gammatone": Gammatone,
}
