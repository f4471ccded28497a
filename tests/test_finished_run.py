"""Models of a finished run whose files somebody has changed: none is taken for another one."""

from pathlib import Path

import jax
import numpy as np
import pandas as pd
import pytest
from test_models_file import CONFIG, MEMBERS, PARTS

from convcam_jax.data.members import Member
from convcam_jax.settings.overrides import flatten
from convcam_jax.stages.ensemble.rounds import names_of, read_rounds
from convcam_jax.stages.finished_run import check_up_to_date, check_written, never_made, read_earlier_run
from convcam_jax.stages.record import HIGHEST_FILE_RATE, run_record
from convcam_jax.stages.run import EXPLANATIONS
from convcam_jax.stages.stage import origins
from convcam_jax.stages.without_labels.trained_run import load_run, run_of_folder
from convcam_jax.system.errors import UserError
from convcam_jax.system.files import file_hash
from convcam_jax.system.formats import read_csv, read_json, write_arrays, write_csv, write_json
from convcam_jax.training import checkpoints
from experiments.paper import STAGES


@pytest.fixture
def folder(tmp_path) -> Path:
    """What is read of a finished run with four models in two rounds."""
    write_json(tmp_path / "config.json", run_record(CONFIG, []) | {HIGHEST_FILE_RATE: 16000})
    write_arrays(tmp_path / EXPLANATIONS, {})
    write_csv(tmp_path / "members.csv", pd.DataFrame(MEMBERS, columns=Member._fields))
    write_json(tmp_path / "training" / "rounds.json", {"members_at_once": 2})
    for own, variables in zip(read_rounds(MEMBERS, tmp_path / "training"), PARTS, strict=True):
        checkpoints.save_variables(own.folder, variables)
        write_arrays(own.history_file(), {"members": names_of(own.members)})
    note_as_finished(tmp_path)
    return tmp_path


def note_as_finished(folder):
    sums = {name: file_hash(folder / name) for name in (EXPLANATIONS, "members.csv")}
    made = origins(STAGES[:2], flatten(CONFIG))
    write_json(folder / "stages.json", {name: {**origin, "files": sums, "start": ""} for name, origin in made.items()})


def reverse(path):
    write_csv(path, read_csv(path)[::-1])


def leave_one_out(path):
    write_csv(path, read_csv(path)[1:])


def damage(path):
    path.write_bytes(b"\xff\x00")


def test_the_models_come_by_their_names(folder):
    own = run_of_folder(folder)
    assert own.members == MEMBERS
    for part, expected in zip(own.read_parts(), PARTS, strict=True):
        jax.tree.map(np.testing.assert_array_equal, part, expected)


def test_models_are_read_from_where_the_run_lies_wherever_the_program_is_by_then(folder, tmp_path_factory, monkeypatch):
    other = tmp_path_factory.mktemp("other")
    monkeypatch.chdir(folder.parent)
    own = load_run(folder.name)
    monkeypatch.chdir(other)
    for part, expected in zip(own.read_parts(), PARTS, strict=True):
        jax.tree.map(np.testing.assert_array_equal, part, expected)
    assert not list(other.iterdir())


def test_models_that_have_gone_since_are_told_and_no_folder_is_made_for_them(folder):
    own, first = run_of_folder(folder), folder / "training" / "round_00"
    checkpoints.remove(first)
    with pytest.raises(UserError, match=rf"^{first}: is not there; put it back or give the run's command again"):
        next(own.read_parts())
    assert not first.exists()


@pytest.mark.parametrize(
    ("name", "change"),
    [("members.csv", reverse), ("members.csv", leave_one_out), ("members.csv", damage), (EXPLANATIONS, damage)],
)
def test_files_that_have_been_changed_are_refused_in_one_line(name, change, folder):
    change(folder / name)
    with pytest.raises(UserError, match=f"^folder={folder}: {name} is not as the run has written it; give the run's"):
        run_of_folder(folder)


@pytest.mark.parametrize("change", [reverse, leave_one_out])
def test_models_are_not_taken_for_others_whatever_the_notes_say(change, folder):
    change(folder / "members.csv")
    note_as_finished(folder)
    with pytest.raises(UserError, match=r"round_00: holds 2 trained members, which are not those of this round"):
        run_of_folder(folder)


def test_a_note_of_rounds_without_its_number_is_refused_in_one_line(folder):
    write_json(folder / "training" / "rounds.json", {})
    with pytest.raises(
        UserError, match=r"rounds\.json: does not say how many members a round has; remove it, and give"
    ):
        run_of_folder(folder)


@pytest.mark.parametrize("rate", [None, "high", 16000.5])
def test_a_record_without_the_rate_of_its_files_is_refused_in_one_line(folder, rate):
    write_json(folder / "config.json", read_json(folder / "config.json") | {HIGHEST_FILE_RATE: rate})
    with pytest.raises(UserError, match=rf"config\.json: cannot be read .* \({HIGHEST_FILE_RATE} is no whole number\)"):
        run_of_folder(folder)


def test_a_report_is_made_of_what_the_run_has_written_alone(folder):
    """Any stage's files, but not those of the report, which may have been made again."""
    made, names = read_json(folder / "stages.json"), {"tables": "tables/claims.csv", "report": "report.html"}
    for stage, name in names.items():
        write_csv(folder / name, pd.DataFrame({"id": ["a"]}))
        made[stage] = {"fields": {}, "builds_on": {}, "files": {name: file_hash(folder / name)}, "start": ""}
    write_json(folder / "stages.json", made)
    earlier = read_earlier_run(folder, "", "--workdir")
    check_written(earlier)
    (folder / "report.html").write_text("another")
    check_written(earlier)
    (folder / "tables" / "claims.csv").write_text("id\nb\n")
    with pytest.raises(UserError, match=rf"^--workdir={folder}: tables/claims\.csv is not as the run has written it"):
        check_written(earlier)


def test_a_stage_of_another_config_is_refused_where_it_is_used(folder):
    """The listening test is in the report; what explains new recordings reads nothing of it."""
    made, config = read_json(folder / "stages.json"), flatten(CONFIG) | {"report.thresholds": (0.3,)}
    listening = {"fields": {"report.thresholds": [0.3]}, "builds_on": {}, "files": {}, "start": ""}
    write_json(folder / "stages.json", {**made, "listening": listening})
    assert run_of_folder(folder).members == MEMBERS
    with pytest.raises(UserError, match=rf"^--workdir={folder}: was stopped before listening had been made by its"):
        check_up_to_date(read_earlier_run(folder, "", "--workdir"))
    write_json(folder / "config.json", read_json(folder / "config.json") | {"config": config})
    check_up_to_date(read_earlier_run(folder, "", "--workdir"))
    config |= {"attribution.layer": "convolution_2"}
    write_json(folder / "config.json", read_json(folder / "config.json") | {"config": config})
    with pytest.raises(UserError, match=r"was stopped before explanations had been made by its config"):
        run_of_folder(folder)


def test_what_a_stopped_run_has_not_made_is_told(folder):
    others = [stage.name for stage in STAGES[2:] if stage.name != "report"]
    assert never_made(folder, (stage.name for stage in STAGES)) == others
