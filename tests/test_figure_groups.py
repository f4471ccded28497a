"""Figures of any groups and folds, of bins of any scale, and with any names."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import pytest
from fake_results import Results, in_two_folds, make_results
from fake_views import EDGES_HZ, MEL_EDGES_HZ, make_masks, make_view
from figure_checks import assert_no_overlapping_text, line_data, titles
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.text import Text

from convcam_jax.checks.sanity.sanity_tables import LIKENESS
from convcam_jax.corpora.config import EMOTIONS
from convcam_jax.data.members import Cohort
from convcam_jax.figures import errors, maps, models, style, trajectories
from convcam_jax.figures.checks import controls, evidence, sanity, stability
from convcam_jax.figures.explanation import explanation
from convcam_jax.figures.frequency import drawn_edges
from convcam_jax.measures.folds import group_masks, seed_accuracy
from convcam_jax.measures.metric_table import METRICS
from convcam_jax.measures.statistics import chosen_rows
from convcam_jax.paper import published

RESULTS = make_results(seeds=5)
RECORDINGS = published.load().recordings
CHOSEN = chosen_rows(RESULTS.metrics, RESULTS.members)
VIEW = make_view()
# Names as users may choose them: in TeX the first two would be formulas, the third one stands in no legend.
HOSTILE_NAMES = ("a$b$c", "x_{1}$", "_hidden", "é")
FIVE_GROUPS = (*HOSTILE_NAMES, "03")


def drawn_rows_hz(axes) -> np.ndarray:
    """Where the rows of an image over time and frequency begin and end."""
    return axes.collections[0].get_coordinates()[:, 0, 1]


def test_bins_are_drawn_from_edge_to_edge_whatever_their_scale():
    mel = VIEW._replace(edges_hz=MEL_EDGES_HZ)
    drawn = np.append(MEL_EDGES_HZ[1] / 2, MEL_EDGES_HZ[1:])
    magnitudes = {"trained": VIEW.map}
    shown = evidence.Example("f0", "first", VIEW.magnitude, VIEW.map > 0.5, {"gradcam": VIEW.map})
    for axes in (
        maps.spectrogram_and_f0(mel, "mel-96").axes[0],
        maps.raw_and_scaled_map(mel, mel.raw_map, "block 1").axes[1],
        trajectories.trajectory_scheme(mel, 0.5).axes[1],
        maps.masks(make_masks()._replace(edges_hz=MEL_EDGES_HZ)).axes[0],
        sanity.example("a", VIEW.magnitude, magnitudes, VIEW.time_s, MEL_EDGES_HZ, "mel-96").axes[1],
        evidence.examples([shown], VIEW.time_s, MEL_EDGES_HZ, "mel-96").axes[0],
    ):
        np.testing.assert_allclose(drawn_rows_hz(axes), drawn)
        assert axes.get_ylim() == pytest.approx((drawn[0], drawn[-1]))
    figure = evidence.examples([shown], VIEW.time_s, MEL_EDGES_HZ, "mel-96")
    assert [axes.get_title() for axes in figure.axes] == ["mel-96 (dB)", "gradcam"]


@pytest.mark.parametrize(("shown_map", "words"), [(VIEW.map, []), (np.zeros_like(VIEW.map), ["zero"])])
def test_a_map_of_zeros_says_that_it_is_one(shown_map, words):
    view = VIEW._replace(map=shown_map)
    shown = evidence.Example("f0", "first", VIEW.magnitude, VIEW.map > 0.5, {"gradcam": shown_map})
    for panel in (
        maps.raw_and_scaled_map(view, VIEW.raw_map, "block 1").axes[1],
        sanity.example("a", VIEW.magnitude, {"trained": shown_map}, VIEW.time_s, EDGES_HZ, "CQT-96").axes[1],
        evidence.examples([shown], VIEW.time_s, EDGES_HZ, "CQT-96").axes[1],
        explanation(view, np.full((2, 2), 0.5), ("anger", "fear")).axes[1],
    ):
        assert [text.get_text() for text in panel.texts] == words


def test_the_cells_that_carry_a_cue_are_outlined_at_their_edges():
    """One in the corner, where a line between centres would leave out half of it."""
    truth = np.zeros(VIEW.magnitude.shape, bool)
    truth[:2, 0] = True
    shown = evidence.Example("f0", "first", VIEW.magnitude, truth, {"gradcam": VIEW.map})
    panel = evidence.examples([shown], VIEW.time_s, EDGES_HZ, "mel-96").axes[0]
    [lines] = [own for own in panel.collections if isinstance(own, LineCollection)]
    half_s = (VIEW.time_s[1] - VIEW.time_s[0]) / 2
    corners = np.concatenate(lines.get_segments())
    np.testing.assert_allclose(corners.min(0), [VIEW.time_s[0] - half_s, EDGES_HZ[0]])
    np.testing.assert_allclose(corners.max(0), [VIEW.time_s[0] + half_s, EDGES_HZ[2]])
    # Two cells have six sides outside, and one between them.
    assert len(lines.get_segments()) == 6


def test_edges_at_0_are_drawn_an_octave_below_the_next():
    np.testing.assert_array_equal(drawn_edges(np.array([0.0, 30, 60])), [15, 30, 60])
    np.testing.assert_array_equal(drawn_edges(EDGES_HZ), EDGES_HZ)


def test_every_seed_has_its_accuracy_over_all_folds_and_none_is_chosen():
    folded = in_two_folds(RESULTS)
    seeds = seed_accuracy(folded.members, folded.predictions)
    plain = seed_accuracy(RESULTS.members, RESULTS.predictions)
    pd.testing.assert_frame_equal(plain, RESULTS.members[list(plain.columns)])
    # Folds differ in size, so that a mean of their accuracies would be another one.
    pd.testing.assert_frame_equal(seeds.drop(columns="chosen"), plain.drop(columns="chosen"))
    assert not seeds["chosen"].any()
    figure = models.accuracy(seeds)
    for axes, group in zip(figure.axes, ("female", "male"), strict=True):
        np.testing.assert_allclose(
            line_data(axes, "model")[:, 1], 100 * plain.loc[plain["group"] == group, "test_accuracy"]
        )
        assert "chosen model" not in [line.get_label() for line in axes.lines]


def test_learning_curves_of_several_folds_have_a_line_per_member():
    folded = in_two_folds(RESULTS)
    history = folded.history.assign(
        validation_loss=folded.history["validation_loss"] * (1 + (folded.history["fold"] == "two"))
    )
    members = folded.members.assign(best_epoch=np.where(folded.members["fold"] == "two", 5, 3))
    loss = models.learning_curves(history, members).axes[0]
    assert len(loss.lines) == 2 * (2 * 5 + 1) + 1
    female = history.query("group == 'female'")
    np.testing.assert_allclose(line_data(loss, "validation")[:, 1], female.groupby("epoch")["validation_loss"].mean())
    kept = female[female["epoch"] == np.where(female["fold"] == "two", 5, 3)]
    np.testing.assert_allclose(np.sort(line_data(loss, "epoch kept")[:, 1]), np.sort(kept["validation_loss"]))


def test_masks_of_several_folds_are_summed_not_scaled():
    one, two = np.array([[[1.0, 0.0]]]), np.array([[[0.0, 4.0]]])
    masks = {Cohort("b", "2"): two, Cohort("a", "2"): two, Cohort("b", "1"): one}
    found = group_masks(masks)
    assert list(found) == ["a", "b"]
    assert found["b"].tolist() == [[[1.0, 4.0]]]
    # Of several members, seed by seed.
    members = {cohort: np.stack([mask, 3 * mask]) for cohort, mask in masks.items()}
    assert group_masks(members)["b"].tolist() == [[[[1.0, 4.0]]], [[[3.0, 12.0]]]]
    plain = make_masks()
    folds = {
        Cohort(own.group, fold): share * mask
        for own, mask in plain.best.items()
        for fold, share in (("1", 0.2), ("2", 0.8))
    }
    figure = maps.masks(plain._replace(best=folds))
    assert len(figure.axes) == 4 * 3 + 1
    for drawn, expected in zip(figure.axes[:-1], maps.masks(plain).axes[:-1], strict=True):
        np.testing.assert_allclose(drawn.collections[0].get_array(), expected.collections[0].get_array())


def in_groups(table: pd.DataFrame, groups: tuple[str, ...]) -> pd.DataFrame:
    """The rows of females and males, in turns, as those of as many groups."""
    return pd.concat(
        [table[table["group"] == ("female", "male")[i % 2]].assign(group=name) for i, name in enumerate(groups)],
        ignore_index=True,
    )


def figures_of(groups: tuple[str, ...], emotion: str = "anger") -> dict[str, tuple[Callable[[], Figure], int]]:
    """What draws each figure with a panel or a mark for every group, and how many panels one has in it (0: marks)."""
    results = Results(
        *(in_groups(table.assign(group=table.get("group", table.get("gender"))), groups) for table in RESULTS)
    )
    emotions = [emotion if name == "anger" else name for name in EMOTIONS]
    chosen = chosen_rows(results.metrics, results.members).replace({"emotion": {"anger": emotion}})
    views = {
        row.recording: make_view(row.recording, row.emotion, row.group, row.n_frames) for row in chosen.itertuples()
    }
    masks = dict(zip([Cohort(group, "all") for group in groups], list(make_masks().best.values()) * 3, strict=False))
    rows = results.metrics.assign(condition="trained", depth=0, other_seed=pd.NA, **dict.fromkeys(LIKENESS, 0.5))
    agreement = chosen.assign(kind="map_pairs", level="recording", name="ssim", value=0.5)
    counts = pd.DataFrame(np.eye(6, dtype=int), index=emotions, columns=emotions)
    f0, q = "f0_frame_rmse_hz", "q_rmse"
    mask_set = make_masks()._replace(best=masks, summed=masks, emotions=tuple(emotions))
    return {
        "accuracy": (partial(models.accuracy, seed_accuracy(results.members, results.predictions)), 1),
        "learning_curves": (partial(models.learning_curves, results.history, results.members), 2),
        "confusion": (partial(models.confusion, dict.fromkeys(groups, counts)), 1),
        "masks": (partial(maps.masks, mask_set), 6),
        "envelope_error": (partial(errors.envelope_error, chosen, q, emotions, RECORDINGS), 1),
        "f0_error": (partial(errors.f0_error, chosen, f0, emotions), 1),
        "extreme_envelopes": (partial(errors.extreme_envelopes, views, chosen, q), 2),
        "best_trajectories": (partial(trajectories.best_trajectories, views, chosen, f0, emotions[:3]), 3),
        "map_agreement": (partial(stability.map_agreement, agreement, emotions), 2),
        "metrics_by_depth": (partial(sanity.metrics_by_depth, rows), 0),
    }


@pytest.mark.parametrize(
    "groups", [("all",), *(pytest.param(names, marks=pytest.mark.slow) for names in (("female", "male"), FIVE_GROUPS))]
)
def test_groups_of_any_number_and_name_have_their_panels(groups):
    for name, (draw, n_panels) in figures_of(groups).items():
        figure = draw()
        n_others = {"confusion": 1, "masks": 1, "metrics_by_depth": len(METRICS)}.get(name, 0)
        assert len(figure.axes) == n_panels * len(groups) + n_others, name
        assert_no_overlapping_text(figure)
        shown = "\n".join(text.get_text() for text in figure.findobj(Text))
        assert all(style.group_title(group) in shown for group in groups), name


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("word", "others"),
    [("$x_{1}$\n\u202e|", HOSTILE_NAMES[1:3]), pytest.param("a$b " * 60, HOSTILE_NAMES, marks=pytest.mark.slow)],
    ids=["short", "long"],
)
def test_names_are_shown_as_they_are_written(word, others, tmp_path):
    figures = {name: draw() for name, (draw, _) in figures_of((word, *others), emotion=word).items()}
    view = VIEW._replace(recording=word, emotion=word, group=word)
    figures |= {
        "spectrogram_and_f0": maps.spectrogram_and_f0(view, "$x$"),
        "raw_and_scaled_map": maps.raw_and_scaled_map(view, view.raw_map, "block 1"),
        "trajectory_scheme": trajectories.trajectory_scheme(view, 0.5),
        "f0_errors": trajectories.f0_errors({word: view}, (word,)),
        "example": sanity.example(word, view.magnitude, {"$x$": view.map}, view.time_s, EDGES_HZ, "CQT-96"),
    }
    for name, figure in figures.items():
        # Outside of the settings it was made with, as a user does in a notebook; names that are too long would leave
        # no place for the panels, of which Matplotlib warns.
        figure.savefig(tmp_path / "figure.png", dpi=40)
        texts = figure.findobj(Text)
        assert not [text.get_text() for text in texts if text.get_parse_math()], name
        drawn = " ".join(text.get_text() for text in texts).replace("\n", " ")
        # Names of recordings are given more room than those of emotions and groups.
        assert style.shown(word) in drawn or style.shown_recording(word) in drawn, name


def test_groups_of_any_name_stand_in_the_legend():
    draw, _ = figures_of(FIVE_GROUPS)["metrics_by_depth"]
    assert {text.get_text().strip() for text in draw().legends[0].texts} == set(FIVE_GROUPS)


def test_more_than_four_groups_stand_in_rows_that_share_their_axis():
    figure, panels = style.group_panels(2, 6, height=2.0, sharey="row")
    assert panels.shape == (2, 6)
    assert len(figure.axes) == 12
    assert figure.get_figheight() == 4.0
    places = [(panel.get_subplotspec().rowspan.start, panel.get_subplotspec().colspan.start) for panel in panels[1]]
    assert places == [(1, 0), (1, 1), (1, 2), (3, 0), (3, 1), (3, 2)]
    panels[0, 1].set_ylim(0, 7)
    assert {panel.get_ylim() for panel in panels[0]} == {(0, 7)}
    assert {panel.get_ylim() for panel in panels[1]} == {(0, 1)}
    assert style.reading_order(panels).tolist() == [[0, 1, 2, 6, 7, 8], [3, 4, 5, 9, 10, 11]]
    style.label_left(panels[0], "left")
    assert [panel.get_ylabel() for panel in panels[0]] == ["left", "", "", "left", "", ""]


def test_panels_beyond_the_alphabet_have_letters():
    figure, axes = style.new_figure(1, 1)
    style.panel_title(axes[0, 0], 27, "text")
    assert titles(figure) == ["(ab) text"]


def test_long_titles_are_broken_between_words():
    assert style.in_lines("one two-three four", 1.0) == "one two-three\nfour"
    assert style.in_lines("kept\nas it is", 1.0) == "kept\nas it is"
    _, axes = style.new_figure(1, 4)
    style.left_title(axes[0, 0], "a title that is wider than its panel")
    assert axes[0, 0].get_title(loc="left").count("\n") == 1


def test_groups_have_different_looks_and_the_papers_keep_their_colours():
    looks = style.group_looks(["female", "male", *map(str, range(33))])
    assert [(look.colour, look.marker, look.hatch) for look in list(looks.values())[:3]] == [
        (style.VERMILION, "o", ""),
        (style.BLUE, "o", ""),
        (style.GREEN, "o", ""),
    ]
    assert len({(look.colour, look.marker) for look in looks.values()}) == 35
    assert len({(look.colour, look.hatch) for look in looks.values()}) == 35


def test_published_marks_of_other_groups_are_not_promised():
    figure = errors.envelope_error(CHOSEN.assign(group="all"), "q_mse", EMOTIONS, RECORDINGS)
    assert [text.get_text() for text in figure.legends[0].texts] == ["this run (box: quartiles)"]


def test_shares_have_an_axis_up_to_1():
    cells = pd.DataFrame(
        {"group": "all", "emotion": "joy", "level": "emotion", "metric": ["energy_ratio", "q_rmse"], "observed": 0.5}
    ).assign(
        **dict.fromkeys(("observed_low", "observed_high", "mask_area", "control_low", "control_high"), 0.4),
        **{"control": "time_shift", "control_mean": 0.3, "above_chance": True},
        **dict.fromkeys(("n_recordings", "n_speakers", "n_zero_maps", "n_draws"), 1),
    )
    axes = controls.against_chance(cells, "energy_ratio").axes[0]
    assert (axes.get_ylim(), axes.get_ylabel()) == ((0, 1.03), "share of the energy")
    axes = controls.against_chance(cells, "q_rmse").axes[0]
    assert axes.get_ylim()[1] < 0.6
    assert axes.get_ylabel() == "RMSE, Q and q"
