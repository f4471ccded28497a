"""The figures show the data that they are given, say what it is, and survive empty cells."""

import io

import matplotlib
import numpy as np
import pandas as pd
import pytest
from fake_results import make_results, without_correct
from fake_views import BIN_HZ, EDGES_HZ, make_masks, make_view, make_views
from figure_checks import assert_no_overlapping_text, line_data, titles
from IPython.core.formatters import DisplayFormatter
from matplotlib.figure import Figure
from matplotlib.image import imread

from convcam_jax.corpora.config import EMOTIONS
from convcam_jax.data.members import Cohort
from convcam_jax.figures import errors, maps, models, style, trajectories
from convcam_jax.figures.selection import extreme, f0_leaps, with_f0_errors
from convcam_jax.measures.folds import seed_accuracy
from convcam_jax.measures.segments import segments
from convcam_jax.measures.statistics import chosen_rows, mean_interval
from convcam_jax.paper import published, tables

RESULTS = make_results(seeds=5)
RECORDINGS = published.load().recordings
CHOSEN = chosen_rows(RESULTS.metrics, RESULTS.members)
VIEW = make_view()
VIEWS = make_views(CHOSEN)


def without_male_fear() -> pd.DataFrame:
    results = without_correct(RESULTS, "male", "fear")
    return chosen_rows(results.metrics, results.members)


def every_figure() -> dict[str, Figure]:
    metrics = without_male_fear()
    matrices = tables.confusion_matrices(RESULTS.members, RESULTS.predictions, EMOTIONS)
    return {
        "accuracy": models.accuracy(
            seed_accuracy(RESULTS.members, RESULTS.predictions), published.inferred_accuracy(RECORDINGS)
        ),
        "masks": maps.masks(make_masks()),
        "confusion": models.confusion(matrices),
        "spectrogram_and_f0": maps.spectrogram_and_f0(VIEW, "CQT-96"),
        "raw_and_scaled_map": maps.raw_and_scaled_map(VIEW, VIEW.raw_map, "convolution 3"),
        "extreme_envelopes": errors.extreme_envelopes(VIEWS, metrics, "q_mse"),
        "envelope_error": errors.envelope_error(metrics, "q_mse", EMOTIONS, RECORDINGS),
        "trajectory_scheme": trajectories.trajectory_scheme(VIEW, 0.5),
        "best_trajectories": trajectories.best_trajectories(VIEWS, metrics, "f0_segment_rmse_hz", EMOTIONS),
        "f0_error": errors.f0_error(metrics, "f0_segment_rmse_hz", EMOTIONS, RECORDINGS),
        "f0_errors": trajectories.f0_errors(VIEWS),
        "learning_curves": models.learning_curves(RESULTS.history, RESULTS.members),
    }


def test_every_figure_fits_the_page_and_its_text_does_not_overlap():
    before = dict(matplotlib.rcParams)
    for name, figure in every_figure().items():
        width, height = figure.get_size_inches()
        assert width in (style.COLUMN_INCHES, style.PAGE_INCHES), name
        assert height < 9, name
        assert_no_overlapping_text(figure)
    assert dict(matplotlib.rcParams) == before, "the caller's settings are left alone"


def test_look_does_not_depend_on_the_callers_settings():
    def pixels() -> np.ndarray:
        figure = maps.spectrogram_and_f0(VIEW, "CQT-96")
        figure.canvas.draw()
        return np.asarray(figure.canvas.buffer_rgba())

    plain = pixels()
    with matplotlib.rc_context({"font.size": 20, "lines.linewidth": 5, "axes.facecolor": "yellow"}):
        np.testing.assert_array_equal(pixels(), plain)


def test_a_notebook_shows_a_figure_as_it_is_saved(tmp_path):
    """Without pyplot, which alone has IPython show figures."""
    shown, _ = DisplayFormatter().format(maps.spectrogram_and_f0(VIEW, "CQT-96"))
    maps.spectrogram_and_f0(VIEW, "CQT-96").savefig(tmp_path / "saved.png", dpi=200)
    as_shown, as_saved = imread(io.BytesIO(shown["image/png"])), imread(tmp_path / "saved.png")
    np.testing.assert_array_equal(as_shown, as_saved)


