"""Variants of planted evidence: which cues they have, what their classes are, and how strong the cues are.

A variant is named after its cue, and after the strength where that is not the cue's largest: `f0@2` has an F0 contour
of 2 semitones.
"""

from collections.abc import Iterable
from typing import NamedTuple

from convcam_jax.corpora.synthetic.cues import CUES
from convcam_jax.corpora.synthetic.cues.cue import Cue, nothing_beside

NEUTRAL = "neutral"
MIXED = "mixed"
# The recordings of `MIXED`, whose labels say nothing of the cues.
SHUFFLED_LABELS = "none"
MIXED_CUES = ("f0", "envelope", "burst", "pause")
# Variants with other cues than one of their own name, all at their largest strengths.
_SEVERAL = {MIXED: MIXED_CUES, SHUFFLED_LABELS: MIXED_CUES, NEUTRAL: ()}
_SEVERAL_CLASSES = {
    MIXED: ("all first", "all second", "all third"),
    SHUFFLED_LABELS: ("shuffled", "shuffled", "shuffled"),
}
_SEVERAL_WORDS = {MIXED: "the four cues together", SHUFFLED_LABELS: "cues that say nothing of the label"}
# In the order of tables; those of one cue were there before the others, and stand first.
VARIANTS = (*MIXED_CUES, MIXED, SHUFFLED_LABELS, *(cue for cue in CUES if cue not in MIXED_CUES))
# What is without the cue of a variant that has more than the cue.
_WITHOUT = "without"
_AT = "@"


class CueLevel(NamedTuple):
    """A cue at a strength, in the cue's unit."""

    cue: str
    strength: float

    @property
    def variant(self) -> str:
        """Its name as a variant."""
        return self.cue if self.strength == CUES[self.cue].strengths[-1] else f"{self.cue}{_AT}{self.strength:g}"


def with_strengths(variant: str) -> tuple[str, ...]:
    """The variant at all strengths of its cue, ascending; those of several cues have one."""
    if variant not in CUES:
        return (variant,)
    return tuple(CueLevel(variant, strength).variant for strength in CUES[variant].strengths)


def levels(variant: str) -> tuple[CueLevel, ...]:
    """The cues of a variant with their strengths."""
    name, _, strength = variant.partition(_AT)
    if name in CUES:
        return (CueLevel(name, float(strength) if strength else CUES[name].strengths[-1]),)
    return tuple(CueLevel(cue, CUES[cue].strengths[-1]) for cue in _SEVERAL.get(name, ()))


def is_full(variant: str) -> bool:
    """Whether a variant's cues are at their largest strengths."""
    return _AT not in variant


def of_cue(variant: str) -> str:
    """The variant at the largest strength."""
    return variant.partition(_AT)[0]


def sound_of(variant: str) -> str:
    """The variant whose recordings these are."""
    return MIXED if variant == SHUFFLED_LABELS else variant


def without_cues(variant: str) -> str:
    """What is left of a variant when only its cues are taken away: a neutral recording, or what stands beside a cue."""
    has_more = any(CUES[level.cue].beside is not nothing_beside for level in levels(variant))
    return f"{_WITHOUT}_{of_cue(variant)}" if has_more else NEUTRAL


def beside(variant: str) -> tuple[Cue, ...]:
    """The cues whose company, if they have any, is in a recording, whether they are in it themselves or not."""
    return tuple(CUES[level.cue] for level in levels(variant.removeprefix(f"{_WITHOUT}_")))


def class_name(variant: str, label: int) -> str:
    """What a class is in a variant, such as `rising`."""
    cue = of_cue(variant)
    return (CUES[cue].classes if cue in CUES else _SEVERAL_CLASSES[cue])[label]


def in_words(variant: str) -> str:
    """What a variant has, as in "finds the F0 contour", with the strength where it is not the largest."""
    name = of_cue(variant)
    if name not in CUES:
        return _SEVERAL_WORDS[name]
    [level] = levels(variant)
    cue = CUES[name]
    return cue.words if is_full(variant) else f"{cue.words} ({level.strength:g} {cue.unit})"


def in_order(variants: Iterable[str]) -> list[str]:
    """Variants in the order of tables, each cue by its strength."""

    def place(variant: str) -> tuple[int, float]:
        cue_levels = levels(variant)
        return VARIANTS.index(of_cue(variant)), cue_levels[0].strength if len(cue_levels) == 1 else 0.0

    return sorted(set(variants), key=place)
