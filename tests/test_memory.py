"""How much memory there is, and how many cores, in control groups of both versions; how much a training takes."""

import os
from pathlib import Path
from types import SimpleNamespace

import jax
import psutil
import pytest
from small_network import GRID, NETWORK, make_variables

from convcam_jax.settings.config import Config
from convcam_jax.settings.overrides import apply_overrides
from convcam_jax.stages.ensemble import training
from convcam_jax.system import control_groups, memory, processor
from convcam_jax.system.control_groups import groups_in
from convcam_jax.training import memory as training_memory
from convcam_jax.training.config import TrainConfig
from convcam_jax.training.memory import bytes_for_members, bytes_per_member


def group(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def free(groups: str, root: Path) -> list[int]:
    return sorted(memory._free_in_groups(groups_in(groups, "memory", root)))


def cores(groups: str, root: Path) -> list[int]:
    return sorted(processor._cores_in_groups(groups_in(groups, "cpu", root)))


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
    monkeypatch.setattr(control_groups, "_GROUPS", tmp_path)
    monkeypatch.setattr(control_groups, "_GROUPS_OF_THIS_PROCESS", tmp_path / "own")
    assert memory.free_memory() == 0


def test_without_groups_it_is_what_the_machine_has(monkeypatch, tmp_path):
    monkeypatch.setattr(control_groups, "_GROUPS_OF_THIS_PROCESS", tmp_path / "none")
    assert memory.free_memory() == pytest.approx(psutil.virtual_memory().available, rel=0.1)


def test_quotas_of_the_second_version_are_cores_and_a_part_of_one_is_one(tmp_path):
    group(tmp_path / "jobs" / "one", {"cpu.max": "250000 100000\n"})
    group(tmp_path / "jobs", {"cpu.max": "20000 50000\n"})
    group(tmp_path, {"cpu.max": "max 100000\n"})
    assert cores("0::/jobs/one\n", tmp_path) == [1, 3]
    assert cores("0::/jobs\n", tmp_path) == [1]
    assert cores("0::/\n", tmp_path) == []


@pytest.mark.parametrize(("quota_us", "expected"), [("200000", [2]), ("-1", [])])
def test_quotas_of_the_first_version_are_those_of_the_processor(tmp_path, quota_us, expected):
    group(tmp_path / "cpu", {"cpu.cfs_quota_us": f"{quota_us}\n", "cpu.cfs_period_us": "100000\n"})
    group(tmp_path / "memory", {"cpu.cfs_quota_us": "100000\n", "cpu.cfs_period_us": "100000\n"})
    assert cores("4:cpu,cpuacct:/docker/0123\n3:memory:/docker/0123\n0::/docker/0123\n", tmp_path) == expected


@pytest.mark.parametrize(("cpu_max", "expected"), [("200000 100000", 2), ("900000 100000", 8), ("max 100000", 8)])
def test_there_are_no_more_cores_than_a_quota_allows_or_the_program_may_run_on(
    monkeypatch, tmp_path, cpu_max, expected
):
    group(tmp_path, {"cpu.max": cpu_max, "own": "0::/\n"})
    monkeypatch.setattr(control_groups, "_GROUPS", tmp_path)
    monkeypatch.setattr(control_groups, "_GROUPS_OF_THIS_PROCESS", tmp_path / "own")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    assert processor.n_cores() == expected


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
