"""Tables of all fields that `--set` changes, made from the config's dataclasses: Markdown, as it stands on its page."""

import dataclasses
import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin, get_type_hints

from convcam_jax.attribution import METHODS
from convcam_jax.corpora.config import CorpusConfig
from convcam_jax.representations.representation import Representation
from convcam_jax.settings.config import DOORS, Config
from convcam_jax.settings.overrides import flatten
from convcam_jax.settings.presets import Choices, make_config, with_evidence_size
from convcam_jax.splits.protocol import SplitProtocol
from convcam_jax.system.digits import EMPTY
from convcam_jax.training.config import TrainConfig

# What all choices of a door have; networks have nothing in common.
_COMMON: Mapping[str, type | None] = {
    "corpus": CorpusConfig,
    "representation": Representation,
    "split": SplitProtocol,
    "network": None,
}
# Fields that flags of their own change.
_OF_FLAGS = ("name", "data_dir", "corpora")
# Too many values for a cell.
_ELSEWHERE: Mapping[tuple[str, ...], str] = {tuple(METHODS): "[attribution methods](attribution_methods.md)"}
_WORDS: Mapping[type, str] = {bool: "`true`, `false`", int: "whole number", float: "number", str: "text"}
_ATTRIBUTE = re.compile(r"^  (\w+): (.*(?:\n    .*)*)", re.MULTILINE)
# By what stands above the column.
_CHOICES: Mapping[str, Choices] = {
    "EMO-DB, `corrected`": Choices(corpus="emodb"),
    "`published`": Choices(corpus="emodb", protocol="published"),
    "`modern`": Choices(corpus="emodb", protocol="modern"),
    "the embedded corpus": Choices(),
}
_EVIDENCE = "`--experiment=evidence` of it"
# Not set, or too long for a cell.
_NOT_SHOWN = ("experiment", "protocol", "corpus.name", "corpus.data_dir", "split.pinned_test")


def settings() -> str:
    """A section for each of the config's, with a table of its fields."""
    parts = []
    for section in dataclasses.fields(Config):
        if section.name in DOORS:
            parts += [f"## {section.name}", _door(section.name)]
        elif dataclasses.is_dataclass(section.default):
            kind = type(section.default)
            head = ["field", "default", "values", "what it is"]
            rows = [_row(section.name, field, kind) for field in _settable(kind)]
            parts += [f"## {section.name}", _first_paragraph(kind), _markdown([head, *rows])]
    return "\n\n".join(parts)


def other_defaults() -> str:
    """The fields whose defaults depend on the protocol, the corpus or the experiment, each with all its defaults."""
    columns = {head: flatten(make_config(choices)) for head, choices in _CHOICES.items()}
    evidence = make_config(Choices(experiment="evidence"))
    columns[_EVIDENCE] = flatten(with_evidence_size(evidence, None))
    flags = {**{f"{door}.name": f"`--{door}`" for door in DOORS}, "train.seeds": "`--seeds`"}
    lines = [["field", *columns]]
    for name in dict.fromkeys(name for own in columns.values() for name in own):
        values = {head: _value(own[name]) for head, own in columns.items() if name in own}
        # Networks are of several kinds, whose fields have but their names in common.
        is_shown = name not in _NOT_SHOWN and (name in flags or not name.startswith("network."))
        if is_shown and len(set(values.values())) > 1:
            lines.append([flags.get(name, f"`{name}`"), *(values.get(head, EMPTY) for head in columns)])
    return _markdown(lines)


def undescribed() -> list[str]:
    """Fields of any config that no `Attributes` of their classes describe."""
    kinds = [type(section.default) for section in dataclasses.fields(Config) if section.name not in DOORS]
    kinds = [kind for kind in kinds if dataclasses.is_dataclass(kind)]
    kinds += [kind for choices in DOORS.values() for kind in choices.values()]
    return [
        f"{kind.__name__}.{field.name}" for kind in kinds for field in _settable(kind) if not _described(kind, field)
    ]


def _door(door: str) -> str:
    """What all choices have, and what each has besides or by another default."""
    common = _COMMON[door]
    known = {} if common is None else {field.name: field for field in _settable(common)}
    parts = []
    if common is not None:
        head = [f"field, with every `--{door}`", "default", "values", "what it is"]
        rows = [_row(door, field, common) for field in known.values()]
        parts += [_first_paragraph(common), _markdown([head, *rows])]
    lines = [[f"`--{door}`", "field", "default", "values", "what it is"]]
    for name, kind in DOORS[door].items():
        for field in _settable(kind):
            other = known.get(field.name)
            if other is None or _default(other) != _default(field):
                row = _row(door, field, kind)
                lines.append([f"`{name}`", *(row if other is None else [*row[:2], "as above", "another default"])])
    return "\n\n".join([*parts, _markdown(lines)])


def _settable(kind: type) -> list[dataclasses.Field]:
    own: Any = kind
    # `seeds` of other sections have no flag.
    of_flags = {*_OF_FLAGS, "seeds"} if own is TrainConfig else _OF_FLAGS
    return [field for field in dataclasses.fields(own) if field.name not in of_flags]


def _row(section: str, field: dataclasses.Field, kind: type) -> list[str]:
    values = _values(get_type_hints(kind)[field.name], field.metadata.get("choices", ()))
    return [f"`{section}.{field.name}`", _value(_default(field)), values, _described(kind, field)]


def _default(field: dataclasses.Field) -> Any:
    return None if field.default is dataclasses.MISSING else field.default


def _value(value: Any) -> str:
    """A value as `--set` takes it."""
    if isinstance(value, tuple):
        return f"`{','.join(str(part) for part in value)}`" if value else "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return "empty" if value == "" else f"`{value}`"


def _values(kind: Any, choices: Sequence[str]) -> str:
    """What a field of a type takes, in words; of a tuple each part."""
    if get_origin(kind) is tuple:
        return f"{_values(get_args(kind)[0], choices)}; several, with commas"
    choices = get_args(kind) if get_origin(kind) is Literal else tuple(choices)
    if choices:
        return _ELSEWHERE.get(tuple(choices)) or ", ".join(f"`{choice}`" for choice in choices)
    return _WORDS[kind]


def _described(kind: type, field: dataclasses.Field) -> str:
    """What the `Attributes` of the class, or else of the nearest one above it, say of a field; "" if none does."""
    for base in kind.__mro__:
        attributes = inspect.cleandoc(base.__dict__.get("__doc__") or "").partition("Attributes:\n")[2]
        for name, text in _ATTRIBUTE.findall(attributes):
            if name == field.name:
                return re.sub(r"\s+", " ", text).removesuffix(".")
    return ""


def _first_paragraph(kind: type) -> str:
    return inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0]


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    head, *rows = (f"| {' | '.join(line)} |" for line in lines)
    return "\n".join([head, "|---" * len(lines[0]) + "|", *rows])
