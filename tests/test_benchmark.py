import dataclasses
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from reads import no_ignored_field_is_read

from convcam_jax.attribution.explaining import explain_members
from convcam_jax.attribution.placement import Placement, normalise_and_crop, place, stretched_centres
from convcam_jax.attribution.placement import interpolation_matrix as interpolate
from convcam_jax.benchmark import ours, plain_metrics, worker
from convcam_jax.benchmark.cases import OURS, UNITS, Case, make_size, turns
from convcam_jax.benchmark.inputs import Inputs, choose_batch, load_inputs, repeat_until_full, save_inputs
from convcam_jax.benchmark.measure import Files, MissingError, Worker, measure_in_turns
from convcam_jax.benchmark.summary import benchmark_table, in_words
from convcam_jax.data import batches
from convcam_jax.data.arrays import AnalysisArrays
from convcam_jax.data.members import Member
from convcam_jax.data.recordings import Recordings
from convcam_jax.figures import benchmark as figures
from convcam_jax.measures.config import AnalysisConfig
from convcam_jax.measures.masks import binarise, emotion_masks
from convcam_jax.measures.metrics import recording_metrics
from convcam_jax.networks.applications.mobilenet import MobileNetConfig
from convcam_jax.settings.compared import benchmarked_configs
from convcam_jax.settings.config import Config
from convcam_jax.settings.experiments import BenchmarkConfig
from convcam_jax.settings.overrides import apply_overrides
from convcam_jax.settings.presets import Choices, make_config
from convcam_jax.splits.protocol import ONLY_FOLD
from convcam_jax.stages.benchmark import check_unmeasured
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.errors import UserError
from convcam_jax.system.process.allocator import TUNABLES
from convcam_jax.training.ensemble import init_round
from experiments import benchmark as experiment

F, T, H, W, B, N, C = 12, 40, 6, 6, 4, 5, 3
CONFIG = apply_overrides(
    Config(),
    [
        *(f"representation.n_bins={F}", f"corpus.max_frames={T}", "corpus.emotions=a,b,c"),
        *("network.filters=3,4,5", "network.dense_units=6", "train.batch_size=4"),
    ],
)


def make_inputs() -> Inputs:
    generator = np.random.default_rng(0)
    n_frames = np.array([40, 18, 25, 33, 30])
    inside = np.arange(T) < n_frames[:, None]
    tested = (generator.random((N, F, T)) * inside[:, None]).astype(np.float32)
    voiced = inside & (generator.random((N, T)) < 0.6)
    batch_frames = np.array([20, 22, 31, 40])
    batch = generator.random((B, F, T)) * (np.arange(T) < batch_frames[:, None, None])
    return Inputs(
        platform=np.array("cpu"),
        batch=batch.astype(np.float32),
        batch_frames=batch_frames,
        batch_emotion=np.array([0, 1, 2, 0]),
        batch_layout=np.array(CONFIG.make_network("float32").layout(batch_frames[:, None])),
        full_length=repeat_until_full(batch, batch_frames).astype(np.float32),
        tested=tested,
        n_frames=n_frames,
        emotion=np.array([0, 1, 0, 1, 2]),
        magnitude=tested,
        energy=(generator.random((N, T)) * inside).astype(np.float32),
        f0_hz=np.where(voiced, generator.uniform(90, 300, (N, T)), 0).astype(np.float32),
        voiced=voiced,
        bin_hz=100.0 * 2 ** (np.arange(F) / 12),
        placement_frequency=interpolate(stretched_centres(H, F), F),
        placement_time=interpolate(stretched_centres(W, T), T),
        wavs=np.array(["a.wav", "b.wav"]),
    )


INPUTS = make_inputs()


