"""The published numbers, recomputed from the Berlin corpus and the activation maps read from the published pictures.

The maps are colours read back, with an error of 0.0015 rms. The curves plotted beside them are more exact, so each step
of the processing is checked on its own against the curve that it produced, and the whole on the maps.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from convcam_jax.attribution import external_maps, placement
from convcam_jax.corpora.sounds import audio
from convcam_jax.corpora.utterances import Source
from convcam_jax.data.arrays import AnalysisArrays
from convcam_jax.measures import masks, metrics
from convcam_jax.networks.geometry import Layer, make_geometry
from convcam_jax.paper.protocols import PUBLISHED_ANALYSIS
from convcam_jax.representations import features, frame_f0, prosody
from convcam_jax.representations.cqt import Cqt
from convcam_jax.representations.prosody import ProsodyConfig

CQT = Cqt()
RATE_HZ = CQT.sample_rate_hz
N_PADDED = 202
GRID = (96, N_PADDED)
# Three 3x3 convolutions; the two poolings between them halve the time only.
LAYERS = (
    (Layer(3), Layer(3), Layer(3)),
    (Layer(3), Layer(2, 2), Layer(3), Layer(2, 2), Layer(3)),
)
GEOMETRY = make_geometry(LAYERS, GRID)
BIN_HZ = CQT.frequencies_hz()


class Case(NamedTuple):
    """One recording: what was published, and what is computed from the audio."""

    published: pd.Series
    curves: pd.DataFrame
    activation: np.ndarray  # [F, n]
    f0: frame_f0.FrameF0
    energy: np.ndarray  # [n]


@pytest.fixture(scope="module")
def recordings(reference_dir):
    return pd.read_csv(reference_dir / "published_recordings.csv").set_index("recording")


@pytest.fixture(scope="module")
def samples(emodb_dir, recordings):
    return {
        r: audio.read_recording(Source(emodb_dir / "wav" / f"{r}.wav"), RATE_HZ, 0.1).samples for r in recordings.index
    }


@pytest.fixture(scope="module")
def cases(reference_dir, recordings, samples):
    curves = dict(list(pd.read_csv(reference_dir / "published_curves.csv").groupby("recording")))
    maps = np.load(reference_dir / "published_maps.npz")
    return {r: make_case(recordings.loc[r], curves[r], maps[r], samples[r]) for r in maps}


def make_case(published, curves, activation, recording_samples):
    n_frames = activation.shape[1]
    f0_hz, time_s = prosody.praat_f0(recording_samples, RATE_HZ, ProsodyConfig())
    energy = prosody.frame_energy(recording_samples, n_frames)
    no_magnitude = np.zeros((0, n_frames), np.float32)
    of_recording = features.Features(no_magnitude, f0_hz, time_s, energy)
    reading = (PUBLISHED_ANALYSIS.f0_reading, PUBLISHED_ANALYSIS.isolated_voiced_frame)
    f0 = frame_f0.frame_f0(of_recording, CQT.frame_times_s(n_frames), *reading)
    return Case(published, curves, activation, f0, energy)


def padded(values):
    """The recording's values [..., n] with zeros up to [..., T], so that everything is compiled once."""
    values = np.asarray(values)
    return jnp.asarray(np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, N_PADDED - values.shape[-1])]))


@jax.jit
def compute(activation, n_frames, energy, f0_hz, voiced):
    everything = jnp.ones(activation.shape, dtype=bool)
    own = AnalysisArrays(activation, energy, f0_hz, voiced, n_frames, emotion=None)
    return metrics.recording_metrics(activation, own, jnp.asarray(BIN_HZ), everything, PUBLISHED_ANALYSIS)


def metrics_of(case, activation):
    arrays = [padded(values) for values in (case.energy, case.f0.f0_hz, case.f0.voiced)]
    return compute(padded(activation), activation.shape[1], *arrays)


def fitted(activation, map_placement="stretched"):
    """The map [F, n] freed from the error of reading it, as the placed map of the 90 x 47 nodes that come closest."""
    return external_maps.from_colours(activation, placement.make_placement(map_placement, GEOMETRY, GRID))


