"""The exported benchmark as a folder: what is in it, what of it must not have changed, and an entry scored by it."""

import dataclasses
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from reads import no_ignored_field_is_read
from test_evidence_benchmark import CQT, GRID
from tiny_evidence import tiny_config

from convcam_jax.settings.overrides import flatten
from convcam_jax.stages.evidence_benchmark import scoring
from convcam_jax.stages.evidence_benchmark.export import arrays_hash, content_hash, data_card, settings_hash, version_of
from convcam_jax.stages.evidence_benchmark.scoring import check_benchmark
from convcam_jax.stages.given_maps import array_members, read_given_arrays
from convcam_jax.stages.record import run_record
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.errors import UserError
from convcam_jax.system.formats import read_arrays, read_csv, write_arrays, write_json
from experiments import evidence_export, evidence_score


def test_the_hash_of_arrays_does_not_depend_on_how_they_are_packed(tmp_path):
    arrays = {"b": np.arange(3.0), "a": np.eye(2, dtype=bool)}
    np.savez(tmp_path / "plain.npz", **arrays)
    write_arrays(tmp_path / "packed.npz", dict(sorted(arrays.items())))
    assert content_hash(tmp_path / "plain.npz") == content_hash(tmp_path / "packed.npz")
    # That of a file of maps, which may have a comment, is taken of what was read.
    with zipfile.ZipFile(tmp_path / "plain.npz", "a") as file:
        file.comment = b"by hand"
    given = read_given_arrays(tmp_path / "plain.npz", array_members)
    assert arrays_hash(given) == content_hash(tmp_path / "packed.npz")
    write_arrays(tmp_path / "other.npz", {"b": np.arange(3.0), "a": np.ones((2, 2), dtype=bool)})
    assert content_hash(tmp_path / "packed.npz") != content_hash(tmp_path / "other.npz")


@pytest.fixture
def benchmark_by_hand(tmp_path) -> Path:
    """A folder with one sound of a second, its truth, and their checksums."""
    folder, samples = tmp_path / "benchmark", np.sin(np.arange(16000) / 5)
    write_arrays(folder / "truth.npz", {"cells/one": np.ones((96, CQT.n_frames(16000)), bool), **GRID._asdict()})
    (folder / "wav").mkdir()
    soundfile.write(folder / "wav" / "one.wav", samples, 16000)
    files = {name: content_hash(folder / name) for name in ("truth.npz", "wav/one.wav")}
    config = dataclasses.replace(tiny_config(), experiment="evidence_export")
    write_json(folder / "config.json", run_record(config, []))
    known = {"version": version_of(files), "files": files, "settings": settings_hash(flatten(config))}
    write_json(folder / "checksums.json", known)
    return folder


def rewrite(path: Path, **changes: object) -> None:
    """A JSON file with fields changed, or, if they are None, left out."""
    changed = {**json.loads(path.read_text()), **changes}
    write_json(path, {name: value for name, value in changed.items() if value is not None})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("representation.n_bins", 84),
        ("representation.lowest_bin_hz", 32.8),
        ("representation.cqt_sample_rate_hz", 16000),
        ("prosody.f0_floor_hz", 60.0),
        ("corpus.emotions", ["first", "second"]),
    ],
)
def test_settings_that_scores_depend_on_are_those_that_were_exported(benchmark_by_hand, field, value):
    check_benchmark(benchmark_by_hand)
    path = benchmark_by_hand / "config.json"
    fields = json.loads(path.read_text())["config"]
    assert fields[field] != value
    rewrite(path, config={**fields, field: value})
    with pytest.raises(UserError, match=r"config\.json is not what was exported; export the benchmark again$"):
        check_benchmark(benchmark_by_hand)


def test_when_and_where_a_benchmark_was_exported_does_not_count(benchmark_by_hand):
    path = benchmark_by_hand / "config.json"
    fields = {**json.loads(path.read_text())["config"], "train.members_at_once": 3}
    rewrite(path, config=fields, begun="2020-01-01", machine="another", devices="1 x another", packages={})
    assert len(check_benchmark(benchmark_by_hand)) == 64


