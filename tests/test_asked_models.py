"""Models of a run asked about recordings: what they are given, what is told, and what is kept if something fails."""

import dataclasses
import os
import re
from pathlib import Path

import jax
import numpy as np
import pytest
import soundfile
from plain_sounds import RATE_HZ, noise
from run_checks import MEMBER
from small_run import table
from test_models_file import CONFIG, MEMBERS, PARTS, RECORD

from convcam_jax.corpora.utterances import Source, Utterance
from convcam_jax.measures.unlabelled import in_words
from convcam_jax.stages.record import surroundings
from convcam_jax.stages.without_labels import new_recordings, trained_run
from convcam_jax.stages.without_labels.new_recordings import explain_recordings, find_recordings
from convcam_jax.stages.without_labels.trained_run import TrainedRun, load_run, tell_other_surroundings
from convcam_jax.system.errors import RecordingError, UserError
from convcam_jax.system.jax_setup import switches

HERE = {**RECORD, **surroundings(), "switches": switches(os.environ)}


def make_run(parts=PARTS, record=HERE) -> TrainedRun:
    return TrainedRun(CONFIG, record, MEMBERS, 2, lambda: iter(parts), None)


@pytest.fixture(scope="module")
def own() -> TrainedRun:
    return make_run()


def make_sounds(folder: Path, *names: str, duration_s: float = 0.5) -> list[Utterance]:
    for name in names:
        soundfile.write(folder / f"{name}.wav", noise(round(duration_s * RATE_HZ)), RATE_HZ)
    return find_recordings([str(folder)])


def test_a_file_called_by_bytes_that_are_no_text_is_explained(own, tmp_path):
    [plain] = make_sounds(tmp_path, "plain")
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav"))
    path.write_bytes(plain.path.read_bytes())
    found = own.explain(path)
    np.testing.assert_array_equal(found.maps, own.explain(plain.path).maps)
    assert found.view.recording == "caf\ufffd"
    found.plot()


def test_a_part_is_explained_as_a_file_of_it_alone(own, tmp_path):
    [whole] = make_sounds(tmp_path, "whole", duration_s=2.0)
    samples, _ = soundfile.read(whole.path)
    soundfile.write(tmp_path / "part.wav", samples[RATE_HZ // 2 : RATE_HZ], RATE_HZ)
    found, expected = own.explain(Source(whole.path, 0.5, 1.0)), own.explain(tmp_path / "part.wav")
    np.testing.assert_array_equal(found.maps, expected.maps)
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)
    assert found.view.recording == "whole_0.500-1.000"
    for wrong in (3, b"whole.wav", samples):
        with pytest.raises(TypeError):
            own.explain(wrong)


def test_an_explanation_shows_itself_in_a_line_and_equals_no_other(own, tmp_path):
    [one] = make_sounds(tmp_path, "one")
    found, again = own.explain(one.path), own.explain(one.path)
    assert repr(found) == f"<Explanation of one: {found}>"
    assert found != again
    assert str(found).startswith(in_words(found.answers, found.predicted))
    assert "\n" not in repr(found)


def test_maps_that_are_zero_everywhere_are_counted(own, tmp_path):
    [one] = make_sounds(tmp_path, "one")
    blind = jax.tree.map(np.zeros_like, PARTS[0])
    found = make_run([blind, PARTS[1]]).explain(one.path)
    assert (found.maps.max(axis=(1, 2)) == 0)[:2].all()
    n_zero = int((found.maps.max(axis=(1, 2)) == 0).sum())
    assert str(found).endswith(f"; {n_zero} of 4 maps are zero everywhere")


def test_what_is_too_long_by_its_header_is_not_read(own, tmp_path, monkeypatch):
    [long] = make_sounds(tmp_path, "long", duration_s=3.0)
    for module in (trained_run, new_recordings):
        monkeypatch.setattr(module, "compute_entry", lambda source, config: pytest.fail("it is read"))
    with pytest.raises(RecordingError, match=r"^long: is too long \(\d+ frames; the run's models take 40, which is"):
        own.explain(long.path)
    with pytest.raises(RecordingError, match=r"^long: is too long"):
        explain_recordings(own, [long], tmp_path / "w", tmp_path / "cache")
    both = [long, *make_sounds(tmp_path, "longer", duration_s=4.0)[1:]]
    with pytest.raises(UserError, match=r"^--recordings: 2 too long"):
        explain_recordings(own, both, tmp_path / "w", tmp_path / "cache")
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize("max_frames", [40, 202, 292])
def test_what_is_cut_as_long_as_is_told_is_not_too_long(max_frames):
    config = dataclasses.replace(CONFIG, corpus=dataclasses.replace(CONFIG.corpus, max_frames=max_frames))
    told = trained_run.too_long("long", max_frames + 1, config)
    longest_s = float(re.search(r"which is (\d+\.\d\d) s", str(told))[1])
    n_frames = config.representation.n_frames(round(longest_s * config.representation.sample_rate_hz))
    assert max_frames - 1 <= n_frames <= max_frames


def test_other_surroundings_than_those_of_the_run_are_told(capsys):
    tell_other_surroundings(make_run())
    assert capsys.readouterr().err == ""
    changes = {"packages": {**HERE["packages"], "numpy": "0.1"}, "switches": {**HERE["switches"], "XLA_A": "1"}}
    tell_other_surroundings(make_run(record={**HERE, **changes}))
    said = capsys.readouterr().err
    assert "answers and maps may differ in their last digits from those of the run: numpy (0.1 there, " in said
    assert "the environment's XLA_A (1 there, None now)" in said


def test_a_run_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UserError, match=rf"^{tmp_path / 'none'}: there is no such file or folder; give a finished"):
        load_run(tmp_path / "none")


