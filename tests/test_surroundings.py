"""The program in poor and odd surroundings: it does the same, with less, or says in one line what is wrong."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest
from small_run import PROJECT_DIR, QUICK, SMALL_RUN, assert_refused, command, environment

from convcam_jax.system.jax_setup import RESULTS_DEPEND_ON, settings_of_results

# In a name space of one's own a folder can be mounted without being the system's administrator.
IN_NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount", "bash", "-c")
MOUNTS = {
    "read-only": "mount -t tmpfs -o ro none /dev/shm",
    "full": "mount -t tmpfs -o nr_inodes=1 none /dev/shm",
}
SQUARES = """
import sys
from convcam_jax.system.process.worker_processes import background, in_processes, meanwhile, start
if __name__ == "__main__":
    start("convcam_jax.system.errors")
    with background():
        meanwhile(print, "drawn")
    print(list(in_processes(abs, [-1, -2, -3])))
"""
WITHOUT_GUARD = SQUARES.replace('if __name__ == "__main__":', "if True:")
# The system tells how a process has ended to the first thread that asks: here one that is slow to write it down.
SLOW_THREAD = """
import os, threading, time
told = os.waitpid
def waitpid(process, options):
    if threading.current_thread() is threading.main_thread():
        time.sleep(0.2)
        return told(process, options)
    answer = told(process, options)
    time.sleep(0.6)
    return answer
os.waitpid = waitpid
"""
NO_PROCESS_MORE = """
from concurrent.futures import ProcessPoolExecutor
def submit(*_):
    raise BlockingIOError(11, "Resource temporarily unavailable")
ProcessPoolExecutor.submit = submit
"""
DRAW = """
import sys
from functools import partial
from pathlib import Path
from convcam_jax.figures import style
from convcam_jax.system.formats import write_figure
from convcam_jax.system.process.worker_processes import background
def draw():
    return style.styled(lambda: style.new_figure(1, 1)[0])()
if __name__ == "__main__":
    with background():
        write_figure(Path(sys.argv[1]) / "a.png", draw)
    write_figure(Path(sys.argv[1]) / "b.png", draw)
