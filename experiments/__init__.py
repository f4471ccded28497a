"""One file per experiment, and what each takes of the command line; `command` calls the function `run` of its file."""

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

# Flags that make a config.
CONFIG_FLAGS = ("corpus", "data_dir", "representation", "split", "network", "protocol", "seeds", "set")
SHARING_FLAGS = ("distributed", "coordinator", "num_processes", "process_id")
# Every experiment takes these.
GENERAL_FLAGS = ("experiment", "workdir", "cache_dir", "quiet")
# Sections of the config for what a run of the experiment `paper` does with its maps.
_OF_PLACED_MAPS = ("analysis", "controls", "report", "sanity", "faithfulness")
_A_FINISHED_RUN = "give the folder of a finished run of the experiment paper"
_GOES_ON = "the same command with --workdir={workdir} goes on where it was"
_BEGINS_ANEW = "the same command begins anew"
_CONFIG_OF_RUN = "the config is that of the run in --workdir"


class Experiment(NamedTuple):
    """What an experiment takes of the command line.

    Attributes:
      takes: its flags, beside those that all take.
      needs: flags that must be given, each with what to give.
      unless: flags that need not be given where another one is, the other one of each.
      instead: why it does not take flags of the config.
      ignores: sections of the config, and fields by their full names, that change nothing in it.
      begins_with_features: whether it first makes features of a corpus.
      when_stopped: what is told then, with `{workdir}`.
    """

    takes: tuple[str, ...]
    needs: Mapping[str, str] = {}
    unless: Mapping[str, str] = {}
    instead: str = ""
    ignores: tuple[str, ...] = ()
    begins_with_features: bool = False
    when_stopped: str = _BEGINS_ANEW

    def looks_at(self, field: str) -> bool:
        """Whether the field of the config, by its full name, can change anything in it."""
        return field not in self.ignores and field.partition(".")[0] not in self.ignores


def _config_flags_without(*names: str) -> tuple[str, ...]:
    return tuple(flag for flag in CONFIG_FLAGS if flag not in names)


EXPERIMENTS: Mapping[str, Experiment] = {
    "paper": Experiment(
        (*CONFIG_FLAGS, *SHARING_FLAGS),
        ignores=("given_maps", "benchmark", "networks", "evidence"),
        begins_with_features=True,
        when_stopped=_GOES_ON,
    ),
    "evidence": Experiment(
        CONFIG_FLAGS,
        ignores=(*_OF_PLACED_MAPS, "given_maps", "benchmark", "networks"),
        begins_with_features=True,
        when_stopped=_GOES_ON,
    ),
    "evidence_export": Experiment(
        _config_flags_without("corpus", "data_dir", "network", "protocol", "seeds"),
        instead="a benchmark has synthetic voices alone, as recordings of people are not this program's to give away, "
        "and no networks or maps",
        ignores=(
            *(*_OF_PLACED_MAPS, "given_maps", "benchmark", "networks"),
            *("representation.scale", "representation.standardisation", "network", "train", "attribution"),
            *("evidence.methods", "evidence.explanation_metrics"),
        ),
        begins_with_features=True,
    ),
    "evidence_score": Experiment(
        ("maps", "from_workdir"),
        {
            "maps": "give the .npz file with the maps of the benchmark's test recordings",
            "from_workdir": "give the folder that --experiment=evidence_export has written",
        },
        instead="the config is that of the benchmark in --from_workdir",
    ),
    "analyse_maps": Experiment(
        (*_config_flags_without("split", "seeds"), "maps"),
        {"maps": "give the .npz file with one activation map per recording"},
        ignores=(
            *("split", "train", "analysis.chosen_by", "report.random_masks", "report.seed"),
            *("representation.scale", "representation.standardisation"),
            *(f"attribution.{name}" for name in ("method", "target", "score", "baseline", "seed")),
            *("benchmark", "networks", "sanity", "faithfulness", "evidence"),
        ),
    ),
    "ablation": Experiment(
        ("data_dir", "from_workdir"),
        {"from_workdir": _A_FINISHED_RUN},
        instead="with --from_workdir the config is that of the earlier run",
    ),
    "report": Experiment(("data_dir",), {"workdir": _A_FINISHED_RUN}, instead=_CONFIG_OF_RUN),
    "export": Experiment((), {"workdir": _A_FINISHED_RUN}, instead=_CONFIG_OF_RUN),
    "explain": Experiment(
        ("recordings", "models"),
        {
            "workdir": f"{_A_FINISHED_RUN}, or --models",
            "recordings": "give the sound files, or folders of them, that are to be explained",
        },
        unless={"workdir": "models"},
        instead="the config is that of the run in --workdir or --models",
    ),
    "networks": Experiment(
        CONFIG_FLAGS,
        ignores=("given_maps", "benchmark", "evidence"),
        begins_with_features=True,
        when_stopped=_GOES_ON,
    ),
    "training_ablation": Experiment(
        CONFIG_FLAGS,
        ignores=("attribution", *_OF_PLACED_MAPS, "given_maps", "benchmark", "networks", "evidence"),
        begins_with_features=True,
        when_stopped=_GOES_ON,
    ),
    "benchmark": Experiment(
        _config_flags_without("seeds"),
        ignores=(
            *(f"analysis.{name}" for name in ("table3_metric", "table4_metric", "chosen_by", "table_digits")),
            *("controls", "given_maps", "networks", "report", "sanity", "faithfulness", "evidence"),
            *(
                f"train.{name}"
                for name in ("first_seed", "patience_epochs", "members_at_once", "checkpoint_interval_s")
            ),
            *("train.precision", "train.kept_precision", "attribution.precision"),
        ),
        when_stopped="{workdir} keeps what has been measured; the same command with another --workdir begins anew",
    ),
}


def descriptions() -> dict[str, str]:
    """The experiments by name, each with the first line of its docstring; nothing is imported."""
    files = {name: Path(__file__).with_name(f"{name}.py") for name in EXPERIMENTS}
    docstrings = {n: ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "" for n, path in files.items()}
    return {name: text.partition("\n")[0] for name, text in docstrings.items()}
