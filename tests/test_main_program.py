"""Which processes are the program's own: only those are started anew, and end by signals."""

import os
import re
import subprocess
import sys

import pytest
from small_run import PROJECT_DIR

from convcam_jax.system.process.main_program import runs_script


@pytest.mark.parametrize(
    ("command", "arguments", "expected"),
    [
        (["python", "run.py"], ["run.py"], True),
        (["python", "-u", "-Wignore", "run.py", "--seeds=3"], ["run.py", "--seeds=3"], True),
        (["python", "-u", "-m", "convcam_jax"], ["/lib/convcam_jax/__main__.py"], True),
        (["python", "-m", "pdb", "-m", "convcam_jax"], ["/lib/convcam_jax/__main__.py"], False),
        (["python", "-m", "convcam_jax", "a"], ["/lib/convcam_jax/__main__.py", "b"], False),
        (["python", "-m", "convcam_jax"], ["run.py"], False),
        (["python", "-m", "pdb", "run.py"], ["run.py"], False),
        (["python", "-m", "cProfile", "run.py", "--seeds=3"], ["run.py", "--seeds=3"], False),
        (["python", "-m", "ipykernel_launcher", "-f", "k.json"], ["run.py"], False),
        (["python", "-m", "ipykernel_launcher", "run.py"], ["run.py"], False),
        (["python", "/env/bin/ipython", "run.py"], ["run.py"], False),
        (["python", "/env/bin/pytest", "tests"], ["run.py"], False),
        (["python", "-c", "import run; run.main()"], ["-c"], False),
        (["python", "-"], ["-"], False),
        (["python"], [""], False),
        ([], [], False),
    ],
)
def test_a_script_that_python_was_started_for_is_told_from_others(command, arguments, expected):
    assert runs_script(command, arguments) is expected


# The script that an installation makes of the command.
COMMAND = "import sys\nfrom convcam_jax.__main__ import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
# Says at the end whether the process was started anew for its allocator, and listens to signals.
WATCHED = "import atexit, os, signal\n" + (
    "atexit.register(lambda: print('GLIBC_TUNABLES' in os.environ, signal.getsignal(signal.SIGTERM) != signal.SIG_DFL))"
)


@pytest.mark.skipif(sys.platform != "linux", reason="the allocator is that of Linux")
@pytest.mark.parametrize("line", [["convcam"], ["-m", "convcam_jax"]], ids=["command", "module"])
def test_the_installed_command_is_the_main_program(line, tmp_path):
    (tmp_path / "convcam").write_text(COMMAND)
    (tmp_path / "sitecustomize.py").write_text(WATCHED)
    environment = {key: value for key, value in os.environ.items() if key != "GLIBC_TUNABLES"}
    environment["PYTHONPATH"] = f"{tmp_path}:{PROJECT_DIR}"
    started = [sys.executable, *line, "--help"]
    result = subprocess.run(started, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert "--experiment" in result.stdout
    assert result.stdout.splitlines()[-1] == "True True", result.stderr


# Other programs, in whose process run.py is run; afterwards they are still there.
OTHERS = {
    "runpy": "import os, runpy, sys\nsys.argv = ['run.py', '--help']\nbefore = os.getpid()\n"
    "try:\n    runpy.run_path('run.py', run_name='__main__')\n"
    "except SystemExit:\n    print('still', before == os.getpid())",
    "import": "import os, sys, signal\nsys.argv = ['run.py', '--help']\nimport run\n"
    "before = signal.getsignal(signal.SIGINT)\n"
    "try:\n    run.main()\nexcept SystemExit:\n    print('still', before is signal.getsignal(signal.SIGINT))",
    "IPython": "from IPython.core.interactiveshell import InteractiveShell\nshell = InteractiveShell.instance()\n"
    "for _ in range(2):\n    shell.run_line_magic('run', 'run.py --help')\nprint('still', True)",
}


def test_windows_is_refused_in_one_line():
    script = "import os, runpy\nos.name = 'nt'\nrunpy.run_path('run.py', run_name='__main__')"
    result = subprocess.run([sys.executable, "-c", script], cwd=PROJECT_DIR, capture_output=True, text=True)
    assert result.returncode == 1
    assert re.fullmatch(r"Windows .* inside WSL, or on Linux\n", result.stderr), result.stderr


@pytest.mark.parametrize("name", ["runpy", pytest.param("import", marks=pytest.mark.slow), "IPython"])
def test_a_process_of_others_is_neither_replaced_nor_changed(name, tmp_path):
    environment = {key: value for key, value in os.environ.items() if key != "GLIBC_TUNABLES"}
    line = [sys.executable, "-c", OTHERS[name]]
    environment["IPYTHONDIR"] = str(tmp_path)
    result = subprocess.run(line, cwd=PROJECT_DIR, env=environment, capture_output=True, text=True)
    assert result.stdout.splitlines()[-1] == "still True", result.stderr
