"""The command line: what is taken, what is refused and how, and the help."""

import dataclasses
import re
import subprocess
import sys

import pytest
from small_run import PROJECT_DIR

from convcam_jax.settings.config import DOORS, Config
from convcam_jax.settings.flags import Flags, flags_by_purpose, read_flags
from convcam_jax.settings.protocols import PRESETS
from convcam_jax.system.errors import UserError
from experiments import CONFIG_FLAGS, EXPERIMENTS, GENERAL_FLAGS, command, descriptions

FLAGS = {name: flag for flags in flags_by_purpose(descriptions()).values() for name, flag in flags.items()}
WITH_CHOICES = [name for name, flag in FLAGS.items() if flag.choices]
NUMBERS = {name: flag.lowest for name, flag in FLAGS.items() if flag.lowest is not None}


def read(*arguments: str) -> Flags:
    return read_flags(arguments, descriptions())


def config_of(*arguments: str):
    return command.config_of(read(*arguments))


def test_defaults_are_told_and_are_among_the_choices():
    assert all("by default" in FLAGS[name].help for name in WITH_CHOICES)
    for name in WITH_CHOICES:
        own = getattr(Flags(), name) or getattr(PRESETS[Flags().protocol], name)
        assert own in FLAGS[name].choices


@pytest.mark.parametrize("arguments", [["--seeds=3"], ["--seeds", "3"], ["--seeds=4", "--seeds=3"]])
def test_values_are_read(arguments):
    assert read(*arguments) == Flags(seeds=3, given=frozenset({"seeds"}))


def test_a_repeated_flag_keeps_all_its_values():
    assert read("--set=a=1", "--set=b=2", "--quiet").set == ("a=1", "b=2")


@pytest.mark.parametrize("name", WITH_CHOICES)
@pytest.mark.parametrize("change", [lambda value: value + "s", str.upper, lambda value: value[:-1]])
def test_a_value_that_is_nearly_right_is_told_with_the_right_one(name, change):
    for right in FLAGS[name].choices:
        text = change(right)
        with pytest.raises(UserError) as told:
            read(f"--{name}={text}")
        assert str(told.value).startswith(f"--{name}={text}: must be one of ")
        assert str(told.value).endswith(f"; the nearest is {right}")


@pytest.mark.parametrize("name", WITH_CHOICES)
@pytest.mark.parametrize("text", ["", "xyzzy", "ünï", "0"])
def test_a_value_unlike_any_is_told_without_a_far_fetched_one(name, text):
    with pytest.raises(UserError) as told:
        read(f"--{name}={text}")
    assert "must be one of" in str(told.value)
    assert "nearest" not in str(told.value)


@pytest.mark.parametrize("name", FLAGS)
def test_an_unknown_flag_is_told_with_the_nearest(name):
    with pytest.raises(UserError, match=f"^--{name}x: there is no such flag; the nearest is {name}$"):
        read(f"--{name}x=1")


@pytest.mark.parametrize("argument", ["--xyzzy", "--xyzzy=1", "-q", "--no-quiet-at-all-please"])
def test_a_flag_unlike_any_is_told_without_a_far_fetched_one(argument):
    with pytest.raises(UserError, match=r"there is no such flag; --help tells all$"):
        read(argument)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("text", ["many", "", "1.5", "1_5", "-1"])
def test_a_number_that_cannot_be_is_told(name, text):
    with pytest.raises(UserError, match=rf"^--{name}={text}: must be "):
        read(f"--{name}={text}")


@pytest.mark.parametrize("name", [name for name, flag in FLAGS.items() if flag.placeholder])
def test_a_missing_value_is_told(name):
    with pytest.raises(UserError, match=f"a value is missing for --{name}$"):
        read(f"--{name}")


def test_a_flag_that_is_given_or_not_has_no_other_value():
    assert read("--quiet=true").quiet
    assert not read("--noquiet").quiet
    with pytest.raises(UserError, match=r"^--quiet=3: must be true or false$"):
        read("--quiet=3")


OTHERS = [(e, f) for e, own in EXPERIMENTS.items() for f in FLAGS if f not in (*own.takes, *GENERAL_FLAGS)]


@pytest.mark.parametrize(("experiment", "flag"), OTHERS)
def test_a_flag_that_an_experiment_does_not_take_is_refused(experiment, flag):
    value = next(iter(FLAGS[flag].choices), "1")
    with pytest.raises(UserError, match=rf"^--{flag}: .*(leave the flag out|is for --experiment=.* only)$"):
        config_of(f"--experiment={experiment}", f"--{flag}={value}")


@pytest.mark.parametrize(
    ("experiment", "flag"),
    [
        *(("evidence_export", flag) for flag in ("seeds", "network", "protocol")),
        *(("analyse_maps", flag) for flag in ("seeds", "split")),
        ("benchmark", "seeds"),
    ],
)
def test_flags_that_would_change_nothing_are_not_taken(experiment, flag):
    """A benchmark is made without a network, sizes say how many members are timed, and given maps are of one member.

    All recordings that have a map are tested.
    """
    assert (experiment, flag) in OTHERS


