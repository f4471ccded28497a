"""New recordings explained by a finished run: as the run itself explains them, in files that others can read."""

import json
import shutil
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pandas as pd
import parselmouth
import pytest
import soundfile
from figure_checks import assert_no_overlapping_text, titles
from parselmouth.praat import call
from run_checks import MEMBER
from small_run import QUICK, SMALL_RUN, hashes, last_line, start, table
from test_surroundings import SWITCHES, run_script

import convcam_jax
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.measures.metric_table import METRICS
from convcam_jax.measures.unlabelled import OF_MASKS
from convcam_jax.settings.flags import read_flags
from convcam_jax.settings.overrides import restore
from convcam_jax.settings.presets import with_device_defaults
from convcam_jax.stages import beginning
from convcam_jax.stages.attribution import explain_ensemble
from convcam_jax.stages.checks.listening_sounds import listen
from convcam_jax.stages.ensemble import training
from convcam_jax.stages.finished_run import load_earlier_run, read_earlier_run
from convcam_jax.stages.preparation import find_corpus
from convcam_jax.stages.record import read_record
from convcam_jax.stages.references import read_references
from convcam_jax.stages.run import EXPLANATIONS, Run, load_explanations
from convcam_jax.stages.stage import make_stages, origins
from convcam_jax.stages.without_labels import new_recordings
from convcam_jax.stages.without_labels.new_recordings import find_recordings
from convcam_jax.stages.without_labels.trained_run import TrainedRun
from convcam_jax.system.errors import UserError
from convcam_jax.system.formats import read_json, write_json
from experiments import command, descriptions, explain, export
from experiments.paper import STAGES

OF_MAPS = set(METRICS) - set(OF_MASKS)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory, run_cache_dir) -> Path:
    """The workdir of a finished run that normalises its inputs, as far as its metrics."""
    workdir = tmp_path_factory.mktemp("runs") / "finished"
    flags = ("--set=corpus.emotions=anger,sadness", "--set=representation.standardisation=per_bin")
    line = [*SMALL_RUN, *QUICK, *flags, f"--workdir={workdir}", f"--cache_dir={run_cache_dir}"]
    settings = command.settings_of(read_flags(line, descriptions()))
    run = beginning.begin(settings._replace(config=with_device_defaults(settings.config)))
    training.train_ensemble(run)
    make_stages(run, [stage for stage in STAGES if stage.name in ("explanations", "members", "metrics")])
    return workdir


@pytest.fixture(scope="module")
def corpus(run_dir, run_cache_dir) -> dict[str, Utterance]:
    """The run's recordings by name."""
    utterances = find_corpus(restore(read_record(run_dir)["config"]), run_cache_dir).utterances
    return {u.recording: u for u in utterances}


@pytest.fixture(scope="module")
def explained(run_dir, run_cache_dir, corpus, tmp_path_factory) -> tuple[Path, list[str], str]:
    """The folder of two explained recordings, their names, and what was said; one sound beside them is no sound."""
    tested = table(run_dir, "folds.csv").query("split == 'test'")["recording"].tolist()
    names = [tested[0], tested[-1]]
    folder = tmp_path_factory.mktemp("new")
    for name in names:
        shutil.copy(corpus[name].path, folder / f"{name}.wav")
    (folder / "noise.wav").write_text("none")
    before = hashes(run_dir)
    result = start(run_dir, run_cache_dir, "--experiment=explain", f"--recordings={folder}")
    assert result.returncode == 0, result.stderr[-4000:]
    after = hashes(run_dir)
    assert {name: after[name] for name in before} == before
    results = Path(last_line(result.stdout).removeprefix("The results are in "))
    assert results.parent == run_dir / "explained"
    assert all(Path(name).parts[0] == "explained" for name in set(after) - set(before))
    return results, names, result.stderr


@pytest.fixture(scope="module")
def own(run_dir) -> TrainedRun:
    return convcam_jax.load_run(run_dir)