def test_the_loop_in_numpy_gives_the_same_maps_and_metrics():
    """Each is an oracle of the other: both must be what the benchmark's programs are compared on."""
    node_maps = np.maximum(np.random.default_rng(1).normal(size=(N, H, W)), 0).astype(np.float32)
    node_maps[3] = 0
    correct = np.array([True, True, False, True, False])
    placement = Placement(INPUTS.placement_frequency, INPUTS.placement_time)
    maps = [
        normalise_and_crop(place(jnp.asarray(own), placement), frames)
        for own, frames in zip(node_maps, INPUTS.n_frames, strict=True)
    ]
    plain_maps = [plain_metrics.place(own, INPUTS, i) for i, own in enumerate(node_maps)]
    for own, plain in zip(maps, plain_maps, strict=True):
        np.testing.assert_allclose(plain, own[:, : plain.shape[1]], atol=1e-6)
    masks = emotion_masks(jnp.stack(maps), jnp.asarray(INPUTS.emotion), jnp.asarray(correct), C)
    found = plain_metrics.analyse(plain_maps, correct.tolist(), INPUTS, C)
    measure = jax.jit(recording_metrics, static_argnames="config")
    for i, metrics in enumerate(found):
        own = AnalysisArrays(*(getattr(INPUTS, name)[i] for name in AnalysisArrays._fields))
        mask = binarise(masks[INPUTS.emotion[i]], 0.1)
        expected = measure(maps[i], own, jnp.asarray(INPUTS.bin_hz), mask, config=AnalysisConfig())._asdict()
        assert metrics.keys() == expected.keys()
        for name, value in metrics.items():
            np.testing.assert_allclose(value, expected[name], rtol=2e-4, atol=1e-6, err_msg=f"{i} {name}")
    # Nothing would be compared if all were missing.
    assert np.isfinite([metrics["f0_segment_rmse_hz"] for metrics in found]).sum() == 4
    assert np.isnan(found[4]["energy_ratio"])


def test_a_batch_has_one_recording_of_each_stratum_of_length():
    n_frames = np.array([99, 10, 20, 30, 40, 50, 60, 70, 80, 99])
    batch, longest = choose_batch(n_frames, np.arange(1, 9), 4)
    # Strata, longest first: 80 70 | 60 50 | 40 30 | 20 10; the second of each.
    assert n_frames[batch].tolist() == [70, 50, 30, 10]
    assert longest.tolist() == [[80], [60], [40], [20]]


def test_recordings_are_repeated_until_all_frames_are_filled():
    spectrograms = np.array([[[1, 2, 3, 0, 0, 0, 0]], [[1, 2, 3, 4, 5, 6, 7]]])
    filled = repeat_until_full(spectrograms, np.array([3, 7]))
    assert filled.tolist() == [[[1, 2, 3, 1, 2, 3, 1]], [[1, 2, 3, 4, 5, 6, 7]]]


def test_inputs_survive_being_saved(tmp_path):
    save_inputs(tmp_path / "inputs.npz", INPUTS)
    for name, values in load_inputs(tmp_path / "inputs.npz")._asdict().items():
        np.testing.assert_array_equal(values, INPUTS._asdict()[name])


@pytest.mark.parametrize("size", ["short", "full"])
def test_every_case_of_ours_has_a_peer_in_its_group_or_one_measured_before(size):
    config = BenchmarkConfig(size=size)
    groups = turns(config.tasks, make_size(config, 48, 417, bfloat16_units=True), 16, "simplenet")
    measured = set()
    for group in groups:
        assert group[0].program == OURS
        measured |= {(case.task, case.precision) for case in group if case.program != OURS}
        assert (group[0].task, group[0].precision) in measured
    cases = [case for group in groups for case in group]
    assert len(set(cases)) == len(cases)
    assert {case.task for case in cases} == ({"training_step", "explaining"} if size == "short" else set(UNITS))
    members = {case.members for case in cases if case.task == "training_step" and case.program == OURS}
    assert members == ({2} if size == "short" else {1, 2, 5, 10, 20})


def test_a_short_benchmark_leaves_out_bfloat16_where_the_processor_has_no_units_for_it():
    for size, expected in (("short", {"float32"}), ("full", {"float32", "bfloat16", "float64"})):
        config = BenchmarkConfig(size=size)
        groups = turns(config.tasks, make_size(config, 48, 417, bfloat16_units=False), 16, "simplenet")
        assert {case.precision for group in groups for case in group} == expected


