"""Methods that explain by attention, and Grad-CAM on tokens: closed forms, and a transformer written in PyTorch."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_case import linear, scored_by

from convcam_jax.attribution import METHODS
from convcam_jax.attribution.attention.attention_relevance import attention_relevance
from convcam_jax.attribution.attention.attention_rollout import attention_rollout
from convcam_jax.attribution.config import AttributionConfig
from convcam_jax.attribution.explaining import batch_explainer
from convcam_jax.data.recordings import Batch
from convcam_jax.networks.crnn import CRNNConfig
from convcam_jax.networks.network import AttentionWeights
from convcam_jax.networks.simplenet import SimpleNetConfig
from convcam_jax.networks.spectrogram_transformer import SpectrogramTransformerConfig, time_positions
from convcam_jax.networks.standardised import STATISTICS, Standardised
from convcam_jax.settings.config import Config
from convcam_jax.system.errors import UserError

CONFIG = SpectrogramTransformerConfig(
    patch_bins=4, patch_frames=4, stem_filters=(3,), channels=6, depth=2, heads=2, dropout_rate=0.0
)
N_CLASSES, GRID = 3, (9, 14)
N_FRAMES = (14, 5, 11)
EMOTION = jnp.array([0, 1, 2])
NETWORK = CONFIG.make(N_CLASSES)
METHODS_OF_TOKENS = tuple(name for name, method in METHODS.items() if method.level == "tokens")


@cache
def variables():
    """As after training: neither biases nor positions are small, and attention is not even."""
    params = jax.jit(NETWORK.init, static_argnums=1)(jax.random.key(0), GRID)["params"]
    leaves, structure = jax.tree.flatten(params)
    keys = jax.random.split(jax.random.key(1), len(leaves))
    moved = [2 * leaf + 0.3 * jax.random.normal(key, leaf.shape) for leaf, key in zip(leaves, keys, strict=True)]
    return {"params": jax.tree.unflatten(structure, moved)}


def batch() -> Batch:
    spectrograms = np.random.default_rng(0).exponential(size=(len(N_FRAMES), *GRID))
    sounds = np.arange(GRID[1]) < np.array(N_FRAMES)[:, None, None]
    return Batch(jnp.asarray(spectrograms * sounds, jnp.float32), jnp.array(N_FRAMES))


ATTRIBUTIONS = tuple(
    AttributionConfig(method, score=score)
    for method in (*METHODS_OF_TOKENS, "gradcam")
    for score in ("logit", "softmax")
)


@cache
def explained(attributions=ATTRIBUTIONS, network=NETWORK) -> dict[tuple[str, str], tuple[np.ndarray, np.ndarray]]:
    """Signed maps and logits by method and score, in one program."""
    own = variables()
    if network != NETWORK:
        own = {**own, STATISTICS: {"mean": jnp.zeros(GRID[0]), "deviation": jnp.ones(GRID[0])}}

    @jax.jit
    def explain(own, batch):
        references = batch.spectrograms[:1]
        explainers = [batch_explainer(own, references, network, 0, config) for config in attributions]
        return [explain_one(batch, EMOTION) for explain_one in explainers]

    return {
        (config.method, config.score): found for config, found in zip(attributions, explain(own, batch()), strict=True)
    }


def linear_attention(weights: AttentionWeights, slopes: jax.Array):
    """Logits (y, 0), y the sum of slopes times weights, so the gradient by the weights is the slopes."""

    def attend(added):
        own = weights if added is None else weights._replace(blocks=weights.blocks + added)
        score = (own.blocks * slopes).sum((1, 2, 3, 4))
        return jnp.stack([score, jnp.zeros_like(score)], -1), own

    return attend


# Of two tokens, which are columns of one row: a block with two heads, and the mean that is classified.
BLOCK = jnp.array([[[[[0.5, 0.5], [0.2, 0.8]], [[0.3, 0.7], [0.4, 0.6]]]]])
POOLING = jnp.array([[[0.25, 0.75]]])
WEIGHTS = AttentionWeights(BLOCK, POOLING)


def test_rollout_of_one_block_in_closed_form():
    """Means of the heads are [.4 .6; .3 .7], with the tokens themselves [.7 .3; .15 .85]."""
    found = attention_rollout(linear_attention(WEIGHTS, BLOCK), jnp.array([0]))
    np.testing.assert_allclose(found, [[[0.25 * 0.7 + 0.75 * 0.15, 0.25 * 0.3 + 0.75 * 0.85]]], rtol=1e-6)


def test_rollout_of_the_last_block_comes_first():
    """The product is ordered: the first block's weights stand next to the input."""
    first, last = (np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([[0.0, 1.0], [0.0, 1.0]]))
    weights = AttentionWeights(jnp.asarray(np.stack([first, last])[None, :, None], jnp.float32), POOLING)
    found = attention_rollout(linear_attention(weights, weights.blocks), jnp.array([0]))
    expected = np.array([0.25, 0.75]) @ ((last + np.eye(2)) / 2) @ ((first + np.eye(2)) / 2)
    np.testing.assert_allclose(found[0, 0], expected, rtol=1e-6)


