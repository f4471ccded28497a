"""All features of one recording together."""

import numpy as np
import pytest
from plain_sounds import RATE_HZ, noise

from convcam_jax.representations.cqt import Cqt
from convcam_jax.representations.features import FeatureConfig, compute_features
from convcam_jax.representations.mel import Mel
from convcam_jax.representations.prosody import ProsodyConfig, frame_energy, praat_f0, shortest_s

CONFIG = FeatureConfig(Cqt(), ProsodyConfig(), "refuse")
both = pytest.mark.parametrize("representation", [Cqt(), Mel()])


@both
@pytest.mark.parametrize("n_samples", [640, 5000, 16001])
def test_features_fit_together(representation, n_samples, recwarn):
    features = compute_features(noise(n_samples), CONFIG._replace(representation=representation))
    n_frames = representation.n_frames(n_samples)
    assert (features.magnitude.shape, features.magnitude.dtype) == ((96, n_frames), np.float32)
    assert (features.energy.shape, features.energy.dtype) == ((n_frames,), np.float64)
    assert features.praat_f0_hz.shape == features.praat_time_s.shape
    assert features.praat_f0_hz.dtype == features.praat_time_s.dtype == np.float64
    assert np.isfinite(features.magnitude).all()
    assert list(recwarn) == []


@pytest.mark.parametrize("scale", ["magnitude", "power", "decibel"])
def test_features_are_magnitudes_in_every_scale(scale):
    samples = noise(4000)
    features = compute_features(samples, CONFIG._replace(representation=Cqt(scale=scale)))
    np.testing.assert_array_equal(features.magnitude, Cqt().magnitude(samples).astype(np.float32))


def test_prosody_is_that_of_the_config_at_the_representations_rate():
    prosody = ProsodyConfig(f0_floor_hz=100.0, f0_ceiling_hz=300.0, f0_step_s=0.02)
    samples = np.sin(2 * np.pi * 400 * np.arange(8000) / 22050)
    features = compute_features(samples, FeatureConfig(Mel(sample_rate_hz=22050), prosody, "mix"))
    f0_hz, time_s = praat_f0(samples, 22050, prosody)
    np.testing.assert_allclose(f0_hz, 200, rtol=1e-3)
    np.testing.assert_array_equal(features.praat_f0_hz, f0_hz)
    np.testing.assert_array_equal(features.praat_time_s, time_s)
    np.testing.assert_array_equal(features.energy, frame_energy(samples, 1 + 8000 // 512))


@both
@pytest.mark.parametrize("floor_hz", [75.0, 100.0])
def test_shortest_recording_has_one_pitch_frame(representation, floor_hz):
    prosody = ProsodyConfig(f0_floor_hz=floor_hz)
    n_samples = round(shortest_s(prosody) * RATE_HZ)
    assert len(compute_features(noise(n_samples), FeatureConfig(representation, prosody, "refuse")).praat_f0_hz) == 1