def test_tasks_can_be_chosen():
    config = BenchmarkConfig(tasks=("features",))
    groups = turns(config.tasks, make_size(config, 4, 20, bfloat16_units=True), 16, "simplenet")
    assert [[(c.program, c.recordings) for c in group] for group in groups] == [[(OURS, 20), ("librosa_loop", 20)]]


@pytest.mark.parametrize("fields", [{"size": "short", "tasks": ("features",)}, {"tasks": ()}])
def test_a_size_that_measures_none_of_the_chosen_tasks_is_refused(fields):
    with pytest.raises(UserError, match=r"benchmark\.tasks: size (short|full) measures none of them"):
        BenchmarkConfig(**fields)


def test_seconds_and_ratios_by_hand():
    seconds = {
        Case("simplenet", "training_step", OURS, "float32", 2, 16): [4.0, 1.0, 2.0],
        Case("simplenet", "training_step", "pytorch", "float32", 1, 16): [3.0, 2.0, 4.0],
        Case("simplenet", "training_step", "keras_tensorflow", "float32", 1, 16): [2.0, 2.0, 2.0],
        Case("simplenet", "training_step", OURS, "bfloat16", 2, 16): [1.0],
        Case("simplenet", "explaining", OURS, "float32", 2, 8): [1.6],
        Case("simplenet", "explaining", "pytorch_hooks", "float32", 1, 8): [8.0],
    }
    table = benchmark_table(seconds)
    # Per step and member: two members' medians are halved; per map: 16 and 8 maps.
    assert table["seconds_median"].tolist() == pytest.approx([1.0, 3.0, 2.0, 0.5, 0.1, 1.0])
    assert table["seconds_min"].tolist()[:2] == [0.5, 2.0]
    assert table["seconds_max"].tolist()[:2] == [2.0, 4.0]
    expected = [0.5, 1.5, 2 / 3, np.nan, 0.1, np.nan]
    np.testing.assert_allclose(table["ratio_to_best_peer"], expected)
    lines = in_words(table)
    assert "1.0000 s per step and member, 2.00 times as fast as the best peer" in lines[0]
    assert lines[1].endswith("no peer")


def test_a_network_is_compared_with_the_same_network_alone():
    seconds = {
        Case(network, "training_step", program, "float32", 1, 16): [value]
        for network, program, value in (
            ("simplenet", OURS, 1.0),
            ("simplenet", "pytorch", 4.0),
            ("vgg16", OURS, 6.0),
            ("vgg16", "pytorch", 3.0),
        )
    }
    expected = [0.25, np.nan, 2.0, np.nan]
    np.testing.assert_allclose(benchmark_table(seconds)["ratio_to_best_peer"], expected)
    assert [line.split(",")[0] for line in in_words(benchmark_table(seconds))] == ["simplenet", "vgg16"]


def test_networks_are_measured_in_full_size_and_the_configs_own_as_it_is():
    config = dataclasses.replace(CONFIG, representation=Config().representation, corpus=Config().corpus)
    alone = benchmarked_configs(config)
    assert list(alone) == ["simplenet"]
    assert alone["simplenet"].network.filters == (3, 4, 5)
    several = benchmarked_configs(apply_overrides(config, ["benchmark.networks=mobilenet,simplenet"]))
    assert [(name, own.network.name) for name, own in several.items()] == [("mobilenet",) * 2, ("simplenet",) * 2]
    assert several["mobilenet"].network == MobileNetConfig()
    assert several["simplenet"].network.filters == (3, 4, 5)


@pytest.mark.parametrize(
    ("names", "message"),
    [("vgg61", r"benchmark\.networks=vgg61: .*vgg16"), ("vgg16,vgg16", r"benchmark\.networks: has one of them twice")],
)
def test_networks_that_cannot_be_measured_are_refused(names, message):
    with pytest.raises(UserError, match=message):
        BenchmarkConfig(networks=tuple(names.split(",")))


def test_the_network_is_the_papers_also_on_the_embedded_corpus():
    assert make_config(Choices(experiment="benchmark")).network.filters == (64, 128, 256)
    assert make_config(Choices(experiment="paper")).network.filters != (64, 128, 256)