def test_relevance_of_one_block_in_closed_form():
    """Only what raises the score counts: of the first head the first row, of the second one weight."""
    slopes = jnp.array([[[[[2.0, 1.0], [-1.0, -3.0]], [[-5.0, 0.0], [0.0, 2.0]]]]])
    found = attention_relevance(linear_attention(WEIGHTS, slopes), jnp.array([0]))
    of_block = np.array([[1.0, 0.5], [0.0, 1.2]]) / 2
    np.testing.assert_allclose(found[0, 0], np.array([0.25, 0.75]) @ of_block, rtol=1e-6)


def test_relevance_of_two_blocks_is_the_product_in_their_order():
    first, last = np.array([[0.5, 0.5], [0.25, 0.75]]), np.array([[0.2, 0.8], [1.0, 0.0]])
    weights = AttentionWeights(jnp.asarray(np.stack([first, last])[None, :, None], jnp.float32), POOLING)
    found = attention_relevance(linear_attention(weights, jnp.ones_like(weights.blocks)), jnp.array([0]))
    expected = np.array([0.25, 0.75]) @ ((np.eye(2) + last) @ (np.eye(2) + first) - np.eye(2))
    np.testing.assert_allclose(found[0, 0], expected, rtol=1e-6)


def test_where_attention_lowers_the_score_nothing_is_relevant():
    assert not np.asarray(attention_relevance(linear_attention(WEIGHTS, -BLOCK), jnp.array([0]))).any()


