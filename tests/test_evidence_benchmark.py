"""Maps of other toolkits that are scored against the exported benchmark."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from convcam_jax.checks.evidence.entry import Entry, Grid, SoundsOfTest, score_entry
from convcam_jax.measures.views import cell_edges
from convcam_jax.representations.cqt import Cqt
from convcam_jax.system.errors import UserError

CQT = Cqt()
TIME_S = CQT.frame_times_s(30)
GRID = Grid(CQT.frequencies_hz(), CQT.edges_hz(), TIME_S, cell_edges(TIME_S), 16000)
SHAPE, N_SAMPLES = (96, 25), 11000
NAMES = ("burst_a", "burst_b", "burst_c")


def make_tested() -> SoundsOfTest:
    generator = np.random.default_rng(0)
    truth = {name: np.zeros(SHAPE, bool) for name in NAMES}
    for cells in truth.values():
        cells[50:60, 5:10] = True
    magnitude = {name: generator.exponential(size=SHAPE) for name in NAMES}
    return SoundsOfTest(dict.fromkeys(NAMES, N_SAMPLES), magnitude, truth)


TESTED = make_tested()
RECORDINGS = pd.DataFrame(
    {
        "variant": "burst",
        "recording": [*NAMES, "burst_d"],
        "label": [0, 1, 2, 0],
        "class": ["low", "middle", "high", "low"],
        "group": "female",
        "fold": "all",
        "split": ["test", "test", "test", "train"],
    }
)


def make_arrays() -> dict[str, np.ndarray]:
    """Two networks whose maps by one method are the truth; with random weights it has no more than its share."""
    generator = np.random.default_rng(0)
    arrays = {"frequency_hz": GRID.frequency_hz, "time_s": GRID.time_s}
    for seed in (0, 1):
        for n, name in enumerate(NAMES):
            truth, noise = TESTED.truth[name], generator.uniform(0.5, 1.5, SHAPE)
            arrays[f"network/ig/burst/{seed}/{name}"] = (truth * noise).astype(np.float32)
            random = sum(cells * noise / noise[cells].mean() for cells in (truth, ~truth))
            arrays[f"random_weights/ig/burst/{seed}/{name}"] = random.astype(np.float32)
            arrays[f"predicted/burst/{seed}/{name}"] = np.array(n if seed == 0 else 0)
    return arrays


def score(arrays: dict[str, np.ndarray], tmp_path) -> tuple[pd.DataFrame, pd.DataFrame]:
    return score_entry(Entry(tmp_path / "maps.npz", arrays), RECORDINGS, TESTED, GRID)


def test_maps_of_the_truth_score_1_beside_their_controls(tmp_path):
    scores, members = score(make_arrays(), tmp_path)
    by = scores.groupby("source")[["relevance_mass", "average_precision", "pointing"]].mean()
    assert by.loc["network"].tolist() == pytest.approx([1, 1, 1])
    assert by.loc["random_weights", "relevance_mass"] == pytest.approx(50 / (96 * 25))
    assert by.loc["random_weights", "relevance_mass"] == pytest.approx(by.loc["chance", "relevance_mass"])
    assert members["test_accuracy"].tolist() == pytest.approx([1, 1 / 3])
    assert scores.groupby("seed")["correct"].mean().tolist() == pytest.approx([1, 1 / 3])
    assert set(scores["placement"]) == {"none"}


def test_a_grid_of_its_own_and_samples_are_taken(tmp_path):
    arrays = make_arrays()
    del arrays["frequency_hz"], arrays["time_s"]
    stft_hz, stft_s = np.arange(257) * 31.25, np.arange(69) * 0.01
    inside = np.outer(
        (stft_hz > GRID.edges_hz[50]) & (stft_hz < GRID.edges_hz[60]),
        (stft_s > GRID.edges_s[5]) & (stft_s < GRID.edges_s[10]),
    )
    arrays |= {"frequency_hz": stft_hz, "time_s": stft_s}
    sample_s = np.arange(N_SAMPLES) / 16000
    samples = ((sample_s > GRID.edges_s[5]) & (sample_s < GRID.edges_s[10])).astype(float)
    generator = np.random.default_rng(0)
    for name in [name for name in arrays if name.startswith(("network", "random"))]:
        own = inside.astype(float) if name.startswith("network") else samples
        arrays[name] = own * generator.uniform(0.9, 1.1, own.shape)
    means = score(arrays, tmp_path)[0].groupby("source")["average_precision"].mean()
    assert means["network"] > 0.9
    assert 0.05 < means["random_weights"] < 0.5


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"network/ig/burst/0/burst_a": None}, "array network/ig/burst/0/burst_a is missing"),
        ({"random_weights/ig/burst/1/burst_c": None}, "array random_weights/ig/burst/1/burst_c is missing"),
        ({"predicted/burst/1/burst_b": None}, "array predicted/burst/1/burst_b is missing"),
        ({"predicted/burst/1/burst_b": np.array([1])}, "burst_b must be a single number of a class, 0 to 2"),
        ({"predicted/burst/1/burst_b": np.array(3)}, "burst_b must be a single number of a class, 0 to 2"),
        ({"predicted/burst/1/burst_b": np.array(0.5)}, "burst_b must be a single number of a class, 0 to 2"),
        ({"time_s": None}, "array time_s is missing"),
        ({"time_s": np.array([2.0, 1.0])}, "array time_s must hold two or more rising numbers"),
        ({"network/ig/burst/0/burst_a": np.full(SHAPE, np.nan)}, "has something else than finite numbers"),
        ({"network/ig/burst/0/burst_a": np.full(SHAPE, "x")}, "has something else than finite numbers"),
        ({"network/ig/burst/0/burst_a": np.ones((5, 25))}, r"has the shape \(5, 25\); it needs 96 rows"),
        ({"network/ig/burst/0/burst_a": np.ones(77)}, "has 77 values; the recording 11000"),
        ({"network/ig/burst/0/burst_d": np.ones(SHAPE)}, "burst_d is of no test recording of that variant"),
        ({"network/ig/pause/0/burst_a": np.ones(SHAPE)}, "is of no test recording of that variant"),
        ({"network/burst/0/burst_a": np.ones(SHAPE)}, "is called neither network/METHOD/VARIANT/SEED/RECORDING"),
        ({"network/ig/burst/x/burst_a": np.ones(SHAPE)}, "is called neither"),
        ({"maps": np.ones(SHAPE)}, "array maps is called neither"),
        ({"network//burst/0/burst_a": np.ones(SHAPE)}, "is called neither"),
        ({"network/none/burst/0/burst_a": np.ones(SHAPE)}, "no METHOD is called none"),
        ({"network/ig/burst/01/burst_a": np.ones(SHAPE)}, "no SEED begins with a 0"),
        # Of a layer with half as many columns, or none; in other units, or numbered.
        ({"network/ig/burst/0/burst_a": np.ones((96, 13))}, r"is from -?[0-9.]+ to 0.38\d+ s by time_s; its recording"),
        ({"network/ig/burst/0/burst_a": np.ones((96, 0))}, "burst_a is from .* s by time_s"),
        ({"time_s": 1e3 * TIME_S}, r"is from -15.42 to 755.7 s by time_s; .* s, where 1 of 25 columns have"),
        ({"time_s": np.arange(30.0)}, r"is from -0.5 to 24.5 s by time_s; .* s, where 1 of 25 columns have"),
        ({"time_s": 0.1 * TIME_S}, "is from .* s by time_s"),
        ({"frequency_hz": 1e-3 * GRID.frequency_hz}, "Hz by frequency_hz, where 0% of the truth's bins lie"),
        ({"frequency_hz": np.arange(96.0)}, r"Hz by frequency_hz, where 20% of the truth's bins lie"),
        ({"frequency_hz": 30 * GRID.frequency_hz}, r"Hz by frequency_hz, where 3\d% of the truth's bins lie"),
        ({"frequency_hz": np.linspace(0, 2840, 96)}, r"to 2855 Hz by frequency_hz, where 8\d% .* reach 8134 Hz: give"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(change, complaint, tmp_path):
    arrays = {name: array for name, array in {**make_arrays(), **change}.items() if array is not None}
    with pytest.raises(UserError, match=complaint) as error:
        score(arrays, tmp_path)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(f"--maps={tmp_path / 'maps.npz'}: ")


@pytest.mark.parametrize("n_rows", [257, 513, 1025, 2049])
def test_rows_that_are_numbered_are_refused_and_half_of_the_frequencies_are_enough(n_rows):
    """Of every usual FFT; the frequencies are those of a network of 8 kHz."""
    for axis, refused in ((np.arange(n_rows), True), (np.linspace(0, 4000, n_rows), False)):
        arrays = {"frequency_hz": axis, "time_s": TIME_S, "map": np.ones((n_rows, 25))}
        entry = Entry(Path("maps.npz"), arrays)
        if refused:
            with pytest.raises(UserError, match="give the centres of all rows in Hz, and rows of zeros"):
                entry.on_cells("map", NAMES[0], TESTED, GRID)
        else:
            assert entry.on_cells("map", NAMES[0], TESTED, GRID).any()


@pytest.mark.parametrize(
    ("centres_s", "n_columns"),
    [
        # Padded to 30 s; a window of 0.2 s that is not centred; a coarse layer of a network that pads to 1.5 s.
        (np.arange(1500) * 0.02, 1500),
        (0.1 + np.arange(0, 0.55, 0.01), 55),
        (np.arange(4) * 0.375 + 0.1875, 4),
    ],
)
def test_axes_that_are_right_are_taken(centres_s, n_columns, tmp_path):
    arrays = make_arrays() | {"time_s": centres_s, "predicted/burst/7/burst_a": np.array(0)}
    for name in [name for name in arrays if name.startswith(("network", "random"))]:
        arrays[name] = np.ones((96, n_columns))
    assert not score(arrays, tmp_path)[0]["map_is_zero"].any()


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        (slice(0, 96), slice(0, 25)),
        (slice(1, 96), slice(0, 30)),
        (slice(0, 90), slice(2, 25)),
        (slice(7, 83), slice(3, 28)),
    ],
)
def test_a_map_on_a_part_of_the_benchmarks_grid_stays_as_it_is(rows, columns):
    """The first bins left out, or the first frames; the axes are rounded to single precision."""
    own_map = np.random.default_rng(0).uniform(size=(96, 30)).astype(np.float32).astype(float)
    axes = {"frequency_hz": GRID.frequency_hz[rows], "time_s": GRID.time_s[columns]}
    arrays = {name: axis.astype(np.float32) for name, axis in axes.items()} | {"map": own_map[rows, columns]}
    found = Entry(Path("maps.npz"), arrays).on_cells("map", NAMES[0], TESTED, GRID)
    inside = np.zeros((96, 30), bool)
    inside[rows, columns] = True
    expected = np.where(inside, own_map, 0)[:, : SHAPE[1]]
    np.testing.assert_array_equal(found / found.max(), expected / expected.max())


def test_every_second_centre_of_the_grid_is_a_grid_of_its_own():
    """A row reaches halfway to the next one, not only over the bin that its centre is that of."""
    arrays = {"frequency_hz": GRID.frequency_hz[::2], "time_s": GRID.time_s, "map": np.ones((48, 25))}
    assert (Entry(Path("maps.npz"), arrays).on_cells("map", NAMES[0], TESTED, GRID)[:95] > 0).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("largest", [1.7e308, np.finfo(np.float32).max, 1e-3, 1e-300])
@pytest.mark.parametrize("sign", [1, -1])
def test_scores_do_not_depend_on_the_scale_of_a_map(largest, sign, tmp_path):
    """Up to the largest numbers of double precision; of maps on the grid, of a grid of their own, and of samples."""
    generator, maps = np.random.default_rng(0), {}
    coarse = {"frequency_hz": np.linspace(30, 8000, 12), "time_s": np.linspace(0, 0.75, 9)}
    for name in make_arrays():
        kind = name.split("/")[0]
        if kind in ("network", "random_weights"):
            own = generator.uniform(-1, 1, (12, 9) if kind == "network" else N_SAMPLES)
            maps[name] = sign * own / np.abs(own).max()
    plain, scaled = (
        score({**make_arrays(), **coarse, **{name: factor * own for name, own in maps.items()}}, tmp_path)[0]
        for factor in (1.0, largest)
    )
    pd.testing.assert_frame_equal(scaled, plain, rtol=1e-6)
    assert plain[["relevance_mass", "average_precision"]].notna().all(axis=None)


def test_numbers_beyond_double_precision_are_refused(tmp_path):
    beyond = {"network/ig/burst/0/burst_a": np.full(SHAPE, np.longdouble("1e400"))}
    with pytest.raises(UserError, match="burst_a has something else than finite numbers"):
        score(make_arrays() | beyond, tmp_path)


def placed(centres_s: np.ndarray, n_columns: int) -> np.ndarray:
    """A map of five rows, each column its own value, on the cells of a recording of 0.77 s."""
    own_map = np.tile(1.0 + np.arange(n_columns), (5, 1))
    arrays = {"frequency_hz": np.array([300.0, 900, 2000, 4000, 7000]), "time_s": centres_s, "map": own_map}
    return Entry(Path("maps.npz"), arrays).on_cells("map", NAMES[0], TESTED, GRID)


DURATION_S = float(GRID.edges_s[SHAPE[1]])


@pytest.mark.parametrize("n_columns", range(1, 61))
@pytest.mark.parametrize("unit", ["ms", "frames from 0", "frames from 1", "samples"])
def test_columns_that_are_not_in_seconds_are_refused_however_few_they_are(unit, n_columns):
    """An axis has two centres at least; a map may have fewer columns."""
    numbers = np.arange(max(2, n_columns))
    in_s = (0.5 + numbers) * DURATION_S / n_columns
    centres = {"ms": 1000 * in_s, "frames from 0": numbers, "frames from 1": 1 + numbers, "samples": 16000 * in_s}
    with pytest.raises(UserError, match=r"array map is from .* s by time_s; .* give the centres of all columns in s"):
        placed(centres[unit], n_columns)


@pytest.mark.parametrize(
    ("n_columns", "longest_padding"), [(2, 1.2), (3, 1.8), (4, 2.4), (6, 3.6), (7, 4.2), (60, 12.0)]
)
def test_coarse_maps_in_seconds_are_taken(n_columns, longest_padding):
    """The padding is what the network gets, as a multiple of the recording."""
    for padded in (1.0, (1 + longest_padding) / 2, longest_padding):
        own = placed((0.5 + np.arange(n_columns)) * padded * DURATION_S / n_columns, n_columns)[40]
        assert (own > 0).all()
        assert own[0] < own[-1]
        assert (np.diff(own) >= 0).all()


@pytest.mark.parametrize(("n_columns", "padded_s"), [(3, 1.5), (7, 10.2), (10, 10.2), (4, 30.0), (2, 2.0)])
def test_a_coarse_map_that_is_refused_is_taken_with_its_columns_repeated_as_the_line_says(n_columns, padded_s):
    """Of a network that pads; the values are those of its columns by the overlap."""
    width_s = padded_s / n_columns
    with pytest.raises(UserError, match=r"if the centres are in s, .* s apart, give each column \d+ times") as error:
        placed((0.5 + np.arange(n_columns)) * width_s, n_columns)
    found = re.search(r"each column (\d+) times in a row", str(error.value))
    times = int(found[1]) if found else 0
    finer = (0.5 + np.arange(n_columns * times)) * width_s / times
    arrays = {
        "frequency_hz": np.array([300.0, 900, 2000, 4000, 7000]),
        "time_s": finer,
        "map": np.tile(np.repeat(1.0 + np.arange(n_columns), times), (5, 1)),
    }
    own = Entry(Path("maps.npz"), arrays).on_cells("map", NAMES[0], TESTED, GRID)[40]
    expected = 1 + (GRID.time_s[: SHAPE[1]] // width_s)
    inside = np.abs(GRID.time_s[: SHAPE[1]] % width_s - width_s / 2) < width_s / 2 - 0.02
    np.testing.assert_allclose((own / own[0])[inside], expected[inside], rtol=1e-6)


@pytest.mark.parametrize("n_columns", [32, 40, 41, 60, 1000])
def test_of_fine_columns_any_number_may_lie_behind_the_recording(n_columns):
    """Three lie in it, a quarter of a second apart."""
    own = placed((0.5 + np.arange(n_columns)) * 0.255, n_columns)[40]
    np.testing.assert_allclose(own[[0, -1]] / own[0], [1, 3], rtol=1e-6)


@pytest.mark.parametrize("n_columns", [5, 60, 300])
def test_numbers_of_frames_are_refused_in_long_recordings_too(n_columns):
    n_samples = 30 * 16000
    edges_s = np.arange(1001) * 0.03
    long = Grid(GRID.frequency_hz, GRID.edges_hz, edges_s[:-1] + 0.015, edges_s, 16000)
    sounds = SoundsOfTest({"long": n_samples}, {"long": np.ones((96, 1000))}, {"long": np.ones((96, 1000), bool)})
    arrays = {"frequency_hz": GRID.frequency_hz, "time_s": np.arange(float(n_columns)), "map": np.ones((96, n_columns))}
    with pytest.raises(UserError, match="give the centres of all columns in s"):
        Entry(Path("maps.npz"), arrays).on_cells("map", "long", sounds, long)
