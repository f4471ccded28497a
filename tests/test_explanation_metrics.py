"""Metrics of explanations by hand: values that are known, and what must not count."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from convcam_jax.checks.explanation_metrics import additivity, concentration, masked_input, removal, robustness
from convcam_jax.checks.explanation_metrics.explained_recording import ExplainedRecording
from convcam_jax.checks.explanation_metrics.metric_list import (
    EXPLANATION_METRICS,
    Drawn,
    OtherMaps,
    all_metrics,
)

pytestmark = pytest.mark.usefixtures("strict_promotion")

GRID, N_FRAMES = (8, 12), 10
GENERATOR = np.random.default_rng(0)
PRESENT = np.broadcast_to(np.arange(GRID[1]) < N_FRAMES, GRID)
SPECTROGRAM = GENERATOR.uniform(0.5, 1.5, GRID) * PRESENT
SLOPES = GENERATOR.normal(size=GRID)
ZERO = jnp.zeros(GRID)
KEY = jax.random.key(0)


def linear(versions):
    """Of the first class the sum of the slopes times the cells, of the second 0."""
    scores = (versions * jnp.asarray(SLOPES, versions.dtype)[None]).sum((1, 2))
    return jnp.stack([scores, jnp.zeros_like(scores)], axis=1)


def explained(relevance, spectrogram=SPECTROGRAM) -> ExplainedRecording:
    arrays = (jnp.asarray(own, jnp.float32) for own in (spectrogram, relevance))
    return ExplainedRecording(*arrays, n_frames=jnp.asarray(N_FRAMES), target=jnp.asarray(0))


def only(*cells) -> np.ndarray:
    result = np.zeros(GRID)
    for cell in cells:
        result[cell] = 1
    return result


CONTRIBUTIONS = SLOPES * SPECTROGRAM


@pytest.mark.parametrize(
    ("relevance", "gini", "entropy"),
    [
        (np.ones(GRID) * PRESENT, 0, np.log(80)),
        (np.zeros(GRID), 0, np.log(80)),
        (only((3, 4)), 79 / 80, 0),
        (-only((3, 4), (0, 0)), 78 / 80, np.log(2)),
        # What lies behind the recording does not count.
        (only((3, 4), (2, 11)), 79 / 80, 0),
    ],
)
def test_how_few_cells_are_marked(relevance, gini, entropy):
    recording = explained(relevance)
    assert concentration.sparseness(recording) == pytest.approx(gini, abs=1e-5)
    assert concentration.complexity(recording) == pytest.approx(entropy, abs=1e-5)


def test_regions_are_ranked_by_their_sum_and_those_behind_the_recording_are_last():
    relevance = -np.ones(GRID) * PRESENT
    relevance[4:, 4:8] = 2
    relevance[:4, 8:10] = 1
    ranks, n_regions = removal.region_ranks(explained(relevance), 4, KEY)
    assert n_regions == 6
    blocks = np.asarray(ranks)[::4, ::4]
    assert (blocks[1, 1], blocks[0, 2]) == (0, 1)
    # The last region of the second row holds two frames of -1, the others four.
    assert blocks[1, 2] == 2
    shorter = explained(relevance)._replace(n_frames=jnp.asarray(4))
    ranks, n_regions = removal.region_ranks(shorter, 4, KEY)
    assert n_regions == 2
    assert np.asarray(ranks)[:, :4].max() == 1


def test_removal_takes_the_contributions_of_the_highest_regions():
    recording = explained(CONTRIBUTIONS)
    by_region = CONTRIBUTIONS.reshape(2, 4, 3, 4).sum((1, 3)).ravel()
    remaining = CONTRIBUTIONS.sum() - np.cumsum(np.sort(by_region)[::-1])
    found = removal.removal_curve(linear, recording, ZERO, np.arange(1, 7) / 6, KEY)
    np.testing.assert_allclose(found, remaining, atol=1e-4)
    shares = removal.SELECTIVITY_SHARES
    n_removed = np.round(shares.astype(np.float32) * 6).astype(int)
    steps = np.concatenate([[CONTRIBUTIONS.sum()], remaining])[n_removed]
    assert removal.selectivity(linear, recording, KEY) == pytest.approx(np.trapezoid(steps, shares), abs=1e-4)
    worst = explained(-CONTRIBUTIONS)
    assert removal.selectivity(linear, worst, KEY) > removal.selectivity(linear, recording, KEY)
    # Of six regions the first quarter's shares round to none, one or two.
    noise = GENERATOR.uniform(size=GRID) * PRESENT
    change = (CONTRIBUTIONS - SLOPES * noise).reshape(2, 4, 3, 4).sum((1, 3)).ravel()[np.argsort(-by_region)]
    n_removed = np.round(removal.PERTURBED_SHARES.astype(np.float32) * 6).astype(int)
    expected = np.mean([change[:n].sum() for n in n_removed])
    found = removal.region_perturbation(linear, recording, jnp.asarray(noise, jnp.float32), KEY)
    assert found == pytest.approx(expected, abs=1e-4)


def test_regions_of_equal_value_are_in_no_order_of_bins_or_frames():
    """A map of zeros says nothing: on average over keys every region is at every place as often."""
    zero = explained(np.zeros(GRID))
    ranks = np.stack([np.asarray(removal.region_ranks(zero, 4, jax.random.key(n))[0])[::4, ::4] for n in range(300)])
    assert (np.sort(ranks.reshape(300, 6)) == np.arange(6)).all()
    # Ranks 0 to 5 have a standard deviation of 1.71, their mean of 300 one of 0.1.
    np.testing.assert_allclose(ranks.mean(axis=0), 2.5, atol=0.4)


@pytest.mark.parametrize("loud", [slice(0, 4), slice(4, 8)], ids=["low bins", "high bins"])
def test_a_map_of_zeros_is_no_better_and_no_worse_where_the_evidence_is_low(loud):
    """The logit falls in a straight line as regions are removed at random, whichever half of the bins it rests on."""
    weights = np.zeros(GRID)
    weights[loud, :N_FRAMES] = 1 / (4 * N_FRAMES)

    def answers(versions):
        scores = (versions * jnp.asarray(weights, versions.dtype)[None]).sum((1, 2))
        return jnp.stack([scores, jnp.zeros_like(scores)], axis=1)

    everywhere = PRESENT.astype(float)
    blank, keys = explained(np.zeros(GRID), everywhere), jax.random.split(KEY, 300)
    areas = jax.vmap(lambda key: removal.selectivity(answers, blank, key))(keys)
    assert areas.mean() == pytest.approx(0.5, abs=0.03)
    falls = jax.vmap(lambda key: removal.region_perturbation(answers, blank, ZERO, key))(keys)
    # Of six regions the first quarter's shares round to none, one or two, each of them a sixth on average.
    n_removed = np.round(removal.PERTURBED_SHARES.astype(np.float32) * 6)
    assert falls.mean() == pytest.approx(n_removed.mean() / 6, abs=0.02)
    best = removal.selectivity(answers, explained(weights, everywhere), KEY)
    assert best < 0.3


def test_a_plane_is_imputed_as_it_is_and_noise_is_added_to_what_is_missing():
    plane = (np.arange(8.0)[:, None] + 2 * np.arange(12.0)).astype(np.float32)
    removed = np.zeros(GRID, bool)
    removed[2:6, 3:7] = True
    present = np.ones(GRID, bool)
    found = removal.noisy_linear_imputation(*map(jnp.asarray, (plane, removed, present)), noise=ZERO)
    np.testing.assert_allclose(found, plane, atol=1e-2)
    noisy = removal.noisy_linear_imputation(*map(jnp.asarray, (plane, removed, present)), noise=ZERO + 3)
    np.testing.assert_allclose(noisy - found, 3 * removed, atol=1e-5)


def test_nothing_behind_the_recording_is_imputed_or_counts():
    spectrogram = np.ones(GRID, np.float32) * PRESENT
    removed = np.zeros(GRID, bool)
    removed[:, 5:] = True
    found = removal.noisy_linear_imputation(*map(jnp.asarray, (spectrogram, removed, PRESENT)), noise=ZERO + 0)
    np.testing.assert_allclose(found, spectrogram, atol=1e-4)


def test_the_answer_falls_first_where_the_map_is_right():
    """The class is that of two loud bins, whose sum is 22 and must stay above 10."""
    loud = (np.arange(8)[:, None] < 2) * PRESENT.astype(np.float32)

    def answers(versions):
        scores = (versions * loud[None]).sum((1, 2))
        return jnp.stack([scores, jnp.full_like(scores, 10)], axis=1)

    key, spectrogram = jax.random.key(0), loud + 0.1 * PRESENT
    right, wrong = (removal.road(answers, explained(sign * loud, spectrogram), ZERO, key) for sign in (1, -1))
    # Until the bins are gone, which are a quarter of the cells, they are imputed from each other.
    assert 0 < right < 0.4
    assert wrong == pytest.approx(1)


def test_what_is_complete_has_no_gap_and_the_best_scale_no_error():
    recording = explained(SLOPES)
    gain = CONTRIBUTIONS.sum()
    complete = additivity.completeness(linear, recording, jnp.asarray(CONTRIBUTIONS, jnp.float32))
    assert complete == pytest.approx(0, abs=1e-5)
    half = additivity.completeness(linear, recording, jnp.asarray(gain / 2, jnp.float32))
    assert half == pytest.approx(0.5, abs=1e-5)
    taken_away = additivity.silenced_squares(recording.spectrogram, side=4)
    assert taken_away.shape == (6, *GRID)
    np.testing.assert_allclose(taken_away.sum(0), recording.spectrogram)
    # Of a map that says the opposite no scale of 0 or more is better than 0.
    for scale, expected in ((1, 0), (0.01, 0), (-0.01, 1), (-1, 1)):
        same = explained(scale * SLOPES)
        assert additivity.infidelity(linear, same, taken_away) == pytest.approx(expected, abs=1e-6)
    assert additivity.infidelity(linear, explained(np.zeros(GRID)), taken_away) == pytest.approx(1)
    losses, said = jnp.asarray([1.0, 0.0]), jnp.asarray([1.0, 1.0])
    # The best scale is a half: errors of a half each, beside a mean square of a half.
    assert additivity.scaled_error(losses, said) == pytest.approx(0.5)
    assert additivity.scaled_error(losses, -said) == pytest.approx(1)


def test_robustness_is_that_of_the_worst_version():
    own = jnp.asarray([[3.0, 4.0]])
    noisy_maps = jnp.asarray([[[3.0, 5.0]], [[3.0, 4.5]]])
    assert robustness.max_sensitivity(own, noisy_maps) == pytest.approx(0.2)
    spectrogram = jnp.zeros((1, 2))
    noisy = jnp.asarray([[[0.0, 2.0]], [[0.5, 0.0]]])
    assert robustness.local_lipschitz(own, noisy_maps, spectrogram, noisy) == pytest.approx(1)
    assert np.isinf(robustness.max_sensitivity(0 * own, noisy_maps))


def test_a_map_that_marks_nothing_is_not_the_steadiest():
    own, noisy_maps = jnp.zeros((1, 2)), jnp.zeros((2, 1, 2))
    spectrogram, noisy = jnp.zeros((1, 2)), jnp.ones((2, 1, 2))
    assert np.isnan(robustness.max_sensitivity(own, noisy_maps))
    assert np.isnan(robustness.local_lipschitz(own, noisy_maps, spectrogram, noisy))
    # Under noise the second version is marked, by as much as its noise is large.
    one_marked = noisy_maps.at[1].set(1.0)
    assert robustness.local_lipschitz(own, one_marked, spectrogram, noisy) == pytest.approx(1)
    # A map that stays as it is, however it was moved there.
    assert robustness.local_lipschitz(own + 1, noisy_maps + 1, spectrogram, noisy) == 0


def test_a_map_of_another_class_is_compared_by_correlation():
    own, everywhere = jnp.asarray(GENERATOR.normal(size=GRID), jnp.float32), jnp.ones(GRID, bool)
    assert robustness.random_logit(own, 2 * own + 1, everywhere) == pytest.approx(1)
    assert robustness.random_logit(own, -own, everywhere) == pytest.approx(-1)
    assert np.isnan(robustness.random_logit(own, ZERO, everywhere))


def test_silence_behind_a_recording_does_not_make_two_maps_alike():
    """Exactly opposite within two of five frames, of a mean above zero, and both zero behind them."""
    own, other = (jnp.asarray([[*pair, 0.0, 0.0, 0.0]]) for pair in ((1.0, 3.0), (3.0, 1.0)))
    present = jnp.arange(5)[None] < 2
    assert robustness.random_logit(own, other, present) == pytest.approx(-1)
    assert np.isnan(robustness.random_logit(own, jnp.where(present, 2.0, 0.0), present))


def test_scores_of_a_masked_input():
    """Three cells of one bin, logits are the cells of the first two: whole (2, 1), let through (1, 1), left (1, 0)."""
    spectrogram = np.zeros(GRID)
    spectrogram[0, :2] = 2, 1
    relevance = np.zeros(GRID)
    relevance[0, :2] = 3, 6

    def answers(versions):
        return versions[:, 0, :2]

    found = masked_input.masked_input_scores(answers, explained(relevance, spectrogram))
    p, q, left = (1 / (1 + np.exp(-margin)) for margin in (1, 0, 1))
    assert found.faithfulness == pytest.approx(p - left, abs=1e-6)
    assert (found.average_increase, found.average_gain) == (0, 0)
    assert found.average_drop == pytest.approx((p - q) / p, abs=1e-6)
    # Of equal logits the first counts.
    assert found.input_fidelity == 1
    better = masked_input.masked_input_scores(answers, explained(only((0, 0)), spectrogram))
    q = 1 / (1 + np.exp(-2))
    assert better.average_increase == 1
    assert better.average_gain == pytest.approx((q - p) / (1 - p), abs=1e-5)
    assert better.average_drop == 0
    nothing = masked_input.masked_input_scores(answers, explained(np.zeros(GRID), spectrogram))
    assert nothing.average_drop == pytest.approx((p - 0.5) / p, abs=1e-6)


@pytest.mark.parametrize("margin", [2.0, 16.0, 18.0, 40.0])
def test_gain_and_drop_of_a_network_that_is_sure(margin):
    """Two more logits ahead of the other leave e**-2 of what was missing to 1, and the other way round of a small p."""
    spectrogram = np.zeros(GRID)
    spectrogram[0, :2] = margin + 2, 2
    answers = {"surer": lambda versions: versions[:, 0, :2], "less sure": lambda versions: -versions[:, 0, :2]}
    found = {
        name: masked_input.masked_input_scores(answer, explained(only((0, 0)), spectrogram))
        for name, answer in answers.items()
    }
    left = (1 + np.exp(-margin)) / (1 + np.exp(-margin - 2)) * np.exp(-2)
    assert (found["surer"].average_increase, found["surer"].average_drop) == (1, 0)
    assert found["surer"].average_gain == pytest.approx(1 - left, abs=1e-5)
    assert (found["less sure"].average_increase, found["less sure"].average_gain) == (0, 0)
    assert found["less sure"].average_drop == pytest.approx(1 - left, abs=1e-5)


@pytest.mark.slow
def test_all_metrics_are_those_of_the_list_and_the_same_for_several_maps():
    maps = jnp.asarray(np.stack([CONTRIBUTIONS, SPECTROGRAM]), jnp.float32)
    noisy = jnp.asarray(SPECTROGRAM + 0.01 * PRESENT, jnp.float32)[None]
    drawn = Drawn(ZERO, ZERO, jax.random.key(0))

    def of_map(one):
        others = OtherMaps(one.sum(), noisy, 1.1 * one[None], one[::-1])
        return all_metrics(linear, explained(one), others, drawn)

    together = jax.jit(jax.vmap(of_map))(maps)
    assert set(together) == set(EXPLANATION_METRICS)
    alone = jax.jit(of_map)(maps[1])
    for name, values in together.items():
        np.testing.assert_allclose(values[1], alone[name], rtol=1e-4, atol=1e-5, err_msg=name)
    assert together["max_sensitivity"] == pytest.approx([0.1, 0.1], rel=1e-4)


def test_side_neighbours_weigh_twice_as_much_as_corners():
    values = jnp.asarray(np.arange(9.0).reshape(3, 3) ** 2, jnp.float32)
    removed, everywhere = jnp.zeros((3, 3), bool).at[1, 1].set(True), jnp.ones((3, 3), bool)
    found = removal.noisy_linear_imputation(values, removed, everywhere, jnp.zeros((3, 3)))
    assert float(found[1, 1]) == pytest.approx((2 * (1 + 9 + 25 + 49) + 0 + 4 + 36 + 64) / 12, rel=1e-5)


def test_concentration_of_cells_that_differ():
    """Shares of a quarter and three quarters; the third frame lies behind the recording."""
    relevance = jnp.asarray([[1.0, -3.0, 0.0]])
    recording = ExplainedRecording(jnp.ones((1, 3)), relevance, jnp.asarray(2), jnp.asarray(0))
    assert float(concentration.sparseness(recording)) == pytest.approx(1 / 4)
    assert float(concentration.complexity(recording)) == pytest.approx(-0.25 * np.log(0.25) - 0.75 * np.log(0.75))