def test_a_test_recording_gets_the_answers_and_maps_of_the_run(run_dir, own, corpus):
    answers = table(run_dir, "predictions.csv")
    probabilities = ["probability/anger", "probability/sadness"]
    compared = 0
    for cohort, known in load_explanations(run_dir / EXPLANATIONS).items():
        for i, name in enumerate(known.recordings[:3]):
            found = own.explain(corpus[name].path)
            rows = [m.cohort == cohort for m in own.members]
            expected = answers[(answers["recording"] == name) & (answers["group"] == cohort.group)]
            np.testing.assert_allclose(found.probabilities[rows], expected[probabilities], rtol=1e-5)
            assert found.answers[rows]["predicted"].tolist() == expected["predicted"].tolist()
            if found.predicted == corpus[name].emotion:
                # The run explains the truth, this the prediction.
                n_frames = len(found.times_s)
                signed = [jnp.asarray(one) for one in known.signed_maps[:, i]]
                maps = np.stack([convcam_jax.placed_map(one, n_frames, own.placement) for one in signed])
                np.testing.assert_allclose(found.maps[rows], maps[..., :n_frames], atol=1e-5)
                _assert_metrics(run_dir, found, name, rows)
                compared += 1
    assert compared > 0


def _assert_metrics(run_dir, found, name, rows):
    metrics = table(run_dir, "metrics.csv")
    expected = metrics[(metrics["recording"] == name)][found.metrics.columns].reset_index(drop=True)
    pd.testing.assert_frame_equal(
        found.metrics[rows].reset_index(drop=True), expected, rtol=2e-3, atol=1e-4, check_dtype=False
    )


# What a notebook asks, and whether its own settings are as they were.
ASK = """
import sys
import jax
import convcam_jax
if __name__ == "__main__":
    before = dict(jax.config.values)
    found = convcam_jax.load_run(sys.argv[1]).explain(sys.argv[2])
    assert dict(jax.config.values) == before
    print(found.maps.tobytes().hex(), found.probabilities.to_numpy().tobytes().hex())
"""


@pytest.mark.slow
def test_a_notebook_gets_the_same_whatever_it_has_set_for_jax(run_dir, corpus, tmp_path):
    line = [run_dir, corpus[next(iter(corpus))].path]
    plain, odd = (run_script(tmp_path / "a.py", ASK, *line, environment=switches) for switches in ({}, SWITCHES))
    assert plain.returncode == odd.returncode == 0, odd.stderr
    assert odd.stdout == plain.stdout
    result = run_script(tmp_path / "a.py", ASK, *line, environment={"JAX_PLATFORMS": "tpu"})
    assert "UserError: JAX_PLATFORMS=tpu: JAX finds no such device here" in result.stderr


def test_files_hold_what_python_is_given(explained, own, corpus):
    folder, names, said = explained
    assert {path.name for path in folder.iterdir()} == {
        *("answers.csv", "spread.csv", "metrics.csv", "contours.csv", "maps.npz", "skipped.csv", "report.html"),
        "listening",
        *(f"{name}{ending}" for name in names for ending in (".TextGrid", ".png")),
    }
    answers = table(folder, "answers.csv")
    assert len(answers) == len(names) * len(own.members)
    with np.load(folder / "maps.npz") as maps:
        assert set(maps) == {*(f"map/{name}" for name in names), "frequency_hz", "time_s"}
        for name in names:
            found = own.explain(corpus[name].path)
            assert found.disagree == (len(set(answers.loc[answers["recording"] == name, "predicted"])) > 1)
            np.testing.assert_allclose(maps[f"map/{name}"], found.map, atol=2e-4)
            np.testing.assert_array_equal(maps["frequency_hz"], found.frequencies_hz)
            np.testing.assert_array_equal(maps["time_s"][: len(found.times_s)], found.times_s)
            assert found.map.shape == (len(found.frequencies_hz), len(found.times_s))
            rows = answers[answers["recording"] == name].set_index(MEMBER)
            np.testing.assert_allclose(rows["probability/anger"], found.probabilities["anger"], rtol=1e-4)
            assert f"{name}: {found.predicted} " in said
            assert len(table(folder, "contours.csv").query("recording == @name")) == len(found.times_s)
    assert table(folder, "skipped.csv")["recording"].tolist() == ["noise"]
    assert "models of all groups (female, male)" in said