"""
# Other numbers come of each of these, or an error, where nothing is done about it.
SWITCHES = {
    "JAX_ENABLE_X64": "1",
    "JAX_DEFAULT_PRNG_IMPL": "rbg",
    "JAX_THREEFRY_PARTITIONABLE": "0",
    "JAX_RANDOM_SEED_OFFSET": "7",
    "JAX_DEFAULT_MATMUL_PRECISION": "bfloat16",
    "JAX_NUMPY_DTYPE_PROMOTION": "strict",
    "JAX_NUMPY_RANK_PROMOTION": "raise",
    "JAX_TRANSFER_GUARD": "disallow",
    "JAX_DISABLE_JIT": "1",
    "JAX_SOFTMAX_CUSTOM_JVP": "0",
}
COMPUTE = """
import os, sys
from pathlib import Path
from convcam_jax.system.jax_setup import RESULTS_DEPEND_ON, prepare_jax
prepare_jax(Path(sys.argv[1]))
import jax, jax.numpy as jnp
drawn = jax.random.normal(jax.random.key(3), (40, 40))
value = jax.jit(lambda x: (x @ x + x.sum(0)) / jnp.arange(1, 41) * 0.1)(drawn)
print(value.dtype, value.tobytes().hex(), sorted(set(os.environ) & {name.upper() for name in RESULTS_DEPEND_ON}))
"""


def run_script(script, text: str, *arguments, environment=(), before: str = "") -> subprocess.CompletedProcess:
    script.write_text(text)
    line = [sys.executable, str(script), *map(str, arguments)]
    if before:
        line = [*IN_NAMESPACE, f'{before} && exec "$@"', "bash", *line]
    surroundings = {**os.environ, "PYTHONPATH": str(PROJECT_DIR), **dict(environment)}
    return subprocess.run(line, env=surroundings, capture_output=True, text=True)


@pytest.fixture(scope="module")
def name_spaces():
    if sys.platform != "linux" or subprocess.run([*IN_NAMESPACE, MOUNTS["read-only"]], capture_output=True).returncode:
        pytest.skip("this system lets nobody mount folders in a name space")


@pytest.mark.parametrize("kind", MOUNTS)
def test_without_shared_memory_all_is_done_in_one_process_and_that_is_said(tmp_path, name_spaces, kind):
    result = run_script(tmp_path / "script.py", SQUARES, before=MOUNTS[kind])
    assert result.stdout == "drawn\n[1, 2, 3]\n", result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert "/dev/shm" in result.stderr


def test_a_notebook_keeps_its_settings_and_results_do_not_depend_on_them():
    def kind():
        with settings_of_results():
            found = jax.jit(lambda: jnp.arange(3) * jnp.ones(3))()
            assert not jax.config.jax_disable_jit
        return found.dtype

    before = dict(jax.config.values)
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"), jax.disable_jit(), jax.transfer_guard("disallow"):
        assert kind() == jnp.float32
        with pytest.raises(ValueError, match="mine"), settings_of_results():
            raise ValueError("mine")
        assert jax.config.jax_enable_x64
        assert jax.config.jax_disable_jit
        assert jax.config.jax_numpy_dtype_promotion == "strict"
    assert dict(jax.config.values) == before
    assert not jax.config.jax_enable_x64


@pytest.mark.parametrize("text", [WITHOUT_GUARD, SLOW_THREAD + WITHOUT_GUARD], ids=["as it is", "slow thread"])
def test_a_script_without_the_guard_is_told_of_it(tmp_path, text):
    result = run_script(tmp_path / "script.py", text)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("convcam_jax.system.errors.UserError: ")
    assert 'under the guard `if __name__ == "__main__":`' in result.stderr.splitlines()[-1]
    assert "bootstrapping" not in result.stderr


def test_that_no_process_can_be_started_is_told(tmp_path):
    result = run_script(tmp_path / "script.py", NO_PROCESS_MORE + SQUARES)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1] == "BlockingIOError: [Errno 11] Resource temporarily unavailable"


@pytest.mark.parametrize(
    "backend",
    [
        "module://matplotlib_inline.backend_inline",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("module://not.there", "tkagg", "agg", "")),
    ],
)
def test_figures_are_drawn_whatever_display_the_environment_names(tmp_path, backend):
    result = run_script(tmp_path / "script.py", DRAW, tmp_path, environment={"MPLBACKEND": backend})
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("computed")
    return run_script(folder / "script.py", COMPUTE, folder).stdout


@pytest.mark.parametrize(
    "switches",
    [SWITCHES, *(pytest.param({name: value}, marks=pytest.mark.slow) for name, value in SWITCHES.items())],
    ids="-".join,
)
def test_switches_of_jax_change_nothing(tmp_path, computed, switches):
    assert computed.startswith("float32 ")
    assert run_script(tmp_path / "script.py", COMPUTE, tmp_path, environment=switches).stdout == computed


DEVICES = """
import sys
from pathlib import Path
from convcam_jax.system.jax_setup import prepare_jax
prepare_jax(Path(sys.argv[1]))
import jax
print(jax.device_count())
"""


def test_as_many_devices_as_the_user_has_chosen(tmp_path):
    environment = {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": "3"}
    assert run_script(tmp_path / "script.py", DEVICES, tmp_path, environment=environment).stdout == "3\n"


DEVICES_FLAG = "--xla_force_host_platform_device_count"


@pytest.mark.parametrize(
    ("switch", "told"),
    [
        ("JAX_NUM_CPU_DEVICES=0", "JAX_NUM_CPU_DEVICES=0: must be a whole number"),
        ("JAX_NUM_CPU_DEVICES=two", "JAX_NUM_CPU_DEVICES=two: must be a whole number"),
        ("JAX_NUM_CPU_DEVICES=", "--set=x: write it as"),
        *(
            (f"XLA_FLAGS=--a=1 {DEVICES_FLAG}={number}", f"XLA_FLAGS={DEVICES_FLAG}={number}: must be a whole number")
            for number in ("0", "-1", "two", "")
        ),
        ("JAX_ENABLE_X64=foo", "JAX_ENABLE_X64=foo: JAX cannot take this"),
        ("JAX_LOGGING_LEVEL=FOO", "JAX_LOGGING_LEVEL=FOO: JAX cannot take this"),
        ("JAX_COMPILATION_CACHE_MAX_SIZE=foo", "JAX_COMPILATION_CACHE_MAX_SIZE=foo: JAX cannot take this"),
        ("PYTHONSAFEPATH=1", "--set=x: write it as"),
    ],
)
def test_a_switch_that_cannot_be_taken_is_refused_in_one_line_and_an_empty_number_is_as_if_unset(switch, told):
    name, _, value = switch.partition("=")
    own = {**os.environ, name: value}
    line = [sys.executable, "run.py", "--set=x"]
    assert_refused(subprocess.run(line, cwd=PROJECT_DIR, env=own, capture_output=True, text=True), told)


# Where so many threads can be started, and no more.
FEW_THREADS = """
import threading
start, left = threading.Thread.start, [{number}]
def start_few(self):
    left[0] -= 1
    if left[0] < 0:
        raise RuntimeError("can't start new thread")
    start(self)
threading.Thread.start = start_few
"""


@pytest.mark.parametrize("number", [0, 8, 63])
def test_too_few_threads_are_told_in_one_line_before_libraries_want_them(tmp_path, number):
    (tmp_path / "sitecustomize.py").write_text(FEW_THREADS.format(number=number))
    own = {**os.environ, "PYTHONPATH": str(tmp_path)}
    result = subprocess.run([sys.executable, "run.py"], cwd=PROJECT_DIR, env=own, capture_output=True, text=True)
    assert_refused(result, f"the system starts {number} threads more, of which the program needs 64")
    assert (result.returncode, len(result.stderr.splitlines())) == (1, 1)


# How many kB of addresses are taken afterwards that were not before.
ADDRESSES = """
from convcam_jax.system.process.surroundings import check_threads
def addresses():
    [line] = [line for line in open("/proc/self/status") if line.startswith("VmSize")]
    return int(line.split()[1])
