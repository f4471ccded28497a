"""Phone and syllable labels beside EMO-DB's recordings (`lablaut/`, `silb/`): where each begins, and its name."""

from convcam_jax.measures.segments import Label
from convcam_jax.system.text import number_in

# What marks the end of the last label.
END = "."


def labels_within(labels: list[Label], start_s: float, end_s: float) -> list[Label]:
    """The labels of a part of the recording, from `start_s` to `end_s`, in times from its start, cut at its ends."""
    parts = [Label(max(own.start_s, start_s) - start_s, min(own.end_s, end_s) - start_s, own.text) for own in labels]
    return [own for own in parts if own.end_s > own.start_s]


def parse_phones(text: str) -> list[Label]:
    """Labels of a `lablaut` file: behind a header that ends with `#`, lines of time, colour, and tab-separated names.

    Lines without a name change how the phone before them sounds, and are left out.
    """
    starts = []
    for line in text.partition("\n#")[2].splitlines()[1:]:
        fields = line.split(None, 2)
        if len(fields) == 3 and (name := _name_field(line)):
            starts.append((fields[0], name))
    return _stretches(starts)


def parse_syllables(text: str) -> list[Label]:
    """Labels of a `silb` file: lines of time and name."""
    fields = [line.split(None, 1) for line in text.splitlines()]
    return _stretches([(pair[0], pair[1].strip()) for pair in fields if len(pair) == 2])


def _name_field(line: str) -> str:
    """What stands behind time and colour, before the first tab."""
    before_tab = line.partition("\t")[0].split(None, 2)
    return before_tab[2].strip() if len(before_tab) == 3 else ""


def _stretches(starts: list[tuple[str, str]]) -> list[Label]:
    """Each label lasts until the next one begins; the last one only marks the end."""
    try:
        times = [number_in(time) for time, _ in starts]
    except ValueError:
        return []
    ends = times[1:]
    found = zip(times, ends, (name for _, name in starts), strict=False)
    return [Label(start, end, name) for start, end, name in found if end > start and name != END]