def test_sounds_are_of_what_the_mean_map_marks(explained, own, corpus):
    folder, names, _ = explained
    parts = ["original", *(f"{kind}_{share}" for kind in ("only", "without") for share in (25, 50, 75))]
    expected = {f"{name}_{part}.wav" for name in names for part in parts}
    assert {path.name for path in (folder / "listening").iterdir()} == expected
    config = own.config
    for name in names:
        found = own.explain(corpus[name].path)
        sounds = listen(corpus[name].source, found.map, config.features, config.report.thresholds)
        for part, samples in (("original", sounds.original), ("only_50", sounds.only[1])):
            written, rate_hz = soundfile.read(folder / "listening" / f"{name}_{part}.wav")
            assert rate_hz == config.representation.sample_rate_hz
            np.testing.assert_allclose(written, np.clip(samples, -1, 1), atol=2e-4)


def test_the_page_has_all_recordings_and_what_all_models_say(explained, own):
    folder, names, _ = explained
    page = (folder / "report.html").read_text(encoding="utf-8")
    about, listed, *details = (json.loads(text.partition(">")[2].partition("</script>")[0]) for text in _data(page))
    answers = table(folder, "answers.csv")
    assert [one["recording"] for one in listed] == names
    assert about["facts"]["models"] == "female 2, male 2"
    for one, opened in zip(listed, details, strict=True):
        rows = answers[answers["recording"] == one["recording"]]
        assert one["agreeing"] == (rows["predicted"] == one["predicted"]).sum()
        assert one["mean"] == pytest.approx(rows[f"probability/{one['predicted']}"].mean(), abs=1e-3)
        assert opened["models"] == [str(member) for member in own.members]
        assert [len(t["rows"]) for t in opened["tables"]] == [6, len(OF_MAPS), 4]
        assert len(opened["sounds"]["only"]) == len(about["thresholds"]) == 3


def _data(page):
    return page.split('<script type="application/json" id="data-')[1:]


@pytest.fixture(scope="module")
def exported(run_dir, tmp_path_factory) -> Path:
    """The file of the exported run, in another place."""
    before = hashes(run_dir)
    line = [f"--workdir={run_dir}", "--experiment=export"]
    path = export.run(command.settings_of(read_flags(line, descriptions())))
    moved = tmp_path_factory.mktemp("elsewhere") / "own.safetensors"
    path.rename(moved)
    assert hashes(run_dir) == before
    return moved


def test_an_exported_run_says_the_same_to_the_bit(exported, own, corpus):
    other = convcam_jax.load_run(exported)
    assert (other.config.network, other.members) == (own.config.network, own.members)
    for name in list(corpus)[:2]:
        found, expected = other.explain(corpus[name].path), own.explain(corpus[name].path)
        np.testing.assert_array_equal(found.probabilities, expected.probabilities)
        np.testing.assert_array_equal(found.maps, expected.maps)
        np.testing.assert_array_equal(found.map, expected.map)
        pd.testing.assert_frame_equal(found.metrics, expected.metrics)


