"""The report of a run, from its saved files and the corpus."""

import datetime
import math
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from convcam_jax.checks.listening.resynthesis import consensus_map
from convcam_jax.corpora.utterances import Utterance
from convcam_jax.measures.metric_table import METRICS, STATISTICS_TABLES
from convcam_jax.measures.segments import Label
from convcam_jax.paper.claim_verdicts import corpus_note
from convcam_jax.paper.tables import as_printed
from convcam_jax.report import labels, overview
from convcam_jax.report.page import MOST_ON_PAGE, make_page, spread_over
from convcam_jax.report.recordings import Shown
from convcam_jax.report.shown_tables import as_table, with_headings
from convcam_jax.stages.attribution import PREDICTIONS
from convcam_jax.stages.checks.listening import RESYNTHESIS
from convcam_jax.stages.checks.listening_sounds import ToShow, show
from convcam_jax.stages.earlier_files import remove_earlier
from convcam_jax.stages.record import read_record
from convcam_jax.stages.run import EXPLANATIONS, Run
from convcam_jax.stages.stage import read_finished
from convcam_jax.system.formats import read_csv, write_text
from convcam_jax.system.process.worker_processes import in_processes
from convcam_jax.system.progress import with_progress

REPORT = "report.html"
_TITLES = {
    "table1": "Table 1: recordings",
    "table1_beside_published": "Table 1 beside the paper's",
    "table2": "Table 2: size of the map",
    **{f"table{number}": f"Table {number}" for number in STATISTICS_TABLES},
    "accuracy": "Accuracy and unweighted average recall (UAR) in per cent, with intervals over seeds and over speakers",
    "claims": "The paper's statements",
}
_VERDICTS = ("verdicts", "faithfulness_verdicts", "sanity_verdicts", "stability_verdicts")
_SOUNDS = ("original", "only_*", "without_*")


class _Tables(NamedTuple):
    """The tables in a workdir, all or those that are `written`, by their paths there."""

    workdir: Path
    written: Collection[str] | None = None

    def has(self, name: str) -> bool:
        return (self.workdir / name).is_file() and (self.written is None or name in self.written)

    def read_if_there(self, name: str) -> pd.DataFrame:
        return read_csv(self.workdir / name) if self.has(name) else pd.DataFrame()


def write_report(run: Run, written: Collection[str] | None = None) -> None:
    """Write `report.html` and the sounds in `listening/`, from the other files of the workdir.

    Of more recordings than the page has room for as many of each group and emotion are shown and heard. `written`: the
    files of the stages that have been made, of a run in whose folder others may lie that an earlier config gave; None
    where there are no others.
    """
    tables = _Tables(run.workdir, written)
    tasks = list(_all_shown(run, tables))
    n_left_out = sum(len(own.utterances) for own in run.cohort_maps) - len(tasks)
    thresholds, folder = run.config.report.thresholds, run.workdir / "listening"
    remove_earlier(run.workdir, *(f"{folder.name}/*_{part}.wav" for part in _SOUNDS))
    make = partial(show, features=run.config.features, thresholds=thresholds, folder=folder)
    with closing(in_processes(make, tasks)) as made:
        shown, snr_db = zip(*with_progress(made, "report", len(tasks), "recording"), strict=True)
    page = make_page(_overview(run, tables, min(snr_db), n_left_out), list(shown))
    write_text(run.workdir / REPORT, page)


def _all_shown(run: Run, tables: _Tables) -> Iterator[ToShow]:
    answers, controls = tables.read_if_there(PREDICTIONS), tables.read_if_there("controls.csv")
    tested = [(own, index) for own in run.cohort_maps for index in range(len(own.utterances))]
    kinds = [(own.cohort.group, own.utterances[index].emotion) for own, index in tested]
    for of_cohort, index in [tested[place] for place in spread_over(kinds, MOST_ON_PAGE)]:
        utterance, maps = of_cohort.utterances[index], of_cohort.maps[:, index, :, : of_cohort.arrays.n_frames[index]]
        phones, syllables = read_labels(utterance)
        shown = Shown(
            view=run.analysed.views[utterance.recording],
            speaker=utterance.speaker,
            text=utterance.text,
            maps=maps,
            consensus=consensus_map(maps),
            seeds=of_cohort.seeds,
            chosen=of_cohort.chosen,
            metrics=_rows_of(run.analysed.metrics, utterance.recording),
            answers=_rows_of(answers, utterance.recording),
            controls=_rows_of(controls, utterance.recording),
            phones=phones,
            syllables=syllables,
        )
        yield ToShow(utterance.source, shown)


