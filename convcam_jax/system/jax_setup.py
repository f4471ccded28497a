"""How JAX is set up, and several processes that share the members of one run.

Members are independent, so processes need not talk while they train: each takes its own groups on its own devices, and
saves them in the workdir, which all processes see. The first process explains, and writes tables and figures. They wait
for one another at barriers of JAX's coordination service, where a process that has died is noticed.
"""

import os
from pathlib import Path

import jax
import orbax.checkpoint as ocp
from absl import logging

from convcam_jax.system.share import Share
from convcam_jax.system.worker_processes import n_cores

_COORDINATOR_TIMEOUT_S = 300
# Processes are at different steps of their training for hours; one that has died is noticed by its missing heartbeat.
_BARRIER_TIMEOUT_MS = 7 * 24 * 3600 * 1000
# One that stops with an error need not wait long for the others to do the same.
_SHUTDOWN_TIMEOUT_S = 20


def prepare_jax(cache_dir: Path, share: Share | None = None) -> None:
    """Set JAX up, before its first use; with a share, meet the other processes.

    Compiled programs are kept in `cache_dir`. A CPU is one device per core: members side by side use the cores better
    than all cores on one member. A GPU multiplies float32 as float32, except in training, not in the 19 bits of TF32;
    its memory is taken as it is needed, so that other programs can use it too.
    """
    # Orbax logs every file that it reads or writes.
    logging.set_verbosity(logging.ERROR)
    jax.config.update("jax_compilation_cache_dir", str(cache_dir / "xla"))
    jax.config.update("jax_default_matmul_precision", "highest")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
        jax.config.update("jax_num_cpu_devices", n_cores())
    if share is not None:
        jax.distributed.initialize(
            share.coordinator,
            share.num_processes,
            share.process_id,
            initialization_timeout=_COORDINATOR_TIMEOUT_S,
            shutdown_timeout_seconds=_SHUTDOWN_TIMEOUT_S,
        )


def is_first_process() -> bool:
    """Whether this process writes what there is one of."""
    return jax.process_index() == 0


def wait_for_all(name: str) -> None:
    """Go on when all processes have called this with the same `name`, which may be used once; one alone goes on."""
    ocp.multihost.get_barrier_sync_fn()(key=name, timeout_ms=_BARRIER_TIMEOUT_MS)
