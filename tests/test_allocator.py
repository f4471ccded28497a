"""What is asked of the allocator of Linux, in processes of its own: it is set when a process starts."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from convcam_jax.system.process import allocator

# A thread that is not the main one, as those of JAX are not, takes the same memory again and again, and fills it.
TAKE_AND_FREE = """
import ctypes, resource, threading

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.memset.argtypes = ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t
libc.free.argtypes = [ctypes.c_void_p]

def page_faults_of_ten():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        taken = libc.malloc(1 << 27)
        libc.memset(taken, 1, 1 << 27)
        libc.free(taken)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

thread = threading.Thread(target=page_faults_of_ten)
thread.start()
thread.join()
"""
# Ten times 128 MiB are 640 huge pages, or 327,680 small ones.
HUGE_PAGES = 640
_HAVE = Path("/sys/kernel/mm/transparent_hugepage/enabled")
# Of glibc: the first that can ask for huge pages. Other libraries are below it, too.
_FIRST_VERSION = "2.35"


def page_faults(tunables: str) -> int:
    environment = {**os.environ, "GLIBC_TUNABLES": tunables}
    done = subprocess.run(
        [sys.executable, "-c", TAKE_AND_FREE], env=environment, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[1] < _FIRST_VERSION, reason="the allocator does not ask for huge pages")
@pytest.mark.skipif(not _HAVE.exists() or "[never]" in _HAVE.read_text(), reason="there are no huge pages")
def test_memory_is_taken_in_huge_pages():
    assert page_faults(allocator.TUNABLES) < 2 * HUGE_PAGES
    if "[madvise]" in _HAVE.read_text():
        assert page_faults("") > 100 * HUGE_PAGES


def test_others_are_started_without_these_settings_but_with_the_users(monkeypatch):
    monkeypatch.setenv("GLIBC_TUNABLES", allocator.TUNABLES)
    monkeypatch.setenv("OWN", "kept")
    assert "GLIBC_TUNABLES" not in allocator.users_environment()
    assert allocator.users_environment()["OWN"] == "kept"
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.arena_max=1")
    assert allocator.users_environment()["GLIBC_TUNABLES"] == "glibc.malloc.arena_max=1"
