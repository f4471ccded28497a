"""What is measured on the maps of ONE recording that has no label, and the tables of what members answer to it.

Axes: S member; C emotion; F frequency bin; T time frame.
"""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Array, Float

from convcam_jax.data.arrays import AnalysisArrays
from convcam_jax.data.members import Member
from convcam_jax.measures.config import AnalysisConfig
from convcam_jax.measures.metric_table import METRICS
from convcam_jax.measures.metrics import RecordingMetrics, recording_metrics
from convcam_jax.measures.missing_values import nan_allowed
from convcam_jax.measures.statistics import MEMBER
from convcam_jax.system.namespaces import PROBABILITY
from convcam_jax.training.member import QUICKLY_COMPILED

# Of the mask of the recording's emotion, which is made of labelled recordings.
OF_MASKS = tuple(name for name, metric in METRICS.items() if metric.of_mask)


def member_metrics(
    members: Sequence[Member],
    maps: Float[np.ndarray, "S F T"],
    arrays: AnalysisArrays,
    bin_hz: Float[np.ndarray, " F"],
    config: AnalysisConfig,
) -> pd.DataFrame:
    """The metrics of each member's map that need no label: those of `RecordingMetrics` but `OF_MASKS`.

    `arrays` are those of one recording, with an axis N of 1.
    """
    found = _metrics(jnp.asarray(maps), jax.tree.map(lambda array: array[0], arrays), jnp.asarray(bin_hz), config)
    values = {name: np.asarray(own) for name, own in found._asdict().items() if name not in OF_MASKS}
    return pd.DataFrame(list(members), columns=MEMBER).assign(**values)


@nan_allowed
@partial(jax.jit, static_argnames="config", compiler_options=QUICKLY_COMPILED)
def _metrics(
    maps: Float[Array, "S F T"], arrays: AnalysisArrays, bin_hz: Float[Array, " F"], config: AnalysisConfig
) -> RecordingMetrics:
    no_mask = jnp.zeros(maps.shape[1:], dtype=bool)
    return jax.vmap(lambda map_: recording_metrics(map_, arrays, bin_hz, no_mask, config))(maps)


def new_answer_table(
    members: Sequence[Member], probabilities: Float[np.ndarray, "S C"], emotions: Sequence[str]
) -> pd.DataFrame:
    """One row per member: its answer `predicted`, and the probabilities in columns `probability/EMOTION`."""
    table = pd.DataFrame(list(members), columns=MEMBER)
    table["predicted"] = [emotions[index] for index in probabilities.argmax(-1)]
    table[[f"{PROBABILITY}{emotion}" for emotion in emotions]] = probabilities
    return table


def spread_table(answers: pd.DataFrame, emotions: Sequence[str]) -> pd.DataFrame:
    """How far the members agree: one row per group and emotion, and with several groups for all (`group` "") first.

    `members`: how many there are; `answers`: how many of them answer this emotion; `mean`, `sd` (NaN of one member),
    `lowest`, `highest`: of their probabilities.
    """
    groups = answers["group"].unique().tolist()
    parts = {"": answers} if len(groups) > 1 else {}
    parts |= {group: answers[answers["group"] == group] for group in groups}
    return pd.DataFrame(
        [
            {
                "group": group,
                "emotion": emotion,
                "members": len(own),
                "answers": int((own["predicted"] == emotion).sum()),
                "mean": own[f"{PROBABILITY}{emotion}"].mean(),
                "sd": own[f"{PROBABILITY}{emotion}"].std(),
                "lowest": own[f"{PROBABILITY}{emotion}"].min(),
                "highest": own[f"{PROBABILITY}{emotion}"].max(),
            }
            for group, own in parts.items()
            for emotion in emotions
        ]
    )


def in_words(answers: pd.DataFrame, predicted: str) -> str:
    """What the members say together, and whether they disagree."""
    shares = answers[f"{PROBABILITY}{predicted}"]
    right = answers["predicted"] == predicted
    n_agreeing, n_members = int(right.sum()), len(answers)
    verdict = "all models agree" if n_agreeing == n_members else f"{n_agreeing} of {n_members} models agree"
    spread = f"{shares.mean():.2f} ({shares.min():.2f} to {shares.max():.2f})"
    groups = answers["group"].unique().tolist()
    if len(groups) == 1:
        return f"{predicted} {spread}, {verdict}"
    by_group = (right[answers["group"] == group] for group in groups)
    of_groups = ", ".join(f"{group} {one.sum()} of {len(one)}" for group, one in zip(groups, by_group, strict=True))
    return f"{predicted} {spread}, {verdict}: {of_groups}"
