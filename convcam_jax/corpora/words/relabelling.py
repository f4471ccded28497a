"""The labels of a corpus in the words of the config."""

import re
import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from convcam_jax.corpora.utterances import Utterance
from convcam_jax.corpora.words.emotion_words import SYNONYMS, are_told_apart, nearest_word, standard_word
from convcam_jax.system.errors import UserError
from convcam_jax.system.spelling import bare_form, common_form

# What a shell takes as something else than a character of a word.
_OF_SHELLS = re.compile(r"[^\w@%+=:,./-]")


class Relabelled(NamedTuple):
    """Utterances with the config's words for their emotions, and what is to be said of the words that were others."""

    utterances: list[Utterance]
    remarks: list[str]


def relabel(
    utterances: Sequence[Utterance],
    emotions: Sequence[str],
    changes: Mapping[str, str],
    excluded_speakers: Collection[str] = (),
) -> Relabelled:
    """Utterances whose emotions are in the words of the config where they mean the same.

    First a label is changed as `changes` says, which maps words to others; a word that is no label stands for those
    that mean the same. Of `emotions` it is then called by itself, or else by the one that is spelled alike, or by
    the one that means the same; another keeps its word, and so does one that is changed to itself. Raises UserError
    if a label might be two of `emotions`, if words that a language tells apart become one, of labels or what they are
    changed to (those of `excluded_speakers` alone do not count), or a change is of a word that no recording has and
    nobody knows.
    """
    counts = Counter(u.emotion for u in utterances)
    _check_changes(changes, list(counts))
    by_meaning = _changes_by_meaning(changes, list(counts))
    kept = {to for of, to in changes.items() if _is_itself(of, to)}
    changed = {label: _changed(label, changes, by_meaning, counts) for label in counts}
    known = emotions or tuple(SYNONYMS)
    by_use = Counter(changed[u.emotion] for u in utterances).most_common()
    spellings = {} if emotions else _spellings((*changes.values(), *(word for word, _ in by_use)), counts)
    word_of = {
        label: to if to in kept else _match(to, (*known, *spellings.get(common_form(to), ())), counts)
        for label, to in changed.items()
    }
    considered = {u.emotion for u in utterances if u.speaker not in excluded_speakers}
    _check_told_apart({label: changed[label] for label in counts if label in considered}, word_of, changes)
    relabelled = [u._replace(emotion=word_of[u.emotion]) for u in utterances]
    return Relabelled(relabelled, [*_taken(word_of, counts), *_unknown(word_of, counts, known, changes)])


def labels_told_apart(corpora: Iterable[Collection[str]], changed: Iterable[str] = ()) -> tuple[str, ...]:
    """The labels of all corpora that mean the same as some that one of them tells apart, as anxiety from fear.

    Or as those of which one of the `changed` words is told apart, if any corpus has them.
    """
    known = [{label: word for label in labels if (word := standard_word(label)) is not None} for labels in corpora]
    words = {own[one] for own in known for one, other in combinations(own, 2) if _become_one(one, other, own)}
    everywhere = {label: word for own in known for label, word in own.items()}
    words |= {word for of in changed for label, word in everywhere.items() if are_told_apart(of, label)}
    return tuple(label for label, word in everywhere.items() if word in words)


def _become_one(one: str, other: str, word_of: Mapping[str, str]) -> bool:
    return word_of[one] == word_of[other] and are_told_apart(one, other)


def _check_told_apart(changed: Mapping[str, str], word_of: Mapping[str, str], changes: Mapping[str, str]) -> None:
    """`changed` has what labels are changed to, themselves where no change is of them; `word_of` has their words."""
    words = {to: word_of[label] for label, to in changed.items()}
    pairs = [pair for pair in combinations(sorted(words), 2) if _become_one(*pair, words)]
    if not pairs:
        return
    to_say = {to: words[pair[0]] for pair in pairs for to in _other_than(words[pair[0]], pair)}
    told = ", ".join(f"{one} and {other}" for one, other in pairs)
    merged = {label: to_say[to] for label, to in changed.items() if to in to_say}
    raise UserError(
        f"config field corpus.labels: the corpus tells apart {told}, which would be one emotion; say whether they are, "
        f"by {_as_setting(changes, merged)}, or not, by {_as_setting(changes, {to: to for to in to_say})}"
    )


def _as_setting(changes: Mapping[str, str], others: Mapping[str, str]) -> str:
    """The setting of `changes`, those of the same words replaced by the `others`, as a shell takes it.

    Of words that differ in capitals and spaces alone it has one, which stands for all of them.
    """
    new: dict[str, tuple[str, str]] = {}
    for of, to in others.items():
        new.setdefault(bare_form(of), (of, to))
    both = {form: pair for pair in changes.items() if (form := bare_form(pair[0])) not in new} | new
    pairs = [f"{of}:{to}" for of, to in both.values()]
    setting = "--set=corpus.labels=" + ",".join(f'"{pair}"' if "," in pair else pair for pair in pairs)
    return shlex.quote(setting) if _OF_SHELLS.search(setting) else setting