def relative_errors(values, cases):
    printed = np.array([case.published.printed_f0_rmse_hz for case in cases.values()])
    return np.abs(np.array(values) / printed - 1)


def test_number_of_frames_of_all_58(recordings, samples):
    for recording, published in recordings.iterrows():
        assert len(samples[recording]) == published.n_samples_16k
        assert CQT.n_frames(len(samples[recording])) == published.n_frames


def test_number_of_frames_of_the_transform_and_the_map(cases, samples):
    assert len(cases) == 33
    shortest = min(cases, key=lambda r: cases[r].published.n_frames)
    assert CQT.magnitude(samples[shortest]).shape == cases[shortest].activation.shape
    assert all(case.activation.shape == (96, case.published.n_frames) for case in cases.values())


def test_envelope_equals_the_plotted_one(cases):
    """The three longest recordings have several frames per pixel, and a larger error of reading."""
    errors = []
    for recording, case in cases.items():
        contour = metrics.energy_contour(padded(case.energy), len(case.energy))
        errors.append(np.sqrt(np.mean(np.square(contour - padded(case.curves.Q)))))
        assert errors[-1] < 5e-4, recording
    assert np.median(errors) < 4e-5


def test_q_mse_from_the_plotted_contour_is_the_printed_one(cases):
    for recording, case in cases.items():
        n_frames = len(case.energy)
        contour = metrics.energy_contour(padded(case.energy), n_frames)
        q_mse = metrics.mean_square_difference(contour, padded(case.curves.q), jnp.arange(N_PADDED) < n_frames)
        assert q_mse == pytest.approx(case.published.printed_q_rmse, abs=0.0006), recording


def test_q_mse_from_the_map_is_the_printed_one(cases):
    for recording, case in cases.items():
        assert metrics_of(case, case.activation).q_mse == pytest.approx(case.published.printed_q_rmse, abs=0.008), (
            recording
        )


def test_maps_are_stronger_in_voiced_frames(cases):
    """In 32 of 33; in 14b09Wa both means are equal within the error of reading."""
    excess = {recording: float(metrics_of(case, case.activation).q_voiced_excess) for recording, case in cases.items()}
    assert {recording for recording, value in excess.items() if value < 0.01} == {"14b09Wa"}
    assert abs(excess["14b09Wa"]) < 0.001
    for recording, case in cases.items():
        q = case.curves.q.to_numpy()
        plotted = q[case.f0.voiced].mean() - q[~case.f0.voiced].mean()
        assert excess[recording] == pytest.approx(plotted, abs=0.005), recording


def test_a_constant_is_closer_to_the_envelope_than_the_printed_contour(recordings, samples):
    """The printed errors are above the variance of Q in 57 of the 58 recordings: 0.176 and 0.043 on average."""
    variances = []
    for recording, published in recordings.iterrows():
        n_frames = published.n_frames
        energy = padded(prosody.frame_energy(samples[recording], n_frames))
        in_recording = jnp.arange(N_PADDED) < n_frames
        variances.append(float(metrics.variance(metrics.energy_contour(energy, n_frames), in_recording)))
    closer = recordings.index[recordings["printed_q_rmse"] < variances]
    assert closer.tolist() == ["13b03Na"]
    assert np.mean(variances) == pytest.approx(0.0426, abs=1e-4)
    assert recordings["printed_q_rmse"].mean() == pytest.approx(0.1765, abs=1e-4)


def test_voicing_equals_the_plotted_one_in_every_frame(cases):
    wrong = {r: np.flatnonzero(case.f0.voiced != case.curves.F0_hz.notna()).tolist() for r, case in cases.items()}
    assert {r: frames for r, frames in wrong.items() if frames} == {}


def test_f0_equals_the_plotted_one_in_every_frame(cases):
    for recording, case in cases.items():
        distance_hz = np.abs(case.f0.f0_hz - case.curves.F0_hz)[case.f0.voiced]
        assert (distance_hz <= case.curves.hz_per_pixel.iloc[0]).all(), recording


