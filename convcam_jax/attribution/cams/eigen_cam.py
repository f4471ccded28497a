"""Eigen-CAM (Muhammad and Yeasin, IJCNN 2020)."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, ArrayLike, Float, Int

from convcam_jax.attribution.method import Method, by_nodes
from convcam_jax.attribution.score import Classify, Score
from convcam_jax.kernels.one_at_a_time import eigenvectors


def eigen_cam(
    classify: Classify, activations: Float[Array, "H W K"], target: Int[ArrayLike, ""], score: Score = "logit"
) -> Float[Array, "H W"]:
    """Eigen-CAM of Muhammad and Yeasin, IJCNN 2020: the nodes' projection on their first right singular vector.

    It depends on the activations alone; the other arguments are there for the interface. Nothing is subtracted from the
    activations, as in the paper. A singular vector's sign is arbitrary; here its sum is positive. As the activations
    are >= 0, so are then all its elements (Perron and Frobenius) and the map.
    """
    del classify, target, score
    nodes = activations.reshape(-1, activations.shape[-1])
    vector = eigenvectors(jnp.matmul(nodes.T, nodes, precision=lax.Precision.HIGHEST))[:, -1]
    return activations @ jnp.where(vector.sum() < 0, -vector, vector)


METHOD = Method(
    level="nodes",
    explain=by_nodes(eigen_cam),
    description="A v, v the first right singular vector of A as a matrix of nodes by channels",
    source="Muhammad and Yeasin, IJCNN 2020",
    sign=">= 0",
)
