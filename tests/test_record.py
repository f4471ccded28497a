"""What a run's folder is made from, and where a run goes on."""

import dataclasses
import datetime
import json
import os
from pathlib import Path

import pytest

from convcam_jax.report.overview import provenance
from convcam_jax.settings import presets
from convcam_jax.settings.config import Config
from convcam_jax.settings.overrides import apply_overrides, flatten
from convcam_jax.stages.record import (
    FORMAT,
    changed_fields,
    changed_surroundings,
    check_config,
    check_shared,
    check_workdir,
    read_record,
    run_record,
    shortened,
    with_precision,
    write_record,
)
from convcam_jax.system.errors import UserError
from convcam_jax.system.formats import write_json
from convcam_jax.system.jax_setup import switches

ANOTHER = "holds a run of another version of this program, whose files were others; make it again in another folder"


def record(*changes: str) -> dict:
    surroundings = {"switches": switches(os.environ), "devices": "1 x cpu (cpu)", "packages": {}}
    config = flatten(apply_overrides(Config(), list(changes)))
    return {"format": FORMAT, "config": config, "corpus_sha256": "abc", **surroundings}


@pytest.mark.parametrize("exists", [False, True])
def test_a_new_or_empty_folder_is_accepted_and_left_as_it_is(tmp_path, exists):
    folder = tmp_path / "w"
    if exists:
        folder.mkdir()
    check_workdir(folder, record())
    assert folder.exists() == exists


def test_a_run_goes_on_under_its_own_config(tmp_path):
    write_json(tmp_path / "config.json", record("network.filters=4,5,6"))
    (tmp_path / "members.csv").write_text("x")
    again = record("network.filters=4,5,6")
    again["config"] |= {"corpus.data_dir": "moved", "train.checkpoint_interval_s": 0.0}
    again["begun"] = "2030-01-01T00:00:00+00:00"
    check_workdir(tmp_path, again)


def test_a_config_is_asked_without_the_corpus(tmp_path):
    write_json(tmp_path / "config.json", record("corpus.emotions=anger,fear", "corpus.max_frames=120"))
    left_to_the_corpus = apply_overrides(Config(), ["corpus.max_frames=0"])
    left_to_the_corpus = dataclasses.replace(
        left_to_the_corpus, corpus=dataclasses.replace(left_to_the_corpus.corpus, emotions=())
    )
    check_config(tmp_path, left_to_the_corpus)
    check_config(tmp_path / "none_yet", left_to_the_corpus)
    with pytest.raises(UserError, match=r"differing in corpus\.max_frames \(120 there, 130 now\); choose"):
        check_config(tmp_path, apply_overrides(left_to_the_corpus, ["corpus.max_frames=130"]))
    other = apply_overrides(left_to_the_corpus, ["attribution.method=hirescam"])
    check_config(tmp_path, other)


@pytest.mark.parametrize("seen", [True, False])
def test_another_process_may_begin_the_run_while_the_folder_is_looked_at(tmp_path, monkeypatch, seen):
    """It is looked at once: what is begun at that moment is the same run, whether or not it is seen already."""
    listed = Path.iterdir

    def begin_meanwhile(folder):
        before = list(listed(folder))
        write_json(folder / "config.json", record())
        (folder / "utterances.csv").write_text("x")
        return listed(folder) if seen else iter(before)

    monkeypatch.setattr(Path, "iterdir", begin_meanwhile)
    check_workdir(tmp_path, record())


def test_another_config_is_refused_naming_the_fields(tmp_path):
    write_json(tmp_path / "config.json", record())
    with pytest.raises(UserError) as error:
        check_workdir(tmp_path, record("train.epochs=3", "corpus.emotions=anger,sadness"))
    message = str(error.value)
    assert "train.epochs (5 there, 3 now)" in message
    assert "corpus.emotions" in message
    assert "batch_size" not in message
    assert "recordings" not in message


def test_what_follows_the_training_may_differ_in_a_run_of_the_paper_alone(tmp_path):
    write_json(tmp_path / "config.json", record())
    after = record("analysis.mask_threshold=0.2", "controls.permutations=3", "attribution.method=hirescam")
    check_workdir(tmp_path, after)
    for own in (planted := record(), after):
        own["config"]["experiment"] = "evidence"
    write_json(tmp_path / "config.json", planted)
    told = r"differing in analysis\.mask_threshold \(0\.1 .*, attribution\.method .*, controls\.permutations .*; choose"
    with pytest.raises(UserError, match=told):
        check_workdir(tmp_path, after)


