"""How a recording is shown to a network, and the fundamental frequency and energy that its maps are set against.

To add one: a file with its subclass of `representation.Representation`, and a line here. The first line of the class's
docstring is what --help says of it.
"""

from collections.abc import Mapping

from convcam_jax.representations.cqt import Cqt
from convcam_jax.representations.mel import Mel
from convcam_jax.representations.representation import Representation

REPRESENTATIONS: Mapping[str, type[Representation]] = {
    "cqt": Cqt,
    "mel": Mel,
}