def test_accuracy_shows_every_member_and_the_papers_best():
    figure = models.accuracy(seed_accuracy(RESULTS.members, RESULTS.predictions), {"female": 0.7, "male": 0.6})
    assert titles(figure) == ["(a) females", "(b) males"]
    for axes, group, best in zip(figure.axes, ("female", "male"), (70, 60), strict=True):
        per_cent = 100 * RESULTS.members.query(f"group == '{group}'").sort_values("seed")["test_accuracy"]
        np.testing.assert_allclose(line_data(axes, "model")[:, 1], per_cent)
        np.testing.assert_allclose(line_data(axes, "chosen model")[:, 1], per_cent.iloc[:1])
        np.testing.assert_allclose(line_data(axes, "mean of all models")[:, 1], mean_interval(per_cent).mean)
        np.testing.assert_allclose(line_data(axes, "paper's best model (inferred)")[:, 1], best)
        band = axes.patches[0].get_window_extent().transformed(axes.transData.inverted())
        assert (band.y0, band.y1) == pytest.approx(mean_interval(per_cent)[1:3])
    assert figure.axes[0].get_ylabel() == "test accuracy (%)"


def test_confusion_shows_every_count_and_shades_by_row():
    counts = pd.DataFrame([[3, 1], [0, 0]], index=["joy", "rage"], columns=["joy", "rage"])
    figure = models.confusion({"female": counts})
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["3", "1", "0", "0"]
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.75, 0.25], [0, 0]])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["joy", "rage"]


def test_learning_curves_show_all_seeds_their_mean_and_the_kept_epoch():
    figure = models.learning_curves(RESULTS.history, RESULTS.members)
    assert len(figure.axes) == 4
    loss = figure.axes[0]
    female = RESULTS.history.query("group == 'female'")
    assert len(loss.lines) == 2 * (5 + 1) + 1
    np.testing.assert_allclose(line_data(loss, "validation")[:, 1], female.groupby("epoch")["validation_loss"].mean())
    kept = line_data(loss, "epoch kept")
    assert set(kept[:, 0]) == {3}
    np.testing.assert_allclose(kept[:, 1], female.query("epoch == 3").sort_values("seed")["validation_loss"])
    np.testing.assert_allclose(
        line_data(figure.axes[2], "train (over the steps of the epoch)")[:, 1],
        100 * female.groupby("epoch")["train_accuracy"].mean(),
    )


def test_masks_show_three_emotions_of_the_best_model_and_of_all():
    mask_set = make_masks()
    figure = maps.masks(mask_set)
    assert titles(figure)[:3] == ["(a) anger", "(b) neutral", "(c) sadness"]
    assert len(figure.axes) == 4 * 3 + 1
    neutral = EMOTIONS.index("neutral")
    shown = figure.axes[3 * 3 + 1].collections[0].get_array()
    summed = mask_set.summed[Cohort("male", "all")][neutral]
    expected = summed / summed.max()
    np.testing.assert_allclose(shown.reshape(96, 202), expected)
    assert figure.axes[0].get_yscale() == "log"
    assert figure.axes[0].get_ylabel() == "females, chosen\nmodel\nfrequency (Hz)"


def test_masks_of_other_emotions_and_empty_masks():
    mask_set = make_masks()._replace(emotions=("joy", "rage", "calm", "awe", "anger", "grief"))
    empty = {cohort: np.zeros_like(mask) for cohort, mask in mask_set.best.items()}
    figure = maps.masks(mask_set._replace(best=empty))
    assert titles(figure)[:3] == ["(a) anger", "(b) joy", "(c) rage"]
    assert [text.get_text() for text in figure.axes[0].texts] == ["empty mask"]
    assert not figure.axes[3].texts


