"""How JAX is set up, and several processes that share the members of one run.

Members are independent, so processes need not talk while they train and explain: each takes its own rounds on its own
devices, and saves what it has in the workdir, which all processes see. The first process writes everything else. They
wait for one another at barriers of JAX's coordination service, where a process that has died is noticed.
"""

import contextlib
import logging
import os
import sys
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial, update_wrapper
from pathlib import Path
from typing import Any, NamedTuple

import absl.logging
import jax
import orbax.checkpoint as ocp

from convcam_jax.system.errors import UserError
from convcam_jax.system.paths import require_utf8
from convcam_jax.system.processor import n_cores

# What results depend on, whatever the user's environment says of it for other programs.
RESULTS_DEPEND_ON: dict[str, Any] = {
    "jax_enable_x64": False,
    "jax_default_prng_impl": "threefry2x32",
    "jax_threefry_partitionable": True,
    "jax_random_seed_offset": 0,
    "jax_default_matmul_precision": "highest",
    "jax_softmax_custom_jvp": True,
    "jax_numpy_dtype_promotion": "standard",
    "jax_numpy_rank_promotion": "allow",
    "jax_disable_jit": False,
    "jax_transfer_guard": "allow",
}
# Variables on which results may depend, too, by their beginnings, and those among them on which they do not.
_SWITCHES = (
    "JAX_",
    "XLA_",
    "LIBTPU_INIT_ARGS",
    "NVIDIA_TF32_OVERRIDE",
    "NPY_DISABLE_CPU_FEATURES",
    "OPENBLAS_CORETYPE",
)
_WITHOUT_EFFECT = (
    *(
        "JAX_PLATFORM",
        "JAX_NUM_CPU_DEVICES",
        "JAX_CUDA_VISIBLE_DEVICES",
        "JAX_ROCM_VISIBLE_DEVICES",
        "XLA_PYTHON_CLIENT_",
    ),
    *("JAX_COMPILATION_CACHE_", "JAX_PERSISTENT_CACHE_", "JAX_ENABLE_COMPILATION_CACHE", "JAX_RAISE_", "JAX_EXPLAIN_"),
    *("JAX_LOG", "JAX_DEBUG_", "JAX_TRACEBACK_", "JAX_DUMP_", "JAX_PPRINT_", "JAX_CHECK_", "JAX_ENABLE_CHECKS"),
    *("JAX_COORDINATOR_", "JAX_DISTRIBUTED_", "JAX_LOCAL_", "JAX_PROCESS_", "JAX_NUM_PROCESSES", "JAX_INCLUDE_"),
)
_FLAGS_WITHOUT_EFFECT = ("--xla_force_host_platform_device_count", "--xla_dump_")
_COORDINATOR_TIMEOUT_S = 300
# Processes are at different steps of their training for hours; one that has died is noticed by its missing heartbeat.
_BARRIER_TIMEOUT_MS = 7 * 24 * 3600 * 1000
# One that stops with an error need not wait long for the others to do the same.
_SHUTDOWN_TIMEOUT_S = 20
# The first byte of what zlib has compressed.
_ZLIB = b"\x78"


class Share(NamedTuple):
    """One of the processes of a run: its number `process_id`, from 0 on, and where process 0 listens (HOST:PORT).

    None of what is to be found in the environment that a cluster's scheduler has made.
    """

    coordinator: str | None = None
    num_processes: int | None = None
    process_id: int | None = None


def meet(share: Share) -> int:
    """Meet the other processes of a run, before JAX's first use otherwise; the number of this one, from 0 on.

    Raises:
      UserError: the share is to be found in the environment, and is not there, or the others do not come.
    """
    try:
        jax.distributed.initialize(
            share.coordinator,
            share.num_processes,
            share.process_id,
            initialization_timeout=_COORDINATOR_TIMEOUT_S,
            shutdown_timeout_seconds=_SHUTDOWN_TIMEOUT_S,
        )
    except (ValueError, KeyError) as error:
        raise UserError(
            f"--distributed: no job of SLURM, Open MPI, Kubernetes or a TPU pod is found ({error}); start the program "
            "by its launcher (srun, mpirun), or give --coordinator, --num_processes and --process_id"
        ) from error
    except RuntimeError as error:
        raise UserError(f"the processes of the run did not meet ({error}); start all of them within minutes") from error
    # JAX tells the number when the devices are there.
    _make_devices()
    return jax.process_index()


def prepare_jax(cache_dir: Path) -> None:
    """Set JAX up, before its first use but for `meet`.

    Compiled programs are kept in `cache_dir`. A CPU is one device per core: members side by side use the cores better
    than all cores on one member. Where JAX is in use already, as in a notebook, its devices stay as they are. A GPU
    multiplies float32 as float32, except in training, not in the 19 bits of TF32; its memory is taken as it is needed,
    so that other programs can use it too.

    Raises:
      UserError: there is no device of the kind that the environment wants, or the path of the folder is not UTF-8.
    """
    require_utf8(cache_dir, "--cache_dir")
    # Orbax logs every file that it reads or writes.
    absl.logging.set_verbosity(absl.logging.ERROR)
    # Where several of Orbax's tasks fail, for want of room on the disk say, one error is raised, which is enough.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    fix_settings()
    jax.config.update("jax_compilation_cache_dir", str(cache_dir / "xla"))
    warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache")
    # What Orbax leaves undone when a checkpoint cannot be read, which is told in one line.
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
    _leave_coroutines_of_orbax_untold()
    remove_damaged_programs(cache_dir / "xla")
    _make_devices()


