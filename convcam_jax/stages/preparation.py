"""From a corpus's folder to utterances with features, groups and splits."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from convcam_jax.corpora import CORPORA
from convcam_jax.corpora.config import FROM_CORPUS
from convcam_jax.corpora.left_out import equal_sounds, longer_than, not_selected, overlapping
from convcam_jax.corpora.several import CORPUS, SeveralConfig, known_speakers, shared_emotions
from convcam_jax.corpora.sounds.lengths import equal_parts, middle
from convcam_jax.corpora.sounds.sound_files import told_samples
from convcam_jax.corpora.sounds.sound_remarks import sound_remarks
from convcam_jax.corpora.utterances import Utterance, group_of, select, told_apart, without
from convcam_jax.corpora.words.relabelling import relabel
from convcam_jax.data.dataset import Dataset
from convcam_jax.representations.cache import Loaded, load_or_compute
from convcam_jax.representations.lengths import frames_for, longest_duration_s
from convcam_jax.settings.config import Config
from convcam_jax.splits.dividing import Division, divide
from convcam_jax.splits.protocol import Fold
from convcam_jax.system.errors import RecordingError, UserError, counted_by_kind
from convcam_jax.system.progress import say
from convcam_jax.system.spelling import on_alike

# The parts of an utterance that lasts so many seconds, each at most of so many.
Cut = Callable[[Utterance, float, float], list[Utterance]]


class FoundCorpus(NamedTuple):
    """The recordings of a run, before features are known.

    config: with what depends on the corpus spelled out. problems: of those that are left out.
    """

    config: Config
    utterances: list[Utterance]
    problems: list[RecordingError]


def find_corpus(config: Config, cache_dir: Path) -> FoundCorpus:
    """The utterances of the config's corpus, in the config's words, and the config as it is for them."""
    utterances, unreadable = named_emotions(config, cache_dir)
    with _saying_what_was_left_out(unreadable):
        config = with_emotions(config, utterances)
        selected = select(utterances, config.corpus, known_speakers(config.corpus, CORPORA))
    problems = [*unreadable, *not_selected(utterances, config.corpus)]
    return FoundCorpus(with_max_frames(config, selected), selected, problems)


def named_emotions(config: Config, cache_dir: Path) -> tuple[list[Utterance], list[RecordingError]]:
    """All utterances of the config's corpus in the config's words for emotions, and the problems of those left out."""
    found = CORPORA[config.corpus.name].find(config.corpus, cache_dir, config.representation.sample_rate_hz)
    corpus = config.corpus
    utterances, remarks = relabel(found.utterances, corpus.emotions, corpus.label_changes, corpus.excluded_speakers)
    for remark in remarks:
        say(remark)
    return utterances, found.problems


def with_emotions(config: Config, utterances: Sequence[Utterance]) -> Config:
    """The config, with the emotions of the utterances (see `shared_emotions`) if it names none."""
    if config.corpus.emotions:
        return config
    known = [u for u in utterances if u.speaker not in config.corpus.excluded_speakers]
    for remark in on_alike("emotions", (u.emotion for u in known)):
        say(remark)
    # A column `corpus` of a single corpus is the user's own.
    of_several = isinstance(config.corpus, SeveralConfig)
    emotions = shared_emotions(known, CORPUS if of_several else "")
    where = "those that there are in every corpus" if of_several else "all that there are"
    say(f"emotions, by corpus.emotions {where}: {', '.join(emotions)}")
    return replace(config, corpus=replace(config.corpus, emotions=emotions))


def with_max_frames(config: Config, utterances: Sequence[Utterance]) -> Config:
    """The config, with as many frames as the utterances need (see `frames_for`) if it names no number.

    Durations are those that the files' headers tell. What is longer is said with its share.
    """
    if config.corpus.max_frames != FROM_CORPUS:
        return config
    representation = config.representation
    n_samples = [told_samples(u.source, representation.sample_rate_hz) for u in utterances]
    _, least = config.make_network("float32").smallest_input()
    max_frames = max(frames_for(n_samples, representation), least)
    n_longer = sum(representation.n_frames(n) > max_frames for n in n_samples)
    longest_s = longest_duration_s(representation, max_frames, representation.sample_rate_hz)
    say(
        f"corpus.max_frames is {max_frames} ({longest_s:.1f} s): {n_longer} of "
        f"{len(utterances)} recordings ({100 * n_longer / len(utterances):.1f} %) are longer"
    )
    return replace(config, corpus=replace(config.corpus, max_frames=max_frames))


def load_dataset(
    utterances: list[Utterance],
    config: Config,
    cache_dir: Path,
    least_emotions: int = 2,
    left_out: Sequence[RecordingError] = (),
) -> tuple[Dataset, list[RecordingError]]:
    """The usable utterances with features, groups and splits; and the problems of those left out.

    For `least_emotions` see `divide`; what was `left_out` before may be why the split is impossible.

    Raises:
      UserError: the split is impossible, which is told before features are computed unless too many recordings turn out
        to be too long or unreadable, or long ones are divided into parts.
    """
    corpus = config.corpus
    division = partial(divide, config.split, least_emotions=least_emotions)
    with _saying_what_was_left_out(left_out):
        expected = _warnings_before_features(division, utterances, config)
    loaded = load_or_compute(utterances, config.features, cache_dir / "features", corpus.on_error)
    for remark in sound_remarks(loaded.sounds, config.representation.sample_rate_hz):
        say(remark)
    found = without(utterances, loaded.problems)
    equal = _equal_sounds(found, loaded)
    found = without(found, equal)
    overlaps, remark = overlapping(found)
    if remark:
        say(remark)
    found = without(found, overlaps)
    if corpus.longer != "leave_out":
        found, loaded = with_parts(found, loaded, config, cache_dir)
        # Recordings that differ may have a part in common.
        equal += _equal_sounds(found, loaded)
        found = without(found, equal)
    longer = longer_than(found, _n_frames(loaded), corpus.max_frames)
    usable = without(found, longer)
    if found and not usable:
        raise UserError(f"config field corpus.max_frames: no recording is as short as {corpus.max_frames} frames")
    groups = [group_of(u, corpus.models_per) for u in usable]
    problems = [*loaded.problems, *equal, *overlaps, *longer]
    dataset = Dataset(
        tuple(usable),
        tuple(loaded.features[u.recording] for u in usable),
        tuple(groups),
        _folds(partial(division, usable, groups), [*left_out, *problems], expected),
        tuple(loaded.sounds[u.recording] for u in usable),
    )
    return dataset, problems


def _warnings_before_features(
    division: Callable[..., Division], utterances: Sequence[Utterance], config: Config
) -> tuple[str, ...]:
    """What the split of recordings that are as long as they are would do without; this is said, and groups alike."""
    groups = [group_of(u, config.corpus.models_per) for u in utterances]
    for remark in on_alike("groups", groups):
        say(remark)
    # Of parts there are more than of whole recordings: they may be divided where these cannot.
    warnings = () if config.corpus.longer == "split" else division(utterances, groups).warnings
    for warning in warnings:
        say(warning)
    return warnings


@contextmanager
def _saying_what_was_left_out(problems: Sequence[RecordingError]) -> Iterator[None]:
    """An error from within says which recordings were left out before, which may be its reason."""
    try:
        yield
    except UserError as error:
        if not problems:
            raise
        raise UserError(f"{error}; left out before: {counted_by_kind(problems)}") from error


def _folds(
    division: Callable[[], Division], problems: Sequence[RecordingError], said: Sequence[str]
) -> tuple[Fold, ...]:
    """The folds of the split, which warns of what was not `said` before; its error says what was left out."""
    with _saying_what_was_left_out(problems):
        folds, warnings = division()
    for warning in warnings:
        if warning not in said:
            say(warning)
    return folds


def _equal_sounds(found: Sequence[Utterance], loaded: Loaded) -> list[RecordingError]:
    return equal_sounds(found, {recording: sound.sha256 for recording, sound in loaded.sounds.items()})


def _n_frames(loaded: Loaded) -> dict[str, int]:
    return {recording: features.n_frames for recording, features in loaded.features.items()}


def with_parts(
    found: Sequence[Utterance], loaded: Loaded, config: Config, cache_dir: Path, crop: Cut = middle
) -> tuple[list[Utterance], Loaded]:
    """Those recordings that are too long replaced by the parts that `corpus.longer` makes of them, in order of time.

    `crop` takes the part that is used where it crops them.
    """
    corpus = config.corpus
    longer = longer_than(found, _n_frames(loaded), corpus.max_frames)
    cut = crop if corpus.longer == "crop" else equal_parts

    def parts_of_one(utterance: Utterance) -> list[Utterance]:
        sound = loaded.sounds[utterance.recording]
        longest_s = longest_duration_s(config.representation, corpus.max_frames, sound.file_rate_hz)
        return cut(utterance, sound.duration_s, longest_s)

    names_of_longer = {problem.recording for problem in longer}
    parts_of = {u.recording: parts_of_one(u) for u in found if u.recording in names_of_longer}
    others = {*loaded.features, *(problem.recording for problem in loaded.problems)} - parts_of.keys()
    names = iter(told_apart([part.recording for own in parts_of.values() for part in own], others))
    parts_of = {
        recording: [part._replace(recording=next(names)) for part in own] for recording, own in parts_of.items()
    }
    parts = [part for own in parts_of.values() for part in own]
    if longer:
        done = "cut down to their middle" if corpus.longer == "crop" else f"divided into {len(parts)} parts"
        say(f"{len(longer)} of {len(found)} recordings are {longer[0].kind} and were {done}")
    # A part may be silent where the whole is not.
    of_parts = load_or_compute(parts, config.features, cache_dir / "features", "skip", progress=bool(parts))
    cut_down = [part for u in found for part in parts_of.get(u.recording, (u,))]
    return without(cut_down, of_parts.problems), Loaded(
        loaded.features | of_parts.features,
        loaded.sounds | of_parts.sounds,
        [*loaded.problems, *of_parts.problems],
    )