def test_spectrogram_is_in_decibel_on_the_bins_frequencies():
    figure = maps.spectrogram_and_f0(VIEW, "mel-96")
    top, bottom = figure.axes[:2]
    assert titles(figure)[0] == "(a) mel-96, 13b01Ab (fear)"
    shown = np.asarray(top.collections[0].get_array()).reshape(VIEW.magnitude.shape)
    expected = np.maximum(20 * np.log10(VIEW.magnitude / VIEW.magnitude.max()), -60)
    np.testing.assert_allclose(shown, expected, atol=1e-4)
    assert shown.max() == pytest.approx(0, abs=1e-5)
    assert top.get_ylim() == pytest.approx((EDGES_HZ[0], EDGES_HZ[-1]))
    assert top.get_yscale() == "log"
    contour = bottom.lines[0].get_ydata()
    np.testing.assert_array_equal(np.isnan(contour), ~VIEW.voiced)
    np.testing.assert_array_equal(contour[VIEW.voiced], VIEW.f0_hz[VIEW.voiced])


def test_silence_is_drawn_without_warnings():
    silent = VIEW._replace(
        magnitude=np.zeros_like(VIEW.magnitude),
        map=np.zeros_like(VIEW.map),
        raw_map=np.zeros_like(VIEW.raw_map),
        f0_hz=np.zeros_like(VIEW.f0_hz),
        voiced=np.zeros_like(VIEW.voiced),
    )
    for figure in (
        maps.spectrogram_and_f0(silent, "CQT-96"),
        maps.raw_and_scaled_map(silent, silent.raw_map, "convolution 3"),
        trajectories.trajectory_scheme(silent, 0.5),
        trajectories.f0_errors({"silent": silent}),
    ):
        figure.savefig(io.BytesIO())


def test_raw_map_is_shown_beside_the_scaled_one():
    figure = maps.raw_and_scaled_map(VIEW, VIEW.raw_map, "block 3")
    raw, scaled = figure.axes[:2]
    np.testing.assert_allclose(raw.images[0].get_array(), VIEW.raw_map / VIEW.raw_map.max())
    np.testing.assert_allclose(np.asarray(scaled.collections[0].get_array()).reshape(VIEW.map.shape), VIEW.map)
    assert titles(figure)[0].startswith("(a) 90 × 47")  # noqa: RUF001
    assert (raw.get_xlabel(), raw.get_ylabel()) == ("column of block 3", "row of block 3")


def test_extreme_envelopes_are_those_with_the_lowest_and_highest_error():
    figure = errors.extreme_envelopes(VIEWS, CHOSEN, "q_mse")
    assert titles(figure) == [
        "(a) females, neutral, 13b03Na: 0.061",
        "(b) males, neutral, 10a01Nb: 0.084",
        "(c) females, anger, 13a05Wa: 0.347",
        "(d) males, neutral, 11b01Nc: 0.334",
    ]
    view = VIEWS["11b01Nc"]
    drawn = line_data(figure.axes[3], "activation contour q")
    np.testing.assert_allclose(drawn, np.column_stack([view.time_s, view.contour]))
    np.testing.assert_allclose(line_data(figure.axes[3], "envelope Q of the signal's energy")[:, 1], view.envelope)


def points(axes, marker: str) -> np.ndarray:
    return np.sort(np.concatenate([line.get_ydata() for line in axes.lines if line.get_marker() == marker]))


@pytest.mark.parametrize(
    ("draw", "column", "printed_column"),
    [
        (errors.envelope_error, "q_mse", "printed_q_rmse"),
        (errors.f0_error, "f0_segment_rmse_hz", "printed_f0_rmse_hz"),
    ],
)
def test_distributions_show_every_correct_recording_and_every_printed_value(draw, column, printed_column):
    metrics = RESULTS.metrics.query("seed == 1")
    figure = draw(metrics, column, EMOTIONS, RECORDINGS)
    for axes, group in zip(figure.axes, ("female", "male"), strict=True):
        ours = metrics.query(f"group == '{group}' and correct")[column]
        theirs = RECORDINGS.query(f"group == '{group}'")[printed_column]
        assert len(ours) < len(theirs)
        np.testing.assert_allclose(points(axes, "o"), np.sort(ours))
        np.testing.assert_allclose(points(axes, "D"), np.sort(theirs))
        assert [label.get_text() for label in axes.get_xticklabels()] == list(EMOTIONS)


