"""The recordings of a corpus folder as a list of utterances, and the subset of them that is used (paper, section 3.1).

A corpus folder has its recordings in `wav/`. What they are is read from their names (EMO-DB and the embedded corpus) or
from a table `utterances.csv` beside `wav/` (a corpus of one's own).
"""

import csv
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from convcam_jax.settings.config import GENDERS, CorpusConfig
from convcam_jax.system.errors import RecordingError, UserError

# The letter of an emotion is that of its German word: Wut, Langeweile, Ekel, Angst, Freude, Trauer, neutral.
EMODB_EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}
EMODB_SPEAKER_GENDERS = {
    **dict.fromkeys(("03", "10", "11", "12", "15"), "male"),
    **dict.fromkeys(("08", "09", "13", "14", "16"), "female"),
}
LISTED_COLUMNS = ("recording", "speaker", "gender", "emotion", "text")

_EMODB_NAME = re.compile(r"(\d\d)([a-z]\d\d)([WLEAFTN])([a-z])")
HOW_TO_GET_EMODB = (
    "get EMO-DB from emodb.bilderbar.info or by the Python package audb and give its folder as --data_dir; "
    "--corpus=synthetic needs none"
)
HOW_TO_LIST = (
    "put your recordings into wav/, list them in utterances.csv beside it, and give the folder as --data_dir; "
    "--corpus=synthetic needs none"
)


class Utterance(NamedTuple):
    """One recording and what is known about it."""

    recording: str  # the file's name without .wav
    speaker: str
    gender: str  # "female" or "male"
    emotion: str
    text: str
    path: Path


class EmodbName(NamedTuple):
    """The parts of a name such as 03a01Fa."""

    speaker: str
    text: str
    emotion: str
    version: str


def parse_emodb_name(name: str) -> EmodbName:
    """Parts of an EMO-DB recording's `name` (without .wav): "03a01Fa" is speaker 03, text a01, happiness, version a.

    Raises RecordingError if the name has another pattern.
    """
    match = _EMODB_NAME.fullmatch(name)
    if match is None:
        raise RecordingError(
            name,
            "not a name of EMO-DB: two digits (speaker), a letter and two digits (text), one of WLEAFTN (emotion), "
            "a small letter (version), as in 03a01Fa; rename or remove the file",
        )
    speaker, text, letter, version = match.groups()
    return EmodbName(speaker, text, EMODB_EMOTIONS[letter], version)


def find_utterances(
    data_dir: Path, speaker_genders: Mapping[str, str], on_error: str
) -> tuple[list[Utterance], list[RecordingError]]:
    """Recordings in `data_dir`/wav with EMO-DB's names, sorted by name, and the problems of those left out.

    `speaker_genders` maps speakers to "female" or "male". With `on_error` "stop" the first problem is raised, with
    "skip" all are collected. Raises UserError if there are no recordings.
    """
    utterances, problems = [], []
    for name, path in _wav_files(data_dir, HOW_TO_GET_EMODB).items():
        try:
            utterances.append(_emodb_utterance(name, path, speaker_genders))
        except RecordingError as error:
            if on_error == "stop":
                raise
            problems.append(error)
    return utterances, problems


def _emodb_utterance(name: str, path: Path, speaker_genders: Mapping[str, str]) -> Utterance:
    parts = parse_emodb_name(name)
    if parts.speaker not in speaker_genders:
        known = ", ".join(sorted(speaker_genders))
        raise RecordingError(name, f"speaker {parts.speaker} is not one of {known}; rename or remove the file")
    problem = _file_problem(path)
    if problem:
        raise RecordingError(name, problem)
    return Utterance(name, parts.speaker, speaker_genders[parts.speaker], parts.emotion, parts.text, path)


def find_listed_utterances(data_dir: Path, on_error: str) -> tuple[list[Utterance], list[RecordingError]]:
    """Recordings listed in `data_dir`/utterances.csv, sorted by name, and the problems of those left out.

    Each wav file has one row, and each row a wav file. With `on_error` "stop" the first problem is raised, with "skip"
    all are collected. Raises UserError if the table or folder is missing, or the table lacks a column, has no row, or
    gives a speaker two genders.
    """
    paths = _wav_files(data_dir, HOW_TO_LIST)
    table = data_dir / "utterances.csv"
    rows = _read_rows(table)
    _check_genders(table, rows)
    utterances: dict[str, Utterance] = {}
    problems = []
    named = set()
    for line, row in rows:
        problem = _row_problem(row, paths, utterances)
        named.add(row["recording"])
        if problem:
            problems.append(RecordingError(row["recording"] or "(no name)", f"{table} line {line}: {problem}"))
        else:
            utterances[row["recording"]] = Utterance(**row, path=paths[row["recording"]])
    problems += [
        RecordingError(name, f"{table} has no row for {paths[name]}; add one or remove the file")
        for name in paths
        if name not in named
    ]
    if problems and on_error == "stop":
        raise problems[0]
    return [utterances[name] for name in sorted(utterances)], problems


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
            rows = [(reader.line_num, {c: (row[c] or "").strip() for c in LISTED_COLUMNS}) for row in reader]
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
    return _file_problem(paths[row["recording"]])


def _file_problem(path: Path) -> str:
    """What keeps the file at `path` from being read, and what to do about it; "" if nothing does."""
    if path.is_symlink() and not os.path.exists(path):
        return f"{path} is a link to a file that is not there; replace or remove it"
    if not os.path.isfile(path):
        return f"{path} is not a file; rename or remove it"
    if not os.access(path, os.R_OK):
        return f"{path} cannot be read; change its permissions or remove it"
    return ""


def _wav_files(data_dir: Path, how_to_get: str) -> dict[str, Path]:
    """All wav/*.wav by name without the ending, sorted; names that begin with a dot are the operating system's."""
    if not data_dir.is_dir():
        raise UserError(f"{data_dir}: there is no such folder; {how_to_get}")
    folder = data_dir / "wav"
    try:
        paths = sorted(folder.iterdir()) if folder.is_dir() else []
    except PermissionError as error:
        raise UserError(f"{folder}: cannot be read; change its permissions") from error
    files = {p.stem: p for p in paths if p.suffix.lower() == ".wav" and not p.name.startswith(".")}
    if not files and any(data_dir.glob("*.wav")):
        raise UserError(f"{data_dir}: has the wav files in itself; give the folder that has them in its folder wav")
    if not files:
        raise UserError(f"{folder}: there are no wav files; {how_to_get}")
    return dict(sorted(files.items()))


def select(utterances: Iterable[Utterance], config: CorpusConfig) -> list[Utterance]:
    """Those of the config's emotions and not of its excluded speakers.

    Raises UserError if nothing is left of an emotion.
    """
    considered = [u for u in utterances if u.speaker not in config.excluded_speakers]
    found = {u.emotion for u in considered}
    for emotion in config.emotions:
        if emotion not in found:
            raise UserError(
                f"config field corpus.emotions: there is no recording of {emotion}; "
                f"the corpus has {', '.join(sorted(found)) or 'none'}"
            )
    return [u for u in considered if u.emotion in config.emotions]


def without_longer_than(
    utterances: Sequence[Utterance], n_frames: Mapping[str, int], max_frames: int
) -> list[Utterance]:
    """Those of at most `max_frames` CQT frames; `n_frames` maps recordings to their number of frames."""
    return [u for u in utterances if n_frames[u.recording] <= max_frames]