@pytest.mark.parametrize(
    "change",
    [
        "corpus.max_frames=100",
        "representation.scale=power",
        "representation.standardisation=global",
        "split.seed=1",
        "network.dense_units=8",
        "train.learning_rate=0.01",
    ],
)
def test_a_folder_is_for_one_training(tmp_path, change):
    write_json(tmp_path / "config.json", record())
    field = change.partition("=")[0]
    with pytest.raises(UserError, match=rf"differing in {field} \(.* there, .* now\); choose another --workdir$"):
        check_workdir(tmp_path, record(change, "analysis.mask_threshold=0.2"))


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"corpus_sha256": "other"}, "the corpus's recordings, .*"),
        ({"switches": {"XLA_FLAGS": "--x"}}, r"the environment's XLA_FLAGS \(.* there, --x now\)"),
        (record("analysis.mask_threshold=0.2"), r"analysis\.mask_threshold \(0\.1 there, 0\.2 now\)"),
    ],
)
def test_processes_of_a_run_have_one_record_but_for_free_fields(tmp_path, other, told):
    with pytest.raises(UserError, match=r"has no config\.json of the first process; give each process the same --work"):
        check_shared(tmp_path, record())
    write_json(tmp_path / "config.json", record())
    check_shared(tmp_path, record("train.checkpoint_interval_s=7", "train.precision=fastest"))
    with pytest.raises(UserError, match=f"first process has a run of another config, differing in {told}; give each"):
        check_shared(tmp_path, {**record(), **other})


def test_another_network_is_refused_naming_it(tmp_path):
    write_json(tmp_path / "config.json", record())
    other = record()
    other["config"] = {n: v for n, v in other["config"].items() if not n.startswith("network.")}
    other["config"] |= {"network.name": "mobilenet", "network.width": 1.0}
    with pytest.raises(UserError, match=r"network\.name \(simplenet there, mobilenet now\)") as error:
        check_workdir(tmp_path, other)
    assert "network.width (None there, 1.0 now)" in str(error.value)


def test_another_corpus_is_refused(tmp_path):
    write_json(tmp_path / "config.json", record())
    message = r"differing in the corpus's recordings, their names or what is known of them; choose another --workdir$"
    with pytest.raises(UserError, match=message):
        check_workdir(tmp_path, {**record(), "corpus_sha256": "other"})


@pytest.mark.parametrize("of", ["maps", "weights"])
def test_other_files_are_refused(tmp_path, of):
    write_json(tmp_path / "config.json", {**record(), f"{of}_sha256": "a"})
    check_workdir(tmp_path, {**record(), f"{of}_sha256": "a"})
    with pytest.raises(UserError, match=rf"differing in the file of {of}; choose another --workdir$"):
        check_workdir(tmp_path, {**record(), f"{of}_sha256": "b"})


@pytest.mark.parametrize("earlier", [{}, {"benchmark_version": "a"}])
def test_another_version_of_the_benchmark_is_refused(tmp_path, earlier):
    now = {**record(), "benchmark_version": "b"}
    write_json(tmp_path / "config.json", now)
    check_workdir(tmp_path, now)
    write_json(tmp_path / "config.json", {**record(), **earlier})
    with pytest.raises(UserError, match=r"differing in the benchmark; choose another --workdir$"):
        check_workdir(tmp_path, now)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("XLA_FLAGS", "--xla_cpu_enable_fast_math=true"),
        ("JAX_DISABLE_MOST_OPTIMIZATIONS", "1"),
        ("JAX_OPTIMIZATION_LEVEL", "O0"),
        ("JAX_OF_A_LATER_VERSION", "x"),
        ("NVIDIA_TF32_OVERRIDE", "1"),
        ("NPY_DISABLE_CPU_FEATURES", "AVX2"),
        ("OPENBLAS_CORETYPE", "Haswell"),
        ("LIBTPU_INIT_ARGS", "--x"),
    ],
)
def test_switches_that_results_may_depend_on_are_recorded_and_others_are_refused(tmp_path, monkeypatch, name, value):
    monkeypatch.delenv(name, raising=False)
    without = run_record(Config(), [])
    monkeypatch.setenv(name, value)
    with_it = run_record(Config(), [])
    assert with_it["switches"] == {**without["switches"], name: value}
    for there, now, words in (
        (without, with_it, f"(None there, {value} now)"),
        (with_it, without, f"({value} there, None"),
    ):
        write_json(tmp_path / "config.json", there)
        check_workdir(tmp_path, there)
        with pytest.raises(UserError) as error:
            check_workdir(tmp_path, now)
        assert f"differing in the environment's {name} {words}" in str(error.value)
    # The environment has it now: a run without it is refused before its corpus is read.
    write_json(tmp_path / "config.json", with_it)
    check_config(tmp_path, Config())
    write_json(tmp_path / "config.json", without)
    with pytest.raises(UserError, match=f"differing in the environment's {name} "):
        check_config(tmp_path, Config())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("XLA_FLAGS", "--xla_force_host_platform_device_count=3 --xla_dump_to=/x"),
        ("XLA_FLAGS", ""),
        ("XLA_PYTHON_CLIENT_MEM_FRACTION", ".5"),
        ("JAX_PLATFORMS", "cpu"),
        ("JAX_DEBUG_NANS", "1"),
        ("JAX_COMPILATION_CACHE_DIR", "/x"),
        ("JAX_ENABLE_X64", "1"),
        ("JAXTYPING_DISABLE", "1"),
    ],
)
def test_switches_without_effect_or_that_the_program_sets_are_not(name, value):
    assert switches({name: value}) == {}