before = addresses()
check_threads()
print(addresses() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")
@pytest.mark.parametrize("on_child_end", ["SIG_DFL", "SIG_IGN"])
def test_trying_threads_takes_no_addresses_that_may_be_limited(tmp_path, on_child_end):
    script = f"import signal\nsignal.signal(signal.SIGCHLD, signal.{on_child_end})\n{ADDRESSES}"
    assert int(run_script(tmp_path / "script.py", script, tmp_path).stdout) < 10_000


def test_names_of_files_that_are_not_read_as_utf8_are_told_in_one_line():
    own = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0"}
    result = subprocess.run([sys.executable, "run.py"], cwd=PROJECT_DIR, env=own, capture_output=True, text=True)
    assert_refused(result, "names of files are taken for ascii here", "set PYTHONUTF8=1")


# A coroutine that does not let itself be closed, as Orbax's of a checkpoint that cannot be read.
RAISES_WHEN_COLLECTED = """
async def wait():
    try:
        await Never()
    except BaseException:
        raise ValueError(f"from {NAME}")
"""
COLLECT = f"""
import sys
from pathlib import Path
from convcam_jax.system.jax_setup import prepare_jax
class Never:
    def __await__(self):
        yield
for _ in range(2):
    prepare_jax(Path(sys.argv[1]))
for name in ("/x/orbax/y.py", "/x/another/y.py"):
    scope = {{"Never": Never, "NAME": name}}
    exec(compile({RAISES_WHEN_COLLECTED!r}, name, "exec"), scope)
    coroutine = scope["wait"]()
    coroutine.send(None)
    del coroutine
"""


def test_what_coroutines_of_orbax_raise_when_they_are_collected_is_not_told(tmp_path):
    result = run_script(tmp_path / "script.py", COLLECT, tmp_path)
    assert "ValueError: from /x/another/y.py" in result.stderr
    assert "orbax" not in result.stderr


@pytest.mark.slow
def test_switches_of_jax_are_not_for_the_processes_that_draw_either(tmp_path, run_cache_dir):
    """They are started before JAX is set up; a transfer that is forbidden ends them."""
    line = command(tmp_path / "w", run_cache_dir, *SMALL_RUN, *QUICK, "--set=corpus.emotions=anger,sadness")
    own = {**environment(), **SWITCHES}
    result = subprocess.run(line, cwd=PROJECT_DIR, env=own, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-4000:]


def test_every_switch_that_is_fixed_is_tried():
    assert {name.upper() for name in RESULTS_DEPEND_ON} == set(SWITCHES)


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("JAX_PLATFORMS", "tpu"),
        ("JAX_PLATFORM_NAME", "tpu"),
        *(
            pytest.param("JAX_PLATFORMS", name, marks=pytest.mark.slow)
            for name in ("cuda", "CPU", "nonsense", "tpu,cpu")
        ),
    ],
)
def test_a_device_that_is_not_there_is_told_in_one_line(tmp_path, variable, name):
    line = command(tmp_path / "w", tmp_path / "cache")
    environment = {key: value for key, value in os.environ.items() if key != "JAX_PLATFORMS"} | {variable: name}
    result = subprocess.run(line, cwd=PROJECT_DIR, env=environment, capture_output=True, text=True)
    assert_refused(result, f"error: {variable}={name}: JAX finds no such device here")
    assert (result.returncode, len(result.stderr.splitlines())) == (1, 1)
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize("limit", ["-v 500000", "-v 2000000", "-v 4000000", "-d 100000", "-d 4000000"])
def test_too_low_a_limit_of_memory_is_told_in_one_line(limit):
    line = ["bash", "-c", f'ulimit {limit}; exec "$@"', "bash", sys.executable, "run.py"]
    result = subprocess.run(line, cwd=PROJECT_DIR, capture_output=True, text=True)
    assert_refused(result, f"ulimit {limit[:2]}", "raise the limit")
    assert (result.returncode, len(result.stderr.splitlines())) == (1, 1)


@pytest.mark.parametrize("closed", ["2>&-", "0<&- 1>&- 2>&-"], ids=["errors", "all"])
def test_with_closed_streams_it_goes_on_and_writes_into_no_file(closed, tmp_path):
    """What the program tells would otherwise go into the file that is opened in their place."""
    code = (
        "from convcam_jax.system.process.surroundings import fill_closed_streams; fill_closed_streams()\n"
        "import os, sys, subprocess\n"
        "file = open(sys.argv[1], 'w')\n"
        "os.write(2, b'told')\n"
        "subprocess.run(['sh', '-c', 'echo told >&2'], check=True, close_fds=False)\n"
        "file.write(str(file.fileno())); file.close()\n"
    )
    path = tmp_path / "file"
    line = f'"{sys.executable}" -c "{code}" "{path}" {closed}'
    subprocess.run(["bash", "-c", line], cwd=PROJECT_DIR, check=True)
    assert int(path.read_text()) > 2


def test_a_help_without_a_home(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME")}
    line = [sys.executable, "run.py", "--help"]
    assert subprocess.run(line, cwd=PROJECT_DIR, env=environment, capture_output=True).returncode == 0