@pytest.mark.parametrize("task", ["training_step", "training_step_full_length"])
def test_our_training_goes_on_from_step_to_step_and_members_are_different(task):
    with no_ignored_field_is_read("benchmark"):
        run = ours.prepare(Case("simplenet", task, OURS, "float32", 2, B), INPUTS, CONFIG)
        losses = np.array([run().mean_loss() for _ in range(2)])
    assert losses.shape == (2, 2)
    assert np.isfinite(losses).all()
    assert len(np.unique(losses)) == losses.size


def test_our_explanations_are_measured_as_by_the_loop_in_numpy():
    with no_ignored_field_is_read("benchmark"):
        found = ours.prepare(Case("simplenet", "explaining", OURS, "float32", 2, N), INPUTS, CONFIG)()
    network = CONFIG.make_network("float32")
    variables = init_round((Member("female", ONLY_FOLD, 0),), network, CONFIG.train, CONFIG.grid).variables
    recordings = Recordings(*map(jnp.asarray, (INPUTS.tested, INPUTS.n_frames, INPUTS.emotion)))
    strata, layout = batches.tested_strata(INPUTS.n_frames, {"tested": np.arange(N)}, "tested", N, network.layout)
    (maps,), logits = explain_members(variables, recordings, strata, network, layout, (CONFIG.attribution,))
    placed = [plain_metrics.place(np.maximum(own, 0), INPUTS, i) for i, own in enumerate(maps[0])]
    correct = (logits[0].argmax(-1) == INPUTS.emotion).tolist()
    expected = [metrics["q_mse"] for metrics in plain_metrics.analyse(placed, correct, INPUTS, C)]
    # Both members have the first one's variables.
    np.testing.assert_allclose(found.metrics.q_mse, [expected, expected], rtol=1e-4)
    # Nothing would be compared if all maps were zero.
    assert np.isfinite(expected).sum() == 3


class FakeWorker(Worker):
    """Answers as a process does; every run takes a second longer than the one before."""

    def __init__(self, log, missing=False):
        self.log, self.missing, self.seconds = log, missing, 0.0

    def ask(self, verb, case):
        self.log.append((verb, case.program))
        if verb == "prepare" and self.missing:
            raise MissingError("not here")
        self.seconds += verb == "run"
        return {"seconds": self.seconds}


def test_programs_take_turns_and_missing_ones_are_left_out():
    log: list[tuple[str, str]] = []
    cases = [
        Case("simplenet", "training_step", program, "float32", 1, 16)
        for program in (OURS, "keras_tensorflow", "pytorch")
    ]
    workers = {"ours": FakeWorker(log), "keras_tensorflow": FakeWorker(log), "pytorch": FakeWorker(log, missing=True)}
    seconds, missing = measure_in_turns(cases, workers, repeats=2)
    assert missing == {"pytorch": "not here"}
    assert seconds == {cases[0]: [1.0, 2.0], cases[1]: [1.0, 2.0]}
    assert [program for verb, program in log if verb == "run"] == [OURS, "keras_tensorflow", "keras_tensorflow", OURS]
    assert ("release", "pytorch") not in log


@pytest.mark.parametrize("safe_path", ["", "1"])
def test_a_program_whose_package_is_missing_says_so(tmp_path, monkeypatch, safe_path):
    monkeypatch.setenv("PYTHONSAFEPATH", safe_path)
    files = Files(tmp_path / "inputs.npz", tmp_path / "config.json", tmp_path)
    with (tmp_path / "messages.txt").open("w+") as messages:
        program = Worker("no_such_program", files, messages)
        try:
            with pytest.raises(MissingError, match="no_such_program"):
                program.wait_until_ready()
        finally:
            program.end()


def environment_of(process_id: int) -> str:
    """The environment of a process, which has none for a moment while it is started."""
    until_s = time.monotonic() + 10
    while not (found := Path(f"/proc/{process_id}/environ").read_text()):
        assert time.monotonic() < until_s
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="other systems tell no process's environment, nor have glibc")
def test_peers_alone_are_started_without_the_settings_of_the_allocator(tmp_path, monkeypatch):
    monkeypatch.setenv("GLIBC_TUNABLES", TUNABLES)
    files = Files(tmp_path / "inputs.npz", tmp_path / "config.json", tmp_path)
    found = {}
    with (tmp_path / "messages.txt").open("w+") as messages:
        for module in ("ours", "pytorch"):
            program = Worker(module, files, messages)
            found[module] = environment_of(program._process.pid)
            program.end()
    assert "GLIBC_TUNABLES=" in found["ours"]
    assert "GLIBC_TUNABLES" not in found["pytorch"]
    assert "PATH=" in found["pytorch"]