def test_flags_of_xla_count_in_any_order():
    assert (
        switches({"XLA_FLAGS": "--b=1  --a=2"})
        == switches({"XLA_FLAGS": "--a=2 --b=1"})
        == {"XLA_FLAGS": "--a=2 --b=1"}
    )


def test_other_packages_and_devices_are_told():
    earlier = {"devices": "2 x cpu (cpu)", "packages": {"jax": "1", "numpy": "2", "pytest": "3"}}
    now = {"devices": "1 x H100 (gpu)", "packages": {"jax": "1", "numpy": "3", "pytest": "4"}}
    assert changed_surroundings(earlier, {**now, "devices": "8 x cpu (cpu)"}) == ["numpy (2 there, 3 now)"]
    assert changed_surroundings(earlier, now)[0] == "device (cpu (cpu) there, H100 (gpu) now)"


def test_a_field_that_only_one_of_the_configs_has_is_named(tmp_path):
    earlier = record()
    earlier["config"]["train.momentum"] = 0.9
    write_json(tmp_path / "config.json", earlier)
    with pytest.raises(UserError, match=r"train\.momentum \(0\.9 there, None now\)"):
        check_workdir(tmp_path, record())
    del earlier["config"]["train.momentum"], earlier["config"]["train.kept_precision"]
    write_json(tmp_path / "config.json", earlier)
    with pytest.raises(UserError, match=r"train\.kept_precision \(None there, float16 now\)"):
        check_workdir(tmp_path, record())


@pytest.mark.parametrize("earlier", [{}, {"format": FORMAT - 1}, {"format": FORMAT + 1}])
def test_a_run_of_another_version_is_told_in_one_line(tmp_path, earlier):
    own = {name: value for name, value in record().items() if name != "format"} | earlier
    write_json(tmp_path / "config.json", own)
    for read in (lambda: check_workdir(tmp_path, record()), lambda: read_record(tmp_path)):
        with pytest.raises(UserError) as error:
            read()
        assert str(error.value) == f"{tmp_path}: {ANOTHER}"


def test_a_folder_of_other_files_is_refused(tmp_path):
    (tmp_path / ".hidden").write_text("")
    check_workdir(tmp_path, record())
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(UserError, match=r"holds files but no config\.json"):
        check_workdir(tmp_path, record())


def test_a_file_as_workdir_is_refused(tmp_path):
    (tmp_path / "w").write_text("")
    with pytest.raises(UserError, match="is a file"):
        check_workdir(tmp_path / "w", record())


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"format": FORMAT, "config": {}})])
def test_a_damaged_config_is_told(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError, match="cannot be read as the config of a run"):
        check_workdir(tmp_path, record())


@pytest.mark.parametrize("part", ["config", "corpus_sha256", "switches", "devices", "packages"])
def test_a_config_without_one_of_its_parts_is_told(tmp_path, part):
    write_json(tmp_path / "config.json", {name: value for name, value in record().items() if name != part})
    with pytest.raises(UserError, match=f"cannot be read as the config of a run \\('{part}'\\)"):
        read_record(tmp_path)


def test_the_record_of_a_run_has_its_format_config_and_the_time_in_utc():
    before = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    own = run_record(Config(), [])
    begun = datetime.datetime.fromisoformat(own["begun"])
    assert begun.utcoffset() == datetime.timedelta(0)
    assert before <= begun <= datetime.datetime.now(datetime.UTC)
    assert own["format"] == FORMAT
    assert own["config"] == flatten(Config())
    assert "jax" in own["packages"]


