"""Names that no program of its own accord takes for text, and small corpora of recordings that are called so."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

# Taken for numbers, booleans or nothing by whoever guesses types.
LIKE_VALUES = ("1", "007", "1e5", "nan", "NaN", "inf", "NA", "N/A", "None", "null", "true", "False", "#N/A", "-", "0x1")
# Of columns, arrays, arguments and files of the program, and what it calls all of something.
LIKE_OURS = (
    *("truth", "seed", "group", "recording", "speaker", "fold", "predicted", "statistic", "source", "total", "all"),
    *(
        "file",
        "time_s",
        "frequency_hz",
        "cohorts",
        "arr_0",
        "allow_pickle",
        "verdicts",
        "map",
        "__proto__",
        "emotion/x",
    ),
)
# Of mathematics, mark-up, scripts, templates and paths.
LIKE_CODE = (
    *("$x_{1}$", "a$b", r"\alpha", "a_b_c", "_hidden_", "*b*", "`c`", "a|b", "[l](u)", "<b>", "&lt;", "a&b", "~s~"),
    *("</script><script>window.hacked=1</script>", "<img src=x onerror=window.hacked=2>", "%{x}", "{0}", "${y}", "%s"),
    *("'quoted'", '"quoted"', "a, b", "a;b", "=1+1", "#1", "..", "a\\b"),
)
# Of other scripts and directions, with composed and decomposed accents, of several lines, long.
LIKE_NOTHING_ELSE = (
    *(
        "злость",
        "平静",
        "غضب",
        "é",
        "e\u0301",
        "\u202eturned",
        "a\u2066b",
        "two\nlines",
        "re\rturn",
        "tab\tbed",
        "bell\x07",
        "😀",
    ),
    *("x" * 230, "ж" * 120),
)
HOSTILE = (*LIKE_VALUES, *LIKE_OURS, *LIKE_CODE, *LIKE_NOTHING_ELSE)
# Files cannot be called as all that: a slash divides folders, and accents are written in one way.
# In a table a control character is taken for damage.
_NO_FIRST_CELLS = ("..", "e\u0301", "bell\x07")
FILE_NAMES = tuple(name.replace("/", "_") for name in HOSTILE if name not in _NO_FIRST_CELLS)

RATE_HZ = 16000


def make_listed(folder: Path, speakers: Sequence[str], emotions: Sequence[str], recordings: Sequence[str]) -> None:
    """A listed corpus of short tones: of each speaker, the first a woman, equally many recordings of each emotion."""
    (folder / "wav").mkdir(parents=True)
    rows = []
    for place, recording in enumerate(recordings):
        speaker, emotion = place % len(speakers), place // len(speakers) % len(emotions)
        time_s = np.arange(int((0.5 + 0.02 * (place % 3)) * RATE_HZ)) / RATE_HZ
        # No two recordings sound the same, or all but one were left out.
        f0_hz = (200 - 80 * speaker) * (1 + 0.1 * (place % 4) + 0.0005 * place + 0.2 * emotion * time_s)
        tone = sum(np.sin(k * 2 * np.pi * np.cumsum(f0_hz) / RATE_HZ) / k for k in range(1, 8))
        soundfile.write(folder / "wav" / f"{recording}.wav", 0.1 * tone * np.hanning(len(time_s)), RATE_HZ)
        gender = "female" if speaker == 0 else "male"
        rows.append([recording, speakers[speaker], gender, emotions[emotion], f"text {place}"])
    with (folder / "utterances.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["recording", "speaker", "gender", "emotion", "text"], *rows])