def test_a_benchmark_without_a_checksum_of_its_settings_is_refused(benchmark_by_hand):
    rewrite(benchmark_by_hand / "checksums.json", settings=None)
    with pytest.raises(UserError, match=r"cannot be read \('settings'\); give the folder that .*evidence_export has"):
        check_benchmark(benchmark_by_hand)


def test_a_spectrogram_of_another_shape_than_the_truth_is_told(benchmark_by_hand, tmp_path):
    paths = {"one": benchmark_by_hand / "wav" / "one.wav"}
    config = tiny_config()
    tested, _ = scoring.tested_recordings(benchmark_by_hand, config, paths, tmp_path / "cache")
    assert tested.magnitude["one"].shape == tested.truth["one"].shape
    fewer = dataclasses.replace(config, representation=dataclasses.replace(config.representation, n_bins=84))
    with pytest.raises(UserError, match="the truth of one has 96 bins and 33 frames, its spectrogram 84 and 33; ex"):
        scoring.tested_recordings(benchmark_by_hand, fewer, paths, tmp_path / "cache")


@pytest.mark.parametrize(
    ("planted", "told", "untold"),
    [
        (("f0", "burst"), (), ("`none`", "`mixed`", "`xor`")),
        (("mixed", "none"), ("In `mixed` four cues tell", "In `none` nothing tells the classes"), ("`xor`",)),
        (("xor@-9", "f0"), ("In `xor` two bursts tell the classes apart together",), ("`none`", "`mixed`")),
    ],
)
def test_the_data_card_says_what_tells_the_classes_of_its_variants_apart(planted, told, untold):
    table = pd.DataFrame([(name, f"{name}_a", "test") for name in planted], columns=["variant", "recording", "split"])
    card = data_card(table, tiny_config(), "0" * 64)
    assert all(words in card for words in told)
    assert not any(words in card for words in untold)
    assert "In a variant of one cue, that cue tells the classes apart" in card


def export_config():
    config = tiny_config()
    return dataclasses.replace(
        config,
        experiment="evidence_export",
        evidence=dataclasses.replace(config.evidence, variants=("gap", "suppressor", "none")),
    )


@pytest.fixture(scope="module")
def exported(tmp_path_factory, run_cache_dir):
    folder = tmp_path_factory.mktemp("exported") / "benchmark"
    given = RunSettings(export_config(), folder, run_cache_dir)
    with no_ignored_field_is_read("evidence_export"):
        evidence_export.run(given)
    return folder


@pytest.mark.slow
def test_an_export_has_sounds_labels_truth_and_its_version(exported):
    table = read_csv(exported / "recordings.csv")
    assert table.groupby("variant")["label"].apply(lambda own: np.bincount(own).tolist()).tolist() == [[3, 3, 3]] * 3
    for name, n_frames in zip(table["recording"], table["n_frames"], strict=True):
        sound = soundfile.info(exported / "wav" / f"{name}.wav")
        assert (sound.samplerate, sound.channels) == (16000, 1)
        assert CQT.n_frames(sound.frames) == n_frames
    truth = read_arrays(exported / "truth.npz")
    tested = table[table["split"] == "test"]
    assert {f"cells/{name}" for name in tested["recording"]} == {name for name in truth if name.startswith("cells/")}
    boxes = read_csv(exported / "boxes.csv")
    # Areas in s times octaves are those of the cells.
    area = (boxes["end_s"] - boxes["start_s"]) * np.log2(boxes["high_hz"] / boxes["low_hz"])
    octaves, hop_s = np.log2(truth["edges_hz"][1:] / truth["edges_hz"][:-1]), np.diff(truth["edges_s"])
    for name, own in area.groupby(boxes["recording"]):
        cells = truth[f"cells/{name}"]
        assert own.sum() == pytest.approx(octaves @ cells @ hop_s[: cells.shape[1]])
    card = (exported / "README.md").read_text(encoding="utf-8")
    assert check_benchmark(exported) in card
    assert "| `suppressor` | low, middle, high | the noise burst beside a louder one | 3 |" in card


