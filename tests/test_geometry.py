"""How many nodes a convolution has, and what they see of the input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from convcam_jax.networks.geometry import (
    Layer,
    ReceptiveField,
    count_nodes,
    make_geometry,
    receptive_field,
    receptive_field_centres,
)

# Three valid 3x3 convolutions with poolings (1, 2) and (1, 2) between them: the layers of the paper's network.
FREQUENCY_LAYERS = (Layer(3), Layer(1, 1), Layer(3), Layer(1, 1), Layer(3))
TIME_LAYERS = (Layer(3), Layer(2, 2), Layer(3), Layer(2, 2), Layer(3))


def test_geometry_of_the_papers_network():
    geometry = make_geometry((FREQUENCY_LAYERS, TIME_LAYERS), (96, 202))
    assert geometry == ((90, 47), (7, 1, 3.0), (18, 4, 8.5))
    np.testing.assert_array_equal(receptive_field_centres(geometry.frequency, 90), np.arange(90) + 3)
    np.testing.assert_array_equal(receptive_field_centres(geometry.time, 47), 4 * np.arange(47) + 8.5)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ((), (1, 1, 0.0)),
        ((Layer(3, 1, 1),), (3, 1, 0.0)),
        ((Layer(2, 2),), (2, 2, 0.5)),
        # The padding behind moves no node.
        ((Layer(3, 2, 0, 1),), (3, 2, 1.0)),
        # First layers of ResNet-50: 7x7 stride 2 padded by 3, pooling 3 stride 2 padded by 1.
        ((Layer(7, 2, 3), Layer(3, 2, 1)), (11, 4, 0.0)),
        # Thirteen 3x3 convolutions and four poolings of VGG16 up to its last convolution.
        (
            tuple(layer for block in (2, 2, 3, 3, 3) for layer in (Layer(2, 2), *(Layer(3, 1, 1),) * block))[1:],
            (196, 16, 7.5),
        ),
    ],
)
def test_receptive_field_of_known_networks(layers, expected):
    assert receptive_field(layers) == expected


@pytest.mark.parametrize(
    ("layers", "n_cells", "expected"),
    [
        ((), 5, 5),
        ((Layer(3),), 5, 3),
        ((Layer(3),), 3, 1),
        ((Layer(3, 1, 1, 1),), 5, 5),
        ((Layer(2, 2),), 7, 3),
        # Padding "SAME" of Keras and XLA for an even length: nothing in front, one cell behind.
        ((Layer(3, 2, 0, 1),), 8, 4),
        # ResNet-50 on 224 pixels, up to its first block.
        ((Layer(7, 2, 3, 3), Layer(3, 2, 1, 1)), 224, 56),
    ],
)
def test_number_of_nodes_by_hand(layers, n_cells, expected):
    assert count_nodes(layers, n_cells) == expected


@pytest.mark.parametrize(("layers", "n_cells"), [((Layer(3),), 2), ((Layer(2, 2), Layer(3)), 5)])
def test_too_few_cells_are_an_error(layers, n_cells):
    with pytest.raises(ValueError, match=rf"{n_cells} cells of the input leave Layer\(kernel=3"):
        count_nodes(layers, n_cells)


def random_layers(generator):
    """Up to four layers; the padding in front and behind differs, and is smaller than the kernel, as in networks."""
    layers = []
    for _ in range(generator.integers(1, 5)):
        kernel = int(generator.integers(1, 6))
        front, behind = (int(p) for p in generator.integers(0, kernel, size=2))
        layers.append(Layer(kernel, int(generator.integers(1, 4)), front, behind))
    return tuple(layers)


@pytest.mark.parametrize("seed", range(20))
def test_convolutions_have_these_nodes_and_see_these_cells(seed):
    """Oracle: the shape of convolutions of random positive weights, and the cells with a gradient."""
    generator = np.random.default_rng(seed)
    layers = random_layers(generator)
    field = receptive_field(layers)
    # Long enough for a node in the middle that sees no padding.
    n_cells = 2 * (field.size + field.jump) + int(generator.integers(0, 30))
    kernels = [jnp.asarray(generator.uniform(0.5, 1, size=layer.kernel), jnp.float32) for layer in layers]

    def nodes(signal):
        values = signal[None, None]
        for layer, kernel in zip(layers, kernels, strict=True):
            padding = [(layer.padding, layer.padding_behind)]
            values = lax.conv_general_dilated(values, kernel[None, None], (layer.stride,), padding)
        return values[0, 0]

    n_nodes = count_nodes(layers, n_cells)
    assert jax.eval_shape(nodes, jnp.ones(n_cells)).shape == (n_nodes,)
    seen = np.asarray(jax.jit(jax.jacobian(nodes))(jnp.ones(n_cells))) > 0
    centres = receptive_field_centres(field, n_nodes)
    cells = np.arange(n_cells)
    reach = (field.size - 1) / 2
    inside = np.abs(cells - centres[:, None]) <= reach
    # Strides that are longer than the kernel leave gaps in a field: its ends are what counts.
    whole = (centres - reach >= 0) & (centres + reach < n_cells)
    assert whole.any()
    assert not (seen & ~inside).any()
    for node in np.flatnonzero(whole):
        support = np.flatnonzero(seen[node])
        assert support[[0, -1]].tolist() == [centres[node] - reach, centres[node] + reach]


def test_a_geometry_has_the_two_axes_in_their_order():
    geometry = make_geometry(((Layer(3, 2),), (Layer(5, 1, 1, 0),)), (9, 20))
    assert geometry.shape == (4, 17)
    assert geometry.frequency == ReceptiveField(size=3, jump=2, first_centre=1.0)
    assert geometry.time == ReceptiveField(size=5, jump=1, first_centre=1.0)
