"""Which stages are due when a field of the config changes: those of the paper, and two by hand."""

import copy
import errno
import json
import random
import time
from pathlib import Path

import pytest
from damage import DAMAGES, a_folder, removed

from convcam_jax.data.dataset import Dataset
from convcam_jax.networks import NETWORKS
from convcam_jax.settings.config import Config
from convcam_jax.settings.overrides import apply_overrides, flatten
from convcam_jax.stages.record import TRAINING
from convcam_jax.stages.run import Run
from convcam_jax.stages.stage import STAGES_FILE, Stage, due_stages, make_stages, origins, read_finished
from convcam_jax.system.errors import UserError
from convcam_jax.system.formats import read_json, write_text
from convcam_jax.system.process.worker_processes import background, in_processes, meanwhile
from experiments.paper import STAGES

NAMES = tuple(stage.name for stage in STAGES)


def due_after(*changes: str) -> tuple[str, ...]:
    """The stages that are due when a finished run gets these changes."""
    then, now = (origins(STAGES, flatten(apply_overrides(Config(), list(own)))) for own in ((), changes))
    return tuple(own.stage.name for own in due_stages(STAGES, now, then))


def all_but(*names: str) -> tuple[str, ...]:
    return tuple(name for name in NAMES if name not in names)


EVERYTHING_BEHIND_METRICS = ("metrics", "tables", "chance", "seeds", "sanity", "sanity tables", "report")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("analysis.mask_threshold=0.2", EVERYTHING_BEHIND_METRICS),
        ("analysis.trajectory_threshold=0.4", EVERYTHING_BEHIND_METRICS),
        ("analysis.f0_reading=resized_with_zeros", EVERYTHING_BEHIND_METRICS),
        ("analysis.isolated_voiced_frame=extended", EVERYTHING_BEHIND_METRICS),
        ("prosody.f0_floor_hz=60", EVERYTHING_BEHIND_METRICS),
        ("analysis.map_placement=stretched", all_but("explanations", "members")),
        ("analysis.chosen_by=test_accuracy", all_but("explanations", "listening")),
        ("analysis.table_digits=truncated", ("tables", "seeds", "report")),
        ("analysis.table3_metric=q_mse", ("tables", "chance", "seeds", "sanity tables", "report")),
        ("analysis.table4_metric=f0_frame_rmse_semitones", ("tables", "chance", "seeds", "sanity tables", "report")),
        ("controls.permutations=3", ("chance", "report")),
        ("controls.false_discovery_rate=0.1", ("chance", "faithfulness tables", "report")),
        ("controls.seed=7", ("chance", "report")),
        ("sanity.seeds=1", ("sanity", "sanity tables", "report")),
        ("faithfulness.steps=4", ("faithfulness", "faithfulness tables", "report")),
        ("report.thresholds=0.5", ("listening", "report")),
        ("report.random_masks=2", ("listening", "report")),
        ("attribution.method=hirescam", NAMES),
        ("attribution.layer=convolution_2", NAMES),
        ("attribution.score=softmax", NAMES),
        ("attribution.target=predicted", NAMES),
        ("attribution.precision=bfloat16", NAMES),
        # Where the corpus lies is a flag; it and how often a training is kept change nothing.
        ("train.checkpoint_interval_s=1", ()),
        # Of other experiments.
        ("benchmark.size=short", ()),
        ("given_maps.free_from_colours=false", ()),
        ("evidence.size=small", ()),
    ],
)
def test_stages_that_depend_on_a_field_are_due_and_no_others(change, expected):
    assert due_after(change) == tuple(name for name in NAMES if name in expected)


def test_a_moved_corpus_or_file_of_weights_makes_nothing_due():
    config = flatten(Config(network=NETWORKS["vgg16"]()))
    moved = {**config, "corpus.data_dir": "elsewhere", "network.weights": "elsewhere"}
    assert due_stages(STAGES, origins(STAGES, moved), origins(STAGES, config)) == []


def test_several_changes_make_due_what_each_does():
    assert due_after("controls.permutations=3", "report.seed=1") == ("chance", "listening", "report")


