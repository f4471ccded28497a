"""How few cells of ONE recording a map marks: of the map alone, whatever the network answers."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from convcam_jax.checks.explanation_metrics.explained_recording import ExplainedRecording


def sparseness(recording: ExplainedRecording) -> Float[Array, ""]:
    """Gini coefficient of the absolute map over the recording's cells: 0 where all are equal, near 1 for one cell.

    A map that is zero everywhere has 0. Source: Chalasani et al., "Concise explanations of neural networks using
    adversarial training", ICML 2020.
    """
    present = recording.present
    n_cells = present.sum()
    # Absent cells come first, and do not count.
    values = jnp.sort(jnp.where(present, jnp.abs(recording.relevance), -1.0).ravel())
    place = jnp.arange(1, values.size + 1) - (values.size - n_cells)
    weighted = jnp.where(place > 0, (2 * place - n_cells - 1).astype(float) * values, 0.0).sum()
    total = jnp.where(place > 0, values, 0.0).sum()
    return jnp.where(total > 0, weighted / (n_cells.astype(float) * jnp.where(total > 0, total, 1.0)), 0.0)


def complexity(recording: ExplainedRecording) -> Float[Array, ""]:
    """Entropy, in nats, of the cells' shares in the absolute map: 0 for one cell, log n for n equal ones.

    A map that is zero everywhere counts as one that is equal everywhere. Source: Bhatt, Weller and Moura, "Evaluating
    and aggregating feature-based model explanations", IJCAI 2020.
    """
    present = recording.present
    values = jnp.where(present, jnp.abs(recording.relevance), 0.0)
    total = values.sum()
    shares = jnp.where(total > 0, values / jnp.where(total > 0, total, 1.0), jnp.where(present, 1 / present.sum(), 0.0))
    return -jnp.where(shares > 0, shares * jnp.log(jnp.where(shares > 0, shares, 1.0)), 0.0).sum()
