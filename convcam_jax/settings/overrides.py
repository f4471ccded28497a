"""Changes of single config fields from text (`train.epochs=20`), and configs as flat dictionaries."""

import dataclasses
import difflib
import math
from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin, get_type_hints

from convcam_jax.settings.config import Config
from convcam_jax.system.errors import UserError


def flatten(config: Config) -> dict[str, Any]:
    """All fields by their full names, such as `train.epochs`, in the order of their definition."""
    flat: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            flat |= {f"{field.name}.{inner.name}": getattr(value, inner.name) for inner in dataclasses.fields(value)}
        else:
            flat[field.name] = value
    return flat


def restore(flat: dict[str, Any]) -> Config:
    """The config whose `flatten` is `flat`, tuples as lists perhaps, as JSON has them; the inverse of `flatten`.

    Fields that are missing get their defaults; so do those of a config written before they existed.

    Raises:
      UserError: an unknown field or a value that is not allowed.
    """
    known = flatten(Config())
    if unknown := sorted(set(flat) - set(known)):
        raise UserError(f"config field {unknown[0]}: there is no such field")
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in flat.items()}
    sections: dict[str, Any] = {}
    for field in dataclasses.fields(Config):
        default = getattr(Config(), field.name)
        if dataclasses.is_dataclass(default) and not isinstance(default, type):
            own = {
                f.name: values.get(f"{field.name}.{f.name}", getattr(default, f.name))
                for f in dataclasses.fields(default)
            }
            sections[field.name] = dataclasses.replace(default, **own)
        else:
            sections[field.name] = values.get(field.name, default)
    return Config(**sections)


def apply_overrides(config: Config, assignments: list[str]) -> Config:
    """The config with changes such as `train.epochs=20` made; of several of one field the last one counts.

    Raises:
      UserError: an unknown field or a value of the wrong type; it names the nearest right one.
    """
    changes: dict[str, dict[str, Any]] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise UserError(f"--set={assignment}: write it as --set=FIELD=VALUE")
        section, field, value = _read_change(config, name.strip(), text.strip())
        changes.setdefault(section, {})[field] = value
    # A section as a whole, since values of its fields may be allowed only together.
    return dataclasses.replace(
        config,
        **{section: dataclasses.replace(getattr(config, section), **fields) for section, fields in changes.items()},
    )


def _read_change(config: Config, name: str, text: str) -> tuple[str, str, Any]:
    """Section, field and new value."""
    # The corpus and the protocol come with defaults of their own, which a changed name would not bring along.
    if name in ("corpus.name", "corpus.data_dir", "protocol", "experiment"):
        raise UserError(
            f"--set={name}: is a flag of its own, --{name.removeprefix('corpus.').replace('name', 'corpus')}"
        )
    settable = [field for field in flatten(config) if "." in field]
    if name not in settable:
        nearest = difflib.get_close_matches(name, settable, n=1, cutoff=0.0)[0]
        raise UserError(f"--set={name}: there is no such field; the nearest is {nearest}")
    section, field = name.split(".")
    return section, field, parse(text, get_type_hints(type(getattr(config, section)))[field], name)


def parse(text: str, kind: Any, name: str) -> Any:
    """A value of type `kind` (bool, int, float, str, Literal, or tuple of one of them) from its text.

    Raises:
      UserError: the text is no such value; `name` is the field's.
    """
    if get_origin(kind) is tuple:
        return tuple(parse(part.strip(), get_args(kind)[0], name) for part in text.split(",") if part.strip())
    if get_origin(kind) is Literal:
        if text not in get_args(kind):
            nearest = difflib.get_close_matches(text, get_args(kind), n=1, cutoff=0.0)[0]
            raise UserError(
                f"--set={name}={text}: must be one of {', '.join(get_args(kind))}; the nearest is {nearest}"
            )
        return text
    readers: dict[Any, tuple[Callable[[str], Any], str]] = {
        bool: (_parse_bool, "true or false"),
        int: (int, "a whole number, such as 3"),
        float: (_parse_finite, "a number, such as 0.5"),
        str: (str, "text"),
    }
    read, description = readers[kind]
    try:
        return read(text)
    except ValueError:
        raise UserError(f"--set={name}={text}: must be {description}") from None


def _parse_finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _parse_bool(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"
