"""Maps of one network beside their controls, and the metrics of all of them as one program.

Axes: N recording; M map of a recording; V version of the question; P version with noise; F frequency bin; T time frame.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec
from jaxtyping import Array, Float

from convcam_jax.checks.evidence.scoring import NO_METHOD, NOT_PLACED, MemberMaps
from convcam_jax.checks.explanation_metrics.explained_recording import ExplainedRecording
from convcam_jax.checks.explanation_metrics.metric_list import Drawn, OtherMaps, all_metrics
from convcam_jax.checks.faithfulness.curves import shifted
from convcam_jax.data.recordings import Batch, Recordings
from convcam_jax.networks.network import Network, Variables
from convcam_jax.training.ensemble import member_and_recording_mesh
from convcam_jax.training.member import compiler_options

# Versions of each recording with noise; Yeh et al. search for the worst, here the worst of these counts.
N_NOISY = 4
# The noise is uniform, as far from 0 as this share of the recording's largest value.
NOISE_SHARE = 0.05
# The noise that is added to what is imputed, likewise; Rong et al. 2022 take 0.01 of pictures in 0..1.
IMPUTATION_NOISE = 0.01
# The control maps of a network's map, and those that no network makes.
OF_A_MAP, OF_A_RECORDING = ("random_weights", "shifted"), ("energy", "random")
_NOISE, _SHIFT, _RANDOM, _DRAWN = 11, 12, 13, 14


class Version(NamedTuple):
    """A question that all methods are asked: the tested recordings `[N, F, T]` as they were given, and the maps."""

    spectrograms: np.ndarray
    maps: Sequence[MemberMaps]


class JudgedMaps(NamedTuple):
    """All maps of one network's recordings.

    Attributes:
      names: of every map its method, placement and source.
      signed_sums: `[N, M]`, of the methods' signed maps; not a number for maps that are none.
      maps: `[V, N, M, F, T]`, of the recordings themselves, then with noise, and at last for another class.
      spectrograms: `[V, N, F, T]`.
    """

    names: list[tuple[str, str, str]]
    signed_sums: np.ndarray
    maps: np.ndarray
    spectrograms: np.ndarray


def with_noise(recordings: Recordings, version: int) -> Float[np.ndarray, "N F T"]:
    """The recordings with uniform noise in their cells, another one in every version."""
    spectrograms = np.asarray(recordings.spectrograms)
    noise = np.random.default_rng([_NOISE, version]).uniform(-1, 1, spectrograms.shape)
    present = np.arange(spectrograms.shape[2]) < np.asarray(recordings.n_frames)[:, None, None]
    peak = np.abs(spectrograms).max(axis=(1, 2), keepdims=True)
    return (spectrograms + NOISE_SHARE * peak * noise * present).astype(np.float32)


def judged_maps(
    s: int,
    seed: int,
    versions: Sequence[Version],
    signed_sums: Sequence[tuple[np.ndarray, np.ndarray]],
    n_frames: np.ndarray,
) -> JudgedMaps:
    """The maps of member `s` and their controls.

    `signed_sums` are those of the trained and the random networks `[S, N]`, for every entry of a version's maps. The
    control `shifted` is moved alike, and `random` is the same, in all versions.
    """
    first = versions[0]
    names = [(own.method, own.placement, source) for own in first.maps for source in ("network", *OF_A_MAP)] + [
        (NO_METHOD, NOT_PLACED, source) for source in OF_A_RECORDING
    ]
    sums = [row for trained, random in signed_sums for row in (trained[s], random[s], trained[s])]
    unknown = np.full(len(n_frames), np.nan)
    return JudgedMaps(
        names,
        np.stack([*sums, unknown, unknown], axis=1).astype(np.float32),
        np.stack([_of_version(s, seed, version, n_frames) for version in versions]),
        np.stack([version.spectrograms for version in versions]),
    )


def _of_version(s: int, seed: int, version: Version, n_frames: np.ndarray) -> Float[np.ndarray, "N M F T"]:
    return np.stack(
        [
            np.stack(
                [
                    *(one for own in version.maps for one in _with_controls(own, s, seed, n, frames)),
                    _energy(version.spectrograms[n]),
                    _random_map(seed, n, version.spectrograms[n].shape, frames),
                ]
            )
            for n, frames in enumerate(n_frames.tolist())
        ]
    ).astype(np.float32)


def _with_controls(maps: MemberMaps, s: int, seed: int, n: int, n_frames: int) -> tuple[np.ndarray, ...]:
    moved = shifted(maps.trained[s, n], n_frames, np.random.default_rng([_SHIFT, seed, n]))
    return maps.trained[s, n], maps.random[s, n], moved


def _energy(spectrogram: Float[np.ndarray, "F T"]) -> Float[np.ndarray, "F T"]:
    """The squared input, divided by its maximum as the methods' maps are."""
    energy = spectrogram**2
    return energy / max(energy.max(), np.finfo(np.float32).tiny)


