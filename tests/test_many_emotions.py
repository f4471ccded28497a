"""Figures of many emotions, groups, seeds and variants: all that is written can be read, and all marks differ."""

import numpy as np
import pandas as pd
import pytest
from fake_results import make_results
from fake_views import EDGES_HZ, make_view
from figure_checks import assert_no_overlapping_text
from matplotlib.figure import Figure

from convcam_jax.checks.evidence.relevance_scores import SCORES
from convcam_jax.checks.sanity.sanity_tables import LIKENESS
from convcam_jax.checks.seeds.stability import mask_profiles
from convcam_jax.corpora.synthetic.variants import VARIANTS
from convcam_jax.figures import errors, models, style
from convcam_jax.figures.checks import across_networks, controls, evidence, sanity, stability
from convcam_jax.figures.explanation import explanation

WORDS = (
    *("anger", "boredom", "disgust", "fear", "happiness", "sadness", "neutral", "surprise", "excited", "frustration"),
    *("calm", "contempt", "pride", "shame", "relief", "interest", "amusement", "despair", "admiration", "tenderness"),
)
SPEAKERS = tuple(f"{number:02d}" for number in range(1, 25))
VIEW = make_view()


def every_cell(emotions: tuple[str, ...], groups: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame([(group, emotion) for group in groups for emotion in emotions], columns=["group", "emotion"])


def figures_of(emotions: tuple[str, ...], groups: tuple[str, ...]) -> dict[str, Figure]:
    """Every figure with a place for each emotion, where many have no room."""
    cells = every_cell(emotions, groups)
    agreement = cells.assign(kind="map_pairs", level="recording", name="ssim", value=0.5)
    counts = pd.DataFrame(np.full((len(emotions), len(emotions)), 123), index=emotions, columns=emotions)
    bins_hz, time_s = np.array([60.0, 500, 4000]), np.array([0.0, 1, 2])
    masks = {groups[0]: np.ones((2, len(emotions), 3, 3))}
    probabilities = np.full((2, len(emotions)), 1 / len(emotions))
    return {
        "controls": controls.against_chance(control_cells(cells), "energy_ratio"),
        "map_agreement": stability.map_agreement(agreement, emotions),
        "mask_bands": stability.mask_bands(mask_profiles(masks, emotions, bins_hz, time_s)),
        "confusion": models.confusion(dict.fromkeys(groups, counts)),
        "envelope_error": errors.envelope_error(cells.assign(correct=True, q_rmse=0.5), "q_rmse", emotions),
        "explanation": explanation(VIEW, probabilities, emotions),
    }


def control_cells(cells: pd.DataFrame) -> pd.DataFrame:
    return cells.assign(
        **dict.fromkeys(("observed", "observed_low", "observed_high", "mask_area", "control_low", "control_high"), 0.4),
        **dict.fromkeys(("n_recordings", "n_speakers", "n_zero_maps"), 12),
        **{"level": "emotion", "metric": "energy_ratio", "control": "time_shift", "control_mean": 0.3},
        **{"above_chance": True, "n_draws": 99},
    )


@pytest.mark.parametrize(("n_emotions", "groups"), [(10, ("female", "male")), (20, ("all",))])
def test_many_emotions_are_written_beside_one_another(n_emotions, groups):
    emotions = WORDS[:n_emotions]
    for name, figure in figures_of(emotions, groups).items():
        assert_no_overlapping_text(figure)
        shown = {label.get_text().split("\n")[0] for axes in figure.axes for label in axes.get_xticklabels()}
        shown |= {label.get_text() for axes in figure.axes for label in axes.get_yticklabels()}
        shown |= {axes.get_title(loc="left").partition(") ")[2] for axes in figure.axes}
        assert shown >= set(emotions), name


def test_long_labels_and_names_lie_inside_the_figure_of_an_explanation():
    label, recording = "disappointment_and_frustration", "Interview_2024-05-13_participant_017_session_2_take_03_mono1"
    assert (len(label), len(recording)) == (30, 60)
    view = VIEW._replace(recording=recording, emotion=label)
    long = explanation(view, np.full((20, 2), 0.5), ("anger", label))
    assert_no_overlapping_text(long)
    assert long.axes[0].get_title(loc="left").replace("\n", "").endswith(recording)
    spectrogram, answers = (long.axes[place].get_window_extent().width / long.dpi for place in (0, 4))
    assert spectrogram == pytest.approx(answers)
    assert answers > 2.5
    # A column of the page is enough for usual ones.
    assert explanation(VIEW, np.full((20, 2), 0.5), ("anger", "fear")).get_figwidth() == style.COLUMN_INCHES


def test_an_explanation_without_a_voiced_frame_says_so():
    figure = explanation(VIEW._replace(voiced=np.zeros_like(VIEW.voiced)), np.full((2, 2), 0.5), ("anger", "fear"))
    frequencies = figure.axes[2]
    assert [text.get_text() for text in frequencies.texts] == ["no voiced frame"]
    assert frequencies.get_legend() is None
    assert_no_overlapping_text(figure)


def test_variants_are_written_beside_one_another():
    rows = [(variant, score) for variant in VARIANTS for score in SCORES]
    summarised = pd.DataFrame(rows, columns=["variant", "score"]).assign(
        method="gradcam",
        placement="stretched",
        **dict.fromkeys(("network", "network_low", "network_high", "random_weights", "energy", "chance"), 0.5),
    )
    figure = evidence.scores(summarised, "gradcam")
    assert_no_overlapping_text(figure)
    assert [label.get_text() for label in figure.axes[2].get_xticklabels()] == list(VARIANTS)


def test_every_speaker_has_a_mark_of_its_own_and_a_place_in_the_legend():
    metrics = make_results(seeds=2).metrics
    speakers = pd.concat([metrics.assign(group=speaker) for speaker in SPEAKERS])
    depths = speakers.assign(condition="dense", depth=1, other_seed=pd.NA, **dict.fromkeys(LIKENESS, 0.5))
    runs = pd.DataFrame({"group": SPEAKERS, "run": "a", "a_cells": 0, "a_above_chance": 0}).assign(
        **dict.fromkeys(("accuracy", "accuracy_low", "accuracy_high"), 50.0),
        **dict.fromkeys(("zero_maps", "seed_agreement", "deletion_over_energy", "planted_precision"), np.nan),
    )
    likeness, networks = sanity.likeness(depths), across_networks.networks(runs)
    for figure in (likeness, networks):
        legend = figure.legends[0]
        assert {text.get_text() for text in legend.texts} == set(SPEAKERS)
        assert_no_overlapping_text(figure)
        extent = legend.get_window_extent()
        assert 0 <= extent.x0 < extent.x1 <= figure.bbox.x1
    markers = {(line.get_color(), line.get_marker()) for line in likeness.axes[0].lines}
    assert len({look for look in markers if look[1] not in (".", "None")}) == len(SPEAKERS)
    bars = networks.axes[0].patches
    assert len({(bar.get_facecolor(), bar.get_hatch()) for bar in bars}) == len(SPEAKERS)


def test_few_groups_stand_in_one_row_of_the_legend():
    figure, axes = style.new_figure(1, 1, height=2.4)
    for name in ("female", "male"):
        axes[0, 0].plot([0], [0], label=name)
    style.legend_below(figure, [axes[0, 0]])
    assert figure.get_figheight() == 2.4
    assert len({text.get_window_extent().y0 for text in figure.legends[0].texts}) == 1


@pytest.mark.parametrize(
    ("n_seeds", "named"), [(10, [*map(str, range(10)), "all"]), (30, [*map(str, range(0, 30, 2)), "all"])]
)
def test_seeds_are_named_as_far_as_there_is_room(n_seeds, named):
    seeds = every_cell(tuple(range(n_seeds)), ("female", "male")).rename(columns={"emotion": "seed"})
    figure = models.accuracy(seeds.assign(test_accuracy=0.5, chosen=False))
    assert_no_overlapping_text(figure)
    for axes in figure.axes:
        assert [label.get_text() for label in axes.get_xticklabels()] == named
        assert axes.get_xticks().tolist() == [*map(int, named[:-1]), n_seeds + 0.5]


def test_marks_of_too_few_draws_are_grey():
    cells = control_cells(every_cell(("joy", "fear", "anger", "awe"), ("all",)))
    decided = cells.assign(above_chance=pd.array([True, False, pd.NA, pd.NA], "boolean"), n_draws=[99, 99, 5, 0])
    figure = controls.against_chance(decided, "energy_ratio")
    faces = [
        line.get_markerfacecolor()
        for line in figure.axes[0].lines
        if line.get_marker() == "s" and len(line.get_xdata())
    ]
    assert faces == [style.SKY, "white", "0.75", "white"]
    assert figure.legends[0].get_title().get_text().endswith("\ngrey marks: the draws cannot decide it")
    # Where all are decided there is nothing to say of it.
    title = controls.against_chance(cells, "energy_ratio").legends[0].get_title().get_text()
    assert "grey" not in title


def test_an_example_of_the_sanity_checks_shows_the_level_in_decibels():
    figure = sanity.example("a", VIEW.magnitude, {"trained": VIEW.map}, VIEW.time_s, EDGES_HZ, "CQT-96")
    spectrogram, own_map = (axes.collections[0] for axes in figure.axes[:2])
    assert figure.axes[0].get_title(loc="left") == "(a) CQT-96 (dB)"
    level_db = np.maximum(20 * np.log10(VIEW.magnitude / VIEW.magnitude.max()), -60)
    np.testing.assert_allclose(np.asarray(spectrogram.get_array()).reshape(VIEW.magnitude.shape), level_db, atol=1e-4)
    assert (spectrogram.get_clim(), own_map.get_clim()) == ((-60, 0), (0, 1))