def test_orders_are_obeyed_and_a_missing_peer_is_told(monkeypatch):
    monkeypatch.setattr(worker, "_SHORTEST_RUN_S", 0.0)
    case = Case("simplenet", "explaining", OURS, "float32", 1, 2)
    calls: list[Case] = []

    def prepare(own):
        if own.program == "pytorch_grad_cam":
            raise ImportError("no grad-cam")
        return lambda: calls.append(own)

    ready: dict[str, worker.Job] = {}
    assert worker._obey({"prepare": case._asdict()}, ready, prepare) == {}
    assert worker._obey({"run": case._asdict()}, ready, prepare)["seconds"] >= 0
    assert calls == [case] * (1 + 4)
    other = case._replace(program="pytorch_grad_cam")
    assert worker._obey({"prepare": other._asdict()}, ready, prepare) == {"missing": "no grad-cam"}
    assert worker._obey({"release": case._asdict()}, ready, prepare) == {}
    assert ready == {}


def test_a_short_run_is_repeated_and_its_mean_taken(monkeypatch):
    now = iter([10.0, 11.0, 12.0, 13.0, 14.0])
    monkeypatch.setattr(worker.time, "perf_counter", lambda: next(now))
    monkeypatch.setattr(worker, "_SHORTEST_RUN_S", 2.5)
    runs: list[int] = []
    # After three runs more than 2.5 s have passed, and another second when the time is read.
    assert worker._mean_seconds(lambda: runs.append(1)) == pytest.approx(4 / 3)
    assert len(runs) == 3


def test_the_fastest_of_a_turn_counts(monkeypatch):
    now = iter([0.0, 3.0, 3.0, 10.0, 15.0, 15.0, 20.0, 21.0, 21.0, 30.0, 32.0, 32.0])
    monkeypatch.setattr(worker.time, "perf_counter", lambda: next(now))
    case = Case("simplenet", "explaining", OURS, "float32", 1, 2)
    ready: dict[str, worker.Job] = {str(case): lambda: None}
    assert worker._obey({"run": case._asdict()}, ready, lambda own: lambda: None) == {"seconds": 1.0}


def test_figures_show_every_program(tmp_path):
    rows = [
        (network, task, program, "float32", members, 16, UNITS[task], 0.3, 0.2, 0.5, 1.0)
        for network, tasks in (("simplenet", UNITS), ("vgg16", ("training_step", "explaining")))
        for task in tasks
        for program, members in ((OURS, 2), (OURS, 5), ("keras_tensorflow", 1))
    ]
    columns = benchmark_table({Case("simplenet", "features", OURS, "float64", 1, 4): [1.0]}).columns
    table = pd.DataFrame(rows, columns=columns)
    drawn = figures.comparison(table, OURS)
    assert len(drawn.axes) == len(UNITS) + 2
    labels = [label.get_text() for label in drawn.axes[0].get_yticklabels()]
    assert labels == ["convcam_jax, float32", "keras_tensorflow, float32"]
    for number, figure in enumerate((drawn, figures.growth(table, OURS))):
        figure.savefig(tmp_path / f"{number}.png")
        assert (tmp_path / f"{number}.png").stat().st_size > 5000


@pytest.mark.parametrize("name", ["benchmark.csv", "methods.csv"])
def test_a_measurement_is_not_written_over(name, tmp_path):
    settings = RunSettings(CONFIG, tmp_path, tmp_path / "cache")
    check_unmeasured(tmp_path)
    (tmp_path / name).write_text("measured")
    with pytest.raises(UserError, match=rf"^{tmp_path}: holds a measurement, {name}; choose another --workdir$"):
        experiment.run(settings)
    assert (tmp_path / name).read_text() == "measured"
