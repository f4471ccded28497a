"""Methods that say which parts of a recording a class's score rests on; Grad-CAM is in `grad_cam`.

All are pure and give a signed map of one recording; its positive part is the map that is analysed. There are three
kinds, by what they need and where their map lies:

- `NODE_METHODS` need the activations of the last convolution and the layers behind it: `[H, W]`;
- `score_cam` needs the activations and the whole network: `[H, W]`;
- `INPUT_METHODS` need the whole network: `[F, T]`, on the grid of the input.

Where the whole network is needed, `classify` may be of one recording, or of several at once (as packed on a strip),
independent of each other; the arrays then have that axis in front, shown as `...`.

Axes: H, W rows and columns of the last convolution; K channel; C class; F frequency bin; T time frame.
"""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jax import Array, lax

from convcam_jax.attribution.grad_cam import grad_cam, score_gradient, target_score
from convcam_jax.attribution.placement import Placement, place
from convcam_jax.settings.config import CamMethod, Score

Classify = Callable[[Array], Array]

INTEGRATION_STEPS = 50


def grad_cam_plus_plus(classify: Classify, activations: Array, target: Array, score: Score = "logit") -> Array:
    """Grad-CAM++ of Chattopadhay et al., WACV 2018: `[H, W]` >= 0 where the activations are.

    Channel weights are sums of alpha ReLU(g), g being the gradient and alpha = g^2 / (2 g^2 + sum(A) g^3) (Eq. 19,
    where the exponential of the score is what is explained). For g > 0, all that ReLU leaves, alpha is
    1 / (2 + sum(A) g), which is never divided by zero. The arguments are those of `cam.score_gradient`.
    """
    rising = jax.nn.relu(score_gradient(classify, activations, target, score))
    weights = (rising / (2 + rising * activations.sum((0, 1)))).sum((0, 1))
    return activations @ weights


def hires_cam(classify: Classify, activations: Array, target: Array, score: Score = "logit") -> Array:
    """HiResCAM of Draelos and Carin, arXiv:2011.08891, 2020: activations times gradient, summed over the channels.

    The arguments are those of `cam.score_gradient`.
    """
    return (activations * score_gradient(classify, activations, target, score)).sum(-1)


def xgrad_cam(classify: Classify, activations: Array, target: Array, score: Score = "logit") -> Array:
    """XGrad-CAM of Fu et al., BMVC 2020: channel weights are means of the gradient weighted by the activations.

    The activations are >= 0; a channel without any has the weight 0. The arguments are those of `cam.score_gradient`.
    """
    gradient = score_gradient(classify, activations, target, score)
    total = activations.sum((0, 1))
    weights = (gradient * activations).sum((0, 1)) / jnp.where(total > 0, total, 1)
    return activations @ weights


def layer_cam(classify: Classify, activations: Array, target: Array, score: Score = "logit") -> Array:
    """LayerCAM of Jiang et al., IEEE TIP 30, 2021: activations times positive gradient, summed; >= 0.

    The arguments are those of `cam.score_gradient`.
    """
    return (activations * jax.nn.relu(score_gradient(classify, activations, target, score))).sum(-1)


def eigen_cam(classify: Classify, activations: Array, target: Array, score: Score = "logit") -> Array:
    """Eigen-CAM of Muhammad and Yeasin, IJCNN 2020: the nodes' projection on their first right singular vector.

    It depends on the activations `[H, W, K]` alone; the other arguments are there for the interface. Nothing is
    subtracted from the activations, as in the paper. A singular vector's sign is arbitrary; here its sum is positive.
    As the activations are >= 0, so are then all its elements (Perron and Frobenius) and the map.
    """
    del classify, target, score
    nodes = activations.reshape(-1, activations.shape[-1])
    vector = jnp.linalg.eigh(jnp.matmul(nodes.T, nodes, precision=lax.Precision.HIGHEST))[1][:, -1]
    return activations @ jnp.where(vector.sum() < 0, -vector, vector)


