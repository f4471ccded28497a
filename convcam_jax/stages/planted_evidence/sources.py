"""The neutral recordings that cues are planted into: the embedded voices', or those of a corpus of people."""

import math
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from convcam_jax.checks.evidence.config import EVIDENCE_CLASSES
from convcam_jax.corpora import CORPORA
from convcam_jax.corpora.natural.changes import NATURAL_CUES
from convcam_jax.corpora.natural.planted import NaturalSpeech, PlantedRecording, Reading, source_problem, variants_of
from convcam_jax.corpora.natural.resynthesis import F0Range
from convcam_jax.corpora.neutral_speech import NeutralSpeech
from convcam_jax.corpora.several import known_speakers
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.corpora.synthetic.cues.burst import BURST_HZ, BURST_WIDTH
from convcam_jax.corpora.synthetic.planted import PlantedSentence, SyntheticSpeech, specs
from convcam_jax.corpora.synthetic.speech import speaker_genders
from convcam_jax.corpora.utterances import Utterance, check_excluded, of_considered_speakers, without
from convcam_jax.representations.prosody import shortest_s
from convcam_jax.settings.config import Config
from convcam_jax.splits.dividing import divide
from convcam_jax.splits.protocol import Fold, SplitProtocol
from convcam_jax.stages.preparation import load_dataset, named_emotions, with_max_frames
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.errors import RecordingError, UserError, counted_by_kind
from convcam_jax.system.files import file_hash
from convcam_jax.system.process.worker_processes import in_processes
from convcam_jax.system.progress import counted, say

# The emotion that cues are planted into.
NEUTRAL_EMOTION = "neutral"
# Above twice the upper edge of the highest burst.
LOWEST_RATE_HZ = math.ceil(2 * (1 + BURST_WIDTH / 2) * max(BURST_HZ))
# Fields of the embedded corpus that planted evidence in its voices leaves no choice of, and what it has.
_FIXED = {
    "labels": "the labels of its classes alone",
    "longer": "whole recordings",
    "versions": "one version of a sentence for each class",
}


class Sources(NamedTuple):
    """What cues are planted into.

    Attributes:
      config: with what depends on the recordings spelled out.
      speech: the recordings.
      folds: those of a variant, from its recordings as they are made and as utterances, and their groups.
      problems: of the corpus's recordings that are left out.
      n_used: how many of the corpus's recordings are not.
    """

    config: Config
    speech: NeutralSpeech[Any]
    folds: Callable[[Sequence[Any], Sequence[Utterance], Sequence[str]], tuple[Fold, ...]]
    problems: tuple[RecordingError, ...] = ()
    n_used: int = 0


def neutral_sources(settings: RunSettings) -> Sources:
    """The recordings that the config names.

    Raises:
      UserError: a cue cannot be planted into them, or there is something wrong with the corpus or its split.
    """
    config = settings.config
    rate_hz = config.representation.sample_rate_hz
    if config.corpus.emotions != EVIDENCE_CLASSES:
        classes = ", ".join(EVIDENCE_CLASSES)
        raise UserError(f"config field corpus.emotions: planted evidence has the classes {classes}; leave it as it is")
    if rate_hz < LOWEST_RATE_HZ:
        raise UserError(
            f"config field representation.sample_rate_hz: must be at least {LOWEST_RATE_HZ} for planted evidence, "
            f"whose highest burst lies at {max(BURST_HZ):.0f} Hz"
        )
    if isinstance(config.corpus, SyntheticConfig):
        speech = _of_embedded_voices(config.corpus, config.evidence.genders, rate_hz)
        return Sources(config, speech, partial(_folds_by_cue, config.split))
    return _of_people(settings)


def _folds_by_cue(
    split: SplitProtocol, planted: Sequence[PlantedSentence], utterances: Sequence[Utterance], groups: Sequence[str]
) -> tuple[Fold, ...]:
    """The folds of a variant's recordings, divided by what their cues say, so that shuffled labels change no fold."""
    of_cues = [u._replace(emotion=EVIDENCE_CLASSES[one.label]) for u, one in zip(utterances, planted, strict=True)]
    return divide(split, of_cues, groups).folds