@pytest.mark.slow
def test_a_method_that_compares_recordings_has_those_of_the_run(run_dir, run_cache_dir, corpus, tmp_path):
    """Elsewhere, too, and in a file: without them the map of a new recording would be zero everywhere."""
    workdir, method = tmp_path / "run", "expected_gradients"
    shutil.copytree(run_dir, workdir)
    record = read_json(workdir / "config.json")
    wanted = restore({**record["config"], "attribution.method": method, "attribution.target": "predicted"})
    run = Run(wanted, workdir, run_cache_dir, load_earlier_run(read_earlier_run(run_dir, ""), run_cache_dir).dataset)
    explain_ensemble(run)
    assert read_references(workdir, wanted.grid).shape == (len(corpus), *wanted.grid)
    write_json(workdir / "config.json", {**record, "config": {**record["config"], "attribution.method": method}})
    with pytest.raises(UserError, match="was stopped before explanations had been made by its config"):
        convcam_jax.load_run(workdir)
    made = origins(STAGES[:2], {**record["config"], "attribution.method": method})
    write_json(workdir / "stages.json", {name: {**origin, "files": {}, "start": ""} for name, origin in made.items()})
    path = export.run(command.settings_of(read_flags([f"--workdir={workdir}"], descriptions())))
    own, other = convcam_jax.load_run(workdir), convcam_jax.load_run(path)
    compared = 0
    for cohort, known in load_explanations(workdir / EXPLANATIONS).items():
        for i, name in enumerate(known.recordings[:2]):
            found, expected = own.explain(corpus[name].path), other.explain(corpus[name].path)
            np.testing.assert_array_equal(found.maps, expected.maps)
            for row, member in enumerate(own.members):
                if member.cohort != cohort or found.answers["predicted"][row] != found.predicted:
                    continue
                signed = known.signed_maps[list(known.seeds).index(member.seed), i]
                n_frames = len(found.times_s)
                map_ = np.asarray(convcam_jax.placed_map(jnp.asarray(signed), n_frames, own.placement))
                np.testing.assert_allclose(found.maps[row], map_[..., :n_frames], atol=1e-4)
                compared += map_.max() > 0
    assert compared > 0
    (workdir / "references.npz").unlink()
    with pytest.raises(UserError, match=r"references.npz: cannot be read .* give the run's command again"):
        convcam_jax.load_run(workdir)


@pytest.mark.slow
def test_the_command_takes_an_exported_run_and_says_how_far_it_is(
    exported, own, corpus, run_cache_dir, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(new_recordings, "_LEAST_STEPS_SHOWN", 1)
    recording = tmp_path / "new.wav"
    samples, rate_hz = soundfile.read(corpus[next(iter(corpus))].path)
    soundfile.write(recording, np.repeat(samples, 3), 3 * rate_hz)
    line = [f"--workdir={tmp_path / 'new'}", f"--cache_dir={run_cache_dir}", "--experiment=explain"]
    line += [f"--models={exported}", f"--recordings={recording}"]
    results = explain.run(command.settings_of(read_flags(line, descriptions())))
    said = capsys.readouterr().err
    assert f"explaining: 2 of {2 * own.n_parts} steps" in said
    assert "1 of 1 recordings are not at 16000 Hz and were resampled: 1 of 48000 Hz" in said
    assert results.parent == tmp_path / "new" / "explained"
    with np.load(results / "maps.npz") as maps:
        np.testing.assert_array_equal(maps[f"map/{recording.stem}"], own.explain(recording).map)


def test_spread_is_that_of_the_answers(explained):
    folder, _, _ = explained
    answers, spread = table(folder, "answers.csv"), table(folder, "spread.csv")
    assert list(spread["group"].unique()) == ["", "female", "male"]
    for row in spread.itertuples():
        own = answers[answers["recording"] == row.recording]
        own = own if row.group == "" else own[own["group"] == row.group]
        values = own[f"probability/{row.emotion}"]
        assert row.members == len(own)
        assert row.answers == (own["predicted"] == row.emotion).sum()
        found = [row.mean, row.sd, row.lowest, row.highest]
        np.testing.assert_allclose(found, [values.mean(), values.std(), values.min(), values.max()])


def test_praat_reads_the_text_grid(explained, own, corpus):
    folder, names, _ = explained
    for name in names:
        grid = parselmouth.read(str(folder / f"{name}.TextGrid"))
        found = own.explain(corpus[name].path)
        sound = parselmouth.Sound(str(corpus[name].path))
        assert call(grid, "Get total duration") == pytest.approx(sound.duration, abs=1e-4)
        tiers = [call(grid, "Get tier name", tier) for tier in (1, 2, 3)]
        assert tiers == ["F0", "map", "answer"]
        assert _labelled(grid, 3)[0][2] == str(found)
        for tier, expected in ((1, found.f0_segments), (2, found.map_segments)):
            labelled = _labelled(grid, tier)
            assert len(labelled) == len(expected)
            np.testing.assert_allclose([row[:2] for row in labelled], [row[:2] for row in expected])
        # Praat's own track is voiced in the middle of every segment of F0.
        pitch = sound.to_pitch_ac(0.01, 75.0, pitch_ceiling=600.0)
        for start_s, end_s, text in _labelled(grid, 1):
            values = pitch.selected_array["frequency"]
            inside = (pitch.xs() > start_s) & (pitch.xs() < end_s)
            assert (values[inside] > 0).all()
            assert text == f"F0 {values[inside].mean():.0f} Hz"


def _labelled(grid, tier):
    rows = []
    for number in range(1, call(grid, "Get number of intervals", tier) + 1):
        text = call(grid, "Get label of interval", tier, number)
        if text:
            edges = (call(grid, f"Get {edge} time of interval", tier, number) for edge in ("start", "end"))
            rows.append((*edges, text))
    return rows


def test_the_figure_says_what_it_shows(own, corpus):
    found = own.explain(next(iter(corpus.values())).path)
    figure = found.plot()
    assert_no_overlapping_text(figure)
    assert titles(figure)[1] == f"(b) map of {found.predicted}, mean of 4 models"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"none", "cannot be read as audio"),
        (np.zeros(16000), "is silent"),
        (np.random.default_rng(0).normal(size=8 * 16000) / 10, "is too long .* s\\); cut it"),
    ],
)
def test_a_recording_that_cannot_be_used_is_refused_in_one_line(own, tmp_path, content, message):
    path = tmp_path / "new.wav"
    path.write_bytes(content) if isinstance(content, bytes) else soundfile.write(path, content, 16000)
    with pytest.raises(UserError, match=message) as told:
        own.explain(path)
    assert "\n" not in str(told.value)