def ablation_cam(classify: Classify, activations: Array, target: Array, score: Score = "logit") -> Array:
    """Ablation-CAM of Desai and Ramaswamy, WACV 2020: channel weights are what the score loses without the channel.

    The paper divides the loss by the score. That only scales the map where the score is positive, and would turn its
    sign where it is negative, so it is left out. The arguments are those of `cam.score_gradient`.
    """
    channels = jnp.arange(activations.shape[-1])

    def score_without(channel: Array) -> Array:
        return target_score(classify(jnp.where(channels == channel, 0, activations)), target, score)

    weights = target_score(classify(activations), target, score) - lax.map(score_without, channels)
    return activations @ weights


def score_cam(
    classify: Classify,
    spectrogram: Array,
    activations: Array,
    target: Array,
    placement: Placement,
    score: Score = "logit",
) -> Array:
    """Score-CAM of Wang et al., CVPR workshops 2020 (Algorithm 1): `[..., H, W]` >= 0 where the activations are.

    Each channel, placed on the input and scaled to 0..1 between its minimum and maximum, is a mask; the softmax over
    channels of the masked inputs' scores are the channel weights. A channel that is the same everywhere masks all.

    Args:
      classify: from spectrograms `[..., F, T]` to logits `[..., C]`.
      spectrogram: `[..., F, T]`.
      activations: `[..., H, W, K]`.
      target: `[...]` index of the class.
      placement: where on the input the nodes are.
      score: the class's logit, or its softmax probability.
    """

    def masked_score(channel: Array) -> Array:
        placed = place(channel, placement)
        lowest = placed.min((-2, -1), keepdims=True)
        extent = placed.max((-2, -1), keepdims=True) - lowest
        mask = (placed - lowest) / jnp.where(extent > 0, extent, 1)
        return target_score(classify(spectrogram * mask), target, score)

    weights = jax.nn.softmax(lax.map(masked_score, jnp.moveaxis(activations, -1, 0)), axis=0)
    return jnp.einsum("...hwk,k...->...hw", activations, weights)


def gradient_x_input(classify: Classify, spectrogram: Array, target: Array, score: Score = "logit") -> Array:
    """Gradient times input, Shrikumar et al., arXiv:1605.01713, 2016: `[..., F, T]`.

    Args:
      classify: from spectrograms `[..., F, T]` to logits `[..., C]`.
      spectrogram: `[..., F, T]`.
      target: `[...]` index of the class.
      score: the class's logit, or its softmax probability.
    """
    return spectrogram * score_gradient(classify, spectrogram, target, score)


def integrated_gradients(classify: Classify, spectrogram: Array, target: Array, score: Score = "logit") -> Array:
    """Integrated gradients of Sundararajan, Taly and Yan, ICML 2017 (Eq. 1): `[..., F, T]`.

    The path goes from silence, zero in every cell, straight to the spectrogram; the integral is taken by the midpoint
    rule in `INTEGRATION_STEPS`. The arguments are those of `gradient_x_input`.
    """

    def add(total: Array, share: Array) -> tuple[Array, None]:
        return total + score_gradient(classify, share * spectrogram, target, score), None

    shares = (jnp.arange(INTEGRATION_STEPS) + 0.5) / INTEGRATION_STEPS
    total, _ = lax.scan(add, jnp.zeros_like(spectrogram), shares)
    return spectrogram * total / INTEGRATION_STEPS


NODE_METHODS: Mapping[CamMethod, Callable[[Classify, Array, Array, Score], Array]] = {
    "gradcam": grad_cam,
    "gradcam++": grad_cam_plus_plus,
    "hirescam": hires_cam,
    "xgradcam": xgrad_cam,
    "layercam": layer_cam,
    "eigencam": eigen_cam,
    "ablationcam": ablation_cam,
}
INPUT_METHODS: Mapping[CamMethod, Callable[[Classify, Array, Array, Score], Array]] = {
    "gradient_x_input": gradient_x_input,
    "integrated_gradients": integrated_gradients,
}