def _of_embedded_voices(corpus: SyntheticConfig, genders: tuple[str, ...], rate_hz: int) -> SyntheticSpeech:
    for field, what_it_has in _FIXED.items():
        if getattr(corpus, field) != getattr(SyntheticConfig(), field):
            raise UserError(
                f"config field corpus.{field}: planted evidence in the embedded voices has {what_it_has}; "
                "leave it as it is"
            )
    check_excluded(corpus.excluded_speakers, sorted(speaker_genders(corpus)))
    if not specs(corpus, genders):
        raise UserError(f"config field corpus.excluded_speakers: no speaker is left who is {' or '.join(genders)}")
    return SyntheticSpeech(corpus, genders, rate_hz)


def _of_people(settings: RunSettings) -> Sources:
    """The neutral recordings of a corpus; those of one source are on one side of a fold."""
    config = settings.config
    _require_plantable(config)
    neutral, unreadable = _neutral_utterances(settings)
    prosody, corpus = config.prosody, config.corpus
    f0_range = F0Range(prosody.f0_floor_hz, prosody.f0_ceiling_hz)
    reading = Reading(config.representation.sample_rate_hz, shortest_s(prosody), corpus.channels, f0_range)
    with closing(in_processes(partial(source_problem, reading), neutral)) as found:
        unfit = [problem for problem in found if problem is not None]
    fit = without(neutral, unfit)
    if not fit:
        raise UserError(f"--corpus={corpus.name}: no neutral recording takes a cue: {counted_by_kind(unfit)}")
    config = with_max_frames(config, fit)
    dataset, unused = load_dataset(fit, config, settings.cache_dir, least_emotions=1)
    sources = dataset.utterances
    names = [u.recording for u in sources]
    split_of = {fold.name: dict(zip(names, fold.split_of, strict=True)) for fold in dataset.folds}
    speech = NaturalSpeech(sources, reading, {path: file_hash(path) for path in {u.path for u in sources}})
    speakers = counted(len({u.speaker for u in sources}), "speaker")
    say(f"cues are planted into {len(sources)} neutral recordings of {speakers}")
    problems = (*unreadable, *unfit, *unused)
    return Sources(config, speech, lambda own, *_: _folds_of_sources(split_of, own), problems, len(sources))


def _require_plantable(config: Config) -> None:
    if config.corpus.longer != "leave_out":
        raise UserError(
            "config field corpus.longer: must be leave_out where cues are planted, which are for whole recordings; "
            "parts can be listed with their times (--corpus=listed)"
        )
    possible = variants_of(tuple(NATURAL_CUES))
    for variant in config.evidence.variants:
        if variant not in possible:
            raise UserError(
                f"config field evidence.variants: {variant} cannot be planted into recordings of people; "
                f"what can is {', '.join(possible)}"
            )


def _neutral_utterances(settings: RunSettings) -> tuple[list[Utterance], list[RecordingError]]:
    """A corpus's neutral recordings by speakers who are not excluded and of the genders that are asked for."""
    config = settings.config
    corpus = replace(config.corpus, emotions=())
    utterances, problems = named_emotions(replace(config, corpus=corpus), settings.cache_dir)
    considered = of_considered_speakers(utterances, corpus, known_speakers(corpus, CORPORA))
    neutral = [u for u in considered if u.emotion == NEUTRAL_EMOTION]
    if not neutral:
        raise UserError(
            f"--corpus={corpus.name}: has no neutral recording, which cues could be planted into; if it calls "
            f"them by another word, say so, as in --set=corpus.labels=calm:{NEUTRAL_EMOTION}"
        )
    wanted = [u for u in neutral if u.gender in (*config.evidence.genders, "")]
    if not wanted:
        raise UserError(
            f"config field evidence.genders: no neutral recording is of {' or '.join(config.evidence.genders)}; "
            f"there are those of {', '.join(sorted({u.gender for u in neutral}))}"
        )
    return wanted, problems


def _folds_of_sources(split_of: dict[str, dict[str, str]], planted: Sequence[PlantedRecording]) -> tuple[Fold, ...]:
    """The folds of a variant's recordings: each is where its source is."""
    return tuple(Fold(name, tuple(of[one.source.recording] for one in planted)) for name, of in split_of.items())