def test_points_stand_at_their_emotion():
    axes = errors.envelope_error(CHOSEN, "q_mse", EMOTIONS, RECORDINGS).axes[1]
    happiness = CHOSEN.query("group == 'male' and emotion == 'happiness'")["q_mse"]
    near = [line for line in axes.lines if line.get_marker() == "o" and abs(np.mean(line.get_xdata()) - 3) < 0.3]
    np.testing.assert_allclose(np.concatenate([line.get_ydata() for line in near]), np.sort(happiness))


def test_root_of_the_printed_squares_stands_beside_an_rmse():
    axes = errors.envelope_error(CHOSEN, "q_rmse", EMOTIONS, RECORDINGS).axes[0]
    np.testing.assert_allclose(
        points(axes, "D"), np.sort(np.sqrt(RECORDINGS.query("group == 'female'")["printed_q_rmse"]))
    )
    assert "square root" in axes.figure.legends[0].texts[1].get_text()


def test_printed_values_in_hertz_are_not_shown_with_semitones_nor_for_other_corpora():
    for figure in (
        errors.f0_error(CHOSEN, "f0_frame_rmse_semitones", EMOTIONS, RECORDINGS),
        errors.f0_error(CHOSEN, "f0_frame_rmse_hz", EMOTIONS, None),
    ):
        assert not [line for line in figure.axes[0].lines if line.get_marker() == "D"]
        assert len(figure.legends[0].texts) == 1


def test_errors_within_a_decade_have_numbers_on_their_axis():
    narrow = CHOSEN.assign(f0_frame_rmse_hz=np.linspace(133, 336, len(CHOSEN)))
    axes = errors.f0_error(narrow, "f0_frame_rmse_hz", EMOTIONS).axes[0]
    low, high = axes.get_ylim()
    axes.figure.canvas.draw()
    shown = [
        label.get_text()
        for at, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)
        if low <= at <= high
    ]
    assert len(shown) >= 3
    assert all(low <= float(text) <= high for text in shown)


def test_nobody_correct_is_drawn_empty():
    nobody = CHOSEN.assign(correct=False)
    for figure in (
        errors.envelope_error(nobody, "q_mse", EMOTIONS, RECORDINGS),
        errors.f0_error(nobody, "f0_frame_rmse_hz", EMOTIONS),
        errors.extreme_envelopes({}, nobody, "q_mse"),
        trajectories.best_trajectories({}, nobody, "f0_frame_rmse_hz", EMOTIONS),
        trajectories.f0_errors({}),
    ):
        figure.savefig(io.BytesIO())
    assert errors.extreme_envelopes({}, nobody, "q_mse").axes[0].texts[0].get_text().startswith("no correctly")


def test_one_seed_and_one_group():
    one = make_results(seeds=1, epochs=1)
    members = one.members.query("group == 'male'")
    figure = models.accuracy(seed_accuracy(members, one.predictions))
    assert len(figure.axes) == 1
    assert not [patch for patch in figure.axes[0].patches if patch.get_label() == "95 % interval of the mean"]
    models.learning_curves(one.history.query("group == 'male'"), members).savefig(io.BytesIO())


def test_voiced_segments_by_hand():
    voiced = np.array([True, True, False, True, False, False, True])
    assert segments(voiced) == [slice(0, 2), slice(3, 4), slice(6, 7)]
    assert segments(np.zeros(3, dtype=bool)) == []


def test_kept_cells_by_hand():
    activation = np.array([[1.0, 0.2, 0.0, 0.3], [0.5, 0.4, 0.0, 0.3], [0.49, 0.1, 0.0, 0.0]])
    voiced = np.array([True, True, True, False])
    kept = trajectories.kept_cells(VIEW._replace(map=activation, voiced=voiced), 0.5)
    assert kept.astype(int).tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]]


def test_trajectory_is_the_mean_frequency_of_the_grey_cells():
    figure = trajectories.trajectory_scheme(VIEW, 0.5)
    _, middle, bottom = figure.axes
    grey = ~np.ma.getmaskarray(np.ma.masked_invalid(middle.collections[0].get_array())).reshape(VIEW.map.shape)
    shown_hz = bottom.lines[0].get_ydata()
    for frame in np.flatnonzero(VIEW.voiced):
        assert shown_hz[frame] == pytest.approx(BIN_HZ[grey[:, frame]].mean())
    assert not grey[:, ~VIEW.voiced].any()
    assert np.isnan(shown_hz[~VIEW.voiced]).all()


