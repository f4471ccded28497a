import json
from dataclasses import replace

import numpy as np
import pytest
from tiny_evidence import tiny_config

from convcam_jax.checks.evidence.config import EVIDENCE_CLASSES
from convcam_jax.checks.evidence.planting import changed_cells, planted_utterances
from convcam_jax.corpora.neutral_speech import VERSIONS
from convcam_jax.corpora.synthetic import planted, variants
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.corpora.synthetic.cues import burst
from convcam_jax.corpora.synthetic.cues.cue import STRETCH_PLACES, contour_shape
from convcam_jax.corpora.synthetic.planted import PlantedSentence, SyntheticSpeech
from convcam_jax.corpora.synthetic.variants import VARIANTS
from convcam_jax.representations.cqt import Cqt
from convcam_jax.stages.planted_evidence import evidence
from convcam_jax.stages.planted_evidence.sources import neutral_sources
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.errors import UserError

CONFIG = SyntheticConfig(speakers_per_gender=1, texts=2)
RATE_HZ = 16000
SPEECH = SyntheticSpeech(CONFIG, ("female",), RATE_HZ)
SPEC = planted.specs(CONFIG, ["female"])[0]
DRAWS = planted.draw(CONFIG, SPEC)
CQT = Cqt()


def truth(variant: str, label: int) -> np.ndarray:
    sounds = [planted.render(CONFIG, PlantedSentence(SPEC, v, label), RATE_HZ) for v in (variant, variants.NEUTRAL)]
    return changed_cells(*(CQT.magnitude(sound) for sound in sounds), threshold=0.1)


def test_contours_are_what_they_are_called_and_of_mean_zero():
    place = np.linspace(0, 1, 10001)
    rising, falling, arched = (contour_shape(label, place) for label in range(3))
    assert (np.diff(rising) > 0).all()
    np.testing.assert_array_equal(falling, -rising)
    assert place[arched.argmax()] == pytest.approx(0.5)
    for shape in (rising, falling, arched):
        assert np.abs(shape).max() == pytest.approx(1)
        assert shape.mean() == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("label", range(3))
def test_a_burst_changes_cells_around_its_place_only(label):
    rows, columns = np.nonzero(truth("burst", label))
    centre_hz = burst.BURST_HZ[label]
    frequency_hz = CQT.frequencies_hz()[rows]
    assert np.median(frequency_hz) == pytest.approx(centre_hz, rel=0.15)
    # The slopes of the resonance are among the cells, a tenth of its peak.
    lowest_hz, highest_hz = np.quantile(frequency_hz, [0.05, 0.95])
    assert centre_hz / 2 < lowest_hz < highest_hz < centre_hz * 2
    time_s = CQT.frame_times_s(100)[columns]
    assert time_s.max() - time_s.min() < burst.BURST_S + 0.15


@pytest.mark.parametrize("label", range(3))
def test_a_pause_silences_the_speech_at_its_place(label):
    sound, neutral = (planted.render(CONFIG, PlantedSentence(SPEC, v, label), RATE_HZ) for v in ("pause", "neutral"))
    changed_s = np.flatnonzero(np.abs(sound - neutral) > 1e-3) / RATE_HZ
    assert changed_s[-1] - changed_s[0] < DRAWS.stretch_s + 0.07
    speech_s = len(sound) / RATE_HZ - 0.1
    place = (changed_s.mean() - 0.04) / speech_s
    assert place == pytest.approx(STRETCH_PLACES[label] + DRAWS.stretch_shift, abs=0.1)
    inside = slice(int((changed_s[0] + 0.05) * RATE_HZ), int((changed_s[-1] - 0.12) * RATE_HZ))
    assert sound[inside].std() < 0.1 * neutral[inside].std()


def test_an_envelope_makes_one_end_louder_and_f0_moves_harmonics():
    neutral = planted.render(CONFIG, PlantedSentence(SPEC, "neutral", 0), RATE_HZ)
    gain_db = []
    for label in (0, 1):
        sound = planted.render(CONFIG, PlantedSentence(SPEC, "envelope", label), RATE_HZ)
        parts = [[part.std() for part in np.array_split(own, 4)] for own in (sound, neutral)]
        gain_db.append(20 * np.log10(parts[0]) - 20 * np.log10(parts[1]))
    assert gain_db[0][0] < -3 < 3 < gain_db[0][3]
    np.testing.assert_allclose(gain_db[0], -gain_db[1], atol=3)
    rows = np.nonzero(truth("f0", 0))[0]
    assert 100 < CQT.frequencies_hz()[int(np.median(rows))] < 2000


def test_classes_without_their_cue_are_alike():
    sounds = [planted.render(CONFIG, PlantedSentence(SPEC, "neutral", label), RATE_HZ) for label in range(3)]
    np.testing.assert_array_equal(sounds[0], sounds[1])
    np.testing.assert_array_equal(sounds[0], sounds[2])
    one = PlantedSentence(SPEC, "mixed", 2)
    assert SPEECH.without_cues(one).recording == f"neutral_{SPEC.speaker}{SPEC.text}{SPEC.version}"


