"""What is told, on a terminal and elsewhere."""

import contextlib
import os
import pty
import re
import subprocess
import sys
import termios

from small_run import PROJECT_DIR

WORK = """
from convcam_jax.system.progress import be_quiet, say, with_progress
be_quiet({quiet})
for number in with_progress(range({total}), "counting", {total}, "lamb"):
    if number == 2:
        say("a word")
"""


def said(total: int = 25, quiet: bool = False, **streams) -> str:
    line = [sys.executable, "-c", WORK.format(total=total, quiet=quiet)]
    return subprocess.run(line, cwd=PROJECT_DIR, text=True, check=True, **streams).stderr


def test_without_a_terminal_there_are_lines():
    text = said(stderr=subprocess.PIPE)
    assert "\r" not in text
    lines = text.splitlines()
    assert lines.pop(0) == "a word"
    assert re.fullmatch(r"counting: 3 of 25 lambs, \d+:\d\d taken, about \d+:\d\d left", lines[0])
    assert re.fullmatch(r"counting: 25 of 25 lambs, \d+:\d\d taken", lines[-1])
    assert len(lines) == 10


def test_few_steps_have_a_line_each_and_none_has_none():
    assert len(said(total=3, stderr=subprocess.PIPE).splitlines()) == 4
    assert said(total=0, stderr=subprocess.PIPE) == ""


def test_quiet_is_quiet():
    assert said(quiet=True, stderr=subprocess.PIPE) == ""


def test_on_a_terminal_there_is_a_bar_and_words_stand_above_it():
    mine, its = pty.openpty()
    termios.tcsetwinsize(its, (24, 80))
    said(stderr=its)
    os.close(its)
    text = ""
    with contextlib.suppress(OSError):
        while part := os.read(mine, 10000):
            text += part.decode()
    os.close(mine)
    assert re.search(r"counting: 100%.*25/25", text)
    assert "a word\r\n" in text


def test_a_closed_stderr_is_no_error(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(WORK.format(total=5, quiet=False))
    line = f"{sys.executable} {script} 2>&-"
    subprocess.run(line, shell=True, cwd=PROJECT_DIR, env={**os.environ, "PYTHONPATH": str(PROJECT_DIR)}, check=True)


def test_an_interrupt_finds_the_lock_made():
    """Interrupted while tqdm makes it, a run would end in an error of tqdm's."""
    code = "import convcam_jax.system.progress, tqdm; tqdm.tqdm._lock"
    result = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_DIR, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