def test_figures_that_print_an_error_say_which():
    """Of which metric the number is that stands behind a recording's name."""
    of_envelopes = errors.extreme_envelopes(VIEWS, CHOSEN, "q_mse").legends[0]
    assert of_envelopes.get_title().get_text() == "error: mean squared error, Q and q"
    of_f0 = trajectories.best_trajectories(VIEWS, CHOSEN, "f0_segment_rmse_hz", EMOTIONS).legends[0]
    assert of_f0.get_title().get_text() == "error: RMSE of segment means, F0 and c (Hz)"


def test_best_trajectories_show_frames_and_segment_means():
    metrics = without_male_fear()
    figure = trajectories.best_trajectories(VIEWS, metrics, "f0_segment_rmse_hz", EMOTIONS)
    assert titles(figure)[:4] == [
        "(a) females, anger: 08b09Wc, 158.4 Hz",
        "(b) males, anger: 03b10Wc, 439.4 Hz",
        "boredom: 13a07Lb, 7.0 Hz",
        "boredom: 11a02Ld, 9.8 Hz",
    ]
    assert titles(figure)[5] == "fear: –"  # noqa: RUF001
    view = VIEWS["13a07Lb"]
    first = segments(view.voiced)[0]
    mean_line = line_data(figure.axes[2], "F0 (thick: segment means)")
    np.testing.assert_allclose(mean_line[:, 1], view.f0_hz[first].mean())
    np.testing.assert_allclose(mean_line[:, 0], (np.array([first.start, first.stop]) - 0.5) * 512 / 16600)


def test_f0_errors_show_the_papers_examples_and_mark_leaps():
    figure = trajectories.f0_errors(VIEWS)
    assert titles(figure) == ["(a) females, fear, 13b01Ab", "(b) females, neutral, 13a01Nb"]
    view = VIEWS["13b01Ab"]
    # The made-up octave error is in the middle frame.
    middle = len(view.f0_hz) // 2
    marked = line_data(figure.axes[0], "leap of F0")
    np.testing.assert_allclose(marked[:, 0], view.time_s[[middle - 1, middle, middle + 1]])
    np.testing.assert_allclose(marked[:, 1], view.f0_hz[[middle - 1, middle, middle + 1]])


def test_leaps_by_hand():
    view = VIEW._replace(
        f0_hz=np.array([100.0, 200.0, 200.0, 5.0, 150.0]), voiced=np.array([True, True, False, True, True])
    )
    # An octave; then not voiced; then 5 Hz, which no voice has.
    np.testing.assert_allclose(f0_leaps(view), [12.0, 0, 0, 0])


def test_without_the_papers_examples_the_greatest_leaps_are_shown():
    voiced = np.ones(2, dtype=bool)
    steps = {"a": 101.0, "b": 300.0, "c": 210.0}
    views = {
        name: VIEW._replace(recording=name, f0_hz=np.array([100.0, hz]), voiced=voiced) for name, hz in steps.items()
    }
    assert [view.recording for view in with_f0_errors(views, ("x", "y"))] == ["b", "c"]
    assert [view.recording for view in with_f0_errors(views, ("x", "a"))] == ["a", "b"]


def test_extreme_takes_correct_recordings_of_the_group_and_emotion():
    metrics = pd.DataFrame(
        {
            "recording": ["a", "b", "c", "d", "e"],
            "group": ["female"] * 4 + ["male"],
            "emotion": ["fear", "fear", "joy", "joy", "joy"],
            "correct": [False, True, True, True, True],
            "x": [0.1, 0.5, 0.3, np.nan, 0.0],
        }
    )
    views = {name: VIEW._replace(recording=name) for name in metrics["recording"]}
    assert extreme(views, metrics, "x", "female") == (views["c"], 0.3)
    assert extreme(views, metrics, "x", "female", highest=True) == (views["b"], 0.5)
    assert extreme(views, metrics, "x", "female", emotion="fear") == (views["b"], 0.5)
    assert extreme(views, metrics, "x", "male", emotion="fear") is None