def read_labels(utterance: Utterance) -> tuple[list[Label], list[Label]]:
    """Its phones and syllables, from `lablaut/` and `silb/` beside its file's folder; empty without."""
    folder, name = utterance.path.parent.parent, utterance.path.stem
    of_file = (
        labels.parse_phones(_text_or_nothing(folder / "lablaut" / f"{name}xx.lablaut")),
        labels.parse_syllables(_text_or_nothing(folder / "silb" / f"{name}.silb")),
    )
    end_s = math.inf if utterance.end_s is None else utterance.end_s
    phones, syllables = (labels.labels_within(own, utterance.start_s, end_s) for own in of_file)
    return phones, syllables


def _text_or_nothing(path: Path) -> str:
    return path.read_text(encoding="latin-1") if path.is_file() else ""


def _rows_of(table: pd.DataFrame, name: str) -> pd.DataFrame:
    return table[table["recording"] == name] if "recording" in table else table


def _overview(run: Run, tables: _Tables, snr_db: float, n_left_out: int) -> dict[str, Any]:
    config, workdir = run.config, run.workdir
    members, answers = read_csv(workdir / "members.csv"), tables.read_if_there(PREDICTIONS)
    record, emotions = read_record(workdir), config.corpus.emotions
    facts = overview.facts(config, record, read_csv(workdir / "utterances.csv"), members, run.analysed.metrics)
    return {
        "facts": facts | overview.duration(record, explained_at(workdir, record)),
        "changed": overview.non_default_fields(config),
        "in_tables_only": overview.in_tables_only(n_left_out),
        "emotions": list(emotions),
        "accuracies": overview.accuracies(members, answers),
        "confusions": [] if answers.empty else overview.confusions(answers, members, emotions),
        "masks": overview.masks(run.analysed.masks),
        "thresholds": list(config.report.thresholds),
        "snr_db": snr_db,
        "resynthesis": tables.read_if_there(f"tables/{RESYNTHESIS}").to_dict("records"),
        "tables": list(_shown_tables(tables, corpus_note(config.corpus))),
        "verdicts": list(_verdicts(tables)),
    }


def explained_at(workdir: Path, record: Mapping[str, Any]) -> datetime.datetime | None:
    """When all maps were made, if that start of the program made them which began the run with `record`; else None.

    Between the starts of one that was given again, or went on after it was stopped, may lie days.
    """
    made = [own for own in read_finished(workdir).values() if EXPLANATIONS in own.files]
    if not made or made[0].start != record.get("begun"):
        return None
    return datetime.datetime.fromtimestamp((workdir / EXPLANATIONS).stat().st_mtime, datetime.UTC)


def _shown_tables(tables: _Tables, note_on_claims: str) -> Iterator[dict[str, Any]]:
    """The tables that every run writes, those of the paper beside what it prints."""
    for name, title in _TITLES.items():
        if tables.has(path := f"tables/{name}.csv"):
            frame = tables.read_if_there(path)
            is_statistics = name in {f"table{number}" for number in STATISTICS_TABLES}
            if name == "claims" and note_on_claims:
                title = f"{title}. {note_on_claims}"
            if is_statistics:
                title = f"{title}: {METRICS[frame['metric'].iloc[0]].cells_in_words}"
            shown = as_printed(frame) if is_statistics else with_headings(frame)
            yield as_table(title, shown, is_statistics)


def _verdicts(tables: _Tables) -> Iterator[dict[str, Any]]:
    """The verdicts of all controls that have been run."""
    for name in _VERDICTS:
        if tables.has(path := f"tables/{name}.csv"):
            yield from overview.verdict_tables(name.replace("_", " "), tables.read_if_there(path))