def test_f0_metric_from_the_plotted_trajectory_is_the_printed_one(cases):
    """Without any map: segments, their equal weights and the comparison of means, to the picture's resolution."""
    values = []
    for recording, case in cases.items():
        voiced = jnp.asarray(padded(case.f0.voiced))
        c_hz, f0_hz = jnp.asarray(padded(case.curves.c_hz.fillna(0))), jnp.asarray(padded(case.f0.f0_hz))
        value = metrics.segment_rmse(c_hz, f0_hz, voiced, metrics.segment_index(voiced))
        values.append(value)
        resolution_hz = case.curves.hz_per_pixel.iloc[0]
        assert value == pytest.approx(case.published.printed_f0_rmse_hz, abs=resolution_hz / 2), recording
    assert np.median(relative_errors(values, cases)) < 0.002


def test_f0_metric_from_the_maps_as_they_were_read(cases):
    """Median error 0.6 %; 26 of 33 (79 %) within 2 %, as cells close to half of a maximum fall on the wrong side."""
    values = [metrics_of(case, case.activation).f0_segment_rmse_hz for case in cases.values()]
    errors = relative_errors(values, cases)
    assert np.median(errors) < 0.01
    assert np.sum(errors < 0.02) >= 26


def test_f0_metric_from_the_maps_freed_from_reading_error(cases):
    """Median error 0.4 %; 31 of 33 within 2 %.

    It takes both the fit and the half colour: 26 of 33 with either alone, 30 with the fit and 0.4 or 0.6 of a colour.
    """
    maps = {recording: fitted(case.activation) for recording, case in cases.items()}
    values = [metrics_of(case, maps[recording]).f0_segment_rmse_hz for recording, case in cases.items()]
    errors = relative_errors(values, cases)
    assert np.median(errors) < 0.01
    assert np.mean(errors < 0.02) >= 0.8
    assert np.sum(errors < 0.02) >= 30


def test_trajectory_from_the_map_equals_the_plotted_one(cases):
    off = n_voiced = 0
    for case in cases.values():
        activation = jnp.asarray(padded(fitted(case.activation)))
        c_hz = np.asarray(metrics.frequency_trajectory(activation, jnp.asarray(BIN_HZ), 0.5))
        distance_hz = np.abs(c_hz[: len(case.f0.voiced)] - case.curves.c_hz)[case.f0.voiced]
        off += np.sum(distance_hz > case.curves.hz_per_pixel.iloc[0])
        n_voiced += np.sum(case.f0.voiced)
    assert off < 0.05 * n_voiced


def residual(case, map_placement):
    difference = fitted(case.activation, map_placement) - case.activation
    return np.sqrt(np.mean(np.square(difference)))


def test_maps_are_stretched_and_not_placed_at_receptive_fields(cases):
    """Fitted with the right placement, nodes leave over the error of reading the picture; with the other one, more."""
    for recording, case in cases.items():
        assert residual(case, "stretched") < 0.0025, recording
        assert residual(case, "receptive_field") > 0.005, recording


def test_the_one_cell_of_table_5_with_all_its_maps_is_not_reproduced(cases, samples):
    """Male fear has a single recording, so its mask is that recording's map, whichever maps are summed.

    The paper prints 93 %. Eq. 10 and 11 as written, beta = 1/10, give 97.4 %. A beta of 1/5 would give 93 %, but it was
    found by trying values on this one cell, so it is no evidence of what the authors ran.
    """
    activation = jnp.asarray(fitted(cases["15a07Ac"].activation))
    magnitude = jnp.asarray(CQT.magnitude(samples["15a07Ac"]))
    n_frames = magnitude.shape[1]
    ratios = [metrics.energy_ratio(magnitude, masks.binarise(activation, beta), n_frames) for beta in (0.1, 0.2)]
    np.testing.assert_allclose(ratios, [0.975, 0.930], atol=0.005)
