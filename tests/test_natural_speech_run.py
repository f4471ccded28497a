"""Cues planted into recordings of people, from the command line to the scores."""

import pytest

from convcam_jax.settings.flags import read_flags
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.formats import read_csv
from experiments import command, descriptions, evidence


@pytest.mark.slow
def test_a_burst_is_learned_explained_and_scored_in_emodb(emodb_dir, tmp_path):
    """One network of the women's recordings, by the command line."""
    choices = ("--set=evidence.size=small", "--seeds=1", "--set=evidence.variants=burst", "--set=train.epochs=15")
    flags = ["--experiment=evidence", "--corpus=emodb", f"--data_dir={emodb_dir}", *choices]
    config = command.config_of(read_flags(flags, descriptions()))
    evidence.run(RunSettings(config, tmp_path / "run", tmp_path / "cache"))
    members = read_csv(tmp_path / "run" / "evidence_members.csv")
    assert members["test_accuracy"].item() > 0.8
    table = read_csv(tmp_path / "run" / "evidence.csv")
    assert set(table["class"]) == {"low", "middle", "high"}
    trained = table[(table["source"] == "network") & (table["method"] == "gradient_x_input")]
    chance = table[table["source"] == "chance"]
    assert trained["average_precision"].mean() > 3 * chance["average_precision"].mean()
