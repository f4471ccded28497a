"""Random tables of recordings, for what must hold of the folds of any protocol."""

from pathlib import Path

import numpy as np

from convcam_jax.corpora.utterances import Utterance

EMOTIONS = ("anger", "fear", "neutral")
N_SPEAKERS = 8


def random_utterances(seed: int) -> list[Utterance]:
    """Recordings of eight speakers of two corpora, with texts and columns split and fold, in random order.

    Speakers differ in their numbers of recordings, some lack an emotion, and some recordings are cut from one file.
    """
    generator = np.random.default_rng(seed)
    utterances = []
    for speaker in range(N_SPEAKERS):
        for emotion in EMOTIONS:
            n = 0 if generator.random() < 0.1 else int(generator.integers(4, 12))
            for k in range(n):
                name = f"s{speaker}{emotion}{k}"
                # Some files hold two speakers, as dialogues do.
                file = f"dialogue{speaker // 2}" if generator.random() < 0.05 else name
                columns = {
                    "corpus": "north" if speaker < N_SPEAKERS // 2 else "south",
                    "split": str(generator.choice(["Train", "train ", "DEV", "test", "eval"])),
                    "fold": str(generator.integers(1, 4)),
                }
                utterances.append(
                    Utterance(
                        name,
                        speaker=f"s{speaker}",
                        gender=("female", "male")[speaker % 2],
                        emotion=emotion,
                        text=f"t{generator.integers(4)}",
                        path=Path(f"{file}.wav"),
                        attributes=tuple(columns.items()),
                    )
                )
    return [utterances[i] for i in generator.permutation(len(utterances))]
