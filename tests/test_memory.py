"""How much memory there is, in control groups of both versions, and how much a training takes."""

from pathlib import Path
from types import SimpleNamespace

import jax
import psutil
import pytest
from small_network import GRID, NETWORK, make_variables

from convcam_jax.settings.config import Config
from convcam_jax.settings.overrides import apply_overrides
from convcam_jax.stages.ensemble import training
from convcam_jax.system import memory
from convcam_jax.training import memory as training_memory
from convcam_jax.training.config import TrainConfig
from convcam_jax.training.memory import bytes_for_members, bytes_per_member


def group(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def free(groups: str, root: Path) -> list[int]:
    return sorted(memory._free_in_groups(groups, root))


def test_groups_of_the_second_version_and_what_they_are_in(tmp_path):
    stat = "anon 50\ninactive_file 30\nactive_file 5\n"
    group(tmp_path / "jobs" / "one", {"memory.max": "1000\n", "memory.current": "400\n", "memory.stat": stat})
    group(tmp_path / "jobs", {"memory.max": "500\n", "memory.current": "450\n"})
    group(tmp_path, {"memory.max": "max\n", "memory.current": "7\n"})
    assert free("0::/jobs/one\n", tmp_path) == [50, 630]
    assert free("0::/jobs\n", tmp_path) == [50]
    assert free("0::/\n", tmp_path) == []


def test_groups_of_the_first_version_also_where_the_path_is_that_outside_of_a_container(tmp_path):
    files = {"memory.limit_in_bytes": "900\n", "memory.usage_in_bytes": "600\n"}
    group(tmp_path / "memory", {**files, "memory.stat": "inactive_file 1\ntotal_inactive_file 100\n"})
    groups = "9:name=systemd:/x\n4:cpu,memory:/docker/0123\n2:cpuset:/y\n0::/docker/0123\n"
    assert free(groups, tmp_path) == [400]


def test_a_group_that_takes_more_than_its_limit_has_nothing_left(monkeypatch, tmp_path):
    group(tmp_path, {"memory.max": "100", "memory.current": "120"})
    (tmp_path / "own").write_text("0::/\n")
    monkeypatch.setattr(memory, "_GROUPS", tmp_path)
    monkeypatch.setattr(memory, "_GROUPS_OF_THIS_PROCESS", tmp_path / "own")
    assert memory.free_memory() == 0


def test_without_groups_it_is_what_the_machine_has(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_GROUPS_OF_THIS_PROCESS", tmp_path / "none")
    assert memory.free_memory() == pytest.approx(psutil.virtual_memory().available, rel=0.1)


def test_a_running_mean_is_one_more_copy_of_a_members_variables():
    n_values = sum(leaf.size for leaf in jax.tree.leaves(make_variables(seed=0)))
    without, with_mean = (bytes_per_member(NETWORK, GRID, TrainConfig(average_decay=decay)) for decay in (0.0, 0.9))
    assert with_mean - without == 4 * n_values


@pytest.mark.parametrize("n_processes", [1, 3])
def test_all_recordings_lie_on_each_device_beside_the_members(monkeypatch, n_processes):
    """The devices are two in each process, and all of them share what is free."""
    monkeypatch.setattr(training_memory, "free_memory", lambda: 2 * n_processes * 1_000_000)
    monkeypatch.setattr(jax, "device_count", lambda: 2 * n_processes)
    monkeypatch.setattr(jax, "local_device_count", lambda: 2)
    monkeypatch.setattr(jax, "local_devices", lambda: [SimpleNamespace(memory_stats=lambda: None)])
    assert bytes_for_members((10, 20), 0) == 400_000
    assert bytes_for_members((10, 20), 100) == 400_000 - 4 * 10 * 20 * 100
    assert bytes_for_members((10, 20), 1_000) == 0


@pytest.mark.parametrize(("n_processes", "told"), [(1, ""), (3, " (6 devices in 3 processes)")])
def test_what_a_device_has_is_told_with_the_processes_that_share_the_memory(monkeypatch, capsys, n_processes, told):
    monkeypatch.setattr(jax, "device_count", lambda: 2 * n_processes)
    monkeypatch.setattr(jax, "process_count", lambda: n_processes)
    monkeypatch.setattr(training, "bytes_for_members", lambda grid, n_recordings: 2_000_000_000)
    monkeypatch.setattr(training, "bytes_per_member", lambda network, grid, config: 500_000_000)
    config = apply_overrides(Config(), ["train.precision=float32", "corpus.emotions=anger,fear"])
    assert training._per_device(config, 12) == 4
    line = f"a member takes about 0.50 GB, a device has 2.0 GB for its members{told}\n"
    assert capsys.readouterr().err == line