def _random_map(seed: int, n: int, shape: tuple[int, ...], n_frames: int) -> np.ndarray:
    return np.random.default_rng([_RANDOM, seed, n]).uniform(size=shape) * (np.arange(shape[1]) < n_frames)


def metrics_of_maps(
    variables: Variables, seed: int, recordings: Recordings, judged: JudgedMaps, network: Network
) -> dict[str, Float[np.ndarray, "N M"]]:
    """All metrics of all maps, from the variables of one trained network; `recordings` are the tested ones."""
    n_recordings, n_devices = len(judged.signed_sums), len(jax.local_devices())
    keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), _DRAWN), n_recordings)
    # Recordings first, then maps.
    maps, noisy = np.moveaxis(judged.maps, 0, 2), np.moveaxis(judged.spectrograms[1:-1], 0, 1)
    # The last recording again and again, so that every device has as many.
    rows = np.minimum(np.arange(-(-n_recordings // n_devices) * n_devices), n_recordings - 1)
    given = jax.tree.map(lambda array: array[rows], (recordings, keys, (maps, noisy, judged.signed_sums)))
    found = _program(network, judged.spectrograms.shape[-1], len(rows))(variables, given)
    return {name: np.asarray(values)[:n_recordings] for name, values in found.items()}


@lru_cache(2)
def _program(network: Network, n_columns: int, n_recordings: int) -> Callable[..., dict[str, Array]]:
    def one_recording(variables: Variables, given: tuple[Recordings, Array, tuple[Array, Array, Array]]) -> dict:
        own, key, (maps, noisy, signed_sums) = given

        def answers(versions: Array) -> Array:
            n_versions = len(versions)
            layout = network.layout(np.full((n_versions, 1), n_columns))
            batch = Batch(versions, jnp.broadcast_to(own.n_frames, (n_versions,)))
            return network.logits(variables, batch, layout)[0]

        drawn = _draw(key, own.spectrograms, own.n_frames)

        def one_map(versions: Array, signed_sum: Array) -> dict[str, Array]:
            recording = ExplainedRecording(own.spectrograms, versions[0], own.n_frames, own.emotion)
            return all_metrics(answers, recording, OtherMaps(signed_sum, noisy, versions[1:-1], versions[-1]), drawn)

        return jax.vmap(one_map)(maps, signed_sums)

    def program(variables: Variables, given: tuple[Recordings, Array, tuple]) -> dict[str, Array]:
        return jax.lax.map(lambda own: one_recording(variables, own), given)

    of_recordings = PartitionSpec("recording")
    divided = jax.shard_map(
        program,
        mesh=member_and_recording_mesh(1, n_recordings),
        in_specs=(PartitionSpec(), of_recordings),
        out_specs=of_recordings,
        check_vma=False,
    )
    return jax.jit(divided, compiler_options=compiler_options(network))


def _draw(key: Array, spectrogram: Float[Array, "F T"], n_frames: Array) -> Drawn:
    """Uniform noise between 0 and the recording's largest value for regions, normal noise for what is imputed."""
    of_regions, of_imputed, order = jax.random.split(key, 3)
    present = jnp.broadcast_to(jnp.arange(spectrogram.shape[1]) < n_frames, spectrogram.shape)
    peak = jnp.abs(spectrogram).max()
    regions = peak * jax.random.uniform(of_regions, spectrogram.shape)
    imputed = IMPUTATION_NOISE * peak * jax.random.normal(of_imputed, spectrogram.shape)
    return Drawn(jnp.where(present, regions, 0.0), jnp.where(present, imputed, 0.0), order)