def test_a_recording_does_not_depend_on_the_size_of_the_corpus():
    larger = SyntheticConfig(speakers_per_gender=3, texts=9)
    one = PlantedSentence(SPEC, "burst", 1)
    np.testing.assert_array_equal(planted.render(CONFIG, one, RATE_HZ), planted.render(larger, one, RATE_HZ))
    other = SyntheticConfig(seed=1, speakers_per_gender=1, texts=2)
    assert planted.draw(other, SPEC) != DRAWS
    files = {own.file(one) for own in (SPEECH, replace(SPEECH, config=other), replace(SPEECH, rate_hz=8000))}
    assert len(files) == 3


def test_sound_stays_below_full_scale_in_the_loudest_class():
    for label in range(3):
        assert np.abs(planted.render(CONFIG, PlantedSentence(SPEC, "mixed", label), RATE_HZ)).max() < 0.9


def test_every_class_has_as_many_recordings_of_every_speaker_and_text():
    speech = replace(SPEECH, config=SyntheticConfig(speakers_per_gender=2, texts=5))
    for variant in VARIANTS:
        own = speech.recordings(variant)
        labels = np.array(speech.labels(variant, own))
        speakers = np.array([one.spec.speaker for one in own])
        assert len({one.recording for one in own}) == len(own) == 2 * 5 * 3
        for speaker in np.unique(speakers):
            assert np.bincount(labels[speakers == speaker]).tolist() == [5, 5, 5]
        assert len({variants.class_name(variant, label) for label in range(3)}) == (1 if variant == "none" else 3)
    assert len(EVIDENCE_CLASSES) == len(VERSIONS) == 3


def test_labels_of_none_say_nothing_of_the_cues():
    speech = SyntheticSpeech(SyntheticConfig(speakers_per_gender=10, texts=20), ("female", "male"), RATE_HZ)
    own = speech.recordings("none")
    assert own == speech.recordings("mixed")
    labels, cues = np.array(speech.labels("none", own)), np.array([one.label for one in own])
    # 1200 recordings: the share of agreement is 1/3, with a standard deviation of 0.014.
    assert np.mean(labels == cues) == pytest.approx(1 / 3, abs=0.05)
    assert speech.labels("mixed", own) == cues.tolist()
    assert variants.levels("none") == variants.levels("mixed")


def settings_with(tmp_path, **changed: object) -> RunSettings:
    """Of voices of two women (22, 24) and two men (21, 23), of whom the women are asked for."""
    config = tiny_config()
    corpus = replace(config.corpus, speakers_per_gender=2, **changed)
    return RunSettings(replace(config, corpus=corpus), tmp_path / "run", tmp_path / "cache")


def test_excluded_speakers_are_left_out_and_the_others_recordings_stay_the_same(tmp_path):
    own, without = (
        neutral_sources(settings_with(tmp_path, excluded_speakers=excluded)).speech.recordings("burst")
        for excluded in ((), ("22", "23"))
    )
    assert {one.spec.speaker for one in own} == {"22", "24"}
    assert without == [one for one in own if one.spec.speaker == "24"]


def test_what_is_tested_of_none_is_what_is_tested_of_mixed(tmp_path):
    """Also where recordings are divided by speaker and class: its labels are shuffled, its cues are not."""
    sources = neutral_sources(settings_with(tmp_path))
    tested = []
    for variant in ("mixed", "none"):
        own = sources.speech.recordings(variant)
        utterances = planted_utterances(sources.speech, variant, own, {one.recording: tmp_path for one in own})
        (fold,) = sources.folds(own, utterances, ["female"] * len(own))
        tested.append({u.recording for u, split in zip(utterances, fold.split_of, strict=True) if split == "test"})
    assert tested[0] == tested[1] != set()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"excluded_speakers": ("nobody",)}, "excluded_speakers: the corpus has no speaker nobody; the nearest is 2"),
        ({"excluded_speakers": ("22", "24")}, "excluded_speakers: no speaker is left who is female$"),
        ({"versions": 2}, "versions: planted evidence in the embedded voices has one version of a sentence for each"),
        ({"longer": "crop"}, "longer: planted evidence in the embedded voices has whole recordings; leave it"),
        (
            {"labels": ("calm:neutral",)},
            "labels: planted evidence in the embedded voices has the labels of its classes",
        ),
    ],
)
def test_what_embedded_voices_cannot_be_is_refused(changed, told, tmp_path):
    with pytest.raises(UserError, match=rf"config field corpus\.{told}"):
        neutral_sources(settings_with(tmp_path, **changed))


def test_the_input_has_the_frames_of_the_longest_recording_where_no_number_is_named(tmp_path):
    settings = settings_with(tmp_path, max_frames=0)
    # A run that is begun again has what the first one found.
    for _ in range(2):
        run = evidence.make(settings).runs["burst"]
        longest = max(one.magnitude.shape[1] for one in run.dataset.features)
        assert run.config.corpus.max_frames == longest
        config = json.loads((tmp_path / "run" / "config.json").read_text(encoding="utf-8"))["config"]
        assert config["corpus.max_frames"] == longest


def test_planted_evidence_goes_on_with_the_folds_that_it_began_with(tmp_path):
    """What is explained there is of the recordings that they tested, by networks that learned from the others."""
    settings = settings_with(tmp_path)
    evidence.begin(settings)
    evidence.begin(settings)
    folds = settings.workdir / "folds.csv"
    earlier = folds.read_text().replace("validation", "test")
    folds.write_text(earlier)
    with pytest.raises(UserError, match=rf"^{folds}: has other recordings, or divides them otherwise"):
        evidence.begin(settings)
    assert folds.read_text() == earlier
