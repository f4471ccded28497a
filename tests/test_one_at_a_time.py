"""Factorisations one matrix at a time: the values are JAX's, and two devices that share two threads come to an end."""

import os
import subprocess
import sys

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from convcam_jax.kernels.one_at_a_time import eigenvectors, orthogonal, solve

MATRICES = jax.random.normal(jax.random.key(0), (3, 2, 7, 7))
SYMMETRIC = np.asarray(MATRICES @ jnp.swapaxes(MATRICES, -1, -2)) + np.eye(7, dtype=np.float32)
PROGRAM = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import Mesh, PartitionSpec
from convcam_jax.kernels.one_at_a_time import eigenvectors, orthogonal, solve

def several(key):
    keys = jax.random.split(key, 12)
    matrices = [jax.random.normal(own, (64, 64)) for own in keys]
    symmetric = [own @ own.T + jnp.eye(64) for own in matrices]
    return [{what} for key, own in zip(keys, symmetric, strict=True)]

assert jax.device_count() == 2
mesh = Mesh(np.array(jax.devices()), ("member",))
own = PartitionSpec("member")
program = jax.jit(jax.shard_map(jax.vmap(several), mesh=mesh, in_specs=own, out_specs=own, check_vma=False))
for _ in range(5):
    jax.block_until_ready(program(jax.random.split(jax.random.key(0), 10)))
print("came to an end")
"""


@pytest.mark.parametrize("function", [jax.vmap, lambda own: jax.jit(jax.vmap(own))], ids=["as it is", "compiled"])
def test_values_are_those_of_jax(function):
    targets = MATRICES[..., :2]
    np.testing.assert_allclose(
        function(jax.vmap(solve))(SYMMETRIC, targets), jnp.linalg.solve(SYMMETRIC, targets), rtol=1e-4, atol=1e-5
    )
    found = function(jax.vmap(eigenvectors))(SYMMETRIC)
    expected = jnp.linalg.eigh(SYMMETRIC)[1]
    np.testing.assert_allclose(np.abs(found), np.abs(expected), rtol=1e-3, atol=1e-4)


def test_a_member_starts_as_flax_would_start_it():
    keys = jax.random.split(jax.random.key(1), 4)
    found = jax.vmap(lambda key: orthogonal(key, (8, 8)))(keys)
    expected = [nn.initializers.orthogonal()(key, (8, 8)) for key in keys]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(found[0] @ found[0].T, np.eye(8), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["eigenvectors(own)", "solve(own, own[:, :1])", "orthogonal(key, (64, 64))"])
def test_devices_that_share_threads_come_to_an_end(what):
    """With `jnp.linalg` in their place, all three stand still where there are two cores."""
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("{what}", what)],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
        check=False,
    )
    assert result.stdout == "came to an end\n", result.stderr
