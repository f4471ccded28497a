"""Several corpora at once: what is called the same in two of them is told apart, and labels have one set of words."""

import dataclasses
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Literal

from convcam_jax.corpora.config import CorpusConfig
from convcam_jax.corpora.corpus import Corpus
from convcam_jax.corpora.utterances import Found, Utterance
from convcam_jax.corpora.words.emotion_words import NO_EMOTIONS, SYNONYMS, standard_word
from convcam_jax.corpora.words.relabelling import labels_told_apart, relabel
from convcam_jax.system.errors import RecordingError, UserError
from convcam_jax.system.paths import separate_paths
from convcam_jax.system.progress import say
from convcam_jax.system.validation import require

# The column that says of which corpus a recording is.
CORPUS = "corpus"
HOW_TO_GIVE_SEVERAL = (
    "name corpora and their folders in the same order, as in --corpus=emodb,ravdess --data_dir=FOLDER,FOLDER; "
    "--corpus=synthetic needs none"
)


@dataclasses.dataclass(frozen=True)
class SeveralConfig(CorpusConfig):
    """Which recordings of several corpora are used: of the emotions that all have, unless others are named.

    Attributes:
      corpora: their names, those of `--corpus`.
    """

    name: str = "several"
    corpora: tuple[str, ...] = ()
    emotions: tuple[str, ...] = ()
    channels: Literal["refuse", "mix"] = "mix"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(len(set(self.corpora)) == len(self.corpora), "corpus.corpora", "must name each corpus once")


def several_of(corpora: Mapping[str, Corpus]) -> Corpus:
    """The corpus that is some of `corpora`, those that its config names."""

    def find(config: SeveralConfig, cache_dir: Path, sample_rate_hz: int) -> Found:
        found: dict[str, Found] = {}
        errors = []
        for name, folder in _folders(config, corpora).items():
            config_of_one = corpora[name].config(name, data_dir=folder, on_error=config.on_error)
            try:
                found[name] = corpora[name].find(config_of_one, cache_dir, sample_rate_hz)
            except UserError as error:
                errors.append(f"{name}: {error}")
        if errors:
            raise UserError("; ".join(errors))
        # What one corpus tells apart, or the config, stays apart in all until the labels of all are known.
        labels = [list(dict.fromkeys(u.emotion for u in own.utterances)) for own in found.values()]
        apart = labels_told_apart([*labels, config.emotions], config.label_changes)
        changes = _default_changes(config, corpora)
        return _in_one([_as_part(name, own, apart, changes) for name, own in found.items()])

    return Corpus(
        description="several of these, as in --corpus=emodb,ravdess --data_dir=FOLDER,FOLDER",
        how_to_get=HOW_TO_GIVE_SEVERAL,
        config=SeveralConfig,
        find=find,
    )


def known_speakers(config: CorpusConfig, corpora: Mapping[str, Corpus]) -> tuple[str, ...]:
    """The speakers of the whole corpora that a config names, where they are known beforehand, as `find` calls them."""
    if isinstance(config, SeveralConfig):
        return tuple(_within(name, speaker) for name in config.corpora for speaker in corpora[name].speakers)
    return corpora[config.name].speakers


def shared_emotions(utterances: Sequence[Utterance], column: str) -> tuple[str, ...]:
    """The emotions that each of the corpora has that a column names ("": all emotions), in alphabetical order.

    Raises UserError if there are fewer than two.
    """
    emotions: dict[str, set[str]] = {}
    for u in utterances:
        emotions.setdefault(dict(u.attributes).get(column, ""), set()).add(u.emotion)
    shared = sorted(set.intersection(*emotions.values()) - NO_EMOTIONS) if emotions else []
    if len(shared) < 2:
        told = "; ".join(f"{name or 'the corpus'} has {', '.join(sorted(own))}" for name, own in emotions.items())
        raise UserError(
            f"config field corpus.emotions: there are fewer than two in every corpus ({told}); map labels by "
            "--set=corpus.labels=WORD:OTHER"
        )
    return tuple(shared)


def _default_changes(config: SeveralConfig, corpora: Mapping[str, Corpus]) -> dict[str, str]:
    """The changes of labels that any of the config's corpora has by default, of what the config does not speak of."""
    defaults = [corpora[name].config(name).label_changes for name in config.corpora]
    spoken_of = {standard_word(word) for word in (*config.emotions, *chain(*config.label_changes.items()))}
    return {of: to for changes in defaults for of, to in changes.items() if standard_word(of) not in spoken_of}


def _folders(config: SeveralConfig, corpora: Mapping[str, Corpus]) -> dict[str, str]:
    folders = separate_paths(config.data_dir)
    if unknown := [name for name in config.corpora if name not in corpora]:
        raise UserError(f"--corpus: {unknown[0]} is none of {', '.join(corpora)}, which can be used together")
    if not folders:
        raise UserError(f"--data_dir: missing; {HOW_TO_GIVE_SEVERAL}")
    if len(config.corpora) < 2 or len(folders) != len(config.corpora):
        raise UserError(
            f"--data_dir: {len(folders)} given for the corpora {', '.join(config.corpora) or 'none'}; "
            f"{HOW_TO_GIVE_SEVERAL}"
        )
    return dict(zip(config.corpora, folders, strict=True))


def _as_part(name: str, found: Found, apart: Sequence[str], label_changes: Mapping[str, str]) -> Found:
    """What a corpus has, with its name before those of recordings, speakers and texts.

    Its emotions are standard words but for the labels that stay `apart`; of these words are the `label_changes`.
    """
    words = tuple(dict.fromkeys((*SYNONYMS, *apart)))
    standard, of_labels = relabel(found.utterances, words, {})
    utterances, of_words = relabel(standard, words, label_changes)
    for remark in dict.fromkeys((*of_labels, *of_words)):
        say(f"{name}: {remark}")
    problems = [RecordingError(_within(name, p.recording), p.problem, p.kind) for p in found.problems]
    return Found([_renamed(name, u) for u in utterances], problems)


def _renamed(name: str, utterance: Utterance) -> Utterance:
    attributes = tuple(
        (f"{name}_{CORPUS}" if column == CORPUS else column, cell) for column, cell in utterance.attributes
    )
    return utterance._replace(
        recording=_within(name, utterance.recording),
        speaker=_within(name, utterance.speaker),
        text=_within(name, utterance.text),
        attributes=((CORPUS, name), *attributes),
    )


def _within(corpus: str, word: str) -> str:
    return f"{corpus}/{word}" if word else ""


def _in_one(found: Sequence[Found]) -> Found:
    """All recordings, sorted, each with the columns of all corpora, empty where its own has none."""
    utterances = [u for own in found for u in own.utterances]
    empty = {column: "" for u in utterances for column, _ in u.attributes}
    filled = [u._replace(attributes=tuple((empty | dict(u.attributes)).items())) for u in utterances]
    return Found(sorted(filled, key=lambda u: u.recording), [problem for own in found for problem in own.problems])