def test_every_field_of_the_experiment_makes_something_due_or_is_of_the_training():
    """A field of a section that any stage reads must not be forgotten."""
    of_others = ("benchmark.", "given_maps.", "evidence.", "networks.")
    config = flatten(Config())
    counted = {name for own in origins(STAGES, config).values() for name in own["fields"]}
    free = {"corpus.data_dir", "train.checkpoint_interval_s"}
    assert {name for name in config if not name.startswith(of_others)} - counted == free


def test_the_training_is_what_the_first_stage_is_made_from_besides_the_attribution():
    fields = origins(STAGES, flatten(Config()))["explanations"]["fields"]
    assert {name.partition(".")[0] for name in fields} == {*TRAINING, "attribution"}


def test_stages_build_on_earlier_ones_and_have_names_of_their_own():
    assert len(set(NAMES)) == len(NAMES)
    for place, stage in enumerate(STAGES):
        assert set(stage.builds_on) <= set(NAMES[:place])
    # All of the results stand in the report.
    assert NAMES[-1] == "report"
    followed = {name for stage in STAGES for name in stage.builds_on}
    assert set(NAMES) - followed == {"report"}


def test_all_stages_of_a_new_run_are_due_as_not_made_yet():
    due = due_stages(STAGES, origins(STAGES, flatten(Config())), {})
    assert tuple(own.stage.name for own in due) == NAMES
    assert {own.reason for own in due} == {"not made yet"}


def test_origins_are_the_same_after_json():
    now = origins(STAGES, flatten(Config()))
    assert json.loads(json.dumps(now)) == now
    assert due_stages(STAGES, now, json.loads(json.dumps(now))) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_stage_that_was_killed_is_due_alone_if_its_origin_is_the_same(name):
    """Its files are made anew from the same, so what builds on them need not be."""
    now = origins(STAGES, flatten(Config()))
    then = copy.deepcopy(now)
    del then[name]
    assert [own.stage.name for own in due_stages(STAGES, now, then)] == [name]


def test_reasons_name_the_fields_with_both_values_and_the_stages_built_on():
    then, now = (origins(STAGES, flatten(apply_overrides(Config(), own))) for own in ([], ["sanity.seeds=1"]))
    reasons = {own.stage.name: own.reason for own in due_stages(STAGES, now, then)}
    assert reasons["sanity"] == "sanity.seeds 5 → 1"
    assert reasons["sanity tables"] == "builds on sanity"
    assert reasons["report"] == "builds on sanity tables"


def own_run(workdir: Path, *changes: str, start: str = "") -> Run:
    """A run without recordings, of the default config with changes."""
    return Run(apply_overrides(Config(), list(changes)), workdir, workdir, Dataset((), (), (), ()), start)


@pytest.fixture
def made() -> list[str]:
    """Names of the stages that were made, in order."""
    return []


def two_stages(made: list[str], fail: str = "") -> tuple[Stage, ...]:
    """One of the mask threshold, and one of the permutations that builds on it."""

    def stage(name: str, fields: tuple[str, ...], builds_on: tuple[str, ...]) -> Stage:
        def make(run) -> None:
            made.append(name)
            # While a stage is made, it does not count as finished.
            assert name not in read_finished(run.workdir)
            if name == fail:
                raise KeyboardInterrupt

        return Stage(name, fields, builds_on, make)

    return stage("first", ("analysis.mask_threshold",), ()), stage("second", ("controls",), ("first",))


def test_stages_are_made_once_and_said(tmp_path, made, capsys):
    stages = two_stages(made)
    make_stages(own_run(tmp_path), stages)
    assert made == ["first", "second"]
    assert capsys.readouterr().err == "stage first (1 of 2)\nstage second (2 of 2)\n"
    assert list(read_json(tmp_path / STAGES_FILE)) == ["first", "second"]
    make_stages(own_run(tmp_path), stages)
    assert made == ["first", "second"]
    assert capsys.readouterr().err == "kept: first, second\nnothing has to be made again\n"


def test_only_what_depends_on_a_change_is_made_and_why_is_said(tmp_path, made, capsys):
    stages = two_stages(made)
    make_stages(own_run(tmp_path), stages)
    made.clear()
    capsys.readouterr()
    make_stages(own_run(tmp_path, "controls.seed=3"), stages)
    assert made == ["second"]
    assert capsys.readouterr().err.splitlines() == [
        "kept: first",
        "to be made: second (controls.seed 0 → 3)",
        "stage second (1 of 1)",
    ]


