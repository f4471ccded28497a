"""What a newcomer sees: `run.py` without a flag, on the embedded corpus."""

import itertools
import subprocess
import sys
from pathlib import Path

import pytest
from small_run import FIGURES, PROJECT_DIR, as_for_users, table

from convcam_jax.corpora.config import EMOTIONS

pytestmark = pytest.mark.slow

GROUPS = ["female", "male"]
STATISTICS = ["min", "max", "mean", "range"]


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Optimised as for a user: the networks learn what they learn there."""
    folder = tmp_path_factory.mktemp("first")
    line = [sys.executable, "run.py", f"--workdir={folder / 'w'}", f"--cache_dir={folder / 'cache'}"]
    own = {**as_for_users(), "JAX_PLATFORMS": "cpu"}
    subprocess.run(line, cwd=PROJECT_DIR, env=own, check=True, capture_output=True)
    return folder / "w"


@pytest.mark.parametrize("group", GROUPS)
def test_most_answers_are_right(first_run, group):
    members = table(first_run, "members.csv")
    own = members[members["group"] == group]
    assert len(own) == 10
    # 0.897 and 0.950 where it was chosen; other processors round otherwise.
    assert own["test_accuracy"].mean() >= 0.85


def test_the_network_is_called_by_its_name(first_run):
    assert table(first_run, "tables/table2.csv")["architecture"].tolist() == ["ResNetSmall"]


def test_less_than_one_of_a_hundred_maps_is_zero(first_run):
    assert table(first_run, "metrics.csv")["map_is_zero"].mean() < 0.01


@pytest.mark.parametrize("number", [3, 4, 5])
def test_every_cell_of_the_tables_is_filled(first_run, number):
    cells = table(first_run, f"tables/table{number}.csv")
    expected = set(itertools.product(GROUPS, EMOTIONS, STATISTICS))
    assert set(cells[["group", "emotion", "statistic"]].itertuples(index=False, name=None)) == expected
    assert cells["ours"].notna().all()


def test_the_report_and_all_figures_are_there(first_run):
    assert (first_run / "report.html").stat().st_size > 1e6
    assert set(FIGURES) <= {path.name for path in (first_run / "figures").iterdir()}
