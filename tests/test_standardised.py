"""Standardisation of the network's inputs: fitted on the training recordings, part of the network, saved with it."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy
import soxr
from mean_network import MeanConfig, MeanNetwork
from small_network import GRID, N_BINS, N_INPUT_FRAMES, NETWORK, make_recordings, make_variables

from convcam_jax.attribution.score import score_gradient
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.data.members import Cohort, Member
from convcam_jax.data.recordings import ABSENT, Batch, Recordings, take
from convcam_jax.data.standardisation import fit_statistics
from convcam_jax.networks.network import Network
from convcam_jax.networks.standardised import STATISTICS, Standardised, standardise
from convcam_jax.representations.cqt import Cqt
from convcam_jax.representations.mel import Mel
from convcam_jax.representations.stft import Stft
from convcam_jax.settings.config import Config
from convcam_jax.splits.protocol import ONLY_FOLD
from convcam_jax.stages.ensemble.rounds import Round, trained_members
from convcam_jax.stages.ensemble.training import train_round
from convcam_jax.training.config import TrainConfig

RECORDINGS = make_recordings(12)
BATCH = take(RECORDINGS, jnp.array([3, ABSENT, 5]))
LAYOUT = NETWORK.layout(np.full((3, 1), N_INPUT_FRAMES))
MEAN, DEVIATION = np.linspace(0.1, 0.5, N_BINS), np.linspace(0.5, 2.0, N_BINS)
STANDARDISED = Standardised(NETWORK)
OWN = make_variables()
VARIABLES = {**OWN, STATISTICS: {"mean": jnp.asarray(MEAN), "deviation": jnp.asarray(DEVIATION)}}


class WithRunningMean(MeanNetwork):
    """Has the mean of the last batch's cells, as networks have the moments of batch normalisation."""

    def init(self, key, grid):
        return {**super().init(key, grid), "batch_stats": {"mean": jnp.zeros(())}}

    def logits(self, variables, batch, layout, key=None):
        logits, _ = super().logits(variables, batch, layout, key)
        return logits, {**variables, "batch_stats": {"mean": batch.spectrograms.mean()}}


def by_hand(batch: Batch) -> Batch:
    values = (np.asarray(batch.spectrograms) - MEAN[:, None]) / DEVIATION[:, None]
    inside = np.arange(N_INPUT_FRAMES) < np.asarray(batch.n_frames)[:, None, None]
    return batch._replace(spectrograms=jnp.asarray(values * inside, jnp.float32))


def test_statistics_by_hand():
    spectrograms = np.array([[[1, 3, 99], [5, 5, 99]], [[8, 99, 99], [5, 99, 99]], [[7, 7, 7], [7, 7, 7]]], np.float32)
    recordings = Recordings(jnp.asarray(spectrograms), jnp.array([2, 1, 3]), jnp.zeros(3, int))
    # Recordings 0 and 1, in their frames: 1, 3, 8 in the lower bin, and always 5 in the other.
    fitted = fit_statistics(recordings, np.array([[0, ABSENT], [1, 0]]), per_bin=True, scale="magnitude")
    np.testing.assert_allclose(fitted["mean"], [4, 5], rtol=1e-12)
    deviation = np.sqrt((9 + 1 + 16) / 3)
    np.testing.assert_allclose(fitted["deviation"], [deviation, 0.9 * deviation / 256], rtol=1e-12)
    fitted = fit_statistics(recordings, np.array([1, 0]), per_bin=False, scale="magnitude")
    np.testing.assert_allclose(fitted["mean"], [4.5, 4.5], rtol=1e-12)
    np.testing.assert_allclose(fitted["deviation"], np.sqrt(np.var([1, 3, 8, 5, 5, 5])), rtol=1e-12)


def test_what_is_the_same_everywhere_stays_as_it_is():
    recordings = Recordings(jnp.full((1, 3, 4), 5.0), jnp.array([4]), jnp.zeros(1, int))
    for per_bin in (True, False):
        assert fit_statistics(recordings, np.array([0]), per_bin, "decibel")["deviation"].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("representation", "scale"),
    [(Cqt(), "decibel"), (Stft(), "decibel"), (Cqt(), "square_root"), (Mel(), "square_root"), (Stft(), "square_root")],
    ids=lambda own: own if isinstance(own, str) else own.title,
)
def test_sound_above_the_band_that_was_trained_on_is_no_number_of_hundreds(representation, scale):
    """Training on a copy at 8 kHz; then the same sound with all of its band."""
    rate_hz = representation.sample_rate_hz
    generator = np.random.default_rng(0)
    # Speech has syllables and falls by 6 dB an octave.
    noise = (
        np.cumsum(generator.normal(size=2 * rate_hz)) * np.sin(2 * np.pi * 2 * np.arange(2 * rate_hz) / rate_hz) ** 2
    )
    whole = scipy.signal.sosfilt(scipy.signal.butter(2, 60, "high", fs=rate_hz, output="sos"), noise)
    narrow = soxr.resample(soxr.resample(whole, rate_hz, 8000), 8000, rate_hz)
    own = dataclasses.replace(representation, scale=scale)
    inputs = [own.scaled(own.magnitude(samples / np.abs(whole).max())) for samples in (narrow, whole)]
    spectrograms = jnp.asarray(np.stack([one[:, : inputs[0].shape[1]] for one in inputs]), jnp.float32)
    recordings = Recordings(spectrograms, jnp.full(2, spectrograms.shape[2]), jnp.zeros(2, int))
    fitted = fit_statistics(recordings, np.array([0]), True, scale)
    standardised = (np.asarray(spectrograms, float) - fitted["mean"][:, None]) / fitted["deviation"][:, None]
    assert np.abs(standardised[1]).max() < 50


