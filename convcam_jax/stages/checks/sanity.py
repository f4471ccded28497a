"""Sanity checks: maps of networks whose weights or labels have no meaning beside those of the trained ones."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from convcam_jax.checks.sanity.comparison import Compared, another_seed, compare, shuffled, themselves
from convcam_jax.checks.sanity.randomisation import cascade
from convcam_jax.checks.sanity.sanity_tables import example_recording, sanity_summary, sanity_verdicts
from convcam_jax.data.members import Member
from convcam_jax.figures.checks import sanity as figures
from convcam_jax.measures.cohort_maps import CohortMaps, first_members
from convcam_jax.stages.checks.shuffled_labels import discard_networks, maps_on_shuffled_labels
from convcam_jax.stages.earlier_files import remove_earlier
from convcam_jax.stages.ensemble.kept_maps import discard_kept, kept_file, kept_signed_maps, origin_of_maps
from convcam_jax.stages.run import Run
from convcam_jax.system.files import file_stem
from convcam_jax.system.formats import read_arrays, read_csv, write_arrays, write_csv, write_figure, write_table
from convcam_jax.system.progress import counted, say
from convcam_jax.training.ensemble import member_keys

_TABLE, _EXAMPLES = "sanity.csv", "sanity_examples.npz"
# What the names of maps begin with that are kept meanwhile, those on shuffled labels among them.
_PARTS = "sanity"


def check_sanity(run: Run) -> None:
    """Write `sanity.csv` and `sanity_examples.npz`, unless the config leaves them out.

    `sanity_examples.npz` has one recording of a chosen member of each group, of the first fold whose chosen member is
    among those that are checked: `groups [G]`, `recordings [G]`, and of number i `i_conditions` and `i_maps
    [conditions, F, n]`.
    """
    remove_earlier(run.workdir, _TABLE, _EXAMPLES, "tables/sanity_shuffled_training.*")
    if run.config.sanity.seeds == 0:
        discard_networks(run)
        discard_kept(run, _PARTS)
        return
    on_shuffled_labels = maps_on_shuffled_labels(run)
    tables: list[pd.DataFrame] = []
    examples: dict[str, np.ndarray] = {}
    recordings: dict[str, str] = {}
    for of_cohort in run.cohort_maps:
        say(f"sanity checks ({of_cohort.cohort})")
        trained = run.explanations[of_cohort.cohort].signed_maps
        compared = _all_compared(run, of_cohort, trained, on_shuffled_labels)
        table, maps = compare(of_cohort, trained, compared, run.placement, run.axes.bin_hz, run.config.analysis)
        tables.append(table)
        # Without maps the chosen member of this fold is not among those that are checked in all folds.
        if maps and of_cohort.cohort.group not in recordings:
            recording = example_recording(table[table["seed"] == of_cohort.seeds[of_cohort.chosen]])
            examples |= _example(of_cohort, recording, maps, len(recordings))
            recordings[of_cohort.cohort.group] = recording
    names = {"groups": np.array(list(recordings)), "recordings": np.array(list(recordings.values()))}
    write_arrays(run.workdir / _EXAMPLES, {**names, **examples})
    write_csv(run.workdir / _TABLE, pd.concat(tables, ignore_index=True))
    discard_kept(run, _PARTS)


def present(run: Run) -> None:
    """Tables and figures of `sanity.csv`, if there is one."""
    remove_earlier(run.workdir, "tables/sanity.*", "tables/sanity_verdicts.*", "figures/sanity_*.png")
    if run.config.sanity.seeds == 0:
        return
    folder, title = run.workdir / "figures", run.config.representation.title
    table = read_csv(run.workdir / _TABLE)
    write_table(run.workdir, "sanity", sanity_summary(table))
    write_table(run.workdir, "sanity_verdicts", sanity_verdicts(table, run.config.analysis))
    write_figure(folder / "sanity_maps.png", figures.likeness, table)
    write_figure(folder / "sanity_metrics.png", figures.metrics_by_depth, table)
    examples = read_arrays(run.workdir / _EXAMPLES)
    for number, group in enumerate(examples["groups"]):
        recording = str(examples["recordings"][number])
        maps = dict(zip(examples[f"{number}_conditions"], examples[f"{number}_maps"], strict=True))
        view = run.analysed.views[recording]
        shown = recording, view.magnitude, maps, view.time_s, view.edges_hz, title
        write_figure(folder / f"sanity_example_{file_stem(str(group))}.png", figures.example, *shown)


def _all_compared(
    run: Run, of_cohort: CohortMaps, trained: np.ndarray, on_shuffled_labels: Mapping[Member, np.ndarray]
) -> Iterator[Compared]:
    """Every condition's networks beside the members that are checked."""
    seeds = list(of_cohort.seeds)
    wanted = first_members(of_cohort, run.cohort_maps, run.config.sanity.seeds)
    rows = [seeds.index(member.seed) for member in wanted]
    yield themselves(rows, trained)
    number = run.dataset.cohorts().index(of_cohort.cohort)
    for part, (members, variables) in enumerate(run.trained(wanted)):
        those = [seeds.index(member.seed) for member in members]
        keys = member_keys(members)
        for depth, (layer, randomised) in enumerate(cascade(variables, keys, run.network, run.config.grid), start=1):
            path = kept_file(run, _PARTS, "randomised", number, part, depth)
            origin = origin_of_maps(run, run.rounds, of_cohort.cohort, members, layer)
            networks = f"{counted(len(members), 'member')} randomised down to {layer}"
            signed_maps = kept_signed_maps(path, origin, run, randomised, of_cohort.cohort, networks)
            yield Compared(those, layer, depth, [None] * len(those), signed_maps)
    if len(seeds) > 1:
        yield another_seed(rows, seeds, trained)
    for member, maps in on_shuffled_labels.items():
        if member.cohort == of_cohort.cohort:
            yield shuffled(rows, member.seed, maps)


def _example(of_cohort: CohortMaps, recording: str, maps: dict[str, np.ndarray], number: int) -> dict[str, np.ndarray]:
    """The maps `[N, F, T]` of every condition, of one recording."""
    index = [u.recording for u in of_cohort.utterances].index(recording)
    n_frames = of_cohort.arrays.n_frames[index]
    return {
        f"{number}_conditions": np.array(list(maps)),
        f"{number}_maps": np.stack([of_condition[index, :, :n_frames] for of_condition in maps.values()]),
    }
