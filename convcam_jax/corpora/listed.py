"""A corpus of one's own: recordings in `wav/`, and a table `utterances.csv` beside it that tells what is spoken."""

import csv
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from convcam_jax.corpora.config import GENDERS, CorpusConfig
from convcam_jax.corpora.corpus import Corpus
from convcam_jax.corpora.utterances import Found, Utterance
from convcam_jax.corpora.wav_files import file_problem, files_in_wav, given_folder
from convcam_jax.system.errors import RecordingError, UserError
from convcam_jax.system.text import one_form

LISTED_COLUMNS = ("recording", "speaker", "gender", "emotion", "text")
HOW_TO_LIST = (
    "put your recordings into wav/, list them in utterances.csv beside it, and give the folder as --data_dir; "
    "--corpus=synthetic needs none"
)


@dataclasses.dataclass(frozen=True)
class ListedConfig(CorpusConfig):
    """Which recordings of a corpus of one's own are used."""

    name: str = "listed"


def find_listed(data_dir: Path, on_error: str) -> Found:
    """Recordings listed in `data_dir`/utterances.csv, sorted by name.

    Each wav file has one row, and each row a wav file. For `on_error` see `Corpus`. Raises UserError if the table or
    folder is missing, or the table lacks a column, has no row, or gives a speaker two genders.
    """
    paths = files_in_wav(data_dir, HOW_TO_LIST)
    table = data_dir / "utterances.csv"
    rows = _read_rows(table)
    _check_genders(table, rows)
    utterances: dict[str, Utterance] = {}
    problems = []
    for line, row in rows:
        problem = _row_problem(row, paths, utterances)
        name, speaker, gender, emotion, text = (row[column] for column in LISTED_COLUMNS)
        if problem:
            problems.append(RecordingError(name or "(no name)", f"{table} line {line}: {problem}"))
        else:
            utterances[name] = Utterance(name, speaker, gender, emotion, text, paths[name])
    named = {row["recording"] for _, row in rows}
    problems += [
        RecordingError(name, f"{table} has no row for {paths[name]}; add one or remove the file")
        for name in paths
        if name not in named
    ]
    if problems and on_error == "stop":
        raise problems[0]
    return Found([utterances[name] for name in sorted(utterances)], problems)


def _read_rows(table: Path) -> list[tuple[int, dict[str, str]]]:
    """Line number and LISTED_COLUMNS, stripped, of each row of the csv file `table`."""
    if not table.is_file():
        raise UserError(f"{table}: missing; list each recording there, with the columns {', '.join(LISTED_COLUMNS)}")
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [c for c in LISTED_COLUMNS if c not in (reader.fieldnames or ())]
            if missing and len(reader.fieldnames or ()) == 1:
                raise UserError(f"{table} line 1: no commas; save it as text separated by commas")
            if missing:
                raise UserError(f"{table} line 1: column {missing[0]} is missing; it needs {','.join(LISTED_COLUMNS)}")
            rows = [(reader.line_num, {c: one_form(row[c] or "").strip() for c in LISTED_COLUMNS}) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{table}: cannot be read ({error}); save it as comma-separated text in UTF-8") from error
    if not rows:
        raise UserError(f"{table}: has no row below its header; list each recording there")
    return rows


def _check_genders(table: Path, rows: Sequence[tuple[int, Mapping[str, str]]]) -> None:
    """Raise UserError if a speaker has two genders; no row can be left out for it, since any may be the wrong one."""
    found: dict[str, dict[str, list[int]]] = {}
    for line, row in rows:
        if row["speaker"] and row["gender"] in GENDERS:
            found.setdefault(row["speaker"], {}).setdefault(row["gender"], []).append(line)
    for speaker, lines in found.items():
        if len(lines) > 1:
            genders = " and ".join(f"{gender} in {_in_lines(lines[gender])}" for gender in lines)
            raise UserError(f"{table}: speaker {speaker} is {genders}; give each speaker one gender")


def _in_lines(lines: Sequence[int]) -> str:
    """The first three line numbers in words, and how many more there are."""
    shown = ", ".join(str(line) for line in lines[:3])
    more = f" and {len(lines) - 3} more" if len(lines) > 3 else ""
    return f"line{'s' if len(lines) > 1 else ''} {shown}{more}"


def _row_problem(row: Mapping[str, str], paths: Mapping[str, Path], earlier: Mapping[str, Utterance]) -> str:
    """What is wrong with a row of the table, and what to do; "" if nothing is."""
    empty = [c for c in LISTED_COLUMNS if not row[c]]
    if empty:
        return f"{empty[0]} is empty; fill it in"
    if row["gender"] not in GENDERS:
        return f"gender {row['gender']!r} is unknown; write one of {', '.join(GENDERS)}"
    if row["recording"] in earlier:
        return "the recording is listed twice; remove one of the rows"
    if row["recording"].removesuffix(".wav") in paths and row["recording"] not in paths:
        return f"write {row['recording']} without .wav"
    if row["recording"] not in paths:
        return f"there is no wav/{row['recording']}.wav; add the file or remove the row (names are without .wav)"
    return file_problem(paths[row["recording"]])


def _find(config: ListedConfig, cache_dir: Path, sample_rate_hz: int) -> Found:
    return find_listed(given_folder(config, HOW_TO_LIST), config.on_error)


LISTED = Corpus(
    description=f"a corpus of your own: wav/ beside utterances.csv with the columns {', '.join(LISTED_COLUMNS)}",
    how_to_get=HOW_TO_LIST,
    licence="that of your recordings",
    config=ListedConfig,
    find=_find,
)