@pytest.fixture
def here(monkeypatch) -> None:
    """Files are written in this process; others take seconds until they have begun."""
    monkeypatch.setattr(new_recordings, "start", lambda *modules, n_tasks: None)
    monkeypatch.setattr(new_recordings, "in_processes", lambda write, tasks: (write(task) for task in tasks))


def remove_when_answered(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Remove the files of recordings when the models have answered."""
    explained = new_recordings._explained

    def explain(run, usable, loaded):
        for several in explained(run, usable, loaded):
            for utterance, _ in several:
                if utterance.recording in names:
                    utterance.path.unlink()
            yield several

    monkeypatch.setattr(new_recordings, "_explained", explain)


def test_a_recording_that_has_gone_before_its_sounds_are_made_keeps_its_answers(here, own, tmp_path, monkeypatch):
    (tmp_path / "new").mkdir()
    found = make_sounds(tmp_path / "new", "a", "b")
    remove_when_answered(monkeypatch, "a")
    folder = explain_recordings(own, found, tmp_path / "w", tmp_path / "cache")
    assert table(folder, "answers.csv").groupby("recording").size().to_dict() == {"a": 4, "b": 4}
    [skipped] = table(folder, "skipped.csv").to_dict("records")
    assert (skipped["recording"], skipped["kind"]) == ("a", "missing")
    assert skipped["problem"].startswith("has answers and no sounds: ")
    assert {path.name.partition("_")[0] for path in (folder / "listening").iterdir()} == {"b"}
    assert (folder / "report.html").is_file()


def test_of_a_folder_what_cannot_be_read_is_told_and_what_was_explained_is_passed_over(here, own, tmp_path):
    (tmp_path / "phone.M4A").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(500))
    with pytest.raises(RecordingError, match=r"phone\.M4A cannot be read as audio"):
        explain_recordings(own, find_recordings([str(tmp_path)]), tmp_path / "w", tmp_path / "cache")
    found = make_sounds(tmp_path, "a")
    assert [u.recording for u in found] == ["a", "phone"]
    folder = explain_recordings(own, found, tmp_path / "w", tmp_path / "cache")
    assert table(folder, "skipped.csv")["recording"].tolist() == ["phone"]
    assert (folder / "listening/a_original.wav").is_file()
    assert find_recordings([str(tmp_path)]) == found


def test_what_stops_the_files_beside_leaves_the_answers_and_no_page(here, own, tmp_path, monkeypatch):
    (tmp_path / "new").mkdir()
    found = make_sounds(tmp_path / "new", "a", "b")

    def stop(run, several, folder):
        raise UserError("the disk is full")

    monkeypatch.setattr(new_recordings, "_write_beside", stop)
    with pytest.raises(UserError, match="the disk is full"):
        explain_recordings(own, found, tmp_path / "w", tmp_path / "cache")
    [folder] = (tmp_path / "w" / "explained").iterdir()
    assert {path.name for path in folder.iterdir()} == {
        *("answers.csv", "spread.csv", "metrics.csv", "contours.csv", "maps.npz")
    }
    assert len(table(folder, "metrics.csv")[MEMBER].drop_duplicates()) == 4
