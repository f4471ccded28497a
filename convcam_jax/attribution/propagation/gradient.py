"""The gradient of a class's score by the input, by a rule for nonlinearities or for layers."""

from jaxtyping import Array, Float

from convcam_jax.attribution.method import Explained
from convcam_jax.attribution.propagation.layers import LayerRule, with_layer_rule
from convcam_jax.attribution.propagation.rules import Rule, with_rule
from convcam_jax.attribution.score import score_gradient


def ruled_gradient(explained: Explained, rule: Rule, reference: Float[Array, "B F T"]) -> Float[Array, "B F T"]:
    """Gradient of the score where nonlinearities have `rule`; `reference` is what it compares the inputs with."""
    changed = with_rule(explained.classify, rule)
    return score_gradient(
        lambda inputs: changed(inputs, reference), explained.spectrograms, explained.targets, explained.score
    )


def layered_gradient(explained: Explained, rule: LayerRule) -> Float[Array, "B F T"]:
    """Gradient of the score where layers have `rule`."""
    changed = with_layer_rule(explained.classify, rule)
    return score_gradient(
        lambda inputs: changed(inputs, None), explained.spectrograms, explained.targets, explained.score
    )
