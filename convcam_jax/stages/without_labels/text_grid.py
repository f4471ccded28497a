"""Annotations that Praat opens beside the sound, in its text format."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from convcam_jax.measures.segments import Label
from convcam_jax.system.formats import write_text


def write_text_grid(path: Path, duration_s: float, tiers: Mapping[str, Sequence[Label]]) -> None:
    """Write a TextGrid of interval tiers, whose stretches lie in order within the duration and do not overlap.

    It is UTF-8, by the page "TextGrid file formats" of Praat's manual.
    """
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", *_span(0.0, duration_s)]
    lines += ["tiers? <exists>", f"size = {len(tiers)}", "item []:"]
    for number, (name, stretches) in enumerate(tiers.items(), start=1):
        intervals = list(_intervals(stretches, duration_s))
        lines += [f"item [{number}]:", 'class = "IntervalTier"', f"name = {_quoted(name)}", *_span(0.0, duration_s)]
        lines += [f"intervals: size = {len(intervals)}"]
        for place, label in enumerate(intervals, start=1):
            lines += [f"intervals [{place}]:", *_span(label.start_s, label.end_s), f"text = {_quoted(label.text)}"]
    write_text(path, "\n".join(lines) + "\n")


def _intervals(stretches: Sequence[Label], duration_s: float) -> Iterator[Label]:
    """The stretches, and without text what lies between them: all of the duration."""
    position_s = 0.0
    for stretch in stretches:
        start_s, end_s = max(stretch.start_s, position_s), min(stretch.end_s, duration_s)
        if start_s > position_s:
            yield Label(position_s, start_s, "")
        yield Label(start_s, end_s, stretch.text)
        position_s = end_s
    if position_s < duration_s:
        yield Label(position_s, duration_s, "")


def _span(start_s: float, end_s: float) -> list[str]:
    return [f"xmin = {float(start_s)}", f"xmax = {float(end_s)}"]


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
