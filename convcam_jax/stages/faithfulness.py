"""Deletion and insertion curves of the test recordings."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jax import Array

from convcam_jax.checks.faithfulness.curve_tables import areas, summary, verdicts
from convcam_jax.checks.faithfulness.curves import CURVES, FILLS, ORDERS, blurred, cell_ranks, curves, shares, shifted
from convcam_jax.data.batches import ABSENT, by_recording, fixed_strata
from convcam_jax.data.dataset import Dataset, network_inputs
from convcam_jax.figures import faithfulness as figures
from convcam_jax.networks.simplenet import SimpleNet
from convcam_jax.settings.config import Config
from convcam_jax.stages.attribution import load_explanations
from convcam_jax.stages.measures import GenderMaps
from convcam_jax.stages.trained import trained_members
from convcam_jax.stages.training import Group, make_model
from convcam_jax.stages.workdir import read_csv, write_csv, write_figure, write_table
from convcam_jax.system.progress import say
from convcam_jax.training.ensemble import Member, member_mesh, over_members
from convcam_jax.training.member import Params, Recordings, compiler_options

_TABLE = "faithfulness.csv"
_CHANCE = 5


def check_faithfulness(
    config: Config, dataset: Dataset, groups: Sequence[Group], genders: Sequence[GenderMaps], workdir: Path
) -> None:
    """Write `faithfulness.csv`, unless an earlier run has done so or the config leaves it out."""
    if config.faithfulness.seeds == 0 or (workdir / _TABLE).exists():
        return
    recordings = network_inputs(dataset, config)
    explanations = load_explanations(workdir)
    tables = []
    for own in genders:
        tested = jnp.asarray(dataset.indices(own.gender, "test"))
        tested_recordings = Recordings(*(array[tested] for array in recordings))
        for members, params in trained_members(groups, own.first_members(config.faithfulness.seeds)):
            say(f"deletion and insertion with {len(members)} members ({own.gender})")
            rows = [list(own.seeds).index(member.seed) for member in members]
            labels = _labels(config, own, explanations[f"{own.gender}_logits"][rows])
            probability = measure_curves(config, members, params, tested_recordings, own.maps[rows], labels)
            tables += [_table(config, own, row, values) for row, values in zip(rows, probability, strict=True)]
    write_csv(workdir / _TABLE, pd.concat(tables, ignore_index=True))


def present(config: Config, workdir: Path) -> None:
    """Areas, tables and figures of `faithfulness.csv`, if there is one."""
    if config.faithfulness.seeds == 0:
        return
    table = read_csv(workdir / _TABLE)
    by_recording = areas(table)
    write_csv(workdir / "faithfulness_areas.csv", by_recording)
    if table["map_is_zero"].all():
        say("faithfulness: all maps are zero everywhere, so there is nothing to compare")
        return
    write_table(workdir, "faithfulness", summary(by_recording))
    write_table(workdir, "faithfulness_verdicts", verdicts(by_recording, config.controls.false_discovery_rate))
    write_figure(workdir / "figures" / "faithfulness.png", figures.mean_curves, table)


def _labels(config: Config, own: GenderMaps, logits: np.ndarray) -> np.ndarray:
    """The class `[S, N]` that was explained."""
    if config.cam.target == "truth":
        return np.broadcast_to(own.arrays.emotion, logits.shape[:2])
    return logits.argmax(-1)


def measure_curves(
    config: Config,
    members: tuple[Member, ...],
    params: Params,
    recordings: Recordings,
    maps: np.ndarray,
    labels: np.ndarray,
) -> np.ndarray:
    """Probabilities `[S, N, curves, fills, orders, P]` of members on their recordings."""
    n_frames = np.asarray(recordings.n_frames)
    strata, n_columns = fixed_strata(n_frames, np.arange(len(n_frames)), config.train.batch_size)
    batches = strata.T
    generators = [np.random.default_rng([_CHANCE, member.seed]) for member in members]
    moved = np.stack(
        [
            [shifted(m, n, g) for m, n in zip(own, n_frames, strict=True)]
            for own, g in zip(maps, generators, strict=True)
        ]
    )
    spectrograms = np.asarray(recordings.spectrograms)
    blurs = np.stack([blurred(s, n) for s, n in zip(spectrograms, n_frames, strict=True)])
    keys = jnp.stack([jax.random.fold_in(jax.random.key(member.seed), _CHANCE) for member in members])
    program = _program(len(members), make_model(config, config.cam.precision), n_columns, config.faithfulness.steps)
    found = program(params, keys, maps, moved, labels, recordings, blurs, batches)
    # From [S, batches, curves, fills, orders, P, B].
    return by_recording(np.moveaxis(np.asarray(found), -1, 2), batches)


@lru_cache(2)
def _program(n_members: int, model: SimpleNet, n_columns: int, n_steps: int) -> Callable[..., Array]:
    one_member = partial(_one_member, model=model, n_columns=n_columns, n_steps=n_steps)
    mapped = (True, True, True, True, True, *(False,) * 3)
    return over_members(one_member, member_mesh(n_members), mapped, compiler_options=compiler_options(model))


def _one_member(
    params: Params,
    key: Array,
    maps: Array,
    moved: Array,
    labels: Array,
    recordings: Recordings,
    blurs: Array,
    batches: Array,
    *,
    model: SimpleNet,
    n_columns: int,
    n_steps: int,
) -> Array:
    """Probabilities `[batches, curves, fills, orders, P, B]` of one member."""
    steps = jnp.asarray(shares(n_steps))

    def one_batch(batch: Array) -> Array:
        n_frames = jnp.where(batch == ABSENT, 0, recordings.n_frames[batch])
        spectrograms = recordings.spectrograms[batch]
        # Where all scores are equal, the order is random.
        scores = jnp.stack([maps[batch], moved[batch], jnp.zeros_like(spectrograms), spectrograms])
        keys = jax.vmap(lambda recording: jax.random.split(jax.random.fold_in(key, recording), len(ORDERS)))(batch)
        ranks = jax.vmap(jax.vmap(cell_ranks), (0, None, 1))(scores, n_frames, keys)
        fills = jnp.stack([jnp.zeros_like(spectrograms), blurs[batch]])

        def probability(inputs: Array) -> Array:
            logits: Any = model.apply({"params": params}, inputs, n_frames, n_columns)
            return jnp.take_along_axis(jax.nn.softmax(logits), labels[batch][:, None], axis=1)[:, 0]

        return curves(probability, spectrograms, fills, ranks, n_frames, steps)

    return jax.lax.map(one_batch, batches)


def _table(config: Config, own: GenderMaps, row: int, probability: np.ndarray) -> pd.DataFrame:
    """One member's part of `faithfulness.csv` from `[N, curves, fills, orders, P]`."""
    names = [u.recording for u in own.utterances]
    axes = (names, CURVES, FILLS, ORDERS, shares(config.faithfulness.steps))
    index = pd.MultiIndex.from_product(axes, names=["recording", "curve", "fill", "order", "share"])
    curve_points = pd.DataFrame({"probability": probability.ravel()}, index).reset_index()
    known = pd.DataFrame(
        {
            "recording": names,
            "gender": own.gender,
            "speaker": [u.speaker for u in own.utterances],
            "emotion": [u.emotion for u in own.utterances],
            "seed": own.seeds[row],
            "correct": own.correct[row],
            "map_is_zero": own.maps[row].max((1, 2)) <= 0,
        }
    )
    return known.merge(curve_points, on="recording")
