"""What is asked of the allocator of Linux, in processes of its own: it is set when a process starts."""

import os
import subprocess
import sys

import pytest

from convcam_jax.system.process import allocator

# A thread that is not the main one, as those of JAX are not, takes the same array again and again.
TAKE_AND_FREE = """
import resource, threading
import numpy as np

def page_faults_of_ten():
    np.ones(1 << 24)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        np.ones(1 << 24)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

thread = threading.Thread(target=page_faults_of_ten)
thread.start()
thread.join()
"""
# 10 arrays of 128 MiB are 640 huge pages, or 327,680 small ones.
HUGE_PAGES = 640


def page_faults(tunables: str) -> int:
    environment = {**os.environ, "GLIBC_TUNABLES": tunables}
    done = subprocess.run(
        [sys.executable, "-c", TAKE_AND_FREE], env=environment, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have another allocator")
def test_memory_that_was_freed_is_taken_again_without_page_faults():
    assert page_faults("") > HUGE_PAGES / 2
    assert page_faults(allocator.TUNABLES) < HUGE_PAGES / 20


def test_others_are_started_without_these_settings_but_with_the_users(monkeypatch):
    monkeypatch.setenv("GLIBC_TUNABLES", allocator.TUNABLES)
    monkeypatch.setenv("OWN", "kept")
    assert "GLIBC_TUNABLES" not in allocator.users_environment()
    assert allocator.users_environment()["OWN"] == "kept"
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=2")
    assert allocator.users_environment()["GLIBC_TUNABLES"] == "glibc.malloc.hugetlb=2"
