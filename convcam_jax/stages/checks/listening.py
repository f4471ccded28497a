"""What the networks say of the sounds of what the maps mark."""

from collections import Counter
from functools import partial

import numpy as np
import pandas as pd

from convcam_jax.checks.faithfulness.member_curves import explained_labels
from convcam_jax.checks.listening.counterfactual import (
    ANSWER_COLUMNS,
    answer_summary,
    answer_table,
    probabilities,
    probe_table,
)
from convcam_jax.checks.listening.resynthesis import Probe, consensus_maps
from convcam_jax.data.dataset import as_recordings
from convcam_jax.data.members import Member
from convcam_jax.figures.checks.resynthesis import probability_of_explained
from convcam_jax.measures.cohort_maps import CohortMaps
from convcam_jax.stages.checks.listening_sounds import ToProbe, probe
from convcam_jax.stages.earlier_files import remove_earlier
from convcam_jax.stages.run import Run
from convcam_jax.system.formats import write_csv, write_figure, write_table
from convcam_jax.system.process.worker_processes import in_processes

RESYNTHESIS = "resynthesis.csv"
# Of one recording: the sounds, and their magnitudes [P, F, n].
Probes = tuple[list[Probe], np.ndarray]


def ask_networks(run: Run) -> None:
    """Write `resynthesis.csv`, its summary and its figure.

    Recordings whose map is zero in all members are left out, and counted in the summary.
    """
    remove_earlier(run.workdir, RESYNTHESIS, "tables/resynthesis.*", "figures/resynthesis.png")
    answers = _answers(run)
    write_csv(run.workdir / RESYNTHESIS, answers)
    n_zero_maps: Counter[str] = Counter()
    for of_cohort in run.cohort_maps:
        n_zero_maps[of_cohort.cohort.group] += int((~of_cohort.maps.any((0, 2, 3))).sum())
    table = answer_summary(answers, n_zero_maps, run.config.report.thresholds)
    write_table(run.workdir, "resynthesis", table, table[["sentence"]])
    write_figure(run.workdir / "figures" / "resynthesis.png", probability_of_explained, table)


def _answers(run: Run) -> pd.DataFrame:
    tasks = {
        (place, i): ToProbe(own.utterances[i].source, own_map, int(number))
        for place, own in enumerate(run.cohort_maps)
        for i, (number, own_map) in enumerate(
            zip(run.tested_sets[own.cohort], consensus_maps(own.maps, own.arrays.n_frames), strict=True)
        )
        if own_map.any()
    }
    made = in_processes(partial(probe, features=run.config.features, report=run.config.report), list(tasks.values()))
    found = dict(zip(tasks, made, strict=True))
    tables = []
    for place, cohort_maps in enumerate(run.cohort_maps):
        of_cohort = {i: probes for (where, i), probes in found.items() if where == place}
        if of_cohort:
            tables.append(_ask(run, cohort_maps, of_cohort))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=ANSWER_COLUMNS)


def _ask(run: Run, of_cohort: CohortMaps, found: dict[int, Probes]) -> pd.DataFrame:
    """The rows of a cohort, from the probes of its recordings."""
    labels = [
        probe_table(of_cohort.utterances[i].recording, of_cohort.utterances[i].emotion, described)
        for i, (described, _) in found.items()
    ]
    magnitudes = [one for _, of_recording in found.values() for one in of_recording]
    # The networks are not told the emotions.
    unknown = np.zeros(len(magnitudes), np.int32)
    sounds = as_recordings(magnitudes, unknown, run.config.representation, run.config.corpus.max_frames)
    by_seed: dict[int, np.ndarray] = {}
    for members, variables in run.trained([Member(*of_cohort.cohort, int(seed)) for seed in of_cohort.seeds]):
        answers = probabilities(variables, sounds, run.network)
        by_seed |= {member.seed: one for member, one in zip(members, answers, strict=True)}
    classes = explained_labels(run.config.attribution.target, of_cohort.arrays.emotion, of_cohort.logits)[
        :, list(found)
    ]
    of_sounds = np.repeat(classes, [len(described) for described, _ in found.values()], axis=1)
    explained = dict(zip(of_cohort.seeds, of_sounds, strict=True))
    known = pd.concat(labels, ignore_index=True)
    return answer_table(of_cohort.cohort, known, by_seed, explained, run.config.corpus.emotions)
