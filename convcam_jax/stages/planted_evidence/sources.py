"""The neutral recordings that cues are planted into: the embedded voices', or those of a corpus of people."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from convcam_jax.corpora import CORPORA
from convcam_jax.corpora.natural.cues import NATURAL_CUES
from convcam_jax.corpora.natural.planted import NaturalSpeech, Reading, variants_of
from convcam_jax.corpora.natural.resynthesis import F0Range
from convcam_jax.corpora.neutral_speech import NeutralSpeech
from convcam_jax.corpora.synthetic.config import SyntheticConfig
from convcam_jax.corpora.synthetic.planted import SyntheticSpeech
from convcam_jax.corpora.utterances import Utterance, of_considered_speakers
from convcam_jax.representations.features import Features
from convcam_jax.representations.prosody import shortest_s
from convcam_jax.settings.config import Config
from convcam_jax.splits.dividing import divide
from convcam_jax.splits.protocol import Fold
from convcam_jax.stages.preparation import load_dataset, named_emotions, with_max_frames
from convcam_jax.stages.run_settings import RunSettings
from convcam_jax.system.errors import RecordingError, UserError
from convcam_jax.system.progress import say

# The emotion that cues are planted into.
NEUTRAL = "neutral"
# A recording needs as much to have an F0 contour.
_LEAST_VOICED_S = 0.1


class Sources(NamedTuple):
    """What cues are planted into.

    Attributes:
      config: with what depends on the recordings spelled out.
      speech: the recordings.
      folds: those of a variant's recordings, from these and their groups.
      problems: of the corpus's recordings that are left out.
    """

    config: Config
    speech: NeutralSpeech[Any]
    folds: Callable[[Sequence[Utterance], Sequence[str]], tuple[Fold, ...]]
    problems: tuple[RecordingError, ...] = ()


def neutral_sources(settings: RunSettings) -> Sources:
    """The recordings that the config names.

    Raises:
      UserError: a cue cannot be planted into them, or there is something wrong with the corpus or its split.
    """
    config = settings.config
    if isinstance(config.corpus, SyntheticConfig):
        rate_hz = config.representation.sample_rate_hz
        speech = SyntheticSpeech(config.corpus, config.evidence.genders, rate_hz)
        return Sources(config, speech, lambda utterances, groups: divide(config.split, utterances, groups).folds)
    return _of_people(settings)


def _of_people(settings: RunSettings) -> Sources:
    """The neutral recordings of a corpus; those of one source are on one side of a fold."""
    _require_plantable(settings.config)
    found, unnamed = _neutral_utterances(settings)
    config = with_max_frames(settings.config, found)
    dataset, unreadable = load_dataset(found, config, settings.cache_dir, least_emotions=1)
    voiced = [i for i, own in enumerate(dataset.features) if _voiced_s(own, config) >= _LEAST_VOICED_S]
    unvoiced = [
        RecordingError(u.recording, f"it is voiced for less than {_LEAST_VOICED_S:g} s", "hardly voiced")
        for i, u in enumerate(dataset.utterances)
        if i not in voiced
    ]
    sources = [dataset.utterances[i] for i in voiced]
    split_of = {
        fold.name: {dataset.utterances[i].recording: fold.split_of[i] for i in voiced} for fold in dataset.folds
    }
    prosody, rate_hz = config.prosody, config.representation.sample_rate_hz
    f0_range = F0Range(prosody.f0_floor_hz, prosody.f0_ceiling_hz)
    speech = NaturalSpeech(tuple(sources), Reading(rate_hz, shortest_s(prosody), config.corpus.channels, f0_range))
    say(f"{len(sources)} neutral recordings of {len({u.speaker for u in sources})} speakers to plant cues into")
    return Sources(config, speech, partial(_folds_of_sources, split_of, speech), (*unnamed, *unreadable, *unvoiced))


def _require_plantable(config: Config) -> None:
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
    utterances, problems = named_emotions(config, settings.cache_dir)
    considered = of_considered_speakers(utterances, config.corpus, CORPORA[config.corpus.name].speakers)
    neutral = [u for u in considered if u.emotion == NEUTRAL and u.gender in (*config.evidence.genders, "")]
    if not neutral:
        raise UserError(
            f"--corpus={config.corpus.name}: has no neutral recording, which cues could be planted into; if it calls "
            f"them by another word, say so, as in --set=corpus.labels=calm:{NEUTRAL}"
        )
    return neutral, problems


def _voiced_s(features: Features, config: Config) -> float:
    return float((features.praat_f0_hz > 0).sum()) * config.prosody.f0_step_s


def _folds_of_sources(
    split_of: dict[str, dict[str, str]],
    speech: NaturalSpeech,
    utterances: Sequence[Utterance],
    groups: Sequence[str],
) -> tuple[Fold, ...]:
    """The folds of a variant's recordings, which come source by source."""
    n_each = len(utterances) // len(speech.sources)
    return tuple(
        Fold(name, tuple(own[source.recording] for source in speech.sources for _ in range(n_each)))
        for name, own in split_of.items()
    )
