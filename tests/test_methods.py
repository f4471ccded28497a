"""What all methods of attribution have in common, by the table of methods."""

import dataclasses
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from convcam_jax.attribution import METHODS
from convcam_jax.attribution.config import AttributionConfig
from convcam_jax.attribution.method import Explained
from convcam_jax.attribution.placement import make_placement
from convcam_jax.networks.geometry import Layer, make_geometry
from convcam_jax.networks.network import AttentionWeights
from convcam_jax.system.errors import UserError

N, GRID, CHANNELS, CLASSES = 5, (8, 13), 4, 3
LAYERS = ((Layer(3),), (Layer(3, 2),))
GEOMETRY = make_geometry(LAYERS, GRID)
GENERATOR = np.random.default_rng(0)
KERNEL = jnp.asarray(GENERATOR.normal(size=(3, 3, 1, CHANNELS)), jnp.float32)
HIDDEN = jnp.asarray(GENERATOR.normal(size=(*GEOMETRY.shape, CHANNELS, 6)), jnp.float32)
# So small that no softmax probability is 0 or 1.
OUTPUT = jnp.asarray(0.02 * GENERATOR.normal(size=(6, CLASSES)), jnp.float32)
SPECTROGRAMS = jnp.asarray(GENERATOR.exponential(size=(N, *GRID)), jnp.float32)
TARGETS = jnp.array([0, 1, 2, 0, 1])
REFERENCES = jnp.asarray(GENERATOR.exponential(size=(3, *GRID)), jnp.float32)


def activate(spectrograms):
    """A convolution with ReLU."""
    axes = ("NHWC", "HWIO", "NHWC")
    return jax.nn.relu(
        jax.lax.conv_general_dilated(spectrograms[..., None], KERNEL, (1, 2), "VALID", dimension_numbers=axes)
    )


def head(activations, n_frames):
    return jax.nn.relu(jnp.einsum("hwk,hwku->u", activations, HIDDEN)) @ OUTPUT


def attend(spectrograms, added):
    """Logits of the nodes, each of which attends to all."""
    activations = activate(spectrograms)
    tokens = activations.reshape(len(activations), -1, CHANNELS)
    blocks = jax.nn.softmax(tokens @ jnp.swapaxes(tokens, 1, 2))[:, None, None]
    pooling = jnp.full(activations.shape[:3], 1 / tokens.shape[1])
    weights = AttentionWeights(blocks if added is None else blocks + added, pooling)
    mixed = tokens + weights.blocks[:, 0, 0] @ tokens
    return jax.vmap(head, (0, None))(mixed.reshape(activations.shape), None), weights


def explained(spectrograms, targets, references, score):
    placement = make_placement("receptive_field", GEOMETRY, GRID)
    return Explained(
        spectrograms,
        activate(spectrograms),
        targets,
        score,
        placement,
        classify=lambda several: jax.vmap(head, (0, None))(activate(several), None),
        head=head,
        n_frames=jnp.full(len(spectrograms), GRID[1]),
        references=references,
        key=jax.random.key(0),
        attend=partial(attend, spectrograms),
    )


@cache
def compiled(name, score):
    return jax.jit(lambda *given: METHODS[name].explain(explained(*given, score)))


def explain(name, spectrograms, targets, score="logit", references=REFERENCES):
    return np.asarray(compiled(name, score)(spectrograms, targets, references))


@pytest.mark.parametrize("score", ["logit", "softmax"])
@pytest.mark.parametrize("name", METHODS)
def test_maps_are_finite_and_lie_where_the_level_says(name, score):
    signed = explain(name, SPECTROGRAMS, TARGETS, score)
    assert signed.shape == (N, *{"nodes": GEOMETRY.shape, "tokens": GEOMETRY.shape, "input": GRID}[METHODS[name].level])
    assert np.isfinite(signed).all()
    filled = [np.ptp(one) > 0 for one in signed]
    # Of some recordings no hidden unit raises the score; then nothing goes back that only raises it. Of some no sound
    # that is put in lowers it.
    assert any(filled) if name in ("guided_backpropagation", "deconvolution", "filling") else all(filled)


@pytest.mark.parametrize("name", METHODS)
def test_a_batch_is_explained_as_one_by_one(name):
    signed = explain(name, SPECTROGRAMS, TARGETS)
    for n in range(N):
        alone = explain(name, SPECTROGRAMS[n : n + 1], TARGETS[n : n + 1])
        np.testing.assert_allclose(signed[n : n + 1], alone, rtol=1e-4, atol=1e-5 * np.abs(alone).max())


@pytest.mark.parametrize("name", METHODS)
def test_what_compares_says_so(name):
    """Other references make another map where a method says that it compares, and nowhere else."""
    maps = [
        explain(name, SPECTROGRAMS, TARGETS, references=references)
        for references in (REFERENCES, REFERENCES[::-1] * 0.5 + REFERENCES[:1])
    ]
    assert METHODS[name].compares == (np.abs(maps[0] - maps[1]).max() > 0)
    assert AttributionConfig(name).compares == METHODS[name].compares
    assert AttributionConfig(name, baseline="mean").compares


@pytest.mark.parametrize("name", METHODS)
def test_signs_are_those_of_the_table(name):
    """Where a method gives both signs, some of these maps have them."""
    signed = explain(name, SPECTROGRAMS, TARGETS)
    if METHODS[name].sign == ">= 0":
        assert signed.min() >= 0
    else:
        assert signed.min() < 0 < signed.max()


@pytest.mark.parametrize("name", METHODS)
def test_the_class_that_is_explained_counts(name):
    """For all methods but Eigen-CAM and attention rollout, which look at activations or attention alone."""
    differ = explain(name, SPECTROGRAMS, TARGETS) != explain(name, SPECTROGRAMS, (TARGETS + 1) % CLASSES)
    assert differ.any() == (name not in ("eigencam", "attention_rollout"))


def test_config_takes_the_methods_there_are():
    assert [AttributionConfig(method=name).method for name in METHODS] == list(METHODS)
    with pytest.raises(
        UserError, match=r"config field attribution\.method: must be one of gradcam, gradcam\+\+, hires"
    ):
        AttributionConfig(method="gradcan")
    [field] = [f for f in dataclasses.fields(AttributionConfig) if f.name == "method"]
    assert field.metadata["choices"] == tuple(METHODS)
