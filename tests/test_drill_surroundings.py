"""Drill: full disks, two runs at once, one core, many devices, odd environments; the results are the same bits."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from drill import DRILL_RUN, LONGEST_S, begin, differences, end, results
from run_checks import assert_whole
from small_run import PROJECT_DIR, command, devices, environment
from test_surroundings import IN_NAMESPACE, MOUNTS, SWITCHES

pytestmark = pytest.mark.drill

# Of the room that a run and its cache take.
MOMENTS = (0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.95)
# A run on a disk that is full at some moment; what is there then; room; the same run; what it has written.
ON_SMALL_DISK = """
disk=$1; size=$2; out=$3; shift 3
mount -t tmpfs -o size=${size}k none "$disk" || exit 99
"$@" 2> "$out/first"; echo $? > "$out/status"
find "$disk" -name '.partial-*' > "$out/partial"
mount -o remount,size=1g "$disk"
"$@" 2> "$out/second" || exit 98
cp -r "$disk/run" "$out/run"
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A folder with a finished run in `run` and its cache in `cache`."""
    folder = tmp_path_factory.mktemp("finished")
    end(begin(folder / "run", folder / "cache"))
    return folder


@pytest.fixture(scope="module")
def expected(finished) -> dict[str, str]:
    return results(finished / "run")


@pytest.fixture(scope="module")
def name_spaces() -> None:
    if sys.platform != "linux" or subprocess.run([*IN_NAMESPACE, MOUNTS["full"]], capture_output=True).returncode:
        pytest.skip("this system lets nobody mount folders in a name space, so no disk can be made small")


@pytest.mark.parametrize("share", MOMENTS)
def test_a_full_disk_is_one_line_and_the_run_goes_on_when_there_is_room(
    share, finished, expected, name_spaces, tmp_path
):
    disk, out = tmp_path / "disk", tmp_path / "out"
    disk.mkdir()
    out.mkdir()
    blocks = sum(path.stat().st_blocks for path in finished.rglob("*") if path.is_file())
    arguments = [str(disk), str(int(share * blocks / 2)), str(out)]
    line = [*IN_NAMESPACE, ON_SMALL_DISK, "bash", *arguments, *command(disk / "run", disk / "cache", *DRILL_RUN)]
    result = subprocess.run(
        line, cwd=PROJECT_DIR, env=environment(), capture_output=True, text=True, timeout=2 * LONGEST_S
    )
    assert result.returncode == 0, (result.stderr, (out / "second").read_text()[-3000:])
    said = (out / "first").read_text()
    assert (out / "status").read_text() == "1\n", said[-3000:]
    assert "Traceback" not in said
    error = said.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert any(words in error for words in ("disk is full", "No space left")), error
    assert (out / "partial").read_text() == ""
    assert differences(out / "run", expected) == []


@pytest.mark.parametrize("limit_kb", [100, 400, 1500])
def test_a_limit_of_the_size_of_files_is_one_line(limit_kb, finished, expected, tmp_path):
    shutil.copytree(finished / "cache", tmp_path / "cache")
    limited = ("bash", "-c", f'ulimit -f {limit_kb}; exec "$@"', "bash")
    process = begin(tmp_path / "run", tmp_path / "cache", before=limited)
    _, said = process.communicate(timeout=LONGEST_S)
    assert "Traceback" not in said
    if process.returncode:
        assert "a file would be larger than is allowed" in said.strip().splitlines()[-1]
    assert list(tmp_path.rglob(".partial-*")) == []
    end(begin(tmp_path / "run", tmp_path / "cache"))
    assert differences(tmp_path / "run", expected) == []


def test_two_runs_at_once_in_one_workdir(finished, expected, tmp_path):
    shutil.copytree(finished / "cache", tmp_path / "cache")
    pair = [begin(tmp_path / "run", tmp_path / "cache") for _ in range(2)]
    said = [process.communicate(timeout=LONGEST_S)[1] for process in pair]
    assert sorted(process.returncode for process in pair) == [0, 1], said
    refused = said[[process.returncode for process in pair].index(1)]
    assert len(refused.splitlines()) == 1
    assert "is in use by process" in refused
    assert differences(tmp_path / "run", expected) == []


def test_two_runs_at_once_with_one_new_cache(expected, tmp_path):
    pair = [begin(tmp_path / name, tmp_path / "cache") for name in ("one", "two")]
    for process in pair:
        end(process)
    for name in ("one", "two"):
        assert differences(tmp_path / name, expected) == []


SURROUNDINGS = {
    "again": {},
    "switches of JAX": SWITCHES,
    "NaN sought": {"JAX_DEBUG_NANS": "1"},
    "a notebook's backend": {"MPLBACKEND": "module://matplotlib_inline.backend_inline"},
    "no home": {"HOME": "", "XDG_CACHE_HOME": ""},
    "C locale": {"LC_ALL": "C", "LANG": "C"},
    "Turkish and another time": {"LC_ALL": "tr_TR.UTF-8", "TZ": "Pacific/Chatham"},
    "hashes drawn": {"PYTHONHASHSEED": "77"},
    "warnings": {"PYTHONWARNINGS": "always", "PYTHONDEVMODE": "1"},
}


@pytest.mark.parametrize("kind", SURROUNDINGS)
def test_the_environment_changes_no_bit(kind, finished, expected, tmp_path):
    end(begin(tmp_path / "run", finished / "cache", **SURROUNDINGS[kind]))
    assert differences(tmp_path / "run", expected) == []


@pytest.mark.skipif(shutil.which("taskset") is None, reason="needs the program taskset")
def test_on_one_core_a_run_is_whole(finished, expected, tmp_path):
    first = min(os.sched_getaffinity(0))
    end(begin(tmp_path / "run", finished / "cache", before=("taskset", "-c", str(first))))
    assert_whole_with_other_digits(tmp_path / "run", expected)


def test_on_64_devices_a_run_is_whole(finished, expected, tmp_path):
    end(begin(tmp_path / "run", finished / "cache", **devices(64)))
    assert_whole_with_other_digits(tmp_path / "run", expected)


def assert_whole_with_other_digits(workdir: Path, expected: dict[str, str]) -> None:
    """Members that are divided over other devices are summed up in another order."""
    assert_whole(workdir, {("female", "all"), ("male", "all")}, 2)
    same = "utterances.csv", "sounds.csv", "folds.csv", "tables/table1.csv"
    assert set(differences(workdir, expected)).isdisjoint(same)


@pytest.mark.parametrize("kind", MOUNTS)
def test_without_shared_memory_no_bit_changes(kind, finished, expected, name_spaces, tmp_path):
    before = (*IN_NAMESPACE, f'{MOUNTS[kind]} && exec "$@"', "bash")
    assert "/dev/shm" in end(begin(tmp_path / "run", finished / "cache", before=before))
    assert differences(tmp_path / "run", expected) == []
