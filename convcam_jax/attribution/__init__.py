"""Which parts of a recording a class's score rests on: a file for each method, and how maps come onto the grid.

To add a method: a file with its function and its `method.Method`, and a line here.
"""

from collections.abc import Mapping

from convcam_jax.attribution.attention import attention_relevance, attention_rollout
from convcam_jax.attribution.cams import (
    ablation_cam,
    eigen_cam,
    finer_cam,
    grad_cam,
    grad_cam_plus_plus,
    hires_cam,
    layer_cam,
    score_cam,
    shapley_cam,
    xgrad_cam,
)
from convcam_jax.attribution.gradients import (
    expected_gradients,
    gradient_shap,
    gradient_x_input,
    integrated_gradients,
    saliency,
    smooth_grad,
    var_grad,
)
from convcam_jax.attribution.method import Method
from convcam_jax.attribution.perturbations import (
    extremal_masks,
    filling,
    kernel_shap,
    lime,
    occlusion,
    rise,
    sound_and_silence,
)
from convcam_jax.attribution.propagation import (
    alpha_beta_lrp,
    composite_lrp,
    deconvolution,
    deep_lift,
    epsilon_lrp,
    full_grad,
    gamma_lrp,
    guided_backpropagation,
)

# By the names that `attribution.method` takes.
METHODS: Mapping[str, Method] = {
    "gradcam": grad_cam.METHOD,
    "gradcam++": grad_cam_plus_plus.METHOD,
    "hirescam": hires_cam.METHOD,
    "xgradcam": xgrad_cam.METHOD,
    "layercam": layer_cam.METHOD,
    "eigencam": eigen_cam.METHOD,
    "scorecam": score_cam.METHOD,
    "ablationcam": ablation_cam.METHOD,
    "finercam": finer_cam.METHOD,
    "shapleycam": shapley_cam.METHOD,
    "attention_rollout": attention_rollout.METHOD,
    "attention_relevance": attention_relevance.METHOD,
    "saliency": saliency.METHOD,
    "gradient_x_input": gradient_x_input.METHOD,
    "integrated_gradients": integrated_gradients.METHOD,
    "expected_gradients": expected_gradients.METHOD,
    "gradient_shap": gradient_shap.METHOD,
    "smoothgrad": smooth_grad.METHOD,
    "vargrad": var_grad.METHOD,
    "guided_backpropagation": guided_backpropagation.METHOD,
    "deconvolution": deconvolution.METHOD,
    "epsilon_lrp": epsilon_lrp.METHOD,
    "gamma_lrp": gamma_lrp.METHOD,
    "alpha_beta_lrp": alpha_beta_lrp.METHOD,
    "composite_lrp": composite_lrp.METHOD,
    "full_grad": full_grad.METHOD,
    "deep_lift": deep_lift.METHOD,
    "occlusion": occlusion.METHOD,
    "rise": rise.METHOD,
    "lime": lime.METHOD,
    "kernel_shap": kernel_shap.METHOD,
    "extremal_masks": extremal_masks.METHOD,
    "filling": filling.METHOD,
    "sound_and_silence": sound_and_silence.METHOD,
}