def test_an_earlier_value_after_an_interruption_makes_everything_that_may_be_mixed(tmp_path, made):
    """First made, changed and interrupted in the second stage, then changed back: neither is of the old value now."""
    make_stages(own_run(tmp_path), two_stages(made))
    with pytest.raises(KeyboardInterrupt):
        make_stages(own_run(tmp_path, "analysis.mask_threshold=0.2"), two_stages(made, fail="second"))
    made.clear()
    make_stages(own_run(tmp_path), two_stages(made))
    assert made == ["first", "second"]
    found = {name: own.origin for name, own in read_finished(tmp_path).items()}
    assert found == origins(two_stages([]), flatten(Config()))


def test_an_earlier_value_after_an_interruption_in_the_first_stage(tmp_path, made):
    """The second one's files are of the old value still, and the first one's come back to what they were made from."""
    make_stages(own_run(tmp_path), two_stages(made))
    with pytest.raises(KeyboardInterrupt):
        make_stages(own_run(tmp_path, "analysis.mask_threshold=0.2"), two_stages(made, fail="first"))
    made.clear()
    make_stages(own_run(tmp_path), two_stages(made))
    assert made == ["first"]


def test_a_run_goes_on_behind_the_stage_that_was_finished(tmp_path, made):
    with pytest.raises(KeyboardInterrupt):
        make_stages(own_run(tmp_path), two_stages(made, fail="second"))
    made.clear()
    make_stages(own_run(tmp_path), two_stages(made))
    assert made == ["second"]


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.EMFILE])
def test_what_cannot_be_read_for_the_moment_is_not_made_again(number, tmp_path, made, monkeypatch):
    make_stages(own_run(tmp_path), two_stages(made))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", lambda *_, **__: _raise(OSError(number, "not now")))
        with pytest.raises(UserError, match=rf"{STAGES_FILE}: cannot be read \(.*not now"):
            read_finished(tmp_path)
    assert list(read_finished(tmp_path)) == ["first", "second"]


def _raise(error: Exception) -> None:
    raise error


def test_a_stage_keeps_the_start_that_made_it(tmp_path, made):
    make_stages(own_run(tmp_path, start="morning"), two_stages(made))
    make_stages(own_run(tmp_path, "controls.permutations=3", start="evening"), two_stages(made))
    assert made == ["first", "second", "second"]
    assert {name: own.start for name, own in read_finished(tmp_path).items()} == {
        "first": "morning",
        "second": "evening",
    }


def test_a_field_that_counted_when_a_stage_was_made_is_the_reason_to_make_it_anew(tmp_path, made, monkeypatch, capsys):
    first, _ = two_stages(made)
    with monkeypatch.context() as patch:
        patch.setattr("convcam_jax.stages.stage.FREE_FIELDS", ())
        make_stages(own_run(tmp_path), [first._replace(fields=("train.checkpoint_interval_s",))])
    make_stages(own_run(tmp_path), [first._replace(fields=("train.checkpoint_interval_s",))])
    assert made == ["first", "first"]
    assert "first (train.checkpoint_interval_s 120.0 → None)" in capsys.readouterr().err


def test_a_folder_without_stages_has_none_finished(tmp_path):
    assert read_finished(tmp_path) == {}


def writing_stages(made: list[str]) -> tuple[Stage, ...]:
    """Each writes a file in a folder of its own; the second builds on the first."""

    def stage(name: str, builds_on: tuple[str, ...]) -> Stage:
        def make(run) -> None:
            made.append(name)
            write_text(run.workdir / name / "table.csv", f"a\n{name}\n")

        return Stage(name, ("controls",), builds_on, make)

    return stage("first", ()), stage("second", ("first",))


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda own: own.__name__)
@pytest.mark.parametrize("name", ["first", "second"])
def test_a_stage_is_made_again_when_a_file_of_it_is_missing_or_has_changed(tmp_path, made, capsys, name, damage):
    make_stages(own_run(tmp_path), writing_stages(made))
    made.clear()
    damage(tmp_path / name / "table.csv", random.Random(0))
    if damage is a_folder:
        (tmp_path / name / "table.csv").rmdir()
    capsys.readouterr()
    make_stages(own_run(tmp_path), writing_stages(made))
    assert made == [name]
    assert f"to be made: {name} ({name}/table.csv is missing or has changed)\n" in capsys.readouterr().err
    assert (tmp_path / name / "table.csv").read_text() == f"a\n{name}\n"
    make_stages(own_run(tmp_path), writing_stages(made))
    assert made == [name]