def _other_than(word: str, pair: tuple[str, str]) -> Sequence[str]:
    """Those of a pair of labels that mean another emotion than `word`, or the second, where the language has not it."""
    return [label for label in pair if are_told_apart(label, word)] or pair[1:]


def _check_changes(changes: Mapping[str, str], labels: Sequence[str]) -> None:
    forms = {common_form(label) for label in labels}
    for word in changes:
        if common_form(word) not in forms and standard_word(word) is None:
            near = nearest_word(word, labels)
            raise UserError(
                f"config field corpus.labels: there is no recording of {word}; "
                + (f"the nearest word is {near}" if near else f"the corpus has {', '.join(sorted(labels)) or 'none'}")
            )


def _is_itself(of: str, to: str) -> bool:
    return common_form(of) == common_form(to)


def _changes_by_meaning(changes: Mapping[str, str], labels: Sequence[str]) -> dict[str, str]:
    """What labels become by changes of words that are no label as it is spelled, and that mean the same.

    Of labels that a language tells apart such a change is of those that it does not tell apart from the word. Where
    there are none it is of the others, unless it keeps a word that nobody has.
    """
    forms = {common_form(label) for label in labels}
    by_meaning: dict[str, str] = {}
    for of, to in changes.items():
        if common_form(of) in forms or (word := standard_word(of)) is None:
            continue
        same = [label for label in labels if standard_word(label) == word]
        near = [label for label in same if not are_told_apart(of, label)]
        by_meaning |= dict.fromkeys(near if near or _is_itself(of, to) else same, to)
    return by_meaning


def _changed(label: str, changes: Mapping[str, str], by_meaning: Mapping[str, str], labels: Collection[str]) -> str:
    if label in changes:
        return changes[label]
    alike = (to for of, to in changes.items() if _is_alike(of, label, labels))
    return next(alike, by_meaning.get(label, label))


def _spellings(words: Iterable[str], labels: Collection[str]) -> dict[str, list[str]]:
    """Of words that nobody knows, the first of those that are spelled alike; by their common form."""
    spellings: dict[str, list[str]] = {}
    for word in words:
        firsts = spellings.setdefault(common_form(word), [])
        if standard_word(word) is None and not any(_is_alike(word, other, labels) for other in firsts):
            firsts.append(word)
    return spellings


def _match(word: str, emotions: Sequence[str], labels: Collection[str]) -> str:
    if word in emotions:
        return word
    alike = [emotion for emotion in emotions if _is_alike(word, emotion, labels)]
    same = [emotion for emotion in emotions if standard_word(word) == standard_word(emotion) is not None]
    if not alike and len(same) > 1:
        raise UserError(
            f"config field corpus.emotions: {word} might be {' or '.join(same)}; "
            f"say which, as in {_as_setting({}, {word: same[0]})}"
        )
    return (alike or same or [word])[0]


def _is_alike(word: str, other: str, labels: Collection[str]) -> bool:
    """Whether two words have one common form, and no two labels of this form differ in more than capitals and spaces.

    Where some do, as words of some languages do in an accent alone, so must these two.
    """
    form = common_form(word)
    if common_form(other) != form:
        return False
    return (
        bare_form(word) == bare_form(other)
        or len({bare_form(label) for label in labels if common_form(label) == form}) == 1
    )


def _taken(word_of: Mapping[str, str], counts: Mapping[str, int]) -> list[str]:
    n_labels = Counter(word_of.values())
    others = [
        f"{label} for {word} ({counts[label]})"
        for label, word in sorted(word_of.items())
        if label != word and (common_form(label) != common_form(word) or n_labels[word] > 1)
    ]
    return [f"emotions called by other words, and their recordings: {', '.join(others)}"] if others else []


def _unknown(
    word_of: Mapping[str, str], counts: Mapping[str, int], emotions: Sequence[str], changes: Mapping[str, str]
) -> list[str]:
    """What is to be said of labels that are left out and that nobody knows, which may be misspelled."""
    chosen = {*emotions, *changes.values()}
    unknown = [label for label, word in sorted(word_of.items()) if word not in chosen and standard_word(word) is None]
    described = []
    for label in unknown:
        near = nearest_word(label, emotions)
        described.append(f"{label} ({counts[label]}" + (f", the nearest known is {near})" if near else ")"))
    return [f"emotions that are not known, and their recordings: {', '.join(described)}"] if unknown else []
