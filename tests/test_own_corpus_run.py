"""A corpus as people have it, of mixed files and a table with faults, through the whole paper as a user starts it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from run_checks import assert_members, assert_shown, assert_tested_once
from small_run import QUICK, SMALL_NETWORK, assert_refused, finish, start, table
from sound_bytes import CONTAINERS, sound_bytes

from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.corpora.synthetic.folder import SYNTHETIC

pytestmark = pytest.mark.slow

FEW = ("--seeds=2", *QUICK, "--set=sanity.seeds=1", "--set=sanity.shuffled_label_seeds=0", "--set=faithfulness.seeds=1")


@pytest.fixture
def folder(tmp_path, run_cache_dir) -> Path:
    """One speaker's sounds: some in one long file, the others in every container, all called `take` in folders."""
    own = SyntheticConfig(speakers_per_gender=1)
    utterances = [u for u in SYNTHETIC.find(own, run_cache_dir, 16000).utterances if u.gender == "female"]
    folder, rows, long = tmp_path / "own", [], []
    for number, u in enumerate(utterances):
        samples, _ = soundfile.read(u.path)
        row = {"File": "", "Speaker ": "Jürgen", "Label": u.emotion.capitalize(), "start": "", "end": "", "room": "k"}
        if number % 5 == 0:
            start_s = sum(map(len, long)) / 16000
            long.append(samples)
            row |= {"File": "dialog.wav", "start": start_s, "end": start_s + len(samples) / 16000}
        else:
            ending = list(CONTAINERS)[number % len(CONTAINERS)]
            path = folder / f"s{number}" / f"take{ending}"
            path.parent.mkdir(parents=True)
            path.write_bytes(sound_bytes(ending, samples))
            row["File"] = str(path.relative_to(folder))
        rows.append(row)
    soundfile.write(folder / "dialog.wav", np.stack([np.concatenate(long)] * 2, 1), 16000, subtype="PCM_24")
    pd.DataFrame(rows).to_csv(folder / "utterances.csv", index=False, sep=";", encoding="latin-1", decimal=",")
    return folder


def test_a_mixed_corpus_comes_to_a_report(folder, tmp_path, run_cache_dir):
    first = table_rows(folder)[1]
    (folder / "twin.wav").write_bytes(sound_bytes(".wav", soundfile.read(folder / first["File"])[0]))
    (folder / "bad.wav").write_bytes(sound_bytes(".wav", np.zeros(16000)))
    with (folder / "utterances.csv").open("a", encoding="latin-1") as file:
        file.write(f"twin.wav;Jürgen;{first['Label']};;;k\nbad.wav;Jürgen;Fear;;;k\ngone.wav;Jürgen;Fear;;;k\n")
        file.write(f"{first['File']};Jürgen;;;;k\nother.wav;J;X;Y;Z;k;1\n")
    emotions = "--set=corpus.emotions=Anger,Boredom,Fear,Happiness,Neutral"
    corpus = ("--corpus=listed", f"--data_dir={folder}", emotions, "--set=corpus.models_per=all")
    refused = start(tmp_path / "w", run_cache_dir, *FEW, *SMALL_NETWORK, *corpus)
    assert_refused(refused, "3 problems of recordings: ", "missing (gone.wav)", "without emotion", "too many cells")
    assert not (tmp_path / "w").exists()
    said = finish(tmp_path / "w", run_cache_dir, *FEW, *SMALL_NETWORK, *corpus, "--set=corpus.on_error=skip")
    # So few recordings teach so small a network nothing: it may be that no answer is right, and no energy has a mask.
    assert_members(tmp_path / "w", {("all", "all")}, 2)
    assert_tested_once(tmp_path / "w")
    assert_shown(tmp_path / "w", on_input=False)
    for words in ("was read as Latin-1", "took the columns", "mixed down to one", "recordings are left out: "):
        assert said.count(words) == 1
    skipped = table(tmp_path / "w", "skipped.csv")["kind"].value_counts().to_dict()
    n_sad = sum(row["Label"] == "Sadness" for row in table_rows(folder))
    assert skipped == {
        **{"labelled Sadness": n_sad, "silent": 1, "missing": 1, "without emotion": 1, "in rows of too many cells": 1},
        "equal to another recording": 1,
    }
    utterances = table(tmp_path / "w", "utterances.csv")
    assert utterances["end_s"].notna().sum() > 2
    assert set(utterances["attribute/room"]) == {"k"}
    sounds = table(tmp_path / "w", "sounds.csv")
    assert sounds["recording"].tolist() == utterances["recording"].tolist()
    assert sounds["sha256"].is_unique
    assert set(sounds["n_channels"]) == {1, 2}


def table_rows(folder: Path) -> list[dict[str, str]]:
    rows = pd.read_csv(folder / "utterances.csv", sep=";", encoding="latin-1", dtype=str, names=list("abcdefg"))
    return [
        {"File": row.a, "Label": row.c} for row in rows.iloc[1:].itertuples() if isinstance(row.c, str) and row.c != "X"
    ]
