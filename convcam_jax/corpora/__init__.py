"""Corpora of emotional speech: what recordings there are, what is known about each, and the sound in their files.

To add one: a file with its `corpus.Corpus`, and a line here.
"""

from collections.abc import Mapping

from convcam_jax.corpora.audformat import AUDFORMAT
from convcam_jax.corpora.corpus import Corpus
from convcam_jax.corpora.crema_d import CREMA_D
from convcam_jax.corpora.emodb import EMODB
from convcam_jax.corpora.emovo import EMOVO
from convcam_jax.corpora.iemocap import IEMOCAP
from convcam_jax.corpora.listed import LISTED
from convcam_jax.corpora.ravdess import RAVDESS
from convcam_jax.corpora.savee import SAVEE
from convcam_jax.corpora.several import several_of
from convcam_jax.corpora.synthetic.folder import SYNTHETIC
from convcam_jax.corpora.tess import TESS

# Those of people; they can be used together.
_OF_PEOPLE: Mapping[str, Corpus] = {
    "emodb": EMODB,
    "listed": LISTED,
    "ravdess": RAVDESS,
    "tess": TESS,
    "savee": SAVEE,
    "crema_d": CREMA_D,
    "iemocap": IEMOCAP,
    "emovo": EMOVO,
    "audformat": AUDFORMAT,
}
# By the names that --corpus takes.
CORPORA: Mapping[str, Corpus] = {"synthetic": SYNTHETIC, **_OF_PEOPLE, "several": several_of(_OF_PEOPLE)}
