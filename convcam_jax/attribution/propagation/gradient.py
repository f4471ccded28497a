"""The gradient of a class's score by the input, by a rule for nonlinearities or for layers."""

import jax
from jax.extend import core
from jaxtyping import Array, Float

from convcam_jax.attribution.method import Explained
from convcam_jax.attribution.propagation.layers import LayerRule, with_layer_rule
from convcam_jax.attribution.propagation.rules import Rule, with_rule
from convcam_jax.attribution.propagation.single import without_an_axis_of_one
from convcam_jax.attribution.score import score_gradient
from convcam_jax.kernels import winograd


def ruled_gradient(explained: Explained, rule: Rule, reference: Float[Array, "B F T"]) -> Float[Array, "B F T"]:
    """Gradient of the score where nonlinearities have `rule`; `reference` is what it compares the inputs with."""
    with winograd.without_winograd():
        # What the network closes over, such as its variables, becomes an operand.
        traced = jax.make_jaxpr(explained.classify)(explained.spectrograms)

    def gradient(spectrograms: Array, compared: Array, targets: Array, *constants: Array) -> Array:
        classify = core.jaxpr_as_fun(core.ClosedJaxpr(traced.jaxpr, constants))
        changed = with_rule(lambda inputs: classify(inputs)[0], rule)
        return score_gradient(lambda inputs: changed(inputs, compared), spectrograms, targets, explained.score)

    operands = explained.spectrograms, reference, explained.targets, *traced.consts
    return without_an_axis_of_one(gradient)(*operands)


def layered_gradient(explained: Explained, rule: LayerRule) -> Float[Array, "B F T"]:
    """Gradient of the score where layers have `rule`."""
    changed = with_layer_rule(explained.classify, rule)
    return score_gradient(
        lambda inputs: changed(inputs, None), explained.spectrograms, explained.targets, explained.score
    )
