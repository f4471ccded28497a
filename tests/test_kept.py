"""What is kept of trained members: what 16 bits make of their arrays, and that all that comes later sees just that."""

import jax.numpy as jnp
import numpy as np
import pytest
from test_train_stage import CONFIG, MEMBERS, RECORDINGS, TRAINING, VALIDATION, with_training

from convcam_jax.stages.ensemble.rounds import Round, trained_members
from convcam_jax.stages.ensemble.training import train_round
from convcam_jax.training import checkpoints, kept
from convcam_jax.training.kept import LARGE, in_float32, rounded


def large(value: float) -> jnp.ndarray:
    return jnp.full((2, LARGE), value, jnp.float32)


def test_large_arrays_have_16_bits():
    # The numbers of float16 near 1/3 are 2^-12 apart, the nearest being 1365 of them; near 0 they are 2^-24 apart.
    found = rounded({"third": large(1 / 3), "tiny": large(1e-9), "small": large(-3e-8)})
    assert {leaf.dtype for leaf in found.values()} == {jnp.dtype("float16")}
    values = {name: np.unique(np.asarray(leaf)).astype(float).tolist() for name, leaf in found.items()}
    assert values == {"third": [1365 * 2**-12], "tiny": [0.0], "small": [-(2.0**-24)]}


@pytest.mark.parametrize(
    "leaf",
    [
        jnp.full((2, LARGE - 1), 1 / 3),
        large(65520.0),
        large(jnp.inf),
        jnp.full((1, LARGE), 3, jnp.int32),
    ],
    ids=["small", "out of range", "infinite", "integers"],
)
def test_other_arrays_stay_as_they_are(leaf):
    found = rounded({"leaf": leaf})["leaf"]
    assert found.dtype == leaf.dtype
    np.testing.assert_array_equal(found, leaf)


def test_networks_get_float32_that_is_rounded_to_the_same():
    once = rounded({"kernel": jnp.tile(jnp.linspace(-2, 2, LARGE), (2, 1)), "bias": jnp.full((2, 3), 1 / 3)})
    back = in_float32(once)
    assert {leaf.dtype for leaf in back.values()} == {jnp.dtype("float32")}
    for name, leaf in rounded(back).items():
        np.testing.assert_array_equal(leaf, once[name])


@pytest.mark.slow
def test_members_are_used_as_they_are_kept(tmp_path, monkeypatch):
    """All arrays counting as large: the rounded ones are on the disk, and the same, as float32, are explained."""
    monkeypatch.setattr(kept, "LARGE", 1)
    saved = {}
    for precision in ("float32", "float16"):
        own = Round(MEMBERS, tmp_path / precision / "round_00")
        config = with_training(epochs=1, patience_epochs=1, kept_precision=precision)
        train_round(own, "all", config, TRAINING, VALIDATION, RECORDINGS)
        saved[precision] = checkpoints.load_variables(own.folder)["params"]
    assert CONFIG.train.kept_precision == "float16"
    [(members, used)] = trained_members([own], MEMBERS)
    assert members == MEMBERS
    for layer, leaves in saved["float16"].items():
        for name, leaf in leaves.items():
            exact = saved["float32"][layer][name]
            assert (leaf.dtype, exact.dtype) == (np.float16, np.float32)
            np.testing.assert_array_equal(leaf, exact.astype(np.float16))
            np.testing.assert_array_equal(used["params"][layer][name], leaf.astype(np.float32))