@pytest.mark.slow
def test_rollout_is_a_distribution_over_the_tokens_that_hold_sound():
    """Rows of attention add up to 1, and so do they all together; nothing comes from behind a recording."""
    maps = np.asarray(explained(ATTRIBUTIONS[:1])["attention_rollout", "logit"][0])
    np.testing.assert_allclose(maps.sum((1, 2)), 1, rtol=1e-5)
    for own, n_frames in zip(maps, N_FRAMES, strict=True):
        n_columns = -(-n_frames // CONFIG.patch_frames)
        assert (own[:, :n_columns] > 0).all()
        assert not own[:, n_columns:].any()


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS_OF_TOKENS)
def test_a_standardised_network_attends_as_the_one_behind_it(method):
    attributions = tuple(config for config in ATTRIBUTIONS if config.score == "logit")
    found, expected = (
        explained(attributions, network)[method, "logit"][0] for network in (Standardised(NETWORK), NETWORK)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("network", [SimpleNetConfig(), CRNNConfig()])
@pytest.mark.parametrize("method", METHODS_OF_TOKENS)
def test_a_network_without_attention_is_refused_and_those_that_fit_are_named(network, method):
    with pytest.raises(UserError) as caught:
        Config(network=network, attribution=AttributionConfig(method))
    message = str(caught.value)
    assert f"attribution.method: {method} explains by attention, which {network.name} does not have" in message
    assert "take --network=spectrogram_transformer, or one of gradcam, " in message
    assert "\n" not in message
    with pytest.raises(ValueError, match="do not attend"):
        METHODS[method].explain(scored_by(linear))


@pytest.mark.parametrize("method", METHODS_OF_TOKENS)
def test_tokens_are_explained_on_layers_of_tokens_alone(method):
    network = SpectrogramTransformerConfig()
    for layer in ("", "block_2", "patches"):
        assert Config(network=network, attribution=AttributionConfig(method, layer)).attribution.layer == layer
    with pytest.raises(
        UserError, match=r"attribution\.layer: must be one of block_3, block_2, block_1, patches, whose"
    ):
        Config(network=network, attribution=AttributionConfig(method, "convolution_1"))


class TorchTransformer:
    """The transformer of one recording, on the frames that hold sound alone; nothing of it is shared with Flax."""

    def __init__(self, torch):
        self.torch = torch
        convert = lambda leaf: torch.tensor(np.array(leaf))  # noqa: E731
        self.params = jax.tree.map(convert, variables()["params"])

    def __call__(self, spectrogram):
        """Logits `[C]`, weights of attention `[Q, N, N]` of each block, and what is behind the last one `[N, K]`."""
        functional = self.torch.nn.functional
        tokens = self.tokens(spectrogram)
        every = []
        for number in range(CONFIG.depth):
            own = self.params[f"block_{number + 1}"]
            normal = self.normalised(tokens, own["normalisation_1"])
            query, key, value = (
                self.torch.einsum("nk,kqd->qnd", normal, own["projection"]["kernel"][:, i])
                + own["projection"]["bias"][i][:, None]
                for i in range(3)
            )
            weights = self.torch.softmax(query @ key.transpose(1, 2) / np.sqrt(query.shape[-1]), -1)
            weights.retain_grad()
            every.append(weights)
            mixed = self.torch.einsum("qnd,qdk->nk", weights @ value, own["attended"]["kernel"])
            tokens = tokens + mixed + own["attended"]["bias"]
            normal = self.normalised(tokens, own["normalisation_2"])
            hidden = functional.gelu(self.dense(normal, own["hidden"]), approximate="tanh")
            tokens = tokens + self.dense(hidden, own["dense"])
        tokens.retain_grad()
        pooling = self.torch.full((len(tokens),), 1 / len(tokens))
        logits = self.dense(pooling @ self.normalised(tokens, self.params["normalisation"]), self.params["output"])
        return logits, every, pooling, tokens

    def tokens(self, spectrogram):
        functional, params = self.torch.nn.functional, self.params
        stem = params["convolution_1"]["convolution"]
        image = self.torch.tensor(spectrogram)[None, None].requires_grad_()
        convolved = functional.conv2d(image, stem["kernel"].permute(3, 2, 0, 1), stem["bias"], padding=1)
        pooled = functional.max_pool2d(functional.relu(convolved), 2, ceil_mode=True)
        rows, columns = (-length % 2 for length in pooled.shape[2:])
        patch = params["patches"]["patch"]
        padded = functional.pad(pooled, (0, columns, 0, rows))
        embedded = functional.conv2d(padded, patch["kernel"].permute(3, 2, 0, 1), patch["bias"], stride=2)[0]
        time = self.torch.tensor(time_positions(embedded.shape[2], CONFIG.channels))
        tokens = embedded.permute(1, 2, 0) + params["patches"]["rows"][:, None] + time[None]
        return tokens.reshape(-1, CONFIG.channels)

    def normalised(self, tokens, own):
        return self.torch.nn.functional.layer_norm(tokens, tokens.shape[-1:], own["scale"], own["bias"], 1e-6)

    def dense(self, values, own):
        return values @ own["kernel"] + own["bias"]


def rollout_by_matrices(weights, pooling, n_tokens):
    """A token more, which is classified and attends to the others by the weights of the mean, in an own last block."""
    rollout = np.eye(n_tokens)
    for own in weights:
        mixed = own.detach().numpy().mean(0) + np.eye(n_tokens)
        rollout = mixed / mixed.sum(1, keepdims=True) @ rollout
    return pooling.numpy() @ rollout


def relevance_by_matrices(weights, pooling, n_tokens):
    """Eq. 5 and 6 as they stand, from the first block to the last; the mean of what others are to each token."""
    relevance = np.eye(n_tokens)
    for own in weights:
        of_block = (own.grad * own).clamp(min=0).mean(0).detach().numpy().astype(float)
        relevance = relevance + of_block @ relevance
    return pooling.numpy() @ (relevance - np.eye(n_tokens))


def grad_cam_of_tokens(tokens, n_nodes):
    """The mean is that over all nodes of the grid, also those that are silent, where the gradient is zero."""
    weights = tokens.grad.sum(0) / n_nodes
    return (tokens @ weights).detach().numpy()


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.parametrize("score", ["logit", "softmax"])
@pytest.mark.parametrize("place", range(len(N_FRAMES)))
def test_maps_of_tokens_equal_those_of_pytorch(place, score):
    """Of each recording alone, cut where it ends."""
    torch = pytest.importorskip("torch")
    n_columns = -(-N_FRAMES[place] // CONFIG.patch_frames)
    recording = np.asarray(batch().spectrograms[place, :, : N_FRAMES[place]])
    logits, weights, pooling, tokens = TorchTransformer(torch)(recording)
    scores = torch.softmax(logits, -1) if score == "softmax" else logits
    scores[int(EMOTION[place])].backward()
    n_rows, width = 3, 4
    expected = {
        "attention_rollout": rollout_by_matrices(weights, pooling, len(tokens)),
        "attention_relevance": relevance_by_matrices(weights, pooling, len(tokens)),
        "gradcam": grad_cam_of_tokens(tokens, n_rows * width),
    }
    for method, own in expected.items():
        maps, found = explained()[method, score]
        np.testing.assert_allclose(found[place], logits.detach(), rtol=1e-4, atol=1e-5)
        assert maps.shape[1:] == (n_rows, width)
        scale = np.abs(own).max()
        assert scale > 0, "a map of zeros would be like any other"
        np.testing.assert_allclose(maps[place, :, :n_columns].ravel(), own, rtol=1e-3, atol=1e-4 * scale)
