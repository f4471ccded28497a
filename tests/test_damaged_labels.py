"""Label files and tables of named corpora with bytes changed at random: read, or refused in one line."""

from collections.abc import Callable
from pathlib import Path

import audformat
import numpy as np
import pytest
from corpus_folders import find, touch

from convcam_jax.system.errors import UserError

# The package calls pandas as releases before 3.1 had it.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

N_DAMAGED = 100
# What tables are made of, and what they are not.
BYTES = b'",;\n\r\t:[]{}-|&*!%@`#\\ \0\x80\xff0aZ'


def damaged(content: bytes, generator: np.random.Generator) -> bytes:
    """Content with up to four bytes replaced, inserted, or all behind one lost."""
    changed = bytearray(content)
    for _ in range(generator.integers(1, 5)):
        place = int(generator.integers(len(changed) + 1))
        new = BYTES[generator.integers(len(BYTES))]
        match generator.integers(8):
            case 0:
                del changed[place:]
            case 1 | 2 | 3:
                changed[place : place + 1] = [new]
            case _:
                changed[place:place] = [new]
    return bytes(changed)


def crema_d(folder: Path) -> Path:
    touch(folder, ["AudioWAV/1001_IEO_ANG_HI.wav", "AudioWAV/1002_IEO_SAD_LO.wav"])
    table = folder / "VideoDemographics.csv"
    table.write_text('"ActorID","Age","Sex","Race","Ethnicity"\n1001,51,"Male","A","B"\n1002,21,"Female","A","B"\n')
    return table


def iemocap(folder: Path) -> Path:
    turns = [f"Ses01F_impro01_F00{k}" for k in range(3)]
    touch(folder, [f"Session1/sentences/wav/Ses01F_impro01/{turn}.wav" for turn in turns])
    [labels] = touch(folder, ["Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"])
    labels.write_text("".join(f"[6.2901 - 8.2357]\t{turn}\tneu\t[2.5000, 2.5000, 2.5000]\n" for turn in turns))
    return labels


def database(folder: Path) -> None:
    made = audformat.Database("made")
    made.schemes["emotion"] = audformat.Scheme(labels=["anger", "happiness"])
    made.schemes["speaker"] = audformat.Scheme("str", labels={"s1": {"gender": "female"}})
    made["emotion"] = audformat.Table(audformat.segmented_index(["a.wav", "b.wav"], ["0s", "1s"], ["1s", "2s"]))
    for column, labels in {"emotion": ["anger", "happiness"], "speaker": ["s1", "s1"]}.items():
        made["emotion"][column] = audformat.Column(scheme_id=column)
        made["emotion"][column].set(labels)
    made.save(str(folder), storage_format="csv")
    touch(folder, ["a.wav", "b.wav"])


def header(folder: Path) -> Path:
    database(folder)
    return folder / "db.yaml"


def labels(folder: Path) -> Path:
    database(folder)
    return folder / "db.emotion.csv"


@pytest.mark.parametrize(
    ("corpus", "make"),
    [("crema_d", crema_d), ("iemocap", iemocap), ("audformat", header), ("audformat", labels)],
    ids=["crema_d", "iemocap", "audformat header", "audformat table"],
)
def test_damaged_tables_are_read_or_refused_in_one_line(corpus: str, make: Callable[[Path], Path], tmp_path):
    table = make(tmp_path)
    whole = table.read_bytes()
    assert find(corpus, tmp_path).problems == []
    generator = np.random.default_rng(0)
    refused = []
    for _ in range(N_DAMAGED):
        table.write_bytes(damaged(whole, generator))
        try:
            find(corpus, tmp_path, on_error="skip")
        except UserError as error:
            refused.append(str(error))
    assert refused
    assert [message for message in refused if "\n" in message] == []
