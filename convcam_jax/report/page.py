"""A page itself: everything that it shows and does, in one text."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from plotly.offline import get_plotlyjs

from convcam_jax.report.encode import as_json

# Each recording is some 200 kB of a page that a browser has to hold.
MOST_ON_PAGE = 500
_FOLDER = Path(__file__).resolve().parent
# Of either page, in the order in which they are run, around what is a page's own.
_FIRST_SCRIPTS, _LAST_SCRIPTS = ("base.js",), ("picture.js", "player.js", "viewer.js")
_MARKED = "The outline is what is marked on the mean map of all {}, from which the sounds are made. c and q are of {}."


def spread_over(kinds: Sequence[Hashable], most: int) -> list[int]:
    """At most so many places, ascending: of each kind as many as of the others, or all, and from all over its own.

    >>> spread_over(["a", "a", "b", "a", "a", "a", "a"], 4)
    [0, 2, 3, 5]
    """
    places: dict[Hashable, list[int]] = {}
    for place, kind in enumerate(kinds):
        places.setdefault(kind, []).append(place)
    # One of each kind in turn, while there is room.
    turns = sorted((turn, kind) for kind, own in enumerate(places.values()) for turn in range(len(own)))
    counts = Counter(kind for _, kind in turns[:most])
    return sorted(
        own[i * len(own) // counts[kind]] for kind, own in enumerate(places.values()) for i in range(counts[kind])
    )


def make_page(overview: Mapping[str, Any], recordings: list[dict[str, Any]]) -> str:
    """HTML of a run's report, from what `overview` has and one `recordings.recording` for each recording.

    What varies from run to run stands in JSON only, which the scripts show as text; a policy in the page forbids it any
    request to the network.
    """
    scripts = (*_FIRST_SCRIPTS, "overview.js", *_LAST_SCRIPTS, "recordings.js")
    return _page("page.html", scripts, _MARKED.format("seeds", "the chosen model's map"), overview, recordings)


def make_page_of_new(overview: Mapping[str, Any], recordings: list[dict[str, Any]]) -> str:
    """The same of new recordings, from `overview.overview_of_new` and one `new_recordings.new_recording` for each."""
    scripts = (*_FIRST_SCRIPTS, *_LAST_SCRIPTS, "new_recordings.js")
    return _page("new_recordings.html", scripts, _MARKED.format("models", "this map"), overview, recordings)


def _page(
    template: str, scripts: tuple[str, ...], outline: str, overview: Mapping[str, Any], recordings: list[dict[str, Any]]
) -> str:
    data = [_data("data-overview", overview), _data("data-list", [one["summary"] for one in recordings])]
    data += [_data(f"data-recording-{number}", one["details"]) for number, one in enumerate(recordings)]
    return Template(_read(template)).substitute(
        style=_read("page.css"),
        viewer=Template(_read("viewer.html")).substitute(outline=outline),
        data="\n".join(data),
        plotly=get_plotlyjs(),
        script="\n".join(_read(name) for name in scripts),
    )


def _data(name: str, value: Any) -> str:
    return f'<script type="application/json" id="{name}">{as_json(value)}</script>'


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