@pytest.mark.parametrize("damage", [own for own in DAMAGES if own not in (removed, a_folder)], ids=lambda o: o.__name__)
def test_a_damaged_note_of_stages_makes_all_again_or_says_the_same(tmp_path, made, damage):
    make_stages(own_run(tmp_path), writing_stages(made))
    whole = read_json(tmp_path / STAGES_FILE)
    for seed in range(20):
        damage(tmp_path / STAGES_FILE, random.Random(seed))
        made.clear()
        make_stages(own_run(tmp_path), writing_stages(made))
        assert made in ([], ["first"], ["second"], ["first", "second"])
        after = read_json(tmp_path / STAGES_FILE)
        assert {name: after[name] for name in whole} == whole


def test_figures_and_the_training_are_no_stages_files(tmp_path, made):
    def make(run) -> None:
        for name in ("figures/a.png", "training/round/0", "tables/a.csv"):
            write_text(run.workdir / name, "")

    make_stages(own_run(tmp_path), (Stage("only", (), (), make),))
    assert list(read_finished(tmp_path)["only"].files) == ["tables/a.csv"]


def write_wav(path: Path) -> None:
    write_text(path, "sound")


def test_what_others_write_into_the_folder_meanwhile_is_no_stages_file(tmp_path, made):
    """A growing log, a scheduler's output, what a file manager leaves."""
    workdir, foreign = tmp_path / "w", ("log.txt", "slurm-17.out", "tables/.DS_Store", "tables/.~lock.a.csv#")

    def make(run) -> None:
        made.append("only")
        for name in ("tables/a.csv", "removed.csv"):
            write_text(workdir / name, name)
        for name in foreign:
            with (workdir / name).open("a") as file:
                file.write("more\n")
        (workdir / "removed.csv").unlink()
        write_text(tmp_path / "cache" / "b.csv", "of no workdir")

    for _ in range(2):
        make_stages(own_run(workdir), (Stage("only", (), (), make),))
        (workdir / "log.txt").write_text("the next start writes into it, too")
    assert made == ["only"]
    assert list(read_finished(workdir)["only"].files) == ["tables/a.csv"]


@pytest.mark.slow
def test_what_other_processes_write_for_a_stage_is_its_file(tmp_path):
    names = [f"listening/{number}.wav" for number in range(3)]

    def make(run) -> None:
        assert [*in_processes(write_wav, [tmp_path / name for name in names])] == [None] * 3

    make_stages(own_run(tmp_path), (Stage("only", (), (), make),))
    assert list(read_finished(tmp_path)["only"].files) == names


def wait_for(path: Path) -> None:
    while not path.exists():
        time.sleep(0.01)


@pytest.mark.slow
def test_a_stage_is_finished_when_its_figures_are_drawn(tmp_path):
    """A run that is killed while they are drawn, behind the stage, makes it again."""

    def draw_later(run) -> None:
        meanwhile(wait_for, tmp_path / "go on")

    def look(run) -> None:
        assert set(read_finished(run.workdir)) == set()
        (tmp_path / "go on").touch()

    stages = (Stage("figures", (), (), draw_later), Stage("behind", (), (), look))
    (tmp_path / "w").mkdir()
    with background():
        make_stages(own_run(tmp_path / "w"), stages)
        assert set(read_finished(tmp_path / "w")) == {"figures", "behind"}


def fail() -> None:
    raise UserError("cannot be drawn")


@pytest.mark.slow
def test_a_stage_whose_figure_cannot_be_drawn_is_not_finished(tmp_path):
    def make() -> None:
        with background():
            make_stages(own_run(tmp_path), (Stage("figures", (), (), lambda run: meanwhile(fail)),))

    with pytest.raises(UserError, match="cannot be drawn"):
        make()
    assert read_finished(tmp_path) == {}
