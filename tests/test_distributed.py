"""Several processes as a cluster's scheduler starts them: they find one another, train and explain, and one may die."""

import os
import re
import subprocess
import sys
from pathlib import Path

import jax
import pytest
from drill import LONGEST_S, begin, different_results, end, kill, results, written
from small_run import PROJECT_DIR, assert_refused, call, command, devices

from convcam_jax.settings.flags import Flags
from convcam_jax.system.errors import UserError
from convcam_jax.system.jax_setup import Share, meet, prepare_jax
from experiments.command import _share

# Members are trained in rounds of one, so that each process has some. Of rounds of several other digits would come.
ROUNDS = "--set=train.members_at_once=1"
ONE_DEVICE = devices(1)
SHARES = {
    "SLURM": lambda process, n, job: {
        "SLURM_JOB_ID": str(job),
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_NTASKS": str(n),
        "SLURM_PROCID": str(process),
        "SLURM_LOCALID": str(process),
    },
    "Open MPI": lambda process, n, job: {
        "OMPI_MCA_orte_hnp_uri": f"{job}.0;tcp://127.0.0.1:41000",
        "OMPI_COMM_WORLD_SIZE": str(n),
        "OMPI_COMM_WORLD_RANK": str(process),
        "OMPI_COMM_WORLD_LOCAL_RANK": str(process),
    },
}
MEET = """
import sys
from convcam_jax.system.jax_setup import Share, meet, wait_for_all
if __name__ == "__main__":
    print(meet(Share()))
    wait_for_all("met")
"""


def start_all(workdir: Path, cache_dir: Path, n: int, job: int) -> list[subprocess.Popen]:
    return [
        begin(workdir, cache_dir, ROUNDS, "--distributed", **ONE_DEVICE, **SHARES["SLURM"](i, n, job)) for i in range(n)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("scheduler", SHARES)
def test_processes_find_one_another_by_what_a_scheduler_tells_them(scheduler, tmp_path):
    (tmp_path / "meet.py").write_text(MEET)
    paths = {"PYTHONPATH": str(PROJECT_DIR), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    pair = [
        subprocess.Popen(
            [sys.executable, tmp_path / "meet.py"],
            env={**paths, "JAX_PLATFORMS": "cpu", **SHARES[scheduler](process, 2, 1234)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for process in range(2)
    ]
    said = [process.communicate(timeout=300) for process in pair]
    assert [out for out, _ in said] == ["0\n", "1\n"], said


@pytest.mark.slow
def test_outside_of_a_cluster_the_flag_is_refused_in_one_line(tmp_path):
    result = call(command(tmp_path / "w", tmp_path / "cache", "--distributed"))
    assert_refused(result, "error: --distributed: no job of SLURM, Open MPI, Kubernetes or a TPU pod is found")
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize("name", ["coordinator", "num_processes", "process_id"])
def test_what_is_found_is_not_given(name):
    flags = Flags(distributed=True, workdir="w", given=frozenset(("distributed", "workdir", name)))
    with pytest.raises(UserError, match=rf"^--{name}: with --distributed it is found; leave one of the two out$"):
        _share(flags)


def test_the_share_is_found_or_given_or_there_is_one_process():
    assert _share(Flags()) is None
    assert _share(Flags(given=frozenset(("distributed",)))) is None
    assert _share(Flags(distributed=True, workdir="w", given=frozenset(("distributed", "workdir")))) == Share()
    given = frozenset(("coordinator", "num_processes", "process_id", "workdir"))
    assert _share(Flags(coordinator="h:1", num_processes=2, process_id=1, workdir="w", given=given)) == Share(
        "h:1", 2, 1
    )


@pytest.mark.parametrize("make", [lambda _: meet(Share()), prepare_jax], ids=["meet", "prepare_jax"])
def test_a_gpus_memory_is_not_taken_in_advance_whoever_makes_the_devices(make, tmp_path, monkeypatch):
    found = []
    monkeypatch.delenv("XLA_PYTHON_CLIENT_PREALLOCATE", raising=False)
    # Or this process would have other devices from here on.
    monkeypatch.setenv("XLA_FLAGS", devices(1)["XLA_FLAGS"])
    monkeypatch.setattr(jax.distributed, "initialize", lambda *_, **__: None)
    monkeypatch.setattr(jax.config, "update", lambda *_: None)
    monkeypatch.setattr(jax, "devices", lambda: found.append(os.environ.get("XLA_PYTHON_CLIENT_PREALLOCATE")))
    make(tmp_path)
    assert found[0] == "false"


@pytest.mark.drill
@pytest.mark.parametrize("n_processes", [2, 4])
def test_any_number_of_processes_writes_what_one_writes(n_processes, tmp_path):
    end(begin(tmp_path / "one", tmp_path / "cache", ROUNDS, **ONE_DEVICE))
    said = [end(process) for process in start_all(tmp_path / "all", tmp_path / "cache", n_processes, 100 + n_processes)]
    # Each of the four members is trained and explained by one of the processes.
    trained = [", ".join(re.findall(r"^training round .*: (.*)$", text, re.MULTILINE)) for text in said]
    assert sorted(", ".join(trained).split(", ")) == ["female 0", "female 1", "male 0", "male 1"]
    explained = [sum(map(int, re.findall(r"^explaining (\d) members? .* by ", text, re.MULTILINE))) for text in said]
    assert explained == [len(own.split(", ")) for own in trained]
    assert ["stage report" in text for text in said] == [True] + [False] * (n_processes - 1)
    assert different_results(tmp_path / "all", results(tmp_path / "one")) == []


@pytest.mark.drill
@pytest.mark.parametrize("killed", [0, 1])
def test_one_of_them_is_killed_and_all_are_started_again(killed, tmp_path):
    end(begin(tmp_path / "one", tmp_path / "cache", ROUNDS, **ONE_DEVICE))
    processes = start_all(tmp_path / "all", tmp_path / "cache", 2, 200 + killed)
    assert kill(processes[killed], written(tmp_path / "all" / "training", "round_0[01]"))
    # The other one notices it by itself, and ends.
    other = processes[1 - killed]
    other.communicate(timeout=LONGEST_S)
    assert other.returncode != 0
    for process in start_all(tmp_path / "all", tmp_path / "cache", 2, 300 + killed):
        end(process)
    assert different_results(tmp_path / "all", results(tmp_path / "one")) == []
