"""The page itself: everything that it shows and does, in one text."""

from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from plotly.offline import get_plotlyjs

from convcam_jax.report.encode import as_json

_FOLDER = Path(__file__).resolve().parent
# In the order in which they are run.
_SCRIPTS = ("base.js", "overview.js", "picture.js", "player.js", "recordings.js")


def make_page(overview: Mapping[str, Any], recordings: list[dict[str, Any]]) -> str:
    """HTML of the report, from `overview.overview` and one `recordings.recording` for each recording.

    What varies from run to run stands in JSON only, which the scripts show as text; a policy in the page forbids it any
    request to the network.
    """
    data = [_data("data-overview", overview), _data("data-list", [one["summary"] for one in recordings])]
    data += [_data(f"data-recording-{number}", one["details"]) for number, one in enumerate(recordings)]
    return Template(_read("page.html")).substitute(
        style=_read("page.css"),
        data="\n".join(data),
        plotly=get_plotlyjs(),
        script="\n".join(_read(name) for name in _SCRIPTS),
    )


def _data(name: str, value: Any) -> str:
    return f'<script type="application/json" id="{name}">{as_json(value)}</script>'


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
