"""Tables and pictures of the pages made again from runs, so that they cannot drift from what the program computes.

python -m docs.regenerate --run=emodb=FOLDER --run=evidence=FOLDER
python -m docs.regenerate --run=leaderboard=FOLDER --run=leaderboard=FOLDER_OF_SCORES

A page marks what is made: <!-- from emodb: accuracy --> and <!-- end -->. The runs are those whose commands stand on
the pages, and each may be left out; what is made of several runs has the name of all of them. What is from code needs
no run, and is made always.
"""

import argparse
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from docs import page_tables, settings_tables

DOCS = Path(__file__).resolve().parent
BLOCK = re.compile(r"(<!-- from (\w+): (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
# Of each run: the picture of the pages, and the figure that it is.
PICTURES: Mapping[str, Mapping[str, str]] = {
    "emodb": {"accuracy": "figure02", "masks": "figure03", "faithfulness": "faithfulness"},
    "evidence": {"evidence": "evidence_methods"},
    "evidence_strengths": {"evidence_psychometric": "evidence_psychometric"},
    "explanation_metrics": {"explanation_metrics": "explanation_metrics"},
}

# In the place of a run: what the program itself says.
CODE = "code"
# By run and the block's name; given the folders of all runs of that name.
MAKERS: Mapping[tuple[str, str], Callable[..., str]] = {
    (CODE, "attribution_methods"): page_tables.attribution_methods,
    (CODE, "methods_of_networks"): page_tables.methods_of_networks,
    (CODE, "explanation_metrics"): page_tables.explanation_metrics,
    (CODE, "other_defaults"): settings_tables.other_defaults,
    (CODE, "settings"): settings_tables.settings,
    ("emodb", "accuracy"): lambda run: page_tables.accuracy_table(run, "accuracy"),
    ("emodb", "uar"): lambda run: page_tables.accuracy_table(run, "uar"),
    ("emodb", "energy"): page_tables.energy_table,
    ("emodb_speakers", "scores"): page_tables.unknown_speakers,
    ("ravdess_speakers", "scores"): page_tables.unknown_speakers,
    ("tess_speakers", "scores"): page_tables.unknown_speakers,
    ("training_ablation", "gains"): page_tables.gains_of_parts,
    ("networks", "compared"): page_tables.networks_table,
    ("networks_planted", "cues"): page_tables.planted_by_network,
    ("benchmark_networks", "seconds"): page_tables.benchmark_of_networks,
    ("benchmark_methods", "costs"): page_tables.costs_of_methods,
    ("evidence", "methods"): page_tables.evidence_table,
    ("evidence_burst", "methods"): page_tables.evidence_table,
    ("evidence_natural", "methods"): page_tables.evidence_table,
    ("evidence_strengths", "methods"): page_tables.evidence_table,
    ("evidence_strengths", "thresholds"): page_tables.thresholds_table,
    ("explanation_metrics", "agreement"): page_tables.agreement_of_metrics,
    ("explanation_metrics", "cues"): page_tables.agreement_by_cue,
    ("explanation_metrics", "absence"): page_tables.places_of_filling,
    ("leaderboard", "methods"): page_tables.leaderboard,
    ("leaderboard", "networks"): page_tables.networks_of_leaderboard,
}


def regenerated(page: str, runs: Mapping[str, Sequence[Path]]) -> str:
    """A page with the blocks of those runs made again; runs that have one name stand together.

    Raises:
      KeyError: nothing makes a block of that name.
    """

    def block(match: re.Match[str]) -> str:
        begin, run, name, end = match.groups()
        make = MAKERS[run, name]
        return f"{begin}{make(*runs[run])}\n{end}" if run in runs else match[0]

    return BLOCK.sub(block, page)


def main() -> None:
    """Write the pages and pictures of the runs that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", action="append", default=[], metavar="NAME=FOLDER", help="a finished run")
    runs: dict[str, list[Path]] = {CODE: []}
    for given in parser.parse_args().run:
        name, _, folder = given.partition("=")
        runs.setdefault(name, []).append(Path(folder))
    for page in DOCS.glob("*.md"):
        page.write_text(regenerated(page.read_text(encoding="utf-8"), runs), encoding="utf-8")
    for name in PICTURES.keys() & runs.keys():
        for picture, figure in PICTURES[name].items():
            shutil.copy(runs[name][0] / "figures" / f"{figure}.png", DOCS / "images" / f"{picture}.png")


if __name__ == "__main__":
    main()