@pytest.mark.parametrize(
    ("experiment", "assignment", "users"),
    [
        ("networks", "evidence.variants=burst", "evidence or evidence_export"),
        ("paper", " networks.evidence = true", "networks"),
        ("evidence", "benchmark.members=2", "benchmark"),
        ("paper", "given_maps.free_from_colours=false", "analyse_maps"),
        ("evidence", "analysis.mask_threshold=0.3", "paper or analyse_maps or networks or benchmark"),
        ("evidence_export", "train.epochs=3", "paper or evidence or networks or training_ablation or benchmark"),
        ("evidence_export", "evidence.methods=rise", "evidence"),
        ("evidence_export", "network.dense_units=9", ".* or benchmark"),
        ("training_ablation", "attribution.method=hirescam", "paper or evidence or networks or benchmark"),
        ("benchmark", "controls.permutations=9", "paper or analyse_maps or networks"),
        ("benchmark", "analysis.table_digits=truncated", "paper or analyse_maps or networks"),
        ("benchmark", "train.precision=bfloat16", "paper or evidence or networks or training_ablation"),
        ("benchmark", "attribution.precision=bfloat16", "paper or evidence or analyse_maps or networks"),
        ("analyse_maps", "split.seed=3", ".* or benchmark"),
        ("analyse_maps", "attribution.target=predicted", "paper or evidence or networks or benchmark"),
        ("analyse_maps", "report.random_masks=3", "paper or networks"),
    ],
)
def test_a_field_that_an_experiment_does_not_look_at_is_refused(experiment, assignment, users):
    field = assignment.partition("=")[0].strip()
    with pytest.raises(UserError, match=rf"^--set={field}: is for --experiment={users} only; leave it out$"):
        config_of(f"--experiment={experiment}", f"--set={assignment}")


def test_what_an_experiment_ignores_is_there_and_of_another():
    names = {field.name for field in dataclasses.fields(Config)}
    fields = {f"{name}.{own.name}" for name in names for kind in kinds_of(name) for own in dataclasses.fields(kind)}
    for own in EXPERIMENTS.values():
        assert set(own.ignores) <= names | fields
    of_config = [own for own in EXPERIMENTS.values() if "set" in own.takes]
    assert all(any(own.looks_at(field) for own in of_config) for field in fields)


def kinds_of(section: str) -> list[type]:
    kind = type(getattr(Config(), section))
    return list(DOORS[section].values()) if section in DOORS else [kind] * dataclasses.is_dataclass(kind)


OF_EMODB = ("--corpus=emodb", "--data_dir=X")


@pytest.mark.parametrize("experiment", ["evidence", "training_ablation"])
@pytest.mark.parametrize("corpus", [(), ("--corpus=ravdess", "--data_dir=X"), (*OF_EMODB, "--split=speaker_folds")])
def test_a_protocol_that_changes_nothing_is_refused(experiment, corpus):
    message = rf"^--protocol=published: changes nothing that --experiment={experiment} looks at; leave it out$"
    with pytest.raises(UserError, match=message):
        config_of(f"--experiment={experiment}", "--protocol=published", *corpus)
    assert config_of(f"--experiment={experiment}", "--protocol=corrected", *corpus).protocol == "corrected"
    assert config_of(f"--experiment={experiment}", "--protocol=modern", *corpus).protocol == "modern"


@pytest.mark.parametrize("experiment", ["evidence", "training_ablation"])
def test_a_protocol_that_says_what_is_tested_is_taken(experiment):
    assert config_of(f"--experiment={experiment}", "--protocol=published", *OF_EMODB).split.pinned_test


@pytest.mark.parametrize("flag", [flag for flag in FLAGS if flag not in GENERAL_FLAGS])
def test_the_help_of_a_flag_says_for_which_experiments_it_is(flag):
    takers = [name for name, own in EXPERIMENTS.items() if flag in own.takes]
    with_config = [name for name, own in EXPERIMENTS.items() if "set" in own.takes]
    named = set(with_config) - set(takers) if flag in CONFIG_FLAGS else set(takers)
    words = set(re.findall(r"\w+", FLAGS[flag].help))
    assert named <= words
    assert ("Not for" in FLAGS[flag].help) == (flag in CONFIG_FLAGS and bool(named))


def test_several_corpora_are_named_themselves():
    with pytest.raises(UserError, match=r"^--corpus=several: must be one of .*emovo"):
        read("--corpus=several")
    with pytest.raises(UserError, match=r"^--data_dir: .*emovo(?!.*several)"):
        config_of("--data_dir=X")


@pytest.mark.parametrize("experiment", [name for name, own in EXPERIMENTS.items() if own.needs])
def test_what_an_experiment_needs_is_told(experiment):
    with pytest.raises(UserError, match=r"^--(maps|from_workdir|workdir): missing; give the "):
        config_of(f"--experiment={experiment}")


def test_every_file_of_an_experiment_is_listed():
    files = {path.stem for path in (PROJECT_DIR / "experiments").glob("*.py")}
    assert files - {"__init__", "command"} == set(EXPERIMENTS)


def test_who_stops_an_experiment_is_told_that_it_goes_on_where_it_does():
    told = {name: own.when_stopped.format(workdir="runs/{w}") for name, own in EXPERIMENTS.items()}
    goes_on = [name for name, own in told.items() if "with --workdir=runs/{w} goes on where it was" in own]
    assert goes_on == ["paper", "evidence", "networks", "training_ablation"]
    assert all("the same command" in own and own.endswith("begins anew") for n, own in told.items() if n not in goes_on)


def test_a_reader_of_the_help_that_goes_is_no_error():
    line = [sys.executable, "run.py", "--help"]
    with subprocess.Popen(line, cwd=PROJECT_DIR, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode in (0, 141)


def test_help_says_all_by_purpose(capsys):
    with pytest.raises(SystemExit):
        read("--help")
    said = capsys.readouterr().out
    assert all(f"\n{purpose}:\n" in said for purpose in flags_by_purpose(descriptions()))
    assert all(f"\n  --{name}" in said for name in FLAGS)
    assert max(map(len, said.splitlines())) <= 105