def switches(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of an environment on which results may depend and that the program leaves as they are."""
    found = {
        name: value
        for name, value in sorted(environment.items())
        if name.startswith(_SWITCHES) and not name.startswith(_WITHOUT_EFFECT) and name.lower() not in RESULTS_DEPEND_ON
    }
    if "XLA_FLAGS" in found:
        flags = [flag for flag in found["XLA_FLAGS"].split() if not flag.startswith(_FLAGS_WITHOUT_EFFECT)]
        found["XLA_FLAGS"] = " ".join(sorted(flags))
    return {name: value for name, value in found.items() if value}


def _make_devices() -> None:
    """Have JAX make its devices, if it has not yet: a GPU's memory is taken as needed, each core of a CPU is one.

    Where the user's environment says how many a CPU has, it has as many.
    """
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    is_chosen = "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    if not is_chosen and "JAX_NUM_CPU_DEVICES" not in os.environ:
        # It is refused where the devices are there already.
        with contextlib.suppress(RuntimeError):
            jax.config.update("jax_num_cpu_devices", n_cores())
    _find_devices()


def is_first_process() -> bool:
    """Whether this process writes what there is one of."""
    return jax.process_index() == 0


def wait_for_all(name: str) -> None:
    """Go on when all processes have called this with the same `name`, which may be used once; one alone goes on."""
    ocp.multihost.get_barrier_sync_fn()(key=name, timeout_ms=_BARRIER_TIMEOUT_MS)


def fix_settings() -> None:
    """Set what results depend on, here and for processes that are started from now on."""
    for name, value in RESULTS_DEPEND_ON.items():
        jax.config.update(name, value)
        if name.upper() in os.environ:
            del os.environ[name.upper()]


@contextlib.contextmanager
def settings_of_results() -> Iterator[None]:
    """For a while, in this thread, what results depend on is as the program sets it, whatever a notebook has chosen.

    All of `RESULTS_DEPEND_ON` but the offset of seeds, which JAX offers for all threads alone.

    Raises:
      UserError: there is no device of the kind that the environment wants.
    """
    _find_devices()
    with contextlib.ExitStack() as stack:
        for name, value in RESULTS_DEPEND_ON.items():
            if name != "jax_random_seed_offset":
                stack.enter_context(getattr(jax, name.removeprefix("jax_"))(value))
        yield


def remove_damaged_programs(folder: Path) -> None:
    """Remove those of the compiled programs that JAX keeps in the folder which are damaged; they are made again.

    JAX itself compiles what it cannot read, says so each time, and leaves the file as it is. It does not write files
    whole or not at all, so a program that was killed may have left a part of one, and another one may be writing.
    """
    try:
        paths = list(folder.glob("*-cache"))
    except OSError:
        # Whoever writes there first says so.
        return
    # Each command waits for it, and there may be hundreds.
    with ThreadPoolExecutor() as threads:
        list(threads.map(_remove_if_damaged, paths))


def _remove_if_damaged(program: Path) -> None:
    # It may be another user's: JAX compiles what it cannot read.
    with contextlib.suppress(OSError):
        content = program.read_bytes()
        try:
            if not content or content.startswith(_ZLIB):
                zlib.decompress(content)
        except zlib.error:
            program.unlink(missing_ok=True)


def _leave_coroutines_of_orbax_untold() -> None:
    """They raise when they are collected, behind a checkpoint that cannot be read, which Python tells on stderr."""
    before = sys.unraisablehook
    if getattr(before, "__name__", "") == _tell_but_of_orbax.__name__:
        return
    sys.unraisablehook = update_wrapper(partial(_tell_but_of_orbax, before), _tell_but_of_orbax)


def _tell_but_of_orbax(tell: Callable[[Any], object], unraisable: Any) -> None:
    code = getattr(unraisable.object, "cr_code", None)
    if code is None or f"{os.sep}orbax{os.sep}" not in code.co_filename:
        tell(unraisable)


def _find_devices() -> None:
    wanted = [f"{name}={os.environ[name]}" for name in ("JAX_PLATFORMS", "JAX_PLATFORM_NAME") if os.environ.get(name)]
    try:
        jax.devices()
    # JAX asserts that there is a plugin for CUDA.
    except (RuntimeError, AssertionError) as error:
        if not wanted:
            raise
        raise UserError(
            f"{', '.join(wanted)}: JAX finds no such device here; unset the variable to use what there is, "
            "or install JAX for the device"
        ) from error