@pytest.mark.parametrize("per_bin", [True, False])
def test_what_it_is_fitted_on_has_mean_0_and_deviation_1(per_bin):
    fitted = fit_statistics(RECORDINGS, np.arange(8), per_bin, "magnitude")
    batch = standardise(take(RECORDINGS, jnp.arange(8)), *(jnp.asarray(fitted[name]) for name in ("mean", "deviation")))
    inside = np.arange(N_INPUT_FRAMES) < np.asarray(batch.n_frames)[:, None]
    values = np.moveaxis(np.asarray(batch.spectrograms), 1, 0)[:, inside]
    axis = 1 if per_bin else None
    np.testing.assert_allclose(values.mean(axis=axis), 0, atol=1e-5)
    np.testing.assert_allclose(values.std(axis=axis), 1, atol=1e-5)


def test_beyond_a_recording_and_in_empty_places_there_is_0():
    found = standardise(BATCH, jnp.asarray(MEAN), jnp.asarray(DEVIATION))
    np.testing.assert_allclose(found.spectrograms, by_hand(BATCH).spectrograms, rtol=1e-5, atol=1e-6)
    assert not np.asarray(found.spectrograms)[1].any()


def test_it_is_a_network():
    assert isinstance(STANDARDISED, Network)
    assert hash(STANDARDISED) == hash(Standardised(NETWORK))
    assert STANDARDISED != NETWORK


def test_it_answers_as_the_network_behind_it_does_to_standardised_recordings():
    layers = STANDARDISED.explained_layers()

    def answers(network, variables, batch):
        logits, after = network.logits(variables, batch, LAYOUT)
        return logits, after, [network.activations(variables, batch, LAYOUT, layer) for layer in layers]

    @jax.jit
    def heads_of(all_activations):
        return [
            jax.vmap(lambda own, n, at=layer: STANDARDISED.head(VARIABLES, own, at, n))(activations, BATCH.n_frames)
            for layer, activations in zip(layers, all_activations, strict=True)
        ]

    compute = jax.jit(answers, static_argnums=0)
    logits, variables, activations = compute(STANDARDISED, VARIABLES, BATCH)
    expected, _, expected_activations = compute(NETWORK, OWN, by_hand(BATCH))
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)
    assert jax.tree.structure(variables) == jax.tree.structure(VARIABLES)
    for own, of_network, heads in zip(activations, expected_activations, heads_of(activations), strict=True):
        np.testing.assert_allclose(own, of_network, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(heads[::2], logits[::2], rtol=1e-4, atol=1e-5)


def test_its_shortcut_is_that_of_the_network_behind_it():
    layer = NETWORK.explained_layers()[0]
    ways = (LAYOUT, lambda logits: logits.argmax(-1), partial(score_gradient, score="logit"))

    @partial(jax.jit, static_argnums=0)
    def explain(network, variables, batch):
        shortcut = network.shortcut("gradcam", layer)
        return shortcut.explain(shortcut.prepare(variables), variables, batch, *ways)

    found, expected = explain(STANDARDISED, VARIABLES, BATCH), explain(NETWORK, OWN, by_hand(BATCH))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    assert STANDARDISED.shortcut("layercam", layer) is None


def test_running_statistics_move_and_those_of_the_input_stay():
    network = Standardised(WithRunningMean(MeanConfig(), 3))
    before = jax.jit(network.init, static_argnums=1)(jax.random.key(1), GRID)
    assert set(before) == {"params", "batch_stats", STATISTICS}
    before = {**before, STATISTICS: VARIABLES[STATISTICS]}
    _, after = jax.jit(network.logits, static_argnums=2)(before, BATCH, 0, jax.random.key(2))
    jax.tree.map(np.testing.assert_array_equal, after, {**before, "batch_stats": after["batch_stats"]})
    np.testing.assert_allclose(after["batch_stats"]["mean"], by_hand(BATCH).spectrograms.mean(), rtol=1e-5)


@pytest.mark.parametrize("standardisation", ["per_bin", "global"])
def test_it_is_fitted_on_each_members_training_recordings_alone_and_saved_with_it(tmp_path, standardisation):
    female, male = Cohort("female", ONLY_FOLD), Cohort("male", ONLY_FOLD)
    training, validation = {female: np.arange(5), male: np.arange(5, 9)}, {female: np.array([9]), male: np.array([10])}
    config = Config(
        corpus=SyntheticConfig(emotions=("anger", "fear", "neutral"), max_frames=N_INPUT_FRAMES),
        representation=Cqt(n_bins=N_BINS, standardisation=standardisation),
        network=MeanConfig(),
        train=TrainConfig(epochs=2, batch_size=4, precision="float32"),
    )
    assert config.make_network("float32") == Standardised(config.network.make(3, "float32"))
    members = (Member(*female, 0), Member(*male, 0))
    own = Round(members, tmp_path / "round_00")
    train_round(own, "all", config, training, validation, RECORDINGS)
    [(_, variables)] = trained_members([own], members)
    for row, cohort in enumerate((female, male)):
        expected = fit_statistics(RECORDINGS, training[cohort], standardisation == "per_bin", "magnitude")
        for name, values in expected.items():
            np.testing.assert_allclose(variables[STATISTICS][name][row], values, rtol=1e-6)
    assert variables[STATISTICS]["mean"].shape == (2, GRID[0])


def test_the_papers_network_is_not_wrapped():
    assert Config().representation.standardisation == "none"
    assert Config().make_network("float32") == Config().network.make(6, "float32")