@pytest.mark.slow
def test_an_export_made_again_is_the_same_and_a_changed_one_is_refused(exported, tmp_path):
    again = tmp_path / "again"
    evidence_export.run(RunSettings(export_config(), again, tmp_path / "another_cache"))
    assert check_benchmark(again) == check_benchmark(exported)
    assert (again / "checksums.json").read_text() == (exported / "checksums.json").read_text()
    sound = next((again / "wav").iterdir())
    kept = sound.read_bytes()
    sound.write_bytes(kept[:-2] + b"\0\1")
    with pytest.raises(UserError, match=f"{sound.name} is not what was exported"):
        check_benchmark(again)
    # Another file under the same version.
    checksums = again / "checksums.json"
    known = checksums.read_text()
    checksums.write_text(known.replace(content_hash(exported / "wav" / sound.name), content_hash(sound)))
    with pytest.raises(UserError, match=r"checksums\.json has other files than the version"):
        check_benchmark(again)
    checksums.write_text(known)
    sound.unlink()
    with pytest.raises(UserError, match=f"{sound.name} is missing"):
        check_benchmark(again)
    with pytest.raises(UserError, match=r"checksums\.json cannot be read"):
        check_benchmark(tmp_path)


@pytest.mark.slow
def test_an_entry_is_scored_as_the_projects_own_maps_are(exported, tmp_path, run_cache_dir):
    table = read_csv(exported / "recordings.csv").query("split == 'test' and variant == 'gap'")
    truth = read_arrays(exported / "truth.npz")
    arrays = {name: truth[name] for name in ("frequency_hz", "time_s")}
    for seed in range(3):
        for name, label in zip(table["recording"], table["label"], strict=True):
            cells = truth[f"cells/{name}"]
            noise = np.random.default_rng(seed).random(cells.shape)
            arrays[f"network/mine/gap/{seed}/{name}"] = cells + 0.1 * noise
            arrays[f"random_weights/mine/gap/{seed}/{name}"] = noise
            arrays[f"predicted/gap/{seed}/{name}"] = np.array(label)
    maps, workdir = tmp_path / "maps.npz", tmp_path / "scored"
    write_arrays(maps, arrays)
    settings = RunSettings(tiny_config(), workdir, run_cache_dir, maps, exported)
    evidence_score.run(settings)
    verdicts = read_csv(workdir / "tables" / "evidence_verdicts.csv")
    assert verdicts[["method", "variant"]].to_numpy().tolist() == [["mine", "gap"]]
    ranking = read_csv(workdir / "tables" / "evidence_methods.csv")
    assert ranking["method"].iloc[0] == "mine"
    assert (workdir / "figures" / "evidence_methods.png").exists()
    assert json.loads((workdir / "config.json").read_text())["config"]["experiment"] == "evidence_score"
    # The same again makes all anew, and tells by what; and no other maps in the same folder.
    rewrite(workdir / "config.json", packages={})
    (workdir / ".partial-left").touch()
    evidence_score.run(settings)
    assert "jax" in json.loads((workdir / "config.json").read_text())["packages"]
    assert not (workdir / ".partial-left").exists()
    write_arrays(maps, {**arrays, "predicted/gap/0/" + table["recording"].iloc[0]: np.array(2)})
    with pytest.raises(UserError, match="the file of maps"):
        evidence_score.run(settings)
    shutil.copy(exported / "README.md", tmp_path / "cut.npz")
    with pytest.raises(UserError, match=r"cut\.npz: cannot be read \(.*\); write it anew with numpy\.savez"):
        evidence_score.run(settings._replace(maps=tmp_path / "cut.npz", workdir=tmp_path / "other"))
