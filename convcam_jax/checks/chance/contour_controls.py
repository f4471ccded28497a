"""The errors of q and c (Tables 3 and 4) by chance: with the map moved in time, or another recording's map.

The outcomes that are drawn from contain the map itself in its place: that is what makes p-values right where there are
few possible outcomes. Axes: N recording; P draw; M recording to compare with; F frequency bin; T time frame.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from convcam_jax.checks.chance.config import ControlsConfig
from convcam_jax.checks.chance.controls import ControlDraws, unmoved_by
from convcam_jax.data.arrays import AnalysisArrays
from convcam_jax.kernels.rolling import roll_frames
from convcam_jax.kernels.stretching import stretched
from convcam_jax.measures.config import AnalysisConfig
from convcam_jax.measures.metrics import (
    activation_contour,
    energy_contour,
    frequency_trajectory,
    mean_square_difference,
    trajectory_errors,
)
from convcam_jax.measures.missing_values import nan_allowed


class ContourErrors(NamedTuple):
    """The errors of Tables 3 and 4 of N recordings: with their own maps, with these moved, and with others' maps.

    Row i of the last holds recording i with the map of each recording, or of those it is compared with. Under `vmap`
    and `map` the axis N is in front.
    """

    observed: Float[Array, "*N"]
    moved: Float[Array, "*N P"]
    others: Float[Array, "*N M"]


@nan_allowed
@partial(jax.jit, static_argnames="analysis")
def contour_errors(
    maps: Float[Array, "N F T"],
    arrays: AnalysisArrays,
    bin_hz: Float[Array, " F"],
    shares: Float[Array, "N P"],
    analysis: AnalysisConfig,
    compared: Int[Array, "N M"] | None = None,
) -> tuple[ContourErrors, ContourErrors]:
    """Errors of q (metric of Table 3) and of c (of Table 4) for maps >= 0 and shifts `shares` in 0..1.

    `compared`: indices of the recordings with whose maps each is compared; None: all N.
    """

    def errors(contour: Array, trajectory_hz: Array, arrays: AnalysisArrays) -> tuple[Array, Array]:
        in_recording = jnp.arange(len(contour)) < arrays.n_frames
        envelope = energy_contour(arrays.energy, arrays.n_frames)
        q_mse = mean_square_difference(contour, envelope, in_recording & (jnp.max(contour) > 0))
        q = jnp.sqrt(q_mse) if analysis.table3_metric == "q_rmse" else q_mse
        of_c = trajectory_errors(trajectory_hz, arrays.f0_hz, arrays.voiced & in_recording)
        return q, getattr(of_c, analysis.table4_metric)

    def lines(activation: Array) -> tuple[Array, Array]:
        return activation_contour(activation), frequency_trajectory(activation, bin_hz, analysis.trajectory_threshold)

    def recording(
        inputs: tuple[Array, AnalysisArrays, Array, Array | None],
    ) -> tuple[ContourErrors, ContourErrors]:
        activation, one_recording, own_shares, others = inputs
        contour, trajectory_hz = lines(activation)

        def moved(share: Array) -> tuple[Array, Array]:
            shift = (share * one_recording.n_frames).astype(int)
            rolled = roll_frames(jnp.stack([contour, trajectory_hz]), shift, one_recording.n_frames)
            return errors(rolled[0], rolled[1], one_recording)

        def other(its_map: Array, its_frames: Array) -> tuple[Array, Array]:
            return errors(*lines(stretched(its_map, its_frames, one_recording.n_frames)), one_recording)

        parts = (
            errors(contour, trajectory_hz, one_recording),
            jax.vmap(moved)(own_shares),
            jax.vmap(other)(*((maps, arrays.n_frames) if others is None else (maps[others], arrays.n_frames[others]))),
        )
        q, c = zip(*parts, strict=True)
        return ContourErrors(*q), ContourErrors(*c)

    return lax.map(recording, (maps, arrays, shares, compared))


def contour_controls(
    maps: Float[np.ndarray, "N F T"],
    arrays: AnalysisArrays,
    bin_hz: Float[np.ndarray, " F"],
    analysis: AnalysisConfig,
    controls: ControlsConfig,
    generator: np.random.Generator,
    n_largest: int,
) -> list[ControlDraws]:
    """Draws of the errors of q and c of one member's N recordings, from maps >= 0.

    Controls: the map moved in time, and the map of a recording drawn from all that have one, stretched to the length.
    n_largest: recordings of the group's largest cohort, which decides for all of them how many draws there are.
    """
    shares = generator.random((len(maps), controls.shifts), np.float32)
    with_map = maps.any((1, 2))
    # Where no recording has a map, all values are NaN, whichever is drawn.
    # The pairs of all with all are computed once, but of many recordings those alone that are drawn.
    all_pairs = len(maps) <= controls.permutations
    n_others = controls.shifts if n_largest <= controls.permutations else controls.permutations
    drawn = generator.choice(np.flatnonzero(with_map | ~with_map.any()), (len(maps), n_others))
    compared = None if all_pairs else drawn
    n_frames, own_row = np.asarray(arrays.n_frames), np.arange(len(maps))[:, None]
    shifts = (shares * n_frames[:, None].astype(np.float32)).astype(int)
    inside = (own[:, :n] for own, n in zip(maps, n_frames, strict=True))
    unmoved = np.stack([unmoved_by(own_shifts, own, axis=1) for own_shifts, own in zip(shifts, inside, strict=True)])
    both = contour_errors(maps, arrays, bin_hz, shares, analysis, compared)
    result = []
    for metric, errors in zip((analysis.table3_metric, analysis.table4_metric), both, strict=True):
        observed = np.asarray(errors.observed)
        others = np.asarray(errors.others)
        exchanged = np.take_along_axis(others, drawn, axis=1) if all_pairs else others
        result.append(ControlDraws(metric, "time_shift", observed, np.asarray(errors.moved), unmoved))
        result.append(ControlDraws(metric, "other_recordings", observed, exchanged, drawn == own_row))
    return result