def test_the_record_that_was_written_is_read(tmp_path):
    own = run_record(Config(), [])
    write_json(tmp_path / "config.json", own)
    check_workdir(Path(tmp_path), own)
    assert read_record(tmp_path) == json.loads(json.dumps(own))


def test_changed_fields_are_told_with_both_values_shortened():
    earlier, now = {"a": 1, "b": list(range(100)), "c": 3}, {"a": 2, "b": [], "c": 3}
    first, second = changed_fields(earlier, now, ["a", "b", "c"])
    assert first == "a (1 there, 2 now)"
    assert second.startswith("b ([0, 1, 2, ")
    assert second.endswith(" … there, [] now)")
    assert len(shortened(list(range(100)))) <= 60


@pytest.mark.parametrize(("then", "now"), [("bfloat16", "float32"), ("float32", "bfloat16")])
def test_a_run_goes_on_in_its_precision_where_another_one_is_the_fastest(tmp_path, monkeypatch, then, now):
    monkeypatch.setattr(presets, "fastest_precision", lambda: now)
    begun, new = tmp_path / "begun", tmp_path / "new"
    write_json(begun / "config.json", record(f"train.precision={then}"))
    check_config(begun, Config())
    going_on = with_precision(Config(), begun)
    assert going_on == apply_overrides(Config(), [f"train.precision={then}"])
    check_workdir(begun, record() | {"config": flatten(going_on)})
    # Of runs that are compared, one that is begun decides.
    assert with_precision(Config(), new).train.precision == now
    assert with_precision(Config(), new, begun) == going_on
    chosen = apply_overrides(Config(), [f"train.precision={now}"])
    assert with_precision(chosen, begun) == chosen
    with pytest.raises(UserError, match=rf"differing in train\.precision \({then} there, {now} now\)"):
        check_config(begun, chosen)


def test_a_precision_that_there_is_not_is_not_believed(tmp_path):
    damaged = record()
    damaged["config"]["train.precision"] = "float33"
    write_json(tmp_path / "config.json", damaged)
    own = with_precision(Config(), tmp_path)
    assert own.train.precision != "float33"
    with pytest.raises(UserError, match=r"differing in train\.precision \(float33 there"):
        check_config(tmp_path, own)


def test_a_record_is_written_where_it_says_something_new(tmp_path):
    own = run_record(Config(), [])
    write_record(tmp_path, own)
    before = (tmp_path / "config.json").stat()
    write_record(tmp_path, {**own, "begun": "later"})
    assert (tmp_path / "config.json").stat() == before
    write_record(tmp_path, {**own, "begun": "later", "config": record("train.epochs=7")["config"]})
    after = read_record(tmp_path)
    assert (after["begun"], after["config"]["train.epochs"]) == (own["begun"], 7)
    assert "gone_on_with" not in after


def test_a_record_says_with_what_the_run_has_gone_on(tmp_path):
    """Each once, however often it goes on; the beginning stays what it was."""
    own = {**record(), "packages": {"jax": "1", "soundfile": "1", "ruff": "1"}}
    newer = {**own, "packages": {"jax": "2", "soundfile": "1", "ruff": "2"}}
    for now in (own, newer, newer, {**newer, "devices": "4 x H200 (gpu)"}, own):
        write_record(tmp_path, now)
    told = ["jax 2", "device H200 (gpu)"]
    assert read_record(tmp_path) == json.loads(json.dumps({**own, "gone_on_with": told}))
    assert provenance(read_record(tmp_path))["gone on with"] == ", ".join(told)
    assert "gone on with" not in provenance(own)


@pytest.mark.parametrize("folder", ["training/round_00", "variants/burst/training/round_00"])
@pytest.mark.parametrize("content", [None, ""])
def test_trained_networks_without_a_config_are_not_given_up(tmp_path, folder, content):
    """As a power loss, or a hand, may leave them: what the message says mends it."""
    (tmp_path / folder).mkdir(parents=True)
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(UserError, match=r"config\.json") as error:
        check_workdir(tmp_path, record())
    assert str(error.value).endswith(
        "; to go on with what has been trained, give the run's command with another --workdir, on a device like that "
        "of the run, stop it once there is a config.json in that one, and copy the file into this one"
    )
    write_json(tmp_path / "config.json", record())
    check_workdir(tmp_path, record())