def test_what_is_not_there_is_told(own, tmp_path):
    with pytest.raises(UserError, match=r"none\.wav: is no file; give a sound file"):
        own.explain(tmp_path / "none.wav")
    with pytest.raises(UserError, match="is a folder, whose recordings --experiment=explain explains; give a sound"):
        own.explain(tmp_path)
    with pytest.raises(UserError, match=r"--recordings=.*none\.wav: there is no such file or folder"):
        find_recordings([str(tmp_path / "none.wav")])
    with pytest.raises(UserError, match="there is no sound file in this folder"):
        find_recordings([str(tmp_path)])


def test_a_run_shows_what_it_is(own, run_dir):
    config = restore(read_record(run_dir)["config"])
    assert repr(own) == (
        f"<TrainedRun: {len(own.members)} models ({config.network.name}) of female; male, telling "
        f"{', '.join(config.corpus.emotions)}>"
    )


def test_a_run_that_is_not_finished_or_of_another_version_is_refused(run_dir, tmp_path):
    copy = tmp_path / "run"
    copy.mkdir()
    for name in ("config.json", "explanations.npz", "members.csv"):
        with pytest.raises(UserError, match=f"{name} is missing"):
            convcam_jax.load_run(copy)
        shutil.copy(run_dir / name, copy)
    with pytest.raises(UserError, match="was stopped before explanations, members had been made"):
        convcam_jax.load_run(copy)
    shutil.copy(run_dir / "stages.json", copy)
    with pytest.raises(UserError, match=r"the models of its members.csv \(training/\) are not there"):
        convcam_jax.load_run(copy)
    record = read_json(copy / "config.json")
    write_json(copy / "config.json", {**record, "format": record["format"] - 1})
    with pytest.raises(UserError, match="holds a run of another version"):
        convcam_jax.load_run(copy)


def test_the_experiment_refuses_in_one_line_and_writes_nothing(run_dir, tmp_path):
    (tmp_path / "none.wav").write_text("none")
    before = hashes(run_dir)
    line = [f"--workdir={run_dir}", "--experiment=explain", f"--recordings={tmp_path / 'none.wav'}"]
    settings = command.settings_of(read_flags(line, descriptions()))
    with pytest.raises(UserError, match="cannot be read as audio"):
        explain.run(settings)
    assert hashes(run_dir) == before
